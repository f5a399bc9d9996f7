"""Hands an invitation over: its address, shown once, and an e-mail where the installation sends any."""

import logging
from dataclasses import dataclass
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import send_mail
from django.http import HttpRequest
from django.template.loader import render_to_string

from studio.accounts.addresses import absolute
from studio.accounts.models import AccessLink, User

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
    mail = _post(person.email, facts)
    if mail == "sent":
        AccessLink.objects.filter(token_hash=AccessLink.digest(token)).update(mailed=True)
    return Handover(person, "" if mail == "sent" else address, days, mail)


def one_line(name: object) -> str:
    """A name as an e-mail has it: on one line, without control characters and marks that turn text around."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in str(name)).split())


def _post(email: str, facts: dict[str, object]) -> str:
    """`sent`, `failed` (logged: the link still works) or `off`."""
    if not settings.EMAIL_URL:
        return "off"
    subject = " ".join(render_to_string("accounts/email/invitation_subject.txt", facts).split())  # a name may hold a line end, a header may not
    text = render_to_string("accounts/email/invitation_message.txt", facts)
    try:
        send_mail(subject, text, None, [email])
    except (SMTPException, OSError):
        log.exception("An invitation could not be sent by e-mail")
        return "failed"
    return "sent"
