"""Words written into an MP4 without touching its tracks: only the list of words in its header is replaced, and where the header grew, what points behind it.

Everything else stays to the byte: codec tags, colours, rotation, edit lists, time bases, subtitles, chapters. Knows nothing of clips.

    moov                      the header; a few kilobytes
      trak/mdia/minf/stbl/stco, co64    where each chunk begins in the file
      udta/meta/ilst          the words, as iTunes writes them and players read them
    moof/traf/tfhd            where the data of a fragment begins
    mdat                      pictures and sound, copied as they are
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO

LONGEST_HEADER = 32_000_000  # bytes of a moov or moof box
AT_ONCE = 1_000_000  # bytes that are copied
TAGS = {"title": b"\xa9nam", "artist": b"\xa9ART", "album": b"\xa9alb", "comment": b"\xa9cmt"}
WAY_TO_CHUNKS = (b"trak", b"mdia", b"minf", b"stbl")
OFFSETS = {b"stco": ">I", b"co64": ">Q"}
HANDLER = b"hdlr\0\0\0\0\0\0\0\0mdirappl\0\0\0\0\0\0\0\0\0"  # of the list of words
UTF_8 = 1  # the type of a value
DATA_OFFSET = 1  # the flag of a fragment that says where in the file its data begins
FULL = 4  # bytes of version and flags at the start of some boxes


class Untaggable(ValueError):
    """The file is built in a way that is not rewritten here. Nothing is wrong with it."""


@dataclass(frozen=True, slots=True)
class Mp4Box:
    """One box: its kind, where it and its content begin, and where it ends."""

    kind: bytes
    start: int
    content: int
    end: int


def write(source: IO[bytes], target: IO[bytes], words: Mapping[str, str]) -> None:
    """Copy the file with these words (by the names in TAGS) in place of its own. Raises Untaggable, OSError."""
    top = list(_on_top(source))
    headers = [box for box in top if box.kind == b"moov"]
    if len(headers) != 1:
        raise Untaggable("It has not exactly one header.")
    header = headers[0]
    old = _read(source, header)
    grown = len(_with_words(old, words)) - len(old)
    _move_chunks(old, behind=header.start, by=grown)
    for box in top:
        if box is header:
            target.write(_with_words(old, words))
        elif box.kind in {b"moof", b"mfra"}:
            target.write(_moved(_read(source, box), behind=header.start, by=grown))
        else:
            source.seek(box.start)
            _copy(source, target, box.end - box.start)


def _copy(source: IO[bytes], target: IO[bytes], length: int) -> None:
    while length and (data := source.read(min(AT_ONCE, length))):
        target.write(data)
        length -= len(data)


def _read(source: IO[bytes], box: Mp4Box) -> bytearray:
    if box.end - box.start > LONGEST_HEADER:
        raise Untaggable("A header is too long.")
    source.seek(box.start)
    return bytearray(source.read(box.end - box.start))


def _moved(fragment: bytearray, *, behind: int, by: int) -> bytes:
    """A fragment's header whose data begins so many bytes later. The index of fragments is left empty: players find them without it."""
    whole = next(_inside(fragment, 0, len(fragment)))
    if whole.kind == b"mfra":
        fragment[4:8] = b"free"
        return bytes(fragment)
    for track in _inside(fragment, whole.content, whole.end):
        for part in _inside(fragment, track.content, track.end) if track.kind == b"traf" else ():
            if part.kind == b"tfhd" and fragment[part.content + 3] & DATA_OFFSET:
                (offset,) = struct.unpack_from(">Q", fragment, part.content + FULL + 4)
                struct.pack_into(">Q", fragment, part.content + FULL + 4, offset + by if offset > behind else offset)
    return bytes(fragment)


def _on_top(file: IO[bytes]) -> Iterator[Mp4Box]:
    end, start = file.seek(0, 2), 0
    while start + 8 <= end:
        file.seek(start)
        box = _box(file.read(16), 0, end - start)
        yield Mp4Box(box.kind, start, start + box.content, start + box.end)
        start += box.end


def _inside(data: bytes | bytearray, start: int, end: int) -> Iterator[Mp4Box]:
    while start + 8 <= end and data[start : start + 4] != b"\0\0\0\0":  # QuickTime ends a list so
        box = _box(data[start : start + 16], start, end - start)
        yield box
        start = box.end


def _box(head: bytes | bytearray, start: int, room: int) -> Mp4Box:
    size, kind = struct.unpack(">I4s", head[:8])
    length = 8
    if size == 1 and len(head) == 16:  # noqa: PLR2004 - a long size follows
        (size,), length = struct.unpack(">Q", head[8:16]), 16
    size = size or room  # 0: to the end
    if not length <= size <= room:
        raise Untaggable("A box is longer than what holds it.")
    return Mp4Box(kind, start, start + length, start + size)


def _move_chunks(header: bytearray, *, behind: int, by: int) -> None:
    """Let whatever begins behind this place of the file begin so many bytes later."""
    for table in _tables(header, next(_inside(header, 0, len(header))), WAY_TO_CHUNKS):
        form = OFFSETS[table.kind]
        width = struct.calcsize(form)
        first = table.content + FULL + 4
        (count,) = struct.unpack(">I", header[table.content + FULL : first])
        if first + count * width > table.end:
            raise Untaggable("A table of chunks is cut off.")
        for at in range(first, first + count * width, width):
            (offset,) = struct.unpack_from(form, header, at)
            if offset > behind:
                try:
                    struct.pack_into(form, header, at, offset + by)
                except struct.error as error:
                    raise Untaggable("It is too long for its table of chunks.") from error


def _tables(header: bytearray, box: Mp4Box, way: tuple[bytes, ...]) -> Iterator[Mp4Box]:
    for child in _inside(header, box.content, box.end):
        if way and child.kind == way[0]:
            yield from _tables(header, child, way[1:])
        elif not way and child.kind in OFFSETS:
            yield child


def _with_words(header: bytearray, words: Mapping[str, str]) -> bytes:
    """The header with these words in its list, which keeps whatever else is in it."""
    moov = next(_inside(header, 0, len(header)))
    kept, lists = bytearray(), list[Mp4Box]()
    for child in _inside(header, moov.content, moov.end):
        if child.kind == b"udta":
            lists.append(child)
        else:
            kept += header[child.start : child.end]
    if len(lists) > 1:
        raise Untaggable("It has several lists of words.")
    told = _of_user(header, lists[0], words) if lists else _joined(b"meta", b"\0\0\0\0", _handler(), _items(b"", words))
    return _joined(b"moov", bytes(kept), _joined(b"udta", told))


def _of_user(header: bytearray, udta: Mp4Box, words: Mapping[str, str]) -> bytes:
    """The content of a list of a user's data with these words."""
    kept, items = bytearray(), b""
    for child in _inside(header, udta.content, udta.end):
        if child.kind != b"meta":
            kept += header[child.start : child.end]
            continue
        is_plain = header[child.content + 4 : child.content + 8] == b"hdlr"  # as QuickTime writes it
        parts = list(_inside(header, child.content + (0 if is_plain else FULL), child.end))
        if any(part.kind == b"hdlr" and header[part.content + 8 : part.content + 12] != b"mdir" for part in parts):
            raise Untaggable("Its words are of another kind.")
        for part in parts:
            if part.kind == b"ilst":
                others = (item for item in _inside(header, part.content, part.end) if item.kind not in TAGS.values())
                items += b"".join(bytes(header[item.start : item.end]) for item in others)
    return bytes(kept) + _joined(b"meta", b"\0\0\0\0", _handler(), _items(items, words))


def _items(others: bytes, words: Mapping[str, str]) -> bytes:
    told = (_joined(TAGS[name], _joined(b"data", struct.pack(">II", UTF_8, 0), text.encode())) for name, text in words.items() if text)
    return _joined(b"ilst", others, *told)


def _handler() -> bytes:
    return _joined(HANDLER[:4], HANDLER[4:])


def _joined(kind: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I4s", 8 + len(content), kind) + content
