"""What the operator's tests share: commands and their words, orders in doubt, results of a connection."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone
from pytest_django.fixtures import Settings

from studio.accounts.models import User
from studio.credits import ledger
from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt, Heartbeat, Job
from studio.projects.models import Project
from studio.routing.models import Connection
from studio.routing.track import Sample, record
from tests.jobs.rows import job_row

Command = Callable[..., str]
KEY = "xai-very-secret-key-4321"


def refused(words: str) -> AbstractContextManager[object]:
    """Expects a command to end with an error that says this."""
    return pytest.raises(CommandError, match=re.escape(words))


@pytest.fixture
def command(db: None) -> Command:
    """Runs a management command and gives what it printed."""

    def run(*words: str) -> str:
        printed = StringIO()
        call_command(*words, stdout=printed, stderr=printed, no_color=True)
        return printed.getvalue()

    return run


@pytest.fixture
def working(db: None) -> Heartbeat:
    """A worker that was heard of a moment ago."""
    return Heartbeat.objects.create(cluster="here", beat_at=timezone.now())


@pytest.fixture
def real(db: None) -> Connection:
    """A connection to a real provider, with a secret key."""
    connection = Connection(provider="xai", label="xAI, team account")
    connection.set_key(KEY)
    connection.save()
    return connection


@pytest.fixture
def in_production(settings: Settings) -> Settings:
    """As on a public server."""
    settings.LOCAL = False
    settings.SANDBOX = False
    settings.PUBLIC_URL = settings.SITE_URL = "https://studio.example.org"
    return settings


@pytest.fixture
def doubtful(tide: Project, alice: User, xai: Connection) -> Callable[..., Job]:
    """Makes an order of Alice's that was sent and not answered, with 56 credits held; fields go to the attempt, `due` to the job."""

    def make(connection: Connection = xai, *, due: datetime | None = None, message: str = "No whole answer came back.", **fields: object) -> Job:
        job = job_row(tide, alice, connection, State.IN_DOUBT, due=due, cause="unanswered", message=message)
        attempt = Attempt.objects.get(job=job)
        ledger.grant(alice, 100_000, key=f"for {job.code}", reason="A test", actor=None)
        ledger.hold(alice, job.estimate, reference=str(attempt.pk), reason=job.code)
        Attempt.objects.filter(job=job).update(**{"remote_id": None, "estimate": job.estimate, **fields})
        return job

    return make


def tracked(connection: Connection, outcomes: str, *, model: str = "grok-imagine-video", since: float = 1_000.0, ratio: float | None = 1.0) -> None:
    """Results of 720p, 8 s at a connection, oldest first, a second apart: d for done in 60 s and a bit, f for failed, m for moderated, ? for in doubt."""
    names = {"d": "done", "f": "failed", "m": "moderated", "?": "doubt"}
    for place, letter in enumerate(outcomes):
        well = letter == "d"
        sample = Sample(since + place, names[letter], seconds=60.0 + place if well else None, ratio=ratio if well else None)
        record(connection.pk, f"{model}·generate·720p·8", sample)
