"""Many rows, made fast, and medians of repeated runs. Benchmarks print ratios and query counts; they never fail on a time."""

import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import connection as database
from django.db.models import F

from studio.accounts.models import User
from studio.credits import ledger
from studio.credits.models import Account, Hold
from studio.jobs import timing
from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt, Clip, Job
from studio.jobs.watching import first_look
from studio.projects.models import Membership, Project
from studio.routing.models import Connection
from studio.routing.track import kind_of
from tests.bench.served import Served, serving
from tests.jobs.conftest import BRIEF, film  # noqa: F401 - a fixture


def timed(act: Callable[[], object], *, times: int = 15) -> tuple[float, int]:
    """The median milliseconds and the number of queries of one run."""
    act()
    queries: list[str] = []

    def counted(execute: Callable[..., object], sql: str, *rest: object) -> object:
        queries.append(sql)
        return execute(sql, *rest)

    with database.execute_wrapper(counted):
        act()
    runs = []
    for _ in range(times):
        start = time.perf_counter()
        act()
        runs.append((time.perf_counter() - start) * 1000)
    return statistics.median(runs), len(queries)


def project_of(code: str, owner: User) -> Project:
    project = Project.objects.create(code=code, name=code.capitalize(), created_by=owner)
    Membership.objects.create(project=project, user=owner, role="owner")
    return project


def fill(project: Project, author: User, connection: Connection, jobs: int) -> None:
    """That many finished jobs, each with its attempt and its clip."""
    rows = [
        Job(project=project, number=number, author=author, connection=connection, prompt=f"Shot {number} of the tide", state=State.DONE, due=None,
            aspect_ratio="16:9", duration=8, resolution="720p", model="grok-imagine-video", charged=5_000, estimate=5_000, version=number)
        for number in range(1, jobs + 1)
    ]  # fmt: skip
    Job.objects.bulk_create(rows, batch_size=2_000)
    attempts = [Attempt(job=job, connection=connection, remote_id=str(uuid4()), ended_at=job.created_at, outcome="done") for job in rows]
    Attempt.objects.bulk_create(attempts, batch_size=2_000)
    Clip.objects.bulk_create(
        [
            Clip(job=attempt.job, attempt=attempt, project=project, position=0, file="clips/x.mp4", poster="clips/x.webp", sha256="0" * 64, width=1280,
                 height=720, milliseconds=8_000, saved_at=attempt.ended_at)
            for attempt in attempts
        ],
        batch_size=2_000,
    )  # fmt: skip
    Project.objects.filter(pk=project.pk).update(last_number=jobs, board_version=jobs)


@dataclass(frozen=True)
class Take:
    """A job at the provider: what was asked, when it was accepted (Unix seconds), and how many seconds it takes."""

    accepted: float
    lasts: float
    duration: int = 8
    resolution: str = "720p"

    @property
    def finish(self) -> float:
        return self.accepted + self.lasts


def connect(served: Served, name: str, *, provider: str = "xai", **fields: object) -> Connection:
    """A connection to the served provider, with hardly any limit unless one is named."""
    connection = Connection(
        provider=provider, label=name, base_url=f"{served.address}/{name}", **{"requests_per_minute": 600_000, "jobs_at_once": 10_000, **fields}
    )
    connection.set_key("bench-secret-key-0001")
    connection.save()
    return connection


def rendering(project: Project, author: User, connection: Connection, takes: Sequence[Take], *, model: str = "grok-imagine-video") -> list[Attempt]:
    """These jobs as rows, accepted by the provider and paid for, each due when the worker would first look at it."""
    timing.forget()
    first = Project.objects.values_list("last_number", flat=True).get(pk=project.pk) + 1
    jobs, attempts = [], []
    for number, take in enumerate(takes, start=first):
        fields = {"duration": take.duration, "resolution": take.resolution, "model": model}
        job = Job(project=project, number=number, author=author, connection=connection, state=State.RENDERING, prompt=f"Shot {number}",
                  aspect_ratio="16:9", estimate=5_000, **fields)  # fmt: skip
        accepted = datetime.fromtimestamp(take.accepted, tz=UTC)
        attempt = Attempt(job=job, connection=connection, remote_id=str(uuid4()), kind=kind_of(replace(BRIEF, duration=take.duration, resolution=take.resolution, model=model)),
                          sent_at=accepted, accepted_at=accepted, estimate=5_000)  # fmt: skip
        job.due = accepted + timedelta(seconds=first_look(timing.looks_of(attempt), chance=random.random()))
        jobs.append(job)
        attempts.append(attempt)
    Job.objects.bulk_create(jobs, batch_size=500)
    Attempt.objects.bulk_create(attempts, batch_size=500)
    ledger.grant(author, 5_000 * len(takes), key=str(uuid4()), reason="for the benchmark", actor=None)
    account = ledger.account_of(author)
    Hold.objects.bulk_create([Hold(account=account, amount=0, reference=str(attempt.pk)) for attempt in attempts], batch_size=500)
    Account.objects.filter(pk=account.pk).update(holding=F("holding") + len(attempts))
    Project.objects.filter(pk=project.pk).update(last_number=first + len(jobs), board_version=first + len(jobs))
    return attempts


@pytest.fixture
def served(film: bytes, tmp_path: Path) -> Iterator[Served]:  # noqa: F811 - the fixture
    """A provider in a process of its own."""
    file = tmp_path / "film.mp4"
    file.write_bytes(film)
    with serving(file) as provider:
        yield provider


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Prints a line of the report."""

    def line(words: str) -> None:
        with capsys.disabled():
            print(words)  # noqa: T201 - the report is the point

    return line
