"""What a price is called before the click: the figure, how sure it is and what that rests on; and what is missing for it. Pure."""

from dataclasses import dataclass

from studio.credits.figures import PER_CREDIT, credits_text
from studio.credits.limits import lacking
from studio.credits.models import Account
from studio.credits.requests import sensible
from studio.routing.choice import Option
from studio.routing.prices import EXACT

TENTH = 100  # millicredits: a range is told in tenths of a credit, outwards


@dataclass(frozen=True, slots=True)
class Shortage:
    """Credits that are missing for an order: needed, what can be spent, and what must be granted first, in millicredits."""

    needed: int
    free: int
    missing: int

    def __str__(self) -> str:
        """Have, need, missing; or that something is owed, where nobody knows the price."""
        if not self.needed:
            return f"You owe {credits_text(self.missing)} credits. Nothing can be ordered until a grant repays them."
        return f"You have {credits_text(self.free)} credits; this needs {credits_text(self.needed)}. {credits_text(self.missing)} are missing."

    @property
    def to_ask(self) -> str:
        """What to ask for, in credits."""
        return credits_text(sensible(self.missing))


def shortage_of(account: Account, option: Option | None, *, count: int = 1) -> Shortage | None:
    """What is missing for so many of this order, as the ledger reckons; None where there is enough. Where nobody knows the price, nothing must be owed."""
    lack = lacking(account, count * option.millicredits if option.has_price else 0) if option else None
    return Shortage(lack.needed, lack.free, lack.missing) if lack else None


def figure(option: Option, *, count: int = 1) -> str:
    """What so many orders will cost as a bare figure; a dash where nobody knows or the brief cannot be done."""
    return credits_text(count * option.millicredits) if option.has_price and option.possible else "–"


def price_text(option: Option, *, count: int = 1) -> str:
    """What so many orders will cost, in words: 56 credits, about 56 credits, or price not known."""
    if not option.has_price:
        return "price not known"
    return total_text(count * option.millicredits, is_exact=option.forecast.certainty == EXACT)


def total_text(millicredits: int, *, is_exact: bool) -> str:
    """A price in words: 56 credits, about 56 credits."""
    return f"{'' if is_exact else 'about '}{credits_text(millicredits)} credit{'' if millicredits == PER_CREDIT else 's'}"


def how_sure(option: Option) -> str:
    """How sure a price is: "exact, as 12 orders cost", "about, 52 to 61 in 23 orders", "about, few orders yet", or "not known"."""
    forecast = option.forecast
    if not option.has_price:
        return "not known until it is charged"
    if forecast.certainty == EXACT:
        return f"exact, as {forecast.orders} orders cost" if forecast.orders else "exact"
    if not forecast.orders:
        return "about; too few orders to say more"
    if forecast.is_range:
        step = TENTH if forecast.low >= TENTH else 1
        low, high = forecast.low // step * step, -(-forecast.high // step) * step
        return f"about; mostly {credits_text(low)} to {credits_text(high)} in {forecast.orders} orders"
    return f"about; as {forecast.orders} orders cost"
