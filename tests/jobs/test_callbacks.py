"""What a provider tells us unasked makes us look, and nothing else."""

import json
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db.models import F
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django.fixtures import Settings

from studio.credits import ledger
from studio.jobs.checks import verify_holds
from studio.jobs.hands import hands
from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt, Clip, Job
from studio.jobs.sending import claim, submitted, token_hash
from studio.jobs.worker import sweep
from studio.providers.contract import Unanswered
from studio.routing.models import Connection
from tests.jobs.conftest import pass_time
from tests.jobs.played import PENDING, VANISH, PlayedProvider, Reply

Ordered = Callable[..., Job]
TOKEN = "the-token-of-this-attempt"
FORGED = {"status": "SUCCESS", "jobId": "elsewhere", "data": {"videoUrl": "https://evil.example/clip.mp4", "quota": "999999999"}}

pytestmark = pytest.mark.django_db


def told(attempt: Attempt, body: object = b"", *, token: str = TOKEN, **headers: str) -> int:
    """The status of the answer to a callback."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    path = reverse("hook", args=[attempt.pk, token])
    return Client(enforce_csrf_checks=True).post(path, content, content_type="application/json", headers=headers).status_code


def with_token(job: Job) -> Attempt:
    attempt = Attempt.objects.get(job=job, ended_at=None)
    attempt.callback_token_hash = token_hash(TOKEN)
    attempt.asked_callback = True
    attempt.save(update_fields=["callback_token_hash", "asked_callback"])
    return attempt


@pytest.fixture
def rendering(ordered: Ordered, played: PlayedProvider) -> Attempt:
    """An attempt that the provider renders, with its next look far away."""
    played.on_look = [PENDING] * 9
    job = ordered()
    sweep(job.connection_id)
    Job.objects.filter(pk=job.pk).update(due=timezone.now() + timedelta(hours=1))
    return with_token(job)


def due_in(attempt: Attempt) -> float:
    return (Job.objects.get(pk=attempt.job_id).due - timezone.now()).total_seconds()  # type: ignore[operator]


def test_a_callback_with_the_token_makes_us_look_now(rendering: Attempt):
    assert told(rendering, {"anything": "at all"}) == 204
    assert due_in(rendering) <= 0


@pytest.mark.parametrize("body", [b"", b"not json", b"[1, 2]", b'{"id": 5}', b'"' * 60_000, json.dumps(FORGED).encode()])
def test_any_body_is_taken_and_none_is_believed(rendering: Attempt, body: bytes, played: PlayedProvider):
    assert told(rendering, body) == 204
    sweep(rendering.connection_id)
    job = Job.objects.get(pk=rendering.job_id)
    assert (job.state, Clip.objects.count()) == (State.RENDERING, 0)
    assert Attempt.objects.get(pk=rendering.pk).remote_id == rendering.remote_id
    assert ledger.verify() == verify_holds() == []


def test_what_is_wrong_in_any_way_gets_the_same_404_and_changes_nothing(rendering: Attempt):
    other = Attempt(pk=uuid4())
    assert [told(rendering, token="wrong"), told(other), told(rendering, token=token_hash(TOKEN))] == [404, 404, 404]
    assert due_in(rendering) > 3_000


def test_an_attempt_without_a_token_of_its_own_takes_no_callback(rendering: Attempt):
    Attempt.objects.update(callback_token_hash="")
    assert told(rendering, token="x") == 404


def test_a_body_that_no_provider_sends_is_turned_away_unread(rendering: Attempt):
    assert told(rendering, b"x" * 10_000_000) == 413
    assert due_in(rendering) > 3_000


def test_two_hundred_replays_cost_one_look(rendering: Attempt, played: PlayedProvider):
    told(rendering)
    before = len(played.looks)
    sweep(rendering.connection_id)
    for _ in range(200):
        Attempt.objects.update(called_at=timezone.now())  # all within two seconds, however slow this machine is
        assert told(rendering) == 204
    sweep(rendering.connection_id)
    assert len(played.looks) - before == 1


def test_a_late_callback_for_what_has_ended_is_harmless(rendering: Attempt):
    Attempt.objects.filter(pk=rendering.pk).update(ended_at=timezone.now())
    Job.objects.filter(pk=rendering.job_id).update(state=State.FAILED, due=None)
    assert told(rendering, FORGED) == 204
    assert Job.objects.get(pk=rendering.job_id).due is None


def test_a_callback_that_is_quicker_than_the_answer_makes_the_first_look_come_at_once(
    ordered: Ordered, connection: Connection, played: PlayedProvider
):
    job = ordered()
    ticket = claim(Job.objects.select_related("project", "connection").get(pk=job.pk), now=timezone.now())
    assert ticket is not None
    assert told(with_token(job), {"id": "remote-1"}) == 204
    ticket.attempt.refresh_from_db(fields=["callback_token_hash"])
    answer = hands().run(hands().wire.submit(ticket.provider, ticket.brief))
    submitted(ticket, answer)
    assert due_in(ticket.attempt) <= 0


def test_a_lost_answer_is_found_again_by_the_id_that_a_callback_names_and_the_provider_confirms(ordered: Ordered, played: PlayedProvider):
    played.on_submit = [VANISH]
    job = ordered()
    sweep(job.connection_id)
    attempt = with_token(job)
    assert told(attempt, {"request_id": "remote-late"}) == 204
    sweep(job.connection_id)
    job.refresh_from_db()
    assert (job.state, played.looks) == (State.SAVING, ["remote-late"])
    assert Attempt.objects.get(pk=attempt.pk).remote_id == "remote-late"


def test_an_id_that_the_provider_does_not_know_leaves_it_in_doubt(ordered: Ordered, played: PlayedProvider):
    played.on_submit, played.on_look = [VANISH], [Reply(404, {"code": "not-found", "error": "No"})] * 3
    job = ordered()
    sweep(job.connection_id)
    told(with_token(job), {"request_id": "made-up"})
    sweep(job.connection_id)
    job.refresh_from_db()
    assert (job.state, Attempt.objects.get(job=job).remote_id) == (State.IN_DOUBT, None)


def test_an_id_that_belongs_to_another_order_is_not_taken(ordered: Ordered, played: PlayedProvider, connection: Connection):
    first = ordered()
    sweep(connection.pk)
    played.on_submit = [VANISH]
    second = ordered()
    sweep(connection.pk)
    told(with_token(second), {"request_id": Attempt.objects.get(job=first).remote_id})
    sweep(connection.pk)
    second.refresh_from_db()
    assert second.state == State.IN_DOUBT
    assert "belongs to another order" in Attempt.objects.get(job=second).alert


def test_where_callbacks_come_hardly_anybody_looks_until_they_stop(rendering: Attempt, played: PlayedProvider, connection: Connection):
    told(rendering)
    sweep(connection.pk)
    far = due_in(rendering)
    Connection.objects.filter(pk=connection.pk).update(calls_missed=3)
    Job.objects.update(due=timezone.now())
    sweep(connection.pk)
    assert far > 3 * due_in(rendering)


def test_an_attempt_that_was_given_no_address_is_looked_at_as_if_no_callbacks_came(rendering: Attempt, connection: Connection):
    told(rendering)
    sweep(connection.pk)
    far = due_in(rendering)
    Attempt.objects.update(asked_callback=False)
    Job.objects.update(due=timezone.now())
    sweep(connection.pk)
    assert far > 3 * due_in(rendering)


@pytest.mark.parametrize("site", ["https://studio.example", ""])
def test_an_attempt_knows_whether_it_was_sent_with_an_address(
    site: str, ordered: Ordered, connection: Connection, settings: Settings, played: PlayedProvider
):
    Connection.objects.update(provider="ttapi")
    settings.PUBLIC_URL = site
    ordered()
    Job.objects.update(model="grok-imagine-1.0-video")
    sweep(connection.pk)
    assert Attempt.objects.get().asked_callback == bool(site) == ("hook_url" in played.submits[0])


def test_a_job_that_asked_for_no_callback_missed_none(ordered: Ordered, played: PlayedProvider, connection: Connection):
    Connection.objects.filter(pk=connection.pk).update(called_at=timezone.now())
    ordered()
    sweep(connection.pk)
    pass_time(500)
    sweep(connection.pk)
    connection.refresh_from_db()
    assert (connection.calls_missed, Attempt.objects.get().made_at is not None) == (0, True)


def test_jobs_that_end_without_their_callback_are_counted(ordered: Ordered, played: PlayedProvider, connection: Connection):
    Connection.objects.filter(pk=connection.pk).update(called_at=timezone.now())
    for _ in range(2):
        ordered()
        sweep(connection.pk)
        Attempt.objects.update(asked_callback=True)
        sweep(connection.pk)
        pass_time(500)
        sweep(connection.pk)
    connection.refresh_from_db()
    assert connection.calls_missed == 2


def test_a_provider_that_takes_callbacks_is_given_an_address_with_the_attempts_token(
    ordered: Ordered, connection: Connection, settings: Settings, played: PlayedProvider
):
    Connection.objects.update(provider="ttapi")
    Job.objects.update(model="grok-imagine-1.0-video")
    settings.PUBLIC_URL = "https://studio.example"
    job = ordered()
    Connection.objects.filter(pk=connection.pk).update(provider="ttapi")
    Job.objects.filter(pk=job.pk).update(model="grok-imagine-1.0-video", resolution="720p")
    ticket = claim(Job.objects.select_related("project", "connection").get(pk=job.pk), now=timezone.now())
    assert ticket is not None
    assert ticket.callback_url.startswith(f"https://studio.example/hooks/{ticket.attempt.pk}/")
    token = ticket.callback_url.rstrip("/").rpartition("/")[2]
    assert Attempt.objects.get(pk=ticket.attempt.pk).callback_token_hash == token_hash(token)
    assert told(ticket.attempt, token=token) == 204


def test_without_a_public_address_no_callback_is_asked_for(ordered: Ordered, connection: Connection, settings: Settings):
    settings.PUBLIC_URL = ""
    ticket = claim(Job.objects.select_related("project", "connection").get(pk=ordered().pk), now=timezone.now())
    assert ticket is not None
    assert ticket.callback_url == ""


def test_an_unanswered_order_waits_for_its_callback_without_end(ordered: Ordered, played: PlayedProvider, connection: Connection):
    Connection.objects.update(keeps_copies=False)
    job = ordered()
    ticket = claim(Job.objects.select_related("project", "connection").get(pk=job.pk), now=timezone.now())
    assert ticket is not None
    submitted(ticket, Unanswered("no answer"))
    pass_time(60)
    sweep(connection.pk)  # xAI has no list, and no file was named: from now on only a callback or a person says more
    job.refresh_from_db()
    assert (job.state, job.due) == (State.IN_DOUBT, None)
    assert told(with_token(job), {"id": "remote-9"}) == 204
    assert Job.objects.filter(pk=job.pk, due__lte=timezone.now()).update(version=F("version")) == 1
