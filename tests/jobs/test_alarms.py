"""Admins hear of what only they can mend."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core import mail
from django.core.cache import cache
from django.utils import timezone
from django_q.brokers import get_broker
from pytest_django.fixtures import Settings

from studio.accounts.models import User
from studio.jobs.alarms import ALERTS_QUIET, QUIET, tell_admins, tell_of_alerts, tell_of_missing
from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt, Clip, Job
from studio.jobs.worker import sweep
from studio.projects.models import Project
from studio.routing import breaker
from studio.routing.models import Connection
from tests.jobs.conftest import work_through
from tests.jobs.played import PlayedProvider, Reply
from tests.jobs.rows import job_row

NO_BALANCE = Reply(403, {"code": "x", "error": "Your team has either used all available credits or reached its monthly spending limit."})

pytestmark = pytest.mark.django_db


def test_admins_are_told_of_alerts_once_a_day_until_they_are_settled(mails: Settings, ada: User, ordered: Callable[..., Job], played: PlayedProvider):
    assert tell_of_alerts() == 0
    played.usage = 0
    job = work_through(ordered())
    assert (tell_of_alerts(), tell_of_alerts()) == (1, 0)
    [letter] = mail.outbox
    assert (letter.to, letter.subject) == ([ada.email], "Studio: 1 alert to settle")
    assert job.code in letter.body
    assert "says that the clip was free" in letter.body
    cache.delete(ALERTS_QUIET)
    assert tell_of_alerts() == 1
    Attempt.objects.update(alert_settled_at=timezone.now())
    cache.delete(ALERTS_QUIET)
    assert tell_of_alerts() == 0


@pytest.fixture
def mails(settings: Settings) -> Settings:
    settings.EMAIL_URL = "smtp://mail.example.org"
    get_broker().purge_queue()
    return settings


def test_admins_are_told_once_why_a_connection_takes_no_orders(
    mails: Settings, ada: User, alice: User, connection: Connection, ordered: Callable[..., Job], played: PlayedProvider
):
    played.on_submit = [NO_BALANCE] * 2
    for _ in range(2):
        ordered()
    sweep(connection.pk)
    assert get_broker().queue_size() == 1
    assert tell_admins(connection.pk) == 1
    [letter] = mail.outbox
    assert (letter.to, letter.subject) == ([ada.email], "Studio: xAI takes no orders")
    assert "used up" in letter.body
    assert "used all available credits" in letter.body


def test_what_is_well_again_raises_no_alarm(mails: Settings, ada: User, connection: Connection):
    breaker.ill(connection, breaker.WHOLE, cause="wrong_key", message="no")
    breaker.well(connection, breaker.WHOLE)
    assert (tell_admins(connection.pk), mail.outbox) == (0, [])


def test_a_mail_server_that_is_away_stops_nothing(mails: Settings, ada: User, connection: Connection):
    mails.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    mails.EMAIL_HOST, mails.EMAIL_PORT = "127.0.0.1", 9
    breaker.ill(connection, breaker.WHOLE, cause="wrong_key", message="no")
    assert tell_admins(connection.pk) == 0


def test_without_a_mail_server_nothing_is_queued(settings: Settings, connection: Connection, ordered: Callable[..., Job], played: PlayedProvider):
    get_broker().purge_queue()
    played.on_submit = [NO_BALANCE]
    ordered()
    sweep(connection.pk)
    assert get_broker().queue_size() == 0


def lost(tide: Project, alice: User, xai: Connection) -> None:
    """A clip was made half an hour ago, and its job has just been given up."""
    job = job_row(tide, alice, xai, State.FAILED, cause="download_failed")
    now = timezone.now()
    Attempt.objects.filter(job=job).update(made_at=now - timedelta(minutes=30), rescue_due=now)
    Clip.objects.create(job=job, attempt=Attempt.objects.get(job=job), project=tide, position=0)


def an_hour_later() -> None:
    """The shared cache, as it is when an hour has passed."""
    cache.delete(QUIET)


def test_admins_hear_of_what_could_not_be_saved_with_the_time_that_is_left(mails: Settings, ada: User, alice: User, tide: Project, xai: Connection):
    assert tell_of_missing() == 0
    lost(tide, alice, xai)
    assert tell_of_missing() == 1
    [letter] = mail.outbox
    assert (letter.to, letter.subject) == ([ada.email], "Studio: 1 clip could not be saved")
    assert "TIDE-001  xAI, expires in about 23 h" in letter.body


def test_of_many_that_are_lost_within_an_hour_admins_hear_twice(mails: Settings, ada: User, alice: User, tide: Project, xai: Connection):
    for _ in range(3):
        lost(tide, alice, xai)
        tell_of_missing()
    assert len(mail.outbox) == 1
    an_hour_later()
    assert tell_of_missing() == 1
    assert mail.outbox[-1].subject == "Studio: 3 clips could not be saved"
    an_hour_later()
    assert (tell_of_missing(), len(mail.outbox)) == (0, 2)


def test_what_nobody_could_be_told_of_is_told_when_the_mail_server_is_back(mails: Settings, ada: User, alice: User, tide: Project, xai: Connection):
    lost(tide, alice, xai)
    here = mails.EMAIL_BACKEND
    mails.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    mails.EMAIL_HOST, mails.EMAIL_PORT = "127.0.0.1", 9
    assert tell_of_missing() == 0
    mails.EMAIL_BACKEND = here
    assert tell_of_missing() == 1


def test_without_a_mail_server_of_lost_clips_nobody_is_told(settings: Settings, ada: User, alice: User, tide: Project, xai: Connection):
    lost(tide, alice, xai)
    assert (tell_of_missing(), mail.outbox) == (0, [])
