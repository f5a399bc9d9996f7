"""A file that has arrived in part, with what is needed to go on: where it comes from, and the mark by which its server tells versions apart.

    clip.mp4.part   what is here
    clip.mp4.from   the path of the link (hosts and signatures of fresh links change), the mark, and the whole length where it was told

Without a mark (a strong ETag, or Last-Modified) nobody could tell that the file at the server is still the same, so nothing is kept.
"""

import json
import re
from pathlib import Path
from typing import IO

import httpcore

from studio.providers import sockets

RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


class Partial:
    """What is here of `file`, 0 bytes if it comes from elsewhere or cannot go on. `total` is its whole length, None where that is unknown."""

    def __init__(self, file: Path, url: str) -> None:
        self.file, self.part, self.origin = file, Path(f"{file}.part"), Path(f"{file}.from")
        self._source = re.sub(r"^\w+://[^/?]*", "", url).partition("?")[0]
        self.size, self.total, self._mark = 0, None, ""
        self._load()

    total: int | None

    @property
    def can_go_on(self) -> bool:
        """Whether something is here, and a mark to ask with."""
        return self.size > 0 and bool(self._mark)

    @property
    def is_cut(self) -> bool:
        """Whether more is to come."""
        return self.total is not None and self.size < self.total

    def headers(self) -> dict[str, str]:
        """What to ask with: the rest, if the file is still the same."""
        return {"Range": f"bytes={self.size}-", "If-Range": self._mark} if self.can_go_on else {}

    def continues(self, response: httpcore.Response) -> bool:
        """Whether a part that a server gives follows what is here, of the same file: some servers give parts whatever was asked. Takes in the length."""
        told = RANGE.fullmatch(sockets.header(response, "content-range").strip())
        if told is None or int(told[1]) != self.size:
            return False
        total = self.total if told[3] == "*" else int(told[3])
        if total is None or total <= self.size or self.total not in {None, total}:  # without a length the end could not be told from a part's
            return False
        if _mark_of(response) not in {"", self._mark}:
            return False
        self.total = total
        return True

    def begin(self, response: httpcore.Response) -> None:
        """Start from nothing, with the file that this answer brings."""
        self.discard()
        length = sockets.header(response, "content-length")
        self._mark, self.total = _mark_of(response), int(length) if length.isdecimal() else None
        if self._mark:
            self.origin.write_text(json.dumps({"source": self._source, "mark": self._mark, "total": self.total}))

    def open(self) -> IO[bytes]:
        """The part, to write behind what is here."""
        return self.part.open("ab" if self.size else "wb")

    def finish(self) -> int:
        """Give the file its name, as it is whole; its bytes."""
        self.part.rename(self.file)
        self.origin.unlink(missing_ok=True)
        return self.size

    def discard(self) -> None:
        """Forget what is here."""
        self.part.unlink(missing_ok=True)
        self.origin.unlink(missing_ok=True)
        self.size, self.total, self._mark = 0, None, ""

    def _load(self) -> None:
        """Take up what an earlier try left, if it is of the same file."""
        try:
            kept = json.loads(self.origin.read_text())
            size = self.part.stat().st_size
        except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a full disk cut it off
            return
        if kept.get("source") == self._source and (kept["total"] is None or size < kept["total"]):
            self.size, self.total, self._mark = size, kept["total"], kept["mark"]


def said_of(partial: Partial) -> str:
    """How much is here, for people."""
    return f"{partial.size / 1e6:.1f} of {partial.total / 1e6:.1f} MB" if partial.total else f"{partial.size / 1e6:.1f} MB"


def _mark_of(response: httpcore.Response) -> str:
    """What If-Range takes: a strong ETag, else the time of the last change."""
    tag = sockets.header(response, "etag").strip()
    return tag if tag.startswith('"') else sockets.header(response, "last-modified").strip()
