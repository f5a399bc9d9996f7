"""What a waiting card says: its place and time, a limit, another try; and what is done about a doubt. Pure, but for the one test of the line itself."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from studio.accounts.models import User
from studio.jobs import board, doubt
from studio.jobs.board import Filters
from studio.jobs.cards import said
from studio.jobs.lifecycle import State
from studio.jobs.line import Spot, starts_in
from studio.jobs.models import Attempt, Cause, Job
from studio.jobs.waiting import doubt_text, paused_text
from studio.projects.door import Pass
from studio.projects.models import Project
from studio.providers.contract import Brief
from studio.routing import track
from studio.routing.models import Breaker, Connection
from tests.jobs.rows import job_row, shots

NOW = timezone.now()


def a_job(state: State = State.QUEUED, *, provider: str = "xai", **fields: object) -> Job:
    connection = Connection(pk=1, provider=provider, label="one", requests_per_minute=20)
    return Job(project=Project(code="TIDE"), number=7, connection=connection, state=state, estimate=38_000, created_at=NOW, **fields)


@pytest.mark.parametrize(
    ("place", "at_once", "left", "seconds"),
    [
        (1, 2, [], 0.0),
        (1, 2, [30.0], 0.0),
        (1, 2, [30.0, 50.0], 30.0),
        (2, 2, [30.0, 50.0], 50.0),
        (3, 2, [30.0, 50.0], 130.0),
        (1, 1, [20.0, 40.0], 40.0),
        (1, 1, [0.0], None),
    ],
)
def test_a_turn_comes_when_a_seat_is_free(place: int, at_once: int, left: list[float], seconds: float | None):
    assert starts_in(place, at_once=at_once, usual=100.0, left=left) == seconds


@pytest.mark.parametrize(
    ("spot", "detail"),
    [
        (Spot(1, 0.0), "starts within a minute"),
        (Spot(1), "when one has room"),
        (Spot(2, None), "1 before it at one"),
        (Spot(40, 900.0), "many before it at one"),
    ],
)
def test_a_place_in_line_tells_no_time_that_nobody_knows(spot: Spot, detail: str):
    assert said(a_job(), now=NOW, usual=100.0, spot=spot).detail == detail


def test_a_time_in_line_is_a_clock_time_that_stays_true():
    told = said(a_job(), now=NOW, usual=100.0, spot=Spot(3, 600.0))
    assert told.detail == f"2 before it at one, starts at about {timezone.localtime(NOW + timedelta(minutes=10)):%H:%M}"


def test_a_limit_that_is_used_up_is_named():
    job = a_job()
    job.connection.paced_until = NOW + timedelta(seconds=40)
    told = said(job, now=NOW, usual=100.0, spot=Spot(1, 0.0))
    assert told.phase == "Waiting"
    assert told.detail.startswith("one takes 20 requests a minute. Goes on at ")


def test_the_next_try_says_what_became_of_the_one_before():
    first = Attempt(connection=Connection(pk=2, provider="comet", label="Comet two"), cause=Cause.PROVIDER_FAILED)
    assert said(a_job(), now=NOW, usual=9.0, attempts=[first, Attempt(connection=a_job().connection)]).again == "CometAPI could not make it. Now one."
    here = Attempt(connection=a_job().connection, cause=Cause.EXPIRED)
    assert said(a_job(), now=NOW, usual=9.0, attempts=[here, Attempt(connection=a_job().connection)]).again.endswith("This is try 2.")
    assert said(a_job(), now=NOW, usual=9.0, attempts=[here]).again == ""


def test_a_pause_says_why_and_when_one_order_is_tried():
    breaker = Breaker(cause="unanswered", open_until=NOW + timedelta(minutes=1))
    assert paused_text("xAI", breaker, now=NOW).startswith("xAI did not answer several orders. One order is tried at ")
    assert paused_text("xAI", Breaker(cause="expired", open_until=NOW), now=NOW).endswith("One order is trying whether it works again.")


LATER = NOW + timedelta(minutes=5)


@pytest.mark.parametrize(
    ("provider", "due", "remote_id", "told"),
    [
        ("xai", LATER, "r-1", "We go on asking xAI, next at "),
        ("xai", NOW, "r-1", "We go on asking xAI, next now."),
        ("acedata", LATER, None, "We look for it in AceData’s own list at "),
        ("ttapi", None, None, "If it is made, TTAPI’s callback tells us."),
        ("xai", None, None, "xAI cannot be asked about it without its id there."),
        ("gone", None, None, "gone cannot be asked about it without its id there."),
    ],
)
def test_a_doubt_says_what_is_done_about_it_and_who_else_can_settle_it(provider, due, remote_id, told, settings: Settings):
    settings.PUBLIC_URL = "https://studio.example"
    job = a_job(State.IN_DOUBT, provider=provider, due=due, cause=Cause.UNANSWERED)
    text = doubt_text(job, Attempt(remote_id=remote_id, asked_callback=provider in {"ttapi", "acedata"}), now=NOW)
    assert text.startswith(told)
    assert text.endswith("An admin or a credit manager can settle it too.")
    trouble = said(job, now=NOW, usual=9.0, attempts=[Attempt(remote_id=remote_id)]).trouble
    assert trouble is not None
    assert "failed" not in f"{trouble.title} {trouble.text} {trouble.doing} {trouble.money}".lower()
    assert "try again" not in f"{trouble.text} {trouble.doing} {trouble.action}".lower()


def test_nobody_listens_for_a_callback_that_cannot_reach_us(settings: Settings):
    settings.PUBLIC_URL = ""
    job = a_job(State.IN_DOUBT, provider="ttapi", due=None)
    assert "callback" not in doubt_text(job, Attempt(), now=NOW)


def test_a_full_connection_tells_when_the_next_turn_comes_once_it_is_known_how_long_orders_take(alice: User, tide: Project, xai: Connection):
    Connection.objects.update(jobs_at_once=1)
    job_row(tide, alice, xai, State.RENDERING)
    kind = track.kind_of(Brief(prompt="", model="grok-imagine-video", resolution="720p", duration=8))
    Attempt.objects.update(kind=kind, accepted_at=timezone.now())
    job_row(tide, alice, xai, State.QUEUED)
    entry = Pass(alice, tide, "maker")
    assert shots(board.page(entry, Filters(), upto=9)[0])[0].said.detail == "when xAI sandbox has room"
    for second in range(3):
        track.record(xai.pk, kind, track.Sample(second, track.DONE, seconds=300.0))
    assert shots(board.page(entry, Filters(), upto=9)[0])[0].said.detail.startswith("starts at about ")


def test_what_a_card_says_of_a_doubt_is_news_for_the_board(alice: User, tide: Project, xai: Connection):
    job = job_row(tide, alice, xai, State.IN_DOUBT, cause=Cause.UNANSWERED, due=NOW)
    before = tide.board_version
    doubt.leave_to_people([Attempt.objects.select_related("job__project").get(job=job)])
    tide.refresh_from_db()
    job.refresh_from_db()
    assert (tide.board_version > before, job.due, job.version) == (True, None, tide.board_version)
