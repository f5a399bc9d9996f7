"""A project's trash as a page: a page of clips with the days that each has left. Reads only; two queries however much lies there."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Count, Q, Sum
from django.utils import timezone

from studio.gallery.keeping import in_reach
from studio.jobs.models import Clip
from studio.projects.door import Pass

PAGE = 40
DAY = 86_400


@dataclass(frozen=True, slots=True)
class Mark:
    """A clip's place in the trash. The next page starts below it."""

    trashed_at: datetime
    key: uuid.UUID

    def __str__(self) -> str:
        return f"{self.trashed_at.timestamp():.6f}~{self.key.hex}"

    @classmethod
    def read(cls, text: str) -> "Mark | None":
        """The mark that was written so, or None."""
        moment, _, key = text.partition("~")
        try:
            return cls(datetime.fromtimestamp(float(moment), tz=UTC), uuid.UUID(hex=key))
        except (ValueError, OverflowError, OSError):
            return None

    def below(self) -> Q:
        """What was thrown away before it."""
        return Q(trashed_at__lt=self.trashed_at) | Q(trashed_at=self.trashed_at, pk__lt=self.key)


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
    clips = list((found.filter(before.below()) if before else found)[: PAGE + 1])
    shown = clips[:PAGE]
    older = Mark(shown[-1].trashed_at or now, shown[-1].pk) if len(clips) > PAGE else None
    return Page([Row(clip, _days(clip, now)) for clip in shown], told["clips"], told["bytes"], older)


def _days(clip: Clip, now: datetime) -> int:
    left = (clip.erase_at or now) - now
    return max(0, int(-(-left.total_seconds() // DAY)))
