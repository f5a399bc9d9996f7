"""Whose turn it is, and what holds orders up."""

from collections.abc import Callable

import pytest
from django.utils import timezone

from studio.accounts.models import User
from studio.credits import ledger
from studio.jobs.lifecycle import State
from studio.jobs.line import in_turn, places
from studio.jobs.models import Attempt, Job
from studio.jobs.worker import sweep
from studio.projects.models import Project
from studio.routing.models import Connection
from tests.jobs.conftest import BRIEF, pass_time
from tests.jobs.played import PENDING, PlayedProvider, Reply
from tests.jobs.rows import job_row

Ordered = Callable[..., Job]

pytestmark = pytest.mark.django_db


@pytest.fixture
def funded_bob(bob: User) -> User:
    ledger.grant(bob, 1_000_000, key="bob", reason="for the test", actor=None)
    return bob


def test_a_persons_first_job_stands_second_at_most_however_many_another_has_queued(
    alice: User, bob: User, tide: Project, connection: Connection, ordered: Ordered, funded_bob: User
):
    for _ in range(500):
        job_row(tide, alice, connection, State.QUEUED)
    first = ordered(author=funded_bob)
    assert places({connection.pk})[first.pk] <= 2


def test_who_has_more_at_the_provider_waits_longer(alice: User, bob: User, tide: Project, connection: Connection):
    for _ in range(2):
        job_row(tide, alice, connection, State.RENDERING)
    hers, his = (job_row(tide, user, connection, State.QUEUED) for user in (alice, bob))
    assert list(in_turn(Job.objects.filter(connection=connection))) == [his, hers]


def test_the_place_on_the_card_is_the_order_of_sending(
    funded: User, funded_bob: User, connection: Connection, ordered: Ordered, played: PlayedProvider
):
    jobs = [*(ordered() for _ in range(4)), *(ordered(author=funded_bob) for _ in range(2))]
    line = places({connection.pk})
    connection.jobs_at_once = 1
    connection.save()
    played.on_look = [PENDING] * 99
    sent: list[Job] = []
    for _ in jobs:
        sweep(connection.pk)
        out = Job.objects.get(state=State.RENDERING)
        sent.append(out)
        Job.objects.filter(pk=out.pk).update(state=State.DONE, due=None)
    assert [line[job.pk] for job in sent][:2] == [1, 2]
    assert {job.author for job in sent[:2]} == {funded, funded_bob}


def test_each_connection_has_a_line_of_its_own(alice: User, tide: Project, connection: Connection, xai: Connection):
    here, there = job_row(tide, alice, connection, State.QUEUED), job_row(tide, alice, xai, State.QUEUED)
    assert places({connection.pk, xai.pk}) == {here.pk: 1, there.pk: 1}
    assert places(set()) == {}


def rendering_and_queued(ordered: Ordered, played: PlayedProvider, connection: Connection, no: Reply) -> Job:
    """A job that renders, and one whose order met this answer."""
    played.on_look = [PENDING] * 99
    ordered()
    sweep(connection.pk)
    played.on_submit = [no]
    waiting = ordered()
    sweep(connection.pk)
    Job.objects.filter(state=State.RENDERING).update(due=timezone.now())
    connection.refresh_from_db()
    return waiting


def test_a_full_queue_holds_up_orders_and_not_looks(ordered: Ordered, played: PlayedProvider, connection: Connection):
    waiting = rendering_and_queued(ordered, played, connection, Reply(429, {"error": "Too many"}))
    looks = len(played.looks)
    sweep(connection.pk)
    waiting.refresh_from_db()
    assert (waiting.state, len(played.looks) - looks) == (State.QUEUED, 1)
    assert not connection.is_waiting(timezone.now())
    assert not connection.may_send(timezone.now())


def test_a_wait_that_the_provider_named_holds_up_everything(ordered: Ordered, played: PlayedProvider, connection: Connection):
    rendering_and_queued(ordered, played, connection, Reply(429, {"error": "Too many"}, headers={"Retry-After": "30"}))
    looks = len(played.looks)
    sweep(connection.pk)
    assert len(played.looks) == looks
    pass_time(31)
    sweep(connection.pk)
    assert len(played.looks) > looks


def test_a_wait_that_a_look_was_told_of_holds_up_everything_too(ordered: Ordered, played: PlayedProvider, connection: Connection):
    played.on_look = [Reply(429, {"error": "Too many"}, headers={"Retry-After": "30"})]
    ordered()
    sweep(connection.pk)
    pass_time(100)
    sweep(connection.pk)
    ordered()
    Job.objects.update(due=timezone.now())
    sweep(connection.pk)
    assert (len(played.looks), len(played.submits)) == (1, 1)
    pass_time(31)
    sweep(connection.pk)
    assert (len(played.looks), len(played.submits)) == (2, 2)


def test_a_provider_that_cannot_be_reached_pauses_after_some_tries_and_loses_no_job(ordered: Ordered, connection: Connection):
    Connection.objects.filter(pk=connection.pk).update(base_url="http://127.0.0.1:9")
    job = ordered()
    for _ in range(6):
        sweep(connection.pk)
        pass_time(100)
    job.refresh_from_db()
    assert (job.state, job.cause) == (State.QUEUED, "not_now")  # the guard refuses the address before anything is asked
    assert Attempt.objects.get().sent_at is None
    assert BRIEF.model == job.model


def test_with_room_for_one_people_take_turns(funded: User, funded_bob: User, connection: Connection, ordered: Ordered, played: PlayedProvider):
    Connection.objects.update(jobs_at_once=1)
    for _ in range(4):
        ordered()
    for _ in range(2):
        ordered(author=funded_bob)
    played.on_look = [PENDING] * 99
    sent = []
    for _ in range(4):
        sweep(connection.pk)
        out = Job.objects.select_related("author").get(state=State.RENDERING)
        sent.append(out.author.name)
        Job.objects.filter(pk=out.pk).update(state=State.DONE, due=None)
    assert sent == ["Alice", "Bob", "Alice", "Bob"]
