"""How often something may be done: by one client address, on one account or link, by one person.

settings.RATE_LIMITS holds the limits of what strangers and guests do, settings.LIMITS those of people who are signed in. Both are counted
by `shared_state/counters.py`.
"""

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest

from studio.accounts.client_address import client_address
from studio.accounts.models import User
from studio.rates import Rate
from studio.shared_state import counters
from studio.shared_state.counters import bucket
from studio.web.too_many_requests import TooManyRequests

NARROW, WIDE = 64, 48  # bits of an IPv6 address: what one customer has at least, and what one easily gets
WIDE_FACTOR = 16


@dataclass(frozen=True)
class CountedUse:
    """One counter of an action."""

    name: str
    rates: Sequence[Rate]
    key: str
    amount: int = 1

    def spend(self) -> int:
        """Count it; or return the seconds to wait."""
        return counters.spend(self.name, self.rates, key=self.key, amount=self.amount)

    def give_back(self, *, counted_at: int) -> None:
        """Take it back; `counted_at` is when it was counted, in seconds since 1970."""
        counters.give_back(self.name, self.rates, key=self.key, amount=self.amount, counted_at=counted_at)


def spend(request: HttpRequest, action: str, *, key: str = "", person: User | None = None) -> int:
    """Count one use of an action of settings.RATE_LIMITS and return 0; or count nothing and return the seconds to wait."""
    return spend_all(list(uses_of(request, action, key=key, person=person)))


def check(request: HttpRequest, action: str, *, key: str = "", person: User | None = None) -> None:
    """Count one use. Raises TooManyRequests."""
    if seconds := spend(request, action, key=key, person=person):
        raise TooManyRequests(seconds, limit=action)


def spend_all(uses: Sequence[CountedUse]) -> int:
    """Count all of these and return 0; or none of them and return the seconds to wait."""
    return _first_refused(uses)[0]


def _first_refused(uses: Sequence[CountedUse]) -> tuple[int, CountedUse | None]:
    """Count all of these; or none, and return the seconds to wait and which of them it was."""
    began_at = counters.now()
    for number, use in enumerate(uses):
        if seconds := use.spend():
            for counted in uses[:number]:
                counted.give_back(counted_at=began_at)
            return seconds, use
    return 0, None


def uses_of(request: HttpRequest, action: str, *, key: str = "", person: User | None = None) -> Iterator[CountedUse]:
    """Yield the counters of an action: of the client's network, of the key (an account, a link), of the person."""
    for per, rates in settings.RATE_LIMITS[action].items():
        if per == "address":
            yield from by_network(action, rates, client_address(request))
        elif per == "key":
            yield CountedUse(f"{action}:key", rates, bucket(key))
        elif person is not None:
            yield CountedUse(f"{action}:person", rates, f"u{person.pk}")


def by_network(action: str, rates: Sequence[Rate], address: str) -> Iterator[CountedUse]:
    """Yield the counters of a client address. One customer has many IPv6 addresses, so they are counted by network, and wider ones more generously."""
    ip = ipaddress.ip_address(address)
    if ip.version == 4:  # noqa: PLR2004 - of IP
        yield CountedUse(f"{action}:address", rates, bucket(address))
        return
    for bits, factor in ((NARROW, 1), (WIDE, WIDE_FACTOR)):
        network = ipaddress.ip_network(f"{ip}/{bits}", strict=False)
        yield CountedUse(f"{action}:address", [rate.times(factor) for rate in rates], bucket(str(network)))


def spend_own(person: User, limit: str, amount: int = 1) -> None:
    """Count an amount of one of settings.LIMITS for a person. Raises TooManyRequests, and counts nothing then."""
    _spend_limits({limit: f"u{person.pk}"}, {limit: amount})


def spend_upload(person: User, sizes: Sequence[int], *, project_id: int | None = None) -> None:
    """Count files of these sizes, in bytes, for a person and for the project that they go into. Raises TooManyRequests, and counts nothing then."""
    own, total = f"u{person.pk}", sum(sizes)
    keys = {"uploads": own, "upload_bytes": own, "project_upload_bytes": f"p{project_id}"}
    _spend_limits(keys, {"uploads": len(sizes), "upload_bytes": total, "project_upload_bytes": total if project_id else 0})


def _spend_limits(keys: dict[str, str], amounts: dict[str, int]) -> None:
    uses = [CountedUse(name, settings.LIMITS[name].rates, key, amounts[name]) for name, key in keys.items() if amounts[name]]
    seconds, use = _first_refused(uses)
    if use is not None:
        raise TooManyRequests(seconds, settings.LIMITS[use.name].reason, limit=use.name)
