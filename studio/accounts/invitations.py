"""Hands an invitation over: its address, shown once, and an e-mail where the installation sends any."""

import logging
from dataclasses import dataclass
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import send_mail
from django.http import HttpRequest
from django.template.loader import render_to_string

from studio.accounts.addresses import absolute
from studio.accounts.models import User

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Handover:
    """What the inviting person sees. `mail` is `sent`, `failed`, or `off` where no e-mail is configured."""

    person: User
    address: str
    days: int
    mail: str


def hand_over(request: HttpRequest, person: User, token: str, *, by: User, project: str = "") -> Handover:
    """The address of this token, already sent to the person if that is possible. `project` is the name of what they were invited to."""
    address = absolute(request, "access_link", token)
    days = settings.INVITATION_LIFETIME.days
    facts = {"by": by, "address": address, "days": days, "team": settings.TEAM_NAME, "project": project, "known": person.is_active}
    return Handover(person, address, days, _post(person.email, facts))


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
