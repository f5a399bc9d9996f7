"""Strangers may ask /readyz as often as they like: it is cheap for them, writes nothing, and is never older than five seconds."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from studio.control import readiness
from studio.control.health import Problem
from studio.jobs.models import Heartbeat

LOCAL = {"host": "localhost"}


def strangers(number: int) -> Iterator[int]:
    """The status that each of so many strangers is answered."""
    for one in range(number):
        yield Client(REMOTE_ADDR=f"203.0.113.{one % 250}").get("/readyz").status_code


def test_a_thousand_strangers_write_nothing_and_ask_little(working: Heartbeat, settings: Settings):
    before = sorted(Path(settings.MEDIA_ROOT).parent.rglob("*"))
    with CaptureQueriesContext(connection) as asked:
        assert set(strangers(1_000)) == {200}

    assert {query["sql"].split()[0] for query in asked} <= {"SELECT", "PRAGMA"}
    assert len(asked) < 1_000
    assert sorted(Path(settings.MEDIA_ROOT).parent.rglob("*")) == before


@pytest.mark.parametrize(
    "headers", [{"x-forwarded-for": "203.0.113.9"}, {"forwarded": "for=203.0.113.9"}, {"via": "1.1 proxy"}, {"host": "testserver"}]
)
def test_whoever_comes_through_a_proxy_on_this_machine_is_a_stranger(headers: dict[str, str], working: Heartbeat):
    with CaptureQueriesContext(connection) as asked:
        assert Client(headers={**LOCAL, **headers}).get("/readyz").status_code == 200

    assert {query["sql"].split()[0] for query in asked} <= {"SELECT", "PRAGMA"}


def test_a_program_on_this_machine_has_the_database_written(working: Heartbeat):
    with CaptureQueriesContext(connection) as asked:
        assert Client(headers=LOCAL).get("/readyz").status_code == 200

    assert "INSERT" in {query["sql"].split()[0] for query in asked}


def test_strangers_hear_of_a_storage_and_a_worker_that_are_not_there(db: None, settings: Settings):
    Path(settings.MEDIA_ROOT).parent.mkdir(exist_ok=True)
    Path(settings.MEDIA_ROOT).write_text("a file where the folder should be")
    answer = Client(REMOTE_ADDR="203.0.113.9").get("/readyz")

    assert answer.status_code == 503
    assert {json.loads(line)["part"] for line in answer.text.splitlines()} == {"storage", "worker"}


class Part:
    """A part that answers when it is let, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked, self.is_asked, self.may_answer = 0, threading.Event(), threading.Event()

    def __call__(self) -> str:
        self.asked += 1
        self.is_asked.set()
        assert self.may_answer.wait(20)
        return "It is ill."


def test_one_asks_and_the_others_do_not_wait_for_a_part_that_does_not_answer(db: None):
    part, answers = Part(), []
    asker = threading.Thread(target=lambda: answers.append(readiness.lately("a-test", {"part": part})))
    asker.start()
    assert part.is_asked.wait(20)

    assert readiness.lately("a-test", {"part": part}) == [readiness.UNANSWERED]

    part.may_answer.set()
    asker.join(20)
    assert answers == [[Problem("part", "It is ill.")]] == [readiness.lately("a-test", {"part": part})]
    assert part.asked == 1


def test_no_answer_is_older_than_five_seconds(db: None, monkeypatch: pytest.MonkeyPatch):
    ill, clock = [""], [1_000.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])

    def heard() -> list[Any]:
        return [problem.words for problem in readiness.lately("another-test", {"part": lambda: ill[0]})]

    assert heard() == []
    ill[0] = "It is ill."
    clock[0] += 1.9
    assert heard() == []
    clock[0] += 3.2
    assert heard() == ["It is ill."]
