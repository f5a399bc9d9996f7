"""Audit events learn their family, which stands before the point of their action, and are found by it and by who acted."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.db.models import F, Value
from django.db.models.functions import StrIndex, Substr


def name_families(apps: StateApps, _schema_editor: BaseDatabaseSchemaEditor) -> None:
    events = apps.get_model("accounts", "AuditEvent").objects
    events.filter(action__contains=".").update(family=Substr("action", 1, StrIndex(F("action"), Value(".")) - 1))


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [
        migrations.AddField("auditevent", "family", models.CharField(max_length=20, default=""), preserve_default=False),
        migrations.AlterField(
            "auditevent",
            "actor",
            models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL),
        ),
        migrations.RunPython(name_families, migrations.RunPython.noop),
        migrations.AddIndex("auditevent", models.Index(fields=["family", "-id"], name="events_of_family")),
        migrations.AddIndex("auditevent", models.Index(fields=["actor", "-id"], name="events_by_actor")),
    ]
