"""How orders fared lately, by connection and kind of order: what plans, waiting times, success and drift of price are read from.

A kind is what decides how long a clip takes: model, operation, resolution, duration. Each result is kept under its own kind and under the model
as a whole, which answers for kinds that are new. A track holds its last fifty samples and no more.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from math import ceil
from statistics import median

from django.db import transaction

from studio.providers.contract import Brief
from studio.routing.models import Track

KEPT = 50
SAME = 0.001  # seconds within which two moments are one
ENOUGH = 3  # samples of the very kind, before it is believed alone
DONE, FAILED, MODERATED, DOUBT = "done", "failed", "moderated", "doubt"


@dataclass(frozen=True, slots=True)
class Sample:
    """One ended attempt. `at` is Unix seconds, `seconds` from acceptance to the clip, `ratio` what was charged for each credit of its quote.

    `price` names what made the quote: the ratio says nothing about another price.
    """

    at: float
    outcome: str
    seconds: float | None = None
    ratio: float | None = None
    price: str = ""


def kind_of(brief: Brief) -> str:
    """The kind of this order, as it is sent."""
    return f"{whole_kind(brief)}·{brief.resolution}·{brief.duration or ''}"


def whole_kind(brief: Brief) -> str:
    """The kind that stands for all orders of this model and operation."""
    return f"{brief.model[:80]}·{brief.operation}"


def is_whole(kind: str) -> bool:
    """Whether this kind stands for all orders of its model and operation."""
    return kind.count("·") == 1


def model_of(kind: str) -> str:
    """The model of a kind."""
    return kind.partition("·")[0]


@dataclass(frozen=True, slots=True)
class Tracks:
    """Tracks that were read, by connection and kind."""

    samples: dict[tuple[int, str], list[Sample]]

    def of(self, connection_id: int, kind: str) -> list[Sample]:
        """The samples of this very kind, or of its model as a whole while there are few."""
        own = self.samples.get((connection_id, kind), [])
        if sum(sample.seconds is not None for sample in own) >= ENOUGH:
            return own
        return self.samples.get((connection_id, whole_of(kind)), own)

    def seconds(self, connection_id: int, kind: str) -> tuple[float, ...]:
        """How long such orders took, shortest first; empty where nothing is known."""
        return tuple(sorted(sample.seconds for sample in self.of(connection_id, kind) if sample.seconds is not None))


def whole_of(kind: str) -> str:
    """The kind of the model as a whole that this kind belongs to."""
    return "·".join(kind.split("·")[:2])


def read(connection_ids: Collection[int], kinds: Iterable[str] | None = None) -> Tracks:
    """The tracks of these connections: of these kinds with their models as a whole, or all. One query."""
    rows = Track.objects.filter(connection__in=connection_ids)
    if kinds is not None:
        wanted = set(kinds)
        rows = rows.filter(kind__in=wanted | {whole_of(kind) for kind in wanted})
    return Tracks({(row.connection_id, row.kind): [Sample(*sample) for sample in row.samples] for row in rows})


def record(connection_id: int, kind: str, sample: Sample) -> None:
    """Add one result to its kind and to its model as a whole. Two results at the same moment may cost one sample, never more."""
    with transaction.atomic():
        for name in dict.fromkeys((whole_of(kind), kind)):
            row, _ = Track.objects.get_or_create(connection_id=connection_id, kind=name)
            row.samples = [*row.samples, list(asdict(sample).values())][-KEPT:]
            row.save(update_fields=["samples"])


def correct(connection_id: int, kind: str, *, at: float) -> None:
    """Count what ended well at this moment (Unix seconds) as failed after all: the provider made a clip that nobody can have. How long it took stays."""
    with transaction.atomic():
        for row in Track.objects.select_for_update().filter(connection=connection_id, kind__in={whole_of(kind), kind}):
            samples = [Sample(*sample) for sample in row.samples]
            row.samples = [
                list(asdict(replace(sample, outcome=FAILED) if sample.outcome == DONE and abs(sample.at - at) < SAME else sample).values())
                for sample in samples
            ]
            row.save(update_fields=["samples"])


def success_rate(samples: Sequence[Sample]) -> float | None:
    """The share of orders that became a clip, 0 to 1; None where none ended. What the model's filter refused says nothing about health."""
    counted = [sample for sample in samples if sample.outcome in {DONE, FAILED, DOUBT}]
    return sum(sample.outcome == DONE for sample in counted) / len(counted) if counted else None


def drift(samples: Sequence[Sample]) -> float | None:
    """What was charged for each credit of the quotes: 1.0 where they were right; None where the provider reported nothing."""
    ratios = [sample.ratio for sample in samples if sample.ratio is not None]
    return sum(ratios) / len(ratios) if ratios else None


def usual(seconds: Sequence[float]) -> float | None:
    """The median of times; None without any."""
    return median(seconds) if seconds else None


def slow(seconds: Sequence[float]) -> float | None:
    """The 95th percentile of times (nearest rank); None without any."""
    return sorted(seconds)[ceil(0.95 * len(seconds)) - 1] if seconds else None
