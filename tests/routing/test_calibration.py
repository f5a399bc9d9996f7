"""What past charges make of a price."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.providers.contract import Brief
from studio.routing import track
from studio.routing.calibration import ENOUGH, expect, ratios_of
from studio.routing.prices import ESTIMATED, EXACT, UNKNOWN, Quote
from studio.routing.track import DONE, Sample, Tracks

BOOK = "book 2026-11-20"
BRIEF = Brief(prompt="p", model="m", duration=8, resolution="720p")
ratios = st.lists(st.floats(0, 50), max_size=50)
quotes = st.builds(
    Quote, st.integers(0, 10**9), st.sampled_from([EXACT, ESTIMATED]), st.just("8 s × 7 (the list)"), st.sampled_from([BOOK, "rule 4"])
)


def quote(millicredits: int = 56_000, certainty: str = ESTIMATED, price: str = BOOK) -> Quote:
    return Quote(millicredits, certainty, "8 s × 7 (the list)", price)


@pytest.mark.parametrize(
    ("asked", "charged", "low", "likely", "high", "certainty", "orders"),
    [
        (quote(), [1.2] * 4, 56_000, 56_000, 56_000, ESTIMATED, 0),  # too few say nothing
        (quote(), [1.12] * 23, 62_720, 62_720, 62_720, ESTIMATED, 23),
        (quote(), [1.0, 1.1, 1.2, 1.3, 1.4], 61_600, 67_200, 72_800, ESTIMATED, 5),
        (quote(), [1.0] * 9 + [90.0], 56_000, 56_000, 56_000, ESTIMATED, 10),  # one absurd figure moves nothing
        (quote(certainty=EXACT), [1.0] * 12, 56_000, 56_000, 56_000, EXACT, 12),
        (quote(certainty=EXACT), [1.0001] * 12, 56_000, 56_000, 56_000, EXACT, 12),  # rounding to whole units
        (quote(certainty=EXACT), [1.0] * 3 + [1.5] * 9, 56_000, 56_000, 84_000, ESTIMATED, 12),  # said to be exact, and is not
        (quote(price="rule 4"), [1.5] * 12, 56_000, 56_000, 84_000, ESTIMATED, 12),  # an admin's rule is held as it stands
        (quote(0, UNKNOWN), [1.0] * 12, 0, 0, 0, UNKNOWN, 0),
        (quote(1), [0.0] * 12, 1, 1, 1, ESTIMATED, 12),  # 0 would say that nobody knows the price
        (quote(3), [0.5] * 12, 2, 2, 2, ESTIMATED, 12),  # a half upwards, once
    ],
)
def test_a_price_is_what_orders_at_that_price_cost(asked, charged, low, likely, high, certainty, orders):
    found = expect(asked, charged)
    assert (found.low, found.likely, found.high, found.certainty, found.orders) == (low, likely, high, certainty, orders)


@pytest.mark.parametrize(("quoted", "charged"), [(9_000, 1_000), (7_000, 3_000), (300_000, 7_000), (56_700, 40_000)])
def test_who_was_always_charged_the_same_is_quoted_exactly_that(quoted: int, charged: int):
    assert expect(quote(quoted), [charged / quoted] * ENOUGH).likely == charged


def test_the_basis_says_what_past_orders_did_to_the_price():
    assert expect(quote(), [1.12] * 23).basis == "8 s × 7 (the list), × 1.12 as the last 23 orders cost"
    assert expect(quote(), [1.0] * 23).basis == "8 s × 7 (the list), as the last 23 orders cost"
    assert expect(quote(), []).basis == "8 s × 7 (the list)"
    assert expect(Quote(1, ESTIMATED, "x" * 300, BOOK), [1.12] * 23).basis.endswith("x, × 1.12 as the last 23 orders cost")
    assert len(expect(Quote(1, ESTIMATED, "x" * 300, BOOK), [1.12] * 23).basis) == 300


@given(quotes, ratios)
def test_the_likely_price_lies_within_its_range_and_is_never_negative(asked: Quote, charged: list[float]):
    found = expect(asked, charged)
    assert 0 <= found.low <= found.likely <= found.high
    assert (found.orders > 0) == (len(charged) >= ENOUGH)


@given(quotes, st.integers(0, 10**9), ratios)
def test_a_dearer_quote_is_never_a_cheaper_price(asked: Quote, more: int, charged: list[float]):
    less = expect(asked, charged)
    dearer = expect(Quote(asked.millicredits + more, asked.certainty, asked.basis, asked.price), charged)
    assert (dearer.low, dearer.likely, dearer.high) >= (less.low, less.likely, less.high)
    assert dearer.low >= less.low
    assert dearer.likely >= less.likely
    assert dearer.high >= less.high


def test_charges_at_another_price_say_nothing_about_this_one():
    kind = track.kind_of(BRIEF)
    old, new = Sample(0, DONE, ratio=1.5, price="rule 4"), Sample(0, DONE, ratio=1.1, price=BOOK)
    own, whole = [old] * 9 + [new] * 2, [old] * 9 + [new] * 6
    tracks = Tracks({(1, kind): own, (1, track.whole_of(kind)): whole})
    assert ratios_of(tracks, 1, BRIEF, quote()) == [1.1] * 6  # of the model as a whole, while there are few of the kind
    assert ratios_of(tracks, 1, BRIEF, quote(price="rule 4")) == [1.5] * 9
    assert ratios_of(tracks, 1, BRIEF, quote(price="rule 5")) == []
    assert ratios_of(tracks, 2, BRIEF, quote()) == []
