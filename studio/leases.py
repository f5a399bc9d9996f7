"""Leases that a row carries until a moment, on machines whose clocks may be wrong. Pure."""

from datetime import datetime, timedelta

from django.db.models import Q

SKEW = timedelta(minutes=1)  # by which the clocks of two machines may differ
LONGEST_REST = timedelta(hours=1)  # that a provider may ask us to wait


def free(column: str, *, now: datetime, lasts: timedelta) -> Q:
    """That nobody holds the lease in this column: it was given back, has run out, or ends later than any right clock could have written."""
    never = Q(**{column: None}) | Q(**{f"{column}__gt": now + lasts + SKEW})
    return never | Q(**{f"{column}__lt": now})


def holds(until: datetime | None, *, now: datetime, lasts: timedelta) -> bool:
    """Whether a wait until then, of at most `lasts` from when it was written, still runs."""
    return until is not None and now < until <= now + lasts + SKEW
