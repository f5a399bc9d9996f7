"""Jobs as rows, in any state, for tests of what is shown. No worker, no provider."""

import hashlib
from collections.abc import Iterable
from datetime import timedelta
from typing import TypeVar
from uuid import uuid4

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from studio.accounts.models import User
from studio.jobs.cards import Card
from studio.jobs.lifecycle import State, is_final
from studio.jobs.models import Attempt, Clip, Job, JobEvent
from studio.projects.models import Project
from studio.routing.models import Connection

NOW_AGO = timedelta(seconds=70)
T = TypeVar("T")

HTMX = {"HX-Request": "true"}
BRIEF = {"prompt": "A bottle on wet sand", "model": "grok-imagine-video", "aspect_ratio": "16:9", "duration": "8", "resolution": "720p"}


def sure(value: T | None) -> T:
    """The value, which is there."""
    assert value is not None
    return value


def shots(cards: Iterable[object]) -> list[Card]:
    """The cards that are of one job each."""
    return [card for card in cards if isinstance(card, Card)]


def job_row(project: Project, author: User, connection: Connection, state: State = State.DONE, *, clips: int = 1, **fields: object) -> Job:
    """One job with its attempt and events, as the worker would have left it."""
    project.refresh_from_db()
    number = project.last_number + 1
    Project.objects.filter(pk=project.pk).update(last_number=number, board_version=project.board_version + 1)
    now = timezone.now()
    written: dict[str, object] = {
        "prompt": f"Slow dolly toward the bottle, number {number}",
        "aspect_ratio": "16:9",
        "duration": 8,
        "resolution": "720p",
        "model": "grok-imagine-video",
        "estimate": 56_000,
        "estimate_basis": "8 s × 7 (the list)",
        "charged": 56_000 if state is State.DONE else 0 if is_final(state) else None,
        "ended_at": now if is_final(state) else None,
        **fields,
    }
    job = Job.objects.create(
        project=project, number=number, author=author, connection=connection, state=state, version=project.board_version + 1, **written
    )
    started = state not in {State.QUEUED, State.CANCELLED}
    attempt = Attempt.objects.create(
        job=job,
        connection=connection,
        remote_id=f"remote-{uuid4().hex[:12]}" if started else None,
        sent_at=now - NOW_AGO if started else None,
        accepted_at=now - NOW_AGO if state in {State.RENDERING, State.SAVING, State.DONE} else None,
        ended_at=now if is_final(state) else None,
        outcome=state.value if is_final(state) else "",
        cause=job.cause if is_final(state) else "",
        estimate=job.estimate,
        estimate_basis=job.estimate_basis,
        charged=job.charged,
        charge_is_estimate=job.charge_is_estimate,
    )
    JobEvent.objects.create(job=job, state=State.QUEUED)
    if state is not State.QUEUED:
        JobEvent.objects.create(job=job, state=state, cause=job.cause, message=job.message)
    if state is State.DONE:
        for position in range(clips):
            clip_row(job, attempt, position)
    project.refresh_from_db()
    return job


def clip_row(job: Job, attempt: Attempt, position: int, *, width: int = 1280, height: int = 720) -> Clip:
    return Clip.objects.create(
        job=job,
        attempt=attempt,
        project=job.project,
        position=position,
        file=f"clips/{job.pk}-{position}.mp4",
        poster=f"clips/{job.pk}-{position}.webp",
        sheet=f"clips/{job.pk}-{position}-sheet.webp",
        sheet_frames=12,
        width=width,
        height=height,
        milliseconds=8000,
        bytes=2_000_000,
        saved_at=timezone.now(),
    )


def change(job: Job, state: State, **fields: object) -> None:
    """The job moved on: its state and the board's version, as moves.py writes them."""
    Job.objects.filter(pk=job.pk).update(state=state, version=job.project.touch(), **fields)


def form(xai: Connection, **fields: object) -> dict[str, object]:
    return {**BRIEF, "connection": str(xai.pk), "order_key": str(uuid4()), **fields}


def stored(clip: Clip, content: bytes = b"a clip") -> Clip:
    """The clip with real files in the storage, named after it as media.py names them."""
    stem = f"clips/{clip.project.code}/{clip.pk}"
    for field, suffix, data in ((clip.file, ".mp4", content), (clip.poster, "-poster.webp", b"poster"), (clip.sheet, "-sheet.webp", b"sheet")):
        field.name = default_storage.save(stem + suffix, ContentFile(data))
    clip.sha256, clip.bytes, clip.checked_at = hashlib.sha256(content).hexdigest(), len(content), timezone.now()
    clip.save()
    return clip
