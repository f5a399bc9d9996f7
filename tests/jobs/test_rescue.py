"""What was made and could not be saved: fetched again for nothing, uploaded by hand, or given up. The house paid, and nobody pays afterwards."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from studio.accounts.models import AuditEvent, User
from studio.credits import ledger
from studio.credits.models import Account
from studio.jobs import expiry, recheck, rescue, trash
from studio.jobs.checks import verify_holds
from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt, Cause, Clip, Job
from studio.jobs.saving import MOST_TRIES, keep
from studio.projects.models import Project
from studio.routing.models import Connection
from tests.conftest import signed_in
from tests.jobs.conftest import work_through
from tests.jobs.played import PlayedProvider, Reply
from tests.jobs.rows import HTMX, job_row
from tests.jobs.storages import use_storage

Ordered = Callable[..., Job]
NOW = timezone.now()


@pytest.fixture
def lost(tide: Project, alice: User, xai: Connection) -> Job:
    """A job whose clip was made an hour ago and could not be saved."""
    job = job_row(tide, alice, xai, State.FAILED, cause=Cause.DOWNLOAD_FAILED, message="The file server did not answer.")
    attempt = Attempt.objects.get(job=job)
    Attempt.objects.filter(pk=attempt.pk).update(made_at=timezone.now() - timedelta(hours=1))
    Clip.objects.create(job=job, attempt=attempt, project=tide, position=0, source_url="https://example.org/clip.mp4")
    return job


def video(film: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile("clip.mp4", film, content_type="video/mp4")


# the clock


def test_a_provider_that_says_how_long_it_keeps_results_has_a_clock():
    clock = expiry.clock("xai", made_at=NOW - timedelta(minutes=50), now=NOW)
    assert (clock.short, clock.tone) == ("expires in about 23 h", "warn")
    assert expiry.clock("xai", made_at=NOW - timedelta(hours=22, minutes=1), now=NOW).tone == "bad"


def test_a_clock_that_has_run_out_says_since_when():
    assert expiry.clock("xai", made_at=NOW - timedelta(hours=27), now=NOW).short == "may be gone, 3 h over"


def test_what_nobody_says_is_said_as_unknown():
    clock = expiry.clock("ttapi", made_at=NOW, now=NOW)
    assert (clock.short, clock.words) == ("time not known", "It lies only at TTAPI, and nobody says how long TTAPI keeps it.")


# fetched again


def test_a_clip_that_could_not_be_saved_is_fetched_later_and_nobody_pays_for_it(ordered: Ordered, played: PlayedProvider, alice: User):
    played.on_download = [Reply(503, b"away")] * MOST_TRIES
    job = work_through(ordered())
    assert (job.state, job.cause) == (State.FAILED, Cause.DOWNLOAD_FAILED)
    sent = len(played.submits)
    assert rescue.ask(job, by=alice)

    assert rescue.rescue(str(Attempt.objects.get().pk))

    job.refresh_from_db()
    account = Account.objects.get(user=alice)
    assert (job.state, job.charged, job.cause, account.held, account.balance) == (State.DONE, 0, "", 0, 1_000_000)
    assert Clip.objects.present().count() == 1
    assert len(played.submits) == sent
    assert (ledger.verify(), verify_holds(), Attempt.objects.get().rescue_due) == ([], [], None)


def test_a_rescue_that_fails_says_why_and_comes_again_ever_more_seldom(ordered: Ordered, played: PlayedProvider, alice: User):
    played.on_download = [Reply(503, b"away")] * (MOST_TRIES + 2)
    job = work_through(ordered())
    attempt = Attempt.objects.get()
    for hours in (1, 4):
        Attempt.objects.update(rescue_due=timezone.now())
        assert rescue.rescue(str(attempt.pk))
        attempt.refresh_from_db()
        assert attempt.rescue_due is not None
        assert abs(attempt.rescue_due - timezone.now() - timedelta(hours=hours)) < timedelta(minutes=1)
    job.refresh_from_db()
    assert (job.state, attempt.rescue_tries, bool(attempt.rescue_said), attempt.rescue_until) == (State.FAILED, 2, True, None)


def test_a_rescue_that_died_after_the_file_was_ours_is_concluded_by_the_next(lost: Job):
    Clip.objects.update(saved_at=timezone.now(), file="clips/there.mp4")
    Attempt.objects.update(rescue_due=timezone.now())
    assert rescue.rescue(str(Attempt.objects.get().pk))
    lost.refresh_from_db()
    assert lost.state == State.DONE


def away(clips: int) -> list[Reply]:
    """What a file server says that is away for one rescue of so many clips."""
    return [Reply(503, b"away")] * clips


def test_one_of_two_clips_is_enough_as_when_they_are_saved(ordered: Ordered, played: PlayedProvider, alice: User):
    played.on_download = away(MOST_TRIES)
    job = work_through(ordered())
    attempt, first = Attempt.objects.get(), Clip.objects.get()
    Clip.objects.create(job=job, attempt=attempt, project=job.project, position=1, source_url=first.source_url)
    Attempt.objects.update(rescue_due=timezone.now())
    played.on_download = away(1)

    assert rescue.rescue(str(attempt.pk))

    job.refresh_from_db()
    attempt.refresh_from_db()
    assert (job.state, job.charged, Clip.objects.present().count()) == (State.DONE, 0, 1)
    assert job.message.startswith("1 of 2 clips could not be saved: ")
    assert attempt.rescue_due is not None
    assert (ledger.verify(), verify_holds()) == ([], [])


class GivenUp(FileSystemStorage):
    """A storage that takes nothing, beside which somebody gives up what is just being saved."""

    def _save(self, name: str, content: object) -> str:
        for clip in Clip.objects.missing():
            rescue.give_up(clip, by=clip.job.author, why="The shot was cut")
        raise OSError(28, "No space left on device")


def test_what_is_given_up_while_it_is_fetched_is_not_asked_for_again_and_its_job_has_failed(
    ordered: Ordered, played: PlayedProvider, settings: Settings
):
    played.on_download = away(MOST_TRIES)
    job = work_through(ordered())
    attempt = Attempt.objects.get()
    use_storage(settings, GivenUp)
    Attempt.objects.update(rescue_due=timezone.now())

    assert rescue.rescue(str(attempt.pk))
    assert not rescue.rescue(str(attempt.pk))

    job.refresh_from_db()
    attempt.refresh_from_db()
    assert (job.state, attempt.rescue_due, Clip.objects.missing().count()) == (State.FAILED, None, 0)


class AskedAgain(FileSystemStorage):
    """A storage that takes nothing, beside which somebody asks for what is just being fetched."""

    def _save(self, name: str, content: object) -> str:
        job = Job.objects.select_related("author", "project").get()
        assert rescue.ask(job, by=job.author)
        raise OSError(28, "No space left on device")


def test_what_is_asked_for_while_it_is_fetched_in_vain_is_fetched_again_at_once(ordered: Ordered, played: PlayedProvider, settings: Settings):
    played.on_download = away(MOST_TRIES)
    work_through(ordered())
    attempt = Attempt.objects.get()
    use_storage(settings, AskedAgain)
    Attempt.objects.update(rescue_due=timezone.now())

    assert rescue.rescue(str(attempt.pk))

    attempt.refresh_from_db()
    assert attempt.rescue_due is not None
    assert attempt.rescue_due <= timezone.now()


def test_a_rescue_that_finds_nothing_to_fetch_makes_no_job_done(lost: Job):
    Clip.objects.update(lost_at=timezone.now())
    Attempt.objects.update(rescue_due=timezone.now())
    assert rescue.rescue(str(Attempt.objects.get().pk))
    lost.refresh_from_db()
    assert (lost.state, Attempt.objects.get().rescue_due) == (State.FAILED, None)


def test_two_workers_never_fetch_the_same_clip_at_once(lost: Job):
    Attempt.objects.update(rescue_due=timezone.now(), rescue_until=timezone.now() + timedelta(minutes=1))
    assert not rescue.rescue(str(Attempt.objects.get().pk))
    assert Attempt.objects.get().rescue_tries == 0
    with pytest.raises(rescue.CannotTake, match="just being fetched"):
        rescue.take_by_hand(lost, video(b"film"), by=lost.author)


def test_what_is_fetched_again_is_asked_for_once_however_many_machines_look(lost: Job):
    Attempt.objects.update(rescue_due=timezone.now())
    assert [rescue.ask_due(), rescue.ask_due()] == [1, 0]


def test_a_damaged_file_is_replaced_by_the_providers_and_keeps_its_place(ordered: Ordered, played: PlayedProvider, alice: User):
    work_through(ordered())
    clip = Clip.objects.get()
    saved_at, name = clip.saved_at, clip.file.name or ""
    default_storage.delete(name)
    assert recheck.check(clip, alive=lambda: None) == recheck.GONE
    rescue.ask_anew(clip, by=alice)

    assert rescue.rescue(str(clip.attempt_id))

    clip.refresh_from_db()
    assert (clip.saved_at, clip.faulty_at, clip.fault, default_storage.exists(name)) == (saved_at, None, "", True)


def test_what_was_marked_as_lost_while_it_was_fetched_stays_a_tombstone_and_leaves_no_file(ordered: Ordered, alice: User):
    work_through(ordered())
    clip = Clip.objects.get()
    Clip.objects.update(faulty_at=timezone.now())
    assert trash.mark_lost(clip, by=alice, why="Lost")
    trash.erase_due()
    default_storage.save(clip.file.name or "", ContentFile(b"it came after all"))
    keep(clip)
    assert not Clip.objects.with_files().exists()
    assert trash.erase_due() == 1
    assert not default_storage.exists(clip.file.name or "")


# by hand


def test_a_file_from_elsewhere_becomes_the_clip_if_it_plays(lost: Job, film: bytes, as_alice: Client):
    as_alice.post("/p/TIDE/jobs/1/upload/", {"file": video(film)})

    lost.refresh_from_db()
    assert (lost.state, lost.charged, Clip.objects.present().get().milliseconds) == (State.DONE, 0, 1000)
    assert "uploaded by Alice" in lost.message
    assert AuditEvent.objects.get(action="clip.uploaded").subject == "TIDE-001"


@pytest.mark.parametrize(("content", "why"), [(b"<html>", "a web page"), (b"no film", "not a video")])
def test_a_file_that_does_not_play_is_refused_and_nothing_changes(lost: Job, as_alice: Client, content: bytes, why: str):
    page = as_alice.post("/p/TIDE/jobs/1/upload/", {"file": video(content)}, follow=True).content.decode()

    lost.refresh_from_db()
    assert why in page
    assert (lost.state, Attempt.objects.get().rescue_until, Clip.objects.missing().count()) == (State.FAILED, None, 1)


def test_without_a_file_it_is_asked_for(lost: Job, as_alice: Client):
    assert "Choose the file of the clip first." in as_alice.post("/p/TIDE/jobs/1/upload/", follow=True).content.decode()


# what the card and the page offer


def test_a_lost_clip_is_fetched_for_nothing_before_it_is_paid_again(lost: Job, as_alice: Client):
    page = as_alice.get("/p/TIDE/").content.decode()

    assert "Fetch it again" in page
    assert "which holds about" not in page
    assert "keeps results for 24 h: about 22 h left." in page or "keeps results for 24 h: about 23 h left." in page


def test_asking_says_that_it_costs_nothing_and_changes_the_card(lost: Job, as_alice: Client):
    answer = as_alice.post("/p/TIDE/jobs/1/rescue/", headers=HTMX)

    assert "nothing is charged" in answer.headers["HX-Trigger"]
    assert "It is being fetched." in answer.content.decode()


def test_somebody_elses_lost_clip_is_not_a_makers_matter(lost: Job, bob: User, tide: Project, mallory: User):
    tide.memberships.create(user=mallory, role="maker")
    assert signed_in(mallory).post("/p/TIDE/jobs/1/rescue/").status_code == 403
    assert signed_in(bob).post("/p/TIDE/jobs/1/rescue/").status_code == 302


def test_giving_up_needs_a_reason_and_ends_the_asking(lost: Job, as_alice: Client):
    as_alice.post("/p/TIDE/jobs/1/give-up/", {"why": " "})
    assert Clip.objects.missing().count() == 1
    as_alice.post("/p/TIDE/jobs/1/give-up/", {"why": "The shot was cut"})

    assert (Clip.objects.missing().count(), Attempt.objects.get().rescue_due) == (0, None)
    assert AuditEvent.objects.get(action="clip.given_up").reason == "The shot was cut"
    assert "Fetch it again" not in as_alice.get("/p/TIDE/").content.decode()
