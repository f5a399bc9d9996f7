"""What the limits would say to an order, before it is made: the sentence that the ledger's own refusal would have. Reads only.

The rules are those of limits.py, read here and enforced there; what comes between the look and the click is the ledger's to notice.
"""

from dataclasses import dataclass

from django.db.models import Q

from studio.accounts.models import User
from studio.credits import limits
from studio.credits.errors import CannotHold
from studio.credits.models import Account, Hold, Tally, Waiver
from studio.projects.models import Project


@dataclass(frozen=True, slots=True)
class Foresight:
    """`stop` is what would refuse the order, None where nothing would; `passes` tells that a waiver lets it through, once. `notice` is of a soft budget."""

    stop: CannotHold | None = None
    passes: bool = False
    notice: str = ""


def foresee(user: User, account: Account, amount: int, *, project: Project) -> Foresight:
    """What caps and budget would say to an order of this many millicredits now. The balance is asked apart from it, by limits.lacking.

    Queries: one each for the caps, the budget and the tallies, and one for waivers where something stops it.
    """
    account.user = user  # who is known; nothing has to be read for it
    cap, hold = limits.cap_of(user), Hold(account=account, amount=amount, project=project)
    crowd = limits.too_many(account, cap)
    stops: list[tuple[str, CannotHold]] = [(Waiver.Lifts.CAP, crowd)] if crowd else []
    used, notice = _used(hold), ""
    for rule in limits.rules(hold, cap):
        so_far = used.get(_name(rule.place), 0)
        if rule.soft:
            notice = limits.soft_text(rule.soft, so_far, more=amount)
        if rule.limit is not None and rule.refusal and so_far + amount > rule.limit:
            stops.append((rule.lifts, rule.refusal(max(rule.limit - so_far, 0))))
    return _after_waivers(hold, stops, notice)


def _after_waivers(hold: Hold, stops: list[tuple[str, CannotHold]], notice: str) -> Foresight:
    """What is left of the stops when the person's waivers are used as the ledger would use them."""
    if not stops:
        return Foresight(notice=notice)
    lifted = {waiver.lifts for waiver in limits.open_waivers(hold)}
    for lifts, stop in stops:
        if not lifted & {lifts, Waiver.Lifts.BOTH}:
            return Foresight(stop, notice=notice)
    return Foresight(stops[0][1], passes=True, notice=notice)


def _used(hold: Hold) -> dict[tuple[object, ...], int]:
    """What is held or spent in each tally in which this would count. One query."""
    wanted = Q()
    for place in limits.places(hold):
        wanted |= Q(**place)
    rows = Tally.objects.filter(wanted).values("account_id", "project_id", "starts_on", "ends_on", "held", "spent")
    return {_name(row): row["held"] + row["spent"] for row in rows}


def _name(place: limits.Place) -> tuple[object, ...]:
    return tuple(place.get(column) for column in ("account_id", "project_id", "starts_on", "ends_on"))
