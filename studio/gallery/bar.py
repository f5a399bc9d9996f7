"""What stands above a wall: the filter by decision with its numbers, the filters in force, what else there is to choose, the orders, the saved views."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.urls import reverse
from django.utils.formats import date_format

from studio.accounts.models import User
from studio.gallery.filters import LENGTHS, MADE, RATIOS, Filters, Sort
from studio.gallery.hanging import Facet
from studio.gallery.models import SavedView
from studio.gallery.shows import Show
from studio.gallery.sight import Sight
from studio.prompts.door import seen_by
from studio.prompts.models import PromptVersion
from studio.providers.registry import PROVIDERS

LIKED = "My favourites"
MOST_OFFERED = 60  # values of one filter
SHOWS = {"open": Show.OPEN, "undecided": Show.UNDECIDED, "picked": Show.PICKED, "maybe": Show.MAYBE, "rejected": Show.REJECTED}


@dataclass(frozen=True, slots=True)
class Way:
    """A link of the bar: where it leads, what it says, how many clips are there (None: not known), whether one is there."""

    address: str
    words: str
    clips: int | None = None
    here: bool = False
    name: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """One filter of the panel: its name in the address, its words, the values that there are with their words and numbers, and the one in force."""

    name: str
    words: str
    chosen: str
    values: list[tuple[str, str, int]] = field(default_factory=list)


@dataclass(frozen=True)
class Bar:
    """The head of one wall as one person sees it."""

    sight: Sight
    filters: Filters

    def at(self, filters: Filters) -> str:
        """The wall's address with these filters."""
        return self.sight.home + (f"?{filters.query}" if filters.query else "")

    @property
    def here(self) -> str:
        """The address of the wall as it stands."""
        return self.at(self.filters)

    @property
    def inside(self) -> str:
        """What the address of a clip's room carries along, with its question mark, so that the room goes through this wall."""
        said = "&".join(part for part in ("" if self.sight.entry else "wall=all", self.filters.query) if part)
        return f"?{said}" if said else ""

    @property
    def bundle(self) -> str:
        """Where a ZIP of everything that this wall shows is asked for."""
        named = self.sight.entry.project.code if self.sight.entry else "all"
        return f"{reverse('bundle_new')}?wall={named}" + (f"&{self.filters.query}" if self.filters.query else "")

    @property
    def shows(self) -> list[Way]:
        """The choices by decision. Their numbers stand there while nothing else narrows."""
        counts, at = self.sight.counts, self.filters.show
        ways = []
        for name, show in SHOWS.items():
            everything = name == "open" and at is Show.ALL
            number = None if self.filters else counts["all" if everything else name]
            words = "All" if name == "open" else name.capitalize()
            ways.append(Way(self.at(self.filters.but(show=show)), words, number, here=everything or at is show))
        return ways

    @property
    def rejected(self) -> Way | None:
        """The way to see what was rejected among the others, or to hide it again."""
        if self.filters.show is Show.ALL:
            return Way(self.at(self.filters.but(show=Show.OPEN)), "Hide rejected")
        number = self.sight.counts["rejected"]
        if self.filters.show is not Show.OPEN or not number:
            return None
        return Way(self.at(self.filters.but(show=Show.ALL)), "Show rejected" if self.filters else f"Show {number:,} rejected")

    @property
    def sorts(self) -> list[Way]:
        """The orders."""
        return [Way(self.at(self.filters.but(sort=sort)), sort.words, here=self.filters.sort is sort) for sort in Sort]

    @property
    def sort_words(self) -> str:
        """The order in force."""
        return self.filters.sort.words

    @property
    def carried(self) -> list[tuple[str, str]]:
        """What a search for other words carries along."""
        return parse_qsl(self.filters.without("q").query)

    @cached_property
    def chips(self) -> list[Way]:
        """The filters in force; each leads to the wall without it."""
        return [Way(self.at(self.filters.without(name)), self._said(name), name=name) for name in self.filters.active]

    @property
    def narrowing(self) -> int:
        """How many filters of the panel are in force."""
        return len(self.filters.without("q").active)

    @property
    def cleared(self) -> str:
        """The wall's address without any filter."""
        return self.at(self.filters.cleared)

    @cached_property
    def choices(self) -> list[Choice]:
        """The filters to choose from, those with more than one value. Two queries more than the facets."""
        offered = {name: self._offered(name) for name in ("project", "by", "provider", "model", "version", "ratio", "length", "made", "liked")}
        return [
            Choice(name, HEADS[name], str(getattr(self.filters, name) or ""), values)
            for name, values in offered.items()
            if len(values) > 1 or name == "liked" or getattr(self.filters, name)
        ]

    @cached_property
    def views(self) -> list[SavedView]:
        """The person's saved views of this wall, and those that its owners share."""
        return list(views_of(self.sight))

    @property
    def view(self) -> SavedView | None:
        """The saved view that is open, if the wall is as one of them says."""
        return next((view for view in self.views if Filters.read(QueryDict(view.query).dict()) == self.filters), None)

    def _offered(self, name: str) -> list[tuple[str, str, int]]:
        """The values of one filter with their words and numbers, most clips first."""
        if name == "version":
            return [(str(version.pk), f"{version.prompt.name} · v{version.number}", number) for version, number in self._versions]
        if name == "project":
            return [(entry.project.code, entry.project.name, 0) for entry in self.sight.passes.values()] if self.sight.entry is None else []
        if name == "liked":
            return [("1", LIKED, 0)]
        kind = {"by": "author", "made": "sandbox"}.get(name, name)
        there = self.sight.facets.get(kind, {})
        values = [(self._value(name, value), number) for value, number in there.items() if value]
        if name in ORDERED:
            values.sort(key=lambda value: ORDERED[name].index(value[0]) if value[0] in ORDERED[name] else len(ORDERED[name]))
        else:
            values.sort(key=lambda value: (-value[1], value[0]))
        return [(value, self._word(name, value), number) for value, number in values[:MOST_OFFERED]]

    @staticmethod
    def _value(name: str, value: str) -> str:
        return {"1": "sandbox", "0": "real"}[value] if name == "made" else value

    def _word(self, name: str, value: str) -> str:
        """What people call a value."""
        words: dict[str, Callable[[str], str]] = {
            "by": lambda key: str(self._people.get(int(key), "Somebody")),
            "provider": lambda key: PROVIDERS[key].name if key in PROVIDERS else key,
            "length": lambda key: LENGTHS[key],
            "made": lambda key: MADE[key],
            "liked": lambda _: LIKED,
            "ratio": lambda key: "Another" if key == "other" else key,
        }
        return words[name](value) if name in words else value

    def _said(self, name: str) -> str:
        """A filter in force, in words."""
        value: Any = getattr(self.filters, name)
        if name == "q":
            return f"“{value}”"
        if name in {"since", "until"}:
            return f"{HEADS[name]} {date_format(value, 'j M Y')}"
        if name == "project":
            return next((entry.project.name for entry in self.sight.passes.values() if entry.project.code == value), value)
        if name == "version":
            return next((f"{version.prompt.name} · v{version.number}" for version, _ in self._versions if version.pk == value), "One prompt version")
        return self._word(name, str(value))

    @cached_property
    def _people(self) -> dict[int, User]:
        return User.objects.in_bulk([int(key) for key in self.sight.facets.get("author", {})])

    @cached_property
    def _versions(self) -> list[tuple[PromptVersion, int]]:
        """The versions that made most clips here and that the person may see, with how many."""
        found = Facet.objects.filter(project__in=list(self.sight.passes), kind="version", clips__gt=0).exclude(value="")
        told = dict(found.order_by("-clips", "value").values_list("value", "clips")[:MOST_OFFERED])
        wanted = {*map(int, told), *([self.filters.version] if self.filters.version else [])}
        if not wanted:
            return []
        versions = PromptVersion.objects.filter(pk__in=wanted, prompt__in=seen_by(self.sight.user)).select_related("prompt")
        return sorted(((version, told.get(str(version.pk), 0)) for version in versions), key=lambda one: (-one[1], one[0].prompt.name))


HEADS = {
    "project": "Project",
    "by": "Person",
    "provider": "Provider",
    "model": "Model",
    "version": "Prompt",
    "liked": "Favourites",
    "ratio": "Ratio",
    "length": "Length",
    "made": "Made",
    "since": "From",
    "until": "Until",
}
ORDERED: dict[str, tuple[str, ...]] = {"ratio": RATIOS, "length": tuple(LENGTHS), "made": tuple(MADE)}


def views_of(sight: Sight) -> QuerySet[SavedView]:
    """The saved views that a person finds at a wall: their own of it, and those of the project that its owners share."""
    if sight.entry is None:
        return SavedView.objects.filter(owner=sight.user, project=None)
    return SavedView.objects.filter(Q(owner=sight.user) | Q(shared=True), project=sight.entry.project).select_related("owner")
