"""Where a list of clips goes on: for lists that are no walls, which have no places of their own."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Q
from django.utils import timezone

from studio.jobs.models import Clip


@dataclass(frozen=True, slots=True)
class Mark:
    """A clip's place among others, newest first: when it was saved, and which of those saved at once. The next page starts below it."""

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
        """The place of this saved clip."""
        return cls(clip.saved_at or clip.created_at, clip.pk)

    def below(self) -> Q:
        """The older clips."""
        return Q(saved_at__lt=self.saved_at) | Q(saved_at=self.saved_at, pk__lt=self.key)

    def above(self) -> Q:
        """The newer clips."""
        return Q(saved_at__gt=self.saved_at) | Q(saved_at=self.saved_at, pk__gt=self.key)
