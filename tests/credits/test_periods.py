"""Days, weeks and months are the team's, also in the nights in which its clocks change."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.credits.periods import EVER, Period, span_of, today
from tests.credits.conftest import SetClock

NIGHTS = [
    # the team's zone, a moment in UTC, the team's day
    ("Europe/Berlin", "2026-03-28 22:59", "2026-03-28"),
    ("Europe/Berlin", "2026-03-28 23:00", "2026-03-29"),  # the day that has 23 hours begins
    ("Europe/Berlin", "2026-03-29 21:59", "2026-03-29"),
    ("Europe/Berlin", "2026-03-29 22:00", "2026-03-30"),
    ("Europe/Berlin", "2026-10-24 22:00", "2026-10-25"),  # the day that has 25 hours begins
    ("Europe/Berlin", "2026-10-25 22:59", "2026-10-25"),
    ("Europe/Berlin", "2026-10-25 23:00", "2026-10-26"),
    ("Europe/Berlin", "2026-10-31 22:59", "2026-10-31"),
    ("Europe/Berlin", "2026-10-31 23:00", "2026-11-01"),
    ("America/New_York", "2026-11-01 03:59", "2026-10-31"),
    ("America/New_York", "2026-11-01 04:00", "2026-11-01"),  # a month that begins in such a night
    ("Africa/Cairo", "2026-04-23 21:59", "2026-04-23"),  # whose midnight does not exist
    ("Africa/Cairo", "2026-04-23 22:00", "2026-04-24"),
    ("Africa/Cairo", "2026-10-29 21:00", "2026-10-29"),  # whose last hour comes twice
    ("Africa/Cairo", "2026-10-29 22:00", "2026-10-30"),
    ("UTC", "2026-12-31 23:59", "2026-12-31"),
]


@pytest.mark.parametrize(("zone", "moment", "day"), NIGHTS)
def test_a_day_ends_at_the_teams_midnight(settings, clock: SetClock, zone: str, moment: str, day: str):
    settings.TIME_ZONE = zone
    clock(moment)

    assert today() == date.fromisoformat(day)


@pytest.mark.parametrize(
    ("period", "day", "starts_on", "ends_on", "key"),
    [
        ("day", "2026-02-28", "2026-02-28", "2026-03-01", "2026-02-28"),
        ("week", "2026-11-26", "2026-11-23", "2026-11-30", "2026-W48"),
        ("week", "2027-01-02", "2026-12-28", "2027-01-04", "2026-W53"),
        ("month", "2026-12-31", "2026-12-01", "2027-01-01", "2026-12"),
        ("month", "2028-02-29", "2028-02-01", "2028-03-01", "2028-02"),
    ],
)
def test_a_period_knows_its_days_and_its_name(period: str, day: str, starts_on: str, ends_on: str, key: str):
    span = span_of(period, date.fromisoformat(day))

    assert (span.starts_on.isoformat(), span.ends_on.isoformat(), span.key) == (starts_on, ends_on, key)


@given(st.sampled_from([Period.DAY, Period.WEEK, Period.MONTH]), st.dates(date(2000, 1, 1), date(2100, 1, 1)))
def test_periods_follow_each_other_without_gap_or_overlap(period: Period, day: date):
    span = span_of(period, day)

    assert span.starts_on <= day < span.ends_on
    assert span_of(period, span.ends_on - timedelta(days=1)) == span
    assert span_of(period, span.ends_on).starts_on == span.ends_on
    assert span_of(period, span.ends_on).key != span.key


def test_what_is_counted_in_all_has_every_day():
    assert span_of("all", date(2026, 11, 26)) == EVER
