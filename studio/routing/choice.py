"""What each connection makes of a brief: possible or why not, its price and how long it usually takes.

The rule is pure: it takes a brief, a connection and its models. The thin query above it fetches connections. Jobs are not known here, so how
long something takes in this installation is asked of the caller.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from django.conf import settings

from studio.providers.contract import Brief, Capability, Operation
from studio.providers.fitting import why_not
from studio.providers.registry import PROVIDERS, capabilities_of
from studio.routing.calibration import Forecast, expect, ratios_of
from studio.routing.models import Connection, PriceRule
from studio.routing.prices import UNKNOWN, Quote, quote, rules_for
from studio.routing.track import Tracks

STORED = "stored"  # stands in a brief for an image or a clip that we keep: how it travels depends on the connection

NO_TRACKS = Tracks({})

Usual = Callable[[Connection, Brief], float]  # connection and brief as sent there -> seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One connection and what it would do with a brief.

    `brief` is what would be sent there: fields that this model has no option for are left out. `reasons` has a sentence for each field that stands
    in the way (`images` for the references); it is possible when there is none. `quote` is what the price book says, `forecast` what past charges
    make of it: that is what people see and what is held.
    """

    connection: Connection
    can: Capability
    brief: Brief
    reasons: dict[str, str]
    quote: Quote
    forecast: Forecast
    usual_seconds: float

    @property
    def possible(self) -> bool:
        """Whether this connection can do the brief as it stands."""
        return not self.reasons

    @property
    def millicredits(self) -> int:
        """What is held for it."""
        return self.forecast.likely

    @property
    def has_price(self) -> bool:
        """Whether anybody knows what it costs."""
        return self.quote.certainty != UNKNOWN

    @property
    def models(self) -> tuple[Capability, ...]:
        """Every model of this connection."""
        return capabilities_of(self.connection.provider, self.connection.dialect)

    @property
    def why_not(self) -> str:
        """All reasons as one text."""
        return " ".join(self.reasons.values())


def enabled() -> list[Connection]:
    """The connections that take orders, in the order in which people see them; the sandbox's only while it is on. One query."""
    rows = Connection.objects.filter(enabled=True)
    return [row for row in rows if _is_spoken(row) and (settings.SANDBOX or not row.sandbox)]


def _is_spoken(connection: Connection) -> bool:
    """Whether this version knows the connection's provider and dialect."""
    return connection.provider in PROVIDERS and connection.dialect in PROVIDERS[connection.provider].dialects


def options(
    brief: Brief,
    connections: Sequence[Connection],
    *,
    rules: Sequence[PriceRule] | None = None,
    tracks: Tracks = NO_TRACKS,
    usual: Usual | None = None,
) -> list[Option]:
    """What each connection would do with the brief, in the given order. Without `rules` one query, for the price rules."""
    rules = rules_for(connections) if rules is None else rules
    return [option(brief, connection, rules=rules, tracks=tracks, usual=usual) for connection in connections]


def option(
    brief: Brief,
    connection: Connection,
    *,
    rules: Sequence[PriceRule] | None = None,
    tracks: Tracks = NO_TRACKS,
    usual: Usual | None = None,
) -> Option:
    """What this connection would do with the brief: with the model that it names, or else with the one that suits it best.

    Without `rules` one query; without `tracks` the price is the quote.
    """
    sent = as_sent(brief, reachable=connection.sandbox or bool(settings.PUBLIC_URL))
    can = suited(sent, capabilities_of(connection.provider, connection.dialect))
    fitted = fit(sent, can)
    seconds = usual(connection, fitted) if usual else float(can.usual_seconds)
    price = quote(connection, fitted, rules)
    return Option(
        connection=connection,
        can=can,
        brief=fitted,
        reasons=why_not(can, fitted),
        quote=price,
        forecast=forecast(connection, fitted, price, tracks),
        usual_seconds=seconds,
    )


def forecast(connection: Connection, brief: Brief, price: Quote, tracks: Tracks) -> Forecast:
    """What past charges there make of this price for a brief as it is sent."""
    return expect(price, ratios_of(tracks, connection.pk, brief, price))


def suited(brief: Brief, models: Sequence[Capability]) -> Capability:
    """The model that the brief names; if there is none of that name, the first with the fewest reasons against it."""
    named = [can for can in models if can.model == brief.model]
    return named[0] if named else min(models, key=lambda can: len(why_not(can, fit(brief, can))))


def fit(brief: Brief, can: Capability) -> Brief:
    """The brief as this model is asked: without the options that it does not have, and with a mode where one is needed and none was chosen.

    The result of an edit or an extension has the clip's shape, and an edit its length, so these are no options then. A wish for silence is never
    left out: who asks for it is told where it cannot be had.
    """
    new, edits = brief.operation is Operation.GENERATE, brief.operation is Operation.EDIT
    return replace(
        brief,
        model=can.model,
        aspect_ratio=brief.aspect_ratio if new and can.aspect_ratios else "",
        duration=brief.duration if can.durations and not edits else None,
        resolution=brief.resolution if new and can.resolutions else "",
        mode=(brief.mode or usual_mode(can)) if new and can.modes else "",
        sound=brief.sound if can.sound or brief.sound is False else None,
    )


def usual_mode(can: Capability) -> str:
    """The mode for somebody who chose none."""
    return "normal" if "normal" in can.modes else (*can.modes, "")[0]


def as_sent(brief: Brief, *, reachable: bool) -> Brief:
    """The brief with stand-ins for the images and the clip that we keep: an address where providers can reach us, else inside the request."""
    way = "https://studio.invalid/" if reachable else "data:"
    images = tuple(way if image == STORED else image for image in brief.images)
    return replace(brief, images=images, video=way if brief.video == STORED else brief.video)
