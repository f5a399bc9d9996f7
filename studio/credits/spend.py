"""Spending by day, account, project and provider: what the ledger adds to it, and what every report reads from it instead of adding up entries.

    one row   day x account x project x provider   charged, number of charges, returned, number of returns

Rows are written under their account's lock, in the transaction that ends a hold, so an UPDATE that finds no row may insert it. A report costs what its
days cost, however long the ledger is.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Count, F, Q, QuerySet, Sum
from django.utils import timezone

from studio.credits.figures import credits_text
from studio.credits.models import Entry, Hold, Spending
from studio.credits.periods import Span, today

SPARK_DAYS = 30
COLUMNS = ("charged", "charges", "returned", "returns")
SHAPE = ("account", "project", "provider")


@dataclass(frozen=True, slots=True)
class Sums:
    """What was charged and what came back whole, in millicredits, and how often."""

    charged: int = 0
    charges: int = 0
    returned: int = 0
    returns: int = 0


def count(hold: Hold, charge: int, *, at: datetime) -> None:
    """Add a hold that ended to its day. Call it once a hold, under the account's lock."""
    amount, number = ("charged", "charges") if charge else ("returned", "returns")
    more = charge or hold.amount
    place = {"day": day_of(at), "account_id": hold.account_id, "project_id": hold.project_id, "provider": hold.provider}
    if not Spending.objects.filter(**place).update(**{amount: F(amount) + more, number: F(number) + 1}):
        Spending.objects.create(**place, **{amount: more, number: 1})


def day_of(at: datetime) -> date:
    """The team's day at this moment."""
    return timezone.localdate(at, timezone.get_default_timezone())


def within(span: Span) -> QuerySet[Spending]:
    """The rows of these days, in no order."""
    return Spending.objects.filter(day__gte=span.starts_on, day__lt=span.ends_on).order_by()


def sums(rows: QuerySet[Spending]) -> Sums:
    """Everything in these rows together. One query."""
    found = rows.aggregate(**{f"{column}_sum": Sum(column, default=0) for column in COLUMNS})
    return Sums(**{column: found[f"{column}_sum"] for column in COLUMNS})


def by_day(rows: QuerySet[Spending]) -> dict[tuple[date, str], int]:
    """What was charged by day and provider. One query."""
    found = rows.filter(charged__gt=0).values_list("day", "provider").annotate(sum=Sum("charged"))
    return {(day, provider): charged for day, provider, charged in found}


def lately(user_ids: Collection[int]) -> dict[int, list[int]]:
    """What was charged to each of these people on each of the last thirty days, oldest first. One query for all of them."""
    first = today() - timedelta(days=SPARK_DAYS - 1)
    days: dict[int, list[int]] = defaultdict(lambda: [0] * SPARK_DAYS)
    found = Spending.objects.filter(account__user__in=user_ids, day__gte=first, charged__gt=0).order_by()
    for person, day, charged in found.values_list("account__user_id", "day").annotate(sum=Sum("charged")):
        if (day - first).days < SPARK_DAYS:
            days[person][(day - first).days] = charged
    return dict(days)


def differences() -> Iterator[str]:
    """Where the rows are not the sum of what the ledger says, by account, project and provider. Three queries over everything."""
    charges = (
        Entry.objects.filter(kind=Entry.Kind.CHARGE).order_by().values_list(*SHAPE).annotate(sum=Sum(F("owed") - F("amount")), number=Count("pk"))
    )
    whole = Hold.objects.filter(~Q(state=Hold.State.OPEN), charged=0).order_by().values_list(*SHAPE).annotate(sum=Sum("amount"), number=Count("pk"))
    counted = Spending.objects.order_by().values_list(*SHAPE).annotate(Sum("charged"), Sum("charges"), Sum("returned"), Sum("returns"))
    should: dict[tuple[object, ...], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for *place, amount, number in charges:
        should[tuple(place)][:2] = [amount, number]
    for *place, amount, number in whole:
        should[tuple(place)][2:] = [amount, number]
    have = {tuple(place): [charged, charges, returned, returns] for *place, charged, charges, returned, returns in counted}
    for place in sorted(should.keys() | have.keys(), key=str):
        if should.get(place, [0, 0, 0, 0]) != have.get(place, [0, 0, 0, 0]):
            yield _difference(place, should.get(place, [0, 0, 0, 0]), have.get(place, [0, 0, 0, 0]))


def _difference(place: tuple[object, ...], should: list[int], have: list[int]) -> str:
    account, project, provider = place
    where = f"Account {account}, project {project or 'none'}, provider {provider or 'none'}"
    return (
        f"{where}: reports count {credits_text(have[0])} in {have[1]} charges and {credits_text(have[2])} in {have[3]} returns; "
        f"the ledger has {credits_text(should[0])} in {should[1]} and {credits_text(should[2])} in {should[3]}."
    )
