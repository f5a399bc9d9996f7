"""What the pages read from the ledger: a person's lines with the balance after each, and everybody's figures. Reads only.

Lists are cut by keyset and cost a number of queries that does not depend on how long they are.
"""

from dataclasses import dataclass

from django.db.models import BigIntegerField, CharField, F, OuterRef, Q, Subquery, Sum, Value
from django.db.models.functions import Coalesce, Lower, NullIf
from django.utils import timezone

from studio.accounts.models import User
from studio.credits.models import Account, Entry, Hold

LINES = 50
PEOPLE = 50
HOLDS = 20


@dataclass(frozen=True, slots=True)
class Line:
    """One entry, and the balance that people saw after it, in millicredits."""

    entry: Entry
    balance: int


@dataclass(frozen=True, slots=True)
class Spent:
    """What was charged, in millicredits: since the first of this month where the reader is, and in all."""

    this_month: int
    in_all: int


@dataclass(frozen=True, slots=True)
class Totals:
    """The figures of all accounts together, in millicredits."""

    shown: int
    held: int
    owed: int


def account_to_show(user: User) -> Account:
    """A person's account; an empty one, not saved, for somebody who never had credits. Looking makes no row."""
    return Account.objects.filter(user=user).first() or Account(user=user)


def lines(account: Account, *, before: int | None = None) -> tuple[list[Line], int | None]:
    """A page of an account's entries, newest first, older than the entry `before`; and what `before` is for the next page."""
    if not account.pk:
        return [], None
    entries = Entry.objects.filter(account=account).select_related("actor").order_by("-pk")
    page = list((entries if before is None else entries.filter(pk__lt=before))[: LINES + 1])
    if not page:
        return [], None
    # Entries of one account are numbered in the order in which they were written, as each was written under the account's lock.
    after = Entry.objects.filter(account=account, pk__lte=page[0].pk).aggregate(sum=Sum(F("amount") - F("owed")))["sum"]
    shown = []
    for entry in page[:LINES]:
        shown.append(Line(entry, after))
        after -= entry.change
    return shown, (page[LINES - 1].pk if len(page) > LINES else None)


def open_holds(account: Account) -> tuple[list[Hold], int]:
    """The newest open holds of an account, and how many there are in all."""
    if not account.pk:
        return [], 0
    rows = Hold.objects.filter(account=account, state=Hold.State.OPEN)
    return list(rows.order_by("-pk")[:HOLDS]), rows.count()


def spent(account: Account | None = None) -> Spent:
    """What one account, or all of them for None, was charged."""
    charges = Entry.objects.filter(kind=Entry.Kind.CHARGE)
    if account is not None:
        charges = charges.filter(account_id=account.pk)
    month = timezone.localtime().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    charged = F("owed") - F("amount")
    sums = charges.aggregate(this_month=Sum(charged, filter=Q(at__gte=month)), in_all=Sum(charged))
    return Spent(sums["this_month"] or 0, sums["in_all"] or 0)


def totals() -> Totals:
    """What all accounts hold together."""
    sums = Account.objects.aggregate(shown=Sum(F("balance") - F("owed")), held=Sum("held"), owed=Sum("owed"))
    return Totals(sums["shown"] or 0, sums["held"] or 0, sums["owed"] or 0)


def people(*, search: str = "", after: int | None = None) -> tuple[list[User], int | None]:
    """A page of people by name, each with `shown`, `held`, `owed` and `spent`; and what `after` is for the next page.

    `search` is a part of a name or an address. `after` is the id of the last person of the page before.
    """
    charges = Entry.objects.filter(account__user=OuterRef("pk"), kind=Entry.Kind.CHARGE).order_by()
    charged = charges.values("account").annotate(sum=Sum(F("owed") - F("amount"))).values("sum")
    rows = User.objects.annotate(
        sort=Lower(
            Coalesce(NullIf("name", Value("")), "email", output_field=CharField())
        ),  # made and compared by the database, so both agree on the order of letters
        shown=Coalesce(F("account__balance") - F("account__owed"), Value(0), output_field=BigIntegerField()),
        held=Coalesce("account__held", Value(0), output_field=BigIntegerField()),
        owed=Coalesce("account__owed", Value(0), output_field=BigIntegerField()),
        spent=Coalesce(Subquery(charged, output_field=BigIntegerField()), Value(0), output_field=BigIntegerField()),
    )
    last = rows.filter(pk=after).values_list("sort", flat=True).first() if after is not None else None
    if last is not None:
        rows = rows.filter(Q(sort__gt=last) | Q(sort=last, pk__gt=after))
    if search:
        rows = rows.filter(Q(name__icontains=search) | Q(email__icontains=search))
    page = list(rows.order_by("sort", "pk")[: PEOPLE + 1])
    return list(page[:PEOPLE]), (page[PEOPLE - 1].pk if len(page) > PEOPLE else None)
