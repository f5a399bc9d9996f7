"""How long a provider keeps what it made, and what is said of a clip that still lies only there. Unknown is said as unknown."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from studio.jobs.models import Attempt
from studio.providers.contract import KEPT_DAYS
from studio.providers.registry import PROVIDERS

HOUR = timedelta(hours=1)
SOON = 3 * HOUR


@dataclass(frozen=True, slots=True)
class Clock:
    """One clip's time at its provider, called `name`. `hours` is how long that keeps results, `left` what remains of it; None where nobody says."""

    name: str
    hours: float | None
    left: timedelta | None

    @property
    def is_over(self) -> bool:
        """Whether the provider may have deleted it by now."""
        return self.left is not None and self.left <= timedelta()

    @property
    def tone(self) -> str:
        """How urgent it is: bad where it may be gone within hours, else warn."""
        return "bad" if self.left is not None and self.left < SOON else "warn"

    @property
    def short(self) -> str:
        """For a list: "expires in about 23 h"."""
        if self.left is None:
            return "time not known"
        return f"may be gone, {span(-self.left)} over" if self.is_over else f"expires in about {span(self.left)}"

    @property
    def words(self) -> str:
        """In a sentence."""
        if self.hours is None or self.left is None:
            return f"It lies only at {self.name}, and nobody says how long {self.name} keeps it."
        if self.is_over:
            return f"It lay only at {self.name}, which keeps results for {self.hours:g} h; that was over {span(-self.left)} ago."
        return f"It lies only at {self.name}, which keeps results for {self.hours:g} h: about {span(self.left)} left."


def clock_of(attempt: Attempt, *, now: datetime) -> Clock:
    """The clock of what this attempt, whose connection was fetched along, left at its provider. No query."""
    made_at = attempt.made_at or attempt.ended_at or attempt.created_at
    return clock(attempt.connection.provider, made_at=made_at, now=now, is_stored=bool(attempt.stored_id))


def clock(provider: str, *, made_at: datetime, now: datetime, is_stored: bool = False) -> Clock:
    """The clock of what this provider had made by `made_at`, when we saw it, or of the copy in its file store. Pure."""
    kind = PROVIDERS.get(provider)
    hours = KEPT_DAYS * 24.0 if is_stored else kind.keeps_hours if kind else None
    if kind is None or hours is None:
        return Clock(kind.name if kind else provider, None, None)
    return Clock(kind.name, hours, made_at + hours * HOUR - now)


def span(time: timedelta) -> str:
    """23 h; below two hours 1 h 40 min; days above three."""
    minutes = max(1, int(time.total_seconds() // 60))
    hours, rest = divmod(minutes, 60)
    if hours >= 72:  # noqa: PLR2004 - three days
        return f"{hours // 24} days"
    return f"{hours} h" if hours >= 2 or (hours and not rest) else f"{hours} h {rest} min" if hours else f"{rest} min"  # noqa: PLR2004 - as above
