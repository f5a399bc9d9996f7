"""Every question that the worker asks the database, with a long past in it: none may read a large table from end to end."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection as database
from django.utils import timezone
from pytest_django.fixtures import Settings

from studio.accounts.models import User
from studio.credits import ledger
from studio.credits.models import Hold
from studio.jobs import hands, supervisor
from studio.jobs.actions import Order, order
from studio.jobs.callbacks import heard
from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt, JobEvent
from studio.jobs.saving import save
from studio.jobs.worker import sweep
from studio.projects.models import Project
from studio.routing.models import Connection
from tests.bench.conftest import Take, connect, fill, project_of, rendering
from tests.bench.served import Served
from tests.jobs.conftest import BRIEF

PAST = 10_000
LARGE = ("U0", "jobs_job", "jobs_attempt", "jobs_clip", "jobs_jobevent", "credits_hold")  # U0: any of them in a subquery
OF_THE_LIVING = ("one_live_attempt_a_job",)  # indexes that hold no job of the past


@contextmanager
def overheard() -> Iterator[dict[str, object]]:
    """The statements that are executed in the block, each once, with the parameters it had last."""
    found: dict[str, object] = {}

    def listen(execute: Callable[..., object], sql: str, params: object, *rest: object) -> object:
        if sql.startswith(("SELECT", "UPDATE", "DELETE")):
            found[sql] = params
        return execute(sql, params, *rest)

    with database.execute_wrapper(listen):
        yield found


def steps(sql: str, params: Any) -> list[str]:
    """How the database goes about it."""
    with database.cursor() as cursor:
        cursor.execute(("EXPLAIN QUERY PLAN " if database.vendor == "sqlite" else "EXPLAIN ") + sql, params)
        return [str(row[-1]).strip() for row in cursor.fetchall()]


def reads_all(step: str) -> bool:
    """Whether this step goes through a large table from end to end; on SQLite, which plans without figures, also through all of one owner's rows."""
    if any(index in step for index in OF_THE_LIVING):
        return False
    if database.vendor == "postgresql":
        return bool(re.search(rf"Seq Scan on ({'|'.join(LARGE)})\b", step))
    return bool(re.search(rf"SCAN ({'|'.join(LARGE)})\b|SEARCH ({'|'.join(LARGE)}) .*\((connection_id|author_id|project_id)=\?\)$", step))


def long_past(project: Project, author: User, connection: Connection) -> None:
    """Finished jobs, with the events and holds that they leave."""
    fill(project, author, connection, PAST)
    account, attempts = ledger.account_of(author), list(Attempt.objects.filter(job__project=project).only("pk", "job_id"))
    now = timezone.now()
    holds = [Hold(account=account, amount=0, reference=str(attempt.pk), state=Hold.State.SETTLED, ended_at=now) for attempt in attempts]
    Hold.objects.bulk_create(holds, batch_size=2_000)
    JobEvent.objects.bulk_create([JobEvent(job_id=attempt.job_id, state=State.DONE) for attempt in attempts], batch_size=2_000)


def work(served: Served, author: User, project: Project, single: Connection, many: Connection) -> None:
    """Everything that the worker does: order to clip, looks one by one and many at once, callbacks, and the supervisor's own looks."""
    what = Order(connection=single, brief=BRIEF)
    jobs = [order(author=author, project=project, what=what, order_key=uuid4()).pk for _ in range(3)]
    now = timezone.now().timestamp()
    for connection, model in ((single, BRIEF.model), (many, "grok-imagine-video:official")):
        attempts = rendering(project, author, connection, [Take(now - 300, lasts) for lasts in (100, 100, 900)], model=model)
        served.tell(
            connection.label, finishes={str(attempt.remote_id): now - 300 + lasts for attempt, lasts in zip(attempts, (100, 100, 900), strict=True)}
        )
        heard(attempts[0], "")
        jobs += [attempt.job_id for attempt in attempts]
    supervisor.look()
    for connection in (single, many):
        sweep(connection.pk)
    supervisor.look()
    for key in jobs:
        save(str(key))


@pytest.mark.django_db(transaction=True)
def test_no_question_of_the_worker_reads_a_large_table_from_end_to_end(served: Served, alice: User, settings: Settings, say: Callable[[str], None]):
    settings.ALLOW_PRIVATE_HOSTS = frozenset({served.host})
    hands.let_go()
    ledger.grant(alice, 10**9, key="bench", reason="for the benchmark", actor=None)
    project, single, many = project_of("TIDE", alice), connect(served, "single"), connect(served, "many", provider="acedata")
    long_past(project, alice, single)
    with database.cursor() as cursor:
        cursor.execute("ANALYZE" if database.vendor == "postgresql" else "SELECT 1")  # SQLite keeps no statistics unless it is told to
    with overheard() as asked:
        work(served, alice, project, single, many)
    hands.let_go()
    slow = {sql: plan for sql, params in asked.items() if any(map(reads_all, plan := steps(sql, params)))}
    say(f"\n\n{len(asked)} different statements of the worker with {PAST:,} finished jobs: {len(slow)} of them read much more than they need")
    for sql, plan in slow.items():
        say(f"  {sql[:600]}\n    " + "\n    ".join(plan))
    assert not slow
