"""What goes wrong on our side: the database, the storage, a fault in the code, a worker that dies. One job's trouble stays its own, and nothing paid is lost."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from django.db import DatabaseError, DataError, InternalError, OperationalError
from django.db import connection as database
from django.utils import timezone
from pytest_django.fixtures import Settings

from studio.accounts.models import User
from studio.credits.models import Account
from studio.jobs import sending
from studio.jobs.actions import Order, cancel, order
from studio.jobs.checks import verify_holds
from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt, Cause, Clip, Heartbeat, Job, Reference
from studio.jobs.saving import save
from studio.jobs.sending import MOST_CLIPS, claim
from studio.jobs.worker import sweep
from studio.projects.models import Project
from studio.providers.contract import Cause as ProviderCause
from studio.providers.contract import NotNow, Phase, Refused, Report, Usage
from studio.routing.models import Connection
from tests.jobs.conftest import BRIEF, pass_time, work_through
from tests.jobs.played import PlayedProvider, Reply
from tests.jobs.storages import ClosedStorage, use_storage
from tests.time_limits import scaled

Ordered = Callable[..., Job]


@dataclass
class Database:
    """The database's edge: raises what a test scripted where a statement or its values hold certain words, and counts."""

    words: str
    error: Exception
    times: int = 1_000
    seen: int = 0

    def __call__(self, execute: Callable[..., Any], sql: str, values: Any, many: bool, context: dict[str, Any]) -> Any:
        if self.words in f"{sql} {values}" and sql.startswith(("UPDATE", "INSERT")):
            self.seen += 1
            if self.seen <= self.times:
                raise self.error
        return execute(sql, values, many, context)


@contextmanager
def refusing(words: str, error: Exception, *, times: int = 1_000) -> Iterator[Database]:
    edge = Database(words, error, times)
    with database.execute_wrapper(edge):
        yield edge


def states() -> list[str]:
    return list(Job.objects.order_by("number").values_list("state", flat=True))


def reread(job: Job) -> Job:
    return Job.objects.select_related("project", "connection", "author").get(pk=job.pk)


# --- before it is sent ----------------------------------------------------------------------------------------------------------------------


def with_picture(author: User, project: Project, connection: Connection) -> Job:
    reference = Reference(project=project, owner=author, sha256="0" * 64, bytes=3, content_type="image/png")
    reference.file.name = default_storage.save("references/one.png", ContentFile(b"png"))
    reference.save()
    return order(author=author, project=project, what=Order(connection=connection, brief=BRIEF, references=[reference]), order_key=uuid4())


def test_a_reference_image_that_is_gone_ends_its_own_job_and_no_other(ordered: Ordered, funded, tide, connection, played: PlayedProvider):
    ordered()
    second = with_picture(funded, tide, connection)
    ordered()
    default_storage.delete("references/one.png")
    sweep(connection.pk)
    assert states() == [State.RENDERING, State.FAILED, State.RENDERING]
    assert (reread(second).cause, reread(second).charged, len(played.submits)) == (Cause.INPUT_REFUSED, 0, 2)
    assert verify_holds() == []


def test_a_storage_that_is_away_makes_a_queued_job_wait_and_say_so(ordered: Ordered, funded, tide, connection, played, settings: Settings):
    job, other = with_picture(funded, tide, connection), ordered()
    use_storage(settings, ClosedStorage)
    sweep(connection.pk)
    assert (reread(job).state, reread(job).cause, reread(other).state) == (State.QUEUED, Cause.OUR_FAULT, State.RENDERING)
    use_storage(settings, FileSystemStorage)
    pass_time(100)
    assert work_through(reread(job)).state == State.DONE


def test_a_board_hears_that_a_key_cannot_be_read(ordered: Ordered, connection: Connection, settings: Settings):
    job = ordered()
    Connection.objects.filter(pk=connection.pk).update(key_encrypted="gAAAA-not-ours")
    sweep(connection.pk)
    now = reread(job)
    assert (now.state, now.cause) == (State.QUEUED, Cause.WRONG_KEY)
    assert now.version > job.version


def test_jobs_of_a_provider_that_this_version_does_not_know_wait_and_can_be_cancelled(ordered: Ordered, connection: Connection, alice: User):
    job = ordered()
    Connection.objects.filter(pk=connection.pk).update(provider="retired")
    sweep(connection.pk)
    now = reread(job)
    assert (now.state, now.cause) == (State.QUEUED, Cause.OUR_FAULT)
    assert "does not know" in now.message
    assert cancel(now, by=alice)


def test_a_rendering_job_of_a_provider_that_is_gone_is_in_doubt_after_the_usual_patience(ordered: Ordered, connection: Connection):
    job = ordered()
    sweep(connection.pk)
    Connection.objects.filter(pk=connection.pk).update(provider="retired")
    pass_time(100)
    sweep(connection.pk)
    assert (reread(job).state, "does not know" in reread(job).message) == (State.RENDERING, True)
    assert work_through(reread(job), rounds=40).cause == Cause.OVERDUE


# --- writing answers down -------------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)  # a statement that fails ends the transaction around it, so there is none
def test_a_fault_in_writing_one_answer_down_costs_no_other_job_its_answer(ordered: Ordered, connection: Connection, played: PlayedProvider):
    jobs = [ordered() for _ in range(3)]
    with refusing("remote-2", DataError("value too long")):
        sweep(connection.pk)
    assert sorted(states()) == [State.IN_DOUBT, State.RENDERING, State.RENDERING]
    for job in jobs:
        work_through(job)
    assert sorted(states()) == [State.DONE, State.DONE, State.IN_DOUBT]
    assert len(played.submits) == 3
    assert verify_holds() == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "away", [OperationalError("server closed the connection"), InternalError("terminating connection due to idle-in-transaction timeout")]
)
def test_a_database_that_is_away_for_a_moment_loses_no_paid_answer(ordered: Ordered, connection: Connection, away: DatabaseError):
    for _ in range(3):
        ordered()
    with refusing("remote-", away, times=4) as edge:
        sweep(connection.pk)
    assert edge.seen > 4
    assert states() == [State.RENDERING] * 3


@pytest.mark.django_db(transaction=True)
def test_a_heartbeat_that_cannot_be_written_stops_no_work(ordered: Ordered, connection: Connection):
    ordered()
    with refusing("heartbeat", OperationalError("database is locked")):
        sweep(connection.pk)
    assert states() == [State.RENDERING]


@pytest.mark.django_db(transaction=True)
def test_a_look_that_can_never_be_written_down_ends_in_doubt_and_not_never(ordered: Ordered, connection: Connection):
    poison = ordered()
    sweep(connection.pk)
    other = ordered()
    with refusing("remote-1.mp4", DataError("out of range")):
        for _ in range(40):
            sweep(connection.pk)
            save(str(other.pk))
            pass_time(100)
    assert (reread(poison).state, reread(poison).cause, reread(other).state) == (State.IN_DOUBT, Cause.OVERDUE, State.DONE)
    assert verify_holds() == []


def test_a_result_of_very_many_videos_is_kept_as_far_as_letters_go(ordered: Ordered, connection: Connection):
    job = ordered()
    sweep(connection.pk)
    attempt = Attempt.objects.select_related("job__project").get(job=job)
    report = Report(phase=Phase.SUCCEEDED, remote_id="remote-1", videos=tuple(f"https://files.example/{n}.mp4" for n in range(40_000)))
    sending.ended(attempt, report, "{}", start=State.RENDERING, now=timezone.now())
    assert reread(job).state == State.SAVING
    assert Clip.objects.filter(job=job).count() == MOST_CLIPS
    assert Clip.objects.filter(job=job).order_by("position").last().code == "TIDE-001z"  # type: ignore[union-attr]


def test_what_is_charged_is_the_figure_that_is_kept(ordered: Ordered, connection: Connection, played: PlayedProvider):
    job = ordered()
    sweep(connection.pk)
    attempt = Attempt.objects.select_related("job__project", "job__connection").get(job=job)
    done = work_through(job)
    late = Report(phase=Phase.FAILED, remote_id="remote-1", usage=Usage("999", "cost_in_usd_ticks"), cause=ProviderCause.PROVIDER_FAILED)
    sending.ended(attempt, late, "late", start=State.RENDERING, now=timezone.now())
    attempt.refresh_from_db()
    assert (done.state, done.charged, attempt.usage_amount) == (State.DONE, 5_000, "500000000")


# --- the janitor was quicker ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def doubted(ordered: Ordered) -> sending.Ticket:
    """A ticket whose sender was so slow that its job is in doubt."""
    job = reread(ordered())
    ticket = claim(job, now=timezone.now())
    assert ticket is not None
    pass_time(1_000)
    Connection.objects.update(enabled=False)
    sweep(job.connection_id)
    assert reread(job).state == State.IN_DOUBT
    return ticket


def test_a_refusal_that_comes_late_ends_the_doubt_and_returns_the_credits(doubted: sending.Ticket, alice: User):
    sending.refused(doubted, Refused("No", cause=ProviderCause.INPUT_REFUSED))
    assert (reread(doubted.job).state, reread(doubted.job).cause) == (State.FAILED, Cause.INPUT_REFUSED)
    assert Account.objects.get(user=alice).held == 0


def test_a_not_now_that_comes_late_ends_the_doubt_and_is_not_sent_again(doubted: sending.Ticket, alice: User, played: PlayedProvider):
    sending.not_now(doubted, NotNow("Later"), now=timezone.now())
    Connection.objects.update(enabled=True)
    pass_time(1_000)
    assert (work_through(doubted.job).state, doubted.job.cause, played.submits) == (State.FAILED, Cause.NOT_NOW, [])
    assert Account.objects.get(user=alice).held == 0


def test_a_not_now_written_twice_never_frees_the_next_submission(ordered: Ordered):
    job = reread(ordered())
    first = claim(job, now=timezone.now())
    assert first is not None
    sending.not_now(first, NotNow("Later"), now=timezone.now())
    assert claim(reread(job), now=timezone.now()) is not None
    sending.not_now(first, NotNow("Later"), now=timezone.now())
    assert reread(job).state == State.SENDING
    assert Attempt.objects.get(job=job).sent_at is not None


def test_a_short_wait_never_ends_a_longer_one(ordered: Ordered, connection: Connection, played: PlayedProvider):
    played.on_submit = [Reply(429, {}, headers={"Retry-After": wait}) for wait in ("600", "5")]
    ordered(), ordered()
    sweep(connection.pk)
    connection.refresh_from_db()
    assert connection.not_before is not None
    assert connection.not_before - timezone.now() > timedelta(seconds=500)


def test_a_provider_may_be_away_for_weeks(ordered: Ordered, connection: Connection):
    job = ordered()
    Job.objects.filter(pk=job.pk).update(tries=32_767)
    Connection.objects.filter(pk=connection.pk).update(base_url="http://127.0.0.1:9")
    sweep(connection.pk)
    assert (reread(job).state, reread(job).cause) == (State.QUEUED, Cause.NOT_NOW)


# --- slow calls -----------------------------------------------------------------------------------------------------------------------------


@dataclass
class Gate:
    """Opens when a test's condition is met, so that nobody has to sleep."""

    opened: threading.Event = field(default_factory=threading.Event)
    in_time: bool = False

    def wait(self) -> None:
        self.in_time = self.opened.wait(scaled(10))


def test_beside_a_slow_submission_the_lease_is_kept_and_looks_go_on(ordered: Ordered, connection: Connection, played: PlayedProvider):
    gate = Gate()
    watched = ordered()
    sweep(connection.pk)
    Job.objects.filter(pk=watched.pk).update(due=timezone.now() + timedelta(seconds=0.5))
    ordered()
    submit, look = played.submit, played.look

    def slow_submit(body: dict[str, object]) -> Reply:
        gate.wait()
        return submit(body)

    def telling_look(remote_id: str) -> Reply:
        gate.opened.set()
        return look(remote_id)

    played.submit, played.look = slow_submit, telling_look  # type: ignore[method-assign]
    with refusing("lease_until", OperationalError(), times=0) as edge:
        sweep(connection.pk)
    assert gate.in_time
    assert edge.seen >= 4  # taken, renewed, returned; and the claim's own
    assert states() == [State.SAVING, State.RENDERING]


def test_the_heart_beats_while_a_download_lasts(ordered: Ordered, connection: Connection, played: PlayedProvider):
    gate = Gate()
    job = ordered()
    sweep(connection.pk)
    pass_time(100)
    sweep(connection.pk)
    download = played.download

    def slow_download(path: str, key: str | None) -> Reply:
        gate.wait()
        return download(path, key)

    def open_at_a_beat(execute: Callable[..., Any], sql: str, values: Any, many: bool, context: dict[str, Any]) -> Any:
        if played_started.is_set() and sql.startswith("UPDATE") and "heartbeat" in sql:
            gate.opened.set()
        return execute(sql, values, many, context)

    played_started = threading.Event()

    def started(path: str, key: str | None) -> Reply:
        played_started.set()
        return slow_download(path, key)

    played.download = started  # type: ignore[method-assign]
    with database.execute_wrapper(open_at_a_beat):
        save(str(job.pk))
    assert gate.in_time
    assert reread(job).state == State.DONE
    assert Heartbeat.objects.count() == 1
