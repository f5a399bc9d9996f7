"""Sends files and holds answers back without a thread for each reader: a gunicorn worker whose threads hand over once the headers are out. Knows nothing of
the studio.

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
from typing import Any

from gunicorn.workers.gthread import PollableMethodQueue, TConn, ThreadWorker

SMALL = 1 << 16  # bytes that a socket takes at once: not worth handing over
SLICE = 1 << 20  # bytes for one reader before it is the next one's turn
PATIENCE = 60.0  # seconds that a reader may take nothing at all
LOOK_EVERY = 1.0  # seconds
MOST_HELD = 200  # answers of a process that come later: half of its connections (see serving.py)
Promise = Future[bytes]
App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@dataclass(slots=True)
class Load:
    """A part of a file on its way to one reader: a descriptor of our own, where to go on, how many bytes are left, and when some were taken last."""

    file: int
    start: int
    left: int
    moved: float = field(default_factory=time.monotonic)


class Carrier(threading.Thread):
    """Carries loads to their sockets, all at the same time. `then` hears, in this thread, whether a load arrived whole."""

    def __init__(self) -> None:
        super().__init__(name="carrier", daemon=True)
        self._selector = selectors.DefaultSelector()
        self._orders = PollableMethodQueue()
        self._orders.init()
        self._selector.register(self._orders.fileno(), selectors.EVENT_READ, self._orders.run_callbacks)
        self._under_way: dict[socket.socket, tuple[Load, Callable[[bool], None]]] = {}

    def carry(self, load: Load, to: socket.socket, *, then: Callable[[bool], None]) -> None:
        """Begin, from any thread. The descriptor is closed in the end."""
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

    def _begin(self, load: Load, to: socket.socket, then: Callable[[bool], None]) -> None:
        self._under_way[to] = load, then
        try:
            to.settimeout(0)
            self._selector.register(to, selectors.EVENT_WRITE, self._move)
        except (OSError, ValueError):  # closed in between
            self._end(to, whole=False)

    def _move(self, to: socket.socket) -> None:
        """One slice. Nothing moved means that the file became shorter than was promised."""
        load, _ = self._under_way[to]
        try:
            moved = os.sendfile(to.fileno(), load.file, load.start, min(SLICE, load.left))
        except BlockingIOError:
            return
        except OSError:  # the reader is gone
            moved = 0
        load.start, load.left, load.moved = load.start + moved, load.left - moved, time.monotonic()
        if moved == 0 or load.left == 0:
            self._selector.unregister(to)
            self._end(to, whole=load.left == 0)

    def _let_go(self, moved_before: float) -> None:
        """End what nobody takes: a connection costs a descriptor, and a browser asks again for what it still wants."""
        for to in [to for to, (load, _) in self._under_way.items() if load.moved < moved_before]:
            self._selector.unregister(to)
            self._end(to, whole=False)

    def _end(self, to: socket.socket, *, whole: bool) -> None:
        load, then = self._under_way.pop(to)
        os.close(load.file)
        then(whole)


class Worker(ThreadWorker):
    """gunicorn's threads, with a carrier beside them."""

    def init_process(self) -> None:
        """Begin, in the process that serves."""
        self.kept = Kept({}, {}, set())
        self.poller: selectors.BaseSelector
        self.carrier = Carrier()
        self.carrier.start()
        super().init_process()

    def load_wsgi(self) -> None:
        """Put ourselves between gunicorn and the app."""
        super().load_wsgi()
        self.wsgi = partial(keep_back, self.wsgi, self.kept)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """End: nobody is waited for whose answer may be long in coming."""
        for promise in list(self.kept.promised):
            promise.cancel()
        super().handle_exit(sig, frame)

    def finish_request(self, conn: TConn, fs: "Future[Any]") -> None:
        """What follows when a thread is done with a request: here the rest of the answer, if it is a file or comes later."""
        if load := self.kept.loads.pop(conn.sock, None):
            self.carrier.carry(load, conn.sock, then=lambda whole: self.method_queue.defer(partial(self._carried, conn, fs, whole=whole)))
        elif promise := self.kept.promises.pop(conn.sock, None):
            self._hold(conn, fs, promise)
        else:
            super().finish_request(conn, fs)

    def _hold(self, conn: TConn, fs: "Future[Any]", promise: Promise) -> None:
        """Wait for the promise, and for whoever waits: to say anything meanwhile means to hang up."""
        try:
            self.poller.register(conn.sock, selectors.EVENT_READ, lambda _: promise.cancel())
        except (OSError, ValueError):  # the headers could not be sent
            promise.cancel()
            self.kept.promised.discard(promise)
            self._carried(conn, fs, whole=False)
        else:
            promise.add_done_callback(lambda done: self.method_queue.defer(self._keep_word, conn, fs, done))

    def _keep_word(self, conn: TConn, fs: "Future[Any]", promise: Promise) -> None:
        """The one byte. A socket whose answer waited has room for it."""
        self.poller.unregister(conn.sock)
        self.kept.promised.discard(promise)
        try:
            whole = not promise.cancelled() and conn.sock.send(promise.result()) == 1
        except OSError:
            whole = False
        self._carried(conn, fs, whole=whole)

    def _carried(self, conn: TConn, fs: "Future[Any]", *, whole: bool) -> None:
        """The connection waits for its next request, or ends. Closing it leaves to the kernel what the reader has not taken yet."""
        if whole and fs.result():
            super().finish_request(conn, fs)
        else:
            self.nr_conns -= 1
            conn.close()


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
