"""The guard at the door to the network: looks at the very address that is about to be connected.

It stands below names, redirects and DNS answers that change, so none of them can lead a request into our own network:

    name ──> resolved once ──> every address public? ──> connected to that literal (TLS still checks the name)

An operator may name hosts of their own network, or ranges of addresses. That lifts the ban on private addresses for exactly those, never for link-local
ones, where clouds keep machine credentials. An IPv6 address that carries an IPv4 one is judged by that.

Where a proxy makes the connection, `judge` looks at the same before the proxy is asked. It resolves names once more by itself, and may know some that we
do not: those are let through only if they look like names of the open internet. TLS checks the name behind the proxy as well, so an answer that differs
there leads nowhere.
"""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Collection, Iterable

import httpcore
import idna

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[list[str]]]

WEB_PORT = 443
FIRST_FREE_PORT = 1024  # below it live the services of a machine's own system
OUR_OWN = re.compile(
    r"(.*\.)?(localhost|local|internal|intranet|private|corp|home|lan|localdomain|test|invalid|arpa|onion|alt|svc|consul|docker|dmz|workgroup)|[^.]*|.*\.\d+"
)  # names
SOCKET_OPTION = tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]

# What `is_global` lets through or once let through, though no provider lives there.
SPECIAL = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "100.64.0.0/10",  # carrier-grade NAT
        "192.0.0.0/24",  # protocol assignments
        "192.88.99.0/24",  # 6to4 relays
        "198.18.0.0/15",  # benchmarks
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
        "168.63.129.16/32",  # Azure's host agent, on a public address
        "64:ff9b:1::/48",  # NAT64 of one's own network
        "fec0::/10",  # site-local, deprecated
        "ff00::/8",  # multicast
    )
)
NAT64, OWN_NAT64 = (ipaddress.ip_network("64:ff9b::/96"),), (ipaddress.ip_network("64:ff9b:1::/48"),)
FAKE = (ipaddress.ip_network("198.18.0.0/15"),)  # what proxies that work as a network card (TUN) invent for every name
SETTING = "STUDIO_ALLOW_PRIVATE_HOSTS"
# Never, whatever an operator names: link-local and the clouds' metadata services.
NEVER = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",
        "169.254.0.0/16",
        "100.100.100.200/32",  # Alibaba
        "168.63.129.16/32",  # Azure
        "192.0.0.192/32",  # Oracle
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/128",
        "fe80::/10",
        "fd00:ec2::254/128",  # AWS
        "fd20:ce::254/128",  # Google
        "ff00::/8",
    )
)


class AddressRefused(httpcore.ConnectError):
    """The guard did not let a connection be made; nothing was sent. `said` is for people, `mend` is what an operator can do about it."""

    def __init__(self, said: str, mend: str = "") -> None:
        super().__init__(f"{said} {mend}".strip())
        self.said, self.mend = said, mend


def is_public(address: Address) -> bool:
    """Whether an address is one of the open internet."""
    return all(one.is_global and not _within(one, SPECIAL) for one in _carried(address))


def is_never_allowed(address: Address) -> bool:
    """Whether an address stays forbidden for hosts that an operator has named."""
    return any(_within(one, NEVER) for one in _carried(address))


def is_in_range(address: Address, allowed_hosts: Collection[str]) -> bool:
    """Whether an operator has named a range (198.18.0.0/15) that holds this address, or the IPv4 one that it carries."""
    ranges = [ipaddress.ip_network(name) for name in allowed_hosts if "/" in name]
    return bool(ranges) and (_within(address, ranges) or all(_within(one, ranges) for one in _carried(address)))


def is_named(host: str, port: int, allowed_hosts: Collection[str]) -> bool:
    """Whether an operator has named this host, alone or with this port. Exact names only: no suffixes, no wildcards."""
    host = ascii_name(host.strip("[]"))
    shown = f"[{host}]" if ":" in host else host
    return not {host, shown, f"{shown}:{port}"}.isdisjoint(name.casefold() for name in allowed_hosts)


def ascii_name(host: str) -> str:
    """A host's name in small letters as name services have it: xn--bcher-kva.lan for bücher.lan. What cannot be a name stays as it is."""
    try:
        return host.lower() if host.isascii() else idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        return host


def is_literal_in_range(host: str, allowed_hosts: Collection[str]) -> bool:
    """Whether a host is an address in a range that an operator has named."""
    try:
        return is_in_range(ipaddress.ip_address(host.strip("[]")), allowed_hosts)
    except ValueError:
        return False


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host, in the order in which to try them. Raises OSError when the name does not resolve."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in found))


class Guard(httpcore.AsyncNetworkBackend):
    """Makes connections to public addresses on port 443, and to those that `allowed_hosts` names; refuses all others with AddressRefused."""

    def __init__(
        self,
        allowed_hosts: Collection[str] = (),
        *,
        free_ports: bool = False,
        resolve: Resolve = resolve,
        inner: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        """`resolve` and `inner` are the world behind the guard: a name service, and something that opens sockets.

        With `free_ports` the ports from 1024 on may be asked too: file servers of providers have them.
        """
        self._allowed_hosts = frozenset(allowed_hosts)
        self._free_ports = free_ports
        self._resolve = resolve
        self._inner = inner or httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to the first address that answers, within `timeout` seconds for the look-up and all attempts together."""
        try:
            async with asyncio.timeout(timeout):
                addresses = await self.addresses(host, port)
                return await self._first(addresses, port, timeout, local_address, socket_options)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(f"{host} did not take a connection in time.") from error

    async def addresses(self, host: str, port: int) -> list[str]:
        """The literal addresses that may be connected. One forbidden address among them forbids the host: names that mix are traps."""
        self._refuse_port(host, port)
        try:
            found = await self._found(host, port)
        except (OSError, ValueError) as error:  # ValueError: a name that cannot be one, such as an over-long label
            raise httpcore.ConnectError(f"{host} does not resolve to an address.") from error
        self._refuse(host, port, found)
        return [str(address) for address in found]

    async def judge(self, host: str, port: int, timeout: float | None = None) -> None:
        """Raise AddressRefused for what a proxy must not be asked to connect. Names that only the proxy knows pass if they look public."""
        self._refuse_port(host, port)
        try:
            async with asyncio.timeout(timeout):
                found = await self._found(host, port)
        except (OSError, ValueError, TimeoutError):
            named = is_named(host, port, self._allowed_hosts)
            if not named and OUR_OWN.fullmatch(host.rstrip(".").casefold()):
                raise AddressRefused(f"{host} is no name of the open internet.", f"Name {host}:{port} in {SETTING} if it is meant.") from None
            return
        self._refuse(host, port, found)

    async def _found(self, host: str, port: int) -> list[Address]:
        return [ipaddress.ip_address(address.split("%")[0]) for address in await self._resolve(host, port)]

    def _refuse_port(self, host: str, port: int) -> None:
        named = is_named(host, port, self._allowed_hosts) or is_literal_in_range(host, self._allowed_hosts)
        if not (named or port == WEB_PORT or (self._free_ports and port >= FIRST_FREE_PORT)):
            raise AddressRefused(f"{host}:{port} is not a web port.", f"Name it in {SETTING} if it is meant.")

    def _refuse(self, host: str, port: int, found: list[Address]) -> None:
        if any(is_never_allowed(address) for address in found):
            raise AddressRefused(f"{host} leads to an address that is never asked.")
        named = is_named(host, port, self._allowed_hosts)
        resolved = bool(found)
        found = [address for address in found if not is_in_range(address, self._allowed_hosts)]
        if resolved and (named or all(is_public(address) for address in found)):
            return
        mend = f"Name {host}:{port} in {SETTING} if it is meant"
        if any(_within(address, FAKE) for address in found):
            mend += f", or the range {FAKE[0]} if a proxy on this machine gives names addresses of its own"
        raise AddressRefused(f"{host} is in a private network.", f"{mend}.")

    async def _first(
        self, addresses: list[str], port: int, timeout: float | None, local_address: str | None, socket_options: Iterable[SOCKET_OPTION] | None
    ) -> httpcore.AsyncNetworkStream:
        """Each address in turn, with its share of the time, so that a silent one leaves time for the next."""
        share = timeout / len(addresses) if timeout is not None else None
        for address in addresses[:-1]:
            try:
                return await self._inner.connect_tcp(address, port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._inner.connect_tcp(addresses[-1], port, share, local_address, socket_options)

    async def sleep(self, seconds: float) -> None:
        """Wait, as the connection pool asks."""
        await self._inner.sleep(seconds)


def _carried(address: Address) -> tuple[Address, ...]:
    """The IPv4 addresses that an IPv6 one carries, and itself where it carries none.

    Mapped (::ffff:0:0/96), compatible (::/96), NAT64 (64:ff9b::/96), 6to4 and Teredo, which has two. Where one's own NAT64 (64:ff9b:1::/48) puts them
    depends on its settings: both usual places count, and itself.
    """
    if isinstance(address, ipaddress.IPv4Address):
        return (address,)
    number, last = int(address), ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if address.ipv4_mapped or address.sixtofour:
        return (address.ipv4_mapped or address.sixtofour or address,)
    if address.teredo:
        return address.teredo
    if _within(address, OWN_NAT64):
        middle = ipaddress.IPv4Address((number >> 64 & 0xFFFF) << 16 | (number >> 40 & 0xFFFF))
        return (address, last, middle)
    return (last,) if _within(address, NAT64) or (number >> 32 == 0 and number > 1) else (address,)


def _within(address: Address, networks: Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)
