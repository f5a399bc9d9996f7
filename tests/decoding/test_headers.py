"""What a file claims is read before any decoder sees it, and what would cost too much is refused then."""

import io
import struct
import time
from collections.abc import Callable

import pytest
from PIL import Image

from studio.decoding.errors import Undecodable
from studio.decoding.film_headers import refuse_long_tables
from studio.decoding.picture_headers import Claim, claim_of
from tests.decoding import hostile

MEMORY = 450_000_000


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def refused_for(content: bytes) -> str:
    """The sentence; it comes at once, as nothing is decoded."""
    began = time.process_time()
    with pytest.raises(Undecodable) as refusal:
        claim_of(content, memory=MEMORY)
    assert time.process_time() - began < 2
    return str(refusal.value)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("PNG", {}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0"}),
    ],
)
def test_every_kind_tells_its_size(kind: str, options: dict[str, object]):
    claim = claim_of(encoded(Image.new("RGB", (300, 200)), kind, **options), memory=MEMORY)

    assert (claim.width, claim.height) == (300, 200)
    assert claim.memory >= 300 * 200 * 9


def test_what_a_picture_needs_grows_with_its_depth_and_its_kind():
    def needs(content: bytes) -> int:
        return claim_of(content, memory=MEMORY).memory

    picture = Image.new("RGB", (300, 200))
    assert needs(encoded(picture, "JPEG")) < needs(encoded(picture, "JPEG", progressive=True)) < needs(encoded(picture, "WEBP"))
    assert needs(hostile.flat_png(300, 200)) < needs(hostile.flat_png(300, 200, depth=16))
    assert needs(encoded(picture, "WEBP")) < needs(encoded(Image.new("RGBA", (300, 200), (1, 2, 3, 4)), "WEBP"))


def test_a_jpeg_of_eight_hundred_scans_is_refused():
    assert "drawn in more than 100 passes" in refused_for(hostile.jpeg_of_scans(800))


def test_a_jpeg_of_twenty_megabytes_of_scans_is_refused_at_once():
    one = hostile.jpeg_of_scans(1)
    assert "drawn in more than 100 passes" in refused_for(hostile.jpeg_of_scans(20_000_000 // len(one) * 3)[:20_000_000])


def test_scans_that_are_no_scans_are_not_counted():
    """The two bytes of a scan also stand in previews and profiles, which are segments of their own."""
    content = encoded(Image.new("RGB", (300, 200)), "JPEG", comment=b"\xff\xda" * 500)

    assert claim_of(content, memory=MEMORY) == Claim("JPEG", 300, 200, 300 * 200 * 9)


def test_a_photograph_with_many_restart_markers_is_taken():
    content = encoded(Image.effect_noise((1200, 1200), 60), "JPEG", restart_marker_blocks=1)

    assert content.count(b"\xff\xd0") > 1000
    assert claim_of(content, memory=MEMORY).width == 1200


@pytest.mark.parametrize("filler", [b"\xff\xfe\x00\x02" * 5_000_000, b"\xff" * 20_000_000, b"\xff\xd0" * 10_000_000, b"\xff\x00" * 10_000_000])
def test_a_jpeg_of_segments_without_a_picture_is_damaged(filler: bytes):
    assert "damaged" in refused_for(b"\xff\xd8" + filler)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: encoded(Image.new("RGB", (16_383, 2400)), "WEBP", method=0), "39 megapixels; the most is 26 for this kind of WebP"),
        (lambda: hostile.flat_png(8000, 5000, depth=16, colour=6), "40 megapixels; the most is 28 for this kind of PNG"),
        (lambda: hostile.flat_png(1, 40_000_000, colour=0), "40 megapixels"),
        (lambda: hostile.flat_png(1, 20_000, colour=0), "1 × 20,000 pixels; the most is 16,384 a side"),
        (lambda: hostile.flat_png(10, 5000), "at most 100 times as long as the other"),
        (lambda: hostile.flat_png(0, 100), "damaged"),
        (lambda: hostile.PNG, "damaged"),
        (lambda: b"RIFF\0\0\0\0WEBPVP8 ", "damaged"),
        (lambda: b"RIFF\0\0\0\0WEBPnone" + bytes(40), "damaged"),
    ],
)
def test_what_costs_more_memory_than_it_weighs_is_refused(make: Callable[[], bytes], told: str):
    assert told in refused_for(make())


def film_refusal(content: bytes) -> str:
    began = time.process_time()
    with pytest.raises(Undecodable) as refusal:
        refuse_long_tables(io.BytesIO(content), len(content))
    assert time.process_time() - began < 2
    return str(refusal.value)


@pytest.mark.parametrize("samples", [1_000_000, 50_000_000, 0xFFFFFFFF])
@pytest.mark.parametrize("table", [b"stsz", b"stz2", b"stts", b"ctts", b"stsc", b"stco", b"co64", b"stss", b"sbgp"])
def test_a_film_that_names_more_samples_than_it_has_bytes_is_refused(table: bytes, samples: int):
    content = hostile.lying_mp4(samples, table=table)

    assert len(content) < 800
    assert "names more pictures than it can hold" in film_refusal(content)


@pytest.mark.parametrize("fragments", [1, 50])
def test_fragments_that_name_more_samples_than_there_are_bytes_are_refused(fragments: int):
    assert "names more pictures than it can hold" in film_refusal(hostile.lying_fragments(5_000_000, fragments=fragments))


def test_a_large_file_may_not_name_a_million_samples_either():
    content = hostile.lying_mp4(1_000_001, table=b"stts") + bytes(3_000_000)

    assert "names more pictures than it can hold" in film_refusal(content)


def test_a_box_with_a_long_size_hides_nothing():
    moov = hostile.lying_mp4(50_000_000)[16:]
    inner = moov[8 : struct.unpack(">I", moov[:4])[0]]
    content = hostile.box(b"ftyp", b"isom\0\0\0\0") + struct.pack(">I4sQ", 1, b"moov", 16 + len(inner)) + inner

    assert "names more pictures than it can hold" in film_refusal(content)


@pytest.mark.parametrize(
    "content", [hostile.box(b"ftyp", b"") + hostile.box(b"free", b"") * 30_000, hostile.box(b"ftyp", b"") + b"\0\0\0\0moov" * 30_000]
)
def test_a_film_of_nothing_but_boxes_is_refused(content: bytes):
    assert film_refusal(content)


@pytest.mark.parametrize(
    "content",
    [b"", b"\x1aE\xdf\xa3" + bytes(60), hostile.box(b"ftyp", b"isom"), hostile.box(b"ftyp", b"isom") + b"\0\0\0\x04moov", hostile.lying_mp4(1)],
)
def test_what_names_no_samples_is_left_to_the_decoder(content: bytes):
    refuse_long_tables(io.BytesIO(content), len(content))
