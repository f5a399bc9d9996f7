"""What must be true of the ledger's rows, asked of the database. Reads only.

Each rule is one query over all rows, so that a check is consistent in itself while others write, and ten thousand accounts cost what ten do.
"""

from collections.abc import Iterator

from django.db.models import BigIntegerField, Exists, F, IntegerField, Model, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Cast, Coalesce

from studio.credits.figures import credits_text
from studio.credits.models import Account, Entry, Hold


def verify() -> list[str]:
    """Every violation in plain words; an empty list when the books are right."""
    return [*_sums(), *_accounts(), *_charges(), *_repayments(), *_entries()]


def _sums() -> Iterator[str]:
    """A balance is the sum of its amounts, what is owed the sum of its owed, what is held the sum of its open holds."""
    rules: list[tuple[str, str, Coalesce]] = [
        ("balance", "its entries sum to", _total(Entry.objects.all(), "amount")),
        ("owed", "its entries sum to", _total(Entry.objects.all(), "owed")),
        ("held", "its open holds sum to", _total(Hold.objects.filter(state=Hold.State.OPEN), "amount")),
    ]
    for column, words, total in rules:
        wrong = Account.objects.annotate(total=total).exclude(**{column: F("total")}).select_related("user").order_by("pk")
        for account in wrong:
            yield f"{account.user.email}: {column} is {credits_text(getattr(account, column))}, {words} {credits_text(account.total)}."


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
    """Every settled hold with a charge has exactly its entry, no other hold has one, and no charge stands alone."""
    entry = Entry.objects.filter(kind=Entry.Kind.CHARGE, reference=OuterRef("reference"))
    same = entry.filter(account=OuterRef("account"), amount=F("owed") - OuterRef("charged"))
    for row in Hold.objects.filter(state=Hold.State.SETTLED, charged__gt=0).filter(~Exists(same)).order_by("pk"):
        yield f"{row.reference}: {credits_text(row.charged)} credits were settled without an entry that says so."
    for row in Hold.objects.exclude(state=Hold.State.SETTLED).filter(~Q(charged=0) | Exists(entry)).order_by("pk"):
        yield f"{row.reference}: a hold that is {row.state} was charged."
    for row in Hold.objects.filter(Q(charged__lt=0) | Q(amount__lt=0) | (Q(state=Hold.State.SETTLED, charged=0) & Exists(entry))).order_by("pk"):
        yield f"{row.reference}: the amounts of this hold cannot be."
    for lone in _without_hold(Entry.Kind.CHARGE):
        yield f"{lone.reference}: {credits_text(-lone.change)} credits were charged without a hold."


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
    )
    for row in Entry.objects.exclude(right).order_by("pk"):
        yield f"{row.kind} {row.reference}: {credits_text(row.amount)} credits and {credits_text(row.owed)} owed do not make a {row.kind}."


def _total(rows: QuerySet[Model], column: str) -> Coalesce:
    """The sum of a column over an account's rows, 0 where it has none."""
    sums = rows.filter(account=OuterRef("pk")).order_by().values("account").annotate(sum=Sum(column)).values("sum")
    return Coalesce(Cast(Subquery(sums), BigIntegerField()), Value(0, IntegerField()), output_field=BigIntegerField())


def _without_hold(kind: str) -> QuerySet[Entry]:
    """The entries of a kind whose hold is missing or belongs to another account."""
    theirs = Hold.objects.filter(reference=OuterRef("reference"), account=OuterRef("account"))
    return Entry.objects.filter(kind=kind).filter(~Exists(theirs)).order_by("pk")
