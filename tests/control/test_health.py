"""What machines ask: does the process answer, and does everything behind it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.test import Client
from django.utils import timezone
from django_q.brokers import get_broker
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from studio.control import health
from studio.jobs.models import Heartbeat
from studio.jobs.supervisor import NEVER


@pytest.fixture
def client() -> Client:
    """A program on this machine, for which the probes also write."""
    return Client(headers={"host": "localhost"})


@contextmanager
def no_database() -> Iterator[None]:
    def refuse(*words: object) -> None:
        raise DatabaseError("the password of the database is hunter2")

    with connection.execute_wrapper(refuse):
        yield


def problems(client: Client) -> dict[str, str]:
    """What /readyz says is wrong, by part."""
    answer = client.get("/readyz")
    assert answer.status_code == 503
    lines = [json.loads(line) for line in answer.content.decode().splitlines()]
    return {line["part"]: line["problem"] for line in lines}


def test_the_process_says_that_it_is_alive_without_asking_anything(client: Client, db: None, django_assert_num_queries: DjangoAssertNumQueries):
    with django_assert_num_queries(0):
        answer = client.get("/healthz")

    assert (answer.status_code, answer.content) == (200, b"ok\n")
    assert "no-store" in answer["Cache-Control"]


def test_an_installation_with_a_worker_is_ready(client: Client, working: Heartbeat):
    answer = client.get("/readyz")

    assert (answer.status_code, json.loads(answer.content)) == (200, {"ready": True})


def test_a_probe_leaves_nothing_behind(client: Client, working: Heartbeat, settings: Settings):
    client.get("/readyz")

    assert list(Heartbeat.objects.all()) == [working]
    assert not [path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()]


def test_without_a_worker_it_is_not_ready(client: Client, working: Heartbeat):
    Heartbeat.objects.update(beat_at=timezone.now() - timedelta(seconds=16))

    assert problems(client) == {"worker": "No worker was heard of for 15 s."}


def test_a_heartbeat_from_the_future_is_no_worker(client: Client, working: Heartbeat):
    Heartbeat.objects.update(beat_at=timezone.now() + timedelta(days=1_000))

    assert problems(client) == {"worker": "No worker was heard of for 15 s."}


def test_a_worker_that_is_starting_is_not_ready_and_its_supervisor_is_said(client: Client, working: Heartbeat):
    Heartbeat.objects.update(beat_at=NEVER, watched_at=timezone.now())

    assert problems(client) == {"worker": "No worker was heard of for 15 s. Its supervisor runs, and restarts it if it stays silent."}


def test_a_worker_without_its_supervisor_is_not_ready(client: Client, working: Heartbeat):
    Heartbeat.objects.update(watched_at=timezone.now() - timedelta(minutes=2))
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "its supervisor does not" in answer.content.decode()


def test_without_a_database_every_part_that_needs_it_has_a_line_and_no_line_has_a_secret(client: Client, working: Heartbeat):
    with no_database():
        found = problems(client)

    assert {"database", "migrations", "worker"} <= set(found)
    assert "hunter2" not in str(found)


def test_a_storage_that_cannot_be_written_is_said(client: Client, working: Heartbeat, settings: Settings):
    Path(settings.MEDIA_ROOT).parent.mkdir(exist_ok=True)
    Path(settings.MEDIA_ROOT).write_text("a file where the folder should be")

    assert "storage" in problems(client)


def test_a_broker_that_is_away_is_said(client: Client, working: Heartbeat, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(type(get_broker()), "ping", lambda _: False)

    assert problems(client) == {"broker": "The queue does not answer."}


def test_tables_of_an_older_version_are_said(client: Client, working: Heartbeat):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'jobs'")

    assert problems(client)["migrations"].endswith("migrations are not applied.")


def test_the_cache_is_asked_to_keep_something(db: None, settings: Settings):
    assert health.cache_table() == ""

    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    cache.clear()

    assert health.cache_table() == "The cache does not give back what was written."


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_nobody_needs_to_sign_in_and_nothing_can_be_sent(path: str, client: Client, db: None):
    assert client.post(path).status_code == 405
