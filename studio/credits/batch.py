"""What a movement of many people's credits would do: a plan that says it before anything moves. Carried out by carrying.py.

    chosen people + act + amount  ──plan──>  rows: who, before, change, after, or why not

A plan names the state that it was made from: the newest grant or adjustment of each person. It is not followed where that has changed since a
manager saw it, so two managers who do the same at once do it once.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from django.db.models import Max

from studio.accounts.models import User
from studio.credits.figures import LARGEST, credits_text
from studio.credits.models import Account, Entry
from studio.credits.movement import Movement

MOST = 50_000  # people at once; their ids travel in the form, a megabyte of them at most
SEVERAL = 500  # parameters of one query
MOVED = [Entry.Kind.GRANT, Entry.Kind.ADJUST]
ALLOWANCE = "allowance:"  # how the references of allowances begin
T = TypeVar("T")
Act = Movement.Act


@dataclass(frozen=True, slots=True)
class Row:
    """One person in a plan, in millicredits; `refusal` says why nothing would move for them."""

    person: User
    before: int
    change: int
    refusal: str = ""

    @property
    def after(self) -> int:
        """The balance that they would see."""
        return self.before + (0 if self.refusal else self.change)


@dataclass(frozen=True, slots=True)
class Plan:
    """What would move. `seen` names the state that it was made from, and the question."""

    moving: list[Row]
    refused: list[Row]
    newest: dict[int, int]
    seen: str

    @property
    def total(self) -> int:
        """Millicredits that would be given together; below 0 where more is taken."""
        return sum(row.change for row in self.moving)


def plan(people: Sequence[User], act: str, amount: int, *, by: User | None = None) -> Plan:
    """What this manager would move for these people, by name. Two queries for each five hundred."""
    ids = [person.pk for person in people]
    accounts = {account.user_id: account for several in severals(ids) for account in Account.objects.filter(user__in=several)}
    rows = [row_of(person, accounts.get(person.pk) or Account(user=person), act, amount, by=by) for person in people]
    moved = newest(accounts.values())
    state = repr((act, amount, sorted(ids), sorted(moved.items())))
    seen = hashlib.sha256(state.encode()).hexdigest()[:32]
    return Plan([row for row in rows if not row.refusal], [row for row in rows if row.refusal], moved, seen)


def row_of(person: User, account: Account, act: str, amount: int, *, by: User | None = None) -> Row:
    """What would happen to one person. Pure."""
    before = account.shown
    change = {Act.GRANT: amount, Act.TAKE: -amount, Act.SET: amount - before}[Act(act)]
    is_own = change > 0 and by == person and not person.is_admin
    return Row(person, before, change, "cannot give credits to themselves" if is_own else _refusal(person, account, change))


def newest(accounts: Iterable[Account]) -> dict[int, int]:
    """The id of the newest grant or adjustment of each of these accounts, by the person's id; nobody who never had one. A query for each five hundred.

    Allowances do not count: they come by themselves, and no manager's plan is wrong because of one. It asks for accounts by their ids and joins
    nothing: PostgreSQL, while it knows nothing yet of a table that has just grown, joins by looking through it for each row.
    """
    whose = {account.pk: account.user_id for account in accounts if account.pk}
    found: dict[int, int] = {}
    for several in severals(list(whose)):
        rows = Entry.objects.filter(account__in=several, kind__in=MOVED).exclude(reference__startswith=ALLOWANCE)
        found |= {whose[account]: entry for account, entry in rows.order_by().values_list("account").annotate(newest=Max("pk"))}
    return found


def severals(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """These values in parts that one query can take."""
    return (values[start : start + SEVERAL] for start in range(0, len(values), SEVERAL))


def _refusal(person: User, account: Account, change: int) -> str:
    if change == 0:
        return "has exactly this already"
    if change > 0 and not person.is_active:
        return f"{'has not come in yet' if person.is_invited else 'is no longer active'} and cannot be given credits"
    if abs(change) > LARGEST:
        return f"at most {credits_text(LARGEST)} credits can be moved at once"
    if -change > account.free:
        return f"has {credits_text(account.free)} credits that can be taken; the rest is held or not there"
    return ""
