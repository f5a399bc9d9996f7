"""A film moved packet by packet into a new container that carries title, author and prompt. Nothing is encoded anew. Runs in a child process."""

from pathlib import Path
from typing import BinaryIO

import av
from av.container import OutputContainer
from av.stream import Stream

from studio.decoding.films import DEMUXERS, refusal

FORMATS = {"mp4": ({"movflags": "+faststart"}, "mp4"), "webm": ({}, "webm")}  # options and muxer by suffix


def titled(source: BinaryIO, output: BinaryIO, *, suffix: str, words: dict[str, str]) -> dict[str, object]:
    """Write the film's sound, pictures and subtitles, with these words. Raises Undecodable where they cannot be carried."""
    options, muxer = FORMATS[suffix]
    place = Path(f"/proc/self/fd/{output.fileno()}")  # faststart opens the file a second time, by its name
    try:
        if place.exists():
            _move(source, str(place), options, muxer, words)
        else:  # no Linux: the index stays behind the film
            _move(source, output, {}, muxer, words)
    except (av.FFmpegError, ValueError) as error:
        raise refusal(error, "This film cannot carry a title.") from error
    return {}


def _move(source: BinaryIO, output: BinaryIO | str, options: dict[str, str], muxer: str, words: dict[str, str]) -> None:
    with (
        av.open(source, "r", options={"format_whitelist": DEMUXERS}) as film,
        av.open(output, "w", format=muxer, options=options) as target,
    ):
        target.metadata.update(words)
        kept = [*film.streams.video, *film.streams.audio, *film.streams.subtitles]
        streams = {stream.index: _like(stream, target) for stream in kept}
        target.set_chapters(film.chapters())
        for packet in film.demux(kept):
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
