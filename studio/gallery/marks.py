"""Where a list of clips goes on: for lists that are no walls, which have no places of their own."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Q
from django.utils import timezone

from studio.jobs.models import Clip


@dataclass(frozen=True, slots=True)
class Mark:
    """A clip's place among others, newest first: when it came there, and which of those that came at once. The next page starts below it.

    It came there when it was saved, unless the list goes `by` another of a clip's moments.
    """

    at: datetime
    key: uuid.UUID

    def __str__(self) -> str:
        return f"{self.at.timestamp():.6f}~{self.key.hex}"

    @classmethod
    def read(cls, text: str) -> "Mark | None":
        """The mark that was written so, or None."""
        moment, _, key = text.partition("~")
        try:
            at = datetime.fromtimestamp(float(moment), tz=UTC)
            timezone.localdate(at)  # the first and the last day there is have no such time everywhere
            return cls(at, uuid.UUID(hex=key))
        except (ValueError, OverflowError, OSError):
            return None

    @classmethod
    def of(cls, clip: Clip) -> "Mark":
        """The place of this saved clip."""
        return cls(clip.saved_at or clip.created_at, clip.pk)

    def below(self, by: str = "saved_at") -> Q:
        """The older clips."""
        return Q(**{f"{by}__lt": self.at}) | Q(**{by: self.at}, pk__lt=self.key)
