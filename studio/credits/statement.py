"""What a person's own page reads from the ledger: their lines with the balance after each, what is held and spent; and all accounts together. Reads only.

Lists are cut by keyset and cost a number of queries that does not depend on how long they are.
"""

from dataclasses import dataclass

from django.db.models import BigIntegerField, F, OuterRef, Q, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from studio.accounts.models import User
from studio.credits.models import Account, Entry, Hold, Spending
from studio.credits.periods import today

LINES = 50
HOLDS = 20


@dataclass(frozen=True, slots=True)
class Line:
    """One entry, and the balance that people saw after it, in millicredits."""

    entry: Entry
    balance: int


@dataclass(frozen=True, slots=True)
class Spent:
    """What was charged, in millicredits: since the first of the team's month, and in all."""

    this_month: int
    in_all: int


@dataclass(frozen=True, slots=True)
class Totals:
    """The figures of all accounts together, in millicredits."""

    shown: int
    held: int
    owed: int
    holding: int  # open holds


def account_to_show(user: User) -> Account:
    """A person's account; an empty one, not saved, for somebody who never had credits. Looking makes no row."""
    return Account.objects.filter(user=user).first() or Account(user=user)


def lines(account: Account, *, before: int | None = None) -> tuple[list[Line], int | None]:
    """A page of an account's entries, newest first, older than the entry `before`; and what `before` is for the next page."""
    if not account.pk:
        return [], None
    entries = Entry.objects.filter(account=account).select_related("actor").order_by("-pk")
    page = list((entries if before is None else entries.filter(pk__lt=before))[: LINES + 1])
    # Entries of one account are numbered in the order in which they were written, as each was written under the account's lock.
    after = balances(account.user, page[:LINES])
    return [Line(entry, after[entry.pk]) for entry in page[:LINES]], (page[LINES - 1].pk if len(page) > LINES else None)


def balances(person: User, entries: list[Entry]) -> dict[int, int]:
    """The balance that a person saw after each of these entries of theirs, newest first and without gaps, by the entry's id."""
    if not entries:
        return {}
    # From the present balance backwards: a page near the top reads few entries, however many there are. One statement, so nothing comes between.
    newer = Entry.objects.filter(account=OuterRef("pk"), pk__gt=entries[0].pk).order_by().values("account")
    since = Coalesce(Subquery(newer.annotate(sum=Sum(F("amount") - F("owed"))).values("sum")), Value(0), output_field=BigIntegerField())
    after = Account.objects.filter(user=person).annotate(then=F("balance") - F("owed") - since).values_list("then", flat=True).get()
    shown = {}
    for entry in entries:
        shown[entry.pk] = after
        after -= entry.change
    return shown


def open_holds(account: Account) -> tuple[list[Hold], int]:
    """The newest open holds of an account, and how many there are in all."""
    if not account.pk:
        return [], 0
    rows = Hold.objects.filter(account=account, state=Hold.State.OPEN)
    return list(rows.order_by("-pk")[:HOLDS]), rows.count()


def spent(account: Account) -> Spent:
    """What one account was charged. One query."""
    if not account.pk:
        return Spent(0, 0)
    first = today().replace(day=1)
    sums = Spending.objects.filter(account=account).aggregate(
        month=Sum("charged", filter=Q(day__gte=first), default=0), all=Sum("charged", default=0)
    )
    return Spent(sums["month"], sums["all"])


def totals() -> Totals:
    """What all accounts hold together."""
    sums = Account.objects.aggregate(
        shown=Sum(F("balance") - F("owed"), default=0), **{f"{name}_sum": Sum(name, default=0) for name in ("held", "owed", "holding")}
    )
    return Totals(sums["shown"], sums["held_sum"], sums["owed_sum"], sums["holding_sum"])
