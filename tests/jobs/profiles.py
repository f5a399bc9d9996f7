"""Small colour profiles, written by hand: Pillow can make none but sRGB's."""

import struct

D50 = (0.9642, 1.0, 0.8249)
P3 = ((0.5151, 0.2412, -0.0011), (0.2919, 0.6922, 0.0419), (0.1572, 0.0666, 0.7841))  # Display P3's red, green and blue, seen under D50


def xyz(values: tuple[float, float, float]) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def curve(gamma: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"


def profile(space: bytes, tags: dict[bytes, bytes], *, connects_by: bytes = b"XYZ ", kind: bytes = b"mntr") -> bytes:
    """The profile with these tags."""
    tags = {b"wtpt": xyz(D50), **tags}
    at, table, body = 128 + 4 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        padded = data + b"\0" * (-len(data) % 4)
        table += name + struct.pack(">II", at + len(body), len(data))
        body += padded
    head = struct.pack(
        ">I4sI4s4s4s12s4s", at + len(body), b"none", 0x02400000, kind, space, connects_by, b"\x07\xea\0\x0b\0\x1e" + b"\0" * 6, b"acsp"
    )
    return head.ljust(68, b"\0") + xyz(D50)[8:] + b"\0" * 48 + table + body


def grey(gamma: float) -> bytes:
    return profile(b"GRAY", {b"kTRC": curve(gamma)})


def display_p3(gamma: float = 2.2) -> bytes:
    corners = dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), map(xyz, P3), strict=True))
    return profile(b"RGB ", {**corners, **{name: curve(gamma) for name in (b"rTRC", b"gTRC", b"bTRC")}})


def cmyk() -> bytes:
    """A press whose cyan alone is a middle green: nothing that a formula for CMYK would give. All other inks are black."""
    corners = bytearray()
    for number in range(16):  # cyan is the slowest channel
        corners += bytes((255, 128, 128)) if number == 0 else bytes((128, 60, 190)) if number == 8 else bytes((0, 128, 128))
    lines = bytes(range(256))
    unit = b"".join(struct.pack(">i", 65536 if turn % 4 == 0 else 0) for turn in range(9))
    table = b"mft1\0\0\0\0" + bytes((4, 3, 2, 0)) + unit + lines * 4 + bytes(corners) + lines * 3
    return profile(b"CMYK", {b"A2B0": table}, connects_by=b"Lab ", kind=b"prtr")
