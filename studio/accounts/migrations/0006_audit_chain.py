"""A seal for every audit event: the chain of hashes begins with those that are there."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.utils import timezone

from studio.accounts.audit_chain import digest


def seal_events(apps: StateApps, _schema_editor: BaseDatabaseSchemaEditor) -> None:
    events, chain = apps.get_model("accounts", "AuditEvent").objects, apps.get_model("accounts", "AuditSeal").objects
    AuditSeal = chain.model  # noqa: N806 - a class
    now, before, seals = timezone.now(), "", []
    for number, event in enumerate(events.order_by("pk").iterator(2_000), 1):
        before = digest(event, number=number, known_until=now, before=before)
        seals.append(AuditSeal(number=number, event_id=event.pk, known_until=now, hash=before))
    chain.bulk_create(seals, batch_size=500)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_email_proved")]

    operations = [
        migrations.CreateModel(
            name="AuditSeal",
            fields=[
                ("number", models.BigIntegerField(primary_key=True, serialize=False)),
                ("known_until", models.DateTimeField()),
                ("hash", models.CharField(max_length=64, unique=True)),
                (
                    "event",
                    models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name="seal", to="accounts.auditevent"),
                ),
            ],
        ),
        migrations.RunPython(seal_events, migrations.RunPython.noop),
    ]
