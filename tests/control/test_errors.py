"""What a person is told when the database is away or locked for too long."""

from unittest import mock
from uuid import uuid4

import pytest
from django.db import InterfaceError, OperationalError
from django.test import Client

from studio.accounts.models import User
from studio.credits import ledger
from studio.jobs import actions
from studio.jobs.models import Job
from studio.projects.models import Project
from studio.routing.models import Connection


@pytest.fixture
def browser(alice: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(alice)
    return client


@pytest.mark.parametrize("error", [OperationalError("database is locked"), InterfaceError("connection already closed")])
def test_a_database_that_is_away_is_said_to_be_busy_and_to_come_back(browser: Client, tide: Project, error: Exception):
    with mock.patch("studio.jobs.board.page", side_effect=error):
        answer = browser.get(f"/p/{tide.code}/")
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0
    assert "The database did not answer" in answer.content.decode()


def test_a_fault_of_ours_stays_one(browser: Client, tide: Project):
    with mock.patch("studio.jobs.board.page", side_effect=ZeroDivisionError):
        answer = browser.get(f"/p/{tide.code}/")
    assert answer.status_code == 500
    assert "our fault" in answer.content.decode()


def test_an_order_that_met_a_locked_database_is_made_once_when_it_is_sent_again(browser: Client, tide: Project, xai: Connection, alice: User):
    ledger.grant(alice, 1_000_000, key="start", reason="for the test", actor=None)
    brief = {"prompt": "A glass bottle", "connection": xai.pk, "model": "grok-imagine-video", "duration": 8, "aspect_ratio": "16:9", "resolution": "720p",
             "order_key": str(uuid4())}  # fmt: skip
    kept = actions.order

    def locked_at_the_end(**order: object) -> Job:
        kept(**order)  # type: ignore[arg-type]
        raise OperationalError("the connection was lost after the commit")

    with mock.patch("studio.jobs.actions.order", side_effect=locked_at_the_end):
        assert browser.post(f"/p/{tide.code}/jobs/", brief).status_code == 503
    browser.post(f"/p/{tide.code}/jobs/", brief)
    assert Job.objects.filter(project=tide).count() == 1
