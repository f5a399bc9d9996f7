"""Many at the same moment, each on a database connection of its own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import TypeVar
from uuid import uuid4

import pytest
from django.db import close_old_connections, connections
from django.utils import timezone

from studio.accounts.models import User
from studio.credits import ledger
from studio.credits.models import Account
from studio.jobs import saving
from studio.jobs.actions import Order, cancel, order
from studio.jobs.checks import verify_holds
from studio.jobs.lifecycle import State
from studio.jobs.models import Job
from studio.jobs.sending import claim
from studio.jobs.worker import sweep
from studio.projects.models import Project
from studio.routing.models import Connection
from studio.routing.prices import quote
from tests.jobs.conftest import BRIEF, pass_time
from tests.jobs.played import PlayedProvider

pytestmark = pytest.mark.django_db(transaction=True)
T = TypeVar("T")


def at_once(acts: list[Callable[[], T]]) -> list[T]:
    """What each act gave, all started at the same moment."""
    start = Barrier(len(acts))

    def run(act: Callable[[], T]) -> T:
        close_old_connections()
        start.wait()
        try:
            return act()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as pool:
        return [running.result() for running in [pool.submit(run, act) for act in acts]]


def test_fifty_orders_at_once_with_credits_for_ten_give_exactly_ten_jobs(alice: User, tide: Project, connection: Connection):
    price = quote(connection, BRIEF).millicredits
    ledger.grant(alice, 10 * price + price // 2, key="ten", reason="for ten", actor=None)

    def try_to_order() -> bool:
        try:
            order(author=alice, project=tide, what=Order(connection=connection, brief=BRIEF), order_key=uuid4())
        except ledger.Insufficient:
            return False
        return True

    assert sum(at_once([try_to_order] * 50)) == 10
    assert sorted(Job.objects.values_list("number", flat=True)) == list(range(1, 11))
    assert Account.objects.get(user=alice).held == 10 * price
    assert ledger.verify() == []
    assert verify_holds() == []


def test_one_form_sent_by_many_clicks_at_once_orders_once(funded: User, tide: Project, connection: Connection):
    key = uuid4()
    jobs = at_once([lambda: order(author=funded, project=tide, what=Order(connection=connection, brief=BRIEF), order_key=key).pk] * 10)
    assert len(set(jobs)) == Job.objects.count() == 1
    assert verify_holds() == []


def was_claimed(job: Job) -> bool:
    fresh = Job.objects.select_related("project", "connection").get(pk=job.pk)
    return claim(fresh, now=timezone.now()) is not None


def was_cancelled(job: Job, by: User) -> bool:
    return cancel(Job.objects.select_related("project").get(pk=job.pk), by=by)


def test_a_job_is_claimed_by_one_of_many_senders(ordered: Callable[..., Job]):
    job = ordered()
    assert sum(at_once([partial(was_claimed, job)] * 8)) == 1


def test_a_job_is_either_cancelled_or_sent_never_both(ordered: Callable[..., Job], funded: User):
    for _ in range(5):
        job = ordered()
        sent, cancelled = at_once([partial(was_claimed, job), partial(was_cancelled, job, funded)])
        assert sent != cancelled
        job.refresh_from_db()
        assert job.state == (State.SENDING if sent else State.CANCELLED)
    assert verify_holds() == []


def was_taken_up(job: Job) -> bool:
    return saving._claim(str(job.pk)) is not None


def test_a_job_is_taken_up_by_one_of_many_workers_that_would_save_it(ordered: Callable[..., Job], played: PlayedProvider):
    job = ordered()
    sweep(job.connection_id)
    pass_time(100)
    sweep(job.connection_id)
    assert sum(at_once([partial(was_taken_up, job)] * 8)) == 1
    assert saving.save(str(job.pk)) is False
    assert played.downloads == []
