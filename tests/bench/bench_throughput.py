"""From order to done: jobs a second when the provider costs no time, against empty tasks of the same queue; and with a long past against none."""

import os
import struct
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connection as database
from django.db.models import Max, Min
from django_q.brokers import get_broker
from django_q.tasks import async_task

from studio.accounts.models import User
from studio.credits import ledger
from studio.jobs.actions import Order, order
from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt, Job
from studio.projects.models import Project
from studio.routing import track
from studio.routing.models import Connection, Track
from tests.bench.conftest import connect, fill, project_of
from tests.bench.served import Served
from tests.bench.working import clustered, environment, working
from tests.jobs.conftest import BRIEF
from tests.time_limits import eventually

TASKS = 1_500
JOBS = 120
PAST = 100_000
STAMP = struct.Struct("d")


def stamp(file: str) -> None:
    """An empty task, but for the moment at which it ran."""
    handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(handle, STAMP.pack(time.time()))
    os.close(handle)


def empty_tasks(folder: Path, served: Served) -> float:
    """Empty tasks a second, queued before the cluster starts."""
    file = folder / f"stamps-{uuid4()}"
    own = environment(folder, served.host, STUDIO_CLUSTER_NAME=settings.CLUSTER_NAME)  # whose name signs the tasks
    broker = get_broker()
    for _ in range(TASKS):
        async_task("tests.bench.bench_throughput.stamp", str(file), broker=broker)
    with clustered(own):
        eventually(lambda: file.exists() and file.stat().st_size == TASKS * STAMP.size, within=60)
    stamps: list[float] = sorted(at for (at,) in STAMP.iter_unpack(file.read_bytes()))
    return (TASKS - 1) / (stamps[-1] - stamps[0])


def jobs_a_second(folder: Path, served: Served, connection: Connection, project: Project, author: User) -> tuple[float, float]:
    """Orders written a second, and jobs brought from order to done a second, once the worker has begun.

    Every run begins with the same history: looks are planned from it, and what the runs before had seen late would be looked at later.
    """
    Track.objects.all().delete()
    for _ in range(track.ENOUGH):
        track.record(connection.pk, track.kind_of(BRIEF), track.Sample(time.time(), track.DONE, seconds=0.1))
    started = time.monotonic()
    mine = [order(author=author, project=project, what=Order(connection=connection, brief=BRIEF), order_key=uuid4()).pk for _ in range(JOBS)]
    ordering = JOBS / (time.monotonic() - started)
    with working(folder, served.host):
        eventually(lambda: not Job.objects.filter(pk__in=mine).exclude(state=State.DONE).exists(), within=120)
    times = Attempt.objects.filter(job__in=mine).aggregate(first=Min("sent_at"), last=Max("ended_at"))
    return ordering, JOBS / (times["last"] - times["first"]).total_seconds()


def at_rest() -> None:
    """The past lies on the disk, as one does that grew over months: otherwise the next commit waits until all of it is written."""
    with database.cursor() as cursor:
        for statement in ("PRAGMA wal_checkpoint(TRUNCATE)",) if database.vendor == "sqlite" else ("VACUUM ANALYZE", "CHECKPOINT"):
            cursor.execute(statement)
    os.sync()


@pytest.mark.django_db(transaction=True)
def test_jobs_from_order_to_done(served: Served, alice: User, tmp_path: Path, say: Callable[[str], None]):
    project, past = project_of("TIDE", alice), project_of("PAST", alice)
    connection = connect(served, "instant")
    ledger.grant(alice, 10**9, key="bench", reason="for the benchmark", actor=None)
    queue = empty_tasks(tmp_path, served)
    runs = [jobs_a_second(tmp_path, served, connection, project, alice) for _ in range(2)]
    fill(past, alice, connection, PAST)
    at_rest()
    later = [jobs_a_second(tmp_path, served, connection, project, alice) for _ in range(2)]
    (orders, done), (orders_later, done_later) = (tuple(map(max, zip(*some, strict=True))) for some in (runs, later))
    say(
        f"\n\nFrom order to done, {JOBS} jobs with a provider that costs no time; each clip is downloaded, decoded, drawn and stored; better of two runs\n"
    )
    say(f"  jobs against empty tasks of the queue: {done:.1f} / {queue:.0f} a second = {done / queue:.3f}")
    say(f"  time with {PAST:,} finished jobs against none: a job {done / done_later:.2f} ({done_later:.1f} against {done:.1f} a second)")
    say(f"                                            an order {orders / orders_later:.2f} ({orders_later:.0f} against {orders:.0f} a second)")
