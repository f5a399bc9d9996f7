"""Stored files are read again: one that is missing, changed or unreadable is never passed over in silence."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import StringIO

import pytest
from django.core.files.base import ContentFile, File
from django.core.files.storage import FileSystemStorage, default_storage
from django.core.management import CommandError, call_command
from django.db import connections
from django.utils import timezone
from pytest_django.fixtures import Settings

from studio.accounts.models import User
from studio.jobs import recheck, rescue, trash
from studio.jobs.management.commands import recheck as recheck_command
from studio.jobs.models import Attempt, Clip
from studio.projects.models import Project
from studio.routing.models import Connection
from tests.jobs.rows import job_row, stored
from tests.jobs.storages import use_storage


class Busy(FileSystemStorage):
    """A storage that is read while other processes write to the database."""

    def open(self, name: str, mode: str = "rb") -> "File[bytes]":
        with ThreadPoolExecutor(1) as others:
            others.submit(self._written).result()
        return super().open(name, mode)

    def _written(self) -> None:
        assert User.objects.update(locale="en")
        connections.close_all()


class Away(FileSystemStorage):
    """A storage that cannot be read."""

    def open(self, name: str, mode: str = "rb") -> object:  # type: ignore[override]
        raise OSError(5, "Input/output error", name)


@pytest.fixture
def clips(tide: Project, alice: User, xai: Connection) -> list[Clip]:
    """Three clips, read last eight, nine and ten days ago."""
    made = [stored(Clip.objects.get(job=job_row(tide, alice, xai))) for _ in range(3)]
    for clip, days in zip(made, (8, 9, 10), strict=True):
        Clip.objects.filter(pk=clip.pk).update(checked_at=timezone.now() - timedelta(days=days))
    return made


def damage(clip: Clip, content: bytes = b"a cl1p") -> None:
    default_storage.delete(clip.file.name or "")
    default_storage.save(clip.file.name, ContentFile(content))


def test_whole_files_are_read_and_left_alone_for_a_week(clips: list[Clip]):
    assert [recheck.a_round(), recheck.a_round()] == [3, 0]
    assert not recheck.faulty().exists()
    assert Clip.objects.filter(pictures_bytes=11).count() == 3


def test_a_clip_saved_before_anybody_asked_gets_its_frame_rate_when_it_is_checked(clips: list[Clip], film: bytes):
    old, other = clips[0], clips[1]
    damage(old, film)
    Clip.objects.filter(pk=old.pk).update(sha256=hashlib.sha256(film).hexdigest(), bytes=len(film))
    Clip.objects.filter(pk=other.pk).update(frame_rate=24_000)

    recheck.a_round()

    assert [Clip.objects.get(pk=clip.pk).frame_rate for clip in clips] == [12_000, 24_000, 0]  # the third is no film
    assert not recheck.faulty().exists()


def test_one_byte_that_differs_is_found(clips: list[Clip]):
    damage(clips[1])
    recheck.a_round()
    assert [(clip.pk, clip.fault) for clip in recheck.faulty()] == [(clips[1].pk, recheck.CHANGED)]


def test_a_missing_file_is_found(clips: list[Clip]):
    default_storage.delete(clips[0].file.name or "")
    recheck.a_round()
    assert recheck.faulty().get().fault == recheck.GONE


def test_a_round_reads_no_more_than_its_share_the_one_read_longest_ago_first(clips: list[Clip], settings: Settings):
    settings.RECHECK_MB = 1
    Clip.objects.update(bytes=600_000)
    damage(clips[2])
    assert recheck.a_round() == 1
    assert recheck.faulty().get() == clips[2]


def test_switched_off_it_reads_nothing(clips: list[Clip], settings: Settings):
    settings.RECHECK_MB = 0
    assert recheck.a_round() == 0


def test_a_storage_that_is_away_costs_one_clip_a_round_which_heals_by_itself(clips: list[Clip], settings: Settings):
    use_storage(settings, Away)
    assert recheck.a_round() == 1
    assert recheck.faulty().get().fault == "The file cannot be read: Input/output error."
    use_storage(settings, FileSystemStorage)
    Clip.objects.filter(faulty_at__isnull=False).update(checked_at=timezone.now() - timedelta(hours=2))
    assert recheck.a_round() == 1
    assert not recheck.faulty().exists()


def test_what_was_erased_while_it_was_read_is_not_at_fault(clips: list[Clip]):
    trash.throw_away(Clip.objects.filter(pk=clips[0].pk), by=None)
    trash.give_up(Clip.objects.filter(pk=clips[0].pk), why="Now")
    trash.erase_due()
    assert recheck.check(clips[0], alive=lambda: None) == recheck.GONE
    assert not recheck.faulty().exists()


def test_a_lost_file_becomes_a_tombstone_by_a_persons_word_alone(clips: list[Clip], bob: User):
    assert not trash.mark_lost(clips[0], by=bob, why="Lost: nothing is wrong")
    default_storage.delete(clips[0].file.name or "")
    recheck.a_round()
    assert trash.mark_lost(clips[0], by=bob, why="Lost: the old disk died")
    trash.erase_due()
    clips[0].refresh_from_db()
    assert (clips[0].trashed_why, clips[0].file.name, recheck.faulty().exists()) == ("Lost: the old disk died", "", False)


def test_a_lost_file_is_fetched_anew_by_its_attempt(clips: list[Clip], bob: User):
    damage(clips[0])
    recheck.a_round()
    rescue.ask_anew(clips[0], by=bob)
    assert Attempt.objects.get(rescue_due__isnull=False) == clips[0].attempt


def test_the_command_tells_what_is_wrong_and_fails(clips: list[Clip]):
    damage(clips[2])
    said = StringIO()
    with pytest.raises(SystemExit) as end:
        call_command("recheck", stdout=said)
    assert end.value.code == 1
    assert f"TIDE-003  clips/TIDE/{clips[2].pk}.mp4  {recheck.CHANGED}" in said.getvalue()
    assert "3 clips checked, 0.0 GB read: 1 wrong." in said.getvalue()


def test_the_command_is_content_where_all_is_whole(clips: list[Clip]):
    said = StringIO()
    call_command("recheck", project="tide", stdout=said)
    assert "all are what was saved." in said.getvalue()
    with pytest.raises(CommandError, match="No project NONE"):
        call_command("recheck", project="none")


@pytest.mark.django_db(transaction=True)
def test_the_command_reads_on_while_others_write(tide: Project, alice: User, xai: Connection, settings: Settings):
    clip = stored(Clip.objects.get(job=job_row(tide, alice, xai)))
    facts = {"file": clip.file.name, "sha256": clip.sha256, "bytes": clip.bytes, "saved_at": clip.saved_at}
    several = range(1, recheck_command.EVERY + 2)  # more than one query gives
    Clip.objects.bulk_create(Clip(job=clip.job, attempt=clip.attempt, project=tide, position=place, **facts) for place in several)
    use_storage(settings, Busy)
    said = StringIO()
    call_command("recheck", stdout=said)
    assert f"{len(several) + 1} clips checked" in said.getvalue()
    assert not Clip.objects.filter(checked_at=None).exists()
