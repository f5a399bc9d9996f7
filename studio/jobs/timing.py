"""How long an attempt will take, from how its connection did lately: for the worker's plans, and for the words on cards and in the composer."""

import time
from collections.abc import Iterable

from django.conf import settings

from studio.jobs.models import Attempt
from studio.jobs.watching import called_plan, plan, prior
from studio.providers.contract import Brief
from studio.providers.registry import PROVIDERS, capability
from studio.routing import track
from studio.routing.choice import Usual
from studio.routing.models import Connection
from studio.routing.track import Tracks

SANDBOX_SECONDS = 6.0  # of a usual order at the sandbox, at its own speed
FRESH = 15.0  # seconds for which a process believes what it has read
RELIABLE = 3  # jobs in a row that may end without the callback that was asked for, before callbacks are not counted on

_read: dict[tuple[int, str], tuple[float, tuple[float, ...]]] = {}


def expected(connection: Connection, model: str) -> float:
    """Seconds that such an order takes as far as anybody knows who has no history of it."""
    if connection.sandbox:
        return SANDBOX_SECONDS / settings.SANDBOX_SPEED
    known = PROVIDERS.get(connection.provider)
    can = capability(connection.provider, model, connection.dialect) if known and connection.dialect in known.dialects else None
    return float(can.usual_seconds) if can else 90.0


def usual_in(tracks: Tracks) -> Usual:
    """A function that says how many seconds an order usually takes at a connection, by tracks that were read."""

    def usual(connection: Connection, brief: Brief) -> float:
        known = track.usual(tracks.seconds(connection.pk, track.kind_of(brief)))
        return max(1.0, known) if known else expected(connection, brief.model)

    return usual


def usual_times(connections: Iterable[Connection], briefs: Iterable[Brief] | None = None) -> Usual:
    """The same, with the tracks of these connections read (of these briefs, if they are named). One query."""
    kinds = None if briefs is None else [track.kind_of(brief) for brief in briefs]
    return usual_in(track.read({connection.pk for connection in connections}, kinds))


def times_of(attempt: Attempt) -> tuple[float, ...]:
    """The times that orders like this attempt took, shortest first; a prior while there are few. At most one query in 15 s for a kind."""
    key = (attempt.connection_id, attempt.kind)
    read_at, times = _read.get(key, (0.0, ()))
    if time.monotonic() - read_at > FRESH or not times:
        times = track.read([attempt.connection_id], [attempt.kind]).seconds(*key)
        if len(times) < track.ENOUGH:
            times = tuple(sorted((*times, *prior(expected(attempt.job.connection, attempt.job.model)))))
        _read[key] = (time.monotonic(), times)
    return times


def usual_of(attempt: Attempt) -> float:
    """Seconds that such an attempt usually takes."""
    return max(1.0, track.usual(times_of(attempt)) or 0.0)


def looks_of(attempt: Attempt, *, worth: float = 1.0) -> tuple[float, ...]:
    """The ages at which to look at this attempt. `worth` is how many looks one request buys; few are made where a callback will tell."""
    times = times_of(attempt)
    connection = attempt.job.connection
    told = attempt.asked_callback and connection.called_at is not None and connection.calls_missed < RELIABLE
    return called_plan(times) if told else plan(times, worth)


def forget() -> None:
    """Read everything anew; for tests, in which time passes when they say so."""
    _read.clear()
