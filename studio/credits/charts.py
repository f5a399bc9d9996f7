"""Charts as values: what the templates draw with HTML and CSS. Pure: takes figures by day, knows no table.

Heights are shares of the axis in percent, written with a point whatever the reader's language, for `--v`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from studio.credits.periods import Period, Span, span_of

MOST_POINTS = 400  # beyond it days become weeks, then months
LINES = 4  # of the axis, at most
TICKS = 8  # dates under the bars, at most
Words = Callable[[int], str]


@dataclass(frozen=True, slots=True)
class Part:
    """One provider's share of a bar: the figure in words, and its height."""

    provider: str
    text: str
    height: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One day, week or month: its name in words, the date under it where there is room, and its parts from the bottom up."""

    name: str
    tick: str
    parts: list[Part]
    text: str  # the total
    late: bool  # in the second half: its card opens to the left


@dataclass(frozen=True, slots=True)
class Chart:
    """Stacked bars. `legend` is each provider with its sum, biggest first, which is also their order in a bar."""

    bars: list[Bar]
    legend: list[tuple[str, str]]
    axis: list[tuple[str, str]]  # height and figure of each line
    grain: Period
    total: int  # millicredits
    text: str  # the same in words
    sentence: str  # for people who do not see the chart


def stacked(charged: Mapping[tuple[date, str], int], span: Span, *, words: Words) -> Chart:
    """The chart of what was charged by day and provider, with every day of the span, grouped where they are too many. `words` writes a figure."""
    sums: dict[str, int] = {}
    for (_, provider), value in charged.items():
        sums[provider] = sums.get(provider, 0) + value
    legend = sorted(sums.items(), key=lambda pair: (-pair[1], pair[0]))
    grain = grain_of(span, max(len(legend), 1))
    grouped: dict[tuple[date, str], int] = {}
    for (day, provider), value in charged.items():
        place = (max(span_of(grain, day).starts_on, span.starts_on), provider)
        grouped[place] = grouped.get(place, 0) + value
    starts = _starts(span, grain)
    totals = [sum(grouped.get((start, provider), 0) for provider, _ in legend) for start in starts]
    top, step = axis_of(max(totals, default=0))
    every = -(-len(starts) // TICKS)
    bars = [
        Bar(
            name=_name(start, grain),
            tick=_tick(start, grain) if place % every == 0 else "",
            parts=[
                Part(provider, words(grouped[start, provider]), _share(grouped[start, provider], top))
                for provider, _ in legend
                if (start, provider) in grouped
            ],
            text=words(total),
            late=place * 2 >= len(starts),
        )
        for place, (start, total) in enumerate(zip(starts, totals, strict=True))
    ]
    axis = [(_share(value, top), words(value)) for value in range(0, top + 1, step)]
    told = [(provider, words(value)) for provider, value in legend]
    most = totals.index(max(totals)) if legend else 0
    sentence = _sentence(bars[most], len(bars), grain, words(sum(totals))) if legend else "Nothing was spent in these days."
    return Chart(bars, told, axis, grain, sum(totals), words(sum(totals)), sentence)


def grain_of(span: Span, kinds: int) -> Period:
    """Days while the chart has at most 400 points, then weeks, then months."""
    days = (span.ends_on - span.starts_on).days
    if days * kinds <= MOST_POINTS:
        return Period.DAY
    return Period.WEEK if (days // 7 + 1) * kinds <= MOST_POINTS else Period.MONTH


def axis_of(most: int) -> tuple[int, int]:
    """The top of an axis above this figure and the step of its lines: 1, 2 or 5 times a power of ten; the top is a multiple of the step."""
    if most <= 0:
        return 1_000, 1_000
    power = 1
    while True:
        for factor in (1, 2, 5):
            step = factor * power
            if step * LINES >= most:
                return -(-most // step) * step, step
        power *= 10


def spark(values: Sequence[int]) -> str:
    """The points of a small line, left to right, in a box of 100 by 24; flat at the bottom where nothing was spent."""
    top = max(values, default=0) or 1
    wide = max(len(values) - 1, 1)
    return " ".join(f"{place * 100 / wide:.1f},{22 - value * 20 / top:.1f}" for place, value in enumerate(values))


def _starts(span: Span, grain: Period) -> list[date]:
    """The first day of each bar."""
    starts, day = [], span.starts_on
    while day < span.ends_on:
        starts.append(day)
        day = span_of(grain, day).ends_on
    return starts


def _name(start: date, grain: Period) -> str:
    if grain == Period.MONTH:
        return f"{start:%B %Y}"
    day = f"{start:%a %-d %b %Y}"
    return day if grain == Period.DAY else f"Week of {day}"


def _tick(start: date, grain: Period) -> str:
    if grain == Period.MONTH:
        return f"{start:%b}"
    return f"{start:%-d %b}"


def _share(value: int, top: int) -> str:
    return f"{value * 100 / top:.3f}"


def _sentence(peak: Bar, number: int, grain: Period, total: str) -> str:
    """What the chart shows, read out: the sum and the highest bar."""
    return f"{total} in {number} {grain}{'s' if number != 1 else ''}. The most was {peak.text}: {peak.name}."
