"""Copying what a provider's link gives into a file of ours.

The link came from a provider, so it is hostile input: it goes past the guard at each redirect, no key goes with it (but that of a
provider's file store, to its own host), and time and bytes are bounded.

    DownloadError
    ├── LinkExpired      the provider no longer has it: do not try again
    └── DownloadFailed   try again; the video is there, or will be
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpcore
import httpx

from studio.providers import sockets
from studio.providers.sockets import Patience, TooLong

MOST_REDIRECTS = 3
NOTHING: Mapping[str, str] = {}
OK = 200
REDIRECTS = frozenset({301, 302, 303, 307, 308})
GONE = frozenset({401, 403, 404, 410})  # how providers' file servers answer for a link that has expired


class DownloadError(Exception):
    """The base of the tree above; its text is for people."""


class LinkExpired(DownloadError):
    """The provider's file server no longer gives this file."""


class DownloadFailed(DownloadError):
    """The file did not arrive whole, this time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """What arrived: bytes, and the type that the server claims."""

    size: int
    content_type: str


async def download(
    url: str, file: Path, *, limit: int, patience: Patience, allowed_hosts: Collection[str], own: Mapping[str, str] = NOTHING
) -> Download:
    """Copy what a URL gives into `file`, at most `limit` bytes; a part of it never stays. Raises a DownloadError, or OSError from our own disk.

    `own` are headers for the host of the URL alone, such as a key: none follows a redirect that leads elsewhere.
    """
    try:
        async with asyncio.timeout(patience.total), _following(url, patience, allowed_hosts, own) as response:
            size = await _save(response, file, limit)
            return Download(size=size, content_type=sockets.header(response, "content-type"))
    except (httpx.InvalidURL, httpcore.UnsupportedProtocol, UnicodeError) as error:
        raise DownloadFailed(f"The provider's link cannot be followed: {error}") from error
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
        raise DownloadFailed(f"The download broke off: {error or type(error).__name__}") from error
    except TooLong as error:
        raise DownloadFailed(f"The provider's file is too large. {error}") from error
    except TimeoutError as error:
        raise DownloadFailed(f"The download took longer than {patience.total:g} s.") from error


@asynccontextmanager
async def _following(link: str, patience: Patience, allowed_hosts: Collection[str], own: Mapping[str, str]) -> AsyncIterator[httpcore.Response]:
    """The answer behind a link and at most three redirects. Once one led to another host, `own` is not sent any more, also not back to the first."""
    url = httpx.URL(link)
    async with sockets.pool(1, allowed_hosts) as line:
        for _ in range(MOST_REDIRECTS + 1):
            sockets.admit(url, allowed_hosts)
            request = httpx.Request("GET", url, headers={"Accept": "video/*, */*;q=0.5", **own})
            async with sockets.sent(line, request, patience) as response:
                if response.status not in REDIRECTS:
                    yield response
                    return
                before, url = url, url.join(sockets.header(response, "location"))
                own = own if _origin(url) == _origin(before) else NOTHING
    raise DownloadFailed("The provider's link leads from one address to the next without end.")


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


async def _save(response: httpcore.Response, file: Path, limit: int) -> int:
    """Write the answer's body to the file and return its size. A body shorter than promised has already raised RemoteProtocolError."""
    if response.status in GONE:
        raise LinkExpired(f"The provider's file server answered {response.status}: the link has expired.")
    if response.status != OK or sockets.is_packed(response):
        raise DownloadFailed(f"The provider's file server answered {response.status}, and not with the file.")
    size = 0
    try:
        with file.open("wb") as out:
            async for part in sockets.parts(response, limit):
                size += out.write(part)
        if not size:
            raise DownloadFailed("The provider's file is empty.")
    except BaseException:  # a cancelled task, too, leaves nothing behind
        file.unlink(missing_ok=True)
        raise
    return size
