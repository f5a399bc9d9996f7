"""The only writer of credits: grant, adjust, hold, settle, release, and verify, which finds what should not be.

All amounts are whole millicredits. Every function joins the caller's transaction, so a job's move and its money stand or fall together,
and every one may be called again: the same key or reference moves nothing twice and answers False.

    LedgerError
    ├── Insufficient    there is not enough: say how much is missing
    ├── Conflict        this key or reference already moved something else: a mistake of the caller's
    └── NothingHeld     there is no hold of this reference: a mistake of the caller's

How it holds on SQLite (IMMEDIATE: one writer) and PostgreSQL (READ COMMITTED) alike: a row is claimed by an UPDATE whose WHERE is judged
under that row's lock, and who changed no row did nothing. Locks are taken in one order, first the hold, then its account. Whoever moves
several accounts in one transaction takes them in ascending id.
"""

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from studio.accounts.models import User
from studio.credits.books import verify
from studio.credits.figures import LARGEST, credits_text
from studio.credits.models import Account, Entry, Hold

__all__ = ["Conflict", "Insufficient", "LedgerError", "NothingHeld", "account_of", "adjust", "grant", "hold", "release", "settle", "verify"]

NAME_LENGTH = 80
REASON_LENGTH = 300


class LedgerError(Exception):
    """The base of the tree above. Nothing was moved."""


class Insufficient(LedgerError):
    """There is not enough. In millicredits: `needed` was asked for, `free` can be spent now, `missing` would have to be granted first."""

    def __init__(self, *, needed: int, free: int, missing: int) -> None:
        """Say it in credits, and keep the figures."""
        super().__init__(f"This needs {credits_text(needed)} credits; {credits_text(free)} can be spent. {credits_text(missing)} are missing.")
        self.needed = needed
        self.free = free
        self.missing = missing


class Conflict(LedgerError):
    """The same key or reference came with other content."""


class NothingHeld(LedgerError):
    """No hold has this reference."""


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


def hold(user: User, amount: int, *, reference: str, reason: str = "") -> bool:
    """Whether this call put the credits aside. `reason` is what the person reads on their ledger, such as a shot code.

    0 is allowed (no price is known); nothing at all can be held while something is owed. Raises Insufficient, or Conflict.
    """
    account = account_of(user)
    row = Hold(account=account, amount=_whole(amount, least=0), reference=_name(reference), reason=reason)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
            _put_aside(account, amount)
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


def _move(kind: Entry.Kind, user: User, amount: int, *, key: str, reason: str, actor: User | None) -> bool:
    """Write one grant or adjustment, once."""
    entry = Entry(kind=kind, reference=_name(key), reason=_sentence(reason), actor=actor)
    with transaction.atomic():
        account = _locked(account_of(user).pk)
        earlier = Entry.objects.filter(kind=kind, reference=key).first()
        if earlier is not None:
            return _repeated(earlier, account, amount)
        if amount < 0 and account.balance - account.held < -amount:
            free = account.balance - account.held
            raise Insufficient(needed=-amount, free=free, missing=-amount - free)
        repaid = min(account.owed, max(amount, 0))
        entry.amount, entry.owed = amount - repaid, -repaid
        _apply(account, held=0, entries=[entry])
    return True


def _repeated(earlier: Entry, account: Account, amount: int) -> bool:
    """False for the same movement, Conflict for another one. The reason may differ: it moves nothing."""
    if (earlier.account_id, earlier.change) != (account.pk, amount):
        raise Conflict(f"This has already moved {credits_text(earlier.change)} credits.")
    return False


def _put_aside(account: Account, amount: int) -> None:
    """Raise what is held, if that much is free."""
    if _held_more(account, amount):
        return
    now = _locked(account.pk)  # under the lock the figures that we tell are those that stopped it
    if not _held_more(account, amount):  # and something may have come back just before it
        raise Insufficient(needed=amount, free=now.free, missing=amount + now.held + now.owed - now.balance)


def _held_more(account: Account, amount: int) -> bool:
    enough = Account.objects.filter(pk=account.pk, owed=0, balance__gte=F("held") + amount)
    return enough.update(held=F("held") + amount, version=F("version") + 1) == 1


def _end(reference: str, state: Hold.State, charge: int) -> bool:
    """End a hold, once: settled with a charge or released."""
    with transaction.atomic():
        row = Hold.objects.filter(reference=reference).first()
        if row is None:
            raise NothingHeld(f"Nothing is held for {reference}.")
        if Hold.objects.filter(pk=row.pk, state=Hold.State.OPEN).update(state=state, charged=charge, ended_at=timezone.now()) != 1:
            row.refresh_from_db()
            if (row.state, row.charged) != (state, charge):
                raise Conflict(f"The hold for {reference} was {row.state} already, with {credits_text(row.charged)} credits charged.")
            return False
        account = _locked(row.account_id)
        entries = [_charge(account, row, charge)] if charge else []  # a charge of 0 moves nothing; the hold's row tells of it
        _apply(account, held=-row.amount, entries=entries, reference=reference)
    return True


def _charge(account: Account, row: Hold, charge: int) -> Entry:
    """The entry of a charge: from the hold, then from what is free, and only the rest is owed."""
    taken = min(charge, account.balance - (account.held - row.amount))
    return Entry(kind=Entry.Kind.CHARGE, reference=row.reference, amount=-taken, owed=charge - taken, reason=row.reason)


def _locked(account_id: int) -> Account:
    """The account, read under its row's lock, which this transaction then keeps."""
    Account.objects.filter(pk=account_id).update(version=F("version"))
    return Account.objects.get(pk=account_id)


def _apply(account: Account, *, held: int, entries: list[Entry], reference: str = "") -> None:
    """Write entries, and the account that they make, both under its lock. What becomes free repays what is owed."""
    owed = account.owed + sum(entry.owed for entry in entries)
    balance = account.balance + sum(entry.amount for entry in entries)
    spare = min(owed, balance - account.held - held)
    if spare > 0:
        entries = [*entries, Entry(kind=Entry.Kind.REPAY, reference=reference, amount=-spare, owed=-spare)]
        owed, balance = owed - spare, balance - spare
    for entry in entries:
        entry.account = account
        entry.save(force_insert=True)
    # Figures rather than F(): SQLite turns a sum beyond 64 bits into a float without a word, Python's ends in an error.
    current = Account.objects.filter(pk=account.pk, version=account.version)
    if current.update(balance=balance, owed=owed, held=account.held + held, version=account.version + 1) != 1:
        raise LedgerError(f"Account {account.pk} changed under its lock.")


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
