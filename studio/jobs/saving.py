"""Bringing a job's clips into our storage. A failed download is tried again by itself; nothing is ever generated again for it.

*Done* means that the bytes are ours and play.
"""

import logging
import random
import shutil
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db.models import Case, F, When
from django.utils import timezone

from studio.decoding.errors import DecoderBusy
from studio.jobs import stored
from studio.jobs.charging import Charge, charge_for_clip, expected_of, rate_of
from studio.jobs.hands import breathe, hands
from studio.jobs.lifecycle import State
from studio.jobs.media import NotAVideo, store
from studio.jobs.models import Attempt, Cause, Clip, Job
from studio.jobs.moves import NOTHING, finish, note
from studio.jobs.sending import NoAccess, access
from studio.jobs.watching import after_trouble
from studio.jobs.worker import beat
from studio.leases import free
from studio.providers.contract import Phase, ProviderError, Usage
from studio.providers.wire import DownloadError, DownloadFailed, DownloadUnfinished, LinkExpired
from studio.routing import track

log = logging.getLogger(__name__)
LEASE = timedelta(seconds=270)  # longer than the queue's own limit for a task (settings.Q_CLUSTER)
MOST_TRIES = 8  # at what the provider gives, without bringing anything: some three minutes
MOST_TIME = timedelta(hours=6)  # since it was made, for tries that each bring some of it
GO_ON = timedelta(seconds=2)  # after a try that brought something
DOWNLOADS = 150.0  # seconds of one call, for all its clips together; the rest of the queue's limit is for reading and drawing them
MOST_OWN_TRIES = 60  # at our own storage, which somebody has to mend: an hour
WEIGHT_OF_A_DEATH = 10  # tries; a file that ends its worker each time must not do so for ever
LIMIT_BYTES = 2_000_000_000
LEAST_TIME = 10.0  # seconds for the download of a clip whose job has others
ARRIVING = "arriving"  # the folder of clips that are being fetched, in the data folder
MOST_IDLE = timedelta(days=2)  # the last rescue comes a day after a job was given up
COLUMNS = (
    *("source_url", "file", "poster", "sheet", "sheet_frames", "sha256", "bytes", "pictures_bytes", "width", "height", "milliseconds", "frame_rate"),
    *("saved_at", "checked_at", "lost_at", "faulty_at", "fault"),
)  # of a clip, which saving writes
RESCUE_FIRST = timedelta(minutes=10)  # after the job was given up


def save(job_id: str) -> bool:
    """Whether this call worked on the job: it claimed it, and brought in what it could."""
    beat()
    job = _claim(job_id)
    if job is None:
        return False
    attempt = Attempt.objects.select_related("connection").get(job=job, ended_at=None)
    clips = list(Clip.objects.filter(attempt=attempt).select_related("job__project"))
    missing = [clip for clip in clips if clip.saved_at is None]
    until = time.monotonic() + DOWNLOADS
    troubles = (
        [WORN_OUT for _ in missing] if job.tries > MOST_OWN_TRIES else [trouble for clip in missing if (trouble := bring(clip, attempt, until=until))]
    )
    _conclude(job, attempt, saved=len(clips) - len(troubles), troubles=troubles)
    breathe()
    return True


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why one clip is not ours yet, and at which try to give it up."""

    cause: str
    message: str
    most_tries: int = MOST_TRIES
    advice: str = ""  # what an operator can do about it
    has_come_further: bool = False  # part of it arrived, and the next try goes on from there


WORN_OUT = Trouble(Cause.OUR_FAULT, "The worker broke down over it again and again.", most_tries=0)


def _claim(job_id: str) -> Job | None:
    """The job, if nobody else works on it. The try is counted before it is made: who dies over it counts nothing afterwards."""
    now = timezone.now()
    mine = Job.objects.filter(free("lease_until", now=now, lasts=LEASE), pk=job_id, state=State.SAVING)
    tries = F("tries") + Case(When(lease_until=None, then=1), default=WEIGHT_OF_A_DEATH)
    if mine.update(lease_until=now + LEASE, due=now + LEASE, tries=tries) != 1:
        return None
    return Job.objects.select_related("project", "connection").get(pk=job_id)


def bring(clip: Clip, attempt: Attempt, *, until: float | None = None) -> Trouble | None:
    """Copy, check and draw one clip, whose job and project were fetched along; None when its bytes are ours.

    Downloads end at `until`, by the monotonic clock. What has arrived by then is kept in our data folder, and the next try goes on from there.
    """
    path = arriving(clip) / "clip.mp4"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _arrive(clip, attempt, path, until)
        beat()
        store(clip, path, alive=beat)  # or four large films at once would look like a cluster that hangs
    except DownloadError as error:
        return _of_download(error)
    except NotAVideo as error:
        forget(clip)
        return Trouble(Cause.DOWNLOAD_FAILED, str(error))
    except DecoderBusy as busy:  # says nothing about the clip, which was paid for and has arrived
        return Trouble(Cause.OUR_FAULT, str(busy), most_tries=MOST_OWN_TRIES)
    except OSError as error:  # our own disk or storage: full, away, not writable
        log.exception("clip %s could not be stored", clip.pk)
        forget(clip)  # it may be what fills the disk
        return Trouble(Cause.OUR_FAULT, f"The file could not be written: {error.strerror or 'storage trouble'}.", most_tries=MOST_OWN_TRIES)
    except Exception:
        log.exception("clip %s could not be saved", clip.pk)
        return Trouble(Cause.OUR_FAULT, "Something went wrong here while it was saved.")
    keep(clip)
    forget(clip)
    return None


def arriving(clip: Clip) -> Path:
    """The folder of a clip that is being fetched, on this machine."""
    return Path(settings.DATA_DIR) / ARRIVING / str(clip.pk)


def forget(clip: Clip) -> None:
    """Delete what has arrived of a clip."""
    shutil.rmtree(arriving(clip), ignore_errors=True)  # forget_old tries again


def forget_old() -> int:
    """Delete what has arrived of clips that nobody went on with for two days; how many. A round of each machine's worker."""
    since = time.time() - MOST_IDLE.total_seconds()
    old = [folder for folder in (Path(settings.DATA_DIR) / ARRIVING).glob("*") if _newest_of(folder) < since]
    for folder in old:
        shutil.rmtree(folder, ignore_errors=True)
    return len(old)


def _newest_of(folder: Path) -> float:
    """When something in this folder last changed, by the system's clock."""
    try:
        return max(path.stat().st_mtime for path in (folder, *folder.iterdir()))
    except FileNotFoundError:  # it was saved in between
        return time.time()


def _of_download(error: DownloadError) -> Trouble:
    """What kept a clip at its provider."""
    if error.mend:
        log.warning("a clip could not be fetched: %s", error)
    cause = Cause.EXPIRED if isinstance(error, LinkExpired) else Cause.DOWNLOAD_FAILED
    return Trouble(cause, error.said, advice=error.mend, has_come_further=isinstance(error, DownloadUnfinished))


def keep(clip: Clip) -> None:
    """Write down that the clip's files, which `store` has put into the storage, are ours. What people say about the clip meanwhile stays.

    If it became a tombstone meanwhile it stays one, and the next round of the trash deletes the files.
    """
    now = timezone.now()
    clip.saved_at = clip.checked_at = now
    clip.lost_at, clip.faulty_at, clip.fault = None, None, ""
    columns = {name: getattr(clip, name) for name in COLUMNS}
    if not Clip.objects.filter(pk=clip.pk, erased_at=None).update(**columns):
        Clip.objects.filter(pk=clip.pk).update(file=clip.file, poster=clip.poster, sheet=clip.sheet, erase_at=now)


def _arrive(clip: Clip, attempt: Attempt, path: Path, until: float | None) -> None:
    """Put the clip's file at `path`: from its link, or from the copy in the provider's file store. Raises a DownloadError or OSError."""
    if not clip.source_url:
        if not path.exists():  # an earlier try has fetched it, and could not store it
            stored.fetch(attempt, path, limit=LIMIT_BYTES)
        return
    try:
        _from_link(clip, attempt, path, until)
    except DownloadUnfinished:  # the next try goes on with it
        raise
    except (LinkExpired, DownloadFailed) as error:
        may_be_there = attempt.stored_id or (attempt.stored_as and isinstance(error, LinkExpired))
        if clip.position or not may_be_there:
            raise
        try:
            stored.fetch(attempt, path, limit=LIMIT_BYTES)
        except (LinkExpired, DownloadFailed) as other:
            log.info("clip %s: its copy could not be had either: %s", clip.pk, other)
            raise error from other


def _from_link(clip: Clip, attempt: Attempt, path: Path, until: float | None) -> None:
    """The same from its link, or from a fresh one where that has expired."""
    try:
        _download(clip.source_url, path, until)
    except LinkExpired:
        if not refresh_link(clip, attempt):
            raise
        _download(clip.source_url, path, until)


def _download(address: str, path: Path, until: float | None) -> None:
    """Fetch the file, unless an earlier try has done so and could not store it."""
    if not path.exists():
        seconds = None if until is None else max(LEAST_TIME, until - time.monotonic())
        hands().run_long(hands().wire.download(address, path, limit=LIMIT_BYTES, seconds=seconds), alive=beat)


def refresh_link(clip: Clip, attempt: Attempt) -> bool:
    """Whether the provider, asked again for free, named another address for this clip."""
    if not attempt.remote_id:
        return False
    try:
        answer = hands().run_long(hands().wire.check(access(attempt.connection, attempt.dialect), attempt.remote_id), alive=beat)
    except (ProviderError, NoAccess) as error:
        log.info("clip %s: no fresh link: %s", clip.pk, error)
        return False
    videos = answer.report.videos if answer.report.phase is Phase.SUCCEEDED else ()
    if clip.position >= len(videos) or videos[clip.position] == clip.source_url:
        return False
    clip.source_url = videos[clip.position]
    return True


def _conclude(job: Job, attempt: Attempt, *, saved: int, troubles: list[Trouble]) -> None:
    """Done, failed, or once more later."""
    now = timezone.now()
    advise(attempt, troubles)
    if any(trouble.has_come_further for trouble in troubles) and now - (attempt.made_at or attempt.created_at) < MOST_TIME:
        message = f"{troubles[0].message} Going on from there."
        going = {"due": now + GO_ON, "lease_until": None, "cause": troubles[0].cause, "message": message[:500], "tries": max(0, job.tries - 1)}
        note(job, State.SAVING, attempt=attempt, **going)
        return
    if any(job.tries < trouble.most_tries for trouble in troubles):
        due = now + timedelta(seconds=after_trouble(job.tries, chance=random.random()))  # noqa: S311 - jitter
        message = f"{troubles[0].message} Trying again."
        fields = {"due": due, "lease_until": None, "cause": troubles[0].cause, "message": message[:500]}
        note(job, State.SAVING, attempt=attempt, **fields)
        return
    if troubles:
        rescue_later(attempt)
    if saved:
        message = not_all(len(troubles), saved + len(troubles), troubles[0].message) if troubles else ""
        finish(job, State.SAVING, State.DONE, attempt=attempt, charge=_charge(attempt), message=message)
    else:
        trouble = troubles[0] if troubles else Trouble(Cause.DOWNLOAD_FAILED, "The provider named no clip.")
        if finish(job, State.SAVING, State.FAILED, attempt=attempt, charge=NOTHING, cause=trouble.cause, message=trouble.message):
            _count_as_failed(attempt, trouble)


def _count_as_failed(attempt: Attempt, trouble: Trouble) -> None:
    """Of a connection whose files cannot be had, nobody should read that all its orders were done. Our own disk is not its fault."""
    if trouble.cause != Cause.OUR_FAULT and attempt.made_at:
        track.correct(attempt.connection_id, attempt.kind, at=attempt.made_at.timestamp())


def advise(attempt: Attempt, troubles: list[Trouble]) -> None:
    """Write down what an operator can do about these, where admins look; nothing once it went well."""
    Attempt.objects.filter(pk=attempt.pk).update(advice=next((trouble.advice for trouble in troubles if trouble.advice), "")[:300])


def not_all(missing: int, whole: int, why: str) -> str:
    """What a done job says of those of its clips that are not ours."""
    return f"{missing} of {whole} clips could not be saved: {why}"


def rescue_later(attempt: Attempt) -> None:
    """What could not be saved now is fetched again later, by rescue.py, and admins hear of it (alarms.py). It waits there for the attempt's end."""
    Attempt.objects.filter(pk=attempt.pk).update(rescue_due=timezone.now() + RESCUE_FIRST, rescue_tries=0, rescue_said="")


def _charge(attempt: Attempt) -> Charge:
    usage = Usage(attempt.usage_amount, attempt.usage_unit) if attempt.usage_unit else None
    return charge_for_clip(usage, rate_of(attempt), **expected_of(attempt))
