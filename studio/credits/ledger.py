"""The only writer of credits: grant, adjust, move_many, lapse, hold, settle, release, correct, and verify, which finds what should not be.

All amounts are whole millicredits. Every function joins the caller's transaction, so a job's move and its money stand or fall together,
and every one may be called again: the same key or reference moves nothing twice and answers False. Errors stand in errors.py.

How it holds on SQLite (IMMEDIATE: one writer) and PostgreSQL (READ COMMITTED) alike: a row is claimed by an UPDATE whose WHERE is judged
under that row's lock, and who changed no row did nothing. Locks are taken in one order, first the hold, then its account, then the tallies of
limits.py. Whoever moves several accounts in one transaction takes them in ascending id.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from studio.accounts.models import User
from studio.credits import limits, spend
from studio.credits.books import verify
from studio.credits.errors import CannotHold, Conflict, Insufficient, LedgerError, NothingHeld, OverBudget, OverCap
from studio.credits.figures import LARGEST, credits_text
from studio.credits.models import Account, Cap, Entry, Hold, Waiver
from studio.credits.periods import today
from studio.projects.models import Project

__all__ = [
    "LARGEST",
    "CannotHold",
    "Conflict",
    "Insufficient",
    "LedgerError",
    "NothingHeld",
    "OverBudget",
    "OverCap",
    "account_of",
    "adjust",
    "correct",
    "grant",
    "hold",
    "lapse",
    "lock_many",
    "move_many",
    "refresh",
    "release",
    "settle",
    "verify",
]

NAME_LENGTH = 80
REASON_LENGTH = 300


def account_of(user: User) -> Account:
    """A person's account as it stands now, made on first use."""
    account, _ = Account.objects.get_or_create(user=user)
    return account


def grant(user: User, amount: int, *, key: str, reason: str, actor: User | None) -> bool:
    """Whether this call gave the credits (at least 1 millicredit); what the person owes is repaid first. Raises Conflict."""
    return _move(Entry.Kind.GRANT, user, _whole(amount, least=1), key=key, reason=reason, actor=actor)


def adjust(user: User, amount: int, *, key: str, reason: str, actor: User | None) -> bool:
    """Whether this call corrected the balance: up as a grant does, or down by at most what is free. Raises Insufficient or Conflict."""
    if not _whole(amount, least=-LARGEST):
        raise ValueError("An adjustment of 0 adjusts nothing.")
    return _move(Entry.Kind.ADJUST, user, amount, key=key, reason=reason, actor=actor)


def lock_many(user_ids: Collection[int]) -> dict[int, Account]:
    """The accounts of these people by the person's id, made where there was none, read under locks that this transaction keeps. Four queries."""
    known = set(Account.objects.filter(user__in=user_ids).values_list("user_id", flat=True))
    if missing := sorted(set(user_ids) - known):
        Account.objects.bulk_create([Account(user_id=user_id) for user_id in missing], ignore_conflicts=True)
    rows = Account.objects.select_for_update().filter(user__in=user_ids).order_by("pk")
    return {account.user_id: account for account in rows}


def move_many(changes: Mapping[Account, int], *, keys: Mapping[Account, str], reason: str, actor: User | None) -> None:
    """Grant to each of these accounts, or for less than 0 take what is free, as grant and adjust do. A handful of queries for some hundred.

    The accounts are those that `lock_many` gave in this transaction, and are afterwards as they stand then. No key may have moved anything before.
    Raises Insufficient or IntegrityError, after which the transaction must not stand.
    """
    entries = []
    for account, amount in changes.items():
        kind = Entry.Kind.GRANT if _whole(amount, least=-LARGEST) > 0 else Entry.Kind.ADJUST
        entry = Entry(kind=kind, reference=_name(keys[account]), reason=_sentence(reason), actor=actor)
        entries += _counted(account, [_given(account, entry, amount)])
        account.version += 1
    Entry.objects.bulk_create(entries)
    Account.objects.bulk_update(changes, ["balance", "owed", "version"])


def lapse(user: User, amount: int, *, key: str, reason: str) -> int:
    """How much of an unused allowance this call took back: what is free, and never more than `amount`. Under one key it takes once."""
    with transaction.atomic():
        account = _locked(account_of(user).pk)
        taken = min(_whole(amount, least=0), account.free)
        if not taken or Entry.objects.filter(kind=Entry.Kind.LAPSE, reference=_name(key)).exists():
            return 0
        _apply(account, held=0, entries=[Entry(kind=Entry.Kind.LAPSE, reference=key, amount=-taken, reason=_sentence(reason))])
    return taken


def hold(user: User, amount: int, *, reference: str, reason: str = "", project: Project | None = None, provider: str = "") -> bool:
    """Whether this call put the credits aside. `reason` is what the person reads on their ledger, such as a shot code.

    What it is for, `project` and `provider`, is told by its charge. 0 is allowed (no price is known); nothing at all can be held while something is
    owed. Raises CannotHold (Insufficient, OverCap, OverBudget), or Conflict; then nothing was written.
    """
    account = account_of(user)
    row = Hold(account=account, amount=_whole(amount, least=0), reference=_name(reference), reason=reason)
    row.project, row.provider, row.day = project, provider, today()
    try:
        with transaction.atomic():
            row.save(force_insert=True)
            cap = limits.cap_of(user)
            _put_aside(row, cap)
            limits.count(row, cap)
    except IntegrityError:
        earlier = Hold.objects.filter(reference=reference).first()
        if earlier is None:
            raise
        if (earlier.account_id, earlier.amount) != (account.pk, amount):
            raise Conflict(f"{reference} already holds {credits_text(earlier.amount)} credits.") from None
        return False
    return True


def settle(reference: str, charge: int) -> bool:
    """Whether this call turned the hold into a charge (0 or more; it may exceed the hold) and gave back the rest. Raises Conflict, NothingHeld.

    What exceeds the hold is taken from what is free, then owed; it never touches what other holds have put aside.
    """
    return _end(reference, Hold.State.SETTLED, _whole(charge, least=0))


def release(reference: str) -> bool:
    """Whether this call gave the whole hold back. Raises Conflict if it was settled, NothingHeld."""
    return _end(reference, Hold.State.RELEASED, 0)


def correct(reference: str, charge: int, *, reason: str, actor: User) -> bool:
    """Whether this call made `charge` (0 or more) what an ended hold cost: the difference is given back, or taken as a charge is.

    Once a hold: who was wrong twice adjusts the balance. Raises Conflict for another correction, NothingHeld while it is open.
    """
    with transaction.atomic():
        row = Hold.objects.filter(reference=reference).exclude(state=Hold.State.OPEN).first()
        if row is None:
            raise NothingHeld(f"Nothing that was held for {reference} has ended.")
        change = _whole(charge, least=0) - row.charged
        if not change and not row.corrected:
            return False
        if not change or Hold.objects.filter(pk=row.pk, corrected=0).update(corrected=change) != 1:
            row.refresh_from_db()
            if row.corrected != change:
                raise Conflict(
                    f"This charge was corrected to {credits_text(row.charged + row.corrected)} credits already. Adjust the balance instead."
                )
            return False
        account = _locked(row.account_id)
        entry = Entry(kind=Entry.Kind.CORRECT, reference=reference, reason=_sentence(reason), actor=actor)
        entry.project_id, entry.provider = row.project_id, row.provider
        if change < 0:
            _given(account, entry, -change)
        else:
            entry.amount = -min(change, account.balance - account.held)
            entry.owed = change + entry.amount
        _apply(account, held=0, entries=[entry], reference=reference)
        limits.correct(row, change)
    return True


def refresh(user: User) -> None:
    """Nothing moves; pages that show this person's credits ask anew, because something about them was decided."""
    Account.objects.filter(pk=account_of(user).pk).update(version=F("version") + 1)


def _move(kind: Entry.Kind, user: User, amount: int, *, key: str, reason: str, actor: User | None) -> bool:
    """Write one grant or adjustment, once."""
    entry = Entry(kind=kind, reference=_name(key), reason=_sentence(reason), actor=actor)
    with transaction.atomic():
        account = _locked(account_of(user).pk)
        earlier = Entry.objects.filter(kind=kind, reference=key).first()
        if earlier is not None:
            return _repeated(earlier, account, amount)
        _apply(account, held=0, entries=[_given(account, entry, amount)])
    return True


def _given(account: Account, entry: Entry, amount: int) -> Entry:
    """The entry of a grant or an adjustment with its amounts. Raises Insufficient."""
    if amount < 0 and account.balance - account.held < -amount:
        free = account.balance - account.held
        raise Insufficient(needed=-amount, free=free, missing=-amount - free)
    repaid = min(account.owed, max(amount, 0))
    entry.amount, entry.owed = amount - repaid, -repaid
    return entry


def _repeated(earlier: Entry, account: Account, amount: int) -> bool:
    """False for the same movement, Conflict for another one. The reason may differ: it moves nothing."""
    if (earlier.account_id, earlier.change) != (account.pk, amount):
        raise Conflict(f"This has already moved {credits_text(earlier.change)} credits.")
    return False


def _put_aside(row: Hold, cap: Cap) -> None:
    """Raise what is held, if that much is free and one more job at once is allowed."""
    if _held_more(row, at_once=cap.at_once):
        return
    now, amount = _locked(row.account_id), row.amount  # under the lock the figures that we tell are those that stopped it
    if lack := limits.lacking(now, amount):
        raise lack
    if (crowd := limits.too_many(now, cap)) and not limits.waived(row, Waiver.Lifts.CAP):
        raise crowd
    if not _held_more(row, at_once=None):
        raise LedgerError(f"Account {now.pk} changed under its lock.")


def _held_more(row: Hold, *, at_once: int | None) -> bool:
    enough = Account.objects.filter(pk=row.account_id, owed=0, balance__gte=F("held") + row.amount)
    if at_once is not None:
        enough = enough.filter(holding__lt=at_once)
    return enough.update(held=F("held") + row.amount, holding=F("holding") + 1, version=F("version") + 1) == 1


def _end(reference: str, state: Hold.State, charge: int) -> bool:
    """End a hold, once: settled with a charge or released."""
    with transaction.atomic():
        row = Hold.objects.filter(reference=reference).first()
        if row is None:
            raise NothingHeld(f"Nothing is held for {reference}.")
        now = timezone.now()
        if Hold.objects.filter(pk=row.pk, state=Hold.State.OPEN).update(state=state, charged=charge, ended_at=now) != 1:
            row.refresh_from_db()
            if (row.state, row.charged) != (state, charge):
                raise Conflict(f"The hold for {reference} was {row.state} already, with {credits_text(row.charged)} credits charged.")
            return False
        account = _locked(row.account_id)
        entries = [_charge(account, row, charge, now)] if charge else []  # a charge of 0 moves nothing; the hold's row tells of it
        _apply(account, held=-row.amount, holding=-1, entries=entries, reference=reference)
        limits.end(row, charge)
        spend.count(row, charge, at=now)
    return True


def _charge(account: Account, row: Hold, charge: int, at: datetime) -> Entry:
    """The entry of a charge: from the hold, then from what is free, and only the rest is owed."""
    taken = min(charge, account.balance - (account.held - row.amount))
    entry = Entry(kind=Entry.Kind.CHARGE, reference=row.reference, amount=-taken, owed=charge - taken, reason=row.reason)
    entry.project_id, entry.provider, entry.at = row.project_id, row.provider, at
    return entry


def _locked(account_id: int) -> Account:
    """The account, read under its row's lock, which this transaction then keeps."""
    Account.objects.filter(pk=account_id).update(version=F("version"))
    return Account.objects.get(pk=account_id)


def _apply(account: Account, *, held: int, holding: int = 0, entries: list[Entry], reference: str = "") -> None:
    """Write entries, and the account that they make, both under its lock. What becomes free repays what is owed."""
    account.held += held
    for entry in _counted(account, entries, reference=reference):
        entry.save(force_insert=True)
    # Figures rather than F(): SQLite turns a sum beyond 64 bits into a float without a word, Python's ends in an error.
    figures = {"balance": account.balance, "owed": account.owed, "held": account.held, "holding": account.holding + holding}
    if Account.objects.filter(pk=account.pk, version=account.version).update(**figures, version=account.version + 1) != 1:
        raise LedgerError(f"Account {account.pk} changed under its lock.")


def _counted(account: Account, entries: list[Entry], *, reference: str = "") -> list[Entry]:
    """These entries and, where something that is owed can be repaid then, its repayment; the account in hand counts them."""
    account.owed += sum(entry.owed for entry in entries)
    account.balance += sum(entry.amount for entry in entries)
    spare = min(account.owed, account.balance - account.held)
    if spare > 0:
        entries = [*entries, Entry(kind=Entry.Kind.REPAY, reference=reference, amount=-spare, owed=-spare)]
        account.owed, account.balance = account.owed - spare, account.balance - spare
    for entry in entries:
        entry.account = account
    return entries


def _whole(amount: int, *, least: int) -> int:
    """The amount, if it is a whole number of millicredits in range; ValueError otherwise."""
    if isinstance(amount, bool) or not isinstance(amount, int):
        raise TypeError(f"Credits move in whole millicredits, not {amount!r}.")
    if not least <= amount <= LARGEST:
        raise ValueError(f"{amount} millicredits is out of range: {least} to {LARGEST}.")
    return amount


def _name(reference: str) -> str:
    """A key or reference that fits its column; ValueError otherwise."""
    if not 0 < len(reference) <= NAME_LENGTH:
        raise ValueError(f"A key or reference has 1 to {NAME_LENGTH} characters, not {len(reference)}.")
    return reference


def _sentence(reason: str) -> str:
    """A reason that fits its column; ValueError otherwise."""
    if not 0 < len(reason.strip()) <= REASON_LENGTH:
        raise ValueError(f"A reason has 1 to {REASON_LENGTH} characters.")
    return reason.strip()
