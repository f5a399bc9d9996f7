"""Charts as values, periods as their addresses name them, figures in dollars and in cells."""

from datetime import date, timedelta

import pytest
from django.http import QueryDict

from studio.accounts.sheets import safe_cell
from studio.credits.charts import axis_of, grain_of, spark, stacked
from studio.credits.figures import credits_cell, credits_text, usd_text
from studio.credits.periods import Period, Span
from studio.credits.ranges import RangeForm, month_before, named, said

DAY = date(2026, 11, 26)


def days(number: int) -> Span:
    return Span(DAY, DAY + timedelta(days=number), "test")


def test_every_day_of_the_span_has_a_bar_and_parts_stand_biggest_provider_first():
    charged = {(DAY, "xai"): 1_000, (DAY, "comet"): 3_000, (DAY + timedelta(days=2), "xai"): 500}

    chart = stacked(charged, days(3), words=credits_text)

    assert [[(part.provider, part.text) for part in bar.parts] for bar in chart.bars] == [[("comet", "3"), ("xai", "1")], [], [("xai", "0.5")]]
    assert [bar.text for bar in chart.bars] == ["4", "0", "0.5"]
    assert chart.legend == [("comet", "3"), ("xai", "1.5")]
    assert chart.axis == [("0.000", "0"), ("25.000", "1"), ("50.000", "2"), ("75.000", "3"), ("100.000", "4")]
    assert chart.bars[0].parts[0].height == "75.000"
    assert chart.sentence == "4.5 in 3 days. The most was 4: Thu 26 Nov 2026."


def test_a_chart_of_nothing_says_so():
    chart = stacked({}, days(2), words=credits_text)

    assert (chart.total, chart.legend, chart.sentence) == (0, [], "Nothing was spent in these days.")
    assert len(chart.bars) == 2


@pytest.mark.parametrize(
    ("number", "kinds", "grain"), [(80, 5, Period.DAY), (81, 5, Period.WEEK), (366, 1, Period.DAY), (366, 5, Period.WEEK), (3000, 5, Period.MONTH)]
)
def test_too_many_points_become_weeks_and_then_months(number, kinds, grain):
    assert grain_of(days(number), kinds) == grain


def test_weeks_that_reach_beyond_the_span_lose_nothing():
    charged = {(DAY + timedelta(days=number), f"p{kind}"): 1 for number in range(100) for kind in range(5)}

    chart = stacked(charged, days(100), words=str)

    assert chart.grain == Period.WEEK
    assert sum(int(bar.text) for bar in chart.bars) == chart.total == 500


@pytest.mark.parametrize(
    ("most", "axis"), [(0, (1000, 1000)), (1, (1, 1)), (4, (4, 1)), (5, (6, 2)), (1_047_000, (1_500_000, 500_000)), (39, (40, 10))]
)
def test_an_axis_ends_at_a_round_figure_above_the_highest_bar(most, axis):
    top, step = axis_of(most)

    assert (top, step) == axis
    assert top >= most
    assert top % step == 0


def test_a_small_line_goes_from_edge_to_edge():
    assert spark([0, 5, 10]) == "0.0,22.0 50.0,12.0 100.0,2.0"
    assert spark([0, 0]) == "0.0,22.0 100.0,22.0"
    assert spark([]) == ""


@pytest.mark.parametrize(
    ("name", "first", "after"),
    [
        ("month", date(2026, 11, 1), date(2026, 11, 27)),
        ("last-month", date(2026, 10, 1), date(2026, 11, 1)),
        ("30", date(2026, 10, 28), date(2026, 11, 27)),
        ("90", date(2026, 8, 29), date(2026, 11, 27)),
        ("year", date(2026, 1, 1), date(2026, 11, 27)),
        ("anything", date(2026, 11, 1), date(2026, 11, 27)),
    ],
)
def test_a_period_has_its_days(name, first, after):
    span = named(name, DAY)

    assert (span.starts_on, span.ends_on) == (first, after)


def test_the_month_before_is_compared_up_to_the_same_day():
    assert month_before(named("month", DAY)).ends_on == date(2026, 10, 27)
    assert month_before(named("month", date(2026, 3, 31))) == Span(date(2026, 2, 1), date(2026, 3, 1), "before")


def test_days_are_said_in_few_words():
    assert said(Span(DAY, DAY + timedelta(days=1), "")) == "26 November 2026"
    assert said(days(3)) == "26 to 28 November 2026"
    assert said(days(10)) == "26 November to 5 December 2026"
    assert said(days(60)) == "26 November 2026 to 24 January 2027"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("period=own", "first"),
        ("period=own&first=2026-11-02&last=2026-11-01", "last"),
        ("period=own&first=tomorrow&last=2026-11-01", "first"),
        ("period=own&first=0001-01-01&last=2026-11-01", "first"),
        ("period=own&first=2026-11-01&last=9999-12-31", "last"),
        ("period=decade", "period"),
    ],
)
def test_bad_dates_are_explained_beside_their_field_and_this_month_is_shown(query, field):
    form = RangeForm(QueryDict(query))

    assert form.span.key == "month"
    assert form.errors[field]


def test_own_dates_hold_both_days():
    span = RangeForm(QueryDict("first=2026-11-01&last=2026-11-20")).span

    assert (span.starts_on, span.ends_on) == (date(2026, 11, 1), date(2026, 11, 21))


@pytest.mark.parametrize(
    ("amount", "rate", "text"), [(12_614_000, 0.01, "$126.14"), (-50_000, 0.01, "−$0.50"), (500, 0.01, "$0.01"), (10**12, 1, "$1,000,000,000.00")]
)
def test_credits_are_worth_dollars_and_cents(amount, rate, text):
    assert usd_text(amount, rate) == text


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+49 30", "'+49 30"),
        ("-cmd", "'-cmd"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\tx", "'\tx"),
        ("\r=x", "'\n'=x"),
        ("-38.5", "-38.5"),
        (-7, "-7"),
        ("-1+1", "'-1+1"),
        ("Alice", "Alice"),
        (None, ""),
    ],
)
def test_no_cell_is_taken_for_a_formula_and_numbers_stay_numbers(value, cell):
    assert safe_cell(value) == cell


def test_credits_in_a_cell_are_a_number():
    assert (credits_cell(-1_240_500), credits_cell(0)) == ("-1240.5", "0")
