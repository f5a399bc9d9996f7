"""A worker that dies at any line: for every line of the worker's code that a whole job runs through, one run in which it dies there."""

import asyncio
import sys
from pathlib import Path
from types import FrameType
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection as database

from studio.credits import ledger
from studio.jobs import moves, saving, sending, worker
from studio.jobs.actions import order
from studio.jobs.checks import verify_holds
from studio.jobs.lifecycle import State
from studio.jobs.models import Job
from tests.jobs.conftest import BRIEF, pass_time, work_through
from tests.jobs.played import PENDING, PlayedProvider

WATCHED_FILES = {str(Path(module.__file__)) for module in (moves, saving, sending, worker, ledger) if module.__file__}
STRIDE = 3  # every third line in one run of the suite, shifted by the seed, keeps it within seconds


class Killed(BaseException):
    """The worker's process is gone."""


class Killer:
    """Raises Killed at the n-th line that runs in the watched files."""

    def __init__(self, at: int) -> None:
        self.left = at
        self.struck = ""

    def __enter__(self) -> "Killer":
        self.before = sys.gettrace()
        sys.settrace(self._enter_frame)
        return self

    def __exit__(self, *error: object) -> None:
        sys.settrace(self.before)

    def _enter_frame(self, frame: FrameType, event: str, arg: Any) -> Any:
        return self._line if frame.f_code.co_filename in WATCHED_FILES and not self.struck else None

    def _line(self, frame: FrameType, event: str, arg: Any) -> Any:
        if event != "line" or self.struck:
            return self._line
        self.left -= 1
        if self.left <= 0:
            self.struck = f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
            raise Killed(self.struck)
        return self._line


def run_until_killed(job: Job, at: int) -> str:
    """Where the worker died, or an empty string if it finished before."""
    with Killer(at) as killer:
        try:
            work_through(job)
        except Killed:
            lose_database()
            bury_hands()
    return killer.struck


def lose_database() -> None:
    """What the end of a process does to its transaction: the connection drops, nothing of it is kept. (Our own end may even skip a block's exit.)"""
    if database.connection is not None:
        database.connection.close()
    database.connect()


def bury_hands() -> None:
    """What the end of a process does to its connections; the next one has hands of its own."""
    loop = worker.hands().loop
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.wait(left))
    worker.hands().close()
    worker._hands = None


# A process that dies leaves coroutines that nobody awaits; here they are seen, because the test itself lives on.
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.django_db(transaction=True)
def test_wherever_the_worker_dies_the_job_ends_or_is_in_doubt_and_nothing_is_sent_twice(funded, tide, connection, played: PlayedProvider, run_seed):
    reached, doubts, at = set(), 0, 1 + run_seed % STRIDE
    while True:
        played.on_look = [PENDING]
        sent_before = len(played.submits)
        job = order(author=funded, project=tide, connection=connection, brief=BRIEF, order_key=uuid4())
        struck = run_until_killed(job, at)
        pass_time(1_000)
        work_through(job)
        assert job.state in {State.DONE, State.IN_DOUBT}, (struck, job.state)
        assert len(played.submits) - sent_before <= 1, struck
        assert ledger.verify() == [], struck
        assert verify_holds() == [], struck
        reached.add(struck)
        doubts += job.state == State.IN_DOUBT
        if not struck:
            break
        at += STRIDE
    assert len(reached) > 40
    print(f"died at {len(reached)} places; {doubts} jobs in doubt, the rest done")  # noqa: T201 - the figure is the point
