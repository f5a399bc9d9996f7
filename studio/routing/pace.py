"""How many requests a connection may make now. Pure.

One moment in the row carries it all: `paced_until`, when everything asked for so far would have gone out evenly. A short burst may run ahead of it,
and the even pace is lowered by as much, so that no 60 seconds hold more than the limit. The provider counts when requests arrive, which is a little
later than they were allowed, and not always by the same: so 61 seconds of ours are held to what it allows in 60. All in all 96 % of a limit is used.
"""

from datetime import datetime, timedelta

from studio.leases import SKEW

BURST = 50  # one part in so many of the limit, and one more: 1.2 s worth of requests, longer than the pause between two sweeps
LATE = 1.0  # seconds that a request may need from its allowance to the provider


def allowance(*, now: datetime, paced_until: datetime | None, per_minute: int, wanted: int) -> tuple[int, datetime]:
    """How many of the `wanted` requests may go now, and the new `paced_until`."""
    burst, gap = _burst(per_minute)
    start = max(now, _believed(paced_until, now=now, per_minute=per_minute))
    room = burst - int(-((now - start) // gap)) if start > now else burst
    granted = max(0, min(wanted, room))
    return granted, start + granted * gap


def free_at(*, now: datetime, paced_until: datetime | None, per_minute: int) -> datetime:
    """When the next request may go: now, or the moment at which the limit has room for it."""
    burst, gap = _burst(per_minute)
    return max(now, _believed(paced_until, now=now, per_minute=per_minute) - (burst - 1) * gap)


def strain(*, now: datetime, paced_until: datetime | None, per_minute: int) -> float:
    """How much of the limit is taken at this moment: 0 where nothing was asked lately, 1 where the next request has to wait."""
    room, _ = allowance(now=now, paced_until=paced_until, per_minute=per_minute, wanted=per_minute)
    return 1 - room / _burst(per_minute)[0]


def _believed(paced_until: datetime | None, *, now: datetime, per_minute: int) -> datetime:
    """The moment up to which requests were allowed; now, where no right clock could have written it: one may have been ahead."""
    burst, gap = _burst(per_minute)
    return paced_until if paced_until and paced_until <= now + burst * gap + SKEW else now


def _burst(per_minute: int) -> tuple[int, timedelta]:
    """How many requests may run ahead of the even pace, and the time between two of it."""
    burst = 1 + per_minute // BURST
    return burst, timedelta(seconds=(60 + LATE) / max(1, per_minute - burst))
