"""Another connection after a verified failure, and a person's own retry."""

from collections.abc import Callable
from dataclasses import replace
from uuid import uuid4

import pytest

from studio.accounts.models import User
from studio.credits import ledger
from studio.credits.models import Hold
from studio.jobs.actions import CannotDo, Order, order, retry
from studio.jobs.checks import verify_holds
from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt, Cause, Job, Policy
from studio.jobs.routes import ranked, wish_of
from studio.jobs.worker import sweep
from studio.projects.models import Project
from studio.routing import breaker, track
from studio.routing.choice import Option, options
from studio.routing.models import Breaker, Connection, PriceRule
from studio.routing.track import Sample, Tracks
from tests.jobs.conftest import BRIEF, pass_time, work_through
from tests.jobs.played import PENDING, VANISH, PlayedProvider, Reply

SORRY = Reply(body={"status": "failed", "error": {"code": "internal_error", "message": "Sorry"}, "usage": {"cost_in_usd_ticks": 100_000_000}})
MODERATED = Reply(body={"status": "done", "video": {"respect_moderation": False}, "usage": {"cost_in_usd_ticks": 300_000_000}})
REFUSED = Reply(400, {"code": "invalid-argument", "error": "No"})
NO_BALANCE = Reply(403, {"code": "x", "error": "Your team has either used all available credits or reached its monthly spending limit."})

pytestmark = pytest.mark.django_db


def another(connection: Connection, label: str, **fields: object) -> Connection:
    """A second account at the same played provider."""
    row = Connection(provider="xai", label=label, base_url=connection.base_url, requests_per_minute=6000, **fields)
    row.set_key("xai-secret-key-0002")
    row.save()
    return row


@pytest.fixture
def second(connection: Connection) -> Connection:
    return another(connection, "xAI two")


@pytest.fixture
def routed(funded: User, tide: Project, connection: Connection) -> Callable[..., Job]:
    """Orders a job with a policy."""

    def routed(policy: str = Policy.CHEAPEST) -> Job:
        return order(author=funded, project=tide, what=Order(connection=connection, brief=BRIEF, policy=policy), order_key=uuid4())

    return routed


def follow(job: Job) -> Job:
    """The job, after its worker did all there is to do at either connection."""
    for _ in range(8):
        work_through(job, rounds=2)
        if job.state not in {State.QUEUED, State.RENDERING, State.SAVING}:
            break
    return job


FILTER_DOWN = Reply(403, {"code": "permission-denied", "error": "The moderation feature is not available"})
NOT_OURS = Reply(400, {"code": "invalid-argument", "error": "1080p video resolution is not available for your team."})


@pytest.mark.parametrize(("reply", "cause", "failures"), [(FILTER_DOWN, Cause.PROVIDER_FAILED, 1), (NOT_OURS, Cause.NOT_PERMITTED, 0)])
def test_what_is_no_fault_of_the_brief_is_made_elsewhere_and_only_an_outage_counts_against_health(
    reply: Reply, cause: Cause, failures: int, routed: Callable[..., Job], second: Connection, played: PlayedProvider, connection: Connection
):
    played.on_submit = [reply]
    job = follow(routed())
    first = Attempt.objects.filter(job=job).order_by("created_at")[0]
    assert (job.state, job.connection, first.cause, first.charged) == (State.DONE, second, cause, 0)
    assert sum(Breaker.objects.filter(connection=connection).values_list("failures", flat=True)) == failures
    assert [sample.outcome for sample in track.read([connection.pk]).of(connection.pk, first.kind)] == [track.FAILED]
    assert books_are_right()


def books_are_right() -> bool:
    return ledger.verify() == [] and verify_holds() == []


def test_after_a_failure_the_next_connection_makes_it_and_each_attempt_has_its_own_money(
    routed: Callable[..., Job], second: Connection, played: PlayedProvider
):
    played.on_look = [SORRY]
    job = follow(routed())
    first, last = Attempt.objects.filter(job=job).order_by("created_at")
    assert (job.state, job.connection, len(played.submits)) == (State.DONE, second, 2)
    assert (first.outcome, first.cause, first.message, first.charged) == ("failed", Cause.PROVIDER_FAILED, "Sorry", 0)
    assert (last.outcome, last.charged, job.charged) == ("done", 5_000, 5_000)
    assert list(Hold.objects.order_by("pk").values_list("state", flat=True)) == ["released", "settled"]
    assert books_are_right()


@pytest.mark.parametrize("reply", [REFUSED, NO_BALANCE])
def test_a_refusal_that_is_not_moderation_is_tried_elsewhere(routed: Callable[..., Job], second: Connection, played: PlayedProvider, reply: Reply):
    played.on_submit = [reply]
    job = follow(routed())
    assert (job.state, job.connection) == (State.DONE, second)
    assert books_are_right()


@pytest.mark.parametrize(
    ("script", "replies", "state"),
    [
        ("on_look", [MODERATED], State.FAILED),
        ("on_submit", [Reply(400, {"error": "rejected by content moderation"})], State.FAILED),
        ("on_submit", [VANISH], State.IN_DOUBT),
        ("on_submit", [Reply(503, b"busy")], State.IN_DOUBT),
        ("on_download", [Reply(404, b"gone")] * 20, State.FAILED),
    ],
)
def test_moderation_doubt_and_a_lost_file_are_never_tried_elsewhere(
    routed: Callable[..., Job], second: Connection, played: PlayedProvider, script: str, replies: list[Reply], state: State
):
    setattr(played, script, replies)
    job = routed()
    work_through(job, rounds=12)
    assert (job.state, job.connection_id != second.pk, len(played.submits)) == (state, True, 1)
    assert books_are_right()


def test_by_hand_it_stops_and_tells(routed: Callable[..., Job], second: Connection, played: PlayedProvider):
    played.on_look = [SORRY]
    job = follow(routed(Policy.HAND))
    assert (job.state, Attempt.objects.count()) == (State.FAILED, 1)


def test_every_connection_is_tried_once_and_then_it_has_failed(routed: Callable[..., Job], second: Connection, played: PlayedProvider):
    played.on_look = [SORRY] * 9
    job = follow(routed())
    assert (job.state, len(played.submits), Attempt.objects.filter(job=job, outcome="failed").count()) == (State.FAILED, 2, 2)
    assert job.charged == 0
    assert books_are_right()


def test_what_cannot_be_paid_is_not_tried_and_the_card_says_so(routed: Callable[..., Job], second: Connection, played: PlayedProvider):
    PriceRule.objects.create(provider="xai", connection=second, fixed=5_000_000, source="dear")
    played.on_look = [SORRY]
    job = follow(routed())
    assert (job.state, job.message) == (State.FAILED, "Sorry xAI two was not tried: 4,000 credits are missing.")
    assert books_are_right()


@pytest.mark.parametrize("change", [{"enabled": False}, {"sandbox": True}])
def test_a_connection_that_is_off_or_only_played_is_no_other_route(
    routed: Callable[..., Job], second: Connection, played: PlayedProvider, change: dict[str, bool]
):
    Connection.objects.filter(pk=second.pk).update(**change)
    played.on_look = [SORRY]
    assert follow(routed()).state == State.FAILED


def test_an_ill_connection_is_no_other_route(routed: Callable[..., Job], second: Connection, played: PlayedProvider):
    breaker.ill(second, breaker.WHOLE, cause="wrong_key", message="x")
    played.on_look = [SORRY]
    assert follow(routed()).state == State.FAILED


def test_the_policy_decides_which_is_next(connection: Connection):
    cheap, quick, sure = (another(connection, label, position=place) for place, label in ((30, "cheap"), (20, "quick"), (10, "sure")))
    for row, price in ((cheap, 1_000), (quick, 2_000), (sure, 3_000)):
        PriceRule.objects.create(provider="xai", connection=row, fixed=price, source="test")
    for row, outcomes in ((cheap, "dff"), (quick, "df"), (sure, "ddd")):
        for outcome in outcomes:
            track.record(row.pk, track.kind_of(BRIEF), Sample(0, {"d": track.DONE, "f": track.FAILED}[outcome]))
    tracks = track.read({cheap.pk, quick.pk, sure.pk})
    found = options(BRIEF, [cheap, quick, sure], usual=lambda row, _: {cheap.pk: 90.0, quick.pk: 30.0, sure.pk: 60.0}[row.pk])

    def best(policy: str) -> str:
        return ranked(found, policy, tracks)[0].connection.label

    assert [best(policy) for policy in ("cheapest", "fastest", "reliable", "ordered")] == ["cheap", "quick", "sure", "sure"]
    assert [option.connection.label for option in ranked(found, Policy.CHEAPEST, Tracks({}))] == ["cheap", "quick", "sure"]


def test_what_cannot_do_it_or_has_no_price_is_not_ranked(connection: Connection):
    found: list[Option] = options(replace(BRIEF, duration=300), [connection])
    assert ranked(found, Policy.CHEAPEST, Tracks({})) == []


def test_a_wish_outlives_a_connection_that_could_not_have_it(funded: User, tide: Project, connection: Connection):
    wish = replace(BRIEF, duration=7, resolution="720p", aspect_ratio="9:16")
    sent = replace(BRIEF, duration=2)
    job = order(author=funded, project=tide, what=Order(connection=connection, brief=sent, wish=wish), order_key=uuid4())
    again = wish_of(Job.objects.get(pk=job.pk))
    assert (again.duration, again.resolution, again.aspect_ratio, again.model) == (7, "720p", "9:16", "")


# --- a person tries again -----------------------------------------------------------------------------------------------------------------------


def failed(routed: Callable[..., Job], played: PlayedProvider, reply: Reply = SORRY) -> Job:
    played.on_look = [reply]
    job = follow(routed(Policy.HAND))
    assert job.state == State.FAILED
    return Job.objects.select_related("project", "connection", "author").get(pk=job.pk)


def test_a_retry_is_a_new_attempt_with_a_hold_of_its_own(routed: Callable[..., Job], played: PlayedProvider, alice: User):
    job = failed(routed, played)
    assert retry(job, by=alice)
    job.refresh_from_db()
    assert (job.state, job.charged, job.ended_at, job.cause) == (State.QUEUED, None, None, "")
    assert follow(job).state == State.DONE
    assert (Attempt.objects.filter(job=job).count(), len(played.submits)) == (2, 2)
    assert [event.message for event in job.events.filter(state=State.QUEUED)] == ["", f"Tried again by {alice}"]
    assert books_are_right()


def test_two_clicks_on_retry_make_one_attempt(routed: Callable[..., Job], played: PlayedProvider, alice: User):
    job = failed(routed, played)
    assert [retry(job, by=alice), retry(job, by=alice)] == [True, False]
    assert Attempt.objects.filter(job=job, ended_at=None).count() == 1
    assert books_are_right()


def test_a_retry_that_cannot_be_paid_changes_nothing(routed: Callable[..., Job], played: PlayedProvider, alice: User):
    job = failed(routed, played)
    ledger.adjust(alice, -ledger.account_of(alice).free, key="poor", reason="test", actor=None)
    with pytest.raises(ledger.Insufficient):
        retry(job, by=alice)
    job.refresh_from_db()
    assert (job.state, Attempt.objects.filter(job=job).count()) == (State.FAILED, 1)
    assert books_are_right()


def test_a_retry_at_a_connection_that_is_off_says_why(routed: Callable[..., Job], played: PlayedProvider, connection: Connection, alice: User):
    job = failed(routed, played)
    Connection.objects.update(enabled=False)
    job.refresh_from_db()
    with pytest.raises(CannotDo, match="switched off"):
        retry(job, by=alice)


@pytest.mark.parametrize("state", [State.DONE, State.CANCELLED, State.IN_DOUBT, State.RENDERING])
def test_only_what_failed_can_be_tried_again(ordered: Callable[..., Job], alice: User, state: State):
    job = ordered()
    Job.objects.filter(pk=job.pk).update(state=state)
    assert not retry(Job.objects.select_related("project", "connection", "author").get(pk=job.pk), by=alice)
    assert Attempt.objects.filter(job=job).count() == 1


def test_a_charged_moderation_and_a_retry_are_two_charges(routed: Callable[..., Job], played: PlayedProvider, alice: User):
    job = failed(routed, played, MODERATED)
    assert retry(job, by=alice)
    job = follow(job)
    assert (job.state, job.charged) == (State.DONE, 3_000 + 5_000)
    assert books_are_right()


def test_a_breaker_stops_orders_and_lets_one_through_after_its_pause(ordered: Callable[..., Job], connection: Connection, played: PlayedProvider):
    played.on_submit = [NO_BALANCE]
    first = ordered()
    sweep(connection.pk)
    others = [ordered() for _ in range(3)]
    sweep(connection.pk)
    assert (Job.objects.get(pk=first.pk).cause, len(played.submits)) == (Cause.OUT_OF_BALANCE, 1)
    pass_time(61)
    played.on_look = [PENDING] * 99
    sweep(connection.pk)
    assert len(played.submits) == 2 + 2, "one was let through, it was taken, and then the rest followed"
    assert {Job.objects.get(pk=job.pk).state for job in others} == {State.RENDERING}


def test_while_a_model_is_tried_again_only_one_order_of_it_is_out_and_others_are_not_held_up(
    ordered: Callable[..., Job], connection: Connection, played: PlayedProvider
):
    for _ in range(breaker.ENOUGH):
        breaker.ill(connection, BRIEF.model, cause="provider_failed", message="Sorry")
    pass_time(61)
    played.on_look = [PENDING] * 99
    for _ in range(3):
        ordered()
    better = ordered(replace(BRIEF, model="grok-imagine-video-1.5"))
    for _ in range(3):
        sweep(connection.pk)
    assert sorted(str(body["model"]) for body in played.submits) == ["grok-imagine-video", "grok-imagine-video-1.5"]
    assert Job.objects.get(pk=better.pk).state == State.RENDERING


def test_moderation_never_pauses_a_connection(ordered: Callable[..., Job], connection: Connection, played: PlayedProvider):
    for _ in range(breaker.ENOUGH + 2):
        played.on_look = [MODERATED]
        work_through(ordered())
    assert breaker.open_ones({connection.pk}) == {}


def test_failures_in_a_row_pause_the_model(ordered: Callable[..., Job], connection: Connection, played: PlayedProvider):
    for _ in range(breaker.ENOUGH):
        played.on_look = [SORRY]
        work_through(ordered())
    assert set(breaker.open_ones({connection.pk})) == {(connection.pk, BRIEF.model)}
