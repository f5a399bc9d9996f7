"""How a submission comes out of doubt: by the provider's list, by a late end, or by a person. Never by being sent again."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from uuid import uuid4

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from studio.accounts.models import AuditEvent, User
from studio.credits import ledger
from studio.jobs import doubt, hands, timing
from studio.jobs.actions import Order, order
from studio.jobs.checks import verify_holds
from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt, Cause, Job
from studio.jobs.worker import sweep
from studio.projects.models import Project
from studio.providers.contract import Brief
from studio.routing.models import Connection
from studio.sandbox.models import Fault, RemoteJob
from tests.jobs.conftest import pass_time
from tests.jobs.played import PENDING, VANISH, PlayedProvider, Reply

Ordered = Callable[..., Job]
FAST = "grok-imagine-video-1.5-fast:reverse"
BRIEF = Brief(prompt="A glass bottle on wet black sand", aspect_ratio="16:9", duration=6, resolution="480p", model=FAST)

pytestmark = pytest.mark.django_db


@pytest.fixture
def doubted(ordered: Ordered, played: PlayedProvider) -> Job:
    """A job whose answer was lost, at a provider without a list."""
    played.on_submit = [VANISH]
    job = ordered()
    sweep(job.connection_id)
    job.refresh_from_db()
    assert job.state == State.IN_DOUBT
    return job


def books_are_right() -> bool:
    return ledger.verify() == [] and verify_holds() == []


# --- the provider's own list --------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def acedata(live_server: LiveServer, settings: Settings, transactional_db: None) -> Iterator[Connection]:
    """The sandbox's AceData, which lists its tasks, over real HTTP."""
    settings.SANDBOX, settings.SANDBOX_URL, settings.SANDBOX_SPEED = True, live_server.url, 1000
    connection = Connection(provider="acedata", label="AceData", sandbox=True, requests_per_minute=6000)
    connection.set_key("sandbox-key-0001")
    connection.save()
    hands.let_go()
    timing.forget()
    yield connection
    hands.let_go()


def lost(author: User, project: Project, connection: Connection, brief: Brief = BRIEF) -> Job:
    """A job that the sandbox accepted and whose answer it lost."""
    Fault.objects.create(provider="acedata", kind="lost_answer", left=1)
    job = order(author=author, project=project, what=Order(connection=connection, brief=brief), order_key=uuid4())
    sweep(connection.pk)
    Fault.objects.all().delete()
    job.refresh_from_db()
    assert job.state == State.IN_DOUBT
    return job


def look_again(*jobs: Job) -> None:
    """Due now, without moving the moment at which it was sent."""
    Job.objects.filter(pk__in=[job.pk for job in jobs]).update(due=timezone.now())
    sweep(jobs[0].connection_id)
    for job in jobs:
        job.refresh_from_db()


@pytest.mark.django_db(transaction=True)
def test_a_lost_order_is_found_in_the_providers_list_by_its_callback_address(funded: User, tide: Project, acedata: Connection):
    job, twin = lost(funded, tide, acedata), lost(funded, tide, acedata)
    look_again(twin, job)
    told = {str(row.request["callback_url"]).split("/")[-3]: row.remote_id for row in RemoteJob.objects.all()}
    known = {str(attempt.pk): attempt.remote_id for attempt in Attempt.objects.all()}
    assert known == told
    assert {job.state, twin.state} <= {State.RENDERING, State.SAVING}
    assert RemoteJob.objects.count() == 2
    assert books_are_right()


@pytest.mark.django_db(transaction=True)
def test_without_callbacks_it_is_found_by_its_brief_and_twins_share_what_was_made(funded: User, tide: Project, acedata: Connection):
    jobs = [lost(funded, tide, acedata) for _ in range(3)]
    for row in RemoteJob.objects.all():
        row.request.pop("callback_url")
        row.save()
    for job in jobs:
        look_again(job)
    assert set(Attempt.objects.values_list("remote_id", flat=True)) == set(RemoteJob.objects.values_list("remote_id", flat=True))


@pytest.mark.django_db(transaction=True)
def test_somebody_elses_order_with_the_same_words_is_not_taken(funded: User, tide: Project, acedata: Connection):
    job = lost(funded, tide, acedata)
    RemoteJob.objects.update(request={**RemoteJob.objects.get().request, "callback_url": "https://other.example/hooks/1/secret/"})
    look_again(job)
    assert (job.state, Attempt.objects.get().remote_id) == (State.IN_DOUBT, None)


@pytest.mark.django_db(transaction=True)
def test_what_the_list_does_not_show_stays_in_doubt_and_says_so(funded: User, tide: Project, acedata: Connection):
    job = lost(funded, tide, acedata)
    RemoteJob.objects.all().delete()
    look_again(job)
    assert job.state == State.IN_DOUBT
    assert "own list showed no such order" in Attempt.objects.get().alert
    assert job.due is not None
    assert RemoteJob.objects.count() == 0, "it must not be sent again"


def crowd(job: Job, count: int) -> None:
    """So many other orders with the same words at the same moment, listed before it."""
    ours = RemoteJob.objects.get()
    request = {**ours.request, "callback_url": "https://other.example/hooks/1/secret/"}
    others = [RemoteJob(**{**_columns(ours), "remote_id": f"other-{number}", "request": request, "callbacks_left": 0}) for number in range(count)]
    RemoteJob.objects.bulk_create(others)


def _columns(row: RemoteJob) -> dict[str, object]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields if field.attname != "id"}


@pytest.mark.django_db(transaction=True)
def test_a_lost_order_is_found_in_a_crowd(funded: User, tide: Project, acedata: Connection):
    job = lost(funded, tide, acedata)
    ours = RemoteJob.objects.get().remote_id
    crowd(job, 131)
    look_again(job)
    assert (Attempt.objects.get().remote_id, job.state) == (ours, State.RENDERING)


@pytest.mark.django_db(transaction=True)
def test_a_list_that_was_not_read_to_its_end_proves_nothing_and_says_so(
    funded: User, tide: Project, acedata: Connection, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("studio.providers.acedata.MOST_PAGES", 2)
    job = lost(funded, tide, acedata)
    crowd(job, 131)
    look_again(job)
    attempt = Attempt.objects.get()
    assert (job.state, attempt.remote_id) == (State.IN_DOUBT, None)
    assert attempt.alert.endswith("showed no such order among the 100 that were read; it has more, so this proves nothing.")


@pytest.mark.django_db(transaction=True)
def test_another_prompt_is_another_order(funded: User, tide: Project, acedata: Connection):
    job = lost(funded, tide, acedata)
    RemoteJob.objects.update(request={**RemoteJob.objects.get().request, "prompt": "Another bottle", "callback_url": ""})
    look_again(job)
    assert job.state == State.IN_DOUBT


# --- a late end ---------------------------------------------------------------------------------------------------------------------------------


def test_an_overdue_job_is_looked_at_on_and_its_late_clip_is_taken(ordered: Ordered, played: PlayedProvider):
    played.on_look = [PENDING] * 3
    job = ordered()
    sweep(job.connection_id)
    pass_time(4_000)
    sweep(job.connection_id)
    job.refresh_from_db()
    assert (job.state, job.cause) == (State.IN_DOUBT, Cause.OVERDUE)
    played.on_look.clear()
    pass_time(2_000)
    sweep(job.connection_id)
    job.refresh_from_db()
    assert job.state == State.SAVING
    assert len(played.submits) == 1
    assert books_are_right()


def test_an_overdue_job_that_the_provider_ends_badly_costs_nothing(ordered: Ordered, played: PlayedProvider):
    played.on_look = [PENDING, Reply(body={"status": "failed", "error": {"code": "internal_error", "message": "Sorry"}})]
    job = ordered()
    sweep(job.connection_id)
    pass_time(4_000)
    sweep(job.connection_id)
    sweep(job.connection_id)
    pass_time(2_000)
    sweep(job.connection_id)
    job.refresh_from_db()
    assert (job.state, job.charged) == (State.FAILED, 0)
    assert books_are_right()


def test_after_a_week_nobody_asks_any_more(ordered: Ordered, played: PlayedProvider):
    played.on_look = [PENDING] * 9
    job = ordered()
    sweep(job.connection_id)
    pass_time(4_000)
    sweep(job.connection_id)
    pass_time(8 * 86_400)
    sweep(job.connection_id)
    job.refresh_from_db()
    assert (job.state, job.due) == (State.IN_DOUBT, None)


# --- a person -----------------------------------------------------------------------------------------------------------------------------------


def test_what_was_never_made_is_released_with_a_reason_in_the_record(doubted: Job, dave: User):
    doubt.release(doubted, by=dave, reason="Nothing in their console at 14:02")
    doubted.refresh_from_db()
    assert (doubted.state, doubted.cause, doubted.charged) == (State.FAILED, Cause.NEVER_MADE, 0)
    event = AuditEvent.objects.get()
    assert (event.action, event.subject, event.actor, event.reason) == ("doubt.never_made", doubted.code, dave, "Nothing in their console at 14:02")
    assert event.before == {"state": "in_doubt", "held": doubted.estimate}
    assert books_are_right()


def test_what_is_written_off_costs_its_author_nothing(doubted: Job, dave: User):
    doubt.write_off(doubted, by=dave, reason="Nobody answers")
    doubted.refresh_from_db()
    assert (doubted.cause, doubted.charged) == (Cause.WRITTEN_OFF, 0)
    assert Attempt.objects.get().cause == Cause.WRITTEN_OFF
    assert books_are_right()


def test_an_id_that_a_person_found_is_watched_to_its_end(doubted: Job, dave: User, played: PlayedProvider):
    doubt.name(doubted, " remote-77 ", by=dave, reason="It is in their console")
    sweep(doubted.connection_id)
    doubted.refresh_from_db()
    assert (doubted.state, played.looks) == (State.SAVING, ["remote-77"])
    assert AuditEvent.objects.get().after == {"state": "rendering", "remote_id": "remote-77"}


@pytest.mark.parametrize("remote_id", ["", "two words", "é", "x" * 201])
def test_what_cannot_be_an_id_is_refused_in_a_sentence(doubted: Job, dave: User, remote_id: str):
    with pytest.raises(doubt.CannotResolve, match="cannot be an id"):
        doubt.name(doubted, remote_id, by=dave, reason="r")
    assert not AuditEvent.objects.exists()


def test_an_id_that_another_order_has_is_refused_and_named(doubted: Job, dave: User, ordered: Ordered):
    other = ordered()
    sweep(other.connection_id)
    taken = Attempt.objects.get(job=other).remote_id
    assert taken
    with pytest.raises(doubt.CannotResolve, match=f"{other.code} has this id"):
        doubt.name(doubted, taken, by=dave, reason="r")
    doubted.refresh_from_db()
    assert doubted.state == State.IN_DOUBT
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize("second", [doubt.release, doubt.write_off])
def test_of_two_verdicts_the_first_counts(doubted: Job, dave: User, ada: User, second: Callable[..., None]):
    doubt.release(doubted, by=dave, reason="first")
    with pytest.raises(doubt.CannotResolve, match="not in doubt any more"):
        second(doubted, by=ada, reason="second")
    assert AuditEvent.objects.count() == 1
    assert books_are_right()


def test_an_overdue_job_has_an_id_already(ordered: Ordered, played: PlayedProvider, dave: User):
    played.on_look = [PENDING] * 3
    job = ordered()
    sweep(job.connection_id)
    pass_time(4_000)
    sweep(job.connection_id)
    job.refresh_from_db()
    with pytest.raises(doubt.CannotResolve, match="has an id at the provider already"):
        doubt.name(job, "another", by=dave, reason="r")


def test_a_sweep_beside_a_verdict_ends_it_once(doubted: Job, dave: User, played: PlayedProvider):
    Attempt.objects.filter(job=doubted).update(proposed_id="remote-5")
    Job.objects.filter(pk=doubted.pk).update(due=timezone.now())
    doubt.release(doubted, by=dave, reason="meanwhile")
    sweep(doubted.connection_id)
    doubted.refresh_from_db()
    assert (doubted.state, Attempt.objects.get(job=doubted).remote_id) == (State.FAILED, None)
    assert books_are_right()


def test_two_orders_with_different_words_are_told_apart(funded: User, ordered: Ordered, played: PlayedProvider):
    played.on_submit = [VANISH]
    first, second = ordered(), ordered(replace(BRIEF, prompt="Another", model="grok-imagine-video", duration=2))
    sweep(first.connection_id)
    states = {Job.objects.get(pk=job.pk).state for job in (first, second)}
    assert states == {State.IN_DOUBT, State.RENDERING}
