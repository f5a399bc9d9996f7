"""How far everything is, and time that passes: every row that waits for a moment comes that much nearer to it, the played providers' rows too."""

from datetime import timedelta

from django.db import transaction
from django.db.models import F, Sum
from django.utils import timezone

from studio.jobs.lifecycle import FINAL, State
from studio.jobs.models import Attempt, Heartbeat, Job, JobEvent
from studio.jobs.supervisor import NEVER
from studio.routing.models import Breaker, Connection
from studio.sandbox.models import RemoteJob

MOMENTS = (
    (Job, ("due", "lease_until", "looked_at")),
    (Attempt, ("created_at", "sent_at", "accepted_at", "called_at", "rescue_due", "rescue_until")),
    (Connection, ("lease_until", "not_before", "send_not_before", "paced_until", "called_at")),
    (Breaker, ("open_until", "open_since")),
    (RemoteJob, ("created_at", "callback_at", "render_asked_at")),
)


def ages() -> dict[str, float]:
    """Seconds since the last heartbeat of each cluster."""
    now = timezone.now()
    return {row.cluster: (now - row.beat_at).total_seconds() for row in Heartbeat.objects.exclude(beat_at=NEVER)}


def waiting() -> dict[str, int]:
    """How many jobs are not over, `live` or `in_doubt`; how many ended attempts may still bring a clip (`late`); and how much has ever happened.

    A late one may never end: a person wrote it off because its provider renders it for ever.
    """
    open_ones = Job.objects.exclude(state__in=FINAL)
    doubtful = open_ones.filter(state=State.IN_DOUBT).count()
    late = Attempt.objects.filter(ended_at__isnull=False, rescue_due__isnull=False, clips=None).count()
    tries = open_ones.filter(state=State.SAVING).aggregate(sum=Sum("tries"))["sum"] or 0
    return {"live": open_ones.count() - doubtful, "in_doubt": doubtful, "late": late, "happened": JobEvent.objects.count() + tries}


def pass_time(seconds: float) -> None:
    """Let time pass for everybody at once."""
    step = timedelta(seconds=seconds)
    with transaction.atomic():
        for model, columns in MOMENTS:
            for column in columns:
                model.objects.exclude(**{column: None}).update(**{column: F(column) - step})
