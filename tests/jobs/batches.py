"""Batches for tests: planned, ordered and carried out without a page, and what must hold of their money."""

import time
from dataclasses import replace
from typing import Any

from django.utils import timezone

from studio.accounts.models import User
from studio.credits import ledger
from studio.jobs import batch_actions, batch_worker
from studio.jobs.batch_actions import Made, Rules
from studio.jobs.batch_ceiling import Committed, committed
from studio.jobs.batch_models import Batch, BatchRow
from studio.jobs.batch_plan import Judge, rows_of
from studio.jobs.batch_rules import Facts, facts_of
from studio.jobs.charging import Charge
from studio.jobs.checks import verify_holds
from studio.jobs.lifecycle import State
from studio.jobs.models import Job
from studio.jobs.moves import finish, move
from studio.jobs.wanted import Wanted
from studio.projects.door import Pass
from studio.projects.models import Project
from studio.routing.models import Connection

PRICE = 56_000  # of one clip of WANTED at the sandbox's xAI, in millicredits
PLENTY = 10_000_000
WANTED = Wanted(prompt="A bottle on wet sand", model="grok-imagine-video", aspect_ratio="16:9", duration=8, resolution="720p")


def batch_of(author: User, project: Project, xai: Connection, *, takes: int = 4, ordered: bool = True, **rules: Any) -> Batch:
    """A batch of takes of one brief, ordered unless it is only to be planned. Nothing of it is a job yet."""
    wanted = replace(WANTED, connection=xai.pk, takes=takes)
    batch = batch_actions.plan(Pass(author, project, "maker"), Made(wanted=wanted, rows=rows_of(Judge.of(), wanted)))
    if ordered:
        assert batch_actions.order(batch, Rules(**{"ceiling": PLENTY, **rules}))
    batch.refresh_from_db()
    return batch


def carry_on(batch: Batch, *, times: int = 1) -> Facts:
    """Let the worker look at the batch, whenever it is due, so many times; its facts afterwards."""
    for _ in range(times):
        Batch.objects.filter(pk=batch.pk).exclude(due=None).update(due=timezone.now())
        batch_worker.carry_on(batch.pk, until=time.monotonic() + 60)  # however slow the machine is
    batch.refresh_from_db()
    return facts(batch)


def facts(batch: Batch) -> Facts:
    return facts_of([batch])[batch.pk]


def money(batch: Batch) -> Committed:
    return committed([batch.pk]).get(batch.pk, Committed())


def end(job: Job, state: State = State.DONE, *, charge: int = PRICE) -> None:
    """The job ended, as the worker would have it: done with a charge, failed without one."""
    assert move(job, State.QUEUED, State.SENDING)
    assert move(job, State.SENDING, State.SAVING if state is State.DONE else State.RENDERING)
    start = State.SAVING if state is State.DONE else State.RENDERING
    assert finish(job, start, state, charge=Charge(charge if state is State.DONE else 0))


def jobs_of(batch: Batch, *states: State) -> list[Job]:
    found = Job.objects.filter(batch=batch).select_related("project", "author", "connection").order_by("number")
    return [job for job in found if not states or job.state in states]


def all_is_well(batch: Batch) -> None:
    """No row has two live jobs, no live job is without its row, the ceiling stands, and the books are right."""
    now = Batch.objects.get(pk=batch.pk)
    live = [job for job in jobs_of(batch) if job.is_live]
    rows = BatchRow.objects.filter(batch=batch, job__in=live).count()
    assert rows == len(live)
    assert money(now).total <= now.ceiling
    assert ledger.verify() == []
    assert verify_holds() == []
