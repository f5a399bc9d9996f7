"""What was charged and returned before is counted by the team's day, account, project and provider."""

from collections import defaultdict

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.db.models import Count, F, Q, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

SEVERAL = 500  # rows at a time: fewer than SQLite takes parameters
SHAPE = ("account_id", "project_id", "provider")


def fill(apps: StateApps, _schema_editor: BaseDatabaseSchemaEditor) -> None:
    zone = timezone.get_default_timezone()
    entries, holds, spending = (apps.get_model("credits", name) for name in ("Entry", "Hold", "Spending"))
    charges = entries.objects.filter(kind="charge").order_by().annotate(on=TruncDate("at", tzinfo=zone))
    whole = holds.objects.filter(~Q(state="open"), charged=0).order_by().annotate(on=TruncDate("ended_at", tzinfo=zone))
    rows: dict[tuple[object, ...], dict[str, int]] = defaultdict(dict)
    for *place, amount, number in charges.values_list("on", *SHAPE).annotate(sum=Sum(F("owed") - F("amount")), number=Count("pk")):
        rows[tuple(place)] = {"charged": amount, "charges": number}
    for *place, amount, number in whole.values_list("on", *SHAPE).annotate(sum=Sum("amount"), number=Count("pk")):
        rows[tuple(place)] |= {"returned": amount, "returns": number}
    found = [spending(**dict(zip(("day", *SHAPE), place, strict=True)), **sums) for place, sums in rows.items()]
    spending.objects.bulk_create(found, batch_size=SEVERAL)


def forget(apps: StateApps, _schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Going back: what is counted anew when going forth again."""
    apps.get_model("credits", "Spending").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("credits", "0004_spending")]

    operations = [migrations.RunPython(fill, forget)]
