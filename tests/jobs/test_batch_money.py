"""A batch's money under everything: any order of acts, many workers and presses at once."""

import random
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from uuid import uuid4

import pytest
from django.utils import timezone

from studio.accounts.models import User
from studio.credits import ledger
from studio.jobs import actions, batch_actions, batch_worker, sending
from studio.jobs.actions import CannotDo
from studio.jobs.batch_actions import Made, Rules, Stays
from studio.jobs.batch_models import Batch, BatchRow
from studio.jobs.batch_plan import Judge, rows_of
from studio.jobs.lifecycle import State
from studio.jobs.models import Job
from studio.projects.door import Pass
from studio.projects.models import Project
from studio.providers.contract import NotNow
from studio.routing.models import Connection
from tests.jobs.batches import PLENTY, PRICE, WANTED, all_is_well, batch_of, carry_on, end, facts, jobs_of, money
from tests.jobs.rows import sure
from tests.jobs.test_at_once import at_once

S = Batch.State


@pytest.fixture
def rich(alice: User) -> User:
    ledger.grant(alice, 10 * PLENTY, key="rich", reason="for batches", actor=None)
    return alice


# Any order


def some(batch: Batch, rng: random.Random, *states: State) -> list[Job]:
    """One job of the batch in one of these states, if there is one."""
    found = jobs_of(batch, *states)
    return [rng.choice(found)] if found else []


def ended(batch: Batch, rng: random.Random, state: State) -> None:
    for job in some(batch, rng, State.QUEUED):
        end(job, state, charge=rng.choice([1, PRICE // 2, PRICE]))


def turned_away(batch: Batch, by: User, rng: random.Random) -> None:
    """A job is sent, something else happens, and its provider asks us to come back later."""
    for job in some(batch, rng, State.QUEUED):
        ticket = sure(sending.claim(job, now=timezone.now()))
        one_act(batch, by, rng)
        sending.not_now(ticket, NotNow("Later"), now=timezone.now())


def one_act(batch: Batch, by: User, rng: random.Random) -> str:
    """Something that a worker, a provider or a person might do now; what it was."""
    acts: dict[str, Callable[[], object]] = {
        "look": lambda: carry_on(batch),
        "look again": lambda: carry_on(batch),
        "done": partial(ended, batch, rng, State.DONE),
        "failed": partial(ended, batch, rng, State.FAILED),
        "turned away": partial(turned_away, batch, by, rng),
        "retry": lambda: [actions.retry(job, by=by) for job in some(batch, rng, State.FAILED)],
        "cancel one": lambda: [actions.cancel(job, by=by) for job in some(batch, rng, State.QUEUED, State.PAUSED)],
        "hold one back": lambda: [actions.pause(job, by=by) for job in some(batch, rng, State.QUEUED)],
        "pause": lambda: batch_actions.pause(batch, by=by),
        "go on": lambda: batch_actions.go_on(batch),
        "more": lambda: batch_actions.go_on(batch, rules=Rules(ceiling=batch.ceiling + rng.choice([0, PRICE]), wave=rng.randint(1, 4))),
        "stop": lambda: batch_actions.stop(batch, by=by),
        "again": lambda: batch_actions.again(batch),
    }
    name = rng.choice(list(acts))
    with suppress(Stays, CannotDo, ledger.CannotHold):
        acts[name]()
    return name


def test_whatever_happens_in_any_order_the_ceiling_stands_and_no_row_is_ordered_twice(rich: User, tide: Project, xai: Connection, run_seed: int):
    rng, reached = random.Random(run_seed), Counter[str]()
    for most_failed in (None, 50, None):
        batch = batch_of(rich, tide, xai, takes=5, wave=rng.randint(1, 4), ceiling=rng.randint(1, 7) * PRICE, most_failed=most_failed)
        for _ in range(25):
            done = one_act(batch, rich, rng)
            batch.refresh_from_db()
            reached[f"{done}: {batch.state}"] += 1
            all_is_well(batch)
    assert len({act.partition(":")[0] for act in reached}) > 5, "which orders, is up to the dice; that they vary, is not"


# At once


def looked(batch: Batch) -> bool:
    return batch_worker.carry_on(batch.pk)


def ordered_by_force(batch: Batch) -> bool:
    """As a worker whose claim is an old one: it orders beside the others."""
    mine = Batch.objects.select_related("project", "author").get(pk=batch.pk)
    return batch_worker.advance(mine, time.monotonic() + 20)


@pytest.mark.django_db(transaction=True)
def test_many_workers_at_one_wave_order_each_row_once(rich: User, tide: Project, xai: Connection):
    batch = batch_of(rich, tide, xai, takes=6, wave=6)
    at_once([partial(ordered_by_force, batch) for _ in range(4)])
    assert (facts(batch).in_line, len(jobs_of(batch)), money(batch).held) == (6, 6, 6 * PRICE)
    all_is_well(batch)


@pytest.mark.django_db(transaction=True)
def test_one_look_is_one_workers(rich: User, tide: Project, xai: Connection):
    batch = batch_of(rich, tide, xai, takes=2)
    assert sum(at_once([partial(looked, batch) for _ in range(6)])) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("act", [batch_actions.pause, batch_actions.stop])
def test_a_pause_or_a_stop_in_the_middle_of_a_wave_leaves_nothing_in_line(rich: User, tide: Project, xai: Connection, act: Callable[..., bool]):
    for _ in range(3):
        batch = batch_of(rich, tide, xai, takes=5, wave=5)

        def press(batch: Batch = batch) -> bool:
            won = act(Batch.objects.select_related("project").get(pk=batch.pk), by=rich)
            batch_worker.carry_on(batch.pk)
            return won

        acts: list[Callable[[], bool]] = [partial(ordered_by_force, batch), partial(ordered_by_force, batch), press]
        at_once(acts)
        carry_on(batch, times=2)
        assert batch.state in {S.PAUSED, S.STOPPED}
        assert jobs_of(batch, State.QUEUED) == []
        all_is_well(batch)


@pytest.mark.django_db(transaction=True)
def test_two_waves_and_a_retry_never_go_over_one_ceiling(rich: User, tide: Project, xai: Connection):
    batch = batch_of(rich, tide, xai, takes=6, wave=3, ceiling=3 * PRICE)
    carry_on(batch)
    for job in jobs_of(batch):
        end(job, State.FAILED)

    def tried(job: Job) -> bool:
        with suppress(ledger.CannotHold):
            return actions.retry(Job.objects.select_related("project", "author", "connection").get(pk=job.pk), by=rich)
        return False

    acts: list[Callable[[], bool]] = [partial(ordered_by_force, batch), *(partial(tried, job) for job in jobs_of(batch))]
    at_once(acts)
    assert money(batch).held == 3 * PRICE
    all_is_well(batch)


@pytest.mark.django_db(transaction=True)
def test_ordering_again_by_two_presses_and_a_retry_makes_one_job_of_each_row(rich: User, tide: Project, xai: Connection):
    batch = batch_of(rich, tide, xai, takes=3)
    carry_on(batch)
    for job in jobs_of(batch):
        end(job, State.FAILED)

    def pressed() -> int:
        return batch_actions.again(Batch.objects.select_related("project").get(pk=batch.pk))

    def tried() -> bool:
        with suppress(CannotDo):
            return actions.retry(Job.objects.select_related("project", "author", "connection").filter(batch=batch).earliest("number"), by=rich)
        return False

    acts: list[Callable[[], int]] = [pressed, pressed, tried]
    at_once(acts)
    carry_on(batch, times=2)
    assert facts(batch).in_line == 3
    all_is_well(batch)


@pytest.mark.django_db(transaction=True)
def test_one_form_sent_many_times_at_once_is_one_batch(rich: User, tide: Project, xai: Connection):
    key, entry, wanted = uuid4(), Pass(rich, tide, "maker"), replace(WANTED, connection=xai.pk, takes=3)

    def press() -> Batch:
        return batch_actions.order_at_once(entry, Made(wanted=wanted, rows=rows_of(Judge.of(), wanted)), Rules(ceiling=PLENTY), key=key)

    assert len({batch.pk for batch in at_once([press] * 5)}) == Batch.objects.count() == 1
    assert BatchRow.objects.count() == 3
    tide.refresh_from_db()
    assert tide.last_number == 1
    assert Batch.objects.filter(due__lte=timezone.now()).count() == 1
