"""The worker's stories: an order goes out once, is watched, and ends with a clip or an honest word."""

import json
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from studio.accounts.models import User
from studio.credits import ledger
from studio.credits.models import Account, Hold
from studio.jobs.actions import Order, order
from studio.jobs.alerts import open_alerts
from studio.jobs.cards import trouble
from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt, Cause, Clip, Heartbeat, Job
from studio.jobs.saving import MOST_TRIES, save
from studio.jobs.sweeping import Round
from studio.jobs.worker import beat, sweep
from studio.projects.models import Membership, Project
from studio.providers.contract import Phase, Report
from studio.providers.wire import Answer, Pace
from studio.routing.models import Connection, UsageRate
from tests.conftest import person
from tests.jobs.conftest import BRIEF, pass_time, work_through
from tests.jobs.played import PENDING, VANISH, PlayedProvider, Reply

Ordered = Callable[..., Job]


def balance_of(user: User) -> tuple[int, int]:
    account = Account.objects.get(user=user)
    return account.balance, account.held


def test_a_job_goes_from_order_to_a_clip_in_our_storage_and_costs_what_the_provider_says(ordered: Ordered, played: PlayedProvider, alice: User):
    played.on_look = [PENDING]
    job = work_through(ordered())
    assert (job.state, job.charged, job.charge_is_estimate) == (State.DONE, 5_000, False)
    clip = Clip.objects.get(job=job)
    with clip.file.open() as kept:
        assert kept.read() == played.film
    assert (clip.width, clip.height, clip.milliseconds // 100) == (96, 54, 10)
    assert balance_of(alice) == (995_000, 0)
    attempt = Attempt.objects.get(job=job)
    assert (attempt.usage_amount, attempt.usage_unit, attempt.outcome) == ("500000000", "cost_in_usd_ticks", "done")
    assert [event.state for event in job.events.all()] == ["queued", "sending", "rendering", "saving", "done"]
    assert len(played.submits) == 1
    assert ledger.verify() == []


def test_the_key_goes_to_the_provider_and_never_to_the_file_host(ordered: Ordered, played: PlayedProvider):
    work_through(ordered())
    assert played.keys_at_downloads == [None]


def test_an_order_calls_no_provider(ordered: Ordered, played: PlayedProvider):
    job = ordered()
    assert (job.state, played.submits) == (State.QUEUED, [])


def test_a_lost_answer_leaves_the_job_in_doubt_with_its_hold_and_it_is_never_sent_again(ordered: Ordered, played: PlayedProvider, alice: User):
    played.on_submit = [VANISH]
    job = work_through(ordered())
    for _ in range(5):
        pass_time(3600)
        sweep(job.connection_id)
    job.refresh_from_db()
    assert (job.state, job.cause, len(played.submits)) == (State.IN_DOUBT, Cause.UNANSWERED, 1)
    assert balance_of(alice) == (1_000_000, job.estimate)
    assert Hold.objects.get().state == Hold.State.OPEN


@pytest.mark.parametrize(
    "reply",
    [
        Reply(500, {"error": "upstream"}),
        Reply(502, b"<html>bad gateway</html>"),
        Reply(200, b"<html>hello</html>"),
        Reply(200, {"status": "ok"}),
        Reply(200, {"request_id": "x"}, short_by=5),
        Reply(302, b"", headers={"Location": "/elsewhere"}),
    ],
    ids=["500", "502 page", "200 page", "no id", "cut short", "redirect"],
)
def test_an_answer_that_proves_nothing_is_doubt_not_failure(reply: Reply, ordered: Ordered, played: PlayedProvider):
    played.on_submit = [reply]
    job = work_through(ordered())
    assert (job.state, len(played.submits)) == (State.IN_DOUBT, 1)


def test_a_clear_refusal_returns_the_credits_at_once(ordered: Ordered, played: PlayedProvider, alice: User):
    played.on_submit = [Reply(400, {"code": "invalid-argument", "error": "Duration must be between 1 and 15 seconds"})]
    job = work_through(ordered())
    assert (job.state, job.cause, job.charged) == (State.FAILED, Cause.INPUT_REFUSED, 0)
    assert "Duration" in job.message
    assert balance_of(alice) == (1_000_000, 0)


def test_not_now_waits_as_long_as_asked_and_then_sends_once(ordered: Ordered, played: PlayedProvider):
    played.on_submit = [Reply(429, {"code": "resource-exhausted", "error": "Too many requests"}, headers={"Retry-After": "30"})]
    job = ordered()
    sweep(job.connection_id)
    job.refresh_from_db()
    assert (job.state, job.cause) == (State.QUEUED, Cause.NOT_NOW)
    assert job.due is not None
    assert timedelta(seconds=25) < job.due - timezone.now() <= timedelta(seconds=30)
    pass_time(20)
    sweep(job.connection_id)
    assert len(played.submits) == 1
    assert work_through(job).state == State.DONE
    assert len(played.submits) == 2


def test_a_provider_that_cannot_be_reached_is_tried_again_without_doubt(ordered: Ordered, connection: Connection, played: PlayedProvider):
    Connection.objects.filter(pk=connection.pk).update(base_url="http://127.0.0.1:9")
    job = ordered()
    sweep(job.connection_id)
    job.refresh_from_db()
    assert (job.state, job.cause) == (State.QUEUED, Cause.NOT_NOW)
    Connection.objects.filter(pk=connection.pk).update(base_url=played.address)
    pass_time(100)
    job = Job.objects.get(pk=job.pk)
    assert work_through(job).state == State.DONE


def test_a_moderated_result_ends_the_job_and_costs_what_the_provider_charged(ordered: Ordered, played: PlayedProvider, alice: User):
    body = {"status": "done", "video": {"url": "", "duration": 1, "respect_moderation": False}, "usage": {"cost_in_usd_ticks": 300_000_000}}
    played.on_look = [Reply(body=body)]
    job = work_through(ordered())
    assert (job.state, job.cause, job.charged) == (State.FAILED, Cause.MODERATED, 3_000)
    assert balance_of(alice) == (997_000, 0)


def test_a_failure_at_the_provider_costs_nothing_even_if_it_reports_usage(ordered: Ordered, played: PlayedProvider, alice: User):
    failed = {"status": "failed", "video": {"duration": 0, "respect_moderation": True}, "error": {"code": "internal_error", "message": "Sorry"}}
    played.on_look = [Reply(body={**failed, "usage": {"cost_in_usd_ticks": 300_000_000}})]
    job = work_through(ordered())
    assert (job.state, job.cause, job.charged) == (State.FAILED, Cause.PROVIDER_FAILED, 0)
    assert balance_of(alice) == (1_000_000, 0)


def test_looks_that_fail_are_repeated_and_change_nothing(ordered: Ordered, played: PlayedProvider):
    played.on_look = [VANISH, Reply(500, b"oops"), Reply(200, b"<html>"), Reply(429, {}), Reply(404, {"code": "not-found", "error": "no"})]
    job = work_through(ordered())
    assert (job.state, len(played.submits), len(played.looks)) == (State.DONE, 1, 6)


def test_an_unknown_status_word_keeps_it_rendering_raises_an_alert_and_ends_in_doubt(ordered: Ordered, played: PlayedProvider, alice: User):
    played.on_look = [Reply(body={"status": "marinating"})] * 200
    job = ordered()
    sweep(job.connection_id)
    pass_time(100)
    sweep(job.connection_id)
    job.refresh_from_db()
    assert job.state == State.RENDERING
    assert "marinating" in Attempt.objects.get(job=job).alert
    job = work_through(job, rounds=60)
    assert (job.state, job.cause) == (State.IN_DOUBT, Cause.OVERDUE)
    assert balance_of(alice) == (1_000_000, job.estimate)


END_WITHOUT_A_CLIP = [
    {"status": "done"},
    {"status": "Done", "video": {"url": "ftp://vidgen.x.ai/a.mp4"}},
    {"status": "done", "video": {"link": "{film}"}},
]


@pytest.mark.parametrize("body", [*END_WITHOUT_A_CLIP, {"result": {"status": "done", "video": {"url": "{film}"}}}])
def test_an_end_without_a_readable_clip_is_doubted_within_a_minute_with_the_true_words(
    body: dict[str, object], ordered: Ordered, played: PlayedProvider, alice: User
):
    played.on_look = [Reply(body=json.loads(json.dumps(body).replace("{film}", "https://vidgen.x.ai/a.mp4")))] * 20
    job = work_through(ordered(), pause=15.0)
    attempt = Attempt.objects.get(job=job)
    assert (job.state, job.cause, len(played.looks)) == (State.IN_DOUBT, Cause.NO_CLIP_NAMED, 4)
    assert attempt.alert
    assert job.message == attempt.alert
    assert attempt.alert in trouble(job).text
    assert balance_of(alice) == (1_000_000, job.estimate)


@pytest.mark.parametrize("word", ["DONE", "Done ", "Completed", "succeeded", "delivered"])
def test_a_clip_is_fetched_at_the_first_look_whatever_the_word_beside_it_looks_like(word: str, ordered: Ordered, played: PlayedProvider):
    film = {"url": f"{played.address}/files/a b.mp4", "respect_moderation": True}
    played.on_look = [Reply(body={"status": word, "video": film})]
    job = work_through(ordered())
    assert (job.state, len(played.looks)) == (State.DONE, 1)
    assert played.downloads[0].endswith("/files/a%20b.mp4")


def test_a_clip_beside_a_word_that_says_it_runs_is_taken_after_a_few_looks(ordered: Ordered, played: PlayedProvider):
    film = {"url": f"{played.address}/files/a.mp4", "respect_moderation": True}
    played.on_look = [Reply(body={"status": "pending", "video": film})] * 20
    job = work_through(ordered(), pause=15.0)
    assert (job.state, len(played.looks)) == (State.DONE, 4)
    assert "names a video" in Attempt.objects.get(job=job).alert


def test_a_sender_that_died_leaves_doubt_never_a_second_submission(ordered: Ordered, played: PlayedProvider):
    job = ordered()
    Job.objects.filter(pk=job.pk).update(state=State.SENDING, lease_until=timezone.now() - timedelta(seconds=1), due=timezone.now())
    assert work_through(job).state == State.IN_DOUBT
    assert played.submits == []


def test_an_id_that_belongs_to_another_job_is_doubted(ordered: Ordered, played: PlayedProvider):
    played.on_submit = [Reply(body={"request_id": "same"}), Reply(body={"request_id": "same"})]
    first, second = ordered(), ordered()
    sweep(first.connection_id)
    assert sorted(Job.objects.filter(pk__in=[first.pk, second.pk]).values_list("state", flat=True)) == [State.IN_DOUBT, State.RENDERING]


def test_a_failed_download_is_tried_again_and_nothing_is_generated_for_it(ordered: Ordered, played: PlayedProvider):
    played.on_download = [
        Reply(body=played.film, headers={"Content-Type": "video/mp4"}, short_by=100),
        Reply(503, b""),
        Reply(200, b"<html>no</html>"),
    ]
    job = work_through(ordered())
    assert (job.state, len(played.submits), len(played.downloads)) == (State.DONE, 1, 4)


def test_an_expired_link_is_asked_for_again_before_anybody_gives_up(ordered: Ordered, played: PlayedProvider):
    played.on_download = [Reply(403, b"expired")]
    fresh = {"status": "done", "video": {"url": f"{played.address}/files/fresh.mp4", "duration": 1, "respect_moderation": True}}
    job = ordered()
    sweep(job.connection_id)
    pass_time(100)
    sweep(job.connection_id)
    played.on_look = [Reply(body=fresh)]
    assert work_through(job).state == State.DONE
    assert played.downloads == ["/files/remote-1.mp4", "/files/fresh.mp4"]


def test_a_clip_that_cannot_be_had_ends_the_job_and_returns_the_credits(ordered: Ordered, played: PlayedProvider, alice: User):
    played.on_download = [Reply(404, b"gone")] * 20
    job = work_through(ordered())
    assert (job.state, job.cause, job.charged) == (State.FAILED, Cause.EXPIRED, 0)
    assert balance_of(alice) == (1_000_000, 0)


def test_a_file_that_is_no_video_is_given_up_after_some_tries(ordered: Ordered, played: PlayedProvider):
    played.on_download = [Reply(200, b"not a film" * 500, headers={"Content-Type": "video/mp4"})] * 20
    job = work_through(ordered())
    assert (job.state, job.cause, len(played.downloads)) == (State.FAILED, Cause.DOWNLOAD_FAILED, MOST_TRIES)


@pytest.mark.parametrize("usage", ["12", -5, 10**19, None, 0])
def test_a_figure_that_makes_no_sense_never_becomes_money_by_itself(usage: object, ordered: Ordered, played: PlayedProvider):
    played.usage = usage
    job = work_through(ordered())
    assert (job.state, job.charged, job.charge_is_estimate) == (State.DONE, job.estimate, True)
    assert list(open_alerts().values_list("job", flat=True)) == ([] if usage is None else [job.pk])


@pytest.mark.parametrize("many", [False, True])
def test_an_answer_that_uses_up_the_limit_is_rested_after_also_where_it_is_about_many(many: bool, connection: Connection):
    report = Report(phase=Phase.RUNNING, remote_id="remote-1")
    answer = Answer(report=report, status=200, raw="{}", pace=Pace(remaining=0, reset=30.0))
    Round(connection, fence=1, alive=beat)._heeding(lambda _: None)({"remote-1": answer} if many else answer)
    connection.refresh_from_db()
    assert connection.not_before is not None
    assert 25 < (connection.not_before - timezone.now()).total_seconds() <= 30


def test_two_sweeps_at_once_are_one(ordered: Ordered, played: PlayedProvider, connection: Connection):
    ordered()
    Connection.objects.filter(pk=connection.pk).update(lease_until=timezone.now() + timedelta(seconds=9))
    assert sweep(connection.pk) == 0
    assert played.submits == []


def test_a_connection_takes_no_more_jobs_at_once_than_it_may(ordered: Ordered, played: PlayedProvider, connection: Connection):
    Connection.objects.filter(pk=connection.pk).update(jobs_at_once=2)
    for _ in range(5):
        ordered()
    sweep(connection.pk)
    assert len(played.submits) == 2


def test_another_persons_first_job_goes_before_the_rest_of_a_long_queue(
    ordered: Ordered, played: PlayedProvider, tide: Project, connection: Connection
):
    erin = person("erin@example.org")
    Membership.objects.create(project=tide, user=erin, role="maker")
    ledger.grant(erin, 1_000_000, key="erin", reason="test", actor=None)
    Connection.objects.filter(pk=connection.pk).update(jobs_at_once=2)
    for _ in range(20):
        ordered()
    order(author=erin, project=tide, what=Order(connection=connection, brief=BRIEF), order_key=uuid4())
    sweep(connection.pk)
    assert Job.objects.get(author=erin).state == State.RENDERING


def test_a_paused_connection_sends_nothing_but_goes_on_looking(ordered: Ordered, played: PlayedProvider, connection: Connection):
    watched = ordered()
    sweep(connection.pk)
    queued = ordered()
    Connection.objects.filter(pk=connection.pk).update(enabled=False)
    pass_time(100)
    sweep(connection.pk)
    assert Job.objects.get(pk=watched.pk).state == State.SAVING
    assert Job.objects.get(pk=queued.pk).state == State.QUEUED


def test_saving_twice_makes_one_clip_and_one_charge(ordered: Ordered, played: PlayedProvider, alice: User):
    job = work_through(ordered())
    Job.objects.filter(pk=job.pk)
    assert save(str(job.pk)) is False
    assert Clip.objects.filter(job=job).count() == 1
    assert balance_of(alice)[0] == 1_000_000 - (job.charged or 0)


def test_a_sweep_beats_so_that_the_supervisor_sees_real_work(ordered: Ordered):
    job = ordered()
    sweep(job.connection_id)
    assert timezone.now() - Heartbeat.objects.get().beat_at < timedelta(seconds=5)


def test_a_job_that_waits_for_a_sandbox_that_was_switched_off_says_so_and_goes_on_when_it_is_back(
    ordered: Ordered, connection: Connection, settings: Settings, played: PlayedProvider
):
    job = ordered()
    Connection.objects.filter(pk=connection.pk).update(sandbox=True)
    settings.SANDBOX = False
    sweep(connection.pk)
    job.refresh_from_db()
    assert (job.state, "sandbox is switched off" in job.message, played.submits) == (State.QUEUED, True, [])
    Connection.objects.filter(pk=connection.pk).update(sandbox=False)
    pass_time(100)
    assert work_through(job).state == State.DONE


def test_a_rate_that_changes_while_a_job_runs_does_not_change_that_job(ordered: Ordered, played: PlayedProvider):
    running = ordered()
    sweep(running.connection_id)
    UsageRate.objects.create(provider="xai", unit="cost_in_usd_ticks", millicredits=3, per_units=100_000, source="dearer from now on")
    assert work_through(running).charged == 5_000
    assert work_through(ordered()).charged == 15_000
