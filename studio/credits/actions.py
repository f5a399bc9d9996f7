"""What a credit manager does with other people's credits."""

from uuid import UUID

from django.db import transaction

from studio.accounts.models import AuditEvent, User
from studio.credits import ledger
from studio.credits.own_grants import refuse_own


def give(person: User, amount: int, *, key: UUID | str, reason: str, by: User | None) -> bool:
    """Whether this call moved the credits: granted them, or took them for a negative amount of millicredits; recorded for audit.

    Raises ledger.Insufficient where more would be taken than is free, and ledger.Conflict for a key that moved something else.
    """
    if amount > 0:
        refuse_own([person], by=by)
    write = ledger.grant if amount > 0 else ledger.adjust
    with transaction.atomic():
        if not write(person, amount, key=str(key), reason=reason, actor=by):
            return False
        after = ledger.account_of(person).shown
        AuditEvent.record(
            "credits.granted" if amount > 0 else "credits.taken",
            person.email,
            actor=by,
            before={"millicredits": after - amount},
            after={"millicredits": after},
            reason=reason,
        )
    return True
