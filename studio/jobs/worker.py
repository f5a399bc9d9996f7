"""What the queue runs. Every task here may run twice, late or never; the rows say what there is to do.

sweep(connection_id)   sends and looks, for one connection, under its lease (sweeping.py)
save(job_id)           brings one job's clips into our storage (saving.py)
beat()                 proves that queue, worker and database work together
"""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Case, F, Q, When
from django.utils import timezone

from studio.jobs.hands import AWAY
from studio.jobs.lifecycle import State
from studio.jobs.models import Cause, Heartbeat, Job
from studio.jobs.moves import move
from studio.jobs.sending import DOUBT_FIRST
from studio.jobs.sweeping import BATCH, LEASE, Round
from studio.routing.models import Connection

log = logging.getLogger(__name__)
BEAT_PAUSE = timedelta(seconds=0.5)


def sweep(connection_id: int) -> int:
    """Send and look at what is due at one connection; how many calls were made. Does nothing while another sweep holds the lease.

    It ends after four seconds, or when there is nothing more to do; at the latest when the slowest submission and the looks made beside it are
    over, some 110 s.
    """
    now = timezone.now()
    fence = _take_lease(connection_id, now)
    if fence is None:
        return 0
    made = 0
    try:
        beat()
        connection = Connection.objects.get(pk=connection_id)
        doubt_the_lost(connection, now)
        made = Round(connection, fence, alive=beat).run()
        return made
    finally:
        busy = {"ticked_at": None} if made else {}  # there may be more to do at once; of what found nothing to do nobody is in a hurry
        Connection.objects.filter(pk=connection_id, lease_fence=fence).update(lease_until=None, **busy)


def beat() -> None:
    """Say that this cluster works, at most once in half a second.

    A heartbeat from the future, written before the clock was set back, is written over. A database that is away hears
    nothing, and that alone stops no work.
    """
    now, name = timezone.now(), settings.CLUSTER_NAME
    recent = (now - BEAT_PAUSE, now + BEAT_PAUSE)
    try:
        if not Heartbeat.objects.filter(cluster=name).exclude(beat_at__range=recent).update(beat_at=now):
            Heartbeat.objects.get_or_create(cluster=name, defaults={"beat_at": now, "started_at": now})
    except AWAY:
        log.warning("the heartbeat could not be written", exc_info=True)


def doubt_the_lost(connection: Connection, now: datetime) -> int:
    """How many jobs whose sender died were put in doubt. They may have been sent, so they are never queued again."""
    lost = Job.objects.select_related("project").filter(connection=connection, state=State.SENDING, lease_until__lt=now)[:BATCH]
    message = "The sender stopped before an answer came. It may have been sent."
    fields = {"due": now + DOUBT_FIRST, "lease_until": None}
    return sum(move(job, State.SENDING, State.IN_DOUBT, cause=Cause.UNANSWERED, message=message, **fields) for job in lost)


def _take_lease(connection_id: int, now: datetime) -> int | None:
    """The fencing number, if this call won the connection's lease. One that was never given back tells of a holder that died."""
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    deaths = Case(When(lease_until=None, then=0), default=F("lease_deaths") + 1)
    won = Connection.objects.filter(free, pk=connection_id).update(
        lease_until=now + LEASE, lease_owner=settings.CLUSTER_NAME[:80], lease_fence=F("lease_fence") + 1, lease_deaths=deaths
    )
    return Connection.objects.values_list("lease_fence", flat=True).get(pk=connection_id) if won == 1 else None
