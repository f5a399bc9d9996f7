"""How many requests a connection may make now. Pure.

One moment in the row carries it all: `paced_until`, when everything asked for so far would have gone out evenly. A short burst may run ahead of it,
and the even pace is lowered by as much, so that no 60 seconds hold more than the limit.
"""

from datetime import datetime, timedelta


def allowance(*, now: datetime, paced_until: datetime | None, per_minute: int, wanted: int) -> tuple[int, datetime]:
    """How many of the `wanted` requests may go now, and the new `paced_until`."""
    burst = max(1, per_minute // 20)
    gap = timedelta(seconds=60 / max(1, per_minute - burst))
    start = max(now, paced_until or now)
    room = burst - int(-((now - start) // gap)) if start > now else burst
    granted = max(0, min(wanted, room))
    return granted, start + granted * gap
