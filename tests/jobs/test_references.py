"""What may be a reference image, how it is kept, and how a provider gets at it."""

import base64
import io
import struct
import uuid
import warnings
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.signing import TimestampSigner
from django.db import DatabaseError
from PIL import Image, ImageCms, PngImagePlugin
from pytest_django.fixtures import Settings

from studio.accounts.models import User
from studio.jobs import references
from studio.jobs.models import Reference
from studio.jobs.references import NotAnImage, Unreachable, accept_upload, accept_url, address_for, public_path, reference_of
from studio.projects.models import Project
from studio.providers.contract import Capability
from studio.routing.models import Connection

FETCHES = Capability(model="m", label="Model", images=(0, 1))
CARRIES = replace(FETCHES, data_urls=True)


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def upload(content: bytes, name: str = "still.png") -> "SimpleUploadedFile":
    return SimpleUploadedFile(name, content)


def stored(reference: Reference) -> Image.Image:
    return Image.open(io.BytesIO(Path(reference.file.path).read_bytes()))


def kept_files(settings: Settings) -> list[Path]:
    return [file for file in Path(settings.MEDIA_ROOT).rglob("*") if file.is_file()]


@pytest.fixture
def image(tide: Project, alice: User) -> Reference:
    return accept_upload(tide, alice, upload(encoded(Image.new("RGB", (30, 20), "teal"), "PNG")))


# taking uploads in


@pytest.mark.parametrize(
    ("kind", "mode", "suffix", "content_type"),
    [
        ("PNG", "RGB", "png", "image/png"),
        ("PNG", "RGBA", "png", "image/png"),
        ("PNG", "P", "png", "image/png"),
        ("PNG", "1", "png", "image/png"),
        ("JPEG", "RGB", "jpg", "image/jpeg"),
        ("JPEG", "L", "jpg", "image/jpeg"),
        ("JPEG", "CMYK", "jpg", "image/jpeg"),
        ("WEBP", "RGB", "jpg", "image/jpeg"),
        ("WEBP", "RGBA", "png", "image/png"),
    ],
)
def test_an_image_is_kept_as_png_or_jpeg(tide: Project, alice: User, kind: str, mode: str, suffix: str, content_type: str):
    reference = accept_upload(tide, alice, upload(encoded(Image.new(mode, (30, 20)), kind)))

    assert reference.file.name == f"references/{reference.pk}.{suffix}"
    assert (reference.width, reference.height, reference.content_type) == (30, 20, content_type)
    assert (reference.owner, reference.project, reference.url) == (alice, tide, "")
    assert reference.bytes == Path(reference.file.path).stat().st_size
    assert len(reference.sha256) == 64
    assert stored(reference).size == (30, 20)
    assert Reference.objects.get() == reference


def test_transparency_survives(tide: Project, alice: User):
    reference = accept_upload(tide, alice, upload(encoded(Image.new("RGBA", (4, 4), (255, 0, 0, 128)), "WEBP", lossless=True)))

    assert stored(reference).getpixel((0, 0)) == (255, 0, 0, 128)


def test_a_photograph_held_sideways_is_turned_upright_and_forgets_where_it_was_taken(tide: Project, alice: User):
    picture = Image.new("RGB", (40, 20), "blue")
    picture.paste("red", (0, 0, 20, 20))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it rotated by 90 degrees clockwise
    exif[0x010E] = "at home"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 0.0)

    reference = accept_upload(tide, alice, upload(encoded(picture, "JPEG", exif=exif, comment=b"secret"), "IMG_1.JPG"))

    kept = stored(reference)
    assert (reference.width, reference.height) == kept.size == (20, 40)
    above, below = kept.getpixel((10, 5)), kept.getpixel((10, 35))
    assert isinstance(above, tuple)
    assert isinstance(below, tuple)
    assert above[0] > 200
    assert below[2] > 200
    content = Path(reference.file.path).read_bytes()
    assert not kept.getexif()
    assert b"at home" not in content
    assert b"secret" not in content


def test_words_inside_a_png_are_dropped(tide: Project, alice: User):
    words = PngImagePlugin.PngInfo()
    words.add_text("Comment", "secret")

    reference = accept_upload(tide, alice, upload(encoded(Image.new("RGB", (4, 4)), "PNG", pnginfo=words)))

    assert b"secret" not in Path(reference.file.path).read_bytes()


def test_a_large_image_is_made_smaller(tide: Project, alice: User):
    reference = accept_upload(tide, alice, upload(encoded(Image.new("L", (6000, 3000), 80), "JPEG")))

    assert (reference.width, reference.height) == (4096, 2048)


def test_sixteen_bits_of_grey_are_scaled_and_not_cut_off(tide: Project, alice: User):
    grey = Image.fromarray(np.full((4, 4), 32768, dtype=np.uint16))

    reference = accept_upload(tide, alice, upload(encoded(grey, "PNG")))

    assert stored(reference).getpixel((0, 0)) == (128, 128, 128)


def test_colours_are_kept_in_srgb(tide: Project, alice: User):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    reference = accept_upload(tide, alice, upload(encoded(Image.new("RGB", (4, 4), (10, 200, 30)), "PNG", icc_profile=profile)))

    kept = stored(reference)
    assert "icc_profile" not in kept.info
    assert kept.getpixel((0, 0)) == pytest.approx((10, 200, 30), abs=2)


def test_a_broken_colour_profile_is_no_obstacle(tide: Project, alice: User):
    reference = accept_upload(tide, alice, upload(encoded(Image.new("RGB", (4, 4), (10, 200, 30)), "PNG", icc_profile=b"nonsense")))

    assert stored(reference).getpixel((0, 0)) == (10, 200, 30)


# refusing them


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "empty"),
        (b"just some words", "a text, whatever its name says"),
        (b"\x89\xff\xfe\x00" * 9, "no picture that we know"),
        (b"GIF89a" + bytes(40), "a GIF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG"),
        (b"<?xml version='1.0'?><svg/>", "an SVG"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "a HEIC picture"),
        (b"\x00\x00\x00\x18ftypavif\x00\x00\x00\x00", "an AVIF picture"),
        (b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00", "a video"),
        (b"<!doctype html><title>404</title>", "a web page"),
        (encoded(Image.new("RGB", (4, 4)), "BMP"), "a BMP picture"),
        (encoded(Image.new("RGB", (4, 4)), "TIFF"), "a TIFF picture"),
        (b"%PDF-1.7", "a PDF"),
    ],
)
def test_what_is_no_image_is_named(tide: Project, alice: User, settings: Settings, content: bytes, told: str):
    with pytest.raises(NotAnImage, match=told):
        accept_upload(tide, alice, upload(content))

    assert kept_files(settings) == []
    assert not Reference.objects.exists()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("share", [0.3, 0.7])
def test_half_an_image_is_damaged(tide: Project, alice: User, kind: str, share: float):
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 255, (64, 64, 3), dtype=np.uint8))
    content = encoded(noise, kind)

    with pytest.raises(NotAnImage):
        accept_upload(tide, alice, upload(content[: int(len(content) * share)]))


def flat_png(side: int) -> bytes:
    """One bit a pixel: a hundred megapixels in a few kilobytes."""
    return encoded(Image.new("1", (side, side)), "PNG")


def test_a_hundred_megapixels_are_refused_by_their_number(tide: Project, alice: User):
    with pytest.raises(NotAnImage, match=r"This picture has 100 megapixels; the most is 34 for this kind of PNG\."):
        accept_upload(tide, alice, upload(flat_png(10_000)))


def claims(side: int) -> bytes:
    """A PNG whose header says that it has so many pixels, and that has none."""
    content = bytearray(flat_png(1))
    header = content.index(b"IHDR")
    content[header + 4 : header + 12] = struct.pack(">II", side, side)
    content[header + 17 : header + 21] = struct.pack(">I", zlib.crc32(content[header : header + 17]))
    return bytes(content)


@pytest.mark.parametrize(("side", "told"), [(6400, "41"), (9400, "88"), (14_000, "196"), (65_000, "4225")])
def test_every_size_of_bomb_is_refused_before_it_is_decoded(tide: Project, alice: User, side: int, told: str):
    with pytest.raises(NotAnImage, match=f"This picture has {told} megapixels"):
        accept_upload(tide, alice, upload(claims(side)))


def test_a_bomb_is_refused_even_where_warnings_are_only_shown(tide: Project, alice: User):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(NotAnImage, match="This picture has 100 megapixels"):
            accept_upload(tide, alice, upload(claims(10_000)))


def test_too_many_bytes_are_refused_unread(tide: Project, alice: User):
    heavy = upload(b"x" * 20_000_001)

    with pytest.raises(NotAnImage, match=r"This file has more than 20 MB, which is the most\."):
        accept_upload(tide, alice, heavy)

    assert heavy.tell() == 0


def test_a_row_that_cannot_be_written_leaves_no_file(tide: Project, alice: User, settings: Settings):
    gone = User(email="gone@example.org")  # never saved

    with pytest.raises((ValueError, DatabaseError)):
        accept_upload(tide, gone, upload(encoded(Image.new("RGB", (4, 4)), "PNG")))

    assert kept_files(settings) == []


# addresses


def test_an_address_is_kept_as_it_is(tide: Project, alice: User):
    reference = accept_url(tide, alice, "  https://cdn.example.org/a%20b.png?size=2#x ")

    assert reference.url == "https://cdn.example.org/a%20b.png?size=2#x"
    assert (reference.file.name, reference.owner, reference.project) == ("", alice, tide)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("", "not the address"),
        ("still.png", "not the address"),
        ("ftp://example.org/a.png", "not the address"),
        ("javascript:alert(1)", "not the address"),
        ("data:image/png;base64,AAAA", "not the address"),
        ("https://", "not the address"),
        ("https://exa mple.org/a.png", "not the address"),
        ("https://example.org/a.png\nX: y", "not the address"),
        ("https://[::1", "not the address"),
        ("http://example.org/a.png", "over https only"),
        ("http://127.0.0.1:9/a.png", "over https only"),
        ("https://alice:secret@example.org/a.png", "user name or a password"),
        ("https://alice@example.org/a.png", "user name or a password"),
        ("https://example.org/" + "a" * 2000, "2,020 characters; the most is 2,000"),
    ],
)
def test_an_address_that_no_provider_could_use_is_refused(tide: Project, alice: User, address: str, told: str):
    with pytest.raises(NotAnImage, match=told):
        accept_url(tide, alice, address)

    assert not Reference.objects.exists()


def test_plain_http_is_for_hosts_that_the_operator_named_and_for_the_sandbox(tide: Project, alice: User, settings: Settings):
    settings.ALLOW_PRIVATE_HOSTS = frozenset({"nas.internal", "10.0.0.5:8080"})
    settings.SANDBOX_URL = "http://127.0.0.1:8000"
    for address in ("http://nas.internal/a.png", "http://10.0.0.5:8080/a.png", "http://127.0.0.1:8000/a.png"):
        assert accept_url(tide, alice, address).url == address

    for address in ("http://10.0.0.5:8081/a.png", "http://127.0.0.1:8001/a.png"):
        with pytest.raises(NotAnImage):
            accept_url(tide, alice, address)
    settings.SANDBOX = False
    with pytest.raises(NotAnImage):
        accept_url(tide, alice, "http://127.0.0.1:8000/a.png")


# how a provider gets at it


@pytest.fixture
def real(db: None) -> Connection:
    return Connection(provider="xai", label="xAI")


def test_an_address_goes_to_the_provider_as_it_is(tide: Project, alice: User, real: Connection):
    reference = accept_url(tide, alice, "https://example.org/a.png")

    assert address_for(reference, connection=real, capability=FETCHES) == "https://example.org/a.png"


def test_a_file_is_fetched_from_our_public_address(image: Reference, real: Connection, settings: Settings):
    settings.PUBLIC_URL = "https://studio.example.org"

    address = address_for(image, connection=real, capability=FETCHES)

    assert address.startswith("https://studio.example.org/references/")
    assert reference_of(address.split("/")[-2]) == image


def test_the_sandbox_fetches_from_this_machine(image: Reference, xai: Connection, settings: Settings):
    settings.PUBLIC_URL = "https://studio.example.org"

    assert address_for(image, connection=xai, capability=FETCHES).startswith(f"{settings.SANDBOX_URL}/references/")


def test_without_a_public_address_a_file_travels_inside_the_order(image: Reference, real: Connection, settings: Settings):
    settings.PUBLIC_URL = ""

    address = address_for(image, connection=real, capability=CARRIES)

    assert address.startswith("data:image/png;base64,")
    assert base64.b64decode(address.partition(",")[2]) == Path(image.file.path).read_bytes()


def test_a_file_that_the_provider_cannot_get_is_said(image: Reference, real: Connection, settings: Settings):
    settings.PUBLIC_URL = ""

    with pytest.raises(Unreachable, match="Model fetches reference images itself, and this installation has no public address"):
        address_for(image, connection=real, capability=FETCHES)


def test_a_picture_that_is_gone_from_our_storage_is_said(image: Reference, real: Connection, settings: Settings):
    settings.PUBLIC_URL = ""
    Path(image.file.path).unlink()

    with pytest.raises(Unreachable, match="gone from our storage"):
        address_for(image, connection=real, capability=CARRIES)


def test_a_signed_path_ends_after_two_hours(image: Reference, monkeypatch: pytest.MonkeyPatch):
    signed = public_path(image).split("/")[-2]
    assert reference_of(signed) == image

    monkeypatch.setattr(references, "PUBLIC_SECONDS", -1)

    assert reference_of(signed) is None


@pytest.mark.parametrize("signed", ["", "x", "x.y.z"])
def test_what_was_not_signed_names_nothing(db: None, signed: str):
    assert reference_of(signed) is None


def test_a_signature_for_something_else_names_nothing(image: Reference, tide: Project, alice: User):
    elsewhere = accept_url(tide, alice, "https://example.org/a.png")
    signer = TimestampSigner(sep=".", salt="studio.reference")

    assert reference_of(TimestampSigner(sep=".").sign(image.pk.hex)) is None
    assert reference_of(signer.sign("not-a-uuid")) is None
    assert reference_of(signer.sign(uuid.uuid4().hex)) is None
    assert reference_of(signer.sign(elsewhere.pk.hex)) is None


@pytest.mark.parametrize("sign", ["\x00", "\x1b", "\x7f", "\u202e"])
def test_an_address_with_a_sign_that_nobody_sees_is_none(tide: Project, alice: User, sign: str):
    with pytest.raises(NotAnImage, match="not the address of a picture"):
        accept_url(tide, alice, f"https://pictures.example/{sign}gnp.png")


def test_a_picture_that_lost_its_palette_is_damaged(tide: Project, alice: User):
    content = encoded(Image.new("P", (8, 8)), "PNG")
    start = content.index(b"PLTE") - 4
    length = int.from_bytes(content[start : start + 4], "big") + 12
    with pytest.raises(NotAnImage, match="damaged"):
        accept_upload(tide, alice, upload(content[:start] + content[start + length :]))
