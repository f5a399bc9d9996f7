"""The list of people with their credits: searched, sorted by any column, cut by keyset. Reads only.

A page costs the same number of queries whoever is on it: one for the people, one for the small lines of all of them.
"""

from dataclasses import dataclass

from django.db.models import BigIntegerField, CharField, F, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce, Lower, NullIf

from studio.accounts.models import User
from studio.credits import spend
from studio.credits.charts import spark
from studio.credits.models import Spending
from studio.credits.periods import today
from studio.text_search.lookups import containing

PAGE = 50
LARGEST = 2**63 - 1
NAME = Lower(Coalesce(NullIf("name", Value("")), "email", output_field=CharField()))
COLUMNS = ["name", "role", "balance", "held", "spent"]
FIGURES = {"balance", "held", "spent"}


@dataclass(frozen=True, slots=True)
class Order:
    """By which column the list is sorted, and whether from its end."""

    column: str = "name"
    falls: bool = False

    @classmethod
    def parse(cls, text: str) -> "Order":
        """The order that an address names: `balance`, or `-balance` from the highest down. By name for one that somebody edited."""
        column = text.removeprefix("-")
        return cls(column, falls=text.startswith("-")) if column in COLUMNS else cls()

    def __str__(self) -> str:
        return f"{'-' if self.falls else ''}{self.column}"

    @property
    def words(self) -> str:
        """As `aria-sort` says it."""
        return "descending" if self.falls else "ascending"

    def turned(self, column: str) -> "Order":
        """The order after a press on this column: figures from the highest down first, words from A; pressed again, the other way."""
        return Order(column, falls=not self.falls if column == self.column else column in FIGURES)


def found(search: str) -> QuerySet[User]:
    """The people whose name or address contains this, each with `balance`, `held`, `owed` and `spent` this month, in millicredits."""
    month = Spending.objects.filter(account__user=OuterRef("pk"), day__gte=today().replace(day=1)).order_by()
    charged = month.values("account").annotate(sum=Sum("charged")).values("sum")
    rows = User.objects.annotate(
        sort_name=NAME,
        balance=Coalesce(F("account__balance") - F("account__owed"), Value(0), output_field=BigIntegerField()),
        held=Coalesce("account__held", Value(0), output_field=BigIntegerField()),
        owed=Coalesce("account__owed", Value(0), output_field=BigIntegerField()),
        spent=Coalesce(Subquery(charged, output_field=BigIntegerField()), Value(0), output_field=BigIntegerField()),
    )
    return containing(rows, search)


def by_name(search: str) -> QuerySet[User]:
    """The same people in the order of their names."""
    return found(search).order_by(NAME, "pk")


def page(search: str, order: Order, after: str) -> tuple[list[User], str]:
    """A page of people, and what `after` is for the next one: empty on the last. `after` is `id:value` of the last person of the page before."""
    rows, column = found(search), "sort_name" if order.column == "name" else order.column
    key, _, value = after.partition(":")
    if key.isascii() and key.isdigit() and int(key) <= LARGEST and (last := _value(order.column, value)) is not None:
        beyond = "lt" if order.falls else "gt"
        rows = rows.filter(Q(**{f"{column}__{beyond}": last}) | Q(**{column: last, f"pk__{beyond}": int(key)}))
    sign = "-" if order.falls else ""
    people = list(rows.order_by(f"{sign}{column}", f"{sign}pk")[: PAGE + 1])
    more = f"{people[PAGE - 1].pk}:{getattr(people[PAGE - 1], column)}" if len(people) > PAGE else ""
    return people[:PAGE], more


def sparks(people: list[User]) -> dict[int, str]:
    """The points of each person's small line of the last thirty days, by their id; nobody who spent nothing. One query."""
    days = spend.lately([person.pk for person in people])
    return {person: spark(values) for person, values in days.items()}


def _value(column: str, text: str) -> str | int | None:
    """The value in a cursor; None for one that somebody edited."""
    if column not in FIGURES:
        return text.replace("\x00", "") or None
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and int(digits) <= LARGEST else None
