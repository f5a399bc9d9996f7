"""Entries as CSV: whole and exact, for spreadsheets and scripts."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from typing import Protocol

from django.utils import timezone

from studio.accounts.sheets import sheet_lines
from studio.credits.models import Entry

COLUMNS = ("time", "person", "kind", "credits", "balance", "owed", "project", "provider", "reason", "by", "reference")


class Writes(Protocol):
    """A file, or anything else that text is written to."""

    def write(self, text: str, /) -> object:
        """Take the text."""


def entries_between(first: date, last: date) -> Iterator[Entry]:
    """Every entry of these days of the team, both included, oldest first. One query, read in parts."""
    rows = Entry.objects.filter(at__gte=_midnight(first), at__lt=_midnight(last + timedelta(days=1)))
    return rows.select_related("account__user", "actor", "project").order_by("at", "pk").iterator(chunk_size=2_000)


def write_entries(entries: Iterable[Entry], to: Writes) -> int:
    """How many lines were written below the heading. Times are UTC; `credits` is what moved, with three decimals and no separators."""
    count = -1  # the heading
    for line in sheet_lines(COLUMNS, map(_cells, entries)):
        to.write(line)
        count += 1
    return count


def _cells(entry: Entry) -> tuple[object, ...]:
    return (
        entry.at.isoformat(timespec="seconds"),
        entry.account.user.email,
        entry.kind,
        *(_Plain(figure) for figure in (entry.change, entry.amount, entry.owed)),
        entry.project.code if entry.project else "",
        entry.provider,
        entry.reason,
        entry.actor.email if entry.actor else "",
        entry.reference,
    )


class _Plain(int):
    """Millicredits that are written as credits, `-38.500`: a number of ours, which no cell has to guard."""

    def __str__(self) -> str:
        whole, part = divmod(abs(self), 1_000)
        return f"{'-' if self < 0 else ''}{whole}.{part:03d}"


def _midnight(day: date) -> datetime:
    """When this day of the team begins, also in a night in which its clocks change."""
    return datetime.combine(day, time.min, tzinfo=timezone.get_default_timezone())
