"""The spans of days in which allowances, budgets and caps are counted. Pure, but for the team's time zone and the clock.

A day is the team's (STUDIO_TIME_ZONE), from midnight to midnight, be it 23 or 25 hours long. Whatever is counted by period is counted by the day
on which it was ordered, and that day is kept with it, so that no later arithmetic with time zones can count it elsewhere.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from django.utils import timezone


class Period(StrEnum):
    """How often something is whole again."""

    DAY = "day"
    WEEK = "week"  # from Monday
    MONTH = "month"
    ALL = "all"  # never


@dataclass(frozen=True, slots=True)
class Span:
    """The days of one period: from `starts_on`, before `ends_on`. `key` names it in the ledger: 2026-11-26, 2026-W48, 2026-11, all."""

    starts_on: date
    ends_on: date
    key: str


EVER = Span(date(1, 1, 1), date(9999, 12, 31), "all")


def today() -> date:
    """The team's day now."""
    return timezone.localdate(timezone=timezone.get_default_timezone())


def span_of(period: str, day: date) -> Span:
    """The period that this day is in."""
    match Period(period):
        case Period.DAY:
            return Span(day, day + timedelta(days=1), day.isoformat())
        case Period.WEEK:
            monday = day - timedelta(days=day.weekday())
            year, week, _ = day.isocalendar()
            return Span(monday, monday + timedelta(days=7), f"{year}-W{week:02d}")
        case Period.MONTH:
            first = day.replace(day=1)
            return Span(first, (first + timedelta(days=31)).replace(day=1), f"{first:%Y-%m}")
        case Period.ALL:
            return EVER
