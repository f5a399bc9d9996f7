"""Which proxy a request goes through: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, as other programs read them (small letters too).

Our own machine is always asked directly, and so is a name without a dot, which no proxy outside could know.
"""

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies_environment

from studio.providers.guard import ascii_name

DEFAULT_PORTS = {"http": 80, "https": 443}
ENTRY = re.compile(r"\[(?P<in_brackets>[^\]]+)\](:(?P<port_of_v6>\d{1,5}))?|(?P<name>[^:\[\]]+)(:(?P<port>\d{1,5}))?|(?P<v6>[0-9A-Fa-f:./]+)")


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
    return Proxy(parts.scheme, ascii_name(host), port or DEFAULT_PORTS[parts.scheme], variable, auth)


def _is_near(host: str) -> bool:
    """Whether this is our own machine, or a name that only our own network knows."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return "." not in host or host.endswith(".localhost")


def _is_excepted(host: str, port: int) -> bool:
    """Whether NO_PROXY names it: a name with all below it, an address, a range, each with or without a port, or *."""
    excepted = getproxies_environment().get("no", "")
    return any(_names(entry, host, port) for entry in re.split(r"[,\s]+", excepted) if entry)


def _names(entry: str, host: str, port: int) -> bool:
    """Whether one entry names it, as any of the programs that read NO_PROXY would take it: also `*.example.org`, with a full stop, or as an address of a page."""
    match = ENTRY.fullmatch(entry.partition("://")[2].rstrip("/") or entry)
    if match is None or int(match["port"] or match["port_of_v6"] or port) != port:
        return False
    name = match["name"] or match["in_brackets"] or match["v6"]
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(name, strict=False)
    except ValueError:  # one of them is a name
        name, host = (ascii_name(one.rstrip(".")) for one in (name.removeprefix("*").removeprefix("."), host))
        return match["name"] == "*" or (name != "" and f".{host}".endswith(f".{name}"))
