"""The guard at the door to the network: looks at the very address that is about to be connected.

It stands below names, redirects and DNS answers that change, so none of them can lead a request into our own network:

    name ──> resolved once ──> every address public? ──> connected to that literal (TLS still checks the name)

An operator may name hosts of their own network. That lifts the ban on private addresses for exactly those, never for link-local ones, where
clouds keep machine credentials.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Collection, Iterable

import httpcore

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[list[str]]]

WEB_PORT = 443
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
        "::/96",  # IPv4 inside IPv6, deprecated
        "64:ff9b::/96",  # NAT64: any IPv4 address in disguise
        "64:ff9b:1::/48",
        "2001::/32",  # Teredo
        "2002::/16",  # 6to4
        "fec0::/10",  # site-local, deprecated
        "ff00::/8",  # multicast
    )
)
# Never, whatever an operator names: link-local, the clouds' metadata services, and disguises in which they could come.
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
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2001::/32",
        "2002::/16",
        "fe80::/10",
        "fd00:ec2::254/128",  # AWS
        "fd20:ce::254/128",  # Google
        "ff00::/8",
    )
)


class AddressRefused(httpcore.ConnectError):
    """The guard did not let a connection be made; nothing was sent."""


def is_public(address: Address) -> bool:
    """Whether an address is one of the open internet."""
    address = _plain(address)
    return address.is_global and not _within(address, SPECIAL)


def is_never_allowed(address: Address) -> bool:
    """Whether an address stays forbidden for hosts that an operator has named."""
    return _within(_plain(address), NEVER)


def is_named(host: str, port: int, allowed_hosts: Collection[str]) -> bool:
    """Whether an operator has named this host, alone or with this port. Exact names only: no suffixes, no wildcards."""
    host = host.strip("[]").casefold()
    shown = f"[{host}]" if ":" in host else host
    return not {host, shown, f"{shown}:{port}"}.isdisjoint(name.casefold() for name in allowed_hosts)


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host, in the order in which to try them. Raises OSError when the name does not resolve."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in found))


class Guard(httpcore.AsyncNetworkBackend):
    """Makes connections to public addresses on port 443, and to those that `allowed_hosts` names; refuses all others with AddressRefused."""

    def __init__(self, allowed_hosts: Collection[str] = (), *, resolve: Resolve = resolve, inner: httpcore.AsyncNetworkBackend | None = None) -> None:
        """`resolve` and `inner` are the world behind the guard: a name service, and something that opens sockets."""
        self._allowed_hosts = frozenset(allowed_hosts)
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
        named = is_named(host, port, self._allowed_hosts)
        if port != WEB_PORT and not named:
            raise AddressRefused(f"{host}:{port} is not a web port. Name it in STUDIO_ALLOW_PRIVATE_HOSTS if it is meant.")
        try:
            found = [ipaddress.ip_address(address.split("%")[0]) for address in await self._resolve(host, port)]
        except (OSError, ValueError) as error:  # ValueError: a name that cannot be one, such as an over-long label
            raise httpcore.ConnectError(f"{host} does not resolve to an address.") from error
        if any(is_never_allowed(address) for address in found):
            raise AddressRefused(f"{host} leads to an address that is never asked.")
        if not found or not (named or all(is_public(address) for address in found)):
            raise AddressRefused(f"{host} is in a private network. Name {host}:{port} in STUDIO_ALLOW_PRIVATE_HOSTS if it is meant.")
        return [str(address) for address in found]

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


def _plain(address: Address) -> Address:
    """An IPv4 address that came dressed as IPv6 (::ffff:127.0.0.1), undressed."""
    return address.ipv4_mapped or address if isinstance(address, ipaddress.IPv6Address) else address


def _within(address: Address, networks: Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)
