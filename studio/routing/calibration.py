"""What an order will really cost: its quote, held against what orders at that price were charged before. Pure; fetches and stores nothing.

Quartiles rather than a mean, so that a few absurd figures move nothing. A price that an admin set, or that was always exact, is never replaced: past
charges only say how sure it is.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import quantiles

from studio.providers.contract import Brief
from studio.routing.prices import BASIS_LENGTH, ESTIMATED, EXACT, LARGEST, UNKNOWN, Quote, half_up
from studio.routing.track import Sample, Tracks, kind_of, whole_of

ENOUGH = 5  # charges, before they say anything
SAME = Fraction(1, 200)  # of a charge: what rounding to whole units may make of an exact price
DIGITS = 1_000_000  # a factor has six decimals: the sum on a receipt is the sum that was made, and a ninth of nine credits is one credit


@dataclass(frozen=True, slots=True)
class Forecast:
    """Between what an order will cost, in millicredits, and what is held for it: `likely`.

    `certainty` is exact, estimated or unknown (then all are 0). `orders` is how many past ones it rests on, 0 while they are too few. `basis` says
    how it was reckoned, for people.
    """

    low: int
    likely: int
    high: int
    certainty: str
    orders: int
    basis: str

    @property
    def is_range(self) -> bool:
        """Whether low and high tell more than the likely figure."""
        return self.low != self.high


def expect(quote: Quote, ratios: Sequence[float]) -> Forecast:
    """What an order of this quote will cost. `ratios` are what orders at the same price were charged for each credit of their quotes."""
    charged = [Fraction(str(ratio)) for ratio in ratios if math.isfinite(ratio) and ratio >= 0]
    if quote.certainty == UNKNOWN or len(charged) < ENOUGH:
        return Forecast(quote.millicredits, quote.millicredits, quote.millicredits, quote.certainty, 0, quote.basis)
    first, middle, last = (_to_digits(ratio) for ratio in quantiles(charged, n=4, method="inclusive"))
    if quote.certainty == EXACT and all(abs(ratio - 1) <= SAME for ratio in charged):
        first = middle = last = Fraction(1)
    calibrates = quote.certainty == ESTIMATED and not quote.by_admin
    factor = middle if calibrates else Fraction(1)
    likely = _times(quote, factor)
    certainty = EXACT if quote.certainty == EXACT and first == last == 1 else ESTIMATED
    basis = _with_factor(quote.basis, factor, len(charged)) if calibrates else quote.basis
    return Forecast(min(_times(quote, first), likely), likely, max(_times(quote, last), likely), certainty, len(charged), basis)


def ratios_of(tracks: Tracks, connection_id: int, brief: Brief, quote: Quote) -> list[float]:
    """What orders like this one were charged for each credit of their quotes, at the price of this quote: of the very kind, or of its model while few."""
    kind = kind_of(brief)
    own = _at_price(tracks.samples.get((connection_id, kind), []), quote)
    return own if len(own) >= ENOUGH else _at_price(tracks.samples.get((connection_id, whole_of(kind)), []), quote)


def _at_price(samples: Sequence[Sample], quote: Quote) -> list[float]:
    """A price that was changed since says nothing about this one."""
    return [sample.ratio for sample in samples if sample.ratio is not None and sample.price == quote.price]


def _to_digits(ratio: Fraction) -> Fraction:
    return Fraction(half_up(ratio * DIGITS), DIGITS)


def _times(quote: Quote, factor: Fraction) -> int:
    """The quote times a factor, rounded half up once. What has a price never becomes 0, which stands for a price that nobody knows."""
    return min(max(half_up(quote.millicredits * factor), min(quote.millicredits, 1)), LARGEST)


def _with_factor(basis: str, factor: Fraction, orders: int) -> str:
    """How it was reckoned, with what past orders did to it: "8 s × 7 (xAI's list), × 1.12 as the last 23 orders cost"."""
    since = f", as the last {orders} orders cost" if factor == 1 else f", × {float(factor):g} as the last {orders} orders cost"
    return basis[: BASIS_LENGTH - len(since)] + since
