"""What a picture claims of itself, read from its first bytes: whether it is one of ours, and how much memory its decoder needs.

A JPEG may hold any number of scans, each of which walks the whole picture and costs 64 bytes. libjpeg leaves it to programs to count them.
"""

import re
import struct
from dataclasses import dataclass

from studio.decoding.errors import Undecodable

MOST_SIDE = 16_384  # pixels
MOST_RATIO = 100  # of the longer side to the shorter one
MOST_PIXELS = 40_000_000
MOST_SCANS = 100  # of a JPEG; a progressive one has about ten
MOST_SEGMENTS = 5000  # of a JPEG; a large colour profile or preview takes some hundred
DAMAGED = "This picture is damaged or incomplete. Save it again and upload that."
KNOWN_OTHERS = (
    (rb"GIF8[79]a", "a GIF"),
    (rb"\s*(<\?xml|<svg|<!--)", "an SVG"),
    (rb"....ftyp(hei[cfmsx]|hev[cx]|mif1|msf1)", "a HEIC picture"),
    (rb"....ftypavi[fs]", "an AVIF picture"),
    (rb"....ftyp", "a video"),
    (rb"BM", "a BMP picture"),
    (rb"II\*\x00|MM\x00\*", "a TIFF picture"),
    (rb"%PDF", "a PDF"),
    (rb"\s*<", "a web page"),
)
# Bytes of memory for each pixel, at the dearest moment of being decoded, converted and encoded (tests/bench/bench_hostile_uploads.py measures them).
BASELINE, PROGRESSIVE, EIGHT_BITS, SIXTEEN_BITS, WEBP, WEBP_ALPHA = 9, 13, 13, 16, 17, 22
FRAME_MARKERS = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
PROGRESSIVE_MARKERS = {0xC2, 0xC6, 0xCA, 0xCE}
MARKER = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])")  # passes over restart markers, of which there may be millions
WITHOUT_LENGTH = {0x01, 0xD8}
SCAN, END = 0xDA, 0xD9


@dataclass(frozen=True, slots=True)
class Claim:
    """What a picture says of itself. `memory` is in bytes, an estimate."""

    kind: str
    width: int
    height: int
    memory: int


def claim_of(content: bytes, *, memory: int) -> Claim:
    """What this JPEG, PNG or WebP claims. Raises Undecodable for what is none, and for what needs more than so many bytes of memory."""
    if content.startswith(b"\xff\xd8\xff"):
        kind, (width, height, cost) = "JPEG", _of_jpeg(content)
    elif content.startswith(b"\x89PNG\r\n\x1a\n"):
        kind, (width, height, cost) = "PNG", _of_png(content)
    elif content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        kind, (width, height, cost) = "WebP", _of_webp(content)
    else:
        raise Undecodable(f"This is {_what(content)}, whatever its name says. Reference images are JPEG, PNG or WebP.")
    refuse_size(width, height, most=min(MOST_PIXELS, memory // cost), kind=kind)
    return Claim(kind, width, height, width * height * cost)


def refuse_size(width: int, height: int, *, most: int = MOST_PIXELS, kind: str = "") -> None:
    """Raise Undecodable for a picture with too many pixels, or too long a side."""
    if not width or not height:
        raise Undecodable(DAMAGED)
    if (pixels := width * height) > most:
        of_its_kind = f" for this kind of {kind}" if most < MOST_PIXELS else ""
        raise Undecodable(f"This picture has {pixels / 1_000_000:.0f} megapixels; the most is {most // 1_000_000}{of_its_kind}.")
    if max(width, height) > MOST_SIDE:
        raise Undecodable(f"This picture is {width:,} × {height:,} pixels; the most is {MOST_SIDE:,} a side.")
    if max(width, height) > MOST_RATIO * min(width, height):
        raise Undecodable(f"This picture is {width:,} × {height:,} pixels; one side may be at most {MOST_RATIO} times as long as the other.")


def _of_jpeg(content: bytes) -> tuple[int, int, int]:
    """Width, height and bytes for each pixel; every segment is walked, and coded data is passed over."""
    frame, scans, at = (0, 0, BASELINE), 0, 2
    for _ in range(MOST_SEGMENTS):
        found = MARKER.search(content, at)
        if found is None or (marker := found[1][0]) == END:
            return frame
        at = found.end()
        if marker in WITHOUT_LENGTH or marker < min(FRAME_MARKERS):
            continue
        length = int.from_bytes(content[at : at + 2], "big")
        if marker in FRAME_MARKERS and len(content) >= at + 8:
            height, width = struct.unpack(">HH", content[at + 3 : at + 7])
            frame = max(frame, (width, height, PROGRESSIVE if marker in PROGRESSIVE_MARKERS else BASELINE), key=lambda one: one[0] * one[1])
        scans += marker == SCAN
        if scans > MOST_SCANS:
            raise Undecodable(f"This JPEG is drawn in more than {MOST_SCANS} passes, which would take minutes. Save it again and upload that.")
        at += length
    raise Undecodable(DAMAGED)


def _of_png(content: bytes) -> tuple[int, int, int]:
    if content[12:16] != b"IHDR" or len(content) < 33:  # noqa: PLR2004 - the signature and the first chunk
        raise Undecodable(DAMAGED)
    width, height, depth = struct.unpack(">IIB", content[16:25])
    return width, height, SIXTEEN_BITS if depth == 16 else EIGHT_BITS  # noqa: PLR2004


def _of_webp(content: bytes) -> tuple[int, int, int]:
    """The canvas of an extended file, or the only frame of a simple one."""
    chunk, body = content[12:16], content[20:30]
    if len(body) < 10:  # noqa: PLR2004 - what every kind begins with
        raise Undecodable(DAMAGED)
    if chunk == b"VP8X":
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1, WEBP_ALPHA if body[0] & 0x10 else WEBP
    if chunk == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, WEBP_ALPHA if bits >> 28 & 1 else WEBP
    if chunk == b"VP8 ":
        width, height = struct.unpack("<HH", body[6:10])
        return width & 0x3FFF, height & 0x3FFF, WEBP
    raise Undecodable(DAMAGED)


def _what(content: bytes) -> str:
    """What the bytes are, in words."""
    for pattern, name in KNOWN_OTHERS:
        if re.match(pattern, content[:4096], re.DOTALL):
            return name
    try:
        content[:512].decode()
    except UnicodeDecodeError:
        return "no picture that we know"
    return "a text"
