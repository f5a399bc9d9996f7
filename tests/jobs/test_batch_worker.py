"""Batches carried out: waves, ceilings, rules, pauses and stops, and what each does to the money."""

import time
from collections.abc import Callable

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from studio.accounts.models import User
from studio.credits import ledger
from studio.credits.models import Account, Cap
from studio.gallery.models import ProjectDecision
from studio.jobs import actions, batch_actions, batch_worker, moves, sending
from studio.jobs.batch_actions import Rules, Stays
from studio.jobs.batch_models import Batch, BatchRow
from studio.jobs.batch_pages import overview
from studio.jobs.charging import Charge
from studio.jobs.lifecycle import State
from studio.jobs.models import Cause, Job, Policy
from studio.jobs.routes import give_up
from studio.projects.door import Pass
from studio.projects.models import Membership, Project
from studio.providers.contract import NotNow
from studio.routing.models import Connection
from tests.jobs.batches import PLENTY, PRICE, all_is_well, batch_of, carry_on, end, facts, jobs_of, money
from tests.jobs.rows import clip_row, sure

S, C = Batch.State, Batch.Cause


@pytest.fixture
def rich(alice: User) -> User:
    """Alice, with 10,000 credits."""
    ledger.grant(alice, PLENTY, key="rich", reason="for batches", actor=None)
    return alice


def test_a_wave_is_ordered_and_the_next_one_only_when_it_has_ended(rich: User, tide: Project, xai: Connection):
    batch = batch_of(rich, tide, xai, takes=5, wave=2)
    assert carry_on(batch).waiting == 3
    assert carry_on(batch, times=3).waiting == 3
    assert money(batch).held == 2 * PRICE
    first, second = jobs_of(batch)
    end(first)
    assert carry_on(batch).waiting == 3
    end(second, State.FAILED)
    assert carry_on(batch).waiting == 1
    for job in jobs_of(batch, State.QUEUED):
        end(job)
    carry_on(batch)
    end(jobs_of(batch, State.QUEUED)[0])
    carry_on(batch)
    assert (batch.state, facts(batch).done, facts(batch).failed) == (S.DONE, 4, 1)
    assert [row.wave for row in batch.rows.all()] == [1, 1, 2, 2, 3]
    all_is_well(batch)


def test_what_was_not_ordered_yet_costs_nothing_and_the_batch_has_a_number_of_its_own(rich: User, tide: Project, xai: Connection):
    batch = batch_of(rich, tide, xai, takes=3, wave=1)
    assert (batch.code, Account.objects.filter(user=rich, held__gt=0).exists()) == ("TIDE-001", False)
    carry_on(batch)
    assert [job.code for job in jobs_of(batch)] == ["TIDE-002"]
    assert Account.objects.get(user=rich).held == PRICE


def test_held_and_spent_together_never_go_over_the_ceiling(rich: User, tide: Project, xai: Connection):
    batch = batch_of(rich, tide, xai, takes=6, wave=2, ceiling=3 * PRICE + 10_000)
    carry_on(batch)
    for job in jobs_of(batch):
        end(job)
    carry_on(batch)
    assert (batch.state, batch.cause) == (S.PAUSED, C.CEILING)
    assert batch.why == "This needs 56 credits; 10 are left of the batch’s ceiling of 178."
    assert (money(batch).held, money(batch).spent) == (PRICE, 2 * PRICE)
    assert batch_actions.go_on(batch, rules=Rules(ceiling=PLENTY, wave=10))
    assert carry_on(batch).waiting == 0
    all_is_well(batch)


def test_trying_a_failed_one_again_counts_against_the_ceiling_too(rich: User, tide: Project, xai: Connection):
    batch = batch_of(rich, tide, xai, takes=2, wave=2, ceiling=2 * PRICE)
    carry_on(batch)
    done, failed = jobs_of(batch)
    end(done, charge=2 * PRICE - 1_000)  # the provider's figure is the truth, whatever was held
    end(failed, State.FAILED)
    with pytest.raises(ledger.CannotHold, match="are left of the batch’s ceiling"):
        actions.retry(failed, by=rich)
    failed.refresh_from_db()
    assert failed.state == State.FAILED
    all_is_well(batch)


def test_missing_credits_pause_the_batch_which_says_how_many_and_goes_on_after_a_grant(alice: User, tide: Project, xai: Connection):
    ledger.grant(alice, 2 * PRICE + 6_000, key="two", reason="for two", actor=None)
    batch = batch_of(alice, tide, xai, takes=5, wave=5)
    carry_on(batch)
    assert (batch.state, batch.cause) == (S.PAUSED, C.CREDITS)
    assert batch.why == "The other 3 clips need 168 credits; 6 can be spent. 162 are missing."
    assert [job.state for job in jobs_of(batch)] == [State.QUEUED] * 2
    ledger.grant(alice, 162_000, key="more", reason="the rest", actor=None)
    assert batch_actions.go_on(batch)
    assert carry_on(batch).waiting == 0
    all_is_well(batch)


def test_a_cap_of_clips_at_once_is_waited_for(rich: User, tide: Project, xai: Connection):
    Cap.objects.create(user=rich, jobs_at_once=2)
    batch = batch_of(rich, tide, xai, takes=3, wave=3)
    assert (carry_on(batch).waiting, batch.state) == (1, S.RUNNING)
    end(jobs_of(batch)[0])
    assert (carry_on(batch).waiting, batch.state) == (0, S.RUNNING)


def test_a_cap_of_credits_a_day_pauses_it_with_the_caps_own_words(rich: User, tide: Project, xai: Connection):
    Cap.objects.create(user=rich, credits_a_day=PRICE)
    batch = batch_of(rich, tide, xai, takes=3)
    carry_on(batch)
    assert (batch.state, batch.cause) == (S.PAUSED, C.LIMIT)
    assert "that are your cap" in batch.why


def test_enough_kept_clips_stop_it_and_what_was_not_sent_comes_back(rich: User, tide: Project, xai: Connection):
    batch = batch_of(rich, tide, xai, takes=6, wave=4, enough_kept=1)
    carry_on(batch)
    done = jobs_of(batch)[0]
    end(done)
    clip = clip_row(done, done.attempts.get(), 0)
    assert (carry_on(batch).kept, batch.state) == (0, S.RUNNING)
    ProjectDecision.objects.create(clip=clip, project=tide, verdict="pick", person=rich)
    now = carry_on(batch, times=2)
    assert (batch.state, batch.cause, batch.why) == (S.STOPPED, C.KEPT, "1 clip is kept, and 1 were enough.")
    assert (now.waiting, now.in_flight, now.done, money(batch).held) == (5, 0, 1, 0)
    with pytest.raises(Stays, match="Change this rule"):
        batch_actions.go_on(batch)
    assert batch_actions.go_on(batch, rules=Rules(ceiling=PLENTY, enough_kept=2))
    assert carry_on(batch).waiting == 0
    all_is_well(batch)


def test_too_many_failures_stop_it_but_not_before_five_have_ended(rich: User, tide: Project, xai: Connection):
    batch = batch_of(rich, tide, xai, takes=20, wave=6, most_failed=50)
    carry_on(batch)
    jobs = jobs_of(batch)
    for job in jobs[:4]:
        end(job, State.FAILED)
    carry_on(batch)
    assert batch.state == S.RUNNING
    end(jobs[4])
    now = carry_on(batch, times=2)
    assert (batch.state, batch.why) == (S.STOPPED, "4 of 5 failed, which is more than 50 %.")
    assert (now.waiting, now.in_flight) == (15, 0)
    all_is_well(batch)


def test_a_pause_holds_back_what_was_not_sent_and_going_on_sends_it(rich: User, tide: Project, xai: Connection):
    batch = batch_of(rich, tide, xai, takes=5, wave=3)
    carry_on(batch)
    sent = jobs_of(batch)[0]
    move_on(sent)
    assert batch_actions.pause(batch, by=rich)
    assert not batch_actions.pause(batch, by=rich)
    carry_on(batch)
    assert [job.state for job in jobs_of(batch)] == [State.SENDING, State.PAUSED, State.PAUSED]
    assert (batch.chore, batch.due, batch.why) == ("", None, "Paused by Alice.")
    assert money(batch).held == 3 * PRICE
    assert batch_actions.go_on(batch)
    carry_on(batch)
    assert [job.state for job in jobs_of(batch)] == [State.SENDING, State.QUEUED, State.QUEUED]


def test_a_worker_that_had_not_heard_of_the_pause_orders_nothing(rich: User, tide: Project, xai: Connection):
    batch = batch_of(rich, tide, xai, takes=3)
    old = Batch.objects.select_related("project", "author").get(pk=batch.pk)
    assert batch_actions.pause(batch, by=rich)
    assert not batch_worker.advance(old, time.monotonic() + 60)
    assert jobs_of(batch) == []
    assert not Account.objects.filter(user=rich, held__gt=0).exists()


def turned_away(batch: Batch, act: Callable[..., bool], by: User) -> Job:
    """One of the batch's jobs, which was at the provider while this was done to its batch, and was told to come back later."""
    job = jobs_of(batch, State.QUEUED)[0]
    ticket = sure(sending.claim(job, now=timezone.now()))
    assert act(batch, by=by)
    carry_on(batch)
    sending.not_now(ticket, NotNow("Later"), now=timezone.now())
    job.refresh_from_db()
    return job


def test_what_is_turned_away_while_its_batch_is_paused_waits_with_it(rich: User, tide: Project, xai: Connection):
    batch = batch_of(rich, tide, xai, takes=2)
    carry_on(batch)
    job = turned_away(batch, batch_actions.pause, rich)
    assert (job.state, job.due, money(batch).held) == (State.PAUSED, None, 2 * PRICE)
    assert batch_actions.go_on(batch)
    carry_on(batch)
    assert [job.state for job in jobs_of(batch)] == [State.QUEUED] * 2
    all_is_well(batch)


def test_what_is_turned_away_after_its_batch_was_stopped_is_cancelled_and_can_be_ordered_later(rich: User, tide: Project, xai: Connection):
    batch = batch_of(rich, tide, xai, takes=2)
    carry_on(batch)
    job = turned_away(batch, batch_actions.stop, rich)
    assert (job.state, job.charged, facts(batch).waiting, money(batch).held) == (State.CANCELLED, 0, 2, 0)
    all_is_well(batch)
    assert batch_actions.go_on(batch)
    assert carry_on(batch).in_line == 2
    all_is_well(batch)


@pytest.mark.parametrize(("act", "state", "held"), [("pause", State.PAUSED, PRICE), ("stop", State.CANCELLED, 0)])
def test_what_is_tried_elsewhere_follows_its_batch_too(rich: User, tide: Project, xai: Connection, act: str, state: State, held: int):
    second = Connection(provider="xai", label="xAI sandbox two", sandbox=True)
    second.set_key("sandbox-key-0002")
    second.save()
    batch = batch_of(rich, tide, xai, takes=1)
    Batch.objects.update(policy=Policy.CHEAPEST)
    carry_on(batch)
    [job] = jobs_of(batch)
    move_on(job)
    assert getattr(batch_actions, act)(batch, by=rich)
    carry_on(batch)
    assert give_up(job.attempts.get(ended_at=None), State.SENDING, charge=Charge(0), cause=Cause.PROVIDER_FAILED, message="Sorry")
    job.refresh_from_db()
    assert (job.state, job.attempts.count(), money(batch).held) == (state, 2, held)
    all_is_well(batch)


@pytest.mark.parametrize("where", ["actions.order", "batch_worker.facts_of"])
def test_a_fault_of_ours_is_said_on_the_card_and_stops_no_other_batch(
    where: str, rich: User, tide: Project, xai: Connection, monkeypatch: pytest.MonkeyPatch
):
    """Left alone it came due again every twenty seconds, for ever, and nobody was told."""

    def fault(*_: object, **__: object) -> None:
        raise ValueError("a fault of ours")

    first, second = batch_of(rich, tide, xai, takes=2), batch_of(rich, tide, xai, takes=2)
    with monkeypatch.context() as broken:
        broken.setattr(f"studio.jobs.{where}", fault)
        carry_on(first)
    said = [first.why, *BatchRow.objects.filter(batch=first).values_list("refusal", flat=True)]
    assert any("Something went wrong here" in sentence for sentence in said)
    assert Job.objects.count() == 0
    Batch.objects.update(due=timezone.now())
    batch_worker.work()
    assert jobs_of(second)
    all_is_well(second)


def test_a_database_that_is_away_is_no_fault_of_a_row(rich: User, tide: Project, xai: Connection, monkeypatch: pytest.MonkeyPatch):
    def away(*_: object, **__: object) -> None:
        raise OperationalError("away")

    batch = batch_of(rich, tide, xai, takes=1)
    with monkeypatch.context() as broken:
        broken.setattr("studio.jobs.actions.order", away)
        with pytest.raises(OperationalError):
            carry_on(batch)
    carry_on(batch)
    assert len(jobs_of(batch)) == 1


def test_a_batch_that_paused_itself_sends_what_was_turned_away(alice: User, tide: Project, xai: Connection):
    ledger.grant(alice, PRICE, key="one", reason="for one", actor=None)
    batch = batch_of(alice, tide, xai, takes=2)
    carry_on(batch)
    assert (batch.state, batch.cause) == (S.PAUSED, C.CREDITS)
    [job] = jobs_of(batch)
    sending.not_now(sure(sending.claim(job, now=timezone.now())), NotNow("Later"), now=timezone.now())
    job.refresh_from_db()
    assert job.state == State.QUEUED


def move_on(job: Job) -> None:
    assert moves.move(job, State.QUEUED, State.SENDING)


def test_a_stop_cancels_what_was_not_sent_and_the_rest_can_still_be_ordered(rich: User, tide: Project, xai: Connection):
    batch = batch_of(rich, tide, xai, takes=5, wave=3)
    carry_on(batch)
    move_on(jobs_of(batch)[0])
    assert batch_actions.stop(batch, by=rich)
    carry_on(batch)
    assert [job.state for job in jobs_of(batch)] == [State.SENDING, State.CANCELLED, State.CANCELLED]
    assert (facts(batch).waiting, money(batch).held) == (4, PRICE)
    assert batch_actions.go_on(batch)
    carry_on(batch)
    assert len(jobs_of(batch, State.QUEUED)) == 2
    all_is_well(batch)


def test_after_a_wave_that_is_looked_at_it_waits_for_a_person(rich: User, tide: Project, xai: Connection):
    batch = batch_of(rich, tide, xai, takes=3, wave=2, looks_between=True)
    carry_on(batch)
    for job in jobs_of(batch):
        end(job)
    carry_on(batch)
    assert (batch.state, batch.cause, batch.why) == (S.PAUSED, C.WAVE, "Wave 1 has ended. Look at its clips, then go on.")
    assert batch_actions.go_on(batch)
    assert carry_on(batch).waiting == 0


def test_only_what_failed_is_ordered_again_as_new_jobs_and_never_what_is_in_doubt(rich: User, tide: Project, xai: Connection):
    batch = batch_of(rich, tide, xai, takes=4)
    carry_on(batch)
    done, failed, doubtful, refused = jobs_of(batch)
    end(done)
    end(failed, State.FAILED)
    move_on(doubtful)
    assert moves.move(doubtful, State.SENDING, State.IN_DOUBT, cause="unanswered")
    end(refused, State.FAILED)
    carry_on(batch)
    assert batch.state == S.DONE
    assert (batch_actions.again(batch), batch_actions.again(batch)) == (2, 0)
    now = carry_on(batch)
    assert (now.done, now.in_doubt, now.in_line, now.failed) == (1, 1, 2, 0)
    assert [job.state for job in jobs_of(batch)] == [State.DONE, State.FAILED, State.IN_DOUBT, State.FAILED, State.QUEUED, State.QUEUED]
    all_is_well(batch)


def test_an_author_who_may_not_order_here_any_more_pauses_it_though_another_project_is_theirs(rich: User, tide: Project, xai: Connection):
    batch = batch_of(rich, tide, xai, takes=2)
    Membership.objects.filter(user=rich).update(role="viewer")
    Project.objects.create(code="MOON", name="Moon").memberships.create(user=rich, role="owner")
    carry_on(batch)
    assert (batch.state, batch.why, jobs_of(batch)) == (S.PAUSED, "Alice makes no clips in this project any more.", [])


def test_a_row_that_cannot_be_ordered_says_why_and_can_be_ordered_later(rich: User, tide: Project, xai: Connection):
    batch = batch_of(rich, tide, xai, takes=2)
    Connection.objects.update(enabled=False)
    now = carry_on(batch)
    assert (now.refused, now.waiting) == (2, 0)
    assert batch.rows.earliest("position").refusal == "Its connection takes no orders any more."
    Connection.objects.update(enabled=True)
    assert batch_actions.again(batch) == 2
    assert carry_on(batch).in_line == 2


def test_a_plan_that_is_ordered_twice_is_one_batch_with_one_number(rich: User, tide: Project, xai: Connection):
    batch = batch_of(rich, tide, xai, ordered=False)
    rules = Rules(ceiling=PLENTY)
    assert [batch_actions.order(batch, rules) for _ in range(3)] == [True, False, False]
    tide.refresh_from_db()
    assert tide.last_number == 1


def test_the_oldest_plans_of_a_person_are_dropped_and_nothing_that_was_ordered(rich: User, tide: Project, xai: Connection):
    kept = batch_of(rich, tide, xai, takes=1)
    for _ in range(batch_actions.MOST_PLANS + 2):
        batch_of(rich, tide, xai, takes=1, ordered=False)
    assert Batch.objects.filter(state=S.PLANNED).count() == batch_actions.MOST_PLANS
    assert Batch.objects.filter(pk=kept.pk).exists()


def test_the_file_that_a_batch_came_from_is_read_neither_by_the_worker_nor_by_its_page(rich: User, tide: Project, xai: Connection):
    batch = batch_of(rich, tide, xai, takes=3, wave=1)
    Batch.objects.update(sheet={"lines": ["A bottle"] * 1000})
    with CaptureQueriesContext(connection) as asked:
        batch_worker.work()
        batch_actions.pause(batch, by=rich)
        batch_worker.work()
        overview(Pass(rich, tide, "maker"), sure(batch.number))
    read = [query["sql"] for query in asked.captured_queries if 'FROM "jobs_batch"' in query["sql"]]
    assert len(read) > 3
    assert [sql for sql in read if '"jobs_batch"."sheet"' in sql or '"jobs_batch"."begun_with"' in sql] == []


def test_the_queues_task_looks_at_what_is_due(rich: User, tide: Project, xai: Connection):
    batch_of(rich, tide, xai, takes=2)
    assert (batch_worker.work(), batch_worker.work()) == (1, 0)
    assert Job.objects.count() == BatchRow.objects.exclude(job=None).count() == 2
