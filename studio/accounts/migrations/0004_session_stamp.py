import secrets

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

import studio.accounts.models


def give_stamps(apps: StateApps, _schema_editor: BaseDatabaseSchemaEditor) -> None:
    """A stamp of their own for each person. It signs everybody out once."""
    User = apps.get_model("accounts", "User")
    people = list(User.objects.only("pk"))
    for person in people:
        person.session_stamp = secrets.token_hex(8)
    User.objects.bulk_update(people, ["session_stamp"], batch_size=500)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_guided")]

    operations = [
        migrations.AddField("user", "session_stamp", models.CharField(default=studio.accounts.models.new_stamp, max_length=16, editable=False)),
        migrations.RunPython(give_stamps, migrations.RunPython.noop, elidable=True),
    ]
