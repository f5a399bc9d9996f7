"""Names of hosts as people write them, in the one form in which they are compared."""

import ipaddress
import re

import idna

NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*\.?")  # in ASCII
LONGEST_NAME = 253


def host_name(host: str) -> str:
    """A host name in lower case and ASCII, or a literal address; "" for what is neither."""
    if is_literal(host):
        return str(ipaddress.ip_address(host))
    host = host.lower()
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode()
        except idna.IDNAError:
            return ""
    if re.fullmatch(r"[\d.]+", host) or len(host) > LONGEST_NAME:  # an address with too many or too few parts
        return ""
    return host.removesuffix(".") if NAME.fullmatch(host) else ""


def is_literal(host: str) -> bool:
    """Whether this is an IP address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def bracketed(host: str) -> str:
    """The host as it stands in an address of a page."""
    return f"[{host}]" if ":" in host else host
