"""How every connection fares, in figures and words: for the control room and for `manage.py connection list`. Only reads.

Everything comes from the tracks, the breakers and one count of live jobs: four queries, however many connections, jobs and results there are.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, QuerySet
from django.utils import timezone

from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt, Cause, Job
from studio.jobs.timing import RELIABLE
from studio.leases import LONGEST_REST, holds
from studio.providers.registry import PROVIDERS
from studio.routing import track
from studio.routing.breaker import WHOLE
from studio.routing.models import Breaker, Connection
from studio.routing.pace import strain
from studio.routing.track import DONE, DOUBT, FAILED, KEPT, MODERATED, Sample

OUTCOMES = {DONE: "done", FAILED: "failed", DOUBT: "in doubt", MODERATED: "refused by the filter"}

# cause of a breaker -> why, for somebody who can mend it
WHY = {
    Cause.WRONG_KEY: "{name} refuses our key.",
    Cause.OUT_OF_BALANCE: "Our account at {name} is out of balance.",
    Cause.UNREACHED: "{name} could not be reached several times in a row.",
    Cause.UNANSWERED: "{name} did not answer several orders in a row.",
}
ORDERS_FAILED = "Several orders in a row failed there."


@dataclass(frozen=True, slots=True)
class Fared:
    """The last results of one kind of order, or of a whole connection: oldest first, at most fifty. Times in seconds, None where nothing is known."""

    name: str
    samples: tuple[Sample, ...]
    is_whole: bool = True  # of all orders of its model and operation, not of one resolution and duration

    @property
    def success(self) -> float | None:
        """The share that became clips, 0 to 1, without what the filter refused."""
        return track.success_rate(self.samples)

    @property
    def usual(self) -> float | None:
        """The median time."""
        return track.usual(self._seconds)

    @property
    def slow(self) -> float | None:
        """The 95th percentile of times."""
        return track.slow(self._seconds)

    @property
    def drift(self) -> float | None:
        """What was charged above the estimates, as a share of them: 0.12 for 12 % more."""
        ratio = track.drift(self.samples)
        return None if ratio is None else ratio - 1

    @property
    def in_words(self) -> str:
        """What a strip of these results shows, for those who do not see it."""
        counted = Counter(sample.outcome for sample in self.samples)
        parts = [f"{counted[outcome]} {words}" for outcome, words in OUTCOMES.items() if counted[outcome]]
        return f"Last {len(self.samples)} results: {', '.join(parts)}" if parts else "No results yet"

    @property
    def bars(self) -> list[str]:
        """The outcomes as a strip of fifty places shows them: empty ones first."""
        return [""] * (KEPT - len(self.samples)) + [sample.outcome for sample in self.samples]

    @property
    def _seconds(self) -> list[float]:
        return [sample.seconds for sample in self.samples if sample.seconds is not None]


@dataclass(frozen=True, slots=True)
class Pause:
    """What a breaker stops: one model, or with an empty `model` the whole connection. `until` is when it tries one order again."""

    model: str
    cause: str
    why: str
    error: str
    since: datetime | None
    until: datetime
    is_trying: bool


@dataclass(frozen=True, slots=True)
class Queue:
    """How many jobs are where at one connection."""

    waiting: int = 0
    sending: int = 0
    rendering: int = 0
    saving: int = 0
    in_doubt: int = 0

    @property
    def away(self) -> int:
        """Those that count against its limit of jobs at once."""
        return self.sending + self.rendering


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One connection as the control room shows it. `strain` is how much of its request limit is taken, 0 to 1."""

    connection: Connection
    name: str
    fared: Fared
    kinds: tuple[Fared, ...]
    queue: Queue
    pauses: tuple[Pause, ...]
    error: str
    error_at: datetime | None
    strain: float
    rests_until: datetime | None

    @property
    def pause(self) -> Pause | None:
        """What stops the whole connection."""
        return next((pause for pause in self.pauses if pause.model == WHOLE), None)

    @property
    def state(self) -> str:
        """`off`, `paused`, `trying`, `resting`, `partly` (a model of it is paused), or `on`."""
        if not self.connection.enabled:
            return "off"
        if self.pause:
            return "trying" if self.pause.is_trying else "paused"
        if self.rests_until:
            return "resting"
        return "partly" if self.pauses else "on"

    @property
    def fullness(self) -> float:
        """How much of its limit of jobs at once is taken, 0 to 1."""
        return min(1.0, self.queue.away / self.connection.jobs_at_once)

    @property
    def lost_callbacks(self) -> int:
        """How many jobs in a row ended without the callback that used to come; 0 while callbacks come, or never did."""
        connection = self.connection
        return connection.calls_missed if connection.called_at and connection.calls_missed >= RELIABLE else 0


def standings(now: datetime) -> list[Standing]:
    """Every connection, in the house's order. Four queries."""
    connections = list(Connection.objects.all())
    ids = {connection.pk for connection in connections}
    tracks: dict[int, dict[str, list[Sample]]] = defaultdict(dict)
    for (connection_id, kind), samples in track.read(ids).samples.items():
        tracks[connection_id][kind] = samples
    breakers: dict[int, list[Breaker]] = defaultdict(list)
    for row in Breaker.objects.filter(connection__in=ids).order_by("model"):
        breakers[row.connection_id].append(row)
    queues = _queues()
    return [_standing(one, tracks[one.pk], breakers[one.pk], queues.get(one.pk, Queue()), now) for one in connections]


def live_jobs() -> "QuerySet[Job]":
    """The jobs that are not over, found by their attempts, of which the living have an index of their own: however many are over, none is looked through."""
    return Job.objects.filter(pk__in=Attempt.objects.filter(ended_at=None).values("job"))


def by_state() -> "QuerySet[Job, tuple[int, str, int]]":
    """How many live jobs each connection has in each state."""
    return live_jobs().values_list("connection", "state").annotate(Count("pk")).order_by()


def _queues() -> dict[int, Queue]:
    """Jobs in flight by connection. One query."""
    counts: dict[int, dict[str, int]] = defaultdict(dict)
    for connection_id, state, count in by_state():
        counts[connection_id][state] = count
    return {
        connection_id: Queue(*(counted.get(state, 0) for state in (State.QUEUED, State.SENDING, State.RENDERING, State.SAVING, State.IN_DOUBT)))
        for connection_id, counted in counts.items()
    }


def _standing(connection: Connection, tracks: dict[str, list[Sample]], breakers: Sequence[Breaker], queue: Queue, now: datetime) -> Standing:
    """One connection from the rows that belong to it. Pure."""
    known = PROVIDERS.get(connection.provider)
    name = known.name if known else connection.provider
    whole = [sample for kind, samples in tracks.items() if track.is_whole(kind) for sample in samples]
    failed = max((row for row in breakers if row.last_error_at), key=lambda row: row.last_error_at or now, default=None)
    waits = (connection.not_before, connection.send_not_before)
    rests = [moment for moment in waits if moment and holds(moment, now=now, lasts=LONGEST_REST)]
    return Standing(
        connection=connection,
        name=name,
        fared=_fared("", whole),
        kinds=tuple(_fared(_named(kind), samples, is_whole=track.is_whole(kind)) for kind, samples in sorted(tracks.items())),
        queue=queue,
        pauses=tuple(_pauses(breakers, name, now)),
        error=failed.last_error if failed else "",
        error_at=failed.last_error_at if failed else None,
        strain=strain(now=now, paced_until=connection.paced_until, per_minute=connection.requests_per_minute),
        rests_until=max(rests, default=None),
    )


def _fared(name: str, samples: Iterable[Sample], *, is_whole: bool = True) -> Fared:
    return Fared(name, tuple(sorted(samples, key=lambda sample: sample.at)[-KEPT:]), is_whole)


def _named(kind: str) -> str:
    """A kind for people: "grok-imagine-video, generate" for a whole one, "720p, 8 s" for a part of it."""
    model, operation, *part = kind.split("·")
    if not part:
        return f"{model or 'the usual model'}, {operation}"
    resolution, seconds = (*part, "")[:2]
    return ", ".join(filter(None, (resolution or "usual resolution", f"{seconds} s" if seconds else "usual length")))


def _pauses(breakers: Iterable[Breaker], name: str, now: datetime) -> Iterable[Pause]:
    for row in breakers:
        if row.open_until is not None:
            why = WHY.get(row.cause, ORDERS_FAILED).format(name=name)  # type: ignore[call-overload]
            yield Pause(row.model, row.cause, why, row.last_error, row.open_since, row.open_until, is_trying=row.open_until <= now)


def health_in_short(standing: Standing) -> str:
    """One line for a terminal: how its last orders fared, and what is paused."""
    fared = standing.fared
    said = "no results yet" if fared.success is None else f"{fared.success:.0%} done of the last {len(fared.samples)}"
    usual = f", usually {fared.usual:.0f} s" if fared.usual is not None else ""
    paused = [f"{pause.model or 'all of it'} paused until {timezone.localtime(pause.until):%H:%M:%S}: {pause.why}" for pause in standing.pauses]
    return "; ".join((said + usual, *paused))
