"""A worker that dies at any line: for every line of the worker's code that a whole job runs through, one run in which it dies there."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from django.db import connection as database
from django.test import Client
from pytest_django.fixtures import Settings

from studio.accounts.models import User
from studio.credits import ledger
from studio.jobs import callbacks, doubt, hands, health, looking, moves, routes, saving, sending, sweeping, worker
from studio.jobs.actions import Order, order
from studio.jobs.checks import verify_holds
from studio.jobs.lifecycle import FINAL, State
from studio.jobs.models import Attempt, Job, Policy
from studio.jobs.saving import save
from studio.jobs.worker import sweep
from studio.projects.models import Project
from studio.routing.models import Breaker, Connection
from tests.jobs.conftest import BRIEF, pass_time
from tests.jobs.played import PENDING, VANISH, PlayedProvider, Reply, attempt_in

WATCHED_FILES = {
    str(Path(module.__file__))
    for module in (callbacks, doubt, hands, health, looking, moves, routes, saving, sending, sweeping, worker, ledger)
    if module.__file__
}
MODELS = {"xai": "grok-imagine-video", "acedata": "grok-imagine-video:reverse"}
SORRY = Reply(body={"status": "failed", "error": {"code": "internal_error", "message": "Sorry"}})


class Killed(BaseException):
    """The worker's process is gone."""


class Killer:
    """Raises Killed at the n-th line that runs in the watched files."""

    def __init__(self, at: int, *, files: Collection[str] = frozenset(WATCHED_FILES)) -> None:
        self.left = at
        self.files = files
        self.struck = ""

    def __enter__(self) -> "Killer":
        self.before = sys.gettrace()
        sys.settrace(self._enter_frame)
        return self

    def __exit__(self, *error: object) -> None:
        sys.settrace(self.before)

    def _enter_frame(self, frame: FrameType, event: str, arg: Any) -> Any:
        return self._line if frame.f_code.co_filename in self.files and not self.struck else None

    def _line(self, frame: FrameType, event: str, arg: Any) -> Any:
        if event != "line" or self.struck:
            return self._line
        self.left -= 1
        if self.left <= 0:
            self.struck = f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
            raise Killed(self.struck)
        return self._line


def lose_database() -> None:
    """What the end of a process does to its transaction: the connection drops, nothing of it is kept. (Our own end may even skip a block's exit.)"""
    if database.connection is not None:
        database.connection.close()
    database.connect()


def bury_hands() -> None:
    """What the end of a process does to its connections; the next one has hands of its own."""
    loop = hands.hands().loop
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.wait(left))
    hands.let_go()


@dataclass
class Scene:
    """One job's way, which is walked again and again while its worker dies at another line each time."""

    played: PlayedProvider
    author: User
    project: Project
    connections: list[Connection]

    def ordered(self, where: int, *, policy: str = Policy.HAND) -> Job:
        connection = self.connections[where]
        brief = replace(BRIEF, prompt=str(uuid4()), model=MODELS[connection.provider])
        what = Order(connection=connection, brief=brief, policy=policy)
        return order(author=self.author, project=self.project, what=what, order_key=uuid4())

    def work(self, job: Job, *, rounds: int, pause: float = 100.0) -> None:
        """What the worker does at both connections, with pauses, while the job lives."""
        for _ in range(rounds):
            for connection in self.connections:
                sweep(connection.pk)
            save(str(job.pk))
            job.refresh_from_db()
            if job.state in FINAL:
                return
            self.pass_time(pause)

    def pass_time(self, seconds: float) -> None:
        """For the provider as well: its list says when things were made."""
        pass_time(seconds)
        for made in self.played.made.values():
            made.at -= seconds


def plain(scene: Scene) -> Job:
    """Pending once, then done."""
    scene.played.on_look = [PENDING]
    return scene.ordered(0)


def lost(scene: Scene) -> Job:
    """The answer is lost. Only the list, or a callback, knows."""
    scene.played.on_submit = [VANISH]
    return scene.ordered(1)


def failing(scene: Scene) -> Job:
    """It fails where it was ordered, and another connection makes it."""
    scene.played.on_look = [SORRY]
    return scene.ordered(0, policy=Policy.CHEAPEST)


def work_and_call(scene: Scene, job: Job) -> None:
    """After the first round a callback comes that names what was made, and then the worker goes on."""
    scene.work(job, rounds=1, pause=1.0)
    remote_id, made = list(scene.played.made.items())[-1]
    told(str(made.body["callback_url"]), {"task_id": remote_id})
    scene.work(job, rounds=11)


def work_on(scene: Scene, job: Job) -> None:
    scene.work(job, rounds=12)


SCENES = {
    "a plain job": (plain, work_on, 41),
    "a lost answer, found in the list": (lost, work_on, 97),
    "a lost answer, and a callback": (lost, work_and_call, 97),
    "a failure, and another connection": (failing, work_on, 97),
}  # with every how-manieth line one run of the suite dies, shifted by the seed, which keeps it within seconds


@pytest.fixture
def scene(funded: User, tide: Project, connection: Connection, played: PlayedProvider, settings: Settings) -> Scene:
    """The xAI of other tests, and an AceData beside it, which calls back and has a list."""
    ledger.grant(funded, 10_000_000, key="many", reason="for many jobs", actor=None)
    settings.PUBLIC_URL = "https://studio.example.org"
    acedata = Connection(provider="acedata", label="AceData", base_url=played.address, requests_per_minute=6000)
    acedata.set_key("acedata-secret-key-0001")
    acedata.save()
    return Scene(played, funded, tide, [connection, acedata])


# A process that dies leaves coroutines that nobody awaits; here they are seen, because the test itself lives on.
@pytest.mark.long
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", SCENES)
def test_wherever_the_worker_dies_the_job_ends_or_is_in_doubt_and_no_attempt_is_sent_twice(name: str, scene: Scene, run_seed: int):
    begin, work, stride = SCENES[name]
    reached, ends, at = set(), Counter[str](), 1 + run_seed % stride
    while True:
        job = begin(scene)
        struck = until_killed(partial(work, scene, job), at)
        scene.pass_time(1_000)
        scene.work(job, rounds=12)
        assert job.state == State.DONE or (job.state == State.IN_DOUBT and not is_listed(scene, job)), (struck, job.state, job.message)
        assert all(len(replies) == 1 for replies in scene.played.answered.values()), struck
        assert ledger.verify() == verify_holds() == [], struck
        Breaker.objects.all().delete()  # dying again and again is not the connections' fault
        reached.add(struck)
        ends[job.state] += 1
        if not struck:
            break
        at += stride
    assert len(reached) > 6
    print(f"{name}: died at {len(reached)} places, ended {dict(ends)}")  # noqa: T201 - the figure is the point


def until_killed(work: Callable[[], None], at: int) -> str:
    """Where the worker died, or an empty string if it finished before."""
    with Killer(at) as killer:
        try:
            work()
        except Killed:
            lose_database()
            bury_hands()
    return killer.struck


def is_listed(scene: Scene, job: Job) -> bool:
    """Whether the provider took its live attempt on and has a list that shows it, so that nobody need be in doubt."""
    attempt = Attempt.objects.get(job=job, ended_at=None)
    return job.connection.provider == "acedata" and str(attempt.pk) in {attempt_in(made.body) for made in scene.played.made.values()}


def told(address: str, body: dict[str, object]) -> int:
    """The status of the answer to a callback."""
    return Client().post(urlsplit(address).path, json.dumps(body), content_type="application/json").status_code
