"""Sends answers to slow readers, and holds answers back, without a thread for each. For a gunicorn worker (web_worker.py); knows nothing of the studio.

A thread that waits until somebody's slow line has taken a clip answers no page meanwhile: sixteen viewers would take all there are. So one thread of each
process waits for all readers at once, and the kernel moves the bytes from the file to whoever can take more; they are never in our memory.

    the app     answers with a `wsgi.file_wrapper` (PEP 3333), as Django does with what has `file_to_stream`
    keep_back   keeps the file back, so that gunicorn sends the headers alone
    Worker      gives the connection to its Carrier, and goes on with it afterwards
    Carrier     sendfile, a slice at a time

An answer may also come later. The app calls `environ["studio.later"]`, which is a promise (or None, when too many are held), and answers with headers for
a body of one byte; the connection waits with no thread until somebody, in any thread, sets that byte as the promise's result.
"""

import io
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import IO, Any

from gunicorn.workers.gthread import PollableMethodQueue

SMALL = 1 << 16  # bytes that a socket takes at once: not worth handing over
SLICE = 1 << 20  # bytes for one reader before it is the next one's turn
PATIENCE = 30.0  # seconds in which a reader must take ENOUGH
ENOUGH = 16_384  # bytes
LOOK_EVERY = 1.0  # seconds
MOST_HELD = 200  # answers of a process that come later: half of its connections (see serving.py)
Promise = Future[bytes]
App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@dataclass(slots=True)
class Load:
    """A part of a file on its way to one reader: a descriptor of our own, where to go on, and how many bytes are left."""

    file: int
    start: int
    left: int

    def move(self, to: socket.socket) -> int:
        """Send one slice; 0 means that the file became shorter than was promised. Raises OSError."""
        moved = os.sendfile(to.fileno(), self.file, self.start, min(SLICE, self.left))
        self.start, self.left = self.start + moved, self.left - moved
        return moved

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self.file)


class Rest:
    """What of an answer its reader has not taken yet (see outgoing.py)."""

    def __init__(self, file: IO[bytes]) -> None:
        """Take over a file whose bytes go out from where it stands."""
        self._file, start = file, file.tell()
        self.left = file.seek(0, os.SEEK_END) - start
        file.seek(start)

    def move(self, to: socket.socket) -> int:
        """Send one piece. Raises OSError."""
        start, piece = self._file.tell(), self._file.read(SMALL)
        moved = 0
        try:
            moved = to.send(piece)
        finally:
            self._file.seek(start + moved)
        self.left -= moved
        return moved

    def close(self) -> None:
        """Close the file."""
        self._file.close()


@dataclass(slots=True)
class Journey:
    """A load under way: who hears how it ended, how many bytes were left when its reader last took enough, and when that was."""

    load: Load | Rest
    then: Callable[[bool], None]
    marked: int
    moved: float = field(default_factory=time.monotonic)

    def mark(self) -> None:
        """Note what was taken, if it is enough to count."""
        if self.marked - self.load.left >= ENOUGH or self.load.left == 0:
            self.marked, self.moved = self.load.left, time.monotonic()


class Carrier(threading.Thread):
    """Carries loads to their sockets, all at the same time. `then` hears, in this thread, whether a load arrived whole."""

    def __init__(self) -> None:
        super().__init__(name="carrier", daemon=True)
        self._selector = selectors.DefaultSelector()
        self._orders = PollableMethodQueue()
        self._orders.init()
        self._selector.register(self._orders.fileno(), selectors.EVENT_READ, self._orders.run_callbacks)
        self._under_way: dict[socket.socket, Journey] = {}

    def carry(self, load: Load | Rest, to: socket.socket, *, then: Callable[[bool], None]) -> None:
        """Begin, from any thread. The load is closed in the end."""
        self._orders.defer(self._begin, load, to, then)

    def run(self) -> None:
        """Wait for readers, until the process ends."""
        look_at = time.monotonic()
        while True:
            for key, _ in self._selector.select(LOOK_EVERY):
                key.data(key.fileobj)
            if (now := time.monotonic()) >= look_at:
                look_at = now + LOOK_EVERY
                self._let_go(now - PATIENCE)

    def _begin(self, load: Load | Rest, to: socket.socket, then: Callable[[bool], None]) -> None:
        self._under_way[to] = Journey(load, then, load.left)
        try:
            to.settimeout(0)
            self._selector.register(to, selectors.EVENT_WRITE, self._move)
        except (OSError, ValueError):  # closed in between
            self._end(to, whole=False)

    def _move(self, to: socket.socket) -> None:
        """One slice."""
        journey = self._under_way[to]
        try:
            moved = journey.load.move(to)
        except BlockingIOError:
            return
        except OSError:  # the reader is gone
            moved = 0
        journey.mark()
        if moved == 0 or journey.load.left == 0:
            self._selector.unregister(to)
            self._end(to, whole=journey.load.left == 0)

    def _let_go(self, moved_before: float) -> None:
        """End what is hardly taken: a connection costs a descriptor, and a browser asks again for what it still wants."""
        for to in [to for to, journey in self._under_way.items() if journey.moved < moved_before]:
            self._selector.unregister(to)
            self._end(to, whole=False)

    def _end(self, to: socket.socket, *, whole: bool) -> None:
        journey = self._under_way.pop(to)
        journey.load.close()
        journey.then(whole)


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept back at a process: files and promises of requests whose thread is not done yet, by socket, and every promise that was not kept yet."""

    loads: dict[socket.socket, Load]
    promises: dict[socket.socket, Promise]
    promised: set[Promise]

    def promise(self, to: socket.socket) -> Promise | None:
        """A promise to this request; None when so many wait that others would find no room."""
        if len(self.promised) >= MOST_HELD:
            return None
        promise = self.promises[to] = Promise()
        self.promised.add(promise)
        return promise

    def is_promised(self, to: socket.socket, *, by: dict[str, str]) -> bool:
        """Whether these headers are those of an answer that comes later. After any others, as of a page that says what went wrong, nothing may follow."""
        if by.get("content-length") == "1":
            return to in self.promises
        if promise := self.promises.pop(to, None):
            promise.cancel()
            self.promised.discard(promise)
        return False


@dataclass(frozen=True, slots=True)
class _Nothing:
    """The body of an answer whose file goes another way. Ends the answer as that body would have."""

    instead_of: Any

    def __iter__(self) -> Iterator[bytes]:
        return iter(())

    def close(self) -> None:
        """Called by the server in the end."""
        if hasattr(self.instead_of, "close"):
            self.instead_of.close()


def keep_back(app: App, kept: Kept, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """The app's answer; if it is a file of some size, or comes later, nothing but its headers."""
    told: dict[str, str] = {}

    def started(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
        told.update({name.lower(): value for name, value in headers})
        return start_response(status, headers, *rest)

    to = environ["gunicorn.socket"]
    if is_plain(environ):
        environ["studio.later"] = partial(kept.promise, to)
    body = app(environ, started)
    if kept.is_promised(to, by=told):
        return _Nothing(body)
    load = _load_of(body, environ, int(told.get("content-length", 0)))
    if load is None:
        return body
    kept.loads[to] = load
    return _Nothing(body)


def is_plain(environ: dict[str, Any]) -> bool:
    """Whether the answer's body goes over this connection, and nothing else meanwhile."""
    return environ["REQUEST_METHOD"] == "GET" and str(environ["SERVER_PROTOCOL"]).startswith("HTTP/1.")


def _load_of(body: Any, environ: dict[str, Any], length: int) -> Load | None:
    """So many bytes of the body's file from where it stands; None when they are few, or nothing that the kernel can send."""
    if length <= SMALL or not is_plain(environ) or not isinstance(body, environ["wsgi.file_wrapper"]):
        return None
    try:
        number = body.filelike.fileno()
        return Load(os.dup(number), os.lseek(number, 0, os.SEEK_CUR), length)
    except (AttributeError, io.UnsupportedOperation):
        return None
