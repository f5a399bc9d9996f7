"""What the gallery shows: saved clips a page at a time, newest first or as asked. Neither queries nor time depend on the number of clips.

A page is asked for in two steps: its places, from the narrow rows of hanging.py by one index, and then these few clips with all that a tile shows. Where a
wall spans projects, each project's index gives its first few and the database puts these in order, so that nobody walks past other people's clips.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from itertools import groupby
from uuid import UUID

from django.db import connection
from django.db.models import BooleanField, F, Q, QuerySet, Sum
from django.db.models.expressions import RawSQL
from django.utils import timezone
from django.utils.formats import date_format

from studio.accounts.models import User
from studio.credits.models import Spending
from studio.gallery import search
from studio.gallery.filters import Filters, Sort
from studio.gallery.hanging import Hanging, moment_of
from studio.gallery.models import Favourite
from studio.gallery.sight import Sight
from studio.gallery.standing import Standing, standings_among
from studio.jobs.models import Clip
from studio.projects.door import Pass
from studio.projects.models import Project

PAGE = 48
NEAR = 4  # neighbours on either side in the strip of the viewing room
MOST_BRANCHES = 60  # projects whose indexes are asked one by one
MOST_COUNTED = 200  # clips on either side of one that are counted; beyond, nobody counts along
LARGEST = 2**63 - 1
EVERYTHING = Q()


class Side(Enum):
    """Which way from a place on the wall: how a value there compares, and the order in which one goes."""

    BELOW = ("<", "lt", "-", "DESC")
    ABOVE = (">", "gt", "", "ASC")

    def __init__(self, sign: str, lookup: str, order: str, direction: str) -> None:
        self.sign, self.lookup, self.order, self.direction = sign, lookup, order, direction


@dataclass(frozen=True, slots=True)
class Mark:
    """A clip's place on the wall as it is sorted: what it is sorted by, and its place. The next page starts below it."""

    value: int
    place: int

    def __str__(self) -> str:
        return f"{self.value}~{self.place}"

    @classmethod
    def read(cls, text: str) -> "Mark | None":
        """The mark that was written so, or None."""
        value, _, place = text.partition("~")
        try:
            mark = cls(int(value), int(place))
            timezone.localdate(moment_of(mark.place))  # the first and the last day there is have no such time everywhere
        except (ValueError, OverflowError):
            return None
        return mark if abs(mark.value) <= LARGEST and abs(mark.place) <= LARGEST else None

    def those(self, side: Side, filters: Filters) -> Q | RawSQL:
        """The condition of those on this side of it. Two columns in one comparison, so that an index starts there."""
        if filters.sort is Sort.NEW:
            return Q(**{f"{search.by_place(filters.q)}__{side.lookup}": self.place})
        columns = f'("gallery_hanging"."{filters.sort.column}", "gallery_hanging"."place")'
        return RawSQL(f"{columns} {side.sign} (%s, %s)", [self.value, self.place], output_field=BooleanField())  # noqa: S611 - a column of ours


@dataclass(frozen=True, slots=True)
class Tile:
    """One clip on the wall, how it was decided, and what its viewer may do there."""

    clip: Clip
    standing: Standing
    entry: Pass


@dataclass(frozen=True, slots=True)
class Day:
    """The clips of one day, in the installation's time zone; without a day where the wall is not sorted by it."""

    day: date | None
    tiles: list[Tile]

    @property
    def name(self) -> str:
        """Today, Yesterday, "Wednesday 18 November", or with its year if that is another one."""
        if self.day is None:
            return ""
        today = timezone.localdate()
        near = {0: "Today", 1: "Yesterday"}.get((today - self.day) // timedelta(days=1))
        return near or date_format(self.day, "l j F" if self.day.year == today.year else "l j F Y")


@dataclass(frozen=True, slots=True)
class Page:
    """Some days of clips. `going_on` are those that belong to the day at which the page before ended; `older` is where the next page starts."""

    days: list[Day]
    going_on: Day | None
    older: Mark | None


@dataclass(frozen=True, slots=True)
class Figures:
    """A wall's clips in numbers. `spent` in millicredits."""

    clips: int
    people: int
    projects: int
    since: datetime | None
    spent: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where a clip stands on the wall: its turn, counted from the top, of how many, and its neighbours from above to below, itself among them."""

    turn: str
    total: str
    strip: list[Clip]
    newer: Clip | None
    older: Clip | None


@dataclass(frozen=True, slots=True)
class Facts:
    """What the room tells beside the brief: how long the clip is and how long it took, both in seconds, and how many clips its charge paid for."""

    length: float
    made_in: float | None
    takes: int


def saved_clips(project: Project) -> QuerySet[Clip]:
    """The clips of this project that people have, newest first."""
    clips = Clip.objects.present().filter(project=project).order_by("-saved_at", "-pk")
    return clips.select_related("hanging", "job__project", "job__author", "job__source__job__project", "attempt__connection")


def page_of(sight: Sight, filters: Filters, before: Mark | None) -> Page:
    """The page that starts below this mark, or at the top. Two queries, three where the person is a maker."""
    marks = marks_of(sight, filters, before, count=PAGE + 1)
    shown, more = marks[:PAGE], marks[PAGE:]
    clips = hung(shown)
    told = standings_among(clips, sight.passes)
    tiles = [Tile(clip, told[clip.pk], sight.passes[clip.project_id]) for clip in clips]
    days = [Day(day, list(group)) for day, group in groupby(tiles, key=lambda tile: _day(tile.clip, filters.sort))]
    goes_on = bool(before and days and days[0].day == (timezone.localdate(moment_of(before.place)) if filters.sort is Sort.NEW else None))
    return Page(days=days[1:] if goes_on else days, going_on=days[0] if goes_on else None, older=shown[-1] if more else None)


def marks_of(sight: Sight, filters: Filters, mark: Mark | None, *, count: int, side: Side = Side.BELOW, also: Q = EVERYTHING) -> list[Mark]:
    """The places of what is wanted on this side of the mark, nearest first, at most so many; without a mark from the wall's end there. One query.

    `also` is a further condition on the rows.
    """
    if filters.searches_nothing:
        return []
    projects = sight.projects(filters)
    branches = [_wanted(chosen, filters, mark, side, reader=sight.user).filter(also)[:count] for chosen in _apart(projects, filters)]
    if not branches:
        return []
    compiled = [branch.query.sql_with_params() for branch in branches]
    parts = " UNION ALL ".join(f"SELECT * FROM ({sql}) AS branch_{number}" for number, (sql, _) in enumerate(compiled))  # noqa: S608 - Django's own
    whole = f"SELECT * FROM ({parts}) AS branches ORDER BY 1 {side.direction}, 2 {side.direction} LIMIT {count}"  # noqa: S608 - values are parameters
    with connection.cursor() as cursor:
        cursor.execute(whole, [one for _, given in compiled for one in given])
        return [Mark(value, place) for value, place in cursor.fetchall()]


def _apart(projects: list[int], filters: Filters) -> list[list[int]]:
    """The projects one by one, each with an index of its own. Words have one index for all, and so has everything where there are very many."""
    if search.tokens_of(filters.q) or len(projects) > MOST_BRANCHES:
        return [projects] if projects else []
    return [[project] for project in projects]


def ids_of(sight: Sight, filters: Filters, *, count: int) -> list[UUID]:
    """The ids of the first clips on the wall, in its order, at most so many. Two queries."""
    places = [mark.place for mark in marks_of(sight, filters, None, count=count)]
    clips = dict(Hanging.objects.filter(place__in=places).values_list("place", "clip"))
    return [clips[place] for place in places if place in clips]


def _wanted(projects: list[int], filters: Filters, mark: Mark | None, side: Side, *, reader: User) -> QuerySet[Hanging, tuple[int, int]]:
    """What is wanted of these projects, as marks."""
    wanted = Hanging.objects.filter(filters.lets_in())
    if not search.is_narrow(filters.q):
        wanted = wanted.filter(project=projects[0]) if len(projects) == 1 else wanted.filter(project__in=projects)
    wanted = search.found(wanted, filters.q, projects)
    if filters.liked:
        wanted = wanted.filter(clip__in=Favourite.objects.filter(person=reader).values("clip"))
    if mark:
        wanted = wanted.filter(mark.those(side, filters))
    column = filters.sort.column
    order = (search.by_place(filters.q),) if filters.sort is Sort.NEW else (column, "place")
    return wanted.order_by(*[side.order + name for name in order]).annotate(by=F(column)).values_list("by", "place")


def hung(marks: Sequence[Mark]) -> list[Clip]:
    """The clips at these places, in their order, with all that a tile shows. One query."""
    places = [mark.place for mark in marks]
    told = ("hanging", "job__project", "job__author", "attempt__connection", "decision__person")
    clips = {clip.hanging.place: clip for clip in Clip.objects.filter(hanging__in=places).select_related(*told)}
    return [clips[place] for place in places if place in clips]


def _day(clip: Clip, sort: Sort) -> date | None:
    return timezone.localdate(clip.saved_at or clip.created_at) if sort is Sort.NEW else None


def figures(sight: Sight) -> Figures:
    """The line under the wall's name. Two queries."""
    first = Hanging.objects.filter(project=sight.entry.project).order_by("place").values_list("place", flat=True).first() if sight.entry else None
    spent = Spending.objects.filter(project__in=list(sight.passes)).aggregate(spent=Sum("charged", default=0))["spent"]
    people = len(sight.facets.get("author", {}))
    return Figures(sight.clips, people, len(sight.passes), moment_of(first) if first is not None else None, spent)


def place_of(clip: Clip, sight: Sight, filters: Filters) -> Place:
    """The clip among its neighbours on this wall, in three queries. It has its place also where it does not hang there, as one that was just rejected."""
    here = Mark(getattr(clip.hanging, filters.sort.column) or 0, clip.hanging.place)
    above, below = (marks_of(sight, filters, here, count=MOST_COUNTED + 1, side=side) for side in (Side.ABOVE, Side.BELOW))
    near = hung([*above[:NEAR][::-1], *below[:NEAR]])
    ahead = {mark.place for mark in above[:NEAR]}
    newer = [one for one in near if one.hanging.place in ahead]
    older = [one for one in near if one.hanging.place not in ahead]
    return Place(
        turn=f"{MOST_COUNTED:,}+" if len(above) > MOST_COUNTED else f"{len(above) + 1:,}",
        total=_total(len(above), len(below), sight, filters),
        strip=[*newer, clip, *older],
        newer=newer[-1] if newer else None,
        older=older[0] if older else None,
    )


def _total(above: int, below: int, sight: Sight, filters: Filters) -> str:
    """How many there are with the one between these; where they are too many to count, as the facets say, which know of one choice at a time."""
    if max(above, below) <= MOST_COUNTED:
        return f"{above + 1 + below:,}"
    return f"{MOST_COUNTED:,}+" if filters or filters.sort is Sort.PICKED else f"{sight.counts[filters.show or 'open']:,}"


def facts_of(clip: Clip) -> Facts:
    """The clip's own figures."""
    sent, saved = clip.attempt.sent_at, clip.saved_at
    return Facts(
        length=round(clip.milliseconds / 1000, 2),
        made_in=(saved - sent).total_seconds() if sent and saved else None,
        takes=Clip.objects.filter(attempt=clip.attempt).count(),
    )
