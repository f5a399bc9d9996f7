"""What the operator's tests share: commands and their words."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone
from pytest_django.fixtures import Settings

from studio.jobs.models import Heartbeat
from studio.routing.models import Connection

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
