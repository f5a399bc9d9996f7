"""What the gallery shows: a project's saved clips, newest first, a page at a time. The number of queries never depends on the number of clips."""

import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby

from django.db.models import Count, Min, Q, QuerySet, Sum
from django.utils import timezone
from django.utils.formats import date_format

from studio.jobs.models import Clip, Job
from studio.projects.models import Project

PAGE = 40
NEAR = 4  # neighbours on either side in the strip of the viewing room


@dataclass(frozen=True, slots=True)
class Mark:
    """A clip's place on the wall. The next page starts below it."""

    saved_at: datetime
    key: uuid.UUID

    def __str__(self) -> str:
        return f"{self.saved_at.timestamp():.6f}~{self.key.hex}"

    @classmethod
    def read(cls, text: str) -> "Mark | None":
        """The mark that was written so, or None."""
        moment, _, key = text.partition("~")
        try:
            saved_at = datetime.fromtimestamp(float(moment), tz=UTC)
            timezone.localdate(saved_at)  # the first and the last day there is have no such time everywhere
            return cls(saved_at, uuid.UUID(hex=key))
        except (ValueError, OverflowError, OSError):
            return None

    @classmethod
    def of(cls, clip: Clip) -> "Mark":
        """Where this saved clip hangs."""
        return cls(clip.saved_at or clip.created_at, clip.pk)

    def below(self) -> Q:
        """The older clips."""
        return Q(saved_at__lt=self.saved_at) | Q(saved_at=self.saved_at, pk__lt=self.key)

    def above(self) -> Q:
        """The newer clips."""
        return Q(saved_at__gt=self.saved_at) | Q(saved_at=self.saved_at, pk__gt=self.key)


@dataclass(frozen=True, slots=True)
class Day:
    """The clips of one day, in the installation's time zone."""

    day: date
    clips: list[Clip]

    @property
    def name(self) -> str:
        """Today, Yesterday, "Wednesday 18 November", or with its year if that is another one."""
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
    """A project's clips in numbers. `spent` in millicredits."""

    clips: int
    people: int
    since: datetime | None
    spent: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where a clip stands among the others: its turn, counted from the newest, and its neighbours from newer to older."""

    turn: int
    total: int
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
    """The clips of this project whose bytes are ours, newest first."""
    clips = Clip.objects.filter(project=project, saved_at__isnull=False).order_by("-saved_at", "-pk")
    return clips.select_related("job__project", "job__author", "attempt__connection")


def page_of(project: Project, before: Mark | None) -> Page:
    """The page that starts below this mark, or at the top."""
    clips = list((saved_clips(project).filter(before.below()) if before else saved_clips(project))[: PAGE + 1])
    shown, more = clips[:PAGE], clips[PAGE:]
    days = [Day(day, list(group)) for day, group in groupby(shown, key=_day)]
    goes_on = bool(before and days and days[0].day == timezone.localdate(before.saved_at))
    return Page(days=days[1:] if goes_on else days, going_on=days[0] if goes_on else None, older=Mark.of(shown[-1]) if more else None)


def _day(clip: Clip) -> date:
    return timezone.localdate(Mark.of(clip).saved_at)


def figures(project: Project) -> Figures:
    """The line under the project's name."""
    told = Clip.objects.filter(project=project, saved_at__isnull=False).aggregate(
        clips=Count("pk"), people=Count("job__author", distinct=True), since=Min("saved_at")
    )
    spent = Job.objects.filter(project=project).aggregate(spent=Sum("charged"))["spent"]
    return Figures(**told, spent=spent or 0)


def place_of(clip: Clip) -> Place:
    """The clip among its neighbours."""
    mark = Mark.of(clip)
    clips = saved_clips(clip.project)
    newer = list(clips.filter(mark.above()).order_by("saved_at", "pk")[:NEAR])[::-1]
    older = list(clips.filter(mark.below())[:NEAR])
    counts = Clip.objects.filter(project=clip.project, saved_at__isnull=False).aggregate(total=Count("pk"), above=Count("pk", filter=mark.above()))
    return Place(
        turn=counts["above"] + 1,
        total=counts["total"],
        strip=[*newer, clip, *older],
        newer=newer[-1] if newer else None,
        older=older[0] if older else None,
    )


def facts_of(clip: Clip) -> Facts:
    """The clip's own figures."""
    sent, saved = clip.attempt.sent_at, clip.saved_at
    return Facts(
        length=round(clip.milliseconds / 1000, 2),
        made_in=(saved - sent).total_seconds() if sent and saved else None,
        takes=Clip.objects.filter(attempt=clip.attempt).count(),
    )
