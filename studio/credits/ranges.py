"""The stretch of days that a report is about, as its address says it: a name, or a first and a last day. Days are the team's."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import timezone

from studio.credits.periods import Period, Span, span_of, today

NAMES = [
    ("month", "This month"),
    ("last-month", "Last month"),
    ("30", "Last 30 days"),
    ("90", "Last 90 days"),
    ("year", "This year"),
    ("own", "Own dates"),
]
FIRST, LAST = date(2000, 1, 1), date(2100, 1, 1)


def named(name: str, day: date) -> Span:
    """The days of this name, seen from `day`, which is in all of them but last month."""
    after = day + timedelta(days=1)
    match name:
        case "last-month":
            return span_of(Period.MONTH, day.replace(day=1) - timedelta(days=1))
        case "30" | "90":
            return Span(after - timedelta(days=int(name)), after, name)
        case "year":
            return Span(day.replace(month=1, day=1), after, name)
        case _:
            return Span(day.replace(day=1), after, "month")


def month_before(span: Span) -> Span:
    """The same days of the month before this month so far: from its first up to the same day, or to its end where it is shorter."""
    first = (span.starts_on - timedelta(days=1)).replace(day=1)
    return Span(first, min(first + (span.ends_on - span.starts_on), span.starts_on), "before")


def start_of(day: date) -> datetime:
    """The moment at which the team's day begins."""
    return datetime.combine(day, time.min, timezone.get_default_timezone())


def said(span: Span) -> str:
    """The days in words: `1 to 20 November 2026`, `3 October 2025 to 2 January 2026`."""
    first, last = span.starts_on, span.ends_on - timedelta(days=1)
    end = f"{last:%-d %B %Y}"
    if first == last:
        return end
    if first.year != last.year:
        return f"{first:%-d %B %Y} to {end}"
    return f"{first:%-d %B} to {end}" if first.month != last.month else f"{first:%-d} to {end}"


class DayField(forms.DateField):
    """A day, picked or typed as 2026-11-20."""

    def __init__(self, label: str) -> None:
        attributes = {"class": "input", "type": "date", "min": FIRST.isoformat(), "max": LAST.isoformat()}
        widget = forms.DateInput(format="%Y-%m-%d", attrs=attributes)
        super().__init__(label=label, required=False, input_formats=["%Y-%m-%d"], widget=widget, error_messages={"invalid": "Enter a day."})

    def clean(self, value: Any) -> date | None:
        """The day, if it is one that a report can be about."""
        day: date | None = super().clean(value)
        if day is not None and not FIRST <= day < LAST:
            raise forms.ValidationError(f"Enter a day from {FIRST.year} to {LAST.year - 1}.")
        return day


class RangeForm(forms.Form):
    """Which days a report is about. Bad dates are explained beside their fields, and the report shows this month."""

    period = forms.ChoiceField(label="Period", choices=NAMES, required=False, widget=forms.Select(attrs={"class": "input select"}))
    first = DayField("From")
    last = DayField("To")

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data, label_suffix="")

    def clean(self) -> dict[str, Any]:
        """Own dates must be two, in order."""
        cleaned = super().clean() or self.cleaned_data
        first, last = cleaned.get("first"), cleaned.get("last")
        if first and last and last < first:
            self.add_error("last", "This is before the first day.")
        if cleaned.get("period") == "own":
            for name in ("first", "last"):
                if not cleaned.get(name) and name not in self.errors:
                    self.add_error(name, "Enter a day.")
        return cleaned

    @property
    def name(self) -> str:
        """The name of the period that is shown."""
        return str(self.cleaned_data.get("period") or ("own" if self.cleaned_data.get("first") and self.cleaned_data.get("last") else "month"))

    @property
    def span(self) -> Span:
        """The days that are shown."""
        if not self.is_valid() or self.name != "own":
            return named(self.name if self.is_valid() else "month", today())
        return Span(self.cleaned_data["first"], self.cleaned_data["last"] + timedelta(days=1), "own")
