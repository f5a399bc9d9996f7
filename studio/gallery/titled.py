"""A clip's file with title, author and prompt written into it. Nothing is encoded anew.

An MP4 gets the words into its header, and its tracks stay as they are (mp4_tags.py). A WebM, and an odd MP4, is moved packet by packet into a new container
with all that its streams say. The file that was saved, with its SHA-256, stays as it is and is offered beside it.
"""

import logging
from typing import IO

from django.conf import settings
from django.core.files.storage import default_storage

from studio.decoding import temporary
from studio.decoding.client import decode
from studio.decoding.errors import DecodingError
from studio.gallery import mp4_tags
from studio.gallery.naming import words_for
from studio.gallery.serving import suffix_of
from studio.jobs.models import Clip

log = logging.getLogger(__name__)
FORMATS = {"mp4", "webm"}  # suffixes
MEMORY = 60_000_000  # bytes that a child needs for it
MOST_BYTES = 200_000_000  # beyond, a person would wait for seconds


def titled(clip: Clip) -> IO[bytes] | None:
    """The file, at its start; None for a clip in which nothing can be written after all. The caller closes it. Ask `can_be_titled` first."""
    suffix = suffix_of(clip.file.name)
    made = temporary.file()
    try:
        if not (suffix == "mp4" and _tagged(clip, made)):
            _move(clip, made, suffix)
    except (DecodingError, OSError, ValueError):
        log.warning("clip %s cannot carry a title", clip.pk, exc_info=True)
        made.close()
        return None
    return made


def can_be_titled(clip: Clip) -> bool:
    """Whether it is worth trying: small enough, and of a kind that takes words. Reads no file."""
    return clip.bytes <= MOST_BYTES and suffix_of(clip.file.name) in FORMATS


def _tagged(clip: Clip, made: IO[bytes]) -> bool:
    """Whether the words could be written into a copy of the file's own header; otherwise nothing is written."""
    with default_storage.open(str(clip.file.name)) as file:
        try:
            mp4_tags.write(file, made, words(clip))
        except mp4_tags.Untaggable:
            made.seek(0)
            made.truncate()
            return False
    made.seek(0)
    return True


def _move(clip: Clip, made: IO[bytes], suffix: str) -> None:
    """Write the clip's sound, pictures and subtitles, with its words, into `made`, in a child process."""
    with default_storage.open(str(clip.file.name)) as file, temporary.local(file) as source:
        decode("titled", source, made, limits=settings.DECODING_TITLED, memory=MEMORY, suffix=suffix, words=words(clip))


def words(clip: Clip) -> dict[str, str]:
    """What is written into the file, by the names that players and editors know."""
    return {
        "title": f"{clip.code} {words_for(clip)}"[:120],
        "artist": str(clip.job.author),
        "album": clip.job.project.name,
        "comment": clip.job.prompt,
    }
