"""Copies in a provider's file store: they resolve doubt, replace an expired link, and are deleted once the clip is ours."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db.models import F
from django.utils import timezone
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from studio.accounts.models import User
from studio.credits import ledger
from studio.credits.models import Account
from studio.jobs import doubt, hands, media, moves, rescue, saving, sending, stored, sweeping
from studio.jobs.actions import Order, order
from studio.jobs.cards import trouble
from studio.jobs.checks import verify_holds
from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt, Cause, Clip, Job, JobEvent
from studio.jobs.saving import save
from studio.jobs.waiting import doubt_text
from studio.jobs.worker import sweep
from studio.projects.models import Project
from studio.routing.models import Connection
from studio.sandbox.files import folder
from studio.sandbox.models import Fault, RemoteJob
from tests.jobs.conftest import BRIEF, pass_time, work_through
from tests.jobs.played import VANISH, PlayedProvider, Reply
from tests.long_run import LONG
from tests.stress.killing import files_of, traced, until_killed

Ordered = Callable[..., Job]
GONE = Reply(404, b"gone")

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def keeping(played: PlayedProvider) -> None:
    """The provider has a file store."""
    played.keeps_files = True


def books_are_right() -> bool:
    return ledger.verify() == [] and verify_holds() == []


def lose(ordered: Ordered, played: PlayedProvider) -> Job:
    """A job whose answer was lost although the provider made it."""
    played.on_submit = [VANISH]
    job = ordered()
    sweep(job.connection_id)
    job.refresh_from_db()
    assert job.state == State.IN_DOUBT
    return job


def tidy_up(job: Job) -> bool:
    """Whether the copies of a job are gone, after the deletions that are due by now."""
    Attempt.objects.exclude(stored_due=None).update(stored_due=timezone.now())
    done = [stored.tidy(str(key)) for key in Attempt.objects.filter(job=job).values_list("pk", flat=True)]
    return all(done)


def test_a_lost_order_is_found_by_its_file_saved_charged_the_estimate_and_its_copy_deleted(ordered: Ordered, played: PlayedProvider, alice: User):
    job = lose(ordered, played)
    pass_time(100)
    job = work_through(job)
    attempt = Attempt.objects.get()
    assert (job.state, len(played.submits), Clip.objects.get().saved_at is not None) == (State.DONE, 1, True)
    assert (job.charged, job.charge_is_estimate, attempt.charge_is_estimate) == (job.estimate, True, True)
    assert "no usage is known" in JobEvent.objects.get(job=job, state=State.SAVING).message.casefold()
    assert (attempt.alert, attempt.remote_id, attempt.stored_id) == ("", None, "file-remote-1")
    assert tidy_up(job)
    assert (played.deleted, Attempt.objects.get().stored_id, Attempt.objects.get().stored_due) == (["file-remote-1"], "", None)
    assert Account.objects.get(user=alice).balance == 1_000_000 - job.estimate
    assert books_are_right()


def test_the_file_has_a_name_that_no_other_attempt_has_and_is_private_and_ends_by_itself(ordered: Ordered, played: PlayedProvider):
    for _ in "12":
        sweep(ordered().connection_id)
    asked = [body["storage_options"] for body in played.submits]
    assert asked == [{"filename": f"{body['user']}.mp4", "expires_after": 604_800} for body in played.submits]
    assert len({str(one) for one in asked}) == 2
    assert {attempt.stored_as for attempt in Attempt.objects.all()} == {f"{body['user']}.mp4" for body in played.submits}


def test_another_orders_file_is_no_proof(ordered: Ordered, played: PlayedProvider):
    job = lose(ordered, played)
    Attempt.objects.update(stored_as="another.mp4")
    pass_time(100)
    sweep(job.connection_id)
    job.refresh_from_db()
    assert (job.state, Clip.objects.count()) == (State.IN_DOUBT, 0)


def test_no_file_is_a_hint_and_a_person_still_decides(ordered: Ordered, played: PlayedProvider):
    job = lose(ordered, played)
    played.made.clear()
    pass_time(100)
    sweep(job.connection_id)
    job.refresh_from_db()
    attempt = Attempt.objects.get()
    assert (job.state, len(played.submits)) == (State.IN_DOUBT, 1)
    assert attempt.alert.endswith("held no clip of it. That is a hint and no proof.")
    assert job.due is not None
    assert "file store" in doubt_text(job, attempt, now=timezone.now())
    assert trouble(job).title == "In doubt"


def test_a_connection_that_keeps_no_copies_asks_for_none_and_leaves_doubt_to_people(ordered: Ordered, played: PlayedProvider, connection: Connection):
    Connection.objects.update(keeps_copies=False)
    job = lose(ordered, played)
    pass_time(100)
    sweep(job.connection_id)
    job.refresh_from_db()
    assert ("storage_options" in played.submits[0], job.state, job.due) == (False, State.IN_DOUBT, None)


def test_a_store_that_does_not_answer_is_asked_again(ordered: Ordered, played: PlayedProvider):
    job = lose(ordered, played)
    played.on_files = [Reply(503, {}), VANISH, Reply(200, b"<html>"), Reply(403, {"code": "x", "error": "no"})]
    for _ in range(4):
        pass_time(1_000)
        sweep(job.connection_id)
        job.refresh_from_db()
        assert job.state == State.IN_DOUBT
    pass_time(1_000)
    assert work_through(job).state == State.DONE


def test_a_persons_verdict_before_the_file_came_stands(ordered: Ordered, played: PlayedProvider, dave: User):
    job = lose(ordered, played)
    attempt = Attempt.objects.select_related("job__project", "connection").get()
    doubt.release(job, by=dave, reason="nothing there")
    listing = hands.hands().run(hands.hands().wire.find_file(sending.access(attempt.connection, ""), attempt.stored_as, since=timezone.now()))  # type: ignore[arg-type]
    doubt.searched_file(attempt, listing)
    job.refresh_from_db()
    assert (job.state, job.cause, Clip.objects.count()) == (State.FAILED, Cause.NEVER_MADE, 0)
    assert books_are_right()


def test_a_usual_clip_leaves_no_copy_behind(ordered: Ordered, played: PlayedProvider):
    job = work_through(ordered())
    assert (job.state, Attempt.objects.get().stored_id, played.deleted) == (State.DONE, "file-remote-1", [])
    assert tidy_up(job)
    assert played.deleted == ["file-remote-1"]
    assert job.charged == 5_000


def test_a_clip_that_could_not_be_stored_there_is_saved_all_the_same(ordered: Ordered, played: PlayedProvider):
    played.keeps_files = False
    job = work_through(ordered())
    assert (job.state, Attempt.objects.get().stored_id, Attempt.objects.get().stored_due) == (State.DONE, "", None)


def test_a_link_that_has_expired_is_replaced_by_the_copy(ordered: Ordered, played: PlayedProvider):
    played.on_download = [GONE]
    job = work_through(ordered())
    assert job.state == State.DONE
    assert [path.rsplit("/", 1)[1] for path in played.downloads] == ["remote-1.mp4", "content"]
    assert played.keys_at_downloads == [None, "Bearer xai-secret-key-0001"]


def test_what_was_given_up_is_rescued_from_the_copy_and_then_the_copy_goes(ordered: Ordered, played: PlayedProvider):
    played.on_download = [GONE] * 60
    job = work_through(ordered(), rounds=30)
    assert job.state == State.FAILED
    assert not tidy_up(job), "it is the only copy there is"
    played.on_download = []
    Attempt.objects.update(rescue_due=timezone.now())
    assert rescue.rescue(str(Attempt.objects.get().pk))
    job.refresh_from_db()
    assert (job.state, job.charged) == (State.DONE, 0)
    assert tidy_up(job)
    assert played.deleted == ["file-remote-1"]


def test_a_copy_stays_while_a_clip_is_not_ours_or_not_whole(ordered: Ordered, played: PlayedProvider):
    job = ordered()
    sweep(job.connection_id)
    pass_time(100)
    sweep(job.connection_id)
    assert not tidy_up(job)
    job = work_through(job)
    Clip.objects.update(faulty_at=timezone.now())
    assert not tidy_up(job)
    assert played.deleted == []
    Clip.objects.update(faulty_at=None)
    assert tidy_up(job)


def test_a_deletion_that_fails_is_tried_again_and_given_up_when_the_copy_has_ended_by_itself(ordered: Ordered, played: PlayedProvider):
    job = work_through(ordered())
    played.on_files = [Reply(503, {}), VANISH, Reply(403, {"code": "x", "error": "no"})]
    assert [tidy_up(job) for _ in range(3)] == [False] * 3
    assert Attempt.objects.get().stored_due > timezone.now()  # type: ignore[operator]
    Attempt.objects.update(made_at=F("made_at") - timedelta(days=8))
    assert tidy_up(job)
    assert (Attempt.objects.get().stored_id, played.deleted, job.state) == ("", [], State.DONE)


def test_a_file_that_is_not_ours_is_never_deleted(ordered: Ordered, played: PlayedProvider):
    film = {"url": f"{played.address}/files/a.mp4", "file_output": {"file_id": "file-9", "filename": "holiday.mp4"}}
    played.on_look = [Reply(body={"status": "done", "video": film})]
    job = work_through(ordered())
    assert (job.state, Attempt.objects.get().stored_id, tidy_up(job), played.deleted) == (State.DONE, "", True, [])


@pytest.mark.django_db(transaction=True)
def test_the_sandbox_plays_the_whole_story(funded: User, tide: Project, live_server: LiveServer, settings: Settings, film: bytes):
    settings.SANDBOX, settings.SANDBOX_URL, settings.SANDBOX_SPEED = True, live_server.url, 1000
    connection = Connection(provider="xai", label="xAI (sandbox)", sandbox=True, requests_per_minute=6000)
    connection.set_key("sandbox-key-0001")
    connection.save()
    hands.let_go()
    Fault.objects.create(provider="xai", kind="lost_answer", left=1)
    job = order(author=funded, project=tide, what=Order(connection=connection, brief=BRIEF), order_key=uuid4())
    sweep(connection.pk)
    remote = RemoteJob.objects.get()
    (folder() / remote.file_names()[0]).write_bytes(film)
    RemoteJob.objects.update(rendered_at=timezone.now())
    Job.objects.filter(pk=job.pk).update(due=timezone.now())
    sweep(connection.pk)
    assert save(str(job.pk))
    job.refresh_from_db()
    assert (job.state, job.charged, RemoteJob.objects.count()) == (State.DONE, job.estimate, 1)
    assert tidy_up(job)
    assert RemoteJob.objects.get().file_deleted_at is not None
    assert books_are_right()


FILES = files_of(doubt, saving, stored, sweeping, moves, media)


def resolve(job: Job) -> None:
    """The worker's part in it, from the search to the deletion."""
    for _ in range(4):
        Job.objects.filter(pk=job.pk).exclude(due=None).update(due=timezone.now())
        sweep(job.connection_id)
        save(str(job.pk))
        tidy_up(job)
        pass_time(1_000)


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.django_db(transaction=True)
def test_wherever_the_worker_dies_over_a_lost_order_its_clip_is_saved_once_charged_once_and_its_copy_deleted(
    ordered: Ordered, played: PlayedProvider
):
    first = lose(ordered, played)
    ran = traced(lambda: resolve(first), files=FILES)
    last_of_each = {line: place for place, line in enumerate(ran, start=1)}
    places = sorted(last_of_each.values())[:: 1 if LONG else max(1, len(last_of_each) // 12)]
    died = set()
    for place in places:
        job = lose(ordered, played)
        died.add(until_killed(lambda: resolve(job), place, files=FILES))  # noqa: B023 - run at once
        played.wait_until_idle()
        pass_time(10_000)
        for _ in range(2):
            resolve(job)
        job.refresh_from_db()
        attempt = Attempt.objects.get(job=job)
        assert (job.state, attempt.charged, attempt.stored_id) == (State.DONE, attempt.estimate, ""), died
        assert Clip.objects.get(job=job).saved_at is not None
        assert f"{attempt.pk}.mp4" not in played.kept_files().values()
        assert books_are_right()
    assert len(died - {None}) > 8
    assert all(len(replies) == 1 for replies in played.answered.values())
