"""Where a request comes from: for throttling, the record of changes and the log.

Each proxy in front appends to X-Forwarded-For the address of whoever asked it. So the client's is as far from the right as there are proxies
(STUDIO_PROXIES); what stands further left anybody can write.
"""

import ipaddress
import re

from django.conf import settings
from django.http import HttpRequest

NOBODY = "0.0.0.0"  # noqa: S104 - an address that is never bound: all that have none are throttled together
ENTRY = re.compile(r"\[(?P<bracketed>[^\]]*)\](:\d+)?|(?P<v4>[\d.]+)(:\d+)?|(?P<v6>[0-9A-Fa-f:.]*)")


def client_address(request: HttpRequest) -> str:
    """The client's address. Where a proxy does not say it ("unknown"), the next nearer one; never empty, because that would turn people away."""
    told = [entry for entry in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if entry.strip()] if settings.PROXIES else []
    for entry in (*told[-settings.PROXIES :], request.META.get("REMOTE_ADDR", "")):
        if address := _read(entry):
            return address
    return NOBODY


def _read(entry: str) -> str:
    """One entry: with or without a port, brackets or a zone; "" for what is no address."""
    match = ENTRY.fullmatch(entry.strip().strip('"').partition("%")[0] + ("]" if "%" in entry and entry.strip().startswith("[") else ""))
    try:
        address = ipaddress.ip_address(next(filter(None, match.group("bracketed", "v4", "v6")), "")) if match else None
    except ValueError:
        return ""
    if address is None:
        return ""
    return str(address.ipv4_mapped or address) if isinstance(address, ipaddress.IPv6Address) else str(address)
