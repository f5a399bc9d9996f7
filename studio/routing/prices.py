"""What an order will cost and what reported usage costs: the price book.

Most trusted first: an admin's PriceRule and UsageRate rows, then what the providers publish (PRICES and USAGE below, each line with its source and
the day of it). Dollars become credits by settings.CREDIT_USD, in fractions, rounded once and half up. A figure that nobody publishes is an
estimate and says so; a hold that was too large is returned, so estimates lean to the dear side.
"""

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Final

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from studio.providers.contract import Brief, Operation
from studio.routing.models import Connection, PriceRule, UsageRate

EXACT: Final = PriceRule.Certainty.EXACT.value
ESTIMATED: Final = PriceRule.Certainty.ESTIMATED.value
UNKNOWN: Final = "unknown"
BASIS_LENGTH = 300
LARGEST = 10**12  # millicredits of one price: what the ledger moves at once
RULE = "rule "  # before the number of the rule that made a price
BIGGEST = 2**63  # a rate is kept on each attempt as two BIGINTs


@dataclass(frozen=True, slots=True)
class Quote:
    """What an order will cost. `certainty` is exact, estimated or unknown (then the least that is held); `basis` says how it was reckoned, for people.

    `price` names the rule or the line of the book that made it, so that charges are compared with charges at the same price.
    """

    millicredits: int
    certainty: str
    basis: str
    price: str = ""

    @property
    def by_admin(self) -> bool:
        """Whether an admin's rule made it."""
        return self.price.startswith(RULE)


@dataclass(frozen=True, slots=True)
class Rate:
    """`millicredits` for each `per_units` units of reported usage."""

    millicredits: int
    per_units: int
    source: str


@dataclass(frozen=True, slots=True)
class Source:
    """Where a figure was read, and on which day it was published or, where nothing says so, read."""

    words: str
    as_of: date

    def __str__(self) -> str:
        return f"{self.words}, {self.as_of:%B %Y}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """One line of the built-in book, in US dollars as text. An empty model or resolution stands for any other.

    `longest` is the greatest length that it prices, in seconds, where a provider sells lengths in steps; 0 for all. A longer order is priced by the
    longest step there is.
    `per_second` is for each second that is made, `per_input_second` for each of a clip that is edited or extended.
    """

    provider: str
    certainty: str
    source: Source
    model: str = ""
    resolution: str = ""
    longest: int = 0
    operation: Operation = Operation.GENERATE
    fixed: str = "0"
    per_second: str = "0"
    per_image: str = "0"
    per_input_second: str = "0"


@dataclass(frozen=True, slots=True)
class UnitPrice:
    """US dollars for one unit of reported usage."""

    usd: Fraction
    source: Source


READ = date(2026, 11, 20)  # the day on which pages without a date were read
XAI = Source("xAI's list, docs.x.ai", READ)
XAI_DEAREST = Source("the dearest of xAI's list, docs.x.ai, as this one is not on it", READ)
XAI_LITE = Source("xAI's list, docs.x.ai", date(2026, 11, 30))
XAI_CHANGED = Source("xAI's list, docs.x.ai, which does not say how the seconds of a clip that is changed are rounded", READ)
TTAPI = Source("TTAPI's only sample, 9 quota for 30 s at 720p, docs.ttapi.io", date(2026, 3, 10))
TTAPI_15 = Source("twice TTAPI's only sample, 9 quota for 30 s at 720p, as 1.5 costs twice as much at xAI", date(2026, 3, 10))
TTAPI_XAI_SHAPED = Source("TTAPI publishes no price for its Official route; xAI's list", READ)
GROKIMAGINE = Source("40 credits a generation whatever the options, grokimagineapi.com/docs", READ)
ACEDATA = Source("AceData publishes no price; xAI's list", READ)
# AceDataCloud/APIs grok/docs @77a7991: three steps of length, whatever the resolution. The one price that is known is of the first.
ACEDATA_STEPS = Source(
    "one observation, 0.567 AceData credits for 6 s, taken as dollars; steps of 10, 20 and 30 s in proportion, AceDataCloud/GrokDify",
    date(2026, 11, 30),
)
COMET = Source("CometAPI publishes no price; xAI's list", READ)

# xAI's list: model -> resolution -> US dollars a second, and US dollars an image.
PLAIN = ({"480p": "0.05", "720p": "0.07"}, "0.002")
BETTER = ({"480p": "0.08", "720p": "0.14", "1080p": "0.25"}, "0.01")
LITE = ({"480p": "0.02", "720p": "0.03", "1080p": "0.14"}, "0.01")
DEAREST = ({"480p": "0.08", "720p": "0.14", "": "0.25"}, "0.01")
INPUT_SECOND = "0.01"  # of a clip that is edited or extended, `grok-imagine-video` alone


def _listed(provider: str, certainty: str, source: Source, figures: tuple[dict[str, str], str], *models: str) -> tuple[Price, ...]:
    """The lines of xAI's list for the names that a provider gives one model; no name stands for any other."""
    by_resolution, per_image = figures
    return tuple(
        Price(provider=provider, model=model, resolution=at, certainty=certainty, source=source, per_second=usd, per_image=per_image)
        for model in models or ("",)
        for at, usd in by_resolution.items()
    )


def _changed(provider: str, source: Source, *operations: Operation) -> tuple[Price, ...]:
    """The lines for changing a clip. Its resolution is not asked for, so an unnamed one is taken for the dearest that these come in."""
    return tuple(
        Price(
            provider=provider,
            model="grok-imagine-video",
            resolution=at,
            operation=operation,
            certainty=ESTIMATED,
            source=source,
            per_second=usd,
            per_input_second=INPUT_SECOND,
        )
        for operation in operations
        for at, usd in (("480p", "0.05"), ("", "0.07"))
    )


PRICES: tuple[Price, ...] = (
    *_listed("xai", EXACT, XAI, PLAIN, "grok-imagine-video"),
    *_listed("xai", EXACT, XAI, BETTER, "grok-imagine-video-1.5", "grok-imagine-video-1.5-preview", "grok-imagine-video-1.5-2026-05-30"),
    *_listed("xai", EXACT, XAI_LITE, LITE, "grok-imagine-video-1.5-lite"),
    *_listed("xai", ESTIMATED, XAI_DEAREST, DEAREST),
    *_changed("xai", XAI_CHANGED, Operation.EDIT, Operation.EXTEND),
    # Whether TTAPI's price follows the length is not published. The sample has the greatest length there is, so it is dear for all others.
    Price(provider="ttapi", certainty=ESTIMATED, source=TTAPI, fixed="0.09"),
    Price(provider="ttapi", model="grok-imagine-video-1.5-preview", certainty=ESTIMATED, source=TTAPI_15, fixed="0.18"),
    *_listed("ttapi", ESTIMATED, TTAPI_XAI_SHAPED, PLAIN, "grok-imagine-video"),
    *_changed("ttapi", TTAPI_XAI_SHAPED, Operation.EXTEND),
    # Published in credits, and exact in them; what a credit is worth is the usage rate's matter, and the same for quote and charge.
    Price(provider="grokimagine", certainty=EXACT, source=GROKIMAGINE, fixed="0.40"),
    *(
        Price(provider="acedata", model=model, longest=longest, certainty=ESTIMATED, source=ACEDATA_STEPS, fixed=usd)
        for model in ("grok-imagine-video-1.5-fast:reverse", "grok-imagine-video-1.5-fast")
        for longest, usd in ((10, "0.567"), (20, "1.134"), (30, "1.701"))
    ),
    *_listed("acedata", ESTIMATED, ACEDATA, PLAIN, "grok-imagine-video", "grok-imagine-video:reverse", "grok-imagine-video:official"),
    *_listed("acedata", ESTIMATED, ACEDATA, BETTER, "grok-imagine-video-1.5:official", "grok-imagine-video-1.5", "grok-imagine-video-1.5-preview"),
    *_listed("acedata", ESTIMATED, ACEDATA, DEAREST),
    *_listed("comet", ESTIMATED, COMET, PLAIN, "grok-imagine-video"),
    *_listed("comet", ESTIMATED, COMET, BETTER, "grok-imagine-video-1.5"),
    *_listed("comet", ESTIMATED, COMET, DEAREST),
    *_changed("comet", COMET, Operation.EDIT),
)
BOOK: dict[tuple[str, Operation, str, str], list[Price]] = {}  # the lines of one order, the shortest step first
for _priced in PRICES:
    BOOK.setdefault((_priced.provider, _priced.operation, _priced.model, _priced.resolution), []).append(_priced)

# Where a brief leaves them open, what is sent, or what the provider's own default is.
USUAL_SECONDS = {"ttapi": 10, "acedata": 6, "comet": 8, "xai": 8}
USUAL_ADDED_SECONDS = 6
USUAL_RESOLUTION = {"ttapi": "720p", "acedata": "480p", "comet": "480p", "xai": "480p"}

LONGEST_CLIP, MOST_IMAGES = 30, 7  # seconds, and reference images, of any capability

TICK = Fraction(1, 10**10)
USAGE: dict[tuple[str, str], UnitPrice] = {
    ("ttapi", "quota"): UnitPrice(Fraction(1, 100), Source("100 quota are 1 USD, docs.ttapi.io", READ)),
    ("ttapi", "cost_in_usd_tocks"): UnitPrice(
        TICK, Source("taken for xAI's ticks, 10,000,000,000 to a dollar; TTAPI does not say what a tock is", READ)
    ),
    ("grokimagine", "consumed_credits"): UnitPrice(Fraction(1, 100), Source("40 credits are about 0.40 USD, grokimagineapi.com/docs", READ)),
    ("comet", "cost_in_usd_ticks"): UnitPrice(TICK, Source("10,000,000,000 ticks are 1 USD at xAI, taken for CometAPI's own charge", READ)),
    ("xai", "cost_in_usd_ticks"): UnitPrice(TICK, Source("10,000,000,000 ticks are 1 USD, docs.x.ai", READ)),
}
FIGURE = re.compile(r"[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")
FIGURE_LENGTH = 40
DIGITS = range(-30, 18)  # powers of ten that a figure's first digit may have


def rules_for(connections: Collection[Connection]) -> list[PriceRule]:
    """The admins' rules that may price orders at these connections. One query."""
    providers = {connection.provider for connection in connections}
    return list(PriceRule.objects.filter(Q(connection=None) | Q(connection__in=connections), provider__in=providers))


def quote(connection: Connection, brief: Brief, rules: Sequence[PriceRule] | None = None) -> Quote:
    """What this order will cost on this connection: the admin's most particular rule, else the built-in book, else unknown.

    `rules` are those of `rules_for`; one query without them.
    """
    seconds, known = _seconds(connection.provider, brief)
    resolution = brief.resolution
    if brief.operation is Operation.GENERATE:
        resolution = resolution or USUAL_RESOLUTION.get(connection.provider, "")
    rule = _rule(rules_for([connection]) if rules is None else rules, connection, brief.model, resolution, seconds)
    if rule is not None:
        return _by_rule(rule, seconds, known=known and brief.operation is Operation.GENERATE)  # a rule does not say what changing a clip adds
    line = _line(connection.provider, brief.operation, brief.model, resolution, seconds)
    if line is None:
        least = f"{_credits(Fraction(connection.minimum_hold))} credits are held"
        basis = f"No price is known for {connection.label}: {least}, and the charge is what it reports."
        return Quote(connection.minimum_hold, UNKNOWN, basis)
    return _by_line(line, seconds, brief, known=known)


def published(provider: str, models: Collection[str]) -> list[Price]:
    """The book's lines for these models of a provider, as they stand in it: those that name one of them, and those that name none."""
    return [line for line in PRICES if line.provider == provider and line.model in {"", *models}]


def dearest() -> int:
    """Millicredits of the dearest clip in the book: the longest one, from the most pictures and the longest clip that any provider takes."""
    usd = (
        Fraction(line.fixed)
        + Fraction(line.per_second) * LONGEST_CLIP
        + Fraction(line.per_image) * MOST_IMAGES
        + Fraction(line.per_input_second) * LONGEST_CLIP
        for line in PRICES
    )
    return half_up(_millicredits(max(usd)))


def price_text(usd: str) -> str:
    """A price of the book in credits as text, to three decimals."""
    return _credits(_millicredits(Fraction(usd)))


def _seconds(provider: str, brief: Brief) -> tuple[int, bool]:
    """How many seconds will be made, and whether that is certain. An edit is as long as its clip."""
    if brief.operation is Operation.EDIT:
        return math.ceil(brief.video_seconds), True
    usual = USUAL_SECONDS.get(provider, 0) if brief.operation is Operation.GENERATE else USUAL_ADDED_SECONDS
    return (usual, False) if brief.duration is None else (brief.duration, True)


def rate_for(provider: str, unit: str, *, at: datetime | None = None) -> Rate | None:
    """The rate in force at a time (now, unless said otherwise) for a unit of reported usage; None if nobody has set one."""
    rows = UsageRate.objects.filter(provider=provider, unit=unit, valid_from__lte=at or timezone.now())
    row = rows.order_by("-valid_from", "-pk").first()
    if row is not None:
        return Rate(row.millicredits, row.per_units, row.source)
    built_in = USAGE.get((provider, unit))
    if built_in is None:
        return None
    exact = _millicredits(built_in.usd)
    if max(exact.numerator, exact.denominator) >= BIGGEST:  # a credit worth a number of seventeen digits
        exact = exact.limit_denominator(10**9)
    return Rate(exact.numerator, exact.denominator, str(built_in.source))


def price(amount: object, rate: Rate | None) -> int | None:
    """The millicredits of a reported figure, rounded half up once; None if it is not a plain, finite, believable number, or has no rate."""
    figure = _figure(amount)
    if figure is None or rate is None or rate.per_units < 1 or rate.millicredits < 0:
        return None
    cost = half_up(figure * rate.millicredits / rate.per_units)
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


def _rule(rules: Sequence[PriceRule], connection: Connection, model: str, resolution: str, seconds: int) -> PriceRule | None:
    """The most particular rule for this order: of this connection, then this model, this resolution, the narrowest range, the newest."""
    fitting = (
        rule
        for rule in rules
        if rule.provider == connection.provider
        and rule.connection_id in {None, connection.pk}
        and rule.model in {"", model}
        and rule.resolution in {"", resolution}
        and rule.seconds_from <= seconds <= rule.seconds_to
    )
    return max(fitting, key=_particular, default=None)


def _particular(rule: PriceRule) -> tuple[object, ...]:
    width = rule.seconds_to - rule.seconds_from
    return (rule.connection_id is not None, rule.model != "", rule.resolution != "", -width, rule.as_of, rule.pk)


def _by_rule(rule: PriceRule, seconds: int, *, known: bool) -> Quote:
    """The price that an admin's rule makes."""
    total = min(rule.fixed + rule.per_second * seconds, LARGEST)  # a slip of the keyboard then reads as credits that are missing
    sums = _sum_text(Fraction(rule.fixed), Fraction(rule.per_second), seconds)
    certainty = rule.certainty if known or not rule.per_second else ESTIMATED
    return Quote(total, certainty, f"{sums} ({rule.source})"[:BASIS_LENGTH], f"{RULE}{rule.pk}")


def _line(provider: str, operation: Operation, model: str, resolution: str, seconds: int) -> Price | None:
    """The book's most particular line."""
    for named in ((model, resolution), (model, ""), ("", resolution), ("", "")):
        if lines := BOOK.get((provider, operation, *named)):
            return next((line for line in lines if seconds <= (line.longest or seconds)), lines[-1])
    return None


def _by_line(line: Price, seconds: int, brief: Brief, *, known: bool) -> Quote:
    """The price that a line of the book makes."""
    fixed, per_second, per_image, per_input = (
        _millicredits(Fraction(usd)) for usd in (line.fixed, line.per_second, line.per_image, line.per_input_second)
    )
    images, watched = len(brief.images), math.ceil(brief.video_seconds)
    total = half_up(fixed + per_second * seconds + per_image * images + per_input * watched)
    sums = _sum_text(fixed, per_second, seconds) + (f" for up to {line.longest} s" if line.longest else "")
    if images and per_image:
        sums += f" + {images} × {_credits(per_image)} for reference images"
    if watched and per_input:
        sums += f" + {watched} s × {_credits(per_input)} for the clip"
    certainty = line.certainty if known or not (per_second or line.longest) else ESTIMATED
    return Quote(total, certainty, f"{sums} ({line.source})"[:BASIS_LENGTH], f"book {line.source.as_of.isoformat()}")


def _sum_text(fixed: Fraction, per_second: Fraction, seconds: int) -> str:
    """How a price was reckoned, in credits."""
    parts = [_credits(fixed)] if fixed or not per_second else []
    if per_second:
        parts.append(f"{seconds} s × {_credits(per_second)}")
    return " + ".join(parts)


def _credits(millicredits: Fraction) -> str:
    """A price in credits as text, to three decimals."""
    return f"{half_up(millicredits) / 1000:,.3f}".rstrip("0").rstrip(".")


def _millicredits(usd: Fraction) -> Fraction:
    """Dollars in millicredits, exactly."""
    return usd * 1000 / Fraction(str(settings.CREDIT_USD))


def half_up(value: Fraction) -> int:
    """The nearest whole number, a half upwards."""
    return int((value + Fraction(1, 2)) // 1)
