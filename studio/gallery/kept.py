"""What a kept second costs: charges divided by the seconds that people picked, with how much was decided at all. Reads only.

    charged    attempts that ended in these days with a charge: the same charges as the spend report's, clip or no clip
    clips      the saved clips that those charges paid for
    decided    those about which the project decided, or, while it has not, at least one person
    kept       those that the project picked, or, while it has not decided, that at least one person picked

What is in doubt, written off, returned or paid by the house has no charge and does not count. A charge belongs to the team's day on which it was made;
what people decide later about its clips changes that day's figures. Content is not told: codes, names and figures alone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import TruncMonth
from django.utils import timezone

from studio.accounts.models import User
from studio.credits.periods import Span
from studio.credits.ranges import start_of
from studio.gallery.models import Decision, Verdict
from studio.jobs.models import Attempt, Clip
from studio.projects.models import Project
from studio.routing.models import Connection

ROWS = 200  # on a page; the file holds all
THIN = 0.5


class By(StrEnum):
    """What the figures are told by; the word in the address."""

    PROJECT = "project"
    PERSON = "person"
    CONNECTION = "connection"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Cost:
    """Some charges in millicredits, and what became of the clips that they paid for. `milliseconds` are those of kept clips."""

    charged: int = 0
    charges: int = 0
    clips: int = 0
    decided: int = 0
    kept: int = 0
    milliseconds: int = 0

    @property
    def a_second(self) -> int | None:
        """Millicredits for a kept second, to a hundredth of a credit; None while nothing is kept."""
        return round(self.charged * 100 / self.milliseconds) * 10 if self.milliseconds else None

    @property
    def coverage(self) -> float | None:
        """The share of the clips about which anybody decided, from 0 to 1; None where there are none."""
        return self.decided / self.clips if self.clips else None

    @property
    def is_thin(self) -> bool:
        """Whether less than half of the clips are decided, so that the price says little yet."""
        return self.coverage is not None and self.coverage < THIN

    @property
    def seconds(self) -> float:
        """Seconds that were kept."""
        return self.milliseconds / 1000


@dataclass(frozen=True, slots=True)
class Row:
    """The cost of one project, person, connection or month; None for one that is not there any more."""

    subject: Project | User | Connection | date | None
    cost: Cost


def charges_in(span: Span) -> QuerySet[Attempt]:
    """What was charged in these days of the team, in no order."""
    return Attempt.objects.filter(ended_at__gte=start_of(span.starts_on), ended_at__lt=start_of(span.ends_on), charged__gt=0).order_by()


def whole(charges: QuerySet[Attempt]) -> Cost:
    """All of these charges together. Two queries."""
    paid = charges.aggregate(charged=Sum("charged", default=0), number=Count("pk"))
    made = _paid_for(charges).aggregate(**CLIPS)
    return Cost(paid["charged"], paid["number"], made["number"], made["decided"], made["kept"], made["length"])


def rows(charges: QuerySet[Attempt], by: By) -> list[Row]:
    """These charges by one thing: what cost most first, months in their order. Three queries, two for months, however many rows."""
    made = {key: figures for key, *figures in _keyed(_paid_for(charges), by, "attempt__").annotate(**CLIPS)}
    paid = _keyed(charges, by, "").annotate(sum=Sum("charged"), times=Count("pk"))
    costs = {key: Cost(charged, times, *made.get(key, (0, 0, 0, 0))) for key, charged, times in paid}
    names = _names(by, costs)
    order = sorted(costs) if by == By.MONTH else sorted(costs, key=lambda key: (-costs[key].charged, key))
    return [Row(names.get(key), costs[key]) for key in order]


# The place of each thing on an attempt.
KEYS = {By.PROJECT: "job__project_id", By.PERSON: "job__author_id", By.CONNECTION: "connection_id"}
THINKS = Decision.objects.filter(clip=OuterRef("pk"))
IS_DECIDED = Q(decision__isnull=False) | Q(Exists(THINKS))
IS_KEPT = Q(decision__verdict=Verdict.PICK) | (Q(decision__isnull=True) & Q(Exists(THINKS.filter(verdict=Verdict.PICK))))
CLIPS = {
    "number": Count("pk"),
    "decided": Count("pk", filter=IS_DECIDED),
    "kept": Count("pk", filter=IS_KEPT),
    "length": Sum("milliseconds", filter=IS_KEPT, default=0),
}


def _paid_for(charges: QuerySet[Attempt]) -> QuerySet[Clip]:
    """The saved clips of these charges, in no order."""
    return Clip.objects.filter(attempt__in=charges.values("pk"), saved_at__isnull=False).order_by()


def _keyed(found: QuerySet[Any], by: By, to_attempt: str) -> QuerySet[Any, Any]:
    """These rows, grouped."""
    key = f"{to_attempt}{KEYS[by]}" if by != By.MONTH else "month"
    if by == By.MONTH:
        found = found.annotate(month=TruncMonth(f"{to_attempt}ended_at", tzinfo=timezone.get_default_timezone()))
    grouped: QuerySet[Any, Any] = found.values_list(key)
    return grouped


def _names(by: By, keys: Iterable[Any]) -> Mapping[Any, Project | User | Connection | date]:
    """What these keys stand for. One query, none for months."""
    if by == By.MONTH:
        return {key: key.date() for key in keys}
    tables: dict[By, type[Project | User | Connection]] = {By.PROJECT: Project, By.PERSON: User, By.CONNECTION: Connection}
    return tables[by].objects.in_bulk(list(keys))
