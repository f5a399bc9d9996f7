"""Which proxy a request goes through: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, as other programs read them (small letters too).

Our own machine is always asked directly, and so is a name without a dot, which no proxy outside could know.
"""

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]  # the stubs leave it out

DEFAULT_PORTS = {"http": 80, "https": 443}


class WrongProxy(ValueError):
    """A variable names no proxy that we can use. Its text has the variable's name, and no password."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy. `variable` is the one that names it, `auth` the user and password that it wants."""

    scheme: str
    host: str
    port: int
    variable: str
    auth: tuple[str, str] | None = field(default=None, repr=False)

    @property
    def address(self) -> str:
        """The address without a password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def proxy_for(scheme: str, host: str, port: int) -> Proxy | None:
    """The proxy for an address, None where it is asked directly. Raises WrongProxy."""
    if _is_near(host) or _is_excepted(host, port):
        return None
    return named(scheme)


def named(scheme: str) -> Proxy | None:
    """The proxy that the environment names for https or http. Raises WrongProxy."""
    found: Mapping[str, str] = getproxies_environment()
    name = scheme if found.get(scheme) else "all"
    written = found.get(name, "").strip()
    if not written:
        return None
    variable = next((each for each in (f"{name}_proxy", f"{name.upper()}_PROXY") if os.environ.get(each)), f"{name.upper()}_PROXY")
    return _read(written, variable)


def _read(written: str, variable: str) -> Proxy:
    """The proxy of a variable."""
    try:
        parts = urlsplit(written if "://" in written else f"http://{written}")
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise WrongProxy(f"{variable} cannot be read: its host or port is wrong. It looks like http://proxy.example.org:3128.") from error
    if parts.scheme not in DEFAULT_PORTS:
        raise WrongProxy(
            f"{variable} starts with {parts.scheme}:, and only proxies over http: and https: are used. It looks like http://proxy.example.org:3128."
        )
    if not host:
        raise WrongProxy(f"{variable} names no host. It looks like http://proxy.example.org:3128.")
    auth = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    return Proxy(parts.scheme, host, port or DEFAULT_PORTS[parts.scheme], variable, auth)


def _is_near(host: str) -> bool:
    """Whether this is our own machine, or a name that only our own network knows."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return "." not in host or host.endswith(".localhost")


def _is_excepted(host: str, port: int) -> bool:
    """Whether NO_PROXY names it: a name with all below it, an address, a range, each with or without a port, or *."""
    excepted = getproxies_environment().get("no", "")
    if proxy_bypass_environment(f"{host}:{port}", {"no": excepted}):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return any(_holds(entry.strip(), address) for entry in excepted.split(","))


def _holds(entry: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    try:
        return address in ipaddress.ip_network(entry.strip("[]"), strict=False)
    except ValueError:  # a name
        return False
