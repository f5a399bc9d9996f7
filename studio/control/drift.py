"""How far charges drift from estimates, by connection, and what providers reported in their own units beside it. Reads only.

Estimates hold credits before anybody knows the price; where they are far off, people are held too much or owe what they did not expect. The control
room warns of those that are far off lately.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal, InvalidOperation

from django.core.cache import caches
from django.db.models import Count, Q, QuerySet, Sum
from django.utils import timezone

from studio.jobs.models import Attempt
from studio.routing.models import Connection

PERIODS = (7, 30, 90)  # days
USUAL = 30
LATELY = 7  # days for which the control room asks: a price that was put right is quiet again after a week
KEPT = 60  # seconds for which its answer is used again: the room asks every five
ENOUGH = 20  # charges, before a drift is a matter of concern
OFF = 20  # percent
DIGITS = 40  # of a reported figure: a longer one is no figure


@dataclass(slots=True)
class Usage:
    """What a provider reported in one unit: the exact sum of what can be read as a number, how often, and how often it could not be read."""

    unit: str
    total: Decimal = Decimal(0)
    reports: int = 0
    unreadable: int = 0

    @property
    def text(self) -> str:
        """The sum, never rounded: `1234.5`."""
        return f"{self.total.normalize():f}"


@dataclass(slots=True)
class Row:
    """One connection: its charged attempts that had an estimate, in millicredits, and what was reported."""

    connection: Connection
    samples: int = 0
    estimated: int = 0
    charged: int = 0
    guessed: int = 0  # charges that are the estimate, because nothing usable was reported
    usage: list[Usage] = field(default_factory=list)

    @property
    def percent(self) -> int | None:
        """By how much charges are above estimates, or below; None without any."""
        return round((self.charged - self.estimated) * 100 / self.estimated) if self.estimated else None

    @property
    def is_off(self) -> bool:
        """Whether an admin should look: far off, with enough charges to believe it."""
        return self.samples >= ENOUGH and abs((self.charged - self.estimated) * 100) > OFF * self.estimated


def rows(days: int) -> list[Row]:
    """All connections with what was charged there in the last days, the furthest off first. Three queries."""
    ended = Attempt.objects.filter(ended_at__gte=timezone.now() - timedelta(days=days)).order_by()
    charges = _charges(ended)
    found = {connection.pk: Row(connection, *charges.get(connection.pk, (0, 0, 0, 0))) for connection in Connection.objects.all()}
    reported = ended.exclude(usage_amount="").values_list("connection_id", "usage_unit", "usage_amount").annotate(number=Count("pk"))
    for connection, usages in _usages(reported.iterator()).items():
        found[connection].usage = usages
    return sorted(found.values(), key=lambda row: (not row.is_off, -abs(row.percent or 0), row.connection.label))


def off_lately(connections: Iterable[Connection]) -> list[Row]:
    """Those of these connections that are far off in the last week, the furthest first. One query a minute, however much was ordered."""
    facts: dict[int, tuple[int, int, int, int]] = caches["local"].get_or_set("drift-lately", _lately, KEPT) or {}
    found = [Row(connection, *facts.get(connection.pk, (0, 0, 0, 0))) for connection in connections]
    return sorted((row for row in found if row.is_off), key=lambda row: (-abs(row.percent or 0), row.connection.label))


def _lately() -> dict[int, tuple[int, int, int, int]]:
    """The charges of the last week by connection."""
    return _charges(Attempt.objects.filter(ended_at__gte=timezone.now() - timedelta(days=LATELY)).order_by())


def _charges(ended: "QuerySet[Attempt]") -> dict[int, tuple[int, int, int, int]]:
    """By connection: charges that say something, what was estimated and charged for them, and how many charges are but their estimate. One query."""
    told = Q(charge_is_estimate=False, charged__gt=0, estimate__gt=0) & ~Q(price="")  # one that is only its estimate says nothing about the estimate
    sums = ended.values_list("connection_id").annotate(
        samples=Count("pk", filter=told),
        estimated=Sum("estimate", filter=told, default=0),
        paid=Sum("charged", filter=told, default=0),
        guessed=Count("pk", filter=Q(charge_is_estimate=True)),
    )
    return {connection: (samples, estimated, paid, guessed) for connection, samples, estimated, paid, guessed in sums}


def _usages(reported: Iterable[tuple[int, str, str, int]]) -> dict[int, list[Usage]]:
    """Reported figures added up by connection and unit. Equal figures come together, with their number."""
    found: dict[int, dict[str, Usage]] = defaultdict(dict)
    for connection, unit, text, number in reported:
        usage = found[connection].setdefault(unit, Usage(unit))
        amount = amount_of(text)
        if amount is None:
            usage.unreadable += number
        else:
            usage.total += amount * number
            usage.reports += number
    return {connection: sorted(units.values(), key=lambda usage: usage.unit) for connection, units in found.items()}


def amount_of(text: str) -> Decimal | None:
    """A reported figure as an exact number; None for what is none."""
    try:
        amount = Decimal(text) if len(text) <= DIGITS else None
    except InvalidOperation:
        return None
    return amount if amount is not None and amount.is_finite() and abs(amount.adjusted()) < DIGITS else None
