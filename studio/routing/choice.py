"""What each connection makes of a brief: possible or why not, its price and how long it usually takes.

The rule is pure: it takes a brief, a connection and its models. The thin query above it fetches connections. Jobs are not known here, so how
long something takes in this installation is asked of the caller.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from django.conf import settings

from studio.providers.contract import Brief, Capability, why_not
from studio.providers.registry import PROVIDERS
from studio.routing.models import Connection
from studio.routing.prices import Quote, quote

STORED = "stored"  # stands in a brief for an image that we keep: how it travels depends on the connection

Usual = Callable[[Connection, str], float]  # connection and model -> seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One connection and what it would do with a brief.

    `brief` is what would be sent there: fields that this model has no option for are left out. `reasons` has a sentence for each field that stands
    in the way (`images` for the references); it is possible when there is none.
    """

    connection: Connection
    can: Capability
    brief: Brief
    reasons: dict[str, str]
    quote: Quote
    usual_seconds: float

    @property
    def possible(self) -> bool:
        """Whether this connection can do the brief as it stands."""
        return not self.reasons

    @property
    def models(self) -> tuple[Capability, ...]:
        """Every model of this connection."""
        return PROVIDERS[self.connection.provider].capabilities

    @property
    def why_not(self) -> str:
        """All reasons as one text."""
        return " ".join(self.reasons.values())


def enabled() -> list[Connection]:
    """The connections that take orders, in the order in which people see them; the sandbox's only while it is on. One query."""
    rows = Connection.objects.filter(enabled=True)
    return [row for row in rows if row.provider in PROVIDERS and (settings.SANDBOX or not row.sandbox)]


def options(brief: Brief, connections: Sequence[Connection], *, usual: Usual | None = None) -> list[Option]:
    """What each connection would do with the brief, in the given order. Queries: the price rules, once a connection."""
    return [option(brief, connection, usual=usual) for connection in connections]


def option(brief: Brief, connection: Connection, *, usual: Usual | None = None) -> Option:
    """What this connection would do with the brief: with the model that it names, or else with the one that suits it best."""
    sent = as_sent(brief, reachable=connection.sandbox or bool(settings.PUBLIC_URL))
    can = suited(sent, PROVIDERS[connection.provider].capabilities)
    fitted = fit(sent, can)
    seconds = usual(connection, can.model) if usual else float(can.usual_seconds)
    return Option(connection=connection, can=can, brief=fitted, reasons=why_not(can, fitted), quote=quote(connection, fitted), usual_seconds=seconds)


def suited(brief: Brief, models: Sequence[Capability]) -> Capability:
    """The model that the brief names; if there is none of that name, the first with the fewest reasons against it."""
    named = [can for can in models if can.model == brief.model]
    return named[0] if named else min(models, key=lambda can: len(why_not(can, fit(brief, can))))


def fit(brief: Brief, can: Capability) -> Brief:
    """The brief as this model is asked: without the options that it does not have, and with a mode where one is needed and none was chosen."""
    return replace(
        brief,
        model=can.model,
        aspect_ratio=brief.aspect_ratio if can.aspect_ratios else "",
        duration=brief.duration if can.durations else None,
        resolution=brief.resolution if can.resolutions else "",
        mode=(brief.mode or usual_mode(can)) if can.modes else "",
    )


def usual_mode(can: Capability) -> str:
    """The mode for somebody who chose none."""
    return "normal" if "normal" in can.modes else (*can.modes, "")[0]


def as_sent(brief: Brief, *, reachable: bool) -> Brief:
    """The brief with stand-ins for the images that we keep: an address where providers can reach us, else inside the request."""
    way = "https://studio.invalid/" if reachable else "data:"
    return replace(brief, images=tuple(way if image == STORED else image for image in brief.images))
