"""Posters in the sizes that walls and rooms need, under addresses that name their content, so that a new picture is seen at once.

The poster of a clip (jobs/media.py) is the largest size. The smaller ones are drawn from it when somebody first looks, in the request for that picture alone:
no page waits, clips of any age have them, and whoever never scrolls there costs nothing. WebP: at these sizes AVIF was 5 to 15 % smaller and took two to
four times as long to draw.
"""

import hashlib
import logging
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.urls import reverse

from studio.decoding import temporary
from studio.decoding.client import decode
from studio.decoding.errors import DecodingError
from studio.jobs.media import POSTER, SMALLER, smaller
from studio.jobs.models import Clip

log = logging.getLogger(__name__)
WIDTHS = SMALLER  # pixels; the poster itself, at most 960, is the third
FULL = POSTER[0]
DRAWN = 1  # how they are drawn: another number gives every picture another address


def digest(clip: Clip) -> str:
    """What names the content of a clip's pictures: its bytes, which frame it is, and how it is drawn."""
    return hashlib.sha256(f"{clip.sha256} {clip.poster.name} {DRAWN}".encode()).hexdigest()[:20]


def address(clip: Clip, width: int) -> str:
    """Where this size of the poster is. The clip was fetched with its job and that one's project."""
    return reverse("clip_picture", args=[clip.job.project.code, clip.pk, width, digest(clip)])


def sizes(clip: Clip) -> list[tuple[str, int]]:
    """Every size: its address and how many pixels wide it really is."""
    whole = _width_of_poster(clip)
    smaller = [(address(clip, width), width) for width in WIDTHS if width < whole]
    return [*smaller, (address(clip, FULL), whole)]


def file_of(clip: Clip, width: int) -> str:
    """The storage's name for this size, drawn now if it is not there yet; the poster itself where that is no larger, or is no picture."""
    poster = str(clip.poster.name or "")
    if not poster or width >= _width_of_poster(clip):
        return poster
    name = smaller(poster, width)
    if default_storage.exists(name):
        return name
    return _drawn(poster, name, width)


def _width_of_poster(clip: Clip) -> int:
    """In pixels; media.py fits it into its box and never enlarges it."""
    if not clip.width or not clip.height:
        return FULL
    return max(1, round(clip.width * min(1, POSTER[0] / clip.width, POSTER[1] / clip.height)))


def _drawn(poster: str, name: str, width: int) -> str:
    try:
        content = drawn("smaller_poster", poster, width=width)
    except (OSError, DecodingError) as error:
        log.warning("%s could not be drawn %s pixels wide: %s", poster, width, error)
        return poster
    try:
        return keep(name, content)
    except OSError:  # a full disk: people still see what there is
        log.warning("%s, drawn %s pixels wide, could not be kept", poster, width, exc_info=True)
        return poster


def drawn(task: str, poster: str, **words: Any) -> bytes:
    """What a child process draws of this poster. Raises OSError or a DecodingError."""
    with default_storage.open(poster) as stored, temporary.local(stored) as source, temporary.file() as made:
        decode(task, source, made, limits=settings.DECODING_PICTURE, **words)
        return made.read()


def keep(name: str, picture: bytes) -> str:
    """The name, under which the storage has the picture now."""
    stored = default_storage.save(name, ContentFile(picture))
    if stored != name:  # somebody drew it in between
        default_storage.delete(stored)
    return name
