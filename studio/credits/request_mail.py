"""Tells by e-mail of requests for credits: managers that somebody asks, and the person what came of it. Run by the queue.

Where no mail is sent, the pages say the same.
"""

import logging
import smtplib

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.urls import reverse
from django_q.tasks import async_task
from redis.exceptions import RedisError

from studio.accounts import outgoing_mail
from studio.accounts.models import User
from studio.credits.models import CreditRequest

BROKER_AWAY = (DatabaseError, InterfaceError, OSError, RedisError)  # what the queue raises while it cannot be reached
MODULE = "studio.credits.request_mail"
log = logging.getLogger(__name__)


def mail_managers(request_id: int) -> None:
    """Put the telling of credit managers into the queue: a mail server may be slow, and a person waits for their page."""
    _queue(f"{MODULE}.tell_managers", request_id)


def mail_answer(request_id: int) -> None:
    """The same for the one who asked."""
    _queue(f"{MODULE}.tell_person", request_id)


def _queue(task: str, request_id: int) -> None:
    if not settings.EMAIL_URL:
        return
    try:
        async_task(task, request_id)
    except BROKER_AWAY:
        log.warning("the queue cannot be reached; nobody is told by e-mail", exc_info=True)


def tell_managers(request_id: int) -> int:
    """How many credit managers were told that somebody asks; none if it is answered by now."""
    request = _read(request_id)
    if request is None or not request.is_open:
        return 0
    people = User.objects.filter(role__in=[User.Role.CREDIT_MANAGER, User.Role.ADMIN], is_active=True).exclude(pk=request.user_id)
    return sum(_sent(person, "asked", request, reverse("credits_requests")) for person in people)


def tell_person(request_id: int) -> int:
    """1 if the one who asked was told the answer."""
    request = _read(request_id)
    if request is None or request.answered_by is None:
        return 0
    return int(_sent(request.user, "answered", request, reverse("credits")))


def _read(request_id: int) -> CreditRequest | None:
    return CreditRequest.objects.select_related("user", "project", "answered_by").filter(pk=request_id).first()


def _sent(person: User, letter: str, request: CreditRequest, path: str) -> bool:
    facts = {"asked": request, "team": settings.TEAM_NAME, "address": f"{settings.SITE_URL}{path}"}
    try:
        return outgoing_mail.send(f"credits/email/{letter}", facts, to=person.email)
    except (smtplib.SMTPException, OSError):
        log.warning("the mail server did not take a letter for %s", person.email, exc_info=True)
        return False
