"""What an order will cost and what reported usage costs: the price book.

Three tables, most trusted first: an admin's PriceRule and UsageRate rows, then what the providers publish (PRICES, USAGE below, with source
and date). Dollars become credits by settings.CREDIT_USD, in fractions, rounded once and half up. A figure that nobody publishes is an
estimate and says so; a hold that was too large is returned, so estimates lean to the dear side.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Final

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from studio.providers.contract import Brief
from studio.routing.models import Connection, PriceRule, UsageRate

EXACT: Final = PriceRule.Certainty.EXACT.value
ESTIMATED: Final = PriceRule.Certainty.ESTIMATED.value
UNKNOWN: Final = "unknown"
BASIS_LENGTH = 300
LARGEST = 10**12  # millicredits of one price: what the ledger moves at once
BIGGEST = 2**63  # a rate is kept on each attempt as two BIGINTs


@dataclass(frozen=True, slots=True)
class Quote:
    """What an order will cost. `certainty` is exact, estimated or unknown (then 0 millicredits); `basis` says how it was reckoned, for people."""

    millicredits: int
    certainty: str
    basis: str


@dataclass(frozen=True, slots=True)
class Rate:
    """`millicredits` for each `per_units` units of reported usage."""

    millicredits: int
    per_units: int
    source: str


@dataclass(frozen=True, slots=True)
class Price:
    """One line of the built-in book, in US dollars as text. An empty model or resolution stands for any other."""

    provider: str
    model: str
    resolution: str
    certainty: str
    source: str
    fixed: str = "0"
    per_second: str = "0"
    per_image: str = "0"


XAI = "xAI's list, docs.x.ai, November 2026"
XAI_DEAREST = "the dearest of xAI's list, docs.x.ai, November 2026, as this one is not on it"
XAI_LITE = "'from 0.02 USD', docs.x.ai, November 2026"
TTAPI = "TTAPI's only sample, 9 quota for 30 s at 720p, docs.ttapi.io, March 2026"
TTAPI_15 = "twice TTAPI's only sample, 9 quota for 30 s at 720p, as 1.5 costs twice as much at xAI"
GROKIMAGINE = "40 credits a generation whatever the options, grokimagineapi.com/docs, November 2026"
ACEDATA = "AceData publishes no price; xAI's list, November 2026"
ACEDATA_SEEN = "one observation, 0.567 AceData credits for 6 s at 480p, taken as dollars; dearer resolutions in xAI's proportion"
COMET = "CometAPI publishes no price; xAI's list, November 2026"


def _xai_list(provider: str, certainty: str, source: str, *, plain: tuple[str, ...], better: tuple[str, ...]) -> tuple[Price, ...]:
    """The lines of xAI's list for the names that a provider gives `grok-imagine-video` (plain) and `grok-imagine-video-1.5` (better)."""
    figures = [(model, resolution, usd, "0.002") for model in plain for resolution, usd in (("480p", "0.05"), ("720p", "0.07"))]
    figures += [(model, resolution, usd, "0.01") for model in better for resolution, usd in (("480p", "0.08"), ("720p", "0.14"), ("1080p", "0.25"))]
    listed = tuple(Price(provider, model, at, certainty, source, per_second=usd, per_image=image) for model, at, usd, image in figures)
    unlisted = tuple(
        Price(provider, "", at, ESTIMATED, source if certainty == ESTIMATED else XAI_DEAREST, per_second=usd, per_image="0.01")
        for at, usd in (("480p", "0.08"), ("720p", "0.14"), ("", "0.25"))
    )
    return listed + unlisted


PRICES: tuple[Price, ...] = (
    *_xai_list(
        "xai",
        EXACT,
        XAI,
        plain=("grok-imagine-video",),
        better=("grok-imagine-video-1.5", "grok-imagine-video-1.5-preview", "grok-imagine-video-1.5-2026-05-30"),
    ),
    Price("xai", "grok-imagine-video-1.5-lite", "480p", ESTIMATED, XAI_LITE, per_second="0.02", per_image="0.01"),
    Price("ttapi", "grok-imagine-video-1.5-preview", "", ESTIMATED, TTAPI_15, fixed="0.18"),
    Price("ttapi", "", "", ESTIMATED, TTAPI, fixed="0.09"),
    Price("grokimagine", "", "", EXACT, GROKIMAGINE, fixed="0.40"),
    Price("acedata", "grok-imagine-video-1.5-fast:reverse", "480p", ESTIMATED, ACEDATA_SEEN, per_second="0.0945"),
    Price("acedata", "grok-imagine-video-1.5-fast:reverse", "720p", ESTIMATED, ACEDATA_SEEN, per_second="0.1654"),
    Price("acedata", "grok-imagine-video-1.5-fast:reverse", "1080p", ESTIMATED, ACEDATA_SEEN, per_second="0.2954"),
    *_xai_list(
        "acedata",
        ESTIMATED,
        ACEDATA,
        plain=("grok-imagine-video", "grok-imagine-video:reverse", "grok-imagine-video:official"),
        better=("grok-imagine-video-1.5:official", "grok-imagine-video-1.5-preview"),
    ),
    *_xai_list("comet", ESTIMATED, COMET, plain=("grok-imagine-video",), better=("grok-imagine-video-1.5",)),
)
BOOK = {(line.provider, line.model, line.resolution): line for line in PRICES}

# Where a brief leaves them open, what the provider's own default is.
USUAL_SECONDS = {"ttapi": 10, "acedata": 8, "comet": 8, "xai": 8}
USUAL_RESOLUTION = {"ttapi": "720p", "acedata": "480p", "comet": "480p", "xai": "480p"}

# US dollars for one unit of reported usage.
USAGE: dict[tuple[str, str], tuple[Fraction, str]] = {
    ("ttapi", "quota"): (Fraction(1, 100), "100 quota are 1 USD, docs.ttapi.io, November 2026"),
    ("grokimagine", "consumed_credits"): (Fraction(1, 100), "40 credits are about 0.40 USD, grokimagineapi.com/docs, November 2026"),
    ("comet", "cost_in_usd_ticks"): (Fraction(1, 10**10), "10,000,000,000 ticks are 1 USD at xAI, taken for CometAPI's own charge"),
    ("xai", "cost_in_usd_ticks"): (Fraction(1, 10**10), "10,000,000,000 ticks are 1 USD, docs.x.ai, November 2026"),
}
FIGURE = re.compile(r"[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")
FIGURE_LENGTH = 40
DIGITS = range(-30, 18)  # powers of ten that a figure's first digit may have


def quote(connection: Connection, brief: Brief) -> Quote:
    """What this order will cost on this connection: the admin's most particular rule, else the built-in book, else unknown."""
    seconds = brief.duration if brief.duration is not None else USUAL_SECONDS.get(connection.provider, 0)
    resolution = brief.resolution or USUAL_RESOLUTION.get(connection.provider, "")
    rule = _rule(connection, brief.model, resolution, seconds)
    if rule is not None:
        return _by_rule(rule, seconds, known=brief.duration is not None)
    line = _line(connection.provider, brief.model, resolution)
    if line is None:
        return Quote(0, UNKNOWN, f"No price is known for {connection.label}: nothing is held, and the charge is what it reports.")
    return _by_line(line, seconds, images=len(brief.images), known=brief.duration is not None)


def rate_for(provider: str, unit: str, *, at: datetime | None = None) -> Rate | None:
    """The rate in force at a time (now, unless said otherwise) for a unit of reported usage; None if nobody has set one."""
    rows = UsageRate.objects.filter(provider=provider, unit=unit, valid_from__lte=at or timezone.now())
    row = rows.order_by("-valid_from", "-pk").first()
    if row is not None:
        return Rate(row.millicredits, row.per_units, row.source)
    built_in = USAGE.get((provider, unit))
    if built_in is None:
        return None
    usd, source = built_in
    exact = _millicredits(usd)
    if max(exact.numerator, exact.denominator) >= BIGGEST:  # a credit worth a number of seventeen digits
        exact = exact.limit_denominator(10**9)
    return Rate(exact.numerator, exact.denominator, source)


def price(amount: object, rate: Rate | None) -> int | None:
    """The millicredits of a reported figure, rounded half up once; None if it is not a plain, finite, believable number, or has no rate."""
    figure = _figure(amount)
    if figure is None or rate is None or rate.per_units < 1 or rate.millicredits < 0:
        return None
    cost = _half_up(figure * rate.millicredits / rate.per_units)
    return cost if cost <= LARGEST else None


def _figure(amount: object) -> Fraction | None:
    """The number that a provider wrote, as text or as a number; None for anything else."""
    if isinstance(amount, bool) or not isinstance(amount, str | int | float | Decimal):
        return None
    written = str(amount).strip()
    if len(written) > FIGURE_LENGTH or not FIGURE.fullmatch(written):
        return None
    number = Decimal(written)
    return Fraction(number) if number == 0 or number.adjusted() in DIGITS else None


def _rule(connection: Connection, model: str, resolution: str, seconds: int) -> PriceRule | None:
    """The most particular rule for this order: of this connection, then this model, this resolution, the narrowest range, the newest."""
    rules = PriceRule.objects.filter(
        Q(connection=None) | Q(connection=connection),
        provider=connection.provider,
        model__in={"", model},
        resolution__in={"", resolution},
        seconds_from__lte=seconds,
        seconds_to__gte=seconds,
    )
    return max(rules, key=_particular, default=None)


def _particular(rule: PriceRule) -> tuple[object, ...]:
    width = rule.seconds_to - rule.seconds_from
    return (rule.connection_id is not None, rule.model != "", rule.resolution != "", -width, rule.as_of, rule.pk)


def _by_rule(rule: PriceRule, seconds: int, *, known: bool) -> Quote:
    """The price that an admin's rule makes."""
    total = min(rule.fixed + rule.per_second * seconds, LARGEST)  # a slip of the keyboard then reads as credits that are missing
    sums = _sum_text(Fraction(rule.fixed), Fraction(rule.per_second), seconds)
    certainty = rule.certainty if known or not rule.per_second else ESTIMATED
    return Quote(total, certainty, f"{sums} ({rule.source})"[:BASIS_LENGTH])


def _line(provider: str, model: str, resolution: str) -> Price | None:
    """The book's most particular line."""
    for key in ((provider, model, resolution), (provider, model, ""), (provider, "", resolution), (provider, "", "")):
        if key in BOOK:
            return BOOK[key]
    return None


def _by_line(line: Price, seconds: int, *, images: int, known: bool) -> Quote:
    """The price that a line of the book makes."""
    fixed, per_second, per_image = (_millicredits(Fraction(usd)) for usd in (line.fixed, line.per_second, line.per_image))
    total = _half_up(fixed + per_second * seconds + per_image * images)
    sums = _sum_text(fixed, per_second, seconds)
    if images and per_image:
        sums += f" + {images} × {_credits(per_image)} for reference images"
    certainty = line.certainty if known or not per_second else ESTIMATED
    return Quote(total, certainty, f"{sums} ({line.source})"[:BASIS_LENGTH])


def _sum_text(fixed: Fraction, per_second: Fraction, seconds: int) -> str:
    """How a price was reckoned, in credits."""
    parts = [_credits(fixed)] if fixed or not per_second else []
    if per_second:
        parts.append(f"{seconds} s × {_credits(per_second)}")
    return " + ".join(parts)


def _credits(millicredits: Fraction) -> str:
    """A price in credits as text, to three decimals."""
    return f"{_half_up(millicredits) / 1000:,.3f}".rstrip("0").rstrip(".")


def _millicredits(usd: Fraction) -> Fraction:
    """Dollars in millicredits, exactly."""
    return usd * 1000 / Fraction(str(settings.CREDIT_USD))


def _half_up(value: Fraction) -> int:
    """The nearest whole number, a half upwards."""
    return int((value + Fraction(1, 2)) // 1)
