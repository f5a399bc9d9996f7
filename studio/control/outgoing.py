"""A connection whose answers are kept for slow readers instead of making a thread wait. Knows nothing of the studio, and little of HTTP."""

import os
import socket
import tempfile
from typing import Any

IN_MEMORY = 1 << 20  # bytes of what a reader has not taken yet; more of it lies in a temporary file
MOST_KEPT = 64 << 20  # bytes; a thread waits until a reader of more has taken them
LEAST_RATE = 100_000  # bytes/s for such a reader
PIECE = 1 << 16
NOT_WAITING = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL if hasattr(socket, "MSG_NOSIGNAL") else socket.MSG_DONTWAIT


class Line(socket.socket):
    """A socket whose `sendall` returns at once. `take_rest` gives what could not be sent yet."""

    def __init__(self, accepted: socket.socket) -> None:
        """Take over a socket, which is not usable afterwards."""
        super().__init__(fileno=accepted.detach())
        self._rest: tempfile.SpooledTemporaryFile[bytes] | None = None
        self._kept = 0

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Send what the kernel takes, and keep the rest."""
        view = memoryview(data).cast("B")
        if self._rest is None:
            view = view[self._sent(view, flags) :]
            if not view:
                return
            self._rest = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - whoever takes it closes it
        self._rest.write(view)
        self._kept += len(view)
        if self._kept > MOST_KEPT:
            self._wait()

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        """Send a part of a file as `sendall` does; what is long goes another way (see carrier.py).

        Reads by the descriptor, as the kernel's sendfile would: an app's file need have nothing else, neither `seek` nor `read`.
        """
        number, sent = file.fileno(), 0
        while (left := PIECE if count is None else min(PIECE, count - sent)) and (piece := os.pread(number, left, offset + sent)):
            self.sendall(piece)
            sent += len(piece)
        return sent

    def take_rest(self) -> "tempfile.SpooledTemporaryFile[bytes] | None":
        """What was not sent, from its beginning; None for nothing. The caller closes it."""
        rest, self._rest, self._kept = self._rest, None, 0
        if rest is not None:
            rest.seek(0)
        return rest

    def close(self) -> None:
        """Close, and forget what was not sent."""
        if rest := self.take_rest():
            rest.close()
        super().close()

    def _sent(self, view: memoryview, flags: int) -> int:
        sent = 0
        while sent < len(view):
            try:
                sent += self.send(view[sent:], flags | NOT_WAITING)
            except BlockingIOError:
                break
        return sent

    def _wait(self) -> None:
        """Have the reader take everything that is kept. Raises TimeoutError for one that is too slow."""
        rest = self.take_rest()
        if rest is None:
            return
        with rest:
            self.settimeout(IN_MEMORY / LEAST_RATE)  # for each piece
            while piece := rest.read(IN_MEMORY):
                super().sendall(piece)
