"""Pauses what is ill, and lets one order through now and then to see whether it is well again.

    closed ──failures in a row──> open ──its pause is over──> trying: one order goes through
      ^                            ^                            │
      └────────── it works ────────┼────────────────────────────┤
                                   └─── it fails again, and the pause doubles

A whole connection is paused for what would befall any order there (our key, our balance, no answer), one model for what befell its clips. What the
model's filter refuses, and what asks us to wait, never counts.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from studio.providers.contract import Cause
from studio.routing.models import Breaker, Connection

ENOUGH = 4  # failures in a row
SHORTEST, LONGEST = timedelta(seconds=60), timedelta(minutes=30)
WHOLE = ""  # the model of the breaker that stops a whole connection
AT_ONCE = frozenset({Cause.WRONG_KEY, Cause.OUT_OF_BALANCE})  # one is enough: the next order would meet the same


@dataclass(frozen=True, slots=True)
class Standing:
    """What decides: failures and pauses in a row, and until when it is open (None: closed)."""

    failures: int = 0
    trips: int = 0
    open_until: datetime | None = None


def failed(now: Standing, at: datetime, *, at_once: bool) -> Standing:
    """The standing after one more failure. Pure. A pause that runs is not made longer by orders that were on their way when it began."""
    failures = now.failures + 1
    if now.open_until is not None and at < now.open_until:
        return Standing(failures, now.trips, now.open_until)
    if now.open_until is None and failures < ENOUGH and not at_once:
        return Standing(failures, now.trips)
    pause = min(LONGEST, SHORTEST * 2 ** min(now.trips, 10))
    return Standing(failures, now.trips + 1, at + pause)


def ill(connection: Connection, model: str, *, cause: str, message: str) -> bool:
    """Count one failure; whether this one opened the breaker."""
    at = timezone.now()
    with transaction.atomic():
        row, _ = Breaker.objects.select_for_update().get_or_create(connection=connection, model=model)
        was = Standing(row.failures, row.trips, row.open_until)
        after = failed(was, at, at_once=cause in AT_ONCE)
        row.failures, row.trips, row.open_until = after.failures, after.trips, after.open_until
        row.last_error, row.last_error_at = message[:300], at
        opened = after.open_until is not None and was.open_until is None
        if after.open_until != was.open_until:
            row.cause = cause
        if opened:
            row.open_since = at
        row.save()
    return opened


def well(connection: Connection, model: str) -> bool:
    """Close the breaker; whether it had been open. What went wrong last stays to be read."""
    rows = Breaker.objects.filter(connection=connection, model=model, failures__gt=0)
    was_open = rows.filter(open_until__isnull=False).exists()
    rows.update(failures=0, trips=0, open_until=None, open_since=None, cause="")
    return was_open


def close_all(connection: Connection) -> int:
    """How many breakers of a connection were closed, because somebody mended it."""
    return Breaker.objects.filter(connection=connection, open_until__isnull=False).update(
        failures=0, trips=0, open_until=None, open_since=None, cause=""
    )


def open_ones(connection_ids: "set[int]") -> "dict[tuple[int, str], Breaker]":
    """The breakers that are not closed, by connection and model. One query."""
    rows = Breaker.objects.filter(connection__in=connection_ids, open_until__isnull=False)
    return {(row.connection_id, row.model): row for row in rows}
