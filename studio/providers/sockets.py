"""One request over one guarded connection: what asking (wire.py) and downloading (download.py) have in common.

Knows no provider and no flow. Every connection is made by guard.py; https only, unless the operator named the host; bounded in time and bytes; no
redirect is followed here. Of the environment count its proxies (proxies.py) and its certificates (trust.py).

    direct         name ──> guard ──> the address that was judged
    by a proxy     name ──> judged by the guard ──> CONNECT to the proxy ──> TLS with the name, inside
"""

import re
import ssl
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpcore
import httpx

from studio.providers import guard, trust
from studio.providers.guard import AddressRefused
from studio.providers.proxies import DEFAULT_PORTS, Proxy, WrongProxy, proxy_for

USER_AGENT = "studio"
KEEP_IDLE = 15.0  # seconds; servers close idle connections, some after few
UNTRUSTED = "its certificate is not trusted here"
SAID = {  # what people are told of errors whose own words are empty or for programmers
    httpcore.ConnectTimeout: "the server took no connection in time",
    httpcore.ReadTimeout: "the server stopped answering",
    httpcore.WriteTimeout: "the server stopped taking what was sent",
    httpcore.PoolTimeout: "too many requests were under way",
    httpcore.ReadError: "the connection broke off",
    httpcore.WriteError: "the connection broke off",
    TimeoutError: "the server took too long",
}


class TooLong(Exception):
    """More bytes than we take."""


class ProxyFailed(httpcore.ConnectError):
    """The proxy did not make the connection, so nothing reached the other side. `proxy` is which one."""

    def __init__(self, proxy: Proxy, why: str) -> None:
        super().__init__(f"the proxy {proxy.address} {why}")
        self.proxy = proxy


# Raised before the first byte left, so the other side cannot have acted.
NEVER_SENT = (httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.PoolTimeout, httpcore.UnsupportedProtocol, WrongProxy, trust.WrongBundle)


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


class Line:
    """So many connections, none of them made yet, and none ever into a private network that `allowed_hosts` does not name; by the proxy where there is one.

    With `free_ports`, public hosts may be asked on ports from 1024 on too.
    """

    def __init__(self, connections: int, allowed_hosts: Collection[str], *, free_ports: bool = False) -> None:
        self._connections = connections
        self._guard = guard.Guard(allowed_hosts, free_ports=free_ports)
        self._direct = self._pool(httpcore.AsyncConnectionPool, network_backend=self._guard)
        self._by_proxy: dict[Proxy, httpcore.AsyncConnectionPool] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End all connections."""
        for pool in (self._direct, *self._by_proxy.values()):
            await pool.aclose()

    async def route(self, url: httpx.URL, timeout: float) -> tuple[httpcore.AsyncConnectionPool, Proxy | None]:
        """The pool for an address, and the proxy through which it leads. Raises AddressRefused or WrongProxy."""
        port = url.port or DEFAULT_PORTS.get(url.scheme, guard.WEB_PORT)
        host = url.raw_host.decode("ascii")  # what is judged must be the name that the proxy is asked for
        proxy = proxy_for(url.scheme, host, port)
        if proxy is None:
            return self._direct, None
        await self._guard.judge(host, port, timeout)
        if proxy not in self._by_proxy:
            backend = guard.Guard({f"{proxy.host}:{proxy.port}", f"[{proxy.host}]:{proxy.port}"})
            auth = proxy.auth and tuple(word.encode() for word in proxy.auth)
            wanted: dict[str, Any] = {"proxy_url": proxy.address, "proxy_auth": auth, "network_backend": backend}
            if proxy.scheme == "https":
                wanted["proxy_ssl_context"] = trust.context()
            self._by_proxy[proxy] = self._pool(httpcore.AsyncHTTPProxy, **wanted)
        return self._by_proxy[proxy], proxy

    def _pool(self, kind: type[httpcore.AsyncConnectionPool], **wanted: Any) -> httpcore.AsyncConnectionPool:
        """A pool with what all have in common."""
        return kind(
            ssl_context=trust.context(),
            max_connections=self._connections,
            max_keepalive_connections=self._connections,
            keepalive_expiry=KEEP_IDLE,
            **wanted,
        )


def is_admitted(url: httpx.URL, allowed_hosts: Collection[str]) -> bool:
    """Whether this is https, or http to a host or an address that an operator named for it."""
    if url.scheme == "https":
        return bool(url.host)
    named = guard.is_named(url.host, url.port or 80, allowed_hosts) or guard.is_literal_in_range(url.host, allowed_hosts)
    return url.scheme == "http" and named


def admit(url: httpx.URL, allowed_hosts: Collection[str]) -> None:
    """Raise AddressRefused for anything else."""
    if not is_admitted(url, allowed_hosts):
        said = f"{url.scheme or 'nothing'}://{url.host} is not https."
        raise AddressRefused(said, f"Name the host in {guard.SETTING} if it is meant.")


class Opened:
    """Whether the way to the other side was open: before that, nothing of a request has left us. `left` is called once all of it has."""

    def __init__(self, url: httpx.URL, left: Callable[[], None] | None = None) -> None:
        self._left = left
        self._last = "connection.start_tls.complete" if url.scheme == "https" else "send_request_headers.started"
        self.is_open = False

    def goes_by_proxy(self) -> None:
        """The way to the other side is open once TLS with it is: with the proxy there may be TLS too, and a request to connect, before anything is sent."""
        if "start_tls" in self._last:
            self._last = "proxy.start_tls.complete"

    async def note(self, event: str, _: dict[str, Any]) -> None:
        """Take in what httpcore does."""
        self.is_open = self.is_open or event.endswith(self._last)
        if self._left and self.is_open and event.endswith("send_request_body.complete"):
            self._left()


@asynccontextmanager
async def sent(line: Line, request: httpx.Request, patience: Patience, *, opened: Opened | None = None) -> AsyncIterator[httpcore.Response]:
    """The beginning of the answer to one request; its body is still to come."""
    request.headers.update({"User-Agent": USER_AGENT, "Accept-Encoding": "identity"})
    url = httpcore.URL(scheme=request.url.raw_scheme, host=request.url.raw_host, port=request.url.port, target=request.url.raw_path)
    extensions: dict[str, Any] = {"timeout": patience.extension, **({"trace": opened.note} if opened else {})}
    pool, proxy = await line.route(request.url, patience.connect)
    if proxy and opened:
        opened.goes_by_proxy()
    try:
        async with pool.stream(request.method, url, headers=request.headers.raw, content=request.content or None, extensions=extensions) as response:
            yield response
    except httpcore.ProxyError as error:
        raise ProxyFailed(proxy, f"refused the connection to {request.url.host}: {error}") if proxy else error from error
    except httpcore.ConnectError as error:
        if proxy is None or _untrusted(error):
            raise
        raise ProxyFailed(proxy, f"cannot be reached: {error}") from error


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


def in_words(error: BaseException) -> tuple[str, str]:
    """Why a request failed: a clause for people, without a full stop, and a sentence about what an operator can do, or "". Neither names a class."""
    if isinstance(error, AddressRefused):
        return error.said.removesuffix("."), error.mend
    if isinstance(error, ProxyFailed):
        return (
            "the proxy of this installation did not make the connection",
            f"T{str(error).rstrip('.')[1:]}. It is named in {error.proxy.variable}.",
        )
    if isinstance(error, WrongProxy | trust.WrongBundle):
        return "a setting of this installation is wrong", str(error)
    if why := _untrusted(error):
        return f"{UNTRUSTED} ({why})", trust.FOR_OPERATORS
    if isinstance(error, httpcore.RemoteProtocolError):
        return _of_protocol(str(error)), ""
    said = str(error).strip() or next((words for kind, words in SAID.items() if isinstance(error, kind)), "")
    return said.rstrip(".") or "it failed without a reason", ""


def _of_protocol(said: str) -> str:
    """What was wrong with an answer, for people."""
    if counted := re.search(r"received (\d+) bytes, expected (\d+)", said):
        return f"only {int(counted[1]):,} of {int(counted[2]):,} bytes came"
    return "the connection broke off" if re.search(r"incomplete|without|disconnected|closed", said) else "the answer is not HTTP"


def _untrusted(error: BaseException) -> str:
    """Why a certificate was not believed; "" where that was not the trouble."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return cause.verify_message
        cause = cause.__cause__ or cause.__context__
    return ""
