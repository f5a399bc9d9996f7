"""What a wall is narrowed to and sorted by, as its address says it. Pure: knows rows only as conditions on `Hanging`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from urllib.parse import urlencode

from django.db.models import Q
from django.utils import timezone

from studio.gallery.hanging import place_at
from studio.gallery.models import Verdict
from studio.gallery.shows import Show
from studio.providers.contract import ASPECT_RATIOS
from studio.text_search.folding import asked_words

TEXT = 120  # characters of a search
WORD = 80  # of any other filter
LENGTHS = {"6": "Up to 6 s", "10": "7 to 10 s", "more": "Over 10 s"}
MADE = {"real": "Paid for", "sandbox": "Sandbox"}
RATIOS = (*ASPECT_RATIOS, "other")
EARLIEST, LATEST = date(2000, 1, 1), date(2200, 1, 1)


class Sort(StrEnum):
    """The word in the address, and the column that says it."""

    NEW = ""
    PICKED = "picked"
    COST = "cost"

    @property
    def column(self) -> str:
        """The column that is sorted by, most first; the place on the wall decides between equals."""
        return self.value or "place"

    @property
    def words(self) -> str:
        """What the button says."""
        return {"": "Newest", "picked": "Picked last", "cost": "Dearest"}[self.value]


@dataclass(frozen=True, slots=True)
class Filters:
    """Which clips are wanted, in which order; an empty field wants all. `by` is a person's id, `version` that of a prompt's version, days are the reader's own."""

    show: Show = Show.OPEN
    q: str = ""
    by: int | None = None
    provider: str = ""
    model: str = ""
    version: int | None = None
    ratio: str = ""
    length: str = ""
    since: date | None = None
    until: date | None = None
    made: str = ""
    liked: str = ""
    project: str = ""
    sort: Sort = Sort.NEW

    @classmethod
    def read(cls, query: Mapping[str, str]) -> "Filters":
        """The filters of an address; what cannot be understood wants all."""
        read = {field.name: READ[field.name](query.get(field.name, "")) for field in fields(cls)}
        return cls(**read)  # type: ignore[arg-type]  # each reader gives its field's type

    @property
    def searches_nothing(self) -> bool:
        """Whether something was typed by which nothing can be searched, such as punctuation."""
        return bool(self.q) and not asked_words(self.q, 1)

    def __bool__(self) -> bool:
        """Whether anything is narrowed; showing and sorting as usual or otherwise narrows nothing."""
        return bool(self.active)

    @property
    def active(self) -> list[str]:
        """The names of what narrows, as the panel orders them, without what is shown by decision."""
        return [field.name for field in fields(self) if field.name not in {"show", "sort"} and getattr(self, field.name)]

    @property
    def query(self) -> str:
        """The filters as an address carries them, without a question mark."""
        said = {field.name: getattr(self, field.name) or "" for field in fields(self)}
        return urlencode({name: str(value) for name, value in said.items() if value})

    def but(self, **changed: object) -> "Filters":
        """The same with these fields changed."""
        return replace(self, **changed)  # type: ignore[arg-type]

    def without(self, name: str) -> "Filters":
        """The same without one filter."""
        usual: object = getattr(type(self)(), name)
        return self.but(**{name: usual})

    @property
    def cleared(self) -> "Filters":
        """The same decision and order, narrowed by nothing."""
        return Filters(show=self.show, sort=self.sort)

    def lets_in(self) -> Q:
        """The condition of all filters but the words, the project and the reader's favourites, which `search.py` and `wall.py` add."""
        wanted = HANGS[self.show]
        for name, condition in CONDITIONS.items():
            value = getattr(self, name)
            if value:
                wanted &= condition(value)
        return wanted & Q(picked__isnull=False) if self.sort is Sort.PICKED else wanted


def _start_of(day: date) -> int:
    """The first place of this day, in the reader's time zone."""
    return place_at(timezone.make_aware(datetime.combine(day, time.min)))


# The one place where a filter becomes a condition. A new one is a field above, a reader below and a line here.
CONDITIONS: Mapping[str, Callable[..., Q]] = {
    "by": lambda person: Q(author=person),
    "provider": lambda provider: Q(provider=provider),
    "model": lambda model: Q(model=model),
    "version": lambda version: Q(version=version),
    "ratio": lambda ratio: Q(ratio=ratio),
    "length": lambda length: Q(length=length),
    "made": lambda made: Q(sandbox=made == "sandbox"),
    "since": lambda day: Q(place__gte=_start_of(day)),
    "until": lambda day: Q(place__lt=_start_of(day + timedelta(days=1))),
}
HANGS = {
    Show.OPEN: ~Q(verdict=Verdict.REJECT),
    Show.ALL: Q(),
    Show.UNDECIDED: Q(verdict=""),
    Show.PICKED: Q(verdict=Verdict.PICK),
    Show.MAYBE: Q(verdict=Verdict.MAYBE),
    Show.REJECTED: Q(verdict=Verdict.REJECT),
}


def _text(longest: int) -> Callable[[str], str]:
    return lambda written: written.replace("\x00", "").strip()[:longest]


def _key(written: str) -> int | None:
    return int(written) if written.isascii() and written.isdecimal() and len(written) <= 18 else None  # noqa: PLR2004 - digits of a BIGINT


def _one_of(*known: str) -> Callable[[str], str]:
    return lambda written: written if written in known else ""


def _day(written: str) -> date | None:
    try:
        day = date.fromisoformat(written)
    except ValueError:
        return None
    return day if EARLIEST <= day <= LATEST else None


READ: Mapping[str, Callable[[str], object]] = {
    "show": Show.read,
    "q": _text(TEXT),
    "by": _key,
    "provider": _text(WORD),
    "model": _text(WORD),
    "version": _key,
    "ratio": _one_of(*RATIOS),
    "length": _one_of(*LENGTHS),
    "since": _day,
    "until": _day,
    "made": _one_of(*MADE),
    "liked": _one_of("1"),
    "project": lambda written: _text(8)(written).upper(),
    "sort": lambda written: next((sort for sort in Sort if sort == written), Sort.NEW),
}
