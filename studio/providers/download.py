"""Copying what a provider's link gives into a file of ours, over several tries if need be.

The link came from a provider, so it is hostile input: it goes past the guard at each redirect, no key goes with it (but that of a provider's file
store, to its own host), and time and bytes are bounded. A plain http link is asked over https. A part that arrived is kept beside the file (partial.py),
and the next try goes on behind it.

    DownloadError
    ├── LinkExpired            the provider no longer has it: do not try again
    └── DownloadFailed         try again; the video is there, or will be
        └── DownloadUnfinished this try brought some of it, and the next one goes on: try again soon
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpcore
import httpx

from studio.providers import sockets
from studio.providers.partial import Partial, said_of
from studio.providers.sockets import Patience, TooLong

MOST_REDIRECTS = 3
NOTHING: Mapping[str, str] = {}
MOST_BREAKS = 5  # of one call, after which it goes on at once
LEAST_RATE = 512  # bytes a second, below which a server has stopped for us
OK, PART, NO_SUCH_PART = 200, 206, 416
REDIRECTS = frozenset({301, 302, 303, 307, 308})
GONE = frozenset({401, 403, 404, 410})  # how providers' file servers answer for a link that has expired
BROKEN = (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException)


class DownloadError(Exception):
    """The base of the tree above. `said` is for people, `mend` what an operator can do about it, or ""; as a text it is both."""

    def __init__(self, said: str, mend: str = "") -> None:
        super().__init__(f"{said} {mend}".strip())
        self.said, self.mend = said, mend


class LinkExpired(DownloadError):
    """The provider's file server no longer gives this file."""


class DownloadFailed(DownloadError):
    """The file did not arrive whole, this time."""


class DownloadUnfinished(DownloadFailed):
    """The file did not arrive whole, but more of it is here than before."""


class _StartOver(Exception):
    """What is here is not the beginning of what the server has now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """What arrived: bytes, and the type that the server claims."""

    size: int
    content_type: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for, and how: the arguments of `download`."""

    url: str
    own: Mapping[str, str]
    limit: int
    patience: Patience
    allowed_hosts: Collection[str]


async def download(
    url: str, file: Path, *, limit: int, patience: Patience, allowed_hosts: Collection[str], own: Mapping[str, str] = NOTHING
) -> Download:
    """Copy what a URL gives into `file`, at most `limit` bytes. Raises a DownloadError, or OSError from our own disk.

    `own` are headers for the host of the URL alone, such as a key: none follows a redirect that leads elsewhere.

    `patience.read` is for lack of progress, `patience.total` for this call. What it leaves beside the file goes on from there; nothing, where the server
    gives no mark by which to tell that a file is still the same.
    """
    partial = Partial(file, url)
    began_with = partial.size
    try:
        return await _persistently(Wanted(url, own, limit, patience, allowed_hosts), partial)
    except DownloadFailed as error:
        if not partial.can_go_on:
            partial.discard()
        elif partial.size > began_with:
            raise DownloadUnfinished(error.said, error.mend) from error
        raise
    except (LinkExpired, asyncio.CancelledError):
        if not partial.can_go_on:
            partial.discard()
        raise
    except BaseException:  # our own disk, which may be full
        partial.discard()
        raise


async def _persistently(wanted: Wanted, partial: Partial) -> Download:
    """The whole file, after going on at once wherever a connection broke off that had brought something."""
    until, breaks = asyncio.get_running_loop().time() + wanted.patience.total, 0
    while True:
        before = partial.size
        try:
            async with asyncio.timeout_at(until):
                return await _once(wanted, partial)
        except _StartOver:
            partial.discard()
        except BROKEN as error:
            if not partial.can_go_on or partial.size <= before or breaks >= MOST_BREAKS:
                said, mend = sockets.in_words(error)
                raise DownloadFailed(f"The download broke off: {said}.", mend) from error
        except TooLong as error:
            partial.discard()
            raise DownloadFailed(f"The provider’s file is too large. {error}") from error
        except TimeoutError as error:
            here = f" {said_of(partial)} are here." if partial.can_go_on else ""
            raise DownloadFailed(f"The download took longer than {wanted.patience.total:g} s.{here}") from error
        breaks += 1
        if breaks > MOST_BREAKS:
            raise DownloadFailed("The provider’s file server gives another file each time.")


async def _once(wanted: Wanted, partial: Partial) -> Download:
    """Ask once, behind what is here already, and again where a server gives less than the rest at a time. Raises _StartOver, a DownloadError, or what the
    connection raised.
    """
    while True:
        before = partial.size
        async with _following(wanted, partial.headers()) as response:
            _judge(response, partial)
            await _append(response, partial, wanted.limit, wanted.patience)
            if not partial.is_cut:
                return Download(size=partial.finish(), content_type=sockets.header(response, "content-type"))
        if partial.size <= before:
            raise DownloadFailed("The provider’s file server gives nothing more, and the file is not as long as it said.")


@asynccontextmanager
async def _following(wanted: Wanted, headers: dict[str, str]) -> AsyncIterator[httpcore.Response]:
    """The answer behind a link and at most three redirects. Once one led to another host, `own` is not sent any more, also not back to the first."""
    try:
        url, own = httpx.URL(wanted.url), wanted.own
        async with sockets.Line(1, wanted.allowed_hosts, free_ports=True) as line:
            for _ in range(MOST_REDIRECTS + 1):
                async with _asked(line, url, {**headers, **own}, wanted.patience, wanted.allowed_hosts) as response:
                    if response.status not in REDIRECTS:
                        yield response
                        return
                    before, url = url, url.join(sockets.header(response, "location"))
                    own = own if _origin(url) == _origin(before) else NOTHING
    except (httpx.InvalidURL, httpcore.UnsupportedProtocol, UnicodeError) as error:
        raise DownloadFailed("The provider’s link cannot be followed: it is not an address.") from error
    raise DownloadFailed("The provider’s link leads from one address to the next without end.")


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


@asynccontextmanager
async def _asked(
    line: sockets.Line, url: httpx.URL, headers: dict[str, str], patience: Patience, allowed_hosts: Collection[str]
) -> AsyncIterator[httpcore.Response]:
    """The answer to one step. What is plain http, and not meant to be, is asked over https: nothing secret goes there, and a clip must arrive unchanged."""
    secure = url if url.scheme != "http" or sockets.is_admitted(url, allowed_hosts) else url.copy_with(scheme="https")
    answered = False
    try:
        sockets.admit(secure, allowed_hosts)
        request = httpx.Request(
            "GET", secure, headers=httpx.Headers({"Accept": "video/*, */*;q=0.5", **headers}, encoding="latin-1")
        )  # a mark may be
        async with sockets.sent(line, request, patience) as response:
            answered = True
            yield response
    except Exception as error:
        # Of an address that we made up nobody promised that it leads anywhere, so whatever happens on the way there is the link's fault
        if answered or (secure is url and not isinstance(error, sockets.NEVER_SENT)):
            raise
        said, mend = sockets.in_words(error)
        if secure is url:
            raise DownloadFailed(f"The provider’s link cannot be followed: {said}.", mend) from error
        plain = f"Name {url.netloc.decode('ascii')} in STUDIO_ALLOW_PRIVATE_HOSTS to fetch it without encryption."
        raise DownloadFailed(f"The provider’s link is not https, and over https it cannot be followed: {said}.", mend or plain) from error


def _judge(response: httpcore.Response, partial: Partial) -> None:
    """Raise for an answer that does not hold the file, or not what follows what is here."""
    if response.status in GONE:
        raise LinkExpired(f"The provider’s file server answered {response.status}: the link has expired.")
    if partial.size and (response.status == NO_SUCH_PART or (response.status == PART and not partial.continues(response))):
        raise _StartOver
    if response.status not in {OK, PART} or (response.status == PART and not partial.size) or sockets.is_packed(response):
        raise DownloadFailed(f"The provider’s file server answered {response.status}, and not with the file.")
    if response.status == OK:
        partial.begin(response)


async def _append(response: httpcore.Response, partial: Partial, limit: int, patience: Patience) -> None:
    """Write the body behind what is here. Raises httpcore.ReadTimeout where it comes too slowly; a body shorter than promised raises RemoteProtocolError."""
    clock = asyncio.get_running_loop().time
    mark, then = clock(), partial.size
    with partial.open() as out:
        async for part in sockets.parts(response, limit - partial.size):
            out.write(part)
            partial.size += len(part)
            if clock() - mark > patience.read:
                if partial.size - then < LEAST_RATE * patience.read:
                    raise httpcore.ReadTimeout(f"the server sent less than {LEAST_RATE} bytes a second")
                mark, then = clock(), partial.size
    if not partial.size:
        raise DownloadFailed("The provider’s file is empty.")
    if partial.total is not None and partial.size > partial.total:
        partial.discard()
        raise DownloadFailed("The provider’s file is not as long as its server said.")
