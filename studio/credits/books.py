"""What must be true of the ledger's rows, asked of the database. Reads only.

Each rule is one query over all rows, so that a check is consistent in itself while others write, and ten thousand accounts cost what ten do.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from django.db.models import Aggregate, BigIntegerField, Case, Count, Exists, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Cast, Coalesce

from studio.credits import spend
from studio.credits.figures import credits_text
from studio.credits.models import Account, Entry, Hold, Portion, Tally, Waiver
from studio.credits.periods import Period, span_of
from studio.projects.models import Project

OPEN_AMOUNT = Case(When(state=Hold.State.OPEN, then=F("amount")), default=Value(0), output_field=BigIntegerField())


def verify() -> list[str]:
    """Every violation in plain words; an empty list when the books are right."""
    rules = (_sums, _accounts, _charges, _corrections, _repayments, _entries, _tallies, _portions, _waivers, spend.differences)
    return [sentence for rule in rules for sentence in rule()]


def _sums() -> Iterator[str]:
    """A balance is the sum of its amounts, what is owed the sum of its owed, what is held the sum of its open holds."""
    open_holds = Hold.objects.filter(state=Hold.State.OPEN)
    rules: list[tuple[str, str, Coalesce]] = [
        ("balance", "its entries sum to", _total(Entry.objects.all(), "amount")),
        ("owed", "its entries sum to", _total(Entry.objects.all(), "owed")),
        ("held", "its open holds sum to", _total(open_holds, "amount")),
    ]
    for column, words, total in rules:
        wrong = Account.objects.annotate(total=total).exclude(**{column: F("total")}).select_related("user").order_by("pk")
        for account in wrong:
            yield f"{account.user.email}: {column} is {credits_text(getattr(account, column))}, {words} {credits_text(account.total)}."
    for account in Account.objects.annotate(total=_total(open_holds, "pk", Count)).exclude(holding=F("total")).select_related("user").order_by("pk"):
        yield f"{account.user.email}: {account.holding} holds are counted, {account.total} are open."


def _accounts() -> Iterator[str]:
    """What the CHECKs promise, asked again: a restored or hand-mended database may lack them."""
    rules = [
        (Q(held__lt=0), "less than nothing is held"),
        (Q(owed__lt=0), "less than nothing is owed"),
        (Q(balance__lt=F("held")), "more is held than the balance"),
        (~Q(owed=0) & ~Q(balance=F("held")), "something is owed although credits are free"),
    ]
    for rule, words in rules:
        for account in Account.objects.filter(rule).select_related("user").order_by("pk"):
            yield f"{account.user.email}: {words}."


def _charges() -> Iterator[str]:
    """Every settled hold with a charge has exactly its entry, which tells its project and provider; no other hold has one, and none stands alone."""
    entry = Entry.objects.filter(kind=Entry.Kind.CHARGE, reference=OuterRef("reference"))
    same = entry.filter(account=OuterRef("account"), amount=F("owed") - OuterRef("charged"), provider=OuterRef("provider"))
    same = same.annotate(what_for=Coalesce("project", 0)).filter(what_for=Coalesce(OuterRef("project"), 0))
    for row in Hold.objects.filter(state=Hold.State.SETTLED, charged__gt=0).filter(~Exists(same)).order_by("pk"):
        yield f"{row.reference}: {credits_text(row.charged)} credits were settled without an entry that says so."
    for row in Hold.objects.exclude(state=Hold.State.SETTLED).filter(~Q(charged=0) | Exists(entry)).order_by("pk"):
        yield f"{row.reference}: a hold that is {row.state} was charged."
    for row in Hold.objects.filter(Q(charged__lt=0) | Q(amount__lt=0) | (Q(state=Hold.State.SETTLED, charged=0) & Exists(entry))).order_by("pk"):
        yield f"{row.reference}: the amounts of this hold cannot be."
    for lone in _without_hold(Entry.Kind.CHARGE):
        yield f"{lone.reference}: {credits_text(-lone.change)} credits were charged without a hold."


def _corrections() -> Iterator[str]:
    """Every hold that was corrected has exactly its entry; no other hold has one, and none stands alone."""
    entry = Entry.objects.filter(kind=Entry.Kind.CORRECT, reference=OuterRef("reference"), account=OuterRef("account"))
    same = entry.filter(amount=F("owed") - OuterRef("corrected"), provider=OuterRef("provider"))
    for row in Hold.objects.filter((~Q(corrected=0) & ~Exists(same)) | (Q(corrected=0) & Exists(entry))).order_by("pk"):
        yield f"{row.reference}: its charge was corrected by {credits_text(row.corrected)} credits, and its entry says something else."
    for lone in _without_hold(Entry.Kind.CORRECT):
        yield f"{lone.reference}: a charge was corrected without a hold."


def _repayments() -> Iterator[str]:
    """Only a hold that has ended can free credits that repay."""
    open_hold = Hold.objects.filter(reference=OuterRef("reference"), state=Hold.State.OPEN)
    for row in Entry.objects.filter(kind=Entry.Kind.REPAY).filter(Exists(open_hold)).order_by("pk"):
        yield f"{row.reference}: an open hold repaid what was owed."
    for lone in _without_hold(Entry.Kind.REPAY):
        yield f"{lone.reference}: {credits_text(-lone.amount)} credits repaid what was owed without a hold."


def _entries() -> Iterator[str]:
    """The signs of each kind."""
    right = (
        Q(kind=Entry.Kind.GRANT, amount__gte=0, owed__lte=0, amount__gt=F("owed"))
        | Q(kind=Entry.Kind.CHARGE, amount__lte=0, owed__gte=0, amount__lt=F("owed"))
        | Q(kind=Entry.Kind.REPAY, amount__lt=0, owed=F("amount"))
        | Q(kind=Entry.Kind.ADJUST, owed__lte=0, amount__gt=F("owed"))
        | Q(kind=Entry.Kind.ADJUST, owed=0, amount__lt=0)
        | Q(kind=Entry.Kind.LAPSE, owed=0, amount__lt=0)
        | Q(kind=Entry.Kind.CORRECT, amount__lte=0, owed__gte=0, amount__lt=F("owed"))
        | Q(kind=Entry.Kind.CORRECT, amount__gte=0, owed__lte=0, amount__gt=F("owed"))
    )
    for row in Entry.objects.exclude(right).order_by("pk"):
        yield f"{row.kind} {row.reference}: {credits_text(row.amount)} credits and {credits_text(row.owed)} owed do not make a {row.kind}."


def _tallies() -> Iterator[str]:
    """Each tally is the sum of the holds that were ordered in its days, and no hold is missing from the tallies in which it counts."""
    yield from _miscounted("account", [Period.DAY], Account.objects.values_list("pk", "user__email"))
    yield from _miscounted("project", [Period.ALL, Period.MONTH], Project.objects.values_list("pk", "code"))


def _miscounted(owner: str, periods: Sequence[Period], names: QuerySet[Any, tuple[int, str]]) -> Iterator[str]:
    """The tallies of accounts or of projects that are not what their holds say. One query for both sides; a hold's line ends on its own day."""
    tallies = Tally.objects.exclude(**{owner: None}).values_list(owner, "starts_on", "ends_on", "held", "spent")
    by_day = (
        Hold.objects.exclude(**{owner: None})
        .order_by()
        .values(owner, "day")
        .annotate(is_held=Sum(OPEN_AMOUNT), is_spent=Sum(F("charged") + F("corrected")))
    )
    counted: defaultdict[tuple[int, date, date], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for whose, first, last, held, spent in tallies.union(by_day.values_list(owner, "day", F("day"), "is_held", "is_spent"), all=True):
        spans = [(first, last)] if first != last else [(span.starts_on, span.ends_on) for span in (span_of(period, first) for period in periods)]
        for span in spans:
            figures, place = counted[whose, *span], 0 if first != last else 2
            figures[place] += int(held)
            figures[place + 1] += int(spent)
    wrong = {key: figures for key, figures in sorted(counted.items()) if figures[:2] != figures[2:]}
    known = dict(names) if wrong else {}
    for (whose, first, _), figures in wrong.items():
        held, spent, really_held, really_spent = map(credits_text, figures)
        yield f"{known[whose]}, from {first}: {held} held and {spent} spent are counted, its holds say {really_held} and {really_spent}."


def _portions() -> Iterator[str]:
    """Each portion has its grant, and its lapse where something lapsed; no lapse stands alone."""
    same = Entry.objects.filter(reference=OuterRef("reference"), account=OuterRef("account"))
    granted = same.filter(kind=Entry.Kind.GRANT, amount=OuterRef("amount") + F("owed"))
    lapsed = same.filter(kind=Entry.Kind.LAPSE)
    for row in Portion.objects.filter(~Exists(granted)).order_by("pk"):
        yield f"{row.reference}: {credits_text(row.amount)} credits were to be granted, without an entry that says so."
    right = Exists(lapsed.filter(amount=-OuterRef("lapsed")))
    for row in Portion.objects.filter(Q(lapsed__gt=0) & ~right | Q(lapsed=0) & Exists(lapsed)).order_by("pk"):
        yield f"{row.reference}: {credits_text(row.lapsed)} credits lapsed, and its entry says something else."
    for lone in Entry.objects.filter(kind=Entry.Kind.LAPSE).filter(~Exists(Portion.objects.filter(reference=OuterRef("reference")))).order_by("pk"):
        yield f"{lone.reference}: {credits_text(-lone.amount)} credits lapsed without an allowance."


def _waivers() -> Iterator[str]:
    """A waiver was used by an order of its own person."""
    for row in Waiver.objects.exclude(used_by=None).exclude(used_by__account__user=F("user")).select_related("user").order_by("pk"):
        yield f"{row.user.email}: somebody else’s order used their waiver."


def _total(rows: QuerySet[Any], column: str, aggregate: type[Aggregate] = Sum) -> Coalesce:
    """The sum of a column, or another aggregate, over an account's rows; 0 where it has none."""
    sums = rows.filter(account=OuterRef("pk")).order_by().values("account").annotate(sum=aggregate(column)).values("sum")
    return Coalesce(Cast(Subquery(sums), BigIntegerField()), Value(0, IntegerField()), output_field=BigIntegerField())


def _without_hold(kind: str) -> QuerySet[Entry]:
    """The entries of a kind whose hold is missing or belongs to another account."""
    theirs = Hold.objects.filter(reference=OuterRef("reference"), account=OuterRef("account"))
    return Entry.objects.filter(kind=kind).filter(~Exists(theirs)).order_by("pk")
