"""One exact frame of a film, as a reference image. Runs in a child process.

    seek to the key frame before the moment, decode up to it, turn it upright, in the colours that a browser shows

A moment before the first frame is the first one, a moment behind the last frame the last one.
"""

from collections.abc import Iterator
from fractions import Fraction
from typing import BinaryIO

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace
from av.video.stream import VideoStream
from PIL import Image

from studio.decoding.errors import Undecodable
from studio.decoding.films import DEMUXERS, picture_stream, refusal, upright
from studio.decoding.pictures import MOST_SIDE, write_jpeg

SLACK = Fraction(1, 1000)  # seconds: a moment comes rounded to milliseconds, and a frame begins between two of them
BACK = (Fraction(0), Fraction(2), Fraction(3600))  # seconds before the moment at which decoding begins, until a frame is early enough
MOST_DECODED = 1500  # frames on the way to the one; longer than any distance between key frames that providers make
UNSPECIFIED = 2  # a film that does not say which colour space it is in
HD = 720  # pixels of height from which browsers take such a film for BT.709


def frame(source: BinaryIO, output: BinaryIO, *, moment: int) -> dict[str, object]:
    """Write the picture that the film shows at a moment (milliseconds); what `pictures.reference` tells of it. Raises Undecodable."""
    try:
        with av.open(source, "r", options={"format_whitelist": DEMUXERS}) as container:
            picture = _picture(_at(container, picture_stream(container), Fraction(moment, 1000)))
    except av.FFmpegError as error:
        raise refusal(error, "This frame cannot be decoded.") from error
    picture.thumbnail((MOST_SIDE, MOST_SIDE), Image.Resampling.LANCZOS)
    return write_jpeg(picture.convert("RGB"), output)


def _at(container: InputContainer, stream: VideoStream, moment: Fraction) -> VideoFrame:
    """The last frame that begins at or before this moment, counted from where the film starts."""
    base = stream.time_base or Fraction(1, 1000)
    start = Fraction(stream.start_time or 0) * base
    wanted = start + moment + SLACK
    found: VideoFrame | None = None
    for back in BACK:
        container.seek(int(max(start, wanted - back) / base), stream=stream)
        for frame in _decoded(container, stream):
            if frame.pts is None:
                continue
            early = frame.pts * base <= wanted
            if found is None or early:
                found = frame
            if not early:
                break
        if found is not None and found.pts is not None and found.pts * base <= wanted:
            return found
    if found is None:
        raise Undecodable("The file holds no picture that can be decoded.")
    return found


def _decoded(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """The frames from here on, as far as is allowed."""
    for number, frame in enumerate(container.decode(stream)):
        if number == MOST_DECODED:
            raise Undecodable("No key frame is near.")
        yield frame


def _picture(frame: VideoFrame) -> Image.Image:
    """The frame as a picture, upright. A film that does not say its colours gets those that browsers guess by its height."""
    silent_hd = int(frame.colorspace) == UNSPECIFIED and frame.height >= HD
    picture = frame.to_image(src_colorspace=Colorspace.ITU709) if silent_hd else frame.to_image()
    return upright(picture, frame.rotation)
