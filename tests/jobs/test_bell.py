"""Boards that wait for news: who is rung, when, and what is asked of the database for it."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

import pytest
from django.db import InterfaceError, OperationalError, connection
from django.test import Client, RequestFactory

from studio.accounts.models import User
from studio.credits import ledger
from studio.jobs import bell, board, views
from studio.jobs.bell import HOLD, NEWS, NONE, Bell, Waiting
from studio.jobs.board import Tag, tag_of
from studio.jobs.lifecycle import State
from studio.projects.models import Membership, Project
from studio.routing.models import Connection
from tests.jobs.rows import job_row

FAR = 1e12  # of the monotonic clock


def waiting(user: User, project: Project, *, until: float = FAR) -> Waiting:
    seen = tag_of(user, project.code)
    assert seen
    return Waiting(project.code, user.pk, seen, Future(), until)


@pytest.mark.django_db
def test_a_new_card_rings_for_everybody_who_has_the_board_open_and_for_nobody_else(alice: User, bob: User, tide: Project, xai: Connection):
    other = Project.objects.create(code="OTHER", name="Another")
    Membership.objects.create(project=other, user=alice, role="maker")
    here, beside, elsewhere = waiting(alice, tide), waiting(bob, tide), waiting(alice, other)

    job_row(tide, bob, xai, State.QUEUED)
    bell.ring([here, beside, elsewhere])

    assert [one.answer.done() for one in (here, beside, elsewhere)] == [True, True, False]
    assert here.answer.result(0) == NEWS


@pytest.mark.django_db
def test_credits_ring_for_the_one_whose_they_are(alice: User, bob: User, tide: Project):
    mine, theirs = waiting(alice, tide), waiting(bob, tide)

    ledger.grant(alice, 5_000, key="more", reason="more", actor=bob)
    bell.ring([mine, theirs])

    assert (mine.answer.done(), theirs.answer.done()) == (True, False)


@pytest.mark.django_db
def test_who_waited_long_enough_is_told_that_there_was_nothing(alice: User, tide: Project):
    one = waiting(alice, tide, until=time.monotonic())
    bell.ring([one])
    assert one.answer.result(0) == NONE


@pytest.mark.django_db
def test_a_project_that_is_gone_rings_so_that_the_page_finds_out(alice: User, tide: Project):
    one = Waiting("GONE", alice.pk, Tag(1, 1, 1), Future(), FAR)
    bell.ring([one])
    assert one.answer.result(0) == NEWS


@pytest.mark.django_db
def test_a_database_that_cannot_be_asked_rings_for_all(alice: User, tide: Project):
    def down(*_: object) -> None:
        raise OperationalError("the database is away")

    one = waiting(alice, tide)
    with connection.execute_wrapper(down):
        bell.ring([one])
    assert one.answer.result(0) == NEWS


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("trouble", [InterfaceError("connection already closed"), ValueError("a fault of ours")])
def test_the_thread_that_rings_outlives_whatever_goes_wrong(
    alice: User, tide: Project, xai: Connection, trouble: Exception, monkeypatch: pytest.MonkeyPatch
):
    """It looks after every board of its process, and nobody starts another one."""
    ours, asked = Bell(), board.tags_of
    troubles = [trouble]

    def failing(boards: set[tuple[str, int]]) -> object:
        if troubles:
            raise troubles.pop()
        return asked(boards)

    monkeypatch.setattr(bell, "tags_of", failing)
    for _ in range(2):
        tag, promise = tag_of(alice, "TIDE"), Future[bytes]()
        assert tag
        ours.wait("TIDE", alice.pk, tag, promise)
        job_row(tide, alice, xai, State.QUEUED)
        assert promise.result(10) == NEWS


@pytest.mark.django_db(transaction=True)
def test_a_thread_that_ended_all_the_same_is_started_again(alice: User, tide: Project, xai: Connection):
    ours = Bell()
    ours._thread = threading.Thread(target=int)
    ours._thread.start()
    ours._thread.join()
    tag, promise = tag_of(alice, "TIDE"), Future[bytes]()
    assert tag
    ours.wait("TIDE", alice.pk, tag, promise)
    job_row(tide, alice, xai, State.QUEUED)
    assert promise.result(10) == NEWS


@pytest.mark.django_db
def test_who_left_is_not_answered(alice: User, tide: Project):
    one = waiting(alice, tide, until=0)
    one.answer.cancel()
    bell.ring([one])
    assert one.answer.cancelled()


@pytest.mark.django_db
def test_two_queries_look_after_them_all(alice: User, bob: User, tide: Project, django_assert_num_queries):
    many = [waiting(user, tide) for user in (alice, bob) for _ in range(50)]
    with django_assert_num_queries(2):
        bell.ring(many)


@pytest.mark.django_db(transaction=True)
def test_one_thread_rings_for_who_came_first_and_who_came_after_a_silence(alice: User, tide: Project, xai: Connection):
    ours = Bell()
    for _ in range(2):
        tag, promise = tag_of(alice, "TIDE"), Future[bytes]()
        assert tag
        ours.wait("TIDE", alice.pk, tag, promise)
        job_row(tide, alice, xai, State.QUEUED)
        assert promise.result(10) == NEWS


# The address


def asked(user: User, tag: Tag, *, later: Callable[[], Future[bytes] | None]):
    request = RequestFactory().get("/p/TIDE/news/", headers={"HX-PTag": str(tag)})
    request.META["studio.later"] = later
    request.user = user
    return views.news(request, "TIDE")


@pytest.mark.django_db
def test_pages_of_another_age_hear_at_once_that_there_are_news(alice: User, tide: Project, as_alice: Client):
    answer = as_alice.get("/p/TIDE/news/", headers={"HX-PTag": "b0.u0.n7"})
    assert (answer.status_code, answer.content, "no-store" in answer["Cache-Control"]) == (200, NEWS, True)


@pytest.mark.django_db
def test_a_server_that_holds_nothing_back_says_so(alice: User, tide: Project, as_alice: Client):
    assert as_alice.get("/p/TIDE/news/", headers={"HX-PTag": str(tag_of(alice, "TIDE"))}).status_code == 204


@pytest.mark.django_db
def test_a_server_that_holds_too_many_already_says_so(alice: User, tide: Project):
    tag = tag_of(alice, "TIDE")
    assert tag
    assert asked(alice, tag, later=lambda: None).status_code == 204


@pytest.mark.django_db(transaction=True)
def test_a_page_that_is_up_to_date_is_promised_its_answer(alice: User, tide: Project, xai: Connection):
    tag, promise = tag_of(alice, "TIDE"), Future[bytes]()
    assert tag
    answer = asked(alice, tag, later=lambda: promise)

    assert (answer.status_code, len(answer.content)) == (200, 1)
    assert not promise.done()
    job_row(tide, alice, xai, State.QUEUED)
    assert promise.result(10) == NEWS


def test_an_answer_is_held_for_less_than_proxies_wait():
    assert 20 < HOLD < 60


def test_reading_many_tags_agrees_with_reading_one(db: None, alice: User, bob: User, tide: Project):
    ledger.grant(bob, 7_000, key="more", reason="more", actor=alice)
    found = board.tags_of({("TIDE", alice.pk), ("TIDE", bob.pk), ("NONE", bob.pk)})
    assert found == {("TIDE", alice.pk): tag_of(alice, "TIDE"), ("TIDE", bob.pk): tag_of(bob, "TIDE")}
