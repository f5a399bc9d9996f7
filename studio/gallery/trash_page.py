"""A project's trash as a page: a page of clips with the days that each has left. Reads only; two queries however much lies there."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Sum
from django.utils import timezone

from studio.gallery.keeping import in_reach
from studio.gallery.marks import Mark
from studio.jobs.models import Clip
from studio.projects.door import Pass

PAGE = 40
DAY = 86_400


@dataclass(frozen=True, slots=True)
class Row:
    """One clip in the trash, and how many days it still can be taken back, the last one counted."""

    clip: Clip
    days: int


@dataclass(frozen=True, slots=True)
class Page:
    """A part of the trash; `clips` and `bytes` are of all that this person can take back, `older` is where the next page starts."""

    rows: list[Row]
    clips: int
    bytes: int
    older: Mark | None


def page_of(entry: Pass, before: Mark | None) -> Page:
    """The page that starts below this mark, or at the top."""
    reach, now = in_reach(entry), timezone.now()
    told = reach.order_by().aggregate(clips=Count("pk"), bytes=Sum("bytes", default=0))
    found = reach.select_related("job__project", "job__author", "trashed_by")
    clips = list((found.filter(before.below(by="trashed_at")) if before else found)[: PAGE + 1])
    shown = clips[:PAGE]
    older = Mark(shown[-1].trashed_at or now, shown[-1].pk) if len(clips) > PAGE else None
    return Page([Row(clip, _days(clip, now)) for clip in shown], told["clips"], told["bytes"], older)


def _days(clip: Clip, now: datetime) -> int:
    left = (clip.erase_at or now) - now
    return max(0, int(-(-left.total_seconds() // DAY)))
