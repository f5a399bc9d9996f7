"""Many rows, made fast, and medians of repeated runs. Benchmarks print ratios and query counts; they never fail on a time."""

import statistics
import time
from collections.abc import Callable
from uuid import uuid4

import pytest
from django.db import connection as database

from studio.accounts.models import User
from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt, Clip, Job
from studio.projects.models import Membership, Project
from studio.routing.models import Connection


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


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Prints a line of the report."""

    def line(words: str) -> None:
        with capsys.disabled():
            print(words)  # noqa: T201 - the report is the point

    return line
