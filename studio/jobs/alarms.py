"""Tells admins by e-mail what only they can mend: a provider's account that is used up, a key that is refused, once for each pause; and clips that were
made and could not be saved, once an hour; and alerts that wait to be settled, once a day. Run by the queue.

Where no mail is sent, the control room and `manage.py doctor` say the same.
"""

import logging
import smtplib

from django.conf import settings
from django.core.cache import cache
from django.db.models import Max, QuerySet
from django.urls import reverse
from django.utils import timezone
from django_q.tasks import async_task

from studio.accounts import outgoing_mail
from studio.accounts.models import User
from studio.jobs.alerts import open_alerts
from studio.jobs.expiry import clock_of
from studio.jobs.hands import BROKER_AWAY
from studio.jobs.models import Clip
from studio.routing.breaker import WHOLE
from studio.routing.models import Breaker

log = logging.getLogger(__name__)
HOUR = 3600  # seconds between two letters about lost clips
QUIET, TOLD_OF = "alarm:missing", "alarm:missing:newest"  # in the shared cache: that one was sent lately; when the newest clip in it was given up
DAY = 86_400  # seconds between two letters about alerts
ALERTS_QUIET = "alarm:alerts"  # in the shared cache: that a letter was sent lately
NAMED = 20  # clips in one letter


def raise_alarm(connection_id: int) -> None:
    """Put the telling into the queue: a mail server may be slow, and the worker has a lease to keep."""
    if not settings.EMAIL_URL:
        return
    try:
        async_task("studio.jobs.alarms.tell_admins", connection_id)
    except BROKER_AWAY:
        log.warning("the queue cannot be reached; nobody is told by e-mail", exc_info=True)


def tell_admins(connection_id: int) -> int:
    """How many admins were told why this connection is paused; none if it is not any more."""
    stop = Breaker.objects.select_related("connection").filter(connection=connection_id, model=WHOLE, open_until__isnull=False).first()
    if stop is None:
        return 0
    facts = {"stop": stop, "connection": stop.connection, "team": settings.TEAM_NAME, "address": f"{settings.SITE_URL}{reverse('connections')}"}
    return sum(_told(admin, "alarm", facts) for admin in User.objects.filter(role=User.Role.ADMIN, is_active=True))


def tell_of_missing() -> int:
    """How many admins were told now which clips lie only at their providers: at most once an hour, and only when another was lost since the last letter.

    Run by the queue, about once a minute. What was lost within the hour, or while no mail could be sent, is told afterwards. One query while all is ours.
    """
    if not settings.EMAIL_URL:
        return 0
    found = Clip.objects.missing().filter(attempt__rescue_due__isnull=False)
    newest = found.aggregate(at=Max("attempt__ended_at"))["at"]
    if newest is None or newest.timestamp() <= cache.get(TOLD_OF, 0) or not cache.add(QUIET, "sent", HOUR):
        return 0
    told = _tell_of(found)
    if told:
        cache.set(TOLD_OF, newest.timestamp(), None)
    else:
        cache.delete(QUIET)
    return told


def tell_of_alerts() -> int:
    """How many admins were told now that alerts wait to be settled: once a day, until nobody waits for them. Run by the queue."""
    number = open_alerts().count() if settings.EMAIL_URL else 0
    if not number or not cache.add(ALERTS_QUIET, "sent", DAY):
        return 0
    rows = open_alerts().select_related("job__project", "connection")[:NAMED]
    facts = {"team": settings.TEAM_NAME, "number": number, "rows": rows, "more": max(0, number - NAMED)}
    facts["address"] = f"{settings.SITE_URL}{reverse('alerts')}"
    told = sum(_told(admin, "alerts", facts) for admin in User.objects.filter(role=User.Role.ADMIN, is_active=True))
    if not told:
        cache.delete(ALERTS_QUIET)
    return told


def _tell_of(found: "QuerySet[Clip]") -> int:
    """How many admins were told of these clips, and of the time that is left for them."""
    number, now = found.count(), timezone.now()
    rows = found.select_related("job__project", "attempt__connection").order_by("created_at")[:NAMED]
    lines = [{"code": row.code, "clock": clock_of(row.attempt, now=now)} for row in rows]
    facts = {"team": settings.TEAM_NAME, "number": number, "lines": lines, "more": max(0, number - NAMED)}
    facts["address"] = f"{settings.SITE_URL}{reverse('missing')}"
    return sum(_told(admin, "missing", facts) for admin in User.objects.filter(role=User.Role.ADMIN, is_active=True))


def _told(admin: User, letter: str, facts: dict[str, object]) -> bool:
    try:
        return outgoing_mail.send(f"jobs/email/{letter}", facts, to=admin.email)
    except (smtplib.SMTPException, OSError):
        log.warning("the mail server did not take the alarm for %s", admin.email, exc_info=True)
        return False
