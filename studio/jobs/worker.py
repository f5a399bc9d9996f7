"""Two of the tasks that the queue runs; save and rescue stand in saving.py and rescue.py. Each may run twice, late or never: the rows say what there
is to do.

sweep(connection_id)   sends and looks, for one connection, under its lease (sweeping.py)
beat()                 proves that queue, worker and database work together
"""

import logging
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Case, F, When
from django.utils import timezone

from studio.database import AWAY
from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt, Cause, Heartbeat
from studio.jobs.moves import move
from studio.jobs.sending import DOUBT_FIRST, SENDING_LEASE
from studio.jobs.sweeping import BATCH, LEASE, Round, give_back
from studio.leases import free
from studio.routing.models import Connection

log = logging.getLogger(__name__)
BEAT_PAUSE = timedelta(seconds=0.5)


def sweep(connection_id: int) -> int:
    """Send and look at what is due at one connection; how many calls were made. Does nothing while another sweep holds the lease.

    It ends after some nine seconds, or when there is nothing more to do. What is still out then ends in a thread, at the latest after some 110 s.
    """
    now = timezone.now()
    fence = _take_lease(connection_id, now)
    if fence is None:
        return 0
    made, work = 0, None
    try:
        beat()
        connection = Connection.objects.get(pk=connection_id)
        doubt_the_lost(connection, now)
        work = Round(connection, fence, alive=beat)
        made = work.run()
        return made
    finally:
        if work is None or not work.is_slow:
            give_back(connection_id, fence, made=made)


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
    mine = Attempt.objects.select_related("job__project").filter(connection=connection, ended_at=None)
    over = free("job__lease_until", now=now, lasts=SENDING_LEASE)
    lost = mine.filter(over, job__connection=connection, job__state=State.SENDING)[:BATCH]
    message = "The sender stopped before an answer came. It may have been sent."
    fields: dict[str, Any] = {"cause": Cause.UNANSWERED, "message": message, "due": now + DOUBT_FIRST, "lease_until": None}
    return sum(move(attempt.job, State.SENDING, State.IN_DOUBT, attempt=attempt, **fields) for attempt in lost)


def _take_lease(connection_id: int, now: datetime) -> int | None:
    """The fencing number, if this call won the connection's lease. One that was never given back tells of a holder that died.

    The number is read before the lease is taken, and taken only while it stands: read afterwards it could be the next holder's.
    """
    fence = Connection.objects.filter(pk=connection_id).values_list("lease_fence", flat=True).first()
    if fence is None:  # deleted just now
        return None
    mine = Connection.objects.filter(free("lease_until", now=now, lasts=LEASE), pk=connection_id, lease_fence=fence)
    deaths = Case(When(lease_until=None, then=0), default=F("lease_deaths") + 1)
    won = mine.update(lease_until=now + LEASE, lease_owner=settings.CLUSTER_NAME[:80], lease_fence=F("lease_fence") + 1, lease_deaths=deaths)
    return fence + 1 if won == 1 else None
