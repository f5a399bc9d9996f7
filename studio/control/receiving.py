"""A request while it arrives: its head, then its body, without a thread. Knows nothing of the studio and of sockets.

    HEAD ──> ASKING ──> BODY ──> READY     a body of more than 64 KB, or of unknown length: somebody says first how much is taken
      └────────────────> BODY ──> READY
      └─────────────────────────> READY    no body; or the head is wrong, which gunicorn answers

gunicorn parses: the head once it is whole, a chunked body once it is. Whatever it refuses is answered by it and ends the connection.
"""

import time
from collections.abc import Iterator
from enum import Enum, auto
from io import BytesIO
from tempfile import SpooledTemporaryFile
from typing import Any
from urllib.parse import unquote_to_bytes

from gunicorn.http.body import Body, ChunkedReader, LengthReader
from gunicorn.http.errors import InvalidChunkSize, LimitRequestHeaders, NoMoreData
from gunicorn.http.message import Request
from gunicorn.http.unreader import IterUnreader

from studio.control.framing import LARGEST_HEAD, ChunkEnd, HeadState, head_state

SMALL = 64 * 1024  # bytes of a body that anybody may send, and that stays in memory
HEAD_TIME = 15.0  # seconds for a whole head
GRACE = 15.0  # seconds before a body's rate is looked at
LEAST_RATE = 1_000  # bytes/s of a body, on average since it began
PIECE = 1 << 16


class Phase(Enum):
    """What is waited for."""

    HEAD = auto()
    ASKING = auto()
    BODY = auto()
    READY = auto()


class TooLarge(OSError):
    """The body was not received: it is larger than what is taken from this person."""


class Unread:
    """A body that was refused. Raises when it is read."""

    def __init__(self, error: OSError) -> None:
        self._error = error

    def read(self, size: int) -> bytes:  # noqa: ARG002 - gunicorn's signature
        """Raise the reason."""
        raise self._error


class Inbound:
    """What a client has sent of its next request. `buffer` is what came after it."""

    def __init__(self, cfg: Any, client: Any, *, number: int, folder: str | None, buffer: bytearray | None = None) -> None:
        self._cfg, self._client, self._number, self._folder = cfg, client, number, folder
        self.buffer = bytearray() if buffer is None else buffer
        self.phase, self.since = Phase.HEAD, time.monotonic()
        self.request: Any = None
        self.error: Exception | None = None
        self.received = 0  # bytes of the body
        self.length: int | None = 0  # of the body; None for a chunked one
        self._seen, self._limit, self._is_refused = 0, SMALL, False
        self._chunks: ChunkEnd | None = None
        self._body = SpooledTemporaryFile[bytes](SMALL, dir=folder)  # no file before it holds more than that

    def feed(self, data: bytes) -> Phase:
        """Take bytes as they come."""
        self.buffer += data
        return self.go_on()

    def go_on(self) -> Phase:
        """As far as the bytes so far lead."""
        if self.phase is Phase.HEAD:
            self._take_head()
        if self.phase is Phase.BODY:
            self._take_body()
        return self.phase

    def allow(self, limit: int) -> Phase:
        """Go on after ASKING: take a body of so many bytes at most."""
        self._limit = limit
        if self.length is not None and self.length > limit:
            self._refuse(TooLarge("The body is too large and was not read."))
        else:
            self.phase, self.since = Phase.BODY, time.monotonic()
        return self.go_on()

    def expects_continue(self) -> bool:
        """Whether the client waits for 100 before it sends its body. Says so once."""
        if self.phase is not Phase.BODY or not self.request._expected_100_continue:  # noqa: SLF001 - gunicorn would say it once the body is there
            return False
        self.request._expected_100_continue = False  # noqa: SLF001
        return True

    def is_late(self, now: float) -> bool:
        """Whether the head takes too long, or the body comes too slowly."""
        took = now - self.since
        return took > HEAD_TIME if self.phase is Phase.HEAD else self.phase is Phase.BODY and self.received < (took - GRACE) * LEAST_RATE

    @property
    def is_begun(self) -> bool:
        """Whether anything came."""
        return self.phase is not Phase.HEAD or bool(self.buffer)

    @property
    def is_small_body(self) -> bool:
        """Whether a body comes that anybody may send."""
        return self.phase is Phase.BODY and self.length is not None and self.length <= SMALL

    def environ(self) -> dict[str, Any]:
        """What tells who sends what to where, for whoever says how much is taken."""
        request = self.request
        headers = {f"HTTP_{name.replace('-', '_')}": value for name, value in request.headers}
        path = {"PATH_INFO": unquote_to_bytes(request.path).decode("latin-1"), "QUERY_STRING": request.query, "SCRIPT_NAME": ""}
        host = {"SERVER_NAME": "localhost", "SERVER_PORT": "80", "wsgi.url_scheme": request.scheme, "wsgi.input": BytesIO()}
        length = {} if self.length is None else {"CONTENT_LENGTH": str(self.length)}
        return {**headers, **path, **host, **length, "REQUEST_METHOD": request.method}

    def finished(self) -> Any:
        """The request with its body, as gunicorn hands it to the app. Raises what is wrong with it. Runs in a thread of the pool."""
        if self.error is not None:
            raise self.error
        if self._chunks is not None and not self._is_refused:
            self._decode()
        return self.request

    def close(self) -> None:
        """Drop the body's temporary file."""
        self._body.close()

    def _take_head(self) -> None:
        state, end = head_state(self.buffer, seen=self._seen)
        if state is HeadState.PARTIAL:
            self._seen = len(self.buffer)
            return
        head = bytes(self.buffer[:end])
        del self.buffer[:end]
        self.phase = Phase.READY
        try:
            self.request = Request(self._cfg, IterUnreader([head]), self._client, self._number)
            if state is HeadState.WRONG:
                raise LimitRequestHeaders(f"more than {LARGEST_HEAD} bytes")
        except Exception as error:  # noqa: BLE001 - gunicorn's handle_error answers each kind of it
            self.error = error
            return
        self._begin_body()

    def _begin_body(self) -> None:
        reader = self.request.body.reader
        if isinstance(reader, ChunkedReader):
            self.length, self._chunks = None, ChunkEnd()
        else:
            self.length = reader.length
        if self.length != 0:
            self.since = time.monotonic()
            self.phase = Phase.BODY if self.length is not None and self.length <= SMALL else Phase.ASKING

    def _take_body(self) -> None:
        if self._chunks is not None:
            count = self._chunks.take(bytes(self.buffer))
            is_over = self._chunks.is_over
        else:
            count = min(len(self.buffer), (self.length or 0) - self.received)
            is_over = self.received + count == self.length
        self.received += count
        if self.received > self._limit:
            self._refuse(TooLarge("The body is too large and was not read."))
            return
        try:
            self._body.write(bytes(self.buffer[:count]))
        except OSError as error:  # a full disk: whoever reads the body is told
            self._refuse(error)
            return
        del self.buffer[:count]
        if is_over:
            self.phase = Phase.READY
            self._serve(self._body, self.received)

    def _refuse(self, error: OSError) -> None:
        """End without the body. The app sees the length that was declared, or that was received so far."""
        self.phase = Phase.READY
        self.buffer.clear()
        self.request.force_close()
        self.request._expected_100_continue = False  # noqa: SLF001
        self.request.body = Body(Unread(error))
        if self._chunks is not None:
            self._declare(self.received)
        self.close()
        self._is_refused = True

    def _serve(self, body: "SpooledTemporaryFile[bytes]", length: int) -> None:
        body.seek(0)
        self.request.body = Body(LengthReader(IterUnreader(_pieces(body)), length))

    def _decode(self) -> None:
        """Read a chunked body with gunicorn's reader, and serve it as one of known length. Raises what is wrong with it."""
        raw, plain = self._body, SpooledTemporaryFile[bytes](SMALL, dir=self._folder)
        raw.seek(0)
        unreader = IterUnreader(_pieces(raw))
        reader = ChunkedReader(self.request, unreader)
        self._body, size = plain, 0
        with raw:
            try:
                while piece := reader.read(PIECE):
                    plain.write(piece)
                    size += len(piece)
            except NoMoreData as error:  # it was found wrong before its end
                raise InvalidChunkSize(b"the body does not end") from error
        self._declare(size)
        self.request.force_close()  # nothing that follows a chunked body is read as another request
        self._serve(plain, size)

    def _declare(self, size: int) -> None:
        self.request.headers = [(name, value) for name, value in self.request.headers if name != "TRANSFER-ENCODING"]
        self.request.headers.append(("CONTENT-LENGTH", str(size)))


def _pieces(file: "SpooledTemporaryFile[bytes]") -> Iterator[bytes]:
    while piece := file.read(PIECE):
        yield piece


class Arrived:
    """Stands where gunicorn's connection has its parser: gives it the one request that arrived whole."""

    def __init__(self, inbound: Inbound) -> None:
        self.inbound = inbound

    def __next__(self) -> Any:
        """The request. Raises what is wrong with it."""
        return self.inbound.finished()

    def finish_body(self, **_limits: Any) -> bool:
        """Whether another request may follow: nothing is left of the body, which was received before."""
        return True
