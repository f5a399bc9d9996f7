"""What a job costs the person, from what the provider reported. Pure.

| how it ended                              | who pays                                                       |
|-------------------------------------------|----------------------------------------------------------------|
| a clip, usage reported                    | the person: usage x the rate in force when it was sent         |
| a clip, no usable usage                   | the person: the estimate, marked as such                       |
| refused by the filter or as an unfit input, reported | the person: the provider charges for the try (xAI does) |
| the same, at a provider that charges and reports nothing | the person: the estimate, marked as such (AceData)  |
| refused or failed, nothing reported       | nobody                                                         |
| failed at the provider although charged   | the house; the raw figure stays on the attempt                 |
| made, but could not be saved              | the house                                                      |
"""

from dataclasses import dataclass

from studio.providers.contract import Cause, Usage
from studio.routing.prices import Rate, price

UNBELIEVABLE = 100  # times the estimate: such a figure is a mistake in a unit, and waits for an admin instead of emptying an account
CHARGED = frozenset({Cause.MODERATED, Cause.INPUT_REFUSED})  # failures of the brief's making


@dataclass(frozen=True, slots=True)
class Charge:
    """Millicredits to take from the hold, whether that is an estimate, and what an admin should see about it."""

    millicredits: int
    is_estimate: bool = False
    alert: str = ""


def charge_for_clip(usage: Usage | None, rate: Rate | None, *, estimate: int) -> Charge:
    """What a delivered job costs. `estimate` is its hold in millicredits."""
    if usage is None:
        return Charge(estimate, is_estimate=True)
    cost = price(usage.amount, rate) if rate else None
    if cost is None:
        return Charge(estimate, is_estimate=True, alert=f"Reported usage {usage.amount[:60]!r} {usage.unit} has no price; the estimate was charged.")
    if estimate and cost > UNBELIEVABLE * estimate:
        alert = f"Reported usage {usage.amount[:60]} {usage.unit} is over {UNBELIEVABLE} times the estimate; the estimate was charged."
        return Charge(estimate, is_estimate=True, alert=alert)
    return Charge(cost)


def charge_for_failure(cause: Cause | None, usage: Usage | None, rate: Rate | None, *, estimate: int, charges_refusals: bool = False) -> Charge:
    """What a job without a clip costs: something only where a try was charged that the brief's own content ended.

    `charges_refusals` says that the provider bills what its filter refuses although it reports no usage. xAI calls some refusals of its filter an
    invalid argument, so what it says to have charged for one is charged alike.
    """
    if cause is Cause.MODERATED and usage is None and charges_refusals:
        return Charge(estimate, is_estimate=True)
    if cause not in CHARGED or usage is None:
        return Charge(0)
    charge = charge_for_clip(usage, rate, estimate=estimate)
    return Charge(0, alert=charge.alert) if charge.is_estimate else charge
