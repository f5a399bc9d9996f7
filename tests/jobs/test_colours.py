"""A reference image shows the colours that were meant, whatever space, depth and transparency it came in; what cannot be told is said."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from studio.accounts.models import User
from studio.jobs.references import NotAnImage, accept_upload
from studio.projects.models import Project
from tests.jobs import profiles
from tests.jobs.test_references import encoded, stored, upload

pytestmark = pytest.mark.usefixtures("tide")


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(picture: Image.Image, *chunks: bytes) -> bytes:
    """A PNG with these chunks behind its first one."""
    content = encoded(picture, "PNG")
    return content[:33] + b"".join(chunks) + content[33:]


def middle(content: bytes, project: Project, owner: User) -> tuple[int, ...]:
    picture = stored(accept_upload(project, owner, upload(content)))
    assert "icc_profile" not in picture.info
    found = picture.getpixel((picture.width // 2, picture.height // 2))
    assert isinstance(found, tuple)
    return found


def flat(mode: str, colour: object) -> Image.Image:
    return Image.new(mode, (16, 16), colour)  # type: ignore[arg-type]  # one of any mode


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        pytest.param(encoded(flat("CMYK", (255, 0, 0, 0)), "JPEG", icc_profile=profiles.cmyk(), quality=100), (1, 144, 0), id="CMYK with its press"),
        pytest.param(encoded(flat("CMYK", (0, 0, 0, 0)), "JPEG", icc_profile=profiles.cmyk(), quality=100), (255, 255, 255), id="its paper"),
        pytest.param(encoded(flat("L", 128), "PNG", icc_profile=profiles.grey(1.0)), (188, 188, 188), id="linear grey"),
        pytest.param(encoded(flat("L", 128), "JPEG", icc_profile=profiles.grey(1.8)), (147, 147, 147), id="grey of an old Mac"),
        pytest.param(encoded(flat("LA", (128, 77)), "PNG", icc_profile=profiles.grey(1.0)), (188, 188, 188, 77), id="linear grey with transparency"),
        pytest.param(
            encoded(Image.fromarray(np.full((16, 16), 32768, dtype=np.uint16)), "PNG", icc_profile=profiles.grey(1.0)),
            (188, 188, 188),
            id="16 bits of it",
        ),
        pytest.param(encoded(flat("RGB", (255, 128, 0)), "PNG", icc_profile=profiles.display_p3()), (255, 118, 0), id="Display P3"),
        pytest.param(
            encoded(flat("RGBA", (255, 128, 0, 99)), "PNG", icc_profile=profiles.display_p3()), (255, 118, 0, 99), id="it with transparency"
        ),
        pytest.param(
            encoded(flat("RGBA", (255, 128, 0, 99)), "WEBP", lossless=True, icc_profile=profiles.display_p3()), (255, 118, 0, 99), id="it as WebP"
        ),
        pytest.param(encoded(flat("L", 128), "PNG", icc_profile=profiles.display_p3()), (128, 128, 128), id="grey under a profile of colours"),
        pytest.param(encoded(flat("RGB", (9, 99, 199)), "PNG", icc_profile=profiles.cmyk()), (9, 99, 199), id="a profile of other channels"),
        pytest.param(png(flat("RGB", (128, 128, 128)), chunk(b"gAMA", struct.pack(">I", 100_000))), (188, 188, 188), id="linear by gAMA"),
        pytest.param(png(flat("RGB", (128, 128, 128)), chunk(b"gAMA", struct.pack(">I", 45_455))), (128, 128, 128), id="usual by gAMA"),
        pytest.param(
            png(flat("RGB", (128, 128, 128)), chunk(b"gAMA", struct.pack(">I", 100_000)), chunk(b"sRGB", b"\0")), (128, 128, 128), id="sRGB over gAMA"
        ),
        pytest.param(png(flat("RGB", (255, 128, 0)), chunk(b"cICP", bytes((12, 13, 0, 1)))), (255, 118, 0), id="Display P3 by cICP"),
        pytest.param(png(flat("RGB", (255, 128, 0)), chunk(b"cICP", bytes((1, 13, 0, 1)))), (255, 128, 0), id="sRGB by cICP"),
    ],
)
def test_colours_are_shown_as_they_were_meant(tide: Project, alice: User, content: bytes, shown: tuple[int, ...]):
    assert middle(content, tide, alice) == pytest.approx(shown, abs=4)


def test_a_camera_that_names_adobe_rgb_by_exif_alone_is_understood(tide: Project, alice: User):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA001] = 0xFFFF
    exif.get_ifd(0x8769)[0xA005] = {1: "R03"}
    plain = middle(encoded(flat("RGB", (200, 100, 50)), "JPEG", quality=100), tide, alice)

    shown = middle(encoded(flat("RGB", (200, 100, 50)), "JPEG", quality=100, exif=exif), tide, alice)

    assert plain == pytest.approx((200, 100, 50), abs=3)
    assert shown == pytest.approx((228, 99, 42), abs=4)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (encoded(flat("CMYK", (255, 0, 0, 0)), "JPEG", icc_profile=b"nonsense"), "colour profile of this CMYK picture cannot be read"),
        (png(flat("RGB", (9, 9, 9)), chunk(b"cICP", bytes((9, 16, 0, 1)))), "This picture is HDR"),
        (png(flat("RGB", (9, 9, 9)), chunk(b"cICP", bytes((9, 18, 0, 1)))), "This picture is HDR"),
    ],
    ids=["CMYK of an unreadable profile", "PQ", "HLG"],
)
def test_colours_that_cannot_be_told_are_said_before_anything_is_ordered(tide: Project, alice: User, content: bytes, told: str):
    with pytest.raises(NotAnImage, match=told):
        accept_upload(tide, alice, upload(content))


def test_a_grey_of_sixteen_bits_that_stands_for_nothing_stays_transparent(tide: Project, alice: User):
    values = np.full((16, 16), 40_000, dtype=np.uint16)
    values[8, 8] = 1234
    content = png(Image.fromarray(values), chunk(b"tRNS", struct.pack(">H", 1234)))

    picture = stored(accept_upload(tide, alice, upload(content)))

    assert (picture.getpixel((8, 8))[3], picture.getpixel((0, 0))) == (0, (156, 156, 156, 255))  # type: ignore[index]


@pytest.mark.parametrize("mode", ["P", "1"])
def test_a_palette_is_made_smaller_without_jagged_edges(tide: Project, alice: User, mode: str):
    fine = Image.fromarray((np.indices((64, 5000)).sum(axis=0) % 2 * 255).astype(np.uint8)).convert(mode)

    picture = stored(accept_upload(tide, alice, upload(encoded(fine, "PNG"))))

    values = np.asarray(picture.convert("L"))[20:40, 100:4000]
    assert picture.width == 4096
    assert 60 < values.mean() < 195
    assert ((values > 40) & (values < 215)).mean() > 0.5


@pytest.mark.parametrize("mode", ["P", "L", "RGB"])
def test_a_colour_that_stands_for_nothing_does_so_after_it_was_made_smaller(tide: Project, alice: User, mode: str):
    picture = Image.new("RGB", (5000, 60), "white")
    picture.paste("black", (0, 0, 2500, 60))
    key: object = {"P": 0, "L": 0, "RGB": (0, 0, 0)}[mode]
    paletted = picture.convert("L").convert("P") if mode == "P" else picture.convert(mode)

    kept = stored(accept_upload(tide, alice, upload(encoded(paletted, "PNG", transparency=key))))

    assert (kept.getpixel((100, 20))[3], kept.getpixel((4000, 20))) == (0, (255, 255, 255, 255))  # type: ignore[index]


def test_a_png_that_says_behind_its_pixels_how_it_is_turned_is_turned(tide: Project, alice: User):
    exif = Image.Exif()
    exif[0x0112] = 6
    content = encoded(Image.new("RGB", (40, 20), "red"), "PNG")
    late = content[:-12] + chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0")) + content[-12:]

    assert stored(accept_upload(tide, alice, upload(late))).size == (20, 40)
