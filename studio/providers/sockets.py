"""One request over one guarded connection: what asking (wire.py) and downloading (download.py) have in common.

Knows no provider and no flow. Every connection is made by guard.py; https only, unless the operator named the host; bounded in time and bytes; no
redirect is followed here, and nothing of the environment (proxies, certificates) is used.
"""

import functools
import ssl
from collections.abc import AsyncIterator, Callable, Collection, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpcore
import httpx

from studio.providers import guard

USER_AGENT = "studio"
KEEP_IDLE = 15.0  # seconds; servers close idle connections, some after few


class TooLong(Exception):
    """More bytes than we take."""


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


@functools.cache
def _trust() -> ssl.SSLContext:
    """The certificates we believe, loaded once: a context for each pool would cost memory and time."""
    return httpx.create_ssl_context(trust_env=False)


def pool(connections: int, allowed_hosts: Collection[str]) -> httpcore.AsyncConnectionPool:
    """So many connections, none of them made yet, and none ever into a private network that `allowed_hosts` does not name."""
    return httpcore.AsyncConnectionPool(
        ssl_context=_trust(),
        max_connections=connections,
        max_keepalive_connections=connections,
        keepalive_expiry=KEEP_IDLE,
        network_backend=guard.Guard(allowed_hosts),
    )


def admit(url: httpx.URL, allowed_hosts: Collection[str]) -> None:
    """Raise UnsupportedProtocol unless this is https, or http to a host that was named for it."""
    if url.scheme == "https" and url.host:
        return
    if url.scheme == "http" and guard.is_named(url.host, url.port or 80, allowed_hosts):
        return
    raise httpcore.UnsupportedProtocol(
        f"{url.scheme or 'nothing'}://{url.host} is not https. Name the host in STUDIO_ALLOW_PRIVATE_HOSTS if it is meant."
    )


@asynccontextmanager
async def sent(
    line: httpcore.AsyncConnectionPool, request: httpx.Request, patience: Patience, *, left: Callable[[], None] | None = None
) -> AsyncIterator[httpcore.Response]:
    """The beginning of the answer to one request; its body is still to come. `left` is called when the whole request has left."""
    request.headers.update({"User-Agent": USER_AGENT, "Accept-Encoding": "identity"})
    url = httpcore.URL(scheme=request.url.raw_scheme, host=request.url.raw_host, port=request.url.port, target=request.url.raw_path)
    extensions: dict[str, object] = {"timeout": patience.extension}
    if left is not None:
        extensions["trace"] = _calling(left)
    async with line.stream(request.method, url, headers=request.headers.raw, content=request.content or None, extensions=extensions) as response:
        yield response


def _calling(left: Callable[[], None]) -> Callable[[str, object], Coroutine[None, None, None]]:
    """What httpcore tells of each step of a request."""

    async def told(step: str, info: object) -> None:  # noqa: ARG001 - httpcore's form
        if step == "http11.send_request_body.complete":
            left()

    return told


async def parts(response: httpcore.Response, limit: int) -> AsyncIterator[bytes]:
    """The body as it comes, as long as it stays within `limit` bytes. Raises TooLong."""
    promised = header(response, "content-length")
    left = limit
    if promised and int(promised) > limit:
        raise TooLong(f"It has {int(promised):,} bytes; at most {limit:,} are taken.")
    async for part in response.aiter_stream():
        left -= len(part)
        if left < 0:
            raise TooLong(f"It has more than {limit:,} bytes.")
        yield part


def header(response: httpcore.Response, name: str) -> str:
    """The first header of that name (lower case); "" if there is none."""
    return next((value.decode("latin-1") for key, value in response.headers if key.lower() == name.encode()), "")


def is_packed(response: httpcore.Response) -> bool:
    """Whether the body came compressed although we asked for it plain."""
    return header(response, "content-encoding").casefold() not in {"", "identity"}
