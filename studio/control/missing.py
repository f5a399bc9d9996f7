"""What is paid or promised and not safely ours: clips that still lie only at their providers, with the time that is left, and stored files that are
missing or damaged. Reads only; two queries for the control room, three for the page.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from studio.jobs.expiry import Clock, clock_of
from studio.jobs.lifecycle import State
from studio.jobs.models import Clip
from studio.jobs.recheck import faulty

TRIES = 3  # downloads that failed before a job that still saves is an alarm
PAGE = 50
LOOKED_AT = 200  # clips whose clocks the control room compares
FAR = timedelta.max


@dataclass(frozen=True, slots=True)
class Missing:
    """One clip that lies only at its provider."""

    clip: Clip
    clock: Clock

    @property
    def is_saving(self) -> bool:
        """Whether its job has not given it up yet."""
        return self.clip.job.state == State.SAVING


@dataclass(frozen=True, slots=True)
class Alarm:
    """How many clips lie only at their providers, and the clock of the most urgent one."""

    number: int
    soonest: Clock


def elsewhere() -> "QuerySet[Clip]":
    """The clips that were made and that saving has failed to bring in, the oldest first."""
    tried = Q(attempt__ended_at__isnull=False) | Q(job__state=State.SAVING, job__tries__gte=TRIES)
    return Clip.objects.missing().filter(tried).select_related("job__project", "job__author", "attempt__connection").order_by("created_at", "pk")


def alarm(now: datetime) -> Alarm | None:
    """What the control room says; None where nothing is missing. One query, a second one where very much is."""
    rows = list(elsewhere()[: LOOKED_AT + 1])
    if not rows:
        return None
    clocks = [clock_of(clip.attempt, now=now) for clip in rows]
    return Alarm(len(rows) if len(rows) <= LOOKED_AT else elsewhere().count(), min(clocks, key=_urgency))


def listed(now: datetime) -> tuple[list[Missing], int]:
    """The most urgent of them, and how many there are in all. Two queries at most."""
    rows = list(elsewhere()[: PAGE + 1])
    total = len(rows) if len(rows) <= PAGE else elsewhere().count()
    return sorted((Missing(clip, clock_of(clip.attempt, now=now)) for clip in rows[:PAGE]), key=lambda one: _urgency(one.clock)), total


def at_fault() -> tuple[list[Clip], int]:
    """Stored files that are missing or changed, found longest ago first, and how many there are in all."""
    rows = list(faulty()[: PAGE + 1])
    return rows[:PAGE], len(rows) if len(rows) <= PAGE else faulty().count()


def _urgency(clock: Clock) -> tuple[bool, timedelta]:
    """What runs out soonest first; what may be gone already after what can still be had."""
    return (clock.is_over, clock.left if clock.left is not None else FAR)
