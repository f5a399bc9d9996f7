"""Files that cost far more than they weigh."""

import io
import struct
import zlib

from PIL import Image

PNG = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, body: bytes) -> bytes:
    """One chunk of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def flat_png(width: int, height: int, *, depth: int = 8, colour: int = 2) -> bytes:
    """A PNG of zeros, some hundred kilobytes whatever its size."""
    samples = {0: 1, 2: 3, 6: 4}[colour]
    row = 1 + (width * depth * samples + 7) // 8
    packer = zlib.compressobj(9)
    lines = b"".join(packer.compress(bytes(row)) for _ in range(height)) if height < 100_000 else packer.compress(bytes(row * height))
    body = lines + packer.flush()
    return PNG + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def jpeg_of_scans(scans: int, *, side: int = 64) -> bytes:
    """A progressive grey JPEG whose last scan is repeated."""
    file = io.BytesIO()
    Image.new("L", (side, side), 80).save(file, "JPEG", progressive=True)
    content = file.getvalue()
    last = content.rindex(b"\xff\xda")
    return content[:last] + content[last:-2] * scans + content[-2:]


def box(kind: bytes, body: bytes) -> bytes:
    """One box of an MP4."""
    return struct.pack(">I", 8 + len(body)) + kind + body


def lying_mp4(samples: int, *, table: bytes = b"stsz") -> bytes:
    """An MP4 of some hundred bytes, one table of which names so many samples; all others name one."""

    def named(kind: bytes) -> int:
        return samples if kind == table else 1

    stsd = box(b"stsd", struct.pack(">II", 0, 1) + box(b"avc1", bytes(6) + b"\0\x01" + bytes(16) + struct.pack(">HH", 16, 16) + bytes(50)))
    stsz = box(b"stsz", struct.pack(">III", 0, 0 if table != b"stsz" else 1, named(b"stsz")))
    tables = [
        stsd,
        box(b"stts", struct.pack(">IIII", 0, named(b"stts"), 1, 1)),
        box(b"stsc", struct.pack(">IIIII", 0, named(b"stsc"), 1, 1, 1)),
        stsz,
        box(b"stco", struct.pack(">III", 0, named(b"stco"), 48)),
    ]
    if table in {b"ctts", b"stss", b"co64", b"sbgp", b"stz2"}:
        head = {b"sbgp": struct.pack(">I4sI", 0, b"roll", samples), b"stz2": struct.pack(">III", 0, 8, samples)}
        tables.append(box(table, head.get(table, struct.pack(">II", 0, samples)) + bytes(16)))
    mdhd = box(b"mdhd", struct.pack(">IIIIIHH", 0, 0, 0, 1000, 1000, 0, 0))
    hdlr = box(b"hdlr", struct.pack(">II4s", 0, 0, b"vide") + bytes(13))
    mdia = box(b"mdia", mdhd + hdlr + box(b"minf", box(b"vmhd", bytes(12)) + box(b"stbl", b"".join(tables))))
    tkhd = box(b"tkhd", bytes(12) + struct.pack(">I", 1) + bytes(68))
    return box(b"ftyp", b"isom\0\0\0\0") + box(b"moov", box(b"mvhd", bytes(100)) + box(b"trak", tkhd + mdia)) + box(b"mdat", bytes(32))


def lying_fragments(samples: int, *, fragments: int = 1) -> bytes:
    """An MP4 in fragments, whose runs together name so many samples."""
    run = box(b"trun", struct.pack(">II", 0, samples // fragments))
    fragment = box(b"moof", box(b"mfhd", bytes(8)) + box(b"traf", box(b"tfhd", struct.pack(">II", 0, 1)) + run)) + box(b"mdat", bytes(8))
    return box(b"ftyp", b"iso5\0\0\0\0") + box(b"moov", box(b"mvhd", bytes(100))) + fragment * fragments
