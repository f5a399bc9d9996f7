"""Ordering and cancelling."""

from collections.abc import Callable
from dataclasses import replace
from uuid import uuid4

import pytest
from django.db import connection as database
from pytest_django.fixtures import Settings

from studio.accounts.models import User
from studio.credits import ledger
from studio.credits.models import Account, Hold
from studio.jobs.actions import CannotDo, Order, cancel, order
from studio.jobs.lifecycle import State
from studio.jobs.models import Job
from studio.jobs.worker import sweep
from studio.projects.models import Project
from studio.routing.models import Connection
from tests.jobs.conftest import BRIEF
from tests.jobs.played import PlayedProvider

Ordered = Callable[..., Job]


def test_an_order_holds_its_estimate_and_takes_the_next_shot_number(ordered: Ordered, alice: User):
    first, second = ordered(), ordered()
    assert (first.code, second.code) == ("TIDE-001", "TIDE-002")
    assert Account.objects.get(user=alice).held == first.estimate + second.estimate > 0


def test_two_clicks_on_one_form_order_once(funded: User, tide: Project, connection: Connection):
    key = uuid4()
    jobs = {order(author=funded, project=tide, what=Order(connection=connection, brief=BRIEF), order_key=key).pk for _ in range(3)}
    assert len(jobs) == Hold.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"prompt": "  \n "}, "prompt"),
        ({"prompt": "x" * 4_097}, "prompt"),
        ({"duration": 16}, "duration"),
        ({"duration": None}, "duration"),
        ({"aspect_ratio": "21:9"}, "aspect_ratio"),
        ({"resolution": "8k"}, "resolution"),
        ({"model": "grok-9"}, "model"),
    ],
)
def test_what_the_provider_cannot_do_is_refused_with_its_field_before_anything_is_written(change, field, funded, tide, connection):
    with pytest.raises(CannotDo) as refusal:
        order(author=funded, project=tide, what=Order(connection=connection, brief=replace(BRIEF, **change)), order_key=uuid4())
    assert field in refusal.value.reasons
    assert Job.objects.count() == Hold.objects.count() == 0


def test_a_connection_that_is_off_takes_no_orders(funded: User, tide: Project, connection: Connection):
    connection.enabled = False
    with pytest.raises(CannotDo) as refusal:
        order(author=funded, project=tide, what=Order(connection=connection, brief=BRIEF), order_key=uuid4())
    assert "connection" in refusal.value.reasons


def test_without_enough_credits_nothing_is_ordered_and_the_missing_sum_is_named(alice: User, tide: Project, connection: Connection):
    ledger.grant(alice, 1_000, key="little", reason="test", actor=None)
    with pytest.raises(ledger.Insufficient) as refusal:
        order(author=alice, project=tide, what=Order(connection=connection, brief=BRIEF), order_key=uuid4())
    assert refusal.value.missing == refusal.value.needed - 1_000 > 0
    tide.refresh_from_db()
    assert (Job.objects.count(), Hold.objects.count(), tide.last_number) == (0, 0, 0)


def test_a_queued_job_can_be_cancelled_and_its_credits_come_back(ordered: Ordered, alice: User):
    job = ordered()
    assert cancel(job, by=alice)
    assert not cancel(job, by=alice)
    job.refresh_from_db()
    assert (job.state, job.charged, Account.objects.get(user=alice).held) == (State.CANCELLED, 0, 0)


def test_a_job_that_was_sent_cannot_be_cancelled(ordered: Ordered, alice: User, played: PlayedProvider):
    job = ordered()
    sweep(job.connection_id)
    assert not cancel(job, by=alice)
    job.refresh_from_db()
    assert job.state == State.RENDERING


def test_a_cancelled_job_is_never_sent(ordered: Ordered, alice: User, played: PlayedProvider):
    job = ordered()
    cancel(job, by=alice)
    sweep(job.connection_id)
    assert played.submits == []


def test_an_order_takes_a_fixed_number_of_queries(ordered: Ordered, django_assert_max_num_queries):
    ordered()
    with django_assert_max_num_queries(30):
        ordered()
    assert not database.needs_rollback


def test_a_sandbox_connection_takes_no_orders_where_the_sandbox_is_off(funded: User, tide: Project, xai: Connection, settings: Settings):
    settings.SANDBOX = False
    with pytest.raises(CannotDo, match="belongs to the sandbox, which is off"):
        order(author=funded, project=tide, what=Order(connection=xai, brief=BRIEF), order_key=uuid4())
    assert not Hold.objects.exists()


def test_a_form_that_ordered_in_another_project_orders_nothing_here(funded: User, tide: Project, connection: Connection):
    key, other = uuid4(), Project.objects.create(code="ELSE", name="Elsewhere", created_by=funded)
    other.memberships.create(user=funded, role="owner")
    order(author=funded, project=other, what=Order(connection=connection, brief=BRIEF), order_key=key)
    with pytest.raises(CannotDo) as refusal:
        order(author=funded, project=tide, what=Order(connection=connection, brief=BRIEF), order_key=key)
    assert "order_key" in refusal.value.reasons
    assert Job.objects.count() == Hold.objects.count() == 1
