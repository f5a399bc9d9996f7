"""Which clips are meant by what the project decided about them: the word that a wall, a link and an address use for it."""

from enum import StrEnum

from django.db.models import Q, QuerySet

from studio.gallery.models import Verdict
from studio.jobs.models import Clip


class Show(StrEnum):
    """The word in the address. Without one, what was rejected is left out."""

    OPEN = ""
    ALL = "all"
    UNDECIDED = "undecided"
    PICKED = "picked"
    MAYBE = "maybe"
    REJECTED = "rejected"

    @classmethod
    def read(cls, text: str) -> "Show":
        """The one that is asked for; anything unknown is the usual one."""
        return next((one for one in cls if one == text), cls.OPEN)


LETS_IN = {
    Show.OPEN: ~Q(decision__verdict=Verdict.REJECT),
    Show.ALL: Q(),
    Show.UNDECIDED: Q(decision=None),
    Show.PICKED: Q(decision__verdict=Verdict.PICK),
    Show.MAYBE: Q(decision__verdict=Verdict.MAYBE),
    Show.REJECTED: Q(decision__verdict=Verdict.REJECT),
}


def narrowed(clips: QuerySet[Clip], show: Show) -> QuerySet[Clip]:
    """Those of the clips that are shown."""
    return clips.filter(LETS_IN[show])
