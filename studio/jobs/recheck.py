"""Whether every stored file still is what was saved: read again, slowly, the one that was checked longest ago first, and compared with its SHA-256.

What is wrong is written at the clip and never hidden: the control room shows it until somebody has it fetched again, or says that it is lost.
"""

import hashlib
import logging
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.core.files.storage import default_storage
from django.db.models import QuerySet
from django.utils import timezone
from django_q.tasks import async_task

from studio.decoding.errors import DecoderBusy
from studio.jobs.hands import BROKER_AWAY
from studio.jobs.media import frame_rate_of
from studio.jobs.models import Clip
from studio.jobs.worker import beat

log = logging.getLogger(__name__)
CHUNK = 1 << 20  # bytes read at once
BATCH = 200  # clips of one round, however small
RESTED = timedelta(days=7)  # what was checked since then is left alone
SICK = timedelta(hours=1)  # the same for what is at fault
UNREADABLE = "The file cannot be read"
GONE = "The file is missing from our storage."
CHANGED = "The file is not what was saved: it was damaged or replaced."


def a_round() -> int:
    """How many clips this round checked: as many as fit into the minute's bytes, and one at least. Run by the queue; two at once do the same twice."""
    left = settings.RECHECK_MB * 1_000_000
    checked = 0
    for clip in _oldest() if left else ():
        if checked and clip.bytes > left:
            break
        fault = check(clip, alive=beat)
        left -= clip.bytes
        checked += 1
        if fault.startswith(UNREADABLE):  # the storage may be away: one file a minute has to bear it
            break
    return checked


def ask(clip: Clip) -> bool:
    """Whether the worker was asked to read this file soon: a clip of hundreds of megabytes takes longer than a page may."""
    try:
        async_task("studio.jobs.recheck.check_now", str(clip.pk))
    except BROKER_AWAY:
        log.warning("the queue cannot be reached; clip %s is not read", clip.pk, exc_info=True)
        return False
    return True


def check_now(clip_id: str) -> str:
    """What is wrong with this clip's file, as of `check`; empty where it has none any more. Run by the queue."""
    clip = Clip.objects.with_files().filter(pk=clip_id).first()
    return check(clip, alive=beat) if clip else ""


def check(clip: Clip, *, alive: Callable[[], None]) -> str:
    """What is wrong with a clip's file, in a sentence; empty when it is whole. Written down, unless the clip was changed or erased meanwhile."""
    fault, pictures = _read(clip, alive)
    now = timezone.now()
    same = Clip.objects.with_files().filter(pk=clip.pk, sha256=clip.sha256, file=clip.file.name)
    if not fault:
        same.update(checked_at=now, faulty_at=None, fault="", pictures_bytes=pictures, frame_rate=clip.frame_rate or _frame_rate(clip))
    elif same.update(checked_at=now, faulty_at=clip.faulty_at or now, fault=fault):
        log.error("clip %s: %s", clip.pk, fault)
    return fault


def faulty() -> "QuerySet[Clip]":
    """The clips whose files are missing or changed, found longest ago first."""
    found = Clip.objects.filter(faulty_at__isnull=False, erased_at__isnull=True)
    return found.select_related("job__project", "attempt__connection").order_by("faulty_at", "pk")


def _oldest() -> list[Clip]:
    """What to read next: what was at fault an hour ago, so that it heals by itself where the storage was away; then what was never or longest not read."""
    rested = timezone.now() - RESTED
    sick = list(faulty().filter(checked_at__lt=timezone.now() - SICK)[:BATCH])
    never = [] if sick else list(Clip.objects.with_files().filter(checked_at=None)[:BATCH])
    due = Clip.objects.with_files().filter(checked_at__lt=rested).order_by("checked_at")
    return sick or never or list(due[:BATCH])


def _read(clip: Clip, alive: Callable[[], None]) -> tuple[str, int]:
    """What is wrong with the file, and how many bytes its pictures have."""
    digest, size = hashlib.sha256(), 0
    try:
        with default_storage.open(clip.file.name or "", "rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
                size += len(chunk)
                alive()
        pictures = _pictures(clip)
    except FileNotFoundError:
        return GONE, 0
    except OSError as error:
        log.exception("clip %s cannot be read", clip.pk)
        return f"{UNREADABLE}: {error.strerror or 'storage trouble'}.", 0
    return ("" if size == clip.bytes and digest.hexdigest() == clip.sha256 else CHANGED), pictures


def _frame_rate(clip: Clip) -> int:
    """Frames in a thousand seconds, as the file tells: clips that were saved before there was such a column get theirs when they are checked."""
    try:
        with default_storage.open(clip.file.name or "", "rb") as file:
            return frame_rate_of(file)
    except (OSError, DecoderBusy):  # the next check asks again
        return 0


def _pictures(clip: Clip) -> int:
    """Bytes of poster and sheet; 0 for one that is missing, which can be drawn again."""
    return sum(default_storage.size(name) for name in (clip.poster.name, clip.sheet.name) if name and default_storage.exists(name))
