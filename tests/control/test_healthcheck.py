"""What a container asks itself: does its web server answer, or its worker beat."""

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from studio.control.healthcheck import main, web_answers
from studio.jobs.models import Heartbeat
from tests.installation import free_port


@pytest.fixture(autouse=True)
def _nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_BIND", "0.0.0.0")  # noqa: S104 - as in a container
    monkeypatch.setenv("STUDIO_PORT", str(free_port()))


def test_a_container_whose_web_server_answers_is_well(live_server: LiveServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STUDIO_PORT", str(urlsplit(live_server.url).port))
    monkeypatch.setenv("STUDIO_BIND", str(urlsplit(live_server.url).hostname))

    assert main() == 0


def test_a_container_whose_own_worker_beats_is_well(working: Heartbeat, settings: Settings):
    settings.CLUSTER_NAME = working.cluster

    assert main() == 0


def test_the_worker_of_another_container_does_not_count(working: Heartbeat, settings: Settings):
    settings.CLUSTER_NAME = "elsewhere"

    assert main() == 1


def test_a_worker_that_fell_silent_is_not_well(working: Heartbeat, settings: Settings):
    settings.CLUSTER_NAME = working.cluster
    Heartbeat.objects.update(beat_at=timezone.now() - timedelta(minutes=1))

    assert main() == 1


def test_an_address_of_every_machine_is_asked_on_this_one():
    assert not web_answers("0.0.0.0", free_port())  # noqa: S104 - asked, not bound
