"""A worker that dies at any line of its own code that a whole job runs through; see killing.py for which lines are chosen."""

import json
from collections import Counter
from dataclasses import dataclass, replace
from functools import partial
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from studio.accounts.models import User
from studio.credits import ledger
from studio.jobs import callbacks, doubt, hands, health, looking, moves, routes, saving, sending, sweeping, timing, worker
from studio.jobs.actions import Order, order
from studio.jobs.checks import verify_holds
from studio.jobs.lifecycle import FINAL, State
from studio.jobs.models import Attempt, Job, Policy
from studio.jobs.saving import save
from studio.jobs.worker import sweep
from studio.projects.models import Project
from studio.routing.models import Breaker, Connection, Track
from tests.jobs.conftest import BRIEF, pass_time
from tests.jobs.played import PENDING, VANISH, PlayedProvider, Reply, attempt_in
from tests.stress.killing import PARTS, Line, chosen, files_of, traced, until_killed

FILES = files_of(callbacks, doubt, hands, health, looking, moves, routes, saving, sending, sweeping, worker, ledger)
MODELS = {"xai": "grok-imagine-video", "acedata": "grok-imagine-video:reverse"}
SORRY = Reply(body={"status": "failed", "error": {"code": "internal_error", "message": "Sorry"}})


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

    def forget(self) -> None:
        """What earlier runs left behind goes: scripted answers that nobody asked for, and what was learned about the connections."""
        for script in (self.played.on_submit, self.played.on_look, self.played.on_download):
            script.clear()
        for learned in (Breaker, Track):  # dying again and again is not the connections' fault, nor is time that passes in between
            learned.objects.all().delete()
        timing.forget()

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
    "a plain job": (plain, work_on),
    "a lost answer, found in the list": (lost, work_on),
    "a lost answer, and a callback": (lost, work_and_call),
    "a failure, and another connection": (failing, work_on),
}


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
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("part", range(PARTS))
def test_wherever_the_worker_dies_the_job_ends_or_is_in_doubt_and_no_attempt_is_sent_twice(part: int, scene: Scene, run_seed: int):
    ran = {name: traced(partial(work, scene, begin(scene)), files=FILES) for name, (begin, work) in SCENES.items()}
    died, ends = set[Line](), Counter[str]()
    for name, place in chosen(ran, seed=run_seed, part=part):
        begin, work = SCENES[name]
        scene.forget()
        job = begin(scene)
        died_at = until_killed(partial(work, scene, job), place, files=FILES)
        scene.played.wait_until_idle()
        scene.pass_time(1_000)
        scene.work(job, rounds=12)
        assert job.state == State.DONE or (job.state == State.IN_DOUBT and not is_listed(scene, job)), (name, died_at, job.state, job.message)
        assert all(len(replies) == 1 for replies in scene.played.answered.values()), (name, died_at)
        assert ledger.verify() == verify_holds() == [], (name, died_at)
        died |= {died_at} if died_at else set()
        ends[job.state] += 1
    count, functions = sum(map(len, ran.values())), {line.function for line in died}
    print(f"of {count} lines that ran, died at {len(died)} different ones in {len(functions)} functions, {dict(ends)}")  # noqa: T201 - the figure is the point
    assert len(died) > 20


def is_listed(scene: Scene, job: Job) -> bool:
    """Whether the provider took its live attempt on and has a list that shows it, so that nobody need be in doubt."""
    attempt = Attempt.objects.get(job=job, ended_at=None)
    return job.connection.provider == "acedata" and str(attempt.pk) in {attempt_in(made.body) for made in scene.played.made.values()}


def told(address: str, body: dict[str, object]) -> int:
    """The status of the answer to a callback."""
    return Client().post(urlsplit(address).path, json.dumps(body), content_type="application/json").status_code
