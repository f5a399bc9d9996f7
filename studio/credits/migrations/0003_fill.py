"""Holds and charges of before learn their day and, from their attempts, what they were for; what they come to is counted by day, month and in all."""

from collections import defaultdict
from datetime import date, timedelta
from uuid import UUID

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.db.models import Count, F, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce, TruncMonth
from django.utils import timezone

SEVERAL = 500  # rows at a time: fewer than SQLite takes parameters
EVER = (date(1, 1, 1), date(9999, 12, 31))


def fill(apps: StateApps, _schema_editor: BaseDatabaseSchemaEditor) -> None:
    holds = apps.get_model("credits", "Hold").objects
    last = 0
    while rows := list(holds.filter(pk__gt=last).order_by("pk").values_list("pk", "reference", "created_at")[:SEVERAL]):
        last = rows[-1][0]
        days, purposes, found = defaultdict(list), defaultdict(list), attempts_of(apps, [reference for _, reference, _ in rows])
        for key, reference, created_at in rows:
            days[timezone.localdate(created_at, timezone.get_default_timezone())].append(key)
            if reference in found:
                purposes[found[reference]].append(reference)
        for day, keys in days.items():
            holds.filter(pk__in=keys).update(day=day)
        for (project, provider), references in purposes.items():
            holds.filter(reference__in=references).update(project_id=project, provider=provider)
            charges = apps.get_model("credits", "Entry").objects.filter(kind="charge", reference__in=references)
            charges.update(project_id=project, provider=provider)
    count(apps)


def attempts_of(apps: StateApps, references: list[str]) -> dict[str, tuple[int, str]]:
    """The project and the provider of each hold's attempt, whose id is the hold's reference."""
    ids = []
    for reference in references:
        try:
            ids.append(UUID(reference))
        except ValueError:
            continue  # held by something else than an order
    rows = apps.get_model("jobs", "Attempt").objects.filter(pk__in=ids).values_list("pk", "job__project", "connection__provider")
    return {str(key): (project, provider) for key, project, provider in rows}


def count(apps: StateApps) -> None:
    """Write the figures that are kept beside the holds."""
    holds, tallies = apps.get_model("credits", "Hold").objects, apps.get_model("credits", "Tally")
    number = holds.filter(account=OuterRef("pk"), state="open").order_by().values("account").annotate(number=Count("pk")).values("number")
    apps.get_model("credits", "Account").objects.update(holding=Coalesce(Subquery(number), 0))
    sums = {"held": Sum("amount", filter=Q(state="open"), default=0), "spent": Sum("charged", default=0)}
    projects = holds.exclude(project=None).order_by()
    ever = [{**row, "starts_on": EVER[0], "ends_on": EVER[1]} for row in projects.values("project_id").annotate(**sums)]
    months = list(projects.values("project_id", starts_on=TruncMonth("day")).annotate(**sums))
    days = list(holds.order_by().values("account_id", starts_on=F("day")).annotate(**sums))
    for row in months:
        row["ends_on"] = (row["starts_on"] + timedelta(days=31)).replace(day=1)
    for row in days:
        row["ends_on"] = row["starts_on"] + timedelta(days=1)
    tallies.objects.bulk_create([tallies(**row) for row in (*ever, *months, *days)], batch_size=SEVERAL)


def forget(apps: StateApps, _schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Going back: what is counted anew when going forth again."""
    apps.get_model("credits", "Tally").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("credits", "0002_limits"), ("jobs", "0002_health_and_attempts")]

    operations = [migrations.RunPython(fill, forget)]
