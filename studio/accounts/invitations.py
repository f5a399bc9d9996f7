"""Hands an invitation over: its address, shown once, and an e-mail where the installation sends any."""

import logging
from dataclasses import dataclass
from smtplib import SMTPException

from django.conf import settings
from django.http import HttpRequest

from studio.accounts import outgoing_mail
from studio.accounts.addresses import absolute
from studio.accounts.models import AccessLink, User
from studio.plain_text import unlinked

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Handover:
    """What the inviting person sees. `mail` is `sent`, `failed`, or `off` where no e-mail is configured.

    `address` is empty where the link was sent: who uses it then reads the person's mailbox.
    """

    person: User
    address: str
    days: int
    mail: str


def hand_over(request: HttpRequest, person: User, token: str, *, by: User, project: str = "") -> Handover:
    """The address of this token, sent to the person alone where that is possible. `project` is the name of what they were invited to."""
    address = absolute(request, "access_link", token)
    days = settings.INVITATION_LIFETIME.days
    told = {"by": one_line(by), "project": one_line(project)}
    facts = {**told, "address": address, "days": days, "team": settings.TEAM_NAME, "known": person.is_active}
    outcome = _post(person.email, facts)
    if outcome == "sent":
        AccessLink.objects.filter(token_hash=AccessLink.digest(token)).update(mailed=True)
    return Handover(person, "" if outcome == "sent" else address, days, outcome)


def one_line(name: object) -> str:
    """A name as an e-mail has it: on one line, without control characters, and nothing in it becomes a link."""
    return unlinked(str(name))


def _post(email: str, facts: dict[str, object]) -> str:
    """`sent`, `failed` (logged: the link still works) or `off`."""
    if not settings.EMAIL_URL:
        return "off"
    try:
        outgoing_mail.send("accounts/email/invitation", facts, to=email)
    except (SMTPException, OSError):
        log.exception("An invitation could not be sent by e-mail")
        return "failed"
    return "sent"
