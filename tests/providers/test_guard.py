"""No connection is made into a private network, whatever a URL, a redirect or a name server says."""

import asyncio
import ipaddress
import socket
from collections.abc import Iterable

import httpcore
import httpx
import pytest

from studio.providers.guard import SOCKET_OPTION, AddressRefused, Guard, Resolve, is_named, is_public
from studio.providers.sockets import is_admitted

PUBLIC, PUBLIC_6, PRIVATE = "93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "10.0.0.1"


def names(*addresses: str) -> Resolve:
    """A name service that gives these addresses for every name."""

    async def resolve(host: str, port: int) -> list[str]:
        return list(addresses)

    return resolve


class Sockets(httpcore.AsyncNetworkBackend):
    """Opens nothing; notes what it was asked to connect, and refuses the addresses in `dead`."""

    def __init__(self, *dead: str) -> None:
        self.dead = dead
        self.asked: list[tuple[str, float]] = []

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        self.asked.append((host, port))
        if host in self.dead:
            raise httpcore.ConnectError("refused")
        return httpcore.AsyncMockStream([])

    async def sleep(self, seconds: float) -> None:
        self.asked.append(("sleep", seconds))


HOSTILE = [
    *("127.0.0.1", "localhost", "::1", "169.254.169.254", "10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "100.100.100.200", "0.0.0.0"),  # noqa: S104
    *("::", "::ffff:127.0.0.1", "::ffff:a9fe:a9fe", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:7f00:1::", "::7f00:1", "fe80::1", "fd00:ec2::254"),
    *("fec0::1", "ff02::1", "2130706433", "0x7f.1", "0177.0.0.1", "224.0.0.1", "255.255.255.255", "192.0.2.1", "192.0.0.192", "192.88.99.1"),
    *("198.18.0.1", "168.63.129.16"),
]


@pytest.mark.parametrize("host", HOSTILE)
def test_a_hostile_address_is_never_connected(host):
    sockets = Sockets()

    with pytest.raises(AddressRefused):
        asyncio.run(Guard(inner=sockets).connect_tcp(host, 443, timeout=5))

    assert sockets.asked == []


@pytest.mark.parametrize("address", [PRIVATE, "127.0.0.1", "fd00::1", "169.254.169.254"])
def test_a_name_that_leads_into_a_private_network_is_refused(address):
    with pytest.raises(AddressRefused):
        asyncio.run(Guard(resolve=names(address)).addresses("innocent.example", 443))


def test_a_name_with_one_private_address_among_public_ones_is_refused():
    with pytest.raises(AddressRefused):
        asyncio.run(Guard(resolve=names(PUBLIC, PRIVATE)).addresses("innocent.example", 443))


@pytest.mark.parametrize("port", [22, 25, 80, 8080])
def test_a_public_host_is_asked_on_the_web_port_only(port):
    with pytest.raises(AddressRefused):
        asyncio.run(Guard(resolve=names(PUBLIC)).addresses("8.8.8.8", port))


def test_a_name_that_does_not_resolve_is_a_failed_connection():
    async def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(httpcore.ConnectError, match="does not resolve"):
        asyncio.run(Guard(resolve=unknown).addresses("nowhere.example", 443))
    with pytest.raises(AddressRefused):
        asyncio.run(Guard(resolve=names()).addresses("nowhere.example", 443))


def test_the_address_that_was_judged_is_the_address_that_is_connected():
    asked = []

    async def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return [PUBLIC] if len(asked) == 1 else [PRIVATE]

    sockets = Sockets()
    asyncio.run(Guard(resolve=rebinding, inner=sockets).connect_tcp("rebinding.example", 443, timeout=5))

    assert (asked, sockets.asked) == (["rebinding.example"], [(PUBLIC, 443)])


def test_the_next_address_is_tried_when_one_does_not_answer():
    sockets = Sockets(PUBLIC_6)
    asyncio.run(Guard(resolve=names(PUBLIC_6, PUBLIC), inner=sockets).connect_tcp("two.example", 443))

    assert sockets.asked == [(PUBLIC_6, 443), (PUBLIC, 443)]


def test_a_host_of_which_no_address_answers_is_a_failed_connection():
    with pytest.raises(httpcore.ConnectError, match="refused"):
        asyncio.run(Guard(resolve=names(PUBLIC_6, PUBLIC), inner=Sockets(PUBLIC_6, PUBLIC)).connect_tcp("two.example", 443, timeout=5))


def test_a_name_service_that_never_answers_is_given_up_in_time():
    async def silent(host: str, port: int) -> list[str]:
        await asyncio.Event().wait()
        return []

    with pytest.raises(httpcore.ConnectTimeout, match="in time"):
        asyncio.run(Guard(resolve=silent).connect_tcp("silent.example", 443, timeout=0.01))


@pytest.mark.parametrize("address", [PRIVATE, "127.0.0.1", "::1", "fd00::1", PUBLIC])
def test_a_host_that_an_operator_named_may_be_private(address):
    assert asyncio.run(Guard({"studio.lan:8000"}, resolve=names(address)).addresses("studio.lan", 8000)) == [address]


@pytest.mark.parametrize(
    "address",
    [
        *("169.254.169.254", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "0.0.0.0", "::", "224.0.0.1"),  # noqa: S104
        *("::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::", "255.255.255.255"),
    ],
)
def test_naming_a_host_never_opens_the_way_to_machine_credentials(address):
    with pytest.raises(AddressRefused):
        asyncio.run(Guard({"studio.lan:8000"}, resolve=names(address)).addresses("studio.lan", 8000))


@pytest.mark.parametrize(
    ("host", "port", "allowed"),
    [
        ("127.0.0.1", 8000, {"127.0.0.1:8000"}),
        ("127.0.0.1", 8000, {"127.0.0.1"}),
        ("Studio.LAN", 443, {"studio.lan"}),
        ("studio.lan", 443, {"Studio.Lan:443"}),
        ("::1", 8000, {"[::1]:8000"}),
        ("::1", 8000, {"::1"}),
        ("[::1]", 8000, {"[::1]"}),
    ],
)
def test_an_operator_names_a_host_with_or_without_its_port(host, port, allowed):
    assert is_named(host, port, allowed)


@pytest.mark.parametrize(
    ("host", "port", "allowed"),
    [
        ("127.0.0.1", 8001, {"127.0.0.1:8000"}),
        ("127.0.0.2", 8000, {"127.0.0.1:8000"}),
        ("evil.studio.lan", 443, {"studio.lan"}),
        ("studio.lan", 443, {"*.lan", "lan", ".studio.lan"}),
        ("studio.lan", 443, set()),
    ],
)
def test_a_host_is_named_exactly_or_not_at_all(host, port, allowed):
    assert not is_named(host, port, allowed)


@pytest.mark.parametrize(
    ("address", "carried"),
    [
        ("::ffff:8.8.8.8", True),
        ("64:ff9b::808:808", True),  # how a network that only speaks IPv6 shows every IPv4 host
        ("2002:808:808::", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("64:ff9b::a00:1", False),
        ("64:ff9b::7f00:1", False),
        ("2002:a00:1::", False),
        ("::a00:1", False),
        ("64:ff9b:1::808:808", False),  # of one's own network, whatever it carries
        ("2001:0:808:808::f5ff:fffe", False),  # Teredo, whose client is 10.0.0.1
    ],
)
def test_an_address_that_carries_an_ipv4_one_is_judged_by_it(address: str, carried: bool):
    assert is_public(ipaddress.ip_address(address)) is carried


@pytest.mark.parametrize("host", ["169.254.169.254", "64:ff9b:1::a9fe:a9fe", "64:ff9b:1:a9fe:a9:fe00::", "2001:0:a9fe:a9fe::1"])
def test_no_range_opens_the_way_to_machine_credentials(host: str):
    with pytest.raises(AddressRefused, match="never asked"):
        asyncio.run(Guard({"169.0.0.0/8", "64:ff9b:1::/48", "2001::/16"}, resolve=names(host)).addresses("metadata.example", 443))


@pytest.mark.parametrize("address", ["198.18.0.7", "198.19.255.1", "::ffff:c612:7", "64:ff9b::c612:7"])
def test_a_range_that_an_operator_named_lets_every_name_through_that_leads_into_it(address: str):
    guard = Guard({"198.18.0.0/15"}, resolve=names(address))

    assert asyncio.run(guard.addresses("api.x.ai", 443)) == [address]
    assert asyncio.run(guard.addresses("cdn.provider.example", 443)) == [address]
    with pytest.raises(AddressRefused, match="web port"):
        asyncio.run(guard.addresses("api.x.ai", 80))


def test_without_it_the_operator_is_told_of_the_range():
    with pytest.raises(AddressRefused) as refused:
        asyncio.run(Guard(resolve=names("198.18.0.7")).addresses("api.x.ai", 443))

    assert refused.value.said == "api.x.ai is in a private network."
    assert "198.18.0.0/15" in refused.value.mend


@pytest.mark.parametrize(("port", "passes"), [(443, True), (8443, True), (1024, True), (22, False), (80, False), (1023, False)])
def test_files_may_come_from_the_ports_that_are_free(port: int, passes: bool):
    found = Guard(free_ports=True, resolve=names(PUBLIC)).addresses("cdn.example", port)
    if passes:
        assert asyncio.run(found) == [PUBLIC]
        return
    with pytest.raises(AddressRefused):
        asyncio.run(found)


def test_the_pool_may_wait_through_the_guard():
    sockets = Sockets()
    asyncio.run(Guard(inner=sockets).sleep(0.5))

    assert sockets.asked == [("sleep", 0.5)]


@pytest.mark.parametrize("host", ["bücher.lan", "BÜCHER.lan", "xn--bcher-kva.lan"])
def test_a_host_of_letters_beyond_ascii_is_named_in_either_spelling(host: str):
    assert is_named(host, 443, {"xn--bcher-kva.lan"})
    assert is_admitted(httpx.URL(f"http://{host}:8080/v1"), {"xn--bcher-kva.lan:8080"})
    assert not is_named("bucher.lan", 443, {"xn--bcher-kva.lan"})
