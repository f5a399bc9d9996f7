"""Tells admins by e-mail that an owner asks to add somebody, or has invited somebody new. Run by the queue; the people page and the record say the same."""

import logging
import smtplib

from django.conf import settings
from django.core.mail import send_mail
from django.db import DatabaseError, InterfaceError, transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django_q.tasks import async_task
from redis.exceptions import RedisError

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
    facts = {"by": by, "email": email, "project": project, "team": settings.TEAM_NAME, "address": f"{settings.SITE_URL}{reverse('people')}"}
    subject = " ".join(render_to_string(f"projects/email/{letter}_subject.txt", facts).split())
    text = render_to_string(f"projects/email/{letter}_message.txt", facts)
    return sum(_sent(admin, subject, text) for admin in User.objects.filter(role=User.Role.ADMIN, is_active=True))


def _sent(admin: User, subject: str, text: str) -> bool:
    try:
        return send_mail(subject, text, None, [admin.email]) == 1
    except (smtplib.SMTPException, OSError):
        log.warning("the mail server did not take a letter for %s", admin.email, exc_info=True)
        return False
