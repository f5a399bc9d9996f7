"""Rate limits that all processes share, in the database: each use is counted by one conditional UPDATE, so that no two processes both take the last one.

A rate such as 30/h is kept as two windows of an hour, the current one and the one before. What was used in the one before counts by the part of it that
lies within the last hour. So a limit has no moment at which it starts again from nothing, and costs one row for each key, whatever the limit is.

Nobody can make the table large or push counters out of it. Keys that strangers choose, such as addresses, go through `bucket`, which leaves BUCKETS of
them; two keys share one by chance alone, because the hash has a secret. Rows are deleted once they say nothing any more, and never before.
"""

import hashlib
import hmac
import time
from collections.abc import Sequence
from math import ceil
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import BigIntegerField, Case, ExpressionWrapper, F, QuerySet, Value, When

from studio.rates import Rate
from studio.shared_state.models import Counter

BUCKETS = 2**22  # of about 100 bytes each, for each rate whose keys strangers choose: 250 of them share none with a chance of 99 %


class _OverTheLimit(Exception):
    """Leaves a transaction."""


def bucket(text: str) -> str:
    """Return the key for a text that strangers choose: one of BUCKETS, by a hash that they cannot predict."""
    digest = hmac.new(settings.SECRET_KEY.encode(), b"studio.counters:" + text.encode(), hashlib.sha256).digest()
    return f"#{int.from_bytes(digest[:8]) % BUCKETS:x}"


def spend(name: str, rates: Sequence[Rate], *, key: str, amount: int = 1) -> int:
    """Count `amount` uses and return 0; or count nothing and return after how many seconds it may be possible.

    Call it outside transactions that may be rolled back. Raises DatabaseError where the use cannot be counted.
    """
    try:
        with transaction.atomic():
            for rate in rates:
                if not _count(name, rate, key, amount):
                    raise _OverTheLimit
    except _OverTheLimit:
        _leave_the_future(name, rates, key)
        return max(1, seconds_to_wait(name, rates, key=key, amount=amount))
    return 0


def seconds_to_wait(name: str, rates: Sequence[Rate], *, key: str, amount: int = 1) -> int:
    """Return after how many seconds `spend` may succeed, 0 for now, without counting."""
    return max((rate.seconds if amount > rate.limit else _wait(name, rate, key, amount) for rate in rates), default=0)


def used_now(name: str, rate: Rate, *, key: str) -> int:
    """Return what was counted in the current window and in the one before, and not given back."""
    window = now() // rate.seconds
    row = Counter.objects.filter(name=name, seconds=rate.seconds, key=key, window__gte=window - 1).first()
    if row is None:
        return 0
    return row.used if row.window < window else row.used + row.used_before


def give_back(name: str, rates: Sequence[Rate], *, key: str, counted_at: int, amount: int = 1) -> None:
    """Take back uses that were counted at this time, in seconds since 1970, wherever they stand now. What no longer counts stays as it is."""
    for rate in rates:
        window = counted_at // rate.seconds
        rows = Counter.objects.filter(name=name, seconds=rate.seconds, key=key)
        # The last one is for uses that were counted a moment after `counted_at`, in the next window
        for at, column in ((window, "used"), (window + 1, "used_before"), (window + 1, "used")):
            if rows.filter(**{"window": at, f"{column}__gte": amount}).update(**{column: F(column) - amount}):
                break


def forget(name: str, *, key: str) -> None:
    """Forget everything that was counted for a key."""
    Counter.objects.filter(name=name, key=key).delete()


def delete_expired() -> None:
    """Delete what says nothing any more. Run by the worker."""
    Counter.objects.filter(expires_at__lte=now()).delete()


def now() -> int:
    """Return the time by which uses are counted, in seconds since 1970."""
    return int(time.time())


def _count(name: str, rate: Rate, key: str, amount: int) -> bool:
    """Whether the amount was counted. One query where the row is there and of this window."""
    if amount > rate.limit:
        return False
    window, elapsed = divmod(now(), rate.seconds)
    rows = Counter.objects.filter(name=name, seconds=rate.seconds, key=key)
    if _add(rows, rate, amount, window=window, elapsed=elapsed):
        return True
    stands_at = rows.values_list("window", flat=True).first()
    if stands_at not in {window, window + 1} and not rows.exclude(window=window + 1).update(**_moved_to(window, rate)) and stands_at is None:
        new = Counter(name=name, seconds=rate.seconds, key=key, window=window, expires_at=(window + 2) * rate.seconds)
        Counter.objects.bulk_create([new], ignore_conflicts=True)
    # Another process may have made the row or moved it meanwhile, to the next window too if its clock is a moment ahead
    return _add(rows, rate, amount, window=window, elapsed=elapsed) or _add(rows, rate, amount, window=window + 1, elapsed=0)


def _add(rows: "QuerySet[Counter]", rate: Rate, amount: int, *, window: int, elapsed: int) -> bool:
    """Whether the row stands at this window, has room and now holds the amount too."""
    # Of 64 bits: Django takes a product with a plain number for 32 of them, and leaves out a comparison that no such number could fail
    uses = (F("used") + amount) * rate.seconds + F("used_before") * (rate.seconds - elapsed)
    weighted = ExpressionWrapper(uses, output_field=BigIntegerField())
    fitting = rows.filter(window=window).alias(weighted=weighted).filter(weighted__lte=rate.limit * rate.seconds)
    return bool(fitting.update(used=F("used") + amount))


def _moved_to(window: int, rate: Rate) -> dict[str, Any]:
    """How a row comes to this window. Another process may have done it. One from the future, before a clock was set back, keeps what it counted."""
    return {
        "used_before": Case(When(window=window - 1, then=F("used")), When(window__gte=window, then=F("used_before")), default=Value(0)),
        "used": Case(When(window__gte=window, then=F("used")), default=Value(0)),
        "window": window,
        "expires_at": (window + 2) * rate.seconds,
    }


def _leave_the_future(name: str, rates: Sequence[Rate], key: str) -> None:
    """Move rows that were written before a clock was set back into the current window, so that they end as soon as any other."""
    for rate in rates:
        window = now() // rate.seconds
        Counter.objects.filter(name=name, seconds=rate.seconds, key=key, window__gt=window + 1).update(**_moved_to(window, rate))


def _wait(name: str, rate: Rate, key: str, amount: int) -> int:
    """Seconds until the amount fits, if nothing else is counted meanwhile."""
    window, elapsed = divmod(now(), rate.seconds)
    row = Counter.objects.filter(name=name, seconds=rate.seconds, key=key, window__gte=window - 1).first()
    if row is None:
        return 0
    used, before = (0, row.used) if row.window == window - 1 else (row.used, row.used_before)
    room = (rate.limit - used - amount) * rate.seconds
    if room >= 0:
        return 0 if before * (rate.seconds - elapsed) <= room else ceil(rate.seconds - elapsed - room / before)
    part_of_next = rate.seconds - (rate.limit - amount) * rate.seconds / used
    return rate.seconds - elapsed + max(0, ceil(part_of_next))
