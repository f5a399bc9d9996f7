"""Draws a played job's videos: real MP4 files, H.264, drawn from the prompt and the brief. Run by the queue; twice does no harm.

`ask` puts it into the queue when a job is accepted; `ask_again` does so while somebody looks at a job that is still not drawn.

From twenty times the usual speed on nobody looks at the pictures: thousands of jobs are made then, to see what a worker bears, and drawing a film for
each would measure the drawing. So one film is drawn for each shape of brief (ratio, resolution, length), and every job gets a copy of it, with the
name of the video at its end in a box that players skip: a valid MP4 with bytes, and a SHA-256, of its own.
"""

import contextlib
import io
import logging
import shutil
import struct
import time
import uuid
from collections.abc import Mapping
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import av
import httpx
import numpy as np
from av.video.reformatter import Interpolation
from django.conf import settings
from django.db import DatabaseError
from django.db.models import F
from django.utils import timezone
from django_q import tasks
from PIL import Image, UnidentifiedImageError
from redis.exceptions import RedisError

from studio.sandbox.files import folder
from studio.sandbox.lettering import Bytes, lettering
from studio.sandbox.models import BARREN, RemoteJob
from studio.sandbox.scenes import Painting, paint
from studio.sandbox.sizes import pixels

logger = logging.getLogger(__name__)

RATE = 24  # frames a second
SKETCH = 4  # the scene is drawn at one pixel for each four by four
AT_ONCE = 2  # drawings in the queue or under way
A_DRAWING = timedelta(seconds=20)  # after which one no longer counts as under way
PATIENCE = timedelta(seconds=10)  # before a job that is not drawn is put into the queue again; doubles each time
MOST_ASKS = 6  # after which the patience stays the same
KEPT = 24 * 3600  # seconds; xAI's SDK calls its links "valid for 24 hours"
LARGEST_BACKDROP = 30_000_000  # pixels
ENCODER = {"preset": "ultrafast", "crf": "23"}  # the encoder is most of the cost: veryfast takes four times as long
COPIES_FROM = 20  # times the usual speed
SMALL = ENCODER | {"crf": "40"}  # for the film that is copied: a twentieth of the bytes


def ask(job: RemoteJob) -> None:
    """Put the drawing into the queue, unless enough others are there: drawing is slow, and the studio's own work must not wait behind it.

    A broker that is away is no reason to refuse a job. Whoever is not asked for now is taken when another is drawn, or looked at.
    """
    now = timezone.now()
    if RemoteJob.objects.filter(rendered_at=None, render_asked_at__gt=now - A_DRAWING).exclude(pk=job.pk).count() >= AT_ONCE:
        return
    claim = RemoteJob.objects.filter(pk=job.pk, rendered_at=None, render_asked_at=job.render_asked_at)
    if not claim.update(render_asked_at=now, render_asks=F("render_asks") + 1):
        return  # somebody else asked at this moment
    try:
        tasks.async_task("studio.sandbox.render.render", job.remote_id)
    except (RedisError, DatabaseError, OSError):
        logger.warning("the queue cannot be reached; %s is drawn when it is looked at again", job, exc_info=True)


def ask_again(job: RemoteJob) -> None:
    """Put the drawing into the queue once more when it is overdue. Asked twice it is drawn once."""
    if job.rendered_at is not None or not job.makes_videos:
        return
    if copied(job):
        _is_drawn(job)
        return
    patience = PATIENCE * 2 ** min(job.render_asks, MOST_ASKS)
    if job.render_asked_at is None or job.render_asked_at < timezone.now() - patience:
        ask(job)


def render(remote_id: str) -> None:
    """Draw every video of this job that is not there yet, say so in its row, and ask for those that wait."""
    job = RemoteJob.objects.filter(remote_id=remote_id, rendered_at=None).first()
    try:
        if job is not None:
            _draw_all(job)
    finally:
        waiting = RemoteJob.objects.filter(rendered_at=None, render_asked_at=None).exclude(outcome_fault__in=BARREN)
        for other in waiting.order_by("created_at")[:AT_ONCE]:
            ask(other)


def _draw_all(job: RemoteJob) -> None:
    _tidy()
    if settings.SANDBOX_SPEED >= COPIES_FROM and not _shape(job).exists():
        # Of no provider: two workers that draw it at once draw the same bytes, so no file changes once it was handed out.
        plain = RemoteJob(aspect_ratio=job.aspect_ratio, resolution=job.resolution, seconds=job.seconds)
        draw(plain, _shape(job), take=0, encoder=SMALL)
    if not copied(job):
        for take, name in enumerate(job.file_names()):
            if not (folder() / name).exists():
                draw(job, folder() / name, take=take)
    _is_drawn(job)


def _is_drawn(job: RemoteJob) -> None:
    """Say so in its row, and in the object at hand."""
    job.rendered_at = timezone.now()
    RemoteJob.objects.filter(pk=job.pk, rendered_at=None).update(rendered_at=job.rendered_at)


def copied(job: RemoteJob) -> bool:
    """Whether its videos were made by copying: at a high speed, when the film of this shape is drawn. No query."""
    if settings.SANDBOX_SPEED < COPIES_FROM or not job.makes_videos:
        return False
    try:
        for name in job.file_names():
            _copy(_shape(job), folder() / name)
    except FileNotFoundError:  # not drawn yet, or tidied away at this moment
        return False
    return True


def _shape(job: RemoteJob) -> Path:
    """Where the film for this shape of brief is. No job has such an id."""
    return folder() / f"shape-{job.aspect_ratio.replace(':', 'x')}-{job.resolution}-{job.seconds}.mp4"


def _copy(film: Path, path: Path) -> None:
    """The same film under another name, which stands in a `free` box at its end."""
    partial = _partial(path)
    try:
        shutil.copyfile(film, partial)
        name = path.stem.encode()
        with partial.open("ab") as file:
            file.write(struct.pack(">I4s", 8 + len(name), b"free") + name)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _partial(path: Path) -> Path:
    """A name of its own for a file that is not whole yet."""
    return path.with_name(f".{path.stem}.{uuid.uuid4().hex}.part")


def _tidy() -> None:
    """Remove what is older than a day: links of the real providers do not live longer either."""
    old = time.time() - KEPT
    for path in folder().iterdir():
        with contextlib.suppress(FileNotFoundError):  # another worker was faster
            if path.stat().st_mtime < old:
                path.unlink()


def draw(job: RemoteJob, path: Path, *, take: int, encoder: Mapping[str, str] = ENCODER) -> None:
    """Draw one video to a name of its own, then move it into place, so that nobody ever sees half a file."""
    width, height = pixels(job.aspect_ratio, job.resolution)
    frames = _Frames(job, width=width, height=height, take=take)
    partial = _partial(path)
    try:
        with av.open(str(partial), "w", format="mp4", options={"movflags": "+faststart"}) as container:
            container.metadata["comment"] = "Made by the sandbox; no provider was asked."
            stream = container.add_stream("libx264", rate=RATE, options=dict(encoder))
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.codec_context.thread_count = 1  # several may be drawn at once
            for number in range(job.seconds * RATE):
                container.mux(stream.encode(frames.at(number)))
            container.mux(stream.encode(None))
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


class _Frames:
    """The pictures of one video, ready for the encoder."""

    def __init__(self, job: RemoteJob, *, width: int, height: int, take: int) -> None:
        self.width, self.height = width, height
        label = " · ".join(filter(None, ("SANDBOX", job.get_provider_display())))
        self.words = lettering(job.prompt, label, width=width, height=height)
        backdrop = _backdrop(job)
        small = (max(width // SKETCH, 2), max(height // SKETCH, 2))
        self.painting: Painting | None = None if backdrop else paint(job.prompt, *small, take=take)
        self.photo = backdrop
        self.share = 1 / (job.seconds * RATE)

    def at(self, number: int) -> av.VideoFrame:
        """The picture with this number, YUV 4:2:0."""
        frame = self._scene(number).reformat(self.width, self.height, "yuv420p", interpolation=Interpolation.BICUBIC)
        planes = cast("Bytes", frame.to_ndarray())
        for words in self.words:
            words.on(planes)
        finished = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        finished.pts, finished.time_base = number, Fraction(1, RATE)
        return finished

    def _scene(self, number: int) -> av.VideoFrame:
        if self.painting is not None:
            picture = np.clip(self.painting(number / RATE), 0, 255).astype(np.uint8)
            return av.VideoFrame.from_ndarray(picture, format="rgb24")
        photo = cast("Image.Image", self.photo)
        return av.VideoFrame.from_ndarray(np.asarray(self._zoomed(photo, number * self.share)), format="rgb24")

    def _zoomed(self, photo: Image.Image, share: float) -> Image.Image:
        """A slow move into the reference image, filling the picture."""
        fill = min(photo.width / self.width, photo.height / self.height) / (1 + 0.1 * share)
        across, down = self.width * fill, self.height * fill
        left, top = (photo.width - across) * (0.5 + 0.2 * (share - 0.5)), (photo.height - down) / 2
        box = (left, top, left + across, top + down)
        return photo.resize((self.width, self.height), Image.Resampling.BILINEAR, box=box)


def _backdrop(job: RemoteJob) -> Image.Image | None:
    """The first reference image as a picture, or None when there is none that can be read."""
    try:
        content = _reference(job.backdrop)
        if not content:
            return None
        with Image.open(io.BytesIO(content)) as picture:
            if picture.width * picture.height > LARGEST_BACKDROP:
                return None
            picture.draft("RGB", (1920, 1920))
            return picture.convert("RGB")
    except (OSError, httpx.HTTPError, UnidentifiedImageError, Image.DecompressionBombError, SyntaxError, ValueError):
        logger.info("the reference image of %s cannot be used", job, exc_info=True)
        return None


def _reference(where: str) -> bytes:
    """The bytes of a reference: a file of ours, or an address of this installation. Nothing else is fetched."""
    if "/" not in where:
        return (folder() / where).read_bytes() if where else b""
    if not is_ours(where):
        return b""
    answer = httpx.get(where, timeout=3, trust_env=False)
    return answer.content if answer.is_success else b""


def is_ours(url: str) -> bool:
    """Whether an address is this installation's own: the sandbox calls nobody else."""
    own = {_origin(str(address)) for address in (settings.SANDBOX_URL, settings.SITE_URL)}
    return _origin(url) in own


def _origin(url: str) -> tuple[Any, ...]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc
