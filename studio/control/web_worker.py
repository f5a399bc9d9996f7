"""A gunicorn worker whose threads never wait for a client: requests are received before a thread is taken, answers are sent after it was given back.
Knows nothing of the studio.

    accept ─> receive (receiving.py) ─> a thread: the app ─> send (carrier.py) ─> wait for the next request, or linger and close
                 └─ a large body: a thread asks the app's `body_limit` first

Time limits: 15 s for a head, 1,000 bytes/s for a body, 16 KB in 30 s for an answer. Where all places are taken a new connection gets that of the one
that has waited longest for its next request, or else of the one that has taken longest over a small one.
"""

import selectors
import socket
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import suppress
from functools import partial
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

from studio.control.carrier import Carrier, Kept, Promise, Rest, keep_back
from studio.control.outgoing import NOT_WAITING, Line
from studio.control.receiving import SMALL, Arrived, Inbound, Phase

RECEIVED_AT_ONCE = 1 << 18  # bytes of one client before it is the next one's turn
LOOK_EVERY = 1.0  # seconds between looks at what is late
LINGER = 10.0  # seconds for which a client may go on sending what is not read any more, so that it can read why
MIN_HEAD_TIME = 1.0  # seconds that a head has in any case, where all places are taken
MIN_BODY_TIME = 10.0  # and a small body
STOP_LINGER = 1.0  # seconds that a stopping server waits for a request that has begun
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class WebConnection(TConn):
    """gunicorn's connection, with the request that arrives or is answered."""

    def __init__(self, cfg: Any, line: Line, client: Any, server: Any) -> None:
        super().__init__(cfg, line, client, server)
        self.initialized = True  # gunicorn would read a request from it otherwise
        self.requests = 0
        self.inbound = Inbound(cfg, client, number=0, folder=None)


class Worker(ThreadWorker):
    """gunicorn's threads, with receiving before them and a carrier behind them."""

    def init_process(self) -> None:
        """Begin, in the process that serves."""
        self.kept = Kept({}, {}, set())
        self.poller: selectors.BaseSelector
        self.tpool: Executor
        self.inbound: dict[WebConnection, Inbound] = {}  # oldest first
        self.lingering: dict[WebConnection, float] = {}  # until when
        self.looked_at = time.monotonic()
        self.carrier = Carrier()
        self.carrier.start()
        super().init_process()

    def load_wsgi(self) -> None:
        """Put ourselves between gunicorn and the app."""
        super().load_wsgi()
        self.body_limit: Callable[[dict[str, Any]], int] | None = getattr(self.wsgi, "body_limit", None)
        self.body_folder: str | None = getattr(self.wsgi, "body_folder", None)
        self.wsgi = partial(keep_back, self.wsgi, self.kept)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """End: nobody is waited for whose answer may be long in coming."""
        for promise in list(self.kept.promised):
            promise.cancel()
        super().handle_exit(sig, frame)

    # --- receiving --------------------------------------------------------------------------------------------------------------------------

    def accept(self, listener: socket.socket) -> None:
        """Take a new connection, and wait for its first request."""
        try:
            accepted, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):  # another process took it, or it is gone
            return
        line = Line(accepted)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        conn = WebConnection(self.cfg, line, address, listener.getsockname())
        self.nr_conns += 1
        self._await(conn)
        if self.nr_conns >= self.worker_connections:
            self._make_room(spare=conn)

    def on_client_socket_readable(self, conn: WebConnection, client: socket.socket) -> None:
        """The next request of a connection begins."""
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._await(conn)
        self._receive(conn, client)

    def _await(self, conn: WebConnection, rest: bytearray | None = None) -> None:
        """Receive a request, of which `rest` is there already."""
        conn.requests += 1
        inbound = Inbound(self.cfg, conn.client, number=conn.requests, folder=self.body_folder, buffer=rest)
        self.inbound[conn] = conn.inbound = inbound
        self._listen(conn)
        if rest:
            self._turn_to(conn, inbound, inbound.go_on())

    def _listen(self, conn: WebConnection) -> None:
        conn.sock.settimeout(0)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._receive, conn))

    def _receive(self, conn: WebConnection, client: Any) -> None:
        inbound = self.inbound[conn]
        try:
            data = client.recv(RECEIVED_AT_ONCE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._turn_to(conn, inbound, inbound.feed(data))
        else:
            self._drop(conn)

    def _turn_to(self, conn: WebConnection, inbound: Inbound, phase: Phase) -> None:
        """What follows once this phase is reached."""
        if phase is Phase.READY:
            self.poller.unregister(conn.sock)
            del self.inbound[conn]
            conn.parser = Arrived(inbound)
            self.enqueue_req(conn)
        elif phase is Phase.ASKING:
            self.poller.unregister(conn.sock)
            asked: Future[int] = self.tpool.submit(self._limit_for, inbound)
            asked.add_done_callback(lambda told: self.method_queue.defer(self._told, conn, inbound, told))
        elif inbound.expects_continue():
            with suppress(OSError):
                conn.sock.send(CONTINUE, NOT_WAITING)

    def _limit_for(self, inbound: Inbound) -> int:
        """What the app takes, asked in a thread of the pool."""
        return SMALL if self.body_limit is None else self.body_limit(inbound.environ())

    def _told(self, conn: WebConnection, inbound: Inbound, told: "Future[int]") -> None:
        if error := told.exception():
            self.log.error("the limit of a body could not be found out", exc_info=error)
        if conn in self.inbound:  # it was not dropped meanwhile
            self._listen(conn)
            self._turn_to(conn, inbound, inbound.allow(0 if error else told.result()))

    def _drop(self, conn: WebConnection) -> None:
        """End a connection whose request will not arrive."""
        inbound = self.inbound.pop(conn)
        inbound.close()
        with suppress(KeyError, ValueError):  # it is not listened to while the app is asked
            self.poller.unregister(conn.sock)
        self._close(conn)

    def _close(self, conn: WebConnection) -> None:
        self.nr_conns -= 1
        conn.close()

    def _make_room(self, *, spare: WebConnection) -> None:
        """End one connection that waits, or is slow; where there is none, the next ones wait in the kernel's queue."""
        if self.keepalived_conns:
            idle = self.keepalived_conns.popleft()
            self.poller.unregister(idle.sock)
            self._close(idle)
        elif slow := self._slowest(spare):
            self._drop(slow)
        elif self.lingering:
            self._end_linger(next(iter(self.lingering)))

    def _slowest(self, spare: WebConnection) -> WebConnection | None:
        """The connection that has taken longest over a head; if there is none, over a small body."""
        now = time.monotonic()
        waiting = [(conn, inbound, now - inbound.since) for conn, inbound in self.inbound.items() if conn is not spare]
        heads = [(took, conn) for conn, inbound, took in waiting if inbound.phase is Phase.HEAD and took > MIN_HEAD_TIME]
        bodies = [(took, conn) for conn, inbound, took in waiting if inbound.is_small_body and took > MIN_BODY_TIME]
        return max(heads or bodies, key=lambda one: one[0])[1] if heads or bodies else None

    # --- time -------------------------------------------------------------------------------------------------------------------------------

    def murder_pending(self) -> None:
        """Called by gunicorn's loop: end what is late."""
        now = time.monotonic()
        if now - self.looked_at < LOOK_EVERY:
            return
        self.looked_at = now
        for conn in [conn for conn, inbound in self.inbound.items() if inbound.is_late(now)]:
            if self.inbound[conn].is_begun:
                with suppress(OSError):
                    conn.sock.send(TIMED_OUT, NOT_WAITING)
            self._drop(conn)
        for conn in [conn for conn, until in self.lingering.items() if until < now]:
            self._end_linger(conn)

    def _cap_keepalive(self, deadline: float) -> None:
        """A stopping server: end what has not begun a request."""
        super()._cap_keepalive(deadline)
        for conn in [conn for conn, inbound in self.inbound.items() if not inbound.is_begun]:
            self._drop(conn)

    # --- after the app ----------------------------------------------------------------------------------------------------------------------

    def finish_request(self, conn: WebConnection, fs: "Future[Any]") -> None:
        """What follows when a thread is done with a request: first what the reader has not taken yet."""
        conn.inbound.close()
        if rest := conn.sock.take_rest():
            self.carrier.carry(Rest(rest), conn.sock, then=lambda whole: self.method_queue.defer(partial(self._go_on, conn, fs, whole=whole)))
        else:
            self._go_on(conn, fs, whole=True)

    def _go_on(self, conn: WebConnection, fs: "Future[Any]", *, whole: bool) -> None:
        """Then the rest of the answer, if it is a file or comes later."""
        load = self.kept.loads.pop(conn.sock, None)
        promise = self.kept.promises.pop(conn.sock, None)
        if load and whole and fs.exception() is None:
            self.carrier.carry(load, conn.sock, then=lambda sent: self.method_queue.defer(partial(self._carried, conn, fs, whole=sent)))
            return
        if load:
            load.close()
        if promise and whole:
            self._hold(conn, fs, promise)
        else:
            self._let_go_of(promise)
            self._carried(conn, fs, whole=whole)

    def _let_go_of(self, promise: Promise | None) -> None:
        if promise:
            promise.cancel()
            self.kept.promised.discard(promise)

    def _hold(self, conn: WebConnection, fs: "Future[Any]", promise: Promise) -> None:
        """Wait for the promise, and for whoever waits: to say anything meanwhile means to hang up."""
        try:
            self.poller.register(conn.sock, selectors.EVENT_READ, lambda _: promise.cancel())
        except (OSError, ValueError):  # the headers could not be sent
            self._let_go_of(promise)
            self._carried(conn, fs, whole=False)
        else:
            promise.add_done_callback(lambda done: self.method_queue.defer(self._keep_word, conn, fs, done))

    def _keep_word(self, conn: WebConnection, fs: "Future[Any]", promise: Promise) -> None:
        """The one byte. A socket whose answer waited has room for it."""
        self.poller.unregister(conn.sock)
        self.kept.promised.discard(promise)
        try:
            whole = not promise.cancelled() and conn.sock.send(promise.result()) == 1
        except OSError:
            whole = False
        self._carried(conn, fs, whole=whole)

    def _carried(self, conn: WebConnection, fs: "Future[Any]", *, whole: bool) -> None:
        """The connection waits for its next request, or ends."""
        rest = conn.inbound.buffer
        if not whole or fs.exception() is not None:
            self._close(conn)
        elif not fs.result():
            self._linger(conn)
        elif rest:
            self._await(conn, rest)
        else:
            conn.sock.settimeout(0)
            conn.timeout = time.monotonic() + (self.cfg.keepalive if self.alive else STOP_LINGER)
            self.keepalived_conns.append(conn)
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_client_socket_readable, conn))

    def _linger(self, conn: WebConnection) -> None:
        """End after the client has: a connection that is closed while bytes of it are unread takes the answer's end with it (RFC 9112, 9.6)."""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.settimeout(0)
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._throw_away, conn))
        except (OSError, ValueError):
            self._close(conn)
        else:
            self.lingering[conn] = time.monotonic() + LINGER

    def _throw_away(self, conn: WebConnection, client: Any) -> None:
        with suppress(BlockingIOError):
            try:
                if client.recv(RECEIVED_AT_ONCE):
                    return
            except ConnectionError:
                pass
            self._end_linger(conn)

    def _end_linger(self, conn: WebConnection) -> None:
        del self.lingering[conn]
        self.poller.unregister(conn.sock)
        self._close(conn)
