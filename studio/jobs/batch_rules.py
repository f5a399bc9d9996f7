"""The facts of a batch, and the rules by which it stops. A rule takes facts and answers with a sentence; nothing is stored.

How many clips are kept is decided a layer above, in the gallery, which tells us how to count them (`count_kept_with`) when it starts.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import Count

from studio.jobs.batch_ceiling import Committed, committed
from studio.jobs.batch_models import Batch, BatchRow
from studio.jobs.cards import IN_FLIGHT
from studio.jobs.lifecycle import State

ENOUGH_ENDED = 5  # orders that must have ended before their share of failures says anything

KeptIn = Callable[[Collection[UUID]], Mapping[UUID, int]]  # ids of batches -> how many of each one's clips are kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What became of a batch's rows so far. `by_state` counts those that are jobs, each by its newest one's state.

    `waiting` rows were not ordered yet, `refused` ones could not be, `bad` ones were left out of the plan.
    """

    by_state: Mapping[str, int] = field(default_factory=dict)
    waiting: int = 0
    refused: int = 0
    bad: int = 0
    money: Committed = field(default_factory=Committed)
    kept: int = 0

    @property
    def count(self) -> int:
        """How many clips were ordered as a batch."""
        return sum(self.by_state.values()) + self.waiting + self.refused

    @property
    def done(self) -> int:
        """How many became clips."""
        return self.by_state.get(State.DONE, 0)

    @property
    def failed(self) -> int:
        """How many failed, or could not be ordered: what can be ordered again."""
        return self.by_state.get(State.FAILED, 0) + self.refused

    @property
    def in_doubt(self) -> int:
        """How many were sent and not answered."""
        return self.by_state.get(State.IN_DOUBT, 0)

    @property
    def in_line(self) -> int:
        """How many are ordered and not sent."""
        return self.by_state.get(State.QUEUED, 0) + self.by_state.get(State.PAUSED, 0)

    @property
    def being_made(self) -> int:
        """How many are at a provider, or being saved."""
        return self.in_flight - self.in_line

    @property
    def in_flight(self) -> int:
        """How many are on their way."""
        return sum(self.by_state.get(state, 0) for state in IN_FLIGHT)

    @property
    def cancelled(self) -> int:
        """How many were taken back one by one."""
        return self.by_state.get(State.CANCELLED, 0)


def facts_of(batches: Collection[Batch]) -> dict[UUID, Facts]:
    """The facts of these batches. Two queries, and one of the gallery's where a rule asks for kept clips."""
    keys = [batch.pk for batch in batches]
    if not keys:
        return {}
    money = committed(keys)
    kept = _count_kept([batch.pk for batch in batches if batch.enough_kept]) if any(batch.enough_kept for batch in batches) else {}
    states: dict[UUID, dict[str, int]] = {key: {} for key in keys}
    rest: dict[UUID, dict[str, int]] = {key: {} for key in keys}
    rows = BatchRow.objects.filter(batch__in=keys).order_by().values_list("batch", "job__state", "refusal", "wave").annotate(n=Count("pk"))
    for key, state, refusal, wave, n in rows:
        into, name = (states, state) if state else (rest, "waiting" if not refusal else "refused" if wave else "bad")
        into[key][name] = into[key].get(name, 0) + n
    return {key: Facts(by_state=states[key], money=money.get(key, Committed()), kept=kept.get(key, 0), **rest[key]) for key in keys}


def broken(batch: Batch, facts: Facts) -> tuple[str, str] | None:
    """The rule that says that nothing more is to be ordered: its name, and the sentence for people. Pure."""
    if batch.enough_kept and facts.kept >= batch.enough_kept:
        kept = "1 clip is" if facts.kept == 1 else f"{facts.kept} clips are"
        return Batch.Cause.KEPT, f"{kept} kept, and {batch.enough_kept} were enough."
    ended = facts.done + facts.by_state.get(State.FAILED, 0)
    failed = facts.by_state.get(State.FAILED, 0)
    if batch.most_failed is not None and ended >= ENOUGH_ENDED and failed * 100 > batch.most_failed * ended:
        return Batch.Cause.FAILURES, f"{failed} of {ended} failed, which is more than {batch.most_failed} %."
    return None


_counting: list[KeptIn] = []


def count_kept_with(count: KeptIn) -> None:
    """From now on kept clips are counted like this."""
    _counting[:] = [count]


def _count_kept(batches: Collection[UUID]) -> Mapping[UUID, int]:
    return _counting[0](batches) if _counting else {}
