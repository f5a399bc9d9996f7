"""The only module that opens sockets to providers: carries a flow's request out and its answer back.

Knows no provider. What it knows is which failures happened before anything was sent:

    a paid submission    sent once, on a fresh connection     never sent ─> NotNow      anything else ─> Unanswered
    a look               free, on pooled connections          any failure ─> NotNow
    a download           no key, few redirects, bounded       link is gone ─> LinkExpired      anything else ─> DownloadFailed

    DownloadError
    ├── LinkExpired      the provider no longer has it: do not try again
    └── DownloadFailed   try again; the video is there, or will be
"""

import asyncio
import functools
import html
import itertools
import json
import re
import ssl
import zlib
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import httpcore
import httpx

from studio.providers import guard, reading
from studio.providers.contract import Brief, Cause, Flow, NotNow, Provider, ProviderError, Refused, Report, Unanswered, Unreadable

USER_AGENT = "studio"
LONGEST_ANSWER = 1024 * 1024  # bytes
LONGEST_RECORD = 16 * 1024  # characters of an answer that are kept with an attempt
LEAST_CUT = 12  # characters at the start of a key that give it away
CONNECTIONS_PER_POOL = 20  # beyond some fifty connections one pool gets slower, not faster (docs/decisions.md)
POOLS = 10  # so that a sweep of 200 jobs looks at all of them at once
KEEP_IDLE = 15.0  # seconds; servers close idle connections, some after few
MOST_REDIRECTS = 3
OK = 200
GONE = frozenset({401, 403, 404, 410})  # how providers' file servers answer for a link that has expired

ABOUT_THE_BYTES = frozenset({b"content-encoding", b"content-length", b"transfer-encoding"})  # headers that no longer fit a body that we have read

# Raised before the first byte left, so the provider cannot have acted.
NEVER_SENT = (httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.PoolTimeout, httpcore.UnsupportedProtocol)

# What echoes of our own request may hold: the address of a callback carries the attempt's token.
CALLBACK_ADDRESS = re.compile(r'("(?:hookUrl|hook_url|callback_url|callbackUrl)"\s*:\s*")(?:[^"\\]|\\.)*"')


class DownloadError(Exception):
    """The base of the tree above; its text is for people."""


class TooLong(Exception):
    """More bytes than we take."""


class LinkExpired(DownloadError):
    """The provider's file server no longer gives this file."""


class DownloadFailed(DownloadError):
    """The file did not arrive whole, this time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait, in seconds: for a connection, for the next bytes, for a free connection of the pool, and for everything together."""

    connect: float = 5.0
    read: float = 10.0
    pool: float = 10.0
    total: float = 30.0

    @property
    def extension(self) -> dict[str, float]:
        """The same as httpcore takes it."""
        return {"connect": self.connect, "read": self.read, "write": self.read, "pool": self.pool}


FOR_SUBMITTING = Patience(read=60.0, total=75.0)  # the worker's lease for sending must be longer
FOR_LOOKING = Patience()
FOR_DOWNLOADING = Patience(read=30.0, total=300.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """What an answer said about the rate limit: how many requests are left, and in how many seconds it is whole again. None where it is silent."""

    remaining: int | None = None
    reset: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A report with what it was read from. `raw` is the body for the attempt's record: no key, no callback address, at most 16 Ki characters."""

    report: Report
    status: int
    raw: str
    pace: Pace


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """A file that arrived whole: its size in bytes, and the content type that the provider claims."""

    size: int
    content_type: str


class Wire:
    """All exchanges of one sweep or task, on one event loop.

    `allowed_hosts` are the hosts ("studio.lan" or "127.0.0.1:8000") that may be private and may be asked without TLS; see guard.py.

        async with Wire(allowed_hosts=settings.ALLOW_PRIVATE_HOSTS) as wire:
            answer = await wire.submit(provider, brief, callback_url=url)
    """

    def __init__(
        self,
        *,
        allowed_hosts: Collection[str] = (),
        submitting: Patience = FOR_SUBMITTING,
        looking: Patience = FOR_LOOKING,
        downloading: Patience = FOR_DOWNLOADING,
    ) -> None:
        """Open nothing yet: connections are made when they are needed."""
        self._allowed_hosts = frozenset(allowed_hosts)
        self._submitting, self._looking, self._downloading = submitting, looking, downloading
        self._pools = [self._pool(CONNECTIONS_PER_POOL) for _ in range(POOLS)]
        self._next_pool = itertools.cycle(self._pools)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """End all connections; for a wire that outlives one block."""
        for pool in self._pools:
            await pool.aclose()

    async def submit(self, provider: Provider, brief: Brief, *, callback_url: str = "") -> Answer:
        """Ask for a video, once. Raises a ProviderError; after Unanswered nobody knows whether it was made, so it must not be asked again."""
        if wrong := key_trouble(provider.key):
            raise Refused(wrong, cause=Cause.WRONG_KEY)
        flow = provider.submit(brief, callback_url=callback_url)
        request = self._opening(flow)
        try:
            async with self._pool(1) as fresh:  # a pooled connection may have been closed by the other side, which looks like a lost answer
                response = await self._exchange(fresh, request, self._submitting)
        except NEVER_SENT as error:
            raise NotNow(f"{request.url.host} could not be reached, so nothing was sent: {_words(error, provider)}") from error
        except Exception as error:
            raise Unanswered(f"It was sent to {request.url.host}, but no whole answer came back: {_words(error, provider)}") from error
        return _read(flow, response, provider)

    async def check(self, provider: Provider, remote_id: str) -> Answer:
        """Ask how a job stands. Raises a ProviderError, which says nothing about the job: look again later."""
        if wrong := key_trouble(provider.key):
            raise NotNow(wrong)
        flow = provider.check(remote_id)
        request = self._opening(flow)
        try:
            response = await self._exchange(next(self._next_pool), request, self._looking)
        except Exception as error:
            raise NotNow(f"{request.url.host} gave no answer: {_words(error, provider)}") from error
        return _read(flow, response, provider)

    async def download(self, url: str, file: Path, *, limit: int) -> Download:
        """Copy what a URL gives into `file`, at most `limit` bytes; a part of it never stays. Raises a DownloadError, or OSError from our own disk.

        The URL came from a provider, so it is hostile input: it goes past the guard at each redirect, and no key goes with it.
        """
        try:
            async with asyncio.timeout(self._downloading.total), self._pool(1) as pool, self._following(pool, url) as response:
                size = await _save(response, file, limit)
                return Download(size=size, content_type=_header(response, "content-type"))
        except (httpx.InvalidURL, httpcore.UnsupportedProtocol, UnicodeError) as error:
            raise DownloadFailed(f"The provider's link cannot be followed: {error}") from error
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
            raise DownloadFailed(f"The download broke off: {error or type(error).__name__}") from error
        except TooLong as error:
            raise DownloadFailed(f"The provider's file is too large. {error}") from error
        except TimeoutError as error:
            raise DownloadFailed(f"The download took longer than {self._downloading.total:g} s.") from error

    def _pool(self, connections: int) -> httpcore.AsyncConnectionPool:
        return httpcore.AsyncConnectionPool(
            ssl_context=_trust(),
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=KEEP_IDLE,
            network_backend=guard.Guard(self._allowed_hosts),
        )

    def _opening(self, flow: Flow) -> httpx.Request:
        """A flow's request, if it may be sent at all. What goes wrong here goes wrong before anything is sent."""
        try:
            request = next(flow)
            self._admit(request.url)
        except ProviderError:
            raise
        except Exception as error:
            raise NotNow(f"The request could not be sent: {error}") from error
        return request

    def _admit(self, url: httpx.URL) -> None:
        """Raise UnsupportedProtocol unless this is https, or http to a host that was named for it."""
        if url.scheme == "https" and url.host:
            return
        if url.scheme == "http" and guard.is_named(url.host, url.port or 80, self._allowed_hosts):
            return
        raise httpcore.UnsupportedProtocol(
            f"{url.scheme or 'nothing'}://{url.host} is not https. Name the host in STUDIO_ALLOW_PRIVATE_HOSTS if it is meant."
        )

    async def _exchange(self, pool: httpcore.AsyncConnectionPool, request: httpx.Request, patience: Patience) -> httpx.Response:
        """One request, one whole answer of at most 1 MiB. Raises httpcore's errors, TimeoutError, TooLong or zlib.error."""
        async with asyncio.timeout(patience.total), self._sent(pool, request, patience) as response:
            body = b"".join([part async for part in _parts(response, LONGEST_ANSWER)])
            if _is_packed(response):
                body = _unpacked(body)
            headers = [(name, value) for name, value in response.headers if name.lower() not in ABOUT_THE_BYTES]
            return httpx.Response(response.status, headers=headers, content=body, request=request)

    @asynccontextmanager
    async def _sent(self, pool: httpcore.AsyncConnectionPool, request: httpx.Request, patience: Patience) -> AsyncIterator[httpcore.Response]:
        request.headers.update({"User-Agent": USER_AGENT, "Accept-Encoding": "identity"})
        url = httpcore.URL(scheme=request.url.raw_scheme, host=request.url.raw_host, port=request.url.port, target=request.url.raw_path)
        timeouts = {"timeout": patience.extension}
        async with pool.stream(request.method, url, headers=request.headers.raw, content=request.content or None, extensions=timeouts) as response:
            yield response

    @asynccontextmanager
    async def _following(self, pool: httpcore.AsyncConnectionPool, link: str) -> AsyncIterator[httpcore.Response]:
        """The answer behind a link and at most three redirects."""
        url = httpx.URL(link)
        for _ in range(MOST_REDIRECTS + 1):
            self._admit(url)
            request = httpx.Request("GET", url, headers={"Accept": "video/*, */*;q=0.5"})
            async with self._sent(pool, request, self._downloading) as response:
                if response.status not in {301, 302, 303, 307, 308}:
                    yield response
                    return
                url = url.join(_header(response, "location"))
        raise DownloadFailed("The provider's link leads from one address to the next without end.")


@functools.cache
def _trust() -> ssl.SSLContext:
    """The certificates we believe, loaded once: a context for each pool would cost memory and time."""
    return httpx.create_ssl_context(trust_env=False)


def key_trouble(key: str) -> str:
    """Why a key cannot travel in a header, in words for an admin that do not repeat it; "" when it can."""
    if not key:
        return "This connection has no key."
    if not re.fullmatch(r"[!-~]+", key):
        return "This connection's key holds spaces or characters that no key has. Enter it again."
    return ""


def without_key(words: str, key: str) -> str:
    """The words with the key struck out: some providers repeat a key that they refuse, and pages of gateways repeat whole requests.

    Struck out are the key as it is and as JSON, HTML and addresses write it, whole or cut off: words are shortened before they come here.
    """
    written = (key, json.dumps(key)[1:-1], key.replace("/", "\\/"), html.escape(key), quote(key, safe=""))
    for form in dict.fromkeys(written):
        if form and form[:LEAST_CUT] in words:
            for length in range(len(form), min(len(form), LEAST_CUT) - 1, -1):
                words = words.replace(form[:length], "[key]")
    return words


def recorded(body: bytes, key: str) -> str:
    """An answer as it is kept with an attempt. Secrets go first, so that none is cut in half and left."""
    words = reading.storable(body.decode("utf-8", "replace"))
    return without_key(CALLBACK_ADDRESS.sub(r'\1[removed]"', words), key)[:LONGEST_RECORD]


def _read(flow: Flow, response: httpx.Response, provider: Provider) -> Answer:
    """What the flow makes of the answer, with secrets struck out of everything that is kept or shown."""
    raw = recorded(response.content, provider.key)
    try:
        flow.send(response)
    except StopIteration as end:
        report: Report = end.value
    except ProviderError as error:
        error.answer, error.message = raw, without_key(error.message, provider.key)
        error.args = (error.message,)
        raise
    except Exception as error:
        raise Unreadable(f"The answer could not be read: {_words(error, provider)}", answer=raw) from error
    else:
        raise Unreadable("The answer led to a second request, which is not sent.", answer=raw)
    report = replace(report, message=without_key(report.message, provider.key), alert=without_key(report.alert, provider.key))
    pace = Pace(remaining=reading.requests_left(response.headers), reset=reading.reset_after(response.headers))
    return Answer(report=report, status=response.status_code, raw=raw, pace=pace)


def _words(error: Exception, provider: Provider) -> str:
    return without_key(str(error), provider.key) or type(error).__name__


async def _save(response: httpcore.Response, file: Path, limit: int) -> int:
    """Write the answer's body to the file and return its size. A body shorter than promised has already raised RemoteProtocolError."""
    if response.status in GONE:
        raise LinkExpired(f"The provider's file server answered {response.status}: the link has expired.")
    if response.status != OK or _is_packed(response):
        raise DownloadFailed(f"The provider's file server answered {response.status}, and not with the file.")
    size = 0
    try:
        with file.open("wb") as out:
            async for part in _parts(response, limit):
                size += out.write(part)
        if not size:
            raise DownloadFailed("The provider's file is empty.")
    except BaseException:  # a cancelled task, too, leaves nothing behind
        file.unlink(missing_ok=True)
        raise
    return size


async def _parts(response: httpcore.Response, limit: int) -> AsyncIterator[bytes]:
    """The body as it comes, as long as it stays within `limit` bytes. Raises TooLong."""
    promised = _header(response, "content-length")
    left = limit
    if promised and int(promised) > limit:
        raise TooLong(f"It has {int(promised):,} bytes; at most {limit:,} are taken.")
    async for part in response.aiter_stream():
        left -= len(part)
        if left < 0:
            raise TooLong(f"It has more than {limit:,} bytes.")
        yield part


def _header(response: httpcore.Response, name: str) -> str:
    return next((value.decode("latin-1") for key, value in response.headers if key.lower() == name.encode()), "")


def _is_packed(response: httpcore.Response) -> bool:
    """Whether the body came compressed although we asked for it plain."""
    return _header(response, "content-encoding").casefold() not in {"", "identity"}


def _unpacked(body: bytes) -> bytes:
    """A gzip or zlib body, unpacked to at most 1 MiB. A gateway that packs unasked must not cost us the id of a paid job."""
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)
    plain = unpacker.decompress(body, LONGEST_ANSWER)
    if not unpacker.eof:
        raise TooLong(f"Unpacked, it has more than {LONGEST_ANSWER:,} bytes, or is cut.")
    return plain
