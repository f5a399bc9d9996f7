"""What a credit manager may not decide alone: credits for themselves, and any amount in a day. Admins may."""

from collections.abc import Iterable

from django.core.exceptions import PermissionDenied

from studio.accounts import rate_limits
from studio.accounts.models import AuditEvent, User

MILLICREDITS = 1000
REFUSAL = "Credit managers do not give credits or exceptions to themselves. Ask another manager or an admin."


def refuse_own(people: Iterable[User], *, by: User | None, role: str = "") -> None:
    """Let a manager give something to these people or to everybody of this role. Raises PermissionDenied, and records the try, if they are among them.

    Call it outside transactions, which would undo the record.
    """
    if by is None or by.is_admin or (by not in people and role != by.role):
        return
    AuditEvent.record("credits.own_refused", by.email, actor=by)
    raise PermissionDenied(REFUSAL)


def spend_grant(by: User, millicredits: int) -> None:
    """Count what a manager gives away towards the limit of a day. Raises TooManyRequests. Admins are not limited."""
    if not by.is_admin and millicredits > 0:
        rate_limits.spend_own(by, "granted_credits", -(-millicredits // MILLICREDITS))
