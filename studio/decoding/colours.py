"""A picture's colours as they were meant, in 8 bits of sRGB: what readers without colour management show. Knows nothing of uploads.

a profile inside (RGB, grey, CMYK)       converted by LittleCMS, from the picture's own channels
Adobe RGB named by Exif alone            converted by its primaries
PNG's cICP, or gAMA and cHRM             likewise; HDR (PQ, HLG) is refused, since a reference image has no such range
nothing                                  sRGB
"""

import io
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

EXIF_IFD, INTEROPERABILITY, INDEX, COLOR_SPACE = 0x8769, 0xA005, 1, 0xA001
UNCALIBRATED = 0xFFFF
SRGB_GAMMA = 0.45455  # as PNG writes it
SAME_GAMMA, SAME_CORNER = 0.02, 0.002  # what differs less is meant to be the same
ORDINARY = 1  # of cICP's transfers and primaries: those of BT.709, as sRGB has them
PQ, HLG = 16, 18  # cICP's transfers for HDR
SIGNATURE = 8  # bytes before a PNG's first chunk
CHANNELS = {b"RGB ": "RGB", b"GRAY": "L", b"CMYK": "CMYK"}
CURVE_STARTS = 0.0031308  # of sRGB: below it is a straight line
STRIPE = 250_000  # pixels that are converted at once

Floats = npt.NDArray[np.floating[Any]]
Primaries = tuple[tuple[float, float], tuple[float, float], tuple[float, float], tuple[float, float]]  # white, red, green, blue
D65 = (0.3127, 0.3290)
SRGB: Primaries = (D65, (0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
ADOBE: Primaries = (D65, (0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
CICP_PRIMARIES: dict[int, Primaries] = {
    1: SRGB,
    9: (D65, (0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),  # BT.2020
    12: (D65, (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),  # Display P3
}
CICP_SRGB_TRANSFERS = {1, 6, 13, 14, 15}  # sRGB's curve, and those of video that are shown like it


class UnknownColours(Exception):
    """What the colours mean cannot be told. Its text is a sentence for the person."""


@dataclass(frozen=True, slots=True)
class Space:
    """A space of colours without a profile: its primaries, and the exponent of its curve; None for sRGB's own."""

    primaries: Primaries
    gamma: float | None


@dataclass(frozen=True, slots=True)
class Coloured:
    """How a picture says its colours are meant; it forgets that when it is converted."""

    profile: bytes | None
    space: Space | None

    @classmethod
    def of(cls, image: Image.Image) -> "Coloured":
        """What this loaded picture says. Raises UnknownColours for HDR."""
        profile = image.info.get("icc_profile")
        return cls(profile, None if profile else _space_of(image))

    def in_srgb(self, image: Image.Image, *, opaque: bool) -> Image.Image:
        """The picture, which may be smaller by now, in mode RGB, or RGBA if it is not `opaque`. Raises UnknownColours."""
        channels, alpha = _apart(image)
        picture = _by_profile(channels, self.profile) if self.profile else channels.convert("RGB")
        if self.space:
            picture = _by_primaries(picture, self.space)
        if not opaque:
            picture.putalpha(alpha or Image.new("L", picture.size, 255))
        return picture


def sizable(image: Image.Image) -> Image.Image:
    """The same picture in a mode that can be made smaller without jagged edges: no palette, no colour that stands for nothing."""
    if image.mode in {"P", "PA"} or ("transparency" in image.info and image.mode in {"RGB", "L"}):
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    elif image.mode == "1":
        image = image.convert("L")
    elif image.mode.startswith("I"):
        image = _eight_bits(image)
    return image


def _apart(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """The colours alone, in mode L, RGB or CMYK, and what covers them."""
    if image.mode in {"RGBA", "LA"}:
        return image.convert(image.mode[:-1]), image.getchannel("A")
    return (image if image.mode in {"L", "RGB", "CMYK"} else image.convert("RGB")), None


def _eight_bits(image: Image.Image) -> Image.Image:
    """Sixteen bits of grey in eight: Pillow's own conversion cuts off instead of scaling, and forgets which grey is transparent."""
    values = np.asarray(image.convert("I"))
    grey = Image.fromarray((values >> 8).clip(0, 255).astype(np.uint8))
    key = image.info.get("transparency")
    if not isinstance(key, int):
        return grey
    covers = Image.fromarray(np.where(values == key, 0, 255).astype(np.uint8))
    return Image.merge("LA", (grey, covers))


def _by_profile(channels: Image.Image, profile: bytes) -> Image.Image:
    """The colours that a profile means. One that belongs to other channels, or cannot be read, means nothing for RGB and grey."""
    meant = CHANNELS.get(profile[16:20])
    if channels.mode == "RGB" and meant == "L":  # a palette of greys
        channels = channels.convert("L")
    elif channels.mode == "L" and meant == "RGB":
        channels = channels.convert("RGB")
    try:
        if meant == channels.mode:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            return ImageCms.profileToProfile(channels, source, ImageCms.createProfile("sRGB"), outputMode="RGB") or channels.convert("RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        pass
    if channels.mode == "CMYK":
        raise UnknownColours("The colour profile of this CMYK picture cannot be read, so its colours are not known. Save it as sRGB and upload that.")
    return channels.convert("RGB")


def _space_of(image: Image.Image) -> Space | None:
    """The space that a picture without a profile is in; None for sRGB. Raises UnknownColours for HDR."""
    if image.format == "PNG":
        return _space_of_png(image)
    exif = image.getexif()
    index = exif.get_ifd(EXIF_IFD).get(INTEROPERABILITY)
    named = index.get(INDEX) if isinstance(index, dict) else exif.get_ifd(INTEROPERABILITY).get(INDEX)
    is_adobe = str(named).startswith("R03") and exif.get_ifd(EXIF_IFD).get(COLOR_SPACE, UNCALIBRATED) == UNCALIBRATED
    return Space(ADOBE, 563 / 256) if is_adobe else None


def _space_of_png(image: Image.Image) -> Space | None:
    if cicp := image.info.get("cicp"):
        primaries, transfer = cicp[0], cicp[1]
        if transfer in {PQ, HLG}:
            raise UnknownColours("This picture is HDR, and reference images are not: save it as an ordinary picture in sRGB and upload that.")
        if primaries in CICP_PRIMARIES and transfer in CICP_SRGB_TRANSFERS:
            return Space(CICP_PRIMARIES[primaries], None) if primaries != ORDINARY else None
    if "srgb" in image.info:
        return None
    gamma, corners = float(image.info.get("gamma") or SRGB_GAMMA), image.info.get("chromaticity")
    primaries_told = _corners(corners) if corners else SRGB
    is_usual = abs(gamma / SRGB_GAMMA - 1) < SAME_GAMMA
    if is_usual and np.allclose(primaries_told, SRGB, rtol=0, atol=SAME_CORNER):
        return None
    return Space(primaries_told, None if is_usual else 1 / gamma)


def _corners(told: tuple[float, ...]) -> Primaries:
    return (told[0], told[1]), (told[2], told[3]), (told[4], told[5]), (told[6], told[7])


def cicp_of(content: bytes) -> bytes | None:
    """The four bytes of a PNG's cICP chunk, which Pillow passes over; None without one."""
    at = SIGNATURE
    while at + 12 <= len(content):
        (length,), kind = struct.unpack(">I", content[at : at + 4]), content[at + 4 : at + 8]
        if kind == b"cICP" and length == 4:  # noqa: PLR2004 - its size
            return content[at + 8 : at + 12]
        if kind == b"IDAT":
            return None
        at += 12 + length
    return None


def _by_primaries(picture: Image.Image, space: Space) -> Image.Image:
    """The picture converted by matrix and curve, a stripe at a time: floats take twelve times as much memory."""
    ramp = np.linspace(0, 1, 256)
    linear = (_light(ramp) if space.gamma is None else ramp**space.gamma).astype(np.float32)
    matrix = (np.linalg.inv(_to_xyz(SRGB)) @ _adapted(space.primaries)).astype(np.float32)
    whole = np.array(picture)
    rows = max(1, STRIPE // max(1, picture.width))
    for top in range(0, picture.height, rows):
        whole[top : top + rows] = np.rint(_shown((linear[whole[top : top + rows]] @ matrix.T).clip(0, 1)) * 255)
    return Image.fromarray(whole)


def _light(value: Floats) -> Floats:
    """Linear light of values in sRGB's curve, both from 0 to 1."""
    return np.where(value <= CURVE_STARTS * 12.92, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def _shown(light: Floats) -> Floats:
    """The other way."""
    return np.where(light <= CURVE_STARTS, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def _to_xyz(primaries: Primaries) -> Floats:
    """The matrix from linear light in this space to XYZ, white having a luminance of one."""
    white, *corners = ([x / y, 1.0, (1 - x - y) / y] for x, y in primaries)
    columns = np.array(corners).T
    return np.asarray(columns * np.linalg.solve(columns, np.array(white)))


def _adapted(primaries: Primaries) -> Floats:
    """The same with the space's white made sRGB's, so that white stays white."""
    cone = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])  # Bradford's
    whites = [cone @ np.array([x / y, 1.0, (1 - x - y) / y]) for x, y in (SRGB[0], primaries[0])]
    return np.asarray(np.linalg.inv(cone) @ np.diag(whites[0] / whites[1]) @ cone @ _to_xyz(primaries))
