"""The control room: whether all is well, what needs somebody, and how every connection fares."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from studio.accounts.models import AuditEvent, User
from studio.control import fares, inbox, room
from studio.control.fares import Fared, Standing
from studio.control.shell import Shell
from studio.control.templatetags import ui
from studio.jobs.lifecycle import State
from studio.jobs.models import Heartbeat, Incident, Job
from studio.jobs.supervisor import NEVER
from studio.projects.models import Project
from studio.routing import breaker
from studio.routing.models import Breaker, Connection
from studio.routing.track import Sample
from tests.conftest import signed_in
from tests.control.conftest import tracked
from tests.jobs.rows import HTMX, job_row


@pytest.fixture
def admin(ada: User) -> Client:
    return signed_in(ada)


def shown(admin: Client) -> str:
    """The page's words, without tags."""
    return " ".join(re.sub(r"<[^>]*>", " ", admin.get("/control/").content.decode()).split())


def standing(which: Connection) -> Standing:
    return next(one for one in fares.standings(timezone.now()) if one.connection == which)


def paused(where: Connection, *, cause: str, model: str = "", until: timedelta = timedelta(minutes=5)) -> Breaker:
    now = timezone.now()
    return Breaker.objects.create(
        connection=where, model=model, failures=4, trips=1, open_since=now, open_until=now + until, cause=cause, last_error="the gateway closed"
    )


# ───── whether all is well


def test_all_is_well_when_a_worker_works_and_a_connection_takes_orders(admin: Client, xai: Connection, working: Heartbeat):
    page = shown(admin)

    assert "All is well" in page
    assert "1 connection takes orders, a worker is at work, and no order waits for a verdict." in page


def test_a_silent_worker_needs_somebody_first(admin: Client, xai: Connection, working: Heartbeat, doubtful: Callable[..., Job]):
    doubtful()
    Heartbeat.objects.update(beat_at=timezone.now() - timedelta(minutes=2))

    page = shown(admin)

    assert "2 things need somebody No worker was heard of since" in page
    assert "Silent" in page


def test_a_heartbeat_from_the_future_hides_no_silence(admin: Client, xai: Connection, working: Heartbeat):
    Heartbeat.objects.update(beat_at=timezone.now() + timedelta(days=1_000))

    assert "1 thing needs somebody No worker was heard of lately" in shown(admin)


def test_an_installation_without_a_worker_says_how_to_start_one(admin: Client, xai: Connection):
    assert "No worker was heard of lately, so nothing is sent, watched or saved. Start one: make run, or manage.py work." in shown(admin)


def test_a_worker_that_is_only_slow_to_start_is_waited_for_and_nobody_is_told_to_start_another(admin: Client):
    Heartbeat.objects.create(cluster="here", beat_at=NEVER, watched_at=timezone.now())
    for number in range(30):
        Heartbeat.objects.create(cluster=f"gone {number}", beat_at=timezone.now() - timedelta(days=2))

    page = shown(admin)

    assert "No worker was heard of lately, so nothing is sent, watched or saved. Its supervisor is running and restarts it if needed." in page
    assert "Start one" not in page


def test_without_a_connection_that_is_on_nobody_can_order(admin: Client, working: Heartbeat):
    page = shown(admin)

    assert "1 thing needs somebody No connection is switched on" in page
    assert "Nothing is connected yet" in page


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        ("wrong_key", "xAI sandbox takes no orders. xAI refuses our key. Enter the key"),
        ("out_of_balance", "xAI sandbox takes no orders. Our account at xAI is out of balance. Fill it there, then try it."),
        ("unanswered", "xAI sandbox takes no orders. xAI did not answer several orders in a row."),
        ("unreached", "xAI sandbox takes no orders. xAI could not be reached several times in a row."),
        ("expired", "xAI sandbox takes no orders. Several orders in a row failed there."),
    ],
)
def test_a_pause_says_why_and_when_one_order_is_tried(cause: str, words: str, admin: Client, xai: Connection, working: Heartbeat):
    row = paused(xai, cause=cause)

    page = shown(admin)

    assert words in page
    assert f"One order is tried at {row.open_until:%H:%M:%S} ." in page
    assert "Last error" not in page  # there is no time of it


def test_a_pause_that_is_over_lets_the_next_order_through(admin: Client, xai: Connection, working: Heartbeat):
    paused(xai, cause="unreached", until=timedelta(minutes=-1))

    page = shown(admin)

    assert "xAI sandbox takes one order, to see whether it works. xAI could not be reached several times in a row." in page
    assert "The next order is let through, to see whether it works." in page


def test_what_is_switched_off_needs_nobody(admin: Client, xai: Connection, real: Connection, working: Heartbeat):
    paused(real, cause="wrong_key")
    Connection.objects.filter(pk=real.pk).update(enabled=False, paused_reason="Contract ended")

    page = shown(admin)

    assert "All is well" in page
    assert "Off: Contract ended" in page


def test_callbacks_that_stopped_coming_need_somebody_and_those_that_never_came_do_not(admin: Client, xai: Connection, working: Heartbeat):
    Connection.objects.update(calls_missed=5)
    assert "All is well" in shown(admin)

    Connection.objects.update(called_at=timezone.now())
    assert "Callbacks of xAI sandbox stopped coming: the last 5 orders ended without one." in shown(admin)


def test_what_went_wrong_with_workers_is_told_newest_first_and_an_old_cluster_is_forgotten(admin: Client, xai: Connection, working: Heartbeat):
    Heartbeat.objects.create(cluster="long-gone", beat_at=timezone.now() - timedelta(days=3))
    for number in range(10):
        Incident.objects.create(cluster="here", what=f"It fell {number}", at=timezone.now() - timedelta(hours=10 - number))

    page = shown(admin)

    assert "long-gone" not in page
    assert page.index("It fell 9") < page.index("It fell 2")
    assert "It fell 1" not in page


# ───── trying again


def test_try_now_ends_every_pause_of_the_connection_and_is_recorded(admin: Client, ada: User, xai: Connection):
    paused(xai, cause="unanswered")
    paused(xai, cause="provider_failed", model="grok-imagine-video")

    answer = admin.post(f"/connections/{xai.pk}/resume/", follow=True)

    assert "xAI sandbox takes orders again." in answer.content.decode()
    assert breaker.open_ones({xai.pk}) == {}
    event = AuditEvent.objects.get()
    assert (event.action, event.actor, event.before) == (
        "connection.resumed",
        ada,
        {"paused": [{"model": "", "cause": "unanswered"}, {"model": "grok-imagine-video", "cause": "provider_failed"}]},
    )


def test_trying_what_is_not_paused_says_so_and_records_nothing(admin: Client, xai: Connection):
    assert "was not paused any more" in admin.post(f"/connections/{xai.pk}/resume/", follow=True).content.decode()
    assert not AuditEvent.objects.exists()


# ───── how connections fare


def test_a_connection_shows_its_last_results_as_figures(admin: Client, xai: Connection, working: Heartbeat):
    tracked(xai, "ddddddddfm", ratio=1.12)

    page = admin.get("/control/").content.decode()

    assert 'aria-label="Last 10 results: 8 done, 1 failed, 1 refused by the filter"' in page
    words = shown(admin)
    assert "Done 89 % of 10" in words
    assert "Usual time 1 min 4 s 95 %: 1 min 7 s" in words
    assert "Price +12 % on estimates" in words
    assert "grok-imagine-video, generate 10 89 %" in words
    assert "720p, 8 s 10 89 %" in words


def test_a_strip_has_fifty_places_and_puts_the_results_of_all_models_in_order_of_time(xai: Connection):
    tracked(xai, "f" * 30, model="b", since=5_000.0)
    tracked(xai, "d" * 45, model="a", since=1_000.0)

    assert standing(xai).fared.bars == ["done"] * 20 + ["failed"] * 30


def test_a_connection_without_results_shows_an_empty_strip_and_no_figures():
    nothing = Fared("", ())

    assert (nothing.success, nothing.usual, nothing.slow, nothing.drift, nothing.in_words) == (None, None, None, None, "No results yet")
    assert nothing.bars == [""] * 50


def test_what_the_filter_refused_says_nothing_about_health():
    samples = tuple(Sample(place, outcome) for place, outcome in enumerate(["done", "moderated", "moderated"]))

    assert Fared("", samples).success == 1.0


@pytest.mark.parametrize(
    ("model", "until", "fields", "state"),
    [
        (None, 5, {}, "on"),
        (None, 5, {"not_before": True}, "resting"),
        (None, 5, {"send_not_before": True}, "resting"),
        ("grok-imagine-video", 5, {}, "partly"),
        ("", 5, {}, "paused"),
        ("", -1, {}, "trying"),
        ("", 5, {"enabled": False}, "off"),
    ],
)
def test_a_connection_is_in_one_state(model: str | None, until: int, fields: dict[str, bool], state: str, xai: Connection):
    if model is not None:
        paused(xai, cause="unanswered", model=model, until=timedelta(minutes=until))
    later: datetime = timezone.now() + timedelta(minutes=1)
    Connection.objects.update(**{name: later if value else value for name, value in fields.items()})

    assert standing(xai).state == state


def test_the_queue_of_a_connection_is_counted_by_state(tide: Project, alice: User, xai: Connection, real: Connection, doubtful: Callable[..., Job]):
    for state in (State.QUEUED, State.QUEUED, State.RENDERING, State.SENDING, State.SAVING, State.DONE, State.FAILED):
        job_row(tide, alice, xai, state)
    doubtful(real)

    queue, other = standing(xai).queue, standing(real).queue

    assert (queue.waiting, queue.sending, queue.rendering, queue.saving, queue.in_doubt, queue.away) == (2, 1, 1, 1, 0, 2)
    assert (other.in_doubt, other.away) == (1, 0)
    assert room.look().total.in_doubt == 1


def test_the_newest_error_is_shown_with_its_time(admin: Client, xai: Connection, working: Heartbeat):
    now = timezone.now()
    breaker.ill(xai, "grok-imagine-video", cause="provider_failed", message="an older error")
    Breaker.objects.update(last_error_at=now - timedelta(hours=2))
    breaker.ill(xai, "", cause="unanswered", message="the newest error")

    page = shown(admin)

    assert ": the newest error" in page
    assert "an older error" not in page


def test_the_price_of_being_looked_at_does_not_grow(
    admin: Client,
    tide: Project,
    alice: User,
    xai: Connection,
    working: Heartbeat,
    doubtful: Callable[..., Job],
    django_assert_num_queries: DjangoAssertNumQueries,
):
    doubtful()
    tracked(xai, "d")
    with django_assert_num_queries(11):
        room.look()

    for number in range(8):
        other = Connection.objects.create(provider="comet", label=f"Comet {number}")
        tracked(other, "df", model=f"model-{number}")
        paused(other, cause="unanswered")
        job_row(tide, alice, other, State.RENDERING)
        doubtful(other)
        Heartbeat.objects.create(cluster=f"cluster-{number}")
        Incident.objects.create(cluster="here", what="It fell")
    with django_assert_num_queries(10):
        room.look()


@pytest.mark.skipif(connection.vendor != "sqlite", reason="the plan is told in SQLite's words")
def test_jobs_that_are_over_are_not_looked_through(db: None):
    for plan in (inbox.in_doubt().explain(), fares.by_state().explain()):
        read = [step for step in plan.splitlines() if "SCAN" in step or "SEARCH" in step]
        assert [step for step in read if not any(known in step for known in ("one_live_attempt_a_job", "jobs_by_state", "(id=?)", "(rowid=?)"))] == []


def test_a_poll_gets_the_part_that_changes_alone(admin: Client, xai: Connection):
    fragment = admin.get("/control/", headers=HTMX).content.decode()

    assert fragment.strip().startswith('<div class="stack room-parts" id="room">')
    assert "<html" not in fragment


# ───── what the frame says


def test_those_who_may_decide_see_how_many_orders_wait(ada: User, dave: User, alice: User, doubtful: Callable[..., Job]):
    doubtful()

    for user in (ada, dave):
        assert "waiting for somebody to decide" in signed_in(user).get("/me/").content.decode()
    page = signed_in(alice).get("/me/").content.decode()
    assert "/control/" not in page


def test_a_member_costs_no_query_for_what_they_may_not_decide(
    alice: User, doubtful: Callable[..., Job], django_assert_num_queries: DjangoAssertNumQueries
):
    doubtful()
    request = Client().get("/healthz").wsgi_request
    request.user = alice

    with django_assert_num_queries(0):
        assert Shell(request).doubts == 0


def test_an_order_waits_for_a_person_when_nobody_else_can_be_asked_or_asking_has_not_helped(ada: User, doubtful: Callable[..., Job]):
    now = timezone.now()
    doubtful(due=now + timedelta(seconds=30))
    assert room.look().waiting == 0

    doubtful(due=None)
    doubtful(due=now + timedelta(minutes=9), sent_at=now - timedelta(minutes=40))
    assert room.look().waiting == 2


@pytest.mark.parametrize(("share", "words"), [(0.12, "+12 %"), (-0.061, "−6 %"), (0.001, "±0 %"), (None, "–")])
def test_drift_is_told_with_its_sign(share: float | None, words: str):
    assert ui.drift(share) == words


@pytest.mark.parametrize(("share", "words"), [(0.984, "98 %"), (0.0, "0 %"), (None, "–")])
def test_a_share_is_told_in_whole_per_cent(share: float | None, words: str):
    assert ui.percent(share) == words
