"""Where a request's head ends, and where a chunked body does, in bytes that arrive a few at a time. Pure: nothing is read or kept here.

What a head or a chunk means is left to gunicorn's parser. It gets the bytes once they are all there, or once it is sure that they are wrong.
"""

import re
from enum import Enum, auto

LARGEST_HEAD = 64 * 1024  # bytes, with the empty line
LONGEST_LINE = 8_190  # bytes of a chunk's size and of each trailer
LARGEST_TRAILERS = 16 * 1024
END, LINE_END = b"\r\n\r\n", b"\r\n"
SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?")
BARE_LF = re.compile(rb"(?<!\r)\n")


class HeadState(Enum):
    """What the bytes so far are."""

    PARTIAL = auto()
    WHOLE = auto()
    WRONG = auto()  # it has a line that does not end with CRLF, or is too large


def head_state(data: bytearray, *, seen: int) -> tuple[HeadState, int]:
    """The state of the head that `data` begins with, and where it ends. The first `seen` bytes were looked at before."""
    begin = len(LINE_END) if data.startswith(LINE_END) else 0  # RFC 9112, 2.2: one empty line before a request is ignored
    end = data.find(END, max(begin, seen - len(END) + 1))
    bare = BARE_LF.search(data, max(0, seen - 1), end if end >= 0 else len(data))
    if bare is not None or (len(data) if end < 0 else end + len(END)) > LARGEST_HEAD:
        return HeadState.WRONG, len(data)
    return (HeadState.PARTIAL, 0) if end < 0 else (HeadState.WHOLE, end + len(END))


class ChunkEnd:
    """Finds the end of one chunked body."""

    def __init__(self) -> None:
        self.is_over = False  # the body has ended, or cannot be one
        self.is_wrong = False
        self._left = 0  # bytes of the present chunk and its line end
        self._line = bytearray()
        self._trailers: int | None = None  # bytes of them, once the last chunk was there

    def take(self, data: bytes) -> int:
        """How many of these bytes belong to the body."""
        at = 0
        while at < len(data) and not self.is_over:
            if self._left:
                step = min(self._left, len(data) - at)
                self._left, at = self._left - step, at + step
                continue
            newline = data.find(b"\n", at)
            end = len(data) if newline < 0 else newline + 1
            self._line += data[at:end]
            at = end
            if len(self._line) > LONGEST_LINE:
                self.is_over = self.is_wrong = True
            elif newline >= 0:
                self._end_line(bytes(self._line))
                self._line.clear()
        return at

    def _end_line(self, line: bytes) -> None:
        if not line.endswith(LINE_END):
            self.is_over = self.is_wrong = True
        elif self._trailers is not None:
            self._trailers += len(line)
            self.is_wrong = self._trailers > LARGEST_TRAILERS
            self.is_over = self.is_wrong or line == LINE_END
        elif (size := SIZE.fullmatch(line[: -len(LINE_END)])) is None:
            self.is_over = self.is_wrong = True
        elif number := int(size[1], 16):
            self._left = number + len(LINE_END)
        else:
            self._trailers = 0
