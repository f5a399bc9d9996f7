"""Holding back, going on, first in line, cancelling: for one and for many, with what it does to the money, whoever is quicker."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from studio.accounts.models import User
from studio.credits import ledger
from studio.credits.models import Account
from studio.jobs import actions, acts
from studio.jobs.acts import KINDS, Kind
from studio.jobs.checks import verify_holds
from studio.jobs.lifecycle import State
from studio.jobs.line import in_turn, places, serve
from studio.jobs.models import Job, JobEvent
from studio.jobs.receipts import timeline
from studio.jobs.sending import claim
from studio.jobs.worker import sweep
from studio.projects.door import Pass
from studio.projects.models import Project
from studio.routing.models import Connection
from tests.conftest import signed_in
from tests.jobs.conftest import pass_time, work_through
from tests.jobs.played import PlayedProvider
from tests.jobs.rows import HTMX, job_row
from tests.jobs.test_at_once import at_once

Ordered = Callable[..., Job]


def kind(name: str) -> Kind:
    return next(one for one in KINDS if one.name == name)


def held(user: User) -> int:
    return Account.objects.get(user=user).held


# What it does


def test_a_paused_job_is_not_sent_keeps_its_hold_and_goes_on_when_told(ordered: Ordered, funded: User, played: PlayedProvider):
    job = ordered()
    before = held(funded)
    assert actions.pause(job, by=funded)
    for _ in range(3):
        sweep(job.connection_id)
        pass_time(1_000)
    job.refresh_from_db()
    assert (job.state, job.due, played.submits, held(funded)) == (State.PAUSED, None, [], before)
    assert verify_holds() == []

    assert actions.go_on(job, by=funded)
    assert work_through(Job.objects.get(pk=job.pk)).state == State.DONE
    assert len(played.submits) == 1
    assert held(funded) == 0


def test_pausing_and_going_on_are_done_once_and_only_from_where_they_make_sense(ordered: Ordered, funded: User, played: PlayedProvider):
    job = ordered()
    assert not actions.go_on(job, by=funded)
    assert [actions.pause(job, by=funded), actions.pause(job, by=funded)] == [True, False]
    assert not actions.put_first(job)
    assert [actions.go_on(job, by=funded), actions.go_on(job, by=funded)] == [True, False]
    sweep(job.connection_id)
    assert not any([actions.pause(job, by=funded), actions.put_first(job), actions.cancel(job, by=funded)])


def test_a_paused_job_can_be_cancelled_and_its_credits_come_back(ordered: Ordered, funded: User):
    job = ordered()
    actions.pause(job, by=funded)
    assert actions.cancel(job, by=funded)
    job.refresh_from_db()
    assert (job.state, job.charged, held(funded)) == (State.CANCELLED, 0, 0)
    assert ledger.verify() == []


def test_the_story_of_a_job_tells_who_held_it_back_and_that_it_went_on(ordered: Ordered, funded: User):
    job = ordered()
    actions.pause(job, by=funded)
    actions.go_on(job, by=funded)
    steps = timeline(job, JobEvent.objects.filter(job=job), list(job.attempts.select_related("connection")))
    assert [(step.title, step.text) for step in steps] == [("Ordered by Alice", ""), ("Paused", "by Alice"), ("Goes on", "by Alice")]


# First in one's own line


def test_the_last_one_put_first_is_first_of_its_authors_own(alice: User, tide: Project, xai: Connection):
    jobs = [job_row(tide, alice, xai, State.QUEUED) for _ in range(4)]
    actions.put_first(jobs[2])
    actions.put_first(jobs[3])
    assert [job.number for job in in_turn(Job.objects.all())] == [4, 3, 1, 2]


@pytest.mark.parametrize("served", [False, True])
@pytest.mark.parametrize("away", [0, 2])
def test_putting_first_takes_no_turn_from_anybody(served: bool, away: int, alice: User, bob: User, tide: Project, xai: Connection):
    for _ in range(away):
        job_row(tide, alice, xai, State.RENDERING)
    mine = [job_row(tide, user, xai, State.QUEUED) for user in (alice, bob, alice, bob, bob, alice, alice)]
    if served:
        serve(mine[0], timezone.now())
    before = [job.author_id for job in in_turn(Job.objects.all())]
    theirs = {job.pk: place for job, place in zip(in_turn(Job.objects.all()), range(99), strict=False) if job.author_id == bob.pk}
    for job in (mine[6], mine[2], mine[5]):
        actions.put_first(job)
        assert [one.author_id for one in in_turn(Job.objects.all())] == before
    after = places({xai.pk})
    assert {pk: after[pk] - 1 for pk in theirs} == theirs


def test_several_that_are_put_first_keep_their_order(alice: User, tide: Project, xai: Connection):
    jobs = [job_row(tide, alice, xai, State.QUEUED) for _ in range(4)]
    acts.act(Pass(alice, tide, "maker"), kind("first"), [jobs[1], jobs[3]])
    assert [job.number for job in in_turn(Job.objects.all())] == [2, 4, 1, 3]


def test_who_is_put_first_is_sent_first(ordered: Ordered, connection: Connection, played: PlayedProvider):
    Connection.objects.update(jobs_at_once=1)
    ordered()
    last = ordered()
    actions.put_first(last)
    sweep(connection.pk)
    assert Job.objects.get(state=State.RENDERING) == last


# What is said before


def test_what_each_act_does_to_the_money_is_said_before_it_is_done(alice: User, bob: User, tide: Project, xai: Connection):
    jobs = [job_row(tide, alice, xai, state) for state in (State.QUEUED, State.QUEUED, State.PAUSED, State.RENDERING, State.DONE)]
    jobs.append(job_row(tide, bob, xai, State.QUEUED))
    found = acts.offer(Pass(alice, tide, "maker"), jobs)
    assert {act.kind.name: (len(act.jobs), act.money) for act in found.acts} == {
        "first": (2, "Before your other orders, and nobody else’s turn. 112 credits stay held."),
        "pause": (2, "Not sent until you go on. 112 credits stay held."),
        "go_on": (1, "Back in line. 56 credits stay held."),
        "cancel": (3, "Not sent yet, so 168 credits come back."),
    }
    assert found.rest == (
        "TIDE-006: only the author or an owner of the project decides. "
        "TIDE-004 was sent already and cannot be taken back. 56 credits stay held and are spent if a clip is made."
    )
    assert [act.asks for act in found.acts] == ["", "", "", "Cancel 3 orders? Not sent yet, so 168 credits come back."]


def test_nothing_is_offered_for_what_is_over(alice: User, tide: Project, xai: Connection):
    found = acts.offer(Pass(alice, tide, "maker"), [job_row(tide, alice, xai, state) for state in (State.DONE, State.FAILED, State.CANCELLED)])
    assert (list(found.acts), found.rest) == ([], "")


# By browser


def press(browser: Client, name: str, *numbers: int, **more: Any) -> Any:
    return browser.post("/p/TIDE/jobs/act/", {"n": numbers, "do": name}, **more)


def test_many_are_cancelled_at_once_and_what_came_of_it_is_said(as_alice: Client, ordered: Ordered, funded: User, played: PlayedProvider):
    jobs = [ordered() for _ in range(3)]
    sent = ordered()
    Job.objects.filter(pk=sent.pk).update(state=State.SENDING)
    answer = press(as_alice, "cancel", *(job.number for job in [*jobs, sent]), headers=HTMX)
    assert answer.content.decode().count('data-state="cancelled"') == 3
    assert "3 orders are cancelled." in answer["HX-Trigger"]
    assert f"{sent.code} was sent already and cannot be taken back." in answer["HX-Trigger"]
    assert held(funded) == sent.estimate


@pytest.mark.parametrize(("name", "state"), [("pause", State.PAUSED), ("first", State.QUEUED), ("cancel", State.CANCELLED)])
def test_one_is_done_from_its_menu_and_without_scripts(name: str, state: State, as_alice: Client, ordered: Ordered):
    job = ordered()
    menu = as_alice.get(f"/p/TIDE/jobs/{job.number}/menu/", headers=HTMX).content.decode()
    assert f'name="do" value="{name}"' in menu
    answer = press(as_alice, name, job.number, follow=True)
    assert answer.redirect_chain[-1][0] == f"/p/TIDE/jobs/{job.number}/"
    assert Job.objects.get().state == state


def test_what_is_done_twice_says_so(as_alice: Client, ordered: Ordered):
    job = ordered()
    press(as_alice, "pause", job.number)
    assert f"{job.code} is paused already." in press(as_alice, "pause", job.number, headers=HTMX)["HX-Trigger"]
    press(as_alice, "cancel", job.number)
    assert f"{job.code} was cancelled already." in press(as_alice, "go_on", job.number, headers=HTMX)["HX-Trigger"]


def test_a_team_mates_order_is_theirs_and_an_owner_may(as_alice: Client, alice: User, bob: User, carol: User, tide: Project, xai: Connection):
    his, hers = job_row(tide, bob, xai, State.QUEUED), job_row(tide, alice, xai, State.QUEUED)
    assert press(as_alice, "pause", his.number).status_code == 403
    assert press(signed_in(carol), "pause", hers.number).status_code == 403
    mixed = press(as_alice, "pause", his.number, hers.number, headers=HTMX)
    assert "TIDE-001: only its author or an owner of the project decides." in mixed["HX-Trigger"]
    assert set(Job.objects.values_list("state", flat=True)) == {State.QUEUED, State.PAUSED}
    assert press(signed_in(bob), "go_on", hers.number, headers=HTMX).status_code == 200


def test_what_names_nothing_here_is_not_found(as_alice: Client, alice: User, tide: Project, xai: Connection):
    other = Project.objects.create(code="ELSE", name="Elsewhere", created_by=alice)
    job_row(other, alice, xai, State.QUEUED)
    assert press(as_alice, "cancel", 1).status_code == 404
    assert press(as_alice, "cancel").status_code == 404
    job_row(tide, alice, xai, State.QUEUED)
    assert press(as_alice, "explode", 1).status_code == 400
    assert as_alice.get("/p/TIDE/jobs/9/menu/").status_code == 404


def test_the_bar_costs_the_same_queries_for_one_and_for_fifty(as_alice, alice, tide, xai, django_assert_max_num_queries):
    numbers = [job_row(tide, alice, xai, State.QUEUED).number for _ in range(50)]
    counted = []
    for few in (numbers[:1], numbers):
        with django_assert_max_num_queries(10) as asked:
            text = as_alice.get("/p/TIDE/jobs/act/", {"n": few}).content.decode()
        counted.append(len(asked))
        assert text.count('type="hidden" name="n"') == len(few)
    assert counted[0] == counted[1]


# Whoever is quicker


@pytest.mark.django_db(transaction=True)
def test_of_pausing_sending_and_cancelling_at_once_one_wins(ordered: Ordered, funded: User):
    def fresh(job: Job) -> Job:
        return Job.objects.select_related("project", "connection").get(pk=job.pk)

    for _ in range(5):
        job = ordered()
        tries: list[Callable[[], bool]] = [
            lambda job=job: actions.pause(fresh(job), by=funded),  # type: ignore[misc]
            lambda job=job: claim(fresh(job), now=timezone.now()) is not None,  # type: ignore[misc]
            lambda job=job: actions.put_first(fresh(job)),  # type: ignore[misc]
        ]
        paused, sent, _ = at_once(tries)
        assert paused != sent
        assert fresh(job).state == (State.PAUSED if paused else State.SENDING)
    assert verify_holds() == []


@pytest.mark.django_db(transaction=True)
def test_going_on_and_cancelling_at_once_ends_cancelled_with_the_credits_back(ordered: Ordered, funded: User):
    def fresh(job: Job) -> Job:
        return Job.objects.select_related("project").get(pk=job.pk)

    for _ in range(5):
        job = ordered()
        actions.pause(job, by=funded)
        _, cancelled = at_once(
            [partial(lambda job: actions.go_on(fresh(job), by=funded), job), partial(lambda job: actions.cancel(fresh(job), by=funded), job)]
        )
        assert cancelled
    assert held(funded) == 0
    assert ledger.verify() == []
