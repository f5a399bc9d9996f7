"""What an MP4 claims of its samples, read from its boxes before FFmpeg opens it: 700 bytes may name fifty million, and FFmpeg makes 24 bytes for each.

The boxes of a WebM hold no such tables: a block names its own bytes.
"""

import struct
from collections.abc import Iterator
from typing import IO

from studio.decoding.errors import Undecodable

MOST_SAMPLES = 1_000_000  # of one table: an hour at 240 frames a second has 864,000
MOST_BOXES = 20_000  # a long film in fragments has some thousand
CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf", b"mvex", b"edts", b"udta", b"dinf"}
# Where the number of entries stands in the box's body, after version and flags.
COUNTS = {b"stts": 4, b"ctts": 4, b"stsc": 4, b"stco": 4, b"co64": 4, b"stss": 4, b"stps": 4, b"elst": 4, b"trun": 4, b"stsz": 8, b"stz2": 8}
HEAD = 24  # bytes of a body in which every count stands
LONG = 1  # the size that says that a longer one follows
TOO_MANY = "The file names more pictures than it can hold, so it is damaged or not a video."


def refuse_long_tables(source: IO[bytes], size: int) -> None:
    """Raise Undecodable for an MP4 whose tables name more samples than the file has bytes, or more than a million in one table."""
    source.seek(4)
    if source.read(4) not in {b"ftyp", b"moov", b"moof", b"mdat", b"free", b"skip", b"wide", b"styp", b"sidx", b"pnot", b"uuid"}:
        return
    most, named = min(size, MOST_SAMPLES), 0
    for kind, body in _boxes(source, 0, size):
        count = _count(kind, body)
        named += count if kind == b"trun" else 0  # of all fragments together
        bound = size if kind == b"stsz" and _number(body, 4) else most  # sound without compression has a sample for each of its bytes, and no table
        if max(count, named) > bound:
            raise Undecodable(TOO_MANY)


def _boxes(source: IO[bytes], start: int, end: int) -> Iterator[tuple[bytes, bytes]]:
    """The kind and the first bytes of each box, at every depth. Raises Undecodable where there are too many."""
    ends, at, seen = [end], start, 0
    while ends:
        if at + 8 > ends[-1]:
            at = ends.pop()
            continue
        seen += 1
        if seen > MOST_BOXES:
            raise Undecodable(TOO_MANY)
        source.seek(at)
        head = source.read(16 + HEAD)
        length, kind = struct.unpack(">I4s", head[:8]) if len(head) >= 8 else (0, b"")  # noqa: PLR2004
        body = 8
        if length == LONG and len(head) >= 16:  # noqa: PLR2004
            length, body = struct.unpack(">Q", head[8:16])[0], 16
        stop = min(ends[-1], at + length) if length else ends[-1]
        if stop < at + body:  # no box at all: FFmpeg stops here too
            at = ends.pop()
            continue
        yield kind, head[body : body + HEAD]
        if kind in CONTAINERS:
            ends.append(stop)
            at += body
        else:
            at = stop


def _count(kind: bytes, body: bytes) -> int:
    """How many samples, or runs of them, this table names; 0 for what is none."""
    if kind in COUNTS:
        return _number(body, COUNTS[kind])
    if kind == b"sbgp":
        return _number(body, 12 if body[:1] == b"\x01" else 8)
    return 0


def _number(body: bytes, at: int) -> int:
    return int.from_bytes(body[at : at + 4], "big") if len(body) >= at + 4 else 0
