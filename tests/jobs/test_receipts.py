"""What a receipt says about each attempt's money, and what the story of a job with several attempts reads like. Pure: rows that were never saved."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from studio.accounts.models import User
from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt, Cause, Job, JobEvent
from studio.jobs.receipts import Line, Part, receipt, timeline
from studio.projects.models import Project
from studio.routing.models import Connection

NOW = timezone.now()
XAI, COMET = Connection(pk=1, provider="xai", label="xAI one"), Connection(pk=2, provider="comet", label="Comet one")
TICKS: dict[str, Any] = {"usage_unit": "cost_in_usd_ticks", "rate_millicredits": 100_000, "rate_per_units": 10**10}


def a_job(state: State = State.DONE) -> Job:
    return Job(project=Project(code="TIDE"), number=7, author=User(name="Alice"), connection=XAI, state=state, created_at=NOW)


def an_attempt(outcome: State | None = State.DONE, *, connection: Connection = XAI, **fields: Any) -> Attempt:
    given: dict[str, Any] = {"estimate": 56_000, "estimate_basis": "8 s × 7", "charged": 0 if outcome else None, **fields}
    return Attempt(connection=connection, outcome=outcome or "", ended_at=NOW if outcome else None, sent_at=NOW, **given)


def money(part: Part) -> list[tuple[str, str]]:
    return [(line.word, line.figure) for line in part.lines]


def why(lines: list[Line], word: str) -> str:
    return next(line.why for line in lines if line.word == word)


def test_a_plain_job_tells_estimate_usage_as_written_charge_and_what_came_back():
    done = receipt(a_job(), [an_attempt(charged=48_500, usage_amount="4850000000", **TICKS)])
    (part,) = done.parts
    assert money(part) == [
        ("Estimate", "56 credits"),
        ("Reported usage", "4850000000 cost_in_usd_ticks"),
        ("Spent", "48.5 credits"),
        ("Returned", "7.5 credits"),
    ]
    assert why(part.lines, "Reported usage") == "exactly as the provider wrote it; 10,000,000,000 units = 100 credits when it was sent"
    assert (part.end, part.tone, done.total) == ("Ready", "", [])


def test_a_job_that_failed_over_tells_both_tries_and_the_whole():
    first = an_attempt(State.FAILED, cause=Cause.PROVIDER_FAILED)
    second = an_attempt(connection=COMET, estimate=40_000, charged=40_000, charge_is_estimate=True)
    both = receipt(a_job(), [first, second])
    assert [(part.end, part.tone) for part in both.parts] == [("xAI could not make it", "bad"), ("Ready", "")]
    assert money(both.parts[0])[1:] == [("Nothing charged", "0 credits"), ("Returned", "56 credits")]
    assert money(both.parts[1])[1:] == [("Spent", "40 credits")]
    assert why(both.parts[1].lines, "Spent") == "the estimate: CometAPI reported no usage that can be priced"
    assert both.total == [Line("Spent in all", "40 credits", "for 2 tries")]


def test_a_retry_after_a_charged_moderation_pays_for_both():
    refused = an_attempt(State.FAILED, cause=Cause.MODERATED, charged=5_000, usage_amount="500000000", **TICKS)
    both = receipt(a_job(), [refused, an_attempt(charged=56_000, usage_amount="5600000000", **TICKS)])
    assert ("Spent", "5 credits") in money(both.parts[0])
    assert "xAI charges for a try that the model’s filter refuses" in why(both.parts[0].lines, "Spent")
    assert both.total == [Line("Spent in all", "61 credits", "for 2 tries")]


def test_a_job_in_doubt_says_what_is_held_and_until_when():
    doubt = receipt(a_job(State.IN_DOUBT), [an_attempt(State.FAILED, cause=Cause.MODERATED, charged=5_000), an_attempt(None)])
    assert (doubt.parts[1].end, doubt.parts[1].tone) == ("In doubt", "warn")
    assert money(doubt.parts[1]) == [("Estimate", "56 credits"), ("Held", "56 credits")]
    assert "spent if it was made, returned if it was not" in why(doubt.parts[1].lines, "Held")
    assert [(line.word, line.figure) for line in doubt.total] == [("Spent so far", "5 credits"), ("Held now", "56 credits")]


def test_what_is_on_its_way_is_held_for_this_try():
    (part,) = receipt(a_job(State.RENDERING), [an_attempt(None)]).parts
    assert (part.end, money(part)[-1]) == ("", ("Held", "56 credits"))


def test_what_was_written_off_is_paid_by_the_house():
    (part,) = receipt(a_job(State.FAILED), [an_attempt(State.FAILED, cause=Cause.WRITTEN_OFF)]).parts
    assert (part.end, money(part)[1:]) == ("Written off", [("Nothing charged", "0 credits"), ("Returned", "56 credits")])
    assert why(part.lines, "Nothing charged") == "written off: the house pays"


def test_what_a_provider_charged_for_a_failure_of_its_own_is_paid_by_the_house():
    (part,) = receipt(a_job(State.FAILED), [an_attempt(State.FAILED, cause=Cause.PROVIDER_FAILED, usage_amount="9", usage_unit="quota")]).parts
    assert why(part.lines, "Nothing charged") == "the house pays"


def test_what_was_never_made_costs_nothing():
    (part,) = receipt(a_job(State.FAILED), [an_attempt(State.FAILED, cause=Cause.NEVER_MADE)]).parts
    assert why(part.lines, "Nothing charged") == "nothing is charged for a try without a clip"


def test_a_charge_above_the_hold_says_from_where_it_was_taken():
    (part,) = receipt(a_job(), [an_attempt(charged=60_000, usage_amount="6000000000", **TICKS)]).parts
    assert money(part)[-1] == ("Above the hold", "4 credits")
    assert "is owed" in part.lines[-1].why


def test_what_was_cancelled_was_never_sent():
    (part,) = receipt(a_job(State.CANCELLED), [an_attempt(State.CANCELLED)]).parts
    assert (part.end, why(part.lines, "Nothing charged")) == ("Cancelled", "it was never sent")


def test_the_story_names_the_connection_of_each_try():
    def event(second: int, state: State, cause: str = "", message: str = "") -> JobEvent:
        return JobEvent(at=NOW + timedelta(seconds=second), state=state, cause=cause, message=message)

    events = [
        event(0, State.QUEUED),
        event(1, State.SENDING),
        event(2, State.QUEUED, Cause.NOT_NOW, "too often"),
        event(3, State.SENDING),
        event(4, State.RENDERING),
        event(5, State.QUEUED, Cause.PROVIDER_FAILED, "no luck"),
        event(6, State.SENDING),
        event(7, State.FAILED, Cause.EXPIRED),
        event(8, State.QUEUED, "", "Tried again by Alice"),
        event(9, State.SENDING),
    ]
    tries = [an_attempt(State.FAILED), an_attempt(State.FAILED, connection=COMET), an_attempt(None, connection=COMET)]
    assert [step.title for step in timeline(a_job(), events, tries)] == [
        "Ordered by Alice",
        "Sent to xAI one",
        "xAI asked us to wait",
        "Sent to xAI one",
        "Accepted by xAI",
        "xAI could not make it",
        "Another try at Comet one",
        "Sent to Comet one",
        "CometAPI’s link has expired",
        "Tried again by Alice",
        "Sent to Comet one",
    ]


def test_who_could_not_be_reached_did_not_ask_us_to_wait():
    events = [JobEvent(at=NOW, state=State.QUEUED), JobEvent(at=NOW, state=State.QUEUED, cause=Cause.UNREACHED)]
    assert timeline(a_job(), events, [an_attempt(None)])[1].title == "xAI could not be reached"
