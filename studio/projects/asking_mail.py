"""Tells admins by e-mail that an owner asks to add somebody, or has invited somebody new. Run by the queue; the people page and the record say the same."""

import logging
import smtplib

from django.conf import settings
from django.db import DatabaseError, InterfaceError, transaction
from django.urls import reverse
from django_q.tasks import async_task
from redis.exceptions import RedisError

from studio.accounts import outgoing_mail
from studio.accounts.invitations import one_line
from studio.accounts.models import User
from studio.projects.models import Project

BROKER_AWAY = (DatabaseError, InterfaceError, OSError, RedisError)  # what the queue raises while it cannot be reached
log = logging.getLogger(__name__)


def tell_admins_later(letter: str, *, by: User, email: str, project: Project) -> None:
    """Put the telling into the queue, once what it tells of is written for good."""
    if settings.EMAIL_URL:
        transaction.on_commit(lambda: _queue(letter, one_line(by), email, one_line(project)))


def _queue(*facts: str) -> None:
    try:
        async_task("studio.projects.asking_mail.tell_admins", *facts)
    except BROKER_AWAY:
        log.warning("the queue cannot be reached; no admin is told by e-mail", exc_info=True)


def tell_admins(letter: str, by: str, email: str, project: str) -> int:
    """How many admins were told. `letter` is asked or invited."""
    facts: dict[str, object] = {
        "by": by,
        "email": email,
        "project": project,
        "team": settings.TEAM_NAME,
        "address": f"{settings.SITE_URL}{reverse('people')}",
    }
    return sum(_sent(admin, letter, facts) for admin in User.objects.filter(role=User.Role.ADMIN, is_active=True))


def _sent(admin: User, letter: str, facts: dict[str, object]) -> bool:
    try:
        return outgoing_mail.send(f"projects/email/{letter}", facts, to=admin.email)
    except (smtplib.SMTPException, OSError):
        log.warning("the mail server did not take a letter for %s", admin.email, exc_info=True)
        return False
