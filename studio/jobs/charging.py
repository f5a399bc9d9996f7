"""What a job costs the person, from what the provider reported. Asks no database.

| how it ended                              | who pays                                                       |
|-------------------------------------------|----------------------------------------------------------------|
| a clip, usage reported                    | the person: usage x the rate in force when it was sent         |
| a clip, no usable usage                   | the person: the estimate, marked as such                       |
| a clip, a figure that cannot be           | the person: the estimate, with an alert that an admin settles  |
| refused by the filter, or as unfit, reported | the person: the provider charges for the try (xAI does)     |
| refused, by who charges and reports nothing | the person: the estimate, marked as such (AceData)           |
| refused or failed, nothing reported       | nobody                                                         |
| failed at the provider although charged   | the house; the raw figure stays on the attempt                 |
| made, but could not be saved              | the house                                                      |

A figure is believed within bounds: it is nothing just where the price is, not a hundred times less or more than was expected, and
never more than a hundred of the dearest clips that anybody sells. Without a price it is at most a hundred times what was held,
or the dearest clip. Beyond them it is a mistake in a unit, or a lie.
"""

from dataclasses import dataclass
from typing import TypedDict

from studio.credits.figures import credits_text
from studio.jobs.models import Attempt
from studio.providers.contract import Cause, Usage
from studio.routing.prices import Rate, dearest, price

UNBELIEVABLE = 100  # times what was expected, either way
MOST_CLIPS = 100  # of the dearest kind
CHARGED = frozenset({Cause.MODERATED, Cause.INPUT_REFUSED})  # failures of the brief's making


@dataclass(frozen=True, slots=True)
class Charge:
    """Millicredits to take from the hold, whether that is an estimate, and what an admin should see about it."""

    millicredits: int
    is_estimate: bool = False
    alert: str = ""


class Expected(TypedDict):
    """What an attempt was expected to cost, as charging.py asks for it."""

    estimate: int
    is_priced: bool


def expected_of(attempt: Attempt) -> Expected:
    """What it was expected to cost, and whether anybody knew a price."""
    return {"estimate": attempt.estimate, "is_priced": bool(attempt.price)}


def rate_of(attempt: Attempt) -> Rate | None:
    """The rate that was in force when it was sent."""
    if attempt.rate_millicredits is None or attempt.rate_per_units is None:
        return None
    return Rate(attempt.rate_millicredits, attempt.rate_per_units, "in force when it was sent")


def charge_for_clip(usage: Usage | None, rate: Rate | None, *, estimate: int, is_priced: bool = True) -> Charge:
    """What a delivered job costs. `estimate` is its hold in millicredits.

    Where it `is_priced`, an estimate of 0 says that a clip is free; else nobody knew a price, and the hold is the least that is held.
    """
    if usage is None:
        return Charge(estimate, is_estimate=True)
    cost = price(usage.amount, rate) if rate else None
    is_free = is_priced and not estimate
    doubt = _too_much(cost, estimate, is_priced=is_priced) or ("" if is_free else _too_little(cost or 0, estimate if is_priced else 0))
    if doubt:
        return Charge(estimate, is_estimate=True, alert=f"Reported usage {usage.amount[:60]!r} {usage.unit} {doubt}; the estimate was charged.")
    return Charge(cost or 0)


def charge_for_failure(
    cause: Cause | None, usage: Usage | None, rate: Rate | None, *, estimate: int, is_priced: bool = True, charges_refusals: bool = False
) -> Charge:
    """What a job without a clip costs: something only where a try was charged that the brief's own content ended.

    `charges_refusals` says that the provider bills what its filter refuses although it reports no usage. xAI calls some refusals of its filter an
    invalid argument, so what it says to have charged for one is charged alike.
    """
    if cause is Cause.MODERATED and usage is None and charges_refusals:
        return Charge(estimate, is_estimate=True)
    if cause not in CHARGED or usage is None:
        return Charge(0)
    cost = price(usage.amount, rate) if rate else None
    if doubt := _too_much(cost, estimate, is_priced=is_priced):
        return Charge(0, alert=f"Reported usage {usage.amount[:60]!r} {usage.unit} of a refused try {doubt}; nothing was charged.")
    return Charge(cost or 0)


def _too_much(cost: int | None, estimate: int, *, is_priced: bool) -> str:
    """Why a figure cannot be so large, as the end of a sentence; "" where it can."""
    if cost is None:
        return "has no price"
    if is_priced and not estimate:
        return "is a cost, where the price says that it is free" if cost else ""
    if is_priced and cost > UNBELIEVABLE * estimate:
        return f"is over {UNBELIEVABLE} times the estimate"
    most = max(MOST_CLIPS * dearest(), estimate) if is_priced else max(dearest(), UNBELIEVABLE * estimate)
    return f"is more than {credits_text(most)} credits, which no clip costs" if cost > min(most, max(MOST_CLIPS * dearest(), estimate)) else ""


def _too_little(cost: int, estimate: int) -> str:
    """Why a clip cannot cost so little, as the end of a sentence; "" where it can. `estimate` is 0 where no price is known."""
    if not cost:
        return "says that the clip was free"
    return f"is less than a {UNBELIEVABLE}th of the estimate" if cost * UNBELIEVABLE < estimate else ""
