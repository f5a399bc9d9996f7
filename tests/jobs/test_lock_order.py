"""The order in which rows are locked: the job before its attempts and clips (moves.py). On PostgreSQL the other order is a deadlock.

Each act meets a transaction that has the job's row already. It is let go on until the database says that the act waits for it; only then the
transaction writes the job's other rows, as whoever moves a job does. An act that had locked one of them before it waited would wait in a circle.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import pytest
from django.db import connection as database
from django.db import connections, transaction
from django.utils import timezone

from studio.accounts.models import User
from studio.jobs import alerts, rescue, sending, trash
from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt, Clip, Job, alerted
from studio.jobs.moves import lock
from studio.projects.models import Project
from studio.routing.models import Connection
from tests.jobs.played import Made, PlayedProvider
from tests.jobs.rows import job_row, sure
from tests.time_limits import eventually

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(database.vendor == "sqlite", reason="SQLite locks the whole file, so rows have no order there"),
]
T = TypeVar("T")
BLOCKED_BY_US = "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid)))"


def meeting_a_move(act: Callable[[], T], job: Job) -> T:
    """What the act gave that waited for the job's row while its other rows were written. Raises OperationalError for a deadlock."""

    def run() -> T:
        try:
            return act()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            lock(job)
            running = pool.submit(run)
            eventually(lambda: running.done() or somebody_waits(), within=10, every=0.02)
            assert not running.done(), running
            Attempt.objects.filter(job=job).update(message="moved")
            Clip.objects.filter(job=job).update(source_url="https://example.org/moved.mp4")
        return running.result()


def somebody_waits() -> bool:
    with database.cursor() as cursor:
        cursor.execute(BLOCKED_BY_US)
        return bool(sure(cursor.fetchone())[0])


@pytest.fixture
def lost(tide: Project, alice: User, connection: Connection) -> Job:
    """A job that failed, with an attempt that has ended and a clip that is missing."""
    job = job_row(tide, alice, connection, State.FAILED)
    Clip.objects.create(job=job, attempt=Attempt.objects.get(), project=tide, position=0, source_url="https://example.org/clip.mp4")
    return job


@pytest.fixture
def written_off(tide: Project, alice: User, connection: Connection) -> Job:
    """A job that failed, whose provider is asked what it made after all."""
    job = job_row(tide, alice, connection, State.FAILED)
    Attempt.objects.update(rescue_due=timezone.now(), remote_id="remote-1")
    return job


def test_giving_a_missing_clip_up_waits_for_the_job_before_it_locks_anything(lost: Job, ada: User):
    clip = Clip.objects.select_related("job__project").get()

    assert meeting_a_move(partial(rescue.give_up, clip, by=ada, why="gone"), lost)
    assert Clip.objects.filter(lost_at__isnull=False).count() == 1


def test_what_was_made_after_all_is_taken_on_after_waiting_for_its_job(written_off: Job):
    assert meeting_a_move(partial(rescue.rescue, str(Attempt.objects.get().pk)), written_off)
    assert (Clip.objects.get().job, Clip.objects.missing().count()) == (written_off, 0)


def test_a_copy_that_was_found_is_taken_on_after_waiting_for_its_job(written_off: Job, played: PlayedProvider):
    played.keeps_files = True
    played.made["remote-1"] = Made(time.time(), {"storage_options": {"filename": "ours.mp4"}})
    Attempt.objects.update(remote_id=None, stored_as="ours.mp4")

    assert meeting_a_move(partial(rescue.rescue, str(Attempt.objects.get().pk)), written_off)
    assert (Attempt.objects.get().stored_id, Clip.objects.get().job) == ("file-remote-1", written_off)


def test_an_answer_is_written_down_after_waiting_for_its_job(ordered: Callable[..., Job]):
    job = ordered()
    ticket = sure(sending.claim(job, now=timezone.now()))

    assert meeting_a_move(partial(sending.doubtful, ticket, "No answer came.", now=timezone.now()), job)
    job.refresh_from_db()
    assert job.state == State.IN_DOUBT


def test_an_alert_is_settled_after_waiting_for_its_job(lost: Job, ada: User):
    Attempt.objects.update(**alerted("An odd figure."))
    attempt = Attempt.objects.select_related("job__project").get()

    assert meeting_a_move(partial(alerts.settle, attempt, alerts.Choice.KEEP, by=ada, reason="It is right."), lost) == 0
    assert Attempt.objects.exclude(alert_settled_at=None).count() == 1


def test_a_clip_is_thrown_away_after_waiting_for_its_job(tide: Project, alice: User, xai: Connection):
    job = job_row(tide, alice, xai, State.DONE)

    assert len(meeting_a_move(partial(trash.throw_away, Clip.objects.filter(job=job), by=alice), job)) == 1
