"""A clip's file with title, author and prompt written into it. Nothing is encoded anew.

An MP4 gets the words into its header, and its tracks stay as they are (mp4_tags.py). A WebM, and an odd MP4, is moved packet by packet into a new container
with all that its streams say. The file that was saved, with its SHA-256, stays as it is and is offered beside it.
"""

import logging
import tempfile
from typing import IO

import av
from av.container import OutputContainer
from av.stream import Stream
from django.core.files.storage import default_storage

from studio.gallery import mp4_tags
from studio.gallery.naming import words_for
from studio.gallery.serving import suffix_of
from studio.jobs.models import Clip

log = logging.getLogger(__name__)
FORMATS = {"mp4": ({"movflags": "+faststart"}, "mp4"), "webm": ({}, "webm")}  # options and muxer by suffix
MOST_BYTES = 200_000_000  # beyond, a person would wait for seconds


def titled(clip: Clip) -> IO[bytes] | None:
    """The file, at its start; None for a clip in which nothing can be written after all. The caller closes it. Ask `can_be_titled` first."""
    suffix = suffix_of(clip.file.name)
    made = tempfile.NamedTemporaryFile(prefix="studio-", suffix=f".{suffix}")  # noqa: SIM115 - it is sent after this
    try:
        if not (suffix == "mp4" and _tagged(clip, made)):
            _move(clip, made.name, *FORMATS[suffix])
    except (av.FFmpegError, OSError, ValueError):
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


def _move(clip: Clip, made: str, options: dict[str, str], muxer: str) -> None:
    """Write the clip's sound, pictures and subtitles, with its words, into `made`."""
    with (
        default_storage.open(str(clip.file.name)) as file,
        av.open(file, "r", options={"format_whitelist": "mov,mp4,matroska,webm"}) as source,
        av.open(made, "w", format=muxer, options=options) as target,
    ):
        target.metadata.update(words(clip))
        kept = [*source.streams.video, *source.streams.audio, *source.streams.subtitles]
        streams = {stream.index: _like(stream, target) for stream in kept}
        target.set_chapters(source.chapters())
        for packet in source.demux(kept):
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                target.mux(packet)


def _like(stream: Stream, target: OutputContainer) -> Stream:
    """A stream of the new file that says what this one says; the muxer alone would call HEVC hev1, which Apple's players do not play."""
    made = target.add_stream_from_template(stream, opaque=True)
    if target.format.name == "mp4" and stream.codec_context is not None:
        made.codec_context.codec_tag = stream.codec_context.codec_tag
    made.time_base = stream.time_base
    made.metadata.update(stream.metadata)
    made.disposition = stream.disposition
    return made


def words(clip: Clip) -> dict[str, str]:
    """What is written into the file, by the names that players and editors know."""
    return {
        "title": f"{clip.code} {words_for(clip)}"[:120],
        "artist": str(clip.job.author),
        "album": clip.job.project.name,
        "comment": clip.job.prompt,
    }
