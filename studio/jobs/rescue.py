"""Fetching what a provider made and we could not save, after its job was given up.

Free for everybody: the known id is looked at again, which may give fresh links, and the files are downloaded. Nothing is ordered, so nothing is
paid twice; what was charged to nobody because it was not saved stays so (charging.py).

    ask            a person wants it now               ─┐
    saving.py      after giving up, ever more seldom   ─┴─> rescue_due ──ask_due──> rescue ──> saved, or once more later
    late.py        taken on after its attempt ended   ─> the same, once the provider says that it is made
    take_by_hand   somebody has the file
"""

import logging
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone
from django_q.tasks import async_task

from studio.accounts.models import AuditEvent, User
from studio.decoding import temporary
from studio.decoding.memory_budget import whole
from studio.jobs import after_end
from studio.jobs.lifecycle import State
from studio.jobs.media import NotAVideo, store
from studio.jobs.models import Attempt, Clip, Job
from studio.jobs.moves import lock, make_good, note, show_anew
from studio.jobs.recheck import faulty
from studio.jobs.saving import LEASE, Trouble, advise, bring, keep, not_all, refresh_link
from studio.jobs.trash import tell_boards
from studio.jobs.worker import beat
from studio.leases import free

log = logging.getLogger(__name__)
AGAIN = tuple(timedelta(hours=hours) for hours in (1, 4, 8, 10))  # after the first try, ten minutes after giving up: within the day that links live
BUSY = timedelta(minutes=1)  # while somebody else is at it
UNBEGUN = timedelta(seconds=10)  # after which a rescue that nobody began is asked for once more
MOST_UPLOADED = 500_000_000  # bytes of a clip that somebody uploads


class CannotTake(Exception):
    """An upload cannot be this job's clip. Its text says why, for people."""


def missing_of(job: Job) -> "QuerySet[Clip]":
    """The clips of this job's ended attempts that were made and are not ours."""
    clips = Clip.objects.missing().filter(job=job, attempt__ended_at__isnull=False)
    return clips.select_related("job__project", "attempt__connection").order_by("created_at", "position")


def ask(job: Job, *, by: User) -> bool:
    """Whether something of this job was missing and is fetched again now."""
    keys = set(missing_of(job).values_list("attempt", flat=True))
    if not keys:
        return False
    Attempt.objects.filter(pk__in=keys).update(rescue_due=timezone.now(), rescue_said="")
    show_anew(job)
    log.info("%s is fetched again for %s", job.pk, by.pk)
    return True


def ask_anew(clip: Clip, *, by: User) -> None:
    """Have a saved clip whose file was lost or damaged fetched from its provider once more, while that keeps it. What is here stays until it came."""
    AuditEvent.record("clip.fetched_anew", clip.code, actor=by, before={"sha256": clip.sha256, "fault": clip.fault})
    Attempt.objects.filter(pk=clip.attempt_id).update(rescue_due=timezone.now(), rescue_said="")


def ask_due() -> int:
    """Put the rescues that are due into the queue; how many. Run every second on every machine; a conditional update keeps them from doing the same."""
    now = timezone.now()
    due = list(_due().filter(rescue_due__lte=now).values_list("pk", flat=True)[:10])
    asked = [key for key in due if _due().filter(pk=key, rescue_due__lte=now).update(rescue_due=now + UNBEGUN) == 1]
    for key in asked:
        async_task("studio.jobs.rescue.rescue", str(key))
    return len(asked)


def rescue(attempt_id: str) -> bool:
    """Whether this call worked on it. A try is counted before it is made; one whose worker dies comes due again."""
    beat()
    now = timezone.now()
    attempt = _due().filter(pk=attempt_id).select_related("job__project", "connection").first()
    if attempt is None:
        return False
    lease = _lease(attempt)
    if lease is None:
        _due().filter(pk=attempt.pk).update(rescue_due=now + BUSY)
        return False
    try:
        _due().filter(pk=attempt.pk).update(rescue_due=lease, rescue_tries=F("rescue_tries") + 1)
        if not Clip.objects.filter(attempt=attempt).exists() and not after_end.is_made(attempt, asked=lease):
            return True
        clips = [*missing_of(attempt.job).filter(attempt=attempt), *faulty().filter(attempt=attempt)]
        troubles = [trouble for clip in clips if (trouble := _fetch(clip, attempt))]
        advise(attempt, troubles)
        _conclude(attempt, [trouble.message for trouble in troubles], asked=lease)
    finally:
        _let_go(attempt, lease)
    return True


def take_by_hand(job: Job, upload: "UploadedFile[bytes]", *, by: User) -> Clip:
    """The clip that was missing, made of a file that somebody had downloaded elsewhere, and checked as a download is. Raises CannotTake or DecoderBusy."""
    if (upload.size or 0) > MOST_UPLOADED:
        raise CannotTake(f"This file has more than {MOST_UPLOADED // 1_000_000} MB, which is the most.")
    clip = missing_of(job).first()
    if clip is None:
        raise CannotTake(f"Nothing of {job.code} is missing any more.")
    lease = _lease(clip.attempt)
    if lease is None:
        raise CannotTake(f"{job.code} is just being fetched. Look again in a minute.")
    try:
        _keep(clip, upload)
    finally:
        _let_go(clip.attempt, lease)
    AuditEvent.record("clip.uploaded", clip.code, actor=by, after={"bytes": clip.bytes, "sha256": clip.sha256})
    _brought(job, f"Its file was uploaded by {by}, as it could not be fetched. Nothing more was charged.")
    return clip


def give_up(clip: Clip, *, by: User, why: str) -> bool:
    """Whether this call said of a missing clip that nobody will fetch it any more."""
    with transaction.atomic():
        lock(clip.job)  # before its rows, as whoever moves it does
        if Clip.objects.missing().filter(pk=clip.pk).update(lost_at=timezone.now()) != 1:
            return False
        if not Clip.objects.missing().filter(attempt=clip.attempt_id).exists():
            Attempt.objects.filter(pk=clip.attempt_id).update(rescue_due=None)
        AuditEvent.record("clip.given_up", clip.code, actor=by, reason=why)
        tell_boards([clip])
        return True


def _due() -> "QuerySet[Attempt]":
    """Attempts that are over and whose clips are to be fetched again."""
    return Attempt.objects.filter(rescue_due__isnull=False, ended_at__isnull=False)


def _lease(attempt: Attempt) -> datetime | None:
    """Until when this call alone may write the files of this attempt, which has ended; None while somebody else does."""
    now = timezone.now()
    mine = Attempt.objects.filter(free("rescue_until", now=now, lasts=LEASE), pk=attempt.pk)
    return now + LEASE if mine.update(rescue_until=now + LEASE) == 1 else None


def _let_go(attempt: Attempt, lease: datetime) -> None:
    Attempt.objects.filter(pk=attempt.pk, rescue_until=lease).update(rescue_until=None)


def _fetch(clip: Clip, attempt: Attempt) -> Trouble | None:
    """Look for a fresh link, then bring the clip in. Without a fresh one the old link is tried. One that was saved before keeps its place on the wall."""
    saved_at = clip.saved_at
    refresh_link(clip, attempt)
    trouble = bring(clip, attempt)
    if saved_at and not trouble:
        Clip.objects.filter(pk=clip.pk).update(saved_at=saved_at)
    return trouble


def _conclude(attempt: Attempt, troubles: list[str], *, asked: datetime) -> None:
    """Done with it, or once more later; after the last time only a person asks again. What a person has said since it was `asked` for stands."""
    tries = Attempt.objects.values_list("rescue_tries", flat=True).get(pk=attempt.pk)
    due = timezone.now() + AGAIN[tries - 1] if troubles and tries <= len(AGAIN) else None
    _due().filter(pk=attempt.pk, rescue_due=asked).update(rescue_due=due, rescue_said=troubles[0][:300] if troubles else "")
    if not troubles:
        _brought(attempt.job, "It could be saved later. Nothing more was charged.")
    elif not _made_good(attempt.job, not_all(len(troubles), Clip.objects.filter(attempt=attempt).count(), troubles[0])):
        show_anew(attempt.job)


def _brought(job: Job, words: str) -> None:
    """The job that had failed is done; of one that is done or tried again, its board shows the clip."""
    if _made_good(job, words):
        return
    now = Job.objects.select_related("project").get(pk=job.pk)
    if now.state == State.DONE and not missing_of(job).exists():
        note(now, State.DONE, message="")  # which said that some could not be saved
    else:
        show_anew(now)


def _made_good(job: Job, words: str) -> bool:
    """Whether the job had failed and is done now: as when it is saved, one of its clips is enough, and none is not."""
    return Clip.objects.filter(job=job, saved_at__isnull=False).exists() and make_good(job, message=words)


def _keep(clip: Clip, upload: "UploadedFile[bytes]") -> None:
    """Store the upload as this clip. Raises CannotTake where it does not play or our storage does not take it, or DecoderBusy."""
    with tempfile.TemporaryDirectory(prefix="studio-", dir=temporary.folder()) as folder:
        path = Path(folder) / "clip.mp4"
        with path.open("wb") as file:
            file.writelines(upload.chunks())
        try:
            store(clip, path, memory=whole())
        except NotAVideo as error:
            raise CannotTake(str(error)) from error
        except OSError as error:
            log.exception("clip %s could not be stored", clip.pk)
            raise CannotTake(f"The file could not be written: {error.strerror or 'storage trouble'}.") from error
    keep(clip)
    if not Clip.objects.missing().filter(attempt=clip.attempt_id).exists():
        Attempt.objects.filter(pk=clip.attempt_id).update(rescue_due=None, rescue_said="")
