"""A download with its title keeps everything that players need of its streams, whatever film it is."""

import io
import struct
import tempfile
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from studio.gallery import mp4_tags
from studio.gallery.mp4_tags import Untaggable
from tests.gallery.conftest import MakeClip
from tests.gallery.test_titled import give
from tests.jobs.conftest import film  # noqa: F401 - a fixture

QUARTER_TURN = (0, 0x10000, 0, -0x10000, 0, 0, 96 << 16, 0, 0x40000000)
WORDS = {"title": "Title", "artist": "Älice", "album": "", "comment": "橘猫"}


def film_of(
    codec: str = "libx264", *, tag: str = "", sounds: tuple[str, ...] = (), muxer: str = "mp4", turned: bool = False, **options: str
) -> bytes:
    """Ten frames at 23.976 a second, in the colours of BT.2020 and PQ, with a sound in each of these languages."""
    file = tempfile.NamedTemporaryFile(suffix=f".{muxer}")  # noqa: SIM115 - gone with its last use
    with av.open(file.name, "w", format=muxer, options=options) as container:
        container.metadata["genre"] = "Test"
        video: Any = container.add_stream(codec, rate=Fraction(24000, 1001), options={"x265-params": "log-level=none"} if codec == "libx265" else {})
        video.width, video.height, video.pix_fmt = 160, 96, "yuv420p"
        if tag:
            video.codec_tag = tag
        about = video.codec_context
        about.color_primaries, about.color_trc, about.colorspace, about.color_range = 9, 16, 9, 1
        tracks = []
        for turn, language in enumerate(sounds):
            sound: Any = container.add_stream("libopus" if muxer == "webm" else "aac", rate=48000, layout="stereo" if turn else "mono")
            sound.metadata["language"] = language
            tracks.append(sound)
        for number in range(10):
            frame = av.VideoFrame.from_ndarray(np.full((96, 160, 3), number * 20, np.uint8), format="rgb24")
            frame.pts = number
            container.mux(video.encode(frame))
            for sound in tracks:
                silence = np.zeros((1, 960 * sound.codec_context.channels), np.float32)
                heard = av.AudioFrame.from_ndarray(silence, format="flt", layout=sound.codec_context.layout.name)
                heard.sample_rate = 48000
                container.mux(sound.encode(heard))
        for stream in (video, *tracks):
            container.mux(stream.encode(None))
    content = bytearray(file.read())
    if turned:
        at = content.index(b"tkhd") + 4 + 4 + 20 + 16
        content[at : at + 36] = struct.pack(">9i", *QUARTER_TURN)
    return bytes(content)


def facts(content: bytes) -> list[dict[str, Any]]:
    """What each stream says, its packets with their times, and what its pictures look like."""
    told: list[dict[str, Any]] = []
    with av.open(io.BytesIO(content), "r") as container:
        for stream in container.streams:
            about = stream.codec_context
            told.append({
                "codec": (about.name, about.codec_tag, about.extradata) if about else None, "time": (stream.time_base, stream.start_time, stream.duration),
                "language": stream.metadata.get("language"), "disposition": stream.disposition, "packets": [],
                "colours": [getattr(about, name, None) for name in ("color_primaries", "color_trc", "colorspace", "color_range")],
                "rate": getattr(stream, "average_rate", None),
            })  # fmt: skip
        for packet in container.demux():
            if packet.dts is not None:
                told[packet.stream.index]["packets"].append((packet.pts, packet.dts, packet.duration, packet.is_keyframe, bytes(packet)))
    with av.open(io.BytesIO(content), "r") as container:
        frames = list(container.decode(video=0))
        told[0]["pictures"] = [(frame.rotation, frame.pts, frame.to_ndarray(format="rgb24").tobytes()) for frame in frames]
    return told


def titled(clip_maker: MakeClip, browser: Client, content: bytes, suffix: str = "mp4") -> bytes:
    clip = clip_maker(prompt="Slow dolly")
    clip.file.name = str(clip.file.name).replace(".mp4", f".{suffix}")
    clip.save()
    give(clip, content)
    answer = browser.get(reverse("clip_titled", args=["TIDE", clip.pk])).getvalue()
    assert answer != content
    with av.open(io.BytesIO(answer)) as container:
        assert container.metadata.get("title", container.metadata.get("TITLE")) == f"{clip.code} Slow dolly"
    return bytes(answer)


FILMS: Mapping[str, dict[str, Any]] = {
    "HEVC as Apple wants it": {"codec": "libx265", "tag": "hvc1"},
    "HEVC otherwise": {"codec": "libx265", "tag": "hev1"},
    "H.264 with its parameters inside": {"tag": "avc3"},
    "held sideways": {"turned": True},
    "two sounds": {"codec": "libx265", "tag": "hvc1", "sounds": ("deu", "eng"), "turned": True},
    "header first": {"sounds": ("deu",), "movflags": "+faststart"},
    "an odd time base": {"video_track_timescale": "90000", "movflags": "+faststart"},
}


@pytest.mark.parametrize("name", FILMS)
def test_an_mp4_keeps_what_its_streams_say_and_every_packet(make_clip: MakeClip, as_alice: Client, name: str):
    content = film_of(**FILMS[name])

    assert facts(titled(make_clip, as_alice, content)) == facts(content)


@pytest.mark.parametrize("name", ["HEVC as Apple wants it", "two sounds", "held sideways"])
@pytest.mark.parametrize("flags", ["+frag_keyframe+empty_moov", "+frag_every_frame+empty_moov+default_base_moof", "+frag_every_frame"])
def test_a_fragmented_mp4_keeps_what_its_streams_say(make_clip: MakeClip, as_alice: Client, name: str, flags: str):
    content = film_of(**FILMS[name], movflags=flags)

    made = titled(make_clip, as_alice, content)

    assert made.count(b"moof") == content.count(b"moof") > 0
    assert facts(made) == facts(content)


def test_a_webm_keeps_what_its_streams_say(make_clip: MakeClip, as_alice: Client):
    content = film_of("libvpx-vp9", sounds=("ger", "eng"), muxer="webm")

    made, before = facts(titled(make_clip, as_alice, content, "webm")), facts(content)

    for key in ("language", "colours", "disposition"):
        assert [stream[key] for stream in made] == [stream[key] for stream in before]
    assert [[packet[-1] for packet in stream["packets"]] for stream in made] == [[packet[-1] for packet in stream["packets"]] for stream in before]


def written(content: bytes, **words: str) -> bytes:
    made = io.BytesIO()
    mp4_tags.write(io.BytesIO(content), made, words or WORDS)
    return made.getvalue()


def told_by(content: bytes) -> dict[str, str]:
    with av.open(io.BytesIO(content)) as container:
        return dict(container.metadata)


def test_words_take_the_place_of_those_before_and_others_stay(film: bytes):  # noqa: F811 - the fixture
    once = written(film_of(), title="Old", comment="Old")
    twice = written(once, title="New", comment="Newer")

    told = told_by(twice)
    assert (told["title"], told["comment"], told["genre"]) == ("New", "Newer", "Test")
    assert len(twice) - len(once) == len("Newer") - len("Old")
    assert told_by(written(film))["artist"] == "Älice"
    assert told_by(written(film))["comment"] == "橘猫"
    assert "album" not in told_by(written(film))


def box(kind: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I4s", 8 + len(content), kind) + content


def offsets(table: bytes) -> bytes:
    """A file whose header comes first, with this table of chunks."""
    return box(b"moov", box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", table))))) + box(b"mdat", b"x" * 8)


@pytest.mark.parametrize(("kind", "form"), [(b"stco", ">I"), (b"co64", ">Q")])
def test_chunks_behind_a_header_that_grew_are_found_where_they_are_now(kind: bytes, form: str):
    empty = offsets(box(kind, struct.pack(">II", 0, 1), struct.pack(form, 0)))

    made = written(offsets(box(kind, struct.pack(">II", 0, 1), struct.pack(form, len(empty) - 8))))

    at = made.index(kind) + 4 + 8
    (begins,) = struct.unpack_from(form, made, at)
    assert made[begins : begins + 8] == b"x" * 8


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no film",
        box(b"moov") + box(b"moov"),
        struct.pack(">I4s", 99, b"moov"),
        offsets(box(b"stco", struct.pack(">II", 0, 9))),
        offsets(box(b"stco", struct.pack(">II", 0, 1), struct.pack(">I", 2**32 - 1))),
        box(b"moov", box(b"udta"), box(b"udta")),
        box(b"moov", box(b"udta", box(b"meta", b"\0" * 4, box(b"hdlr", b"\0" * 8, b"mdta", b"\0" * 12)))),
        box(b"moov", struct.pack(">I4s", 7, b"trak")),
    ],
)
def test_what_is_built_otherwise_is_left_alone(content: bytes):
    with pytest.raises(Untaggable):
        written(content)


def test_a_long_size_and_one_to_the_end_are_understood():
    table = box(b"stco", struct.pack(">II", 0, 0))
    header = box(b"moov", box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", table)))))
    long = struct.pack(">I4sQ", 1, b"free", 24) + b"y" * 8
    to_the_end = struct.pack(">I4s", 0, b"mdat") + b"z" * 30

    made = written(long + header + to_the_end)

    assert made.startswith(long)
    assert made.endswith(to_the_end)
    assert "橘猫".encode() in made
