"""Rates such as 30/h: how many uses are allowed in which time. Plain Python, because settings are read with it."""

import re
from dataclasses import dataclass

MOST = 2**60  # of uses times seconds, so that a database's integers hold several of it
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}  # seconds


@dataclass(frozen=True)
class Rate:
    """At most `limit` uses in any `seconds`."""

    limit: int
    seconds: int

    @classmethod
    def parse(cls, text: str) -> "Rate":
        """Read a rate such as `30/m` or `100/12h`. Raises ValueError for anything else."""
        match = re.fullmatch(r"(\d{1,15})/(\d{0,5})([smhd])", text.strip(), re.ASCII)
        if not match or int(match[1]) < 1 or match[2].strip("0") == "" != match[2]:
            raise ValueError(f"{text!r} is no rate. Write a number of uses and a time, such as 30/m, 100/h or 1000/d.")
        rate = cls(int(match[1]), int(match[2] or 1) * UNITS[match[3]])
        if rate.limit * rate.seconds > MOST:
            raise ValueError(f"{text!r} is too large a rate.")
        return rate

    def times(self, factor: int) -> "Rate":
        """The same time, with so many times the uses."""
        return Rate(self.limit * factor, self.seconds)


def parse_rates(text: str) -> tuple[Rate, ...]:
    """Read rates such as `10/m, 30/h`, the shortest first, because rows are always locked in this order. No text: no limit."""
    return tuple(sorted((Rate.parse(one) for one in text.split(",") if one.strip()), key=lambda rate: (rate.seconds, rate.limit)))


@dataclass(frozen=True)
class Limit:
    """Rates with one sentence for whoever is over them."""

    rates: tuple[Rate, ...]
    reason: str
