"""A film: whether it plays, how long and large it is, a poster and a scrub sheet of it. Runs in a child process.

probe   the header, and every packet without decoding: is it whole?
draw    twelve frames spread over it, decoded: a poster and a scrub sheet
"""

import io
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image, ImageStat

from studio.decoding.errors import Undecodable

FORMATS = {"mov": "mp4", "mp4": "mp4", "matroska": "webm", "webm": "webm"}  # the demuxer's name → the suffix that we keep it under
DEMUXERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm"  # the only ones that may touch a provider's file
CODECS = {"h264", "hevc", "av1", "vp8", "vp9"}  # what browsers play, and the only decoders that may touch it
MOST_PIXELS = 40_000_000  # of one frame
MOST_MILLISECONDS = 3_600_000
MOST_FRAME_RATE = 240_000  # frames in a thousand seconds
SHORT = 1500  # packets: up to here every frame is decoded, beyond we jump from key frame to key frame
SMALL = 2_500_000_000  # pixels of all frames together: as SHORT, for large frames. Some 40 s of 1080p, or 75 frames of 8K
WIDE = 9_000_000  # pixels of one frame: beyond, not several are decoded at once, each with the memory of its own
WHOLE = 0.9  # the share of the declared duration that must be there: headers are not exact
FRAMES = 12
STRETCH = 4  # times as wide as high, or as high as wide, at most, that a pixel is taken to be
POSTER = (960, 1280)  # pixels, at most
CELL = (240, 480)  # pixels of one frame of the sheet, at most
NOT_A_VIDEO = "The file is incomplete, or not a video."


@dataclass(frozen=True, slots=True)
class _Count:
    """What the packets of the video stream say: how many are whole, and the first and last moment that they show, in seconds."""

    packets: int
    start: float
    end: float


def probe_and_draw(source: BinaryIO, output: BinaryIO, *, size: int) -> dict[str, object]:
    """Write poster and sheet, both WebP, one behind the other; what `jobs.media.Film` holds, and their lengths. Raises Undecodable.

    Bounded: at most 1,500 frames or 2.5 gigapixels are decoded, and no frame of more than 40 megapixels. In memory are a few frames, whatever the film's length.
    """
    try:
        with av.open(source, "r", options={"format_whitelist": DEMUXERS}) as container:
            suffix = FORMATS[container.format.name.split(",", maxsplit=1)[0]]
            stream = picture_stream(container)
            _refuse_cut_off(container, size)
            count = _count(container, stream)
            length, rate, stretch = _refuse_incomplete(container, stream, count), _frame_rate(stream), _stretch(stream)
            pictures = [_picture(frame, stretch) for frame in _frames(container, stream, count)]
    except (av.FFmpegError, KeyError) as error:
        raise refusal(error, NOT_A_VIDEO) from error
    if not pictures:
        raise Undecodable("The file holds no picture that can be decoded.")
    (width, height), shown = pictures[0][0], [picture for _, picture in pictures]
    poster, sheet = _webp(_telling(shown), quality=82), _webp(_strip(shown), quality=70)
    output.write(poster + sheet)
    told: dict[str, object] = {"width": width, "height": height, "milliseconds": round(length * 1000), "frame_rate": rate, "suffix": suffix}
    return told | {"poster": len(poster), "sheet": len(sheet), "sheet_frames": len(shown)}


def frame_rate(source: BinaryIO, output: BinaryIO) -> dict[str, object]:  # noqa: ARG001 - every task takes both
    """The frame rate of a video that we have, from its header alone; 0 also where it cannot be read."""
    try:
        with av.open(source, "r", options={"format_whitelist": DEMUXERS}) as container:
            return {"frame_rate": _frame_rate(picture_stream(container))}
    except (av.FFmpegError, Undecodable):
        return {"frame_rate": 0}


def refusal(error: Exception, sentence: str) -> Exception:
    """What FFmpeg's error says of the file; a lack of memory goes on as such."""
    return MemoryError() if isinstance(error, MemoryError) else Undecodable(sentence)


def picture_stream(container: InputContainer) -> VideoStream:
    """The first stream of moving pictures. A cover image is no video: one provider packs it as a second video stream."""
    for stream in container.streams.video:
        if stream.disposition & Disposition.attached_pic:
            continue
        if stream.width * stream.height > MOST_PIXELS:
            raise Undecodable(f"The video's frames are too large: {stream.width} × {stream.height} pixels.")
        if stream.codec_context.name not in CODECS:
            raise Undecodable(f"The video is in {stream.codec_context.name}, which browsers do not play.")
        stream.codec_context.options = {"max_pixels": str(MOST_PIXELS)}
        stream.thread_type = "AUTO" if stream.width * stream.height <= WIDE else "SLICE"
        return stream
    raise Undecodable("The file has no pictures, only sound." if container.streams.audio else "The file has no pictures.")


def _refuse_cut_off(container: InputContainer, size: int) -> None:
    """Raise Undecodable where the index of an MP4 names bytes beyond the file's end: it opens, and would stop in the middle."""
    needed = max((entry.pos + entry.size for stream in container.streams for entry in stream.index_entries), default=0)
    if needed > size:
        raise Undecodable(f"The file is incomplete: {size:,} of at least {needed:,} bytes are there.")


def _count(container: InputContainer, stream: VideoStream) -> _Count:
    """Read every packet once, without decoding: the cheapest proof that they can be read."""
    packets, start, end = 0, float("inf"), 0.0
    for packet in container.demux(stream):
        if packet.size == 0 or packet.is_corrupt:
            continue
        packets += 1
        if packet.is_discard:  # there, and not shown: an edit list cuts it off
            continue
        moment = packet.pts if packet.pts is not None else packet.dts
        if moment is not None:
            start = min(start, float(moment * packet.time_base))
            end = max(end, float((moment + (packet.duration or 0)) * packet.time_base))
    if packets == 0:
        raise Undecodable("The file is incomplete: it holds no picture.")
    return _Count(packets, 0.0 if start == float("inf") else start, end)


def _refuse_incomplete(container: InputContainer, stream: VideoStream, count: _Count) -> float:
    """The length in seconds. Raises Undecodable where far less is there than the file declares, or more than we take."""
    there = max(0.0, count.end - count.start)
    declared = _declared(container, stream)
    if there < WHOLE * declared:
        raise Undecodable(f"The file is incomplete: {there:.1f} of {declared:.1f} s are there.")
    length = there or declared
    if length * 1000 > MOST_MILLISECONDS:
        raise Undecodable(f"The video is too long: {round(length / 60)} min. The most is {MOST_MILLISECONDS // 60_000} min.")
    return length


def _declared(container: InputContainer, stream: VideoStream) -> float:
    """The duration that the header gives for the pictures, in seconds; 0 where it gives none. Matroska only knows the longest stream's."""
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    if container.duration is not None and not container.streams.audio:
        return container.duration / av.time_base
    return 0.0


def _frame_rate(stream: VideoStream) -> int:
    """Frames in a thousand seconds, as the file has them on average; 0 where it does not tell, or tells nonsense."""
    rate = stream.average_rate or stream.guessed_rate
    told = round(rate * 1000) if rate else 0
    return told if 0 < told <= MOST_FRAME_RATE else 0


def _frames(container: InputContainer, stream: VideoStream, count: _Count) -> Iterator[VideoFrame]:
    """What is shown at up to twelve moments, evenly spread over its time."""
    small = count.packets <= SHORT and count.packets * stream.width * stream.height <= SMALL
    return _walk(container, stream, count) if small else _jump(container, stream, count)


def _walk(container: InputContainer, stream: VideoStream, count: _Count) -> Iterator[VideoFrame]:
    """Decode everything. A frame is shown until the next one, however long that is. Raises Undecodable where most of it does not decode."""
    container.seek(0)
    moments = _moments(count, min(FRAMES, count.packets))
    shown: VideoFrame | None = None
    decoded = 0
    for frame in _decoded(container, stream):
        decoded += 1
        while shown is not None and moments and frame.time is not None and frame.time > moments[0]:
            yield shown
            moments.popleft()
        shown = frame
    if shown is not None:
        yield from [shown] * len(moments)
    if decoded < WHOLE * count.packets - 1:
        raise Undecodable(f"The file is damaged: {decoded} of {count.packets} frames can be decoded.")


def _jump(container: InputContainer, stream: VideoStream, count: _Count) -> Iterator[VideoFrame]:
    """Decode one key frame at each place: a long film costs no more than a short one."""
    base = stream.time_base or Fraction(1, 1000)
    for moment in _moments(count, FRAMES):
        container.seek(int(moment / base), stream=stream)
        yield from _first(_decoded(container, stream))


def _decoded(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Every frame from here on that decodes; a damaged packet costs its own frames only."""
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except av.InvalidDataError:
            continue


def _first(frames: Iterator[VideoFrame]) -> list[VideoFrame]:
    return [frame for frame, _ in zip(frames, range(1), strict=False)]


def _moments(count: _Count, parts: int) -> deque[float]:
    """The middles of so many equal parts of its time, in seconds; a hair later, so that a frame which begins there counts as shown."""
    step = (count.end - count.start) / parts
    return deque(count.start + (number + 0.5) * step + 1e-6 for number in range(parts))


def _picture(frame: VideoFrame, stretch: float) -> tuple[tuple[int, int], Image.Image]:
    """The size as shown, and the frame as a picture no larger than a poster: the right way up, its pixels square. Made small before it is a picture."""
    size = (max(1, round(frame.width * stretch)), frame.height)
    turned = round(frame.rotation / 90) % 2 == 1
    bounds = POSTER[::-1] if turned else POSTER
    share = min(1.0, bounds[0] / size[0], bounds[1] / size[1])
    width, height = (max(1, round(side * share)) for side in size)
    picture = upright(frame.to_image(width=width, height=height, interpolation="LANCZOS"), frame.rotation)
    return (size[::-1] if turned else size), picture


def _stretch(stream: VideoStream) -> float:
    """How much wider than high its pixels are; 1 where it says nothing, or nonsense."""
    ratio = stream.sample_aspect_ratio
    return float(ratio) if ratio is not None and 1 / STRETCH <= ratio <= STRETCH else 1.0


def upright(picture: Image.Image, rotation: float) -> Image.Image:
    """The picture turned by its film's rotation, in degrees."""
    quarters = round(rotation / 90) % 4
    return picture.rotate(quarters * 90, expand=True) if quarters else picture


def _telling(pictures: list[Image.Image]) -> Image.Image:
    """The frame that says most about the clip: rich in contrast, and rather from its first half. Never a black first frame."""

    def worth(place: int) -> float:
        grey = pictures[place].convert("L").resize((64, 64))
        share = place / len(pictures)
        return float(ImageStat.Stat(grey).stddev[0]) * (1.0 if 0.1 <= share <= 0.6 else 0.85)  # noqa: PLR2004 - the part before the end titles

    return pictures[max(range(len(pictures)), key=worth)]


def _strip(pictures: list[Image.Image]) -> Image.Image:
    """The frames side by side in one picture."""
    cells = [picture.copy() for picture in pictures]
    for cell in cells:
        cell.thumbnail(CELL, Image.Resampling.LANCZOS)
    width, height = cells[0].size
    strip = Image.new("RGB", (width * len(cells), height))
    for place, cell in enumerate(cells):
        strip.paste(cell, (place * width, 0))
    return strip


def _webp(picture: Image.Image, *, quality: int) -> bytes:
    file = io.BytesIO()
    picture.convert("RGB").save(file, "WEBP", quality=quality, method=4)
    return file.getvalue()
