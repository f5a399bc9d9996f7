"""The trash: thirty days within reach, then a tombstone; whatever dies in between, no row promises a file that is gone."""

from datetime import timedelta

import pytest
from django.core.files.storage import FileSystemStorage, default_storage
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.fixtures import Settings

from studio.accounts.models import User
from studio.jobs import trash
from studio.jobs.lifecycle import State
from studio.jobs.models import Clip, Job
from studio.projects.models import Project
from studio.routing.models import Connection
from tests.jobs.rows import clip_row, job_row, stored
from tests.jobs.storages import use_storage

MONTH = timedelta(days=30)


class Power(Exception):
    """It was cut."""


class Cut(FileSystemStorage):
    """A storage whose machine loses its power at the given deletion."""

    at, deletions = 0, 0

    def delete(self, name: str) -> None:
        if Cut.deletions == Cut.at:
            raise Power
        Cut.deletions += 1
        super().delete(name)


class Locked(FileSystemStorage):
    """A storage that deletes nothing."""

    def delete(self, name: str) -> None:
        raise PermissionError(13, "Permission denied", name)


@pytest.fixture
def clip(tide: Project, alice: User, xai: Connection) -> Clip:
    return stored(Clip.objects.get(job=job_row(tide, alice, xai)))


def thrown(clip: Clip, *, ago: timedelta = timedelta()) -> Clip:
    assert len(trash.throw_away(Clip.objects.filter(pk=clip.pk), by=clip.job.author)) == 1
    Clip.objects.filter(pk=clip.pk).update(trashed_at=F("trashed_at") - ago, erase_at=F("erase_at") - ago)
    clip.refresh_from_db()
    return clip


def files_of(clip: Clip) -> list[bool]:
    stem = f"clips/TIDE/{clip.pk}"
    return [default_storage.exists(stem + suffix) for suffix in (".mp4", "-poster.webp", "-sheet.webp")]


def test_the_files_stay_for_thirty_days_and_go_on_the_next(clip: Clip):
    thrown(clip, ago=MONTH - timedelta(minutes=1))
    assert (trash.erase_due(), files_of(clip)) == (0, [True] * 3)
    Clip.objects.update(erase_at=F("erase_at") - timedelta(minutes=2))
    assert (trash.erase_due(), files_of(clip)) == (1, [False] * 3)


def test_what_was_paid_stays_when_the_files_are_gone(clip: Clip):
    thrown(clip, ago=MONTH)
    trash.erase_due()
    clip.refresh_from_db()
    assert (clip.file.name, clip.erase_at, clip.job.charged, clip.attempt.charged) == ("", None, 56_000, 56_000)
    assert clip.erased_at
    assert trash.erase_due() == 0


def test_a_clip_that_was_taken_back_keeps_its_files_for_ever(clip: Clip):
    thrown(clip, ago=MONTH)
    assert [row.pk for row in trash.restore(Clip.objects.filter(pk=clip.pk))] == [clip.pk]
    assert (trash.erase_due(), files_of(clip)) == (0, [True] * 3)
    assert Clip.objects.present().get() == clip


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_power_cut_at_any_file_leaves_a_tombstone_that_the_next_round_finishes(clip: Clip, settings: Settings, at: int):
    thrown(clip, ago=MONTH)
    use_storage(settings, Cut)
    Cut.at, Cut.deletions = at, 0
    with pytest.raises(Power):
        trash.erase_due()
    assert not Clip.objects.with_files().exists()
    assert trash.restore(Clip.objects.all()) == []
    use_storage(settings, FileSystemStorage)
    assert (trash.erase_due(), files_of(clip)) == (1, [False] * 3)


def test_a_storage_that_lets_nothing_go_is_asked_again_in_an_hour(clip: Clip, settings: Settings):
    thrown(clip, ago=MONTH)
    use_storage(settings, Locked)
    assert trash.erase_due() == 0
    clip.refresh_from_db()
    assert clip.erase_at is not None
    assert clip.erase_at > timezone.now() + timedelta(minutes=59)
    use_storage(settings, FileSystemStorage)
    Clip.objects.update(erase_at=timezone.now())
    assert (trash.erase_due(), files_of(clip)) == (1, [False] * 3)


def test_a_file_that_another_clip_has_too_stays(clip: Clip, tide: Project, alice: User):
    other = clip_row(clip.job, clip.attempt, 1)
    Clip.objects.filter(pk=other.pk).update(file=clip.file.name, poster="", sheet="")
    thrown(other, ago=MONTH)
    assert (trash.erase_due(), files_of(clip)) == (1, [True] * 3)


def test_a_clip_that_an_order_extends_waits_for_it(clip: Clip, tide: Project, alice: User, xai: Connection):
    order = job_row(tide, alice, xai, State.QUEUED, operation="extend", source=clip)
    thrown(clip, ago=MONTH)
    assert (trash.erase_due(), trash.give_up(Clip.objects.filter(pk=clip.pk), why="Now")) == (0, [])
    assert files_of(clip) == [True] * 3
    Job.objects.filter(pk=order.pk).update(state=State.DONE)
    assert len(trash.give_up(Clip.objects.filter(pk=clip.pk), why="Now")) == 1
    assert (trash.erase_due(), files_of(clip)) == (1, [False] * 3)


def test_open_boards_hear_of_it(clip: Clip, tide: Project):
    before = Project.objects.get().board_version
    thrown(clip)
    clip.job.refresh_from_db()
    assert clip.job.version == Project.objects.get().board_version == before + 1


def test_throwing_away_twice_is_throwing_away_once(clip: Clip, bob: User):
    thrown(clip)
    assert trash.throw_away(Clip.objects.filter(pk=clip.pk), by=bob) == []
    clip.refresh_from_db()
    assert clip.trashed_by != bob


def test_many_are_thrown_away_with_as_few_questions_as_one(clip: Clip, bob: User):
    asked = []
    for places in (range(1, 2), range(2, 31)):
        for place in places:
            clip_row(clip.job, clip.attempt, place)
        with CaptureQueriesContext(connection) as queries:
            assert len(trash.throw_away(Clip.objects.filter(position__in=list(places)), by=bob)) == len(places)
        asked.append(len(queries))
    assert asked[0] == asked[1]


def test_an_unsaved_clip_is_no_rubbish(clip: Clip):
    Clip.objects.update(saved_at=None)
    assert trash.throw_away(Clip.objects.all(), by=clip.job.author) == []


@pytest.mark.skipif(connection.vendor == "postgresql", reason="of an empty table PostgreSQL's plan tells nothing")
def test_the_questions_of_every_second_are_answered_from_their_indexes(db: None):
    now = timezone.now()
    for found, index in (
        (Clip.objects.filter(erase_at__lte=now), "clips_to_erase"),
        (Clip.objects.in_trash().filter(project=1).order_by("-trashed_at"), "clips_in_trash"),
        (Clip.objects.present().filter(project=1).order_by("-saved_at"), "clips_of_wall"),
        (Clip.objects.with_files().filter(checked_at__lt=now).order_by("checked_at"), "clips_by_check"),
        (Clip.objects.filter(faulty_at__isnull=False), "clips_at_fault"),
    ):
        plan = found.values_list("pk").explain()
        assert index in plan, plan
