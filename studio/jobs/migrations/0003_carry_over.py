"""What the job alone knew of its one attempt, the attempt knows too; what is in doubt is looked at again."""

from django.db import migrations, models
from django.db.migrations.state import StateApps
from django.db.models.functions import Cast, Coalesce, Concat
from django.utils import timezone

FIGURES = ("estimate", "estimate_basis", "charged", "charge_is_estimate", "cause", "message")


def carry_over(apps: StateApps, _schema_editor: object) -> None:
    jobs = apps.get_model("jobs", "Job").objects
    job = jobs.filter(pk=models.OuterRef("job"))
    length = Coalesce(Cast("duration", models.CharField()), models.Value(""))
    kind = Concat("model", models.Value("·generate·"), "resolution", models.Value("·"), length)
    written = {name: models.Subquery(job.values(name)) for name in FIGURES}
    apps.get_model("jobs", "Attempt").objects.update(kind=models.Subquery(job.annotate(kind=kind).values("kind")), **written)
    jobs.filter(state="in_doubt", due=None).update(due=timezone.now())


class Migration(migrations.Migration):
    dependencies = [("jobs", "0002_health_and_attempts")]

    operations = [migrations.RunPython(carry_over, migrations.RunPython.noop)]
