"""Answers that come when their attempt has ended, and its job lives by another one: nothing of that one changes, and nothing that was made is lost."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.db import transaction
from django.forms import CharField
from django.utils import timezone

from studio.accounts.models import User
from studio.credits import ledger
from studio.credits.models import Hold
from studio.jobs import actions, doubt, looking, moves, sending, sweeping, worker
from studio.jobs.alerts import Choice, open_alerts, settle
from studio.jobs.callbacks import heard
from studio.jobs.checks import verify_holds
from studio.jobs.hands import Outcome, Unwritten, hands
from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt, Cause, Clip, Job, alerted
from studio.jobs.rescue import rescue
from studio.jobs.saving import save
from studio.jobs.sending import Ticket, claim, submitted
from studio.jobs.worker import sweep
from studio.providers.contract import Cause as ProviderCause
from studio.providers.contract import Listing, NotNow, Phase, Refused, Report, StoredFile, Unanswered, Unreached, Usage
from studio.providers.wire import Answer, Pace
from studio.routing.models import Breaker, Connection
from tests.jobs.conftest import pass_time, work_through
from tests.jobs.played import PENDING, PlayedProvider, Reply
from tests.time_limits import eventually

Ordered = Callable[..., Job]


def answer(phase: Phase, remote_id: str = "remote-late", **facts: Any) -> Answer:
    return Answer(report=Report(phase=phase, remote_id=remote_id, **facts), status=200, raw='{"late": true}', pace=Pace())


ANSWERS: dict[str, Outcome] = {
    "accepted": answer(Phase.QUEUED),
    "accepted and done": answer(Phase.SUCCEEDED, videos=("https://files.example/late.mp4",)),
    "accepted and failed": answer(Phase.FAILED, cause=ProviderCause.PROVIDER_FAILED),
    "refused": Refused("No", cause=ProviderCause.INPUT_REFUSED, answer="no"),
    "charged and refused": Refused("No", cause=ProviderCause.MODERATED, usage=Usage("300000000", "cost_in_usd_ticks"), answer="no"),
    "our key refused": Refused("No", cause=ProviderCause.WRONG_KEY, answer="no"),
    "not now": NotNow("Later", retry_after=20, answer="later"),
    "never reached": Unreached("Nobody there"),
    "no answer": Unanswered("It hung up"),
    "a fault of ours": Unwritten("out of range"),
}
LOOKS: dict[str, Outcome] = {
    "running": answer(Phase.RUNNING, "remote-1", progress=40),
    "done": answer(Phase.SUCCEEDED, "remote-1", videos=("https://files.example/late.mp4",)),
    "failed": answer(Phase.FAILED, "remote-1", cause=ProviderCause.PROVIDER_FAILED),
    "silent": NotNow("Busy"),
    "strange": ValueError("a fault of ours"),
}
FOLLOWERS = ["queued", "sending", "rendering", "in_doubt", "saving"]


def stalled(ordered: Ordered) -> Ticket:
    """The ticket of a sender that stalled past its lease, so that its order is in doubt."""
    ticket = claim(reread(ordered()), now=timezone.now())
    assert ticket is not None
    pass_time(1_000)
    worker.doubt_the_lost(ticket.job.connection, timezone.now())
    return ticket


@pytest.fixture
def stale(ordered: Ordered, dave: User) -> Ticket:
    """The ticket of a sender that stalled past its lease; since then a person has said that it was never made, and somebody tried again."""
    ticket = stalled(ordered)
    job = ticket.job
    doubt.release(reread(job), by=dave, reason="their console shows nothing")
    assert actions.retry(reread(job), by=reread(job).author)
    return ticket


def follow(job: Job, state: str, played: PlayedProvider) -> Attempt:
    """The attempt that followed, brought into this state."""
    if state == "sending":
        assert claim(reread(job), now=timezone.now())
    elif state != "queued":
        played.on_submit += [Reply(vanish=True)] if state == "in_doubt" else []
        played.on_look += [PENDING] * 9 if state == "rendering" else []
        pass_time(1)
        sweep(job.connection_id)
        if state == "saving":
            pass_time(1_000)
            sweep(job.connection_id)
    assert reread(job).state == state
    return Attempt.objects.select_related("job__project", "connection").get(job=job, ended_at=None)


def reread(job: Job) -> Job:
    return Job.objects.select_related("project", "connection", "author").get(pk=job.pk)


def everything(job: Job, attempt: Attempt) -> dict[str, object]:
    """All that a late answer must not touch."""
    facts = Attempt.objects.filter(pk=attempt.pk).values().get()
    now = Job.objects.filter(pk=job.pk).values().get()
    hold = Hold.objects.filter(reference=str(attempt.pk)).values().get()
    return {"attempt": facts, "job": now, "hold": hold, "clips": list(Clip.objects.filter(attempt=attempt).values_list("source_url"))}


@pytest.mark.parametrize("state", FOLLOWERS)
@pytest.mark.parametrize("late", ANSWERS)
def test_a_late_answer_changes_nothing_of_the_attempt_that_followed(late: str, state: str, stale: Ticket, played: PlayedProvider):
    job = stale.job
    follower = follow(job, state, played)
    before, sent = everything(job, follower), len(played.submits)

    submitted(stale, ANSWERS[late])

    assert everything(job, follower) == before
    assert state == "queued" or claim(reread(job), now=timezone.now()) is None
    assert len(played.submits) == sent
    assert verify_holds() == []
    assert ledger.verify() == []


@pytest.mark.parametrize("late", ANSWERS)
def test_a_late_answer_stays_on_its_own_attempt_with_an_alert(late: str, stale: Ticket):
    submitted(stale, ANSWERS[late])

    kept = Attempt.objects.get(pk=stale.attempt.pk)
    tells = late not in {"no answer", "a fault of ours"}
    assert bool(kept.alert) == tells
    assert (kept in open_alerts()) == tells
    assert (kept.outcome, kept.cause, kept.charged) == (State.FAILED, Cause.NEVER_MADE, 0)
    assert kept.remote_id == ("remote-late" if late.startswith("accepted") else None)
    assert kept.usage_amount == ("300000000" if late == "charged and refused" else "")
    if tells:
        assert late == "never reached" or kept.answer


@pytest.mark.parametrize("late", ANSWERS)
def test_an_answer_that_is_written_down_twice_counts_once(late: str, ordered: Ordered, funded: User):
    job = reread(ordered())
    ticket = claim(job, now=timezone.now())
    assert ticket is not None
    submitted(ticket, ANSWERS[late])
    once = (
        everything(job, ticket.attempt),
        list(job.events.values_list("state")),
        list(Connection.objects.values("send_not_before")),
        list(Breaker.objects.values()),
    )

    submitted(ticket, ANSWERS[late])

    assert (
        everything(job, ticket.attempt),
        list(job.events.values_list("state")),
        list(Connection.objects.values("send_not_before")),
        list(Breaker.objects.values()),
    ) == once


@pytest.mark.parametrize("second_is", ["sending", "rendering"])
def test_an_answer_of_the_first_sending_says_nothing_about_the_second(second_is: str, ordered: Ordered, played: PlayedProvider):
    """Turned away and claimed anew, it is the same attempt, and another submission."""
    job = reread(ordered())
    first = claim(job, now=timezone.now())
    assert first is not None
    submitted(first, ANSWERS["not now"])
    pass_time(1_000)
    second = claim(reread(job), now=timezone.now())
    assert second is not None
    if second_is == "rendering":
        submitted(second, answer(Phase.QUEUED, "remote-second"))
    assert reread(job).state == second_is
    before = everything(job, first.attempt)
    for late in ANSWERS.values():
        submitted(first, late)
        assert everything(job, first.attempt) == before


def test_what_was_taken_on_after_its_end_is_watched_and_fetched_at_no_charge(stale: Ticket, played: PlayedProvider, funded: User):
    job = stale.job
    actions.cancel(reread(job), by=funded)
    played.on_look += [PENDING, Reply(503, b"busy")]
    Attempt.objects.filter(pk=stale.attempt.pk).update(rescue_due=None)  # nothing else asks about it
    submitted(stale, ANSWERS["accepted"])
    for _ in range(4):
        Attempt.objects.exclude(rescue_due=None).update(rescue_due=timezone.now())
        rescue(str(stale.attempt.pk))
    clip = Clip.objects.get(attempt=stale.attempt)
    kept = Attempt.objects.get(pk=stale.attempt.pk)
    assert (clip.saved_at is not None, clip.job_id, kept.rescue_due, kept.charged) == (True, job.pk, None, 0)
    assert kept.usage_amount == "500000000"
    assert ledger.account_of(funded).balance == 1_000_000
    assert kept in open_alerts()


def test_a_job_that_failed_is_done_once_its_late_clip_is_ours(ordered: Ordered, dave: User, played: PlayedProvider):
    ticket = stalled(ordered)
    job = ticket.job
    doubt.release(reread(job), by=dave, reason="their console shows nothing")
    submitted(ticket, ANSWERS["accepted"])
    Attempt.objects.update(rescue_due=timezone.now())
    assert rescue(str(ticket.attempt.pk))
    assert (reread(job).state, reread(job).charged, Clip.objects.filter(job=job, saved_at__isnull=False).count()) == (State.DONE, 0, 1)


def test_an_id_that_another_order_has_is_not_taken_over(stale: Ticket, played: PlayedProvider):
    follower = follow(stale.job, "rendering", played)
    submitted(stale, answer(Phase.QUEUED, str(follower.remote_id)))
    kept = Attempt.objects.get(pk=stale.attempt.pk)
    assert (kept.remote_id, "belongs to another order" in kept.alert) == (None, True)


@pytest.mark.parametrize("told", ["its id", "nothing"])
def test_a_callback_after_a_verdict_makes_us_ask_about_it(told: str, stale: Ticket, played: PlayedProvider):
    """Somebody said that it was never made, and its callback says otherwise."""
    known = told == "nothing"
    Attempt.objects.filter(pk=stale.attempt.pk).update(remote_id="remote-7" if known else None, rescue_due=None)
    follower = follow(stale.job, "queued", played)
    before = everything(stale.job, follower)
    assert heard(Attempt.objects.get(pk=stale.attempt.pk), "" if known else "remote-7")
    assert everything(stale.job, follower) == before
    Attempt.objects.exclude(rescue_due=None).update(rescue_due=timezone.now())
    assert rescue(str(stale.attempt.pk))
    assert Clip.objects.get(attempt=stale.attempt).saved_at is not None
    assert Attempt.objects.get(pk=stale.attempt.pk).remote_id == "remote-7"


def test_what_was_written_off_with_an_id_is_asked_about_on(ordered: Ordered, dave: User, played: PlayedProvider, connection: Connection):
    job = ordered()
    sweep(connection.pk)
    attempt = Attempt.objects.get(job=job)
    moves.move(reread(job), State.RENDERING, State.IN_DOUBT, cause=Cause.OVERDUE, due=None)
    doubt.write_off(reread(job), by=dave, reason="it renders for ever")
    pass_time(1)
    Attempt.objects.filter(rescue_due__isnull=False).update(rescue_due=timezone.now())
    assert rescue(str(attempt.pk))
    assert (reread(job).state, reread(job).charged) == (State.DONE, 0)


@pytest.mark.parametrize("state", FOLLOWERS)
@pytest.mark.parametrize("look", LOOKS)
def test_a_late_look_at_an_attempt_changes_nothing_of_the_one_that_followed(
    look: str, state: str, ordered: Ordered, dave: User, played: PlayedProvider, connection: Connection
):
    job = ordered()
    sweep(connection.pk)
    looked_at = Attempt.objects.select_related("job__project", "connection").get(job=job)
    assert looked_at.job.state == State.RENDERING
    played.on_look.append(Reply(body={"status": "failed", "error": {"code": "internal_error", "message": "Sorry"}}))
    pass_time(100)
    sweep(connection.pk)
    assert actions.retry(reread(job), by=reread(job).author)
    follower = follow(job, state, played)
    before = everything(job, follower)

    later = looking.Later()
    looking.looked(looked_at, LOOKS[look], later=later)
    later.write()
    looked_at.job.state = State.IN_DOUBT
    doubt.looked(looked_at, LOOKS[look], now=timezone.now())
    doubt.searched(looked_at, Listing(found=()))

    assert everything(job, follower) == before


def test_a_late_saver_ends_its_own_attempt_or_none(ordered: Ordered, dave: User, played: PlayedProvider, connection: Connection, monkeypatch: Any):
    job = ordered()
    sweep(connection.pk)
    pass_time(100)
    sweep(connection.pk)
    assert reread(job).state == State.SAVING

    def stall(*_: object, **__: object) -> None:
        """Meanwhile its lease has run out, the job has failed elsewhere, and somebody tried again."""
        monkeypatch.undo()
        attempt = Attempt.objects.get(job=job, ended_at=None)
        assert moves.finish(reread(job), State.SAVING, State.FAILED, attempt=attempt, cause=Cause.DOWNLOAD_FAILED)
        actions.retry(reread(job), by=reread(job).author)
        follow(job, "saving", played)

    monkeypatch.setattr("studio.jobs.saving.bring", stall)
    save(str(job.pk))
    assert reread(job).state == State.SAVING
    assert Attempt.objects.filter(job=job, ended_at=None).count() == 1
    assert work_through(job).state == State.DONE
    assert verify_holds() == []


def test_a_janitor_that_stalled_does_not_doubt_what_was_sent_since(ordered: Ordered, dave: User, connection: Connection, monkeypatch: Any):
    job = reread(ordered())
    assert claim(job, now=timezone.now())
    pass_time(1_000)
    move = moves.move

    def stall(job: Job, *states: State, **facts: Any) -> bool:
        monkeypatch.undo()
        worker.doubt_the_lost(connection, timezone.now())
        doubt.release(reread(job), by=dave, reason="nothing there")
        actions.retry(reread(job), by=reread(job).author)
        assert claim(reread(job), now=timezone.now())
        return move(job, *states, **facts)

    monkeypatch.setattr(worker, "move", stall)
    assert worker.doubt_the_lost(connection, timezone.now()) == 0
    assert reread(job).state == State.SENDING


def test_a_verdict_is_about_the_attempt_that_was_seen(stale: Ticket, dave: User, played: PlayedProvider):
    follower = follow(stale.job, "in_doubt", played)
    for verdict in (doubt.release, doubt.write_off):
        with pytest.raises(doubt.CannotResolve, match="not in doubt any more"):
            verdict(reread(stale.job), by=dave, reason="what I saw", attempt=stale.attempt)
    with pytest.raises(doubt.CannotResolve, match="not in doubt any more"):
        doubt.name(reread(stale.job), "remote-7", by=dave, reason="what I saw", attempt=stale.attempt)
    assert reread(stale.job).state == State.IN_DOUBT
    doubt.release(reread(stale.job), by=dave, reason="what I see", attempt=follower)


def test_a_job_that_renders_without_an_id_is_in_doubt_and_not_swept_for_ever(ordered: Ordered, connection: Connection):
    job = ordered()
    sweep(connection.pk)
    Attempt.objects.update(remote_id=None, stored_as="")
    pass_time(100)
    sweep(connection.pk)
    assert (reread(job).state, reread(job).due) == (State.IN_DOUBT, None)


def test_what_was_held_up_between_its_claim_and_its_sending_is_not_sent(
    ordered: Ordered, played: PlayedProvider, connection: Connection, monkeypatch: Any
):
    """By the end of its lease a person may have ordered anew."""
    job = ordered()

    def slow(job: Job, **facts: Any) -> Ticket | None:
        ticket = claim(job, **facts)
        if ticket and ticket.attempt.sent_at:
            ticket.attempt.sent_at -= sweeping.MOST_DELAY * 2
        return ticket

    monkeypatch.setattr(sweeping, "claim", slow)
    sweep(connection.pk)
    assert (played.submits, reread(job).state) == ([], State.QUEUED)


def test_each_request_leaves_before_the_next_order_is_claimed(ordered: Ordered, played: PlayedProvider, connection: Connection, monkeypatch: Any):
    """So a worker that is killed among many orders leaves one in doubt, and not all of them."""
    for _ in range(5):
        ordered()
    sent_at_claims: list[int] = []

    def watched(job: Job, **facts: Any) -> Ticket | None:
        sent_at_claims.append(len(played.submits))
        return claim(job, **facts)

    monkeypatch.setattr(sweeping, "claim", watched)
    sweep(connection.pk)
    assert len(sent_at_claims) == 5
    assert all(sent >= number - 1 for number, sent in enumerate(sent_at_claims))
    assert sent_at_claims[-1] >= 3


@pytest.fixture
def hanging(played: PlayedProvider) -> Iterator[threading.Event]:
    """Submissions hang until this is set."""
    goes_on = threading.Event()

    def wait(remote_id: str, body: dict[str, object]) -> None:
        goes_on.wait(30)

    played.before_answering = wait
    yield goes_on
    goes_on.set()


@pytest.mark.django_db(transaction=True)
def test_a_submission_that_hangs_keeps_its_connection_and_not_its_process(
    ordered: Ordered, played: PlayedProvider, connection: Connection, hanging: threading.Event, monkeypatch: Any
):
    monkeypatch.setattr(sweeping, "SLOW", 0.2)
    job = ordered()
    assert sweep(connection.pk) == 1
    assert reread(job).state == State.SENDING
    assert sweep(connection.pk) == 0  # its lease is held
    assert hands() is hands()
    hanging.set()
    for thread in [one for one in threading.enumerate() if one.name.startswith("sweep of")]:
        thread.join(30)
    connection.refresh_from_db()
    assert (reread(job).state, connection.lease_until) == (State.RENDERING, None)


@pytest.mark.django_db(transaction=True)
def test_a_round_that_goes_on_apart_looks_on_by_its_own_loop(
    ordered: Ordered, played: PlayedProvider, connection: Connection, hanging: threading.Event, monkeypatch: Any
):
    """Its process has another loop by then, and whoever used both would hear nothing but errors."""
    monkeypatch.setattr(sweeping, "SLOW", 0.2)
    monkeypatch.setattr(sweeping, "RENEWED", timedelta(seconds=0.1))
    watched = ordered()
    hanging.set()
    sweep(connection.pk)
    hanging.clear()
    played.on_look += [PENDING] * 50
    slow = ordered()
    assert sweep(connection.pk) >= 1
    assert reread(slow).state == State.SENDING
    others = hands()  # the process works on, with a loop and a wire of its own
    assert others.run(asyncio.sleep(0, "alive")) == "alive"
    monkeypatch.setattr(others.wire, "check", mock.Mock(side_effect=AssertionError("the wire of another task")))

    def is_looked_at(times: int) -> bool:
        Job.objects.filter(pk=watched.pk).update(due=timezone.now() - timedelta(seconds=1))  # each time: a look under way may write another one
        return len(played.looks) >= times

    for times in range(1, 6):
        eventually(partial(is_looked_at, times), within=10)
    hanging.set()
    for thread in [one for one in threading.enumerate() if one.name.startswith("sweep of")]:
        thread.join(30)
    others.wire.check.assert_not_called()  # type: ignore[attr-defined]
    assert (reread(watched).tries, reread(watched).state, reread(slow).state) == (0, State.RENDERING, State.RENDERING)


def test_a_copy_in_the_file_store_that_shows_up_after_a_verdict_is_fetched(stale: Ticket, monkeypatch: Any, film: bytes):
    """Nobody knew an id, and a person said that it was never made."""
    assert stale.attempt.stored_as
    attempt = Attempt.objects.get(pk=stale.attempt.pk)
    assert attempt.rescue_due is not None  # its name there is enough to ask by
    there: list[StoredFile] = []

    async def find_file(*_: object, **__: object) -> Listing:
        return Listing(file=there[0] if there else None)

    def fetch(attempt: Attempt, path: Path, *, limit: int) -> None:
        path.write_bytes(film)

    monkeypatch.setattr(hands().wire, "find_file", find_file)
    monkeypatch.setattr("studio.jobs.stored.fetch", fetch)
    assert rescue(str(attempt.pk))
    assert not Clip.objects.filter(attempt=attempt).exists()
    there.append(StoredFile(file_id="file-1", name=attempt.stored_as))
    Attempt.objects.filter(pk=attempt.pk).update(rescue_due=timezone.now())
    assert rescue(str(attempt.pk))
    attempt.refresh_from_db()
    assert Clip.objects.get(attempt=attempt).saved_at is not None
    assert (attempt.stored_id, attempt in open_alerts()) == ("file-1", True)
    assert not attempt.rescue_due


def test_a_late_attempt_whose_answer_runs_and_names_its_clip_is_fetched(stale: Ticket, played: PlayedProvider):
    submitted(stale, ANSWERS["accepted"])
    video = {"url": f"{played.address}/files/late.mp4", "respect_moderation": True}
    played.on_look += [Reply(202, {"status": "pending", "video": video})] * 3
    Attempt.objects.filter(pk=stale.attempt.pk).update(rescue_due=timezone.now())
    rescue(str(stale.attempt.pk))
    assert Clip.objects.get(attempt=stale.attempt).saved_at is not None


def test_what_was_taken_on_late_and_never_ends_is_told_of_after_a_week(stale: Ticket, played: PlayedProvider, ada: User):
    submitted(stale, ANSWERS["accepted"])
    settle(Attempt.objects.select_related("job__project").get(pk=stale.attempt.pk), Choice.KEEP, by=ada, reason="seen")
    played.on_look += [PENDING]
    Attempt.objects.filter(pk=stale.attempt.pk).update(rescue_due=timezone.now(), sent_at=timezone.now() - timedelta(days=8))
    rescue(str(stale.attempt.pk))
    kept = Attempt.objects.get(pk=stale.attempt.pk)
    assert (kept.rescue_due, kept in open_alerts(), "within a week" in kept.alert) == (None, True, True)


def test_an_answer_that_comes_while_another_id_is_saved_is_told_of(ordered: Ordered, dave: User, played: PlayedProvider, connection: Connection):
    ticket = stalled(ordered)
    job = ticket.job
    doubt.name(reread(job), "another-order", by=dave, reason="so I read")
    pass_time(1)
    sweep(connection.pk)
    assert reread(job).state == State.SAVING
    submitted(ticket, ANSWERS["accepted"])
    attempt = Attempt.objects.get(pk=ticket.attempt.pk)
    assert (reread(job).state, attempt.remote_id, "remote-late" in attempt.alert) == (State.SAVING, "another-order", True)


@pytest.mark.parametrize("words", ["x" * 299 + " y", "two lines\r\nof a provider", "  blanks  around  "])
def test_an_alert_is_kept_as_a_form_sends_it_back(words: str):
    kept = alerted(words)["alert"]
    assert kept == CharField(max_length=300).clean(kept)
    assert "\n" not in str(kept)


def test_an_end_that_is_odd_itself_leaves_the_alert_of_its_charge(ordered: Ordered, played: PlayedProvider, connection: Connection):
    job = ordered()
    played.on_look += [PENDING] * 9
    sweep(connection.pk)
    attempt = Attempt.objects.select_related("job__project", "job__connection", "connection").get(job=job)
    usage = Usage("1" + "0" * 16, "cost_in_usd_ticks")
    odd = Report(phase=Phase.FAILED, remote_id="remote-1", cause=ProviderCause.MODERATED, usage=usage, alert="An unknown field stood beside it.")
    assert sending.ended(attempt, odd, "{}", start=State.RENDERING, now=timezone.now())
    attempt.refresh_from_db()
    assert "nothing was charged" in attempt.alert
    assert "An unknown field" in attempt.alert
    assert attempt in open_alerts()


def test_what_was_settled_is_not_opened_again_by_a_provider_that_says_the_same(ordered: Ordered, played: PlayedProvider, ada: User):
    job = ordered()
    played.on_look += [Reply(body={"status": "marinating"})] * 3
    work_through(job, rounds=2)
    attempt = Attempt.objects.select_related("job__project").get(job=job)
    settle(attempt, Choice.KEEP, by=ada, reason="seen")
    pass_time(100)
    sweep(job.connection_id)
    assert not open_alerts().exists()


def test_the_move_and_its_answer_stand_or_fall_together(stale: Ticket, played: PlayedProvider):
    follower = follow(stale.job, "sending", played)
    with transaction.atomic():
        assert not moves.move(reread(stale.job), State.SENDING, State.IN_DOUBT, attempt=stale.attempt)
        assert moves.move(reread(stale.job), State.SENDING, State.IN_DOUBT, attempt=follower)


def test_what_a_late_try_was_charged_without_a_clip_is_kept(stale: Ticket, played: PlayedProvider):
    submitted(stale, ANSWERS["accepted"])
    failed = {"status": "failed", "error": {"code": "invalid_argument", "message": "Sorry"}, "usage": {"cost_in_usd_ticks": 300_000_000}}
    played.on_look.append(Reply(body=failed))
    Attempt.objects.exclude(rescue_due=None).update(rescue_due=timezone.now())
    assert rescue(str(stale.attempt.pk))
    kept = Attempt.objects.get(pk=stale.attempt.pk)
    assert (kept.usage_amount, kept.charged, kept.rescue_due) == ("300000000", 0, None)
