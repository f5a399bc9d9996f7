"""What the queue runs. Every task here may run twice, late or never; the rows say what there is to do.

sweep(connection_id)   sends and looks, for one connection, under its lease
save(job_id)           brings one job's clips into our storage (saving.py)
beat()                 proves that queue, worker and database work together
"""

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Callable, Collection, Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections
from django.db import connection as database
from django.db.models import Count, F, OuterRef, Q, Subquery, Window
from django.db.models.functions import Coalesce, RowNumber
from django.utils import timezone

from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt, Cause, Heartbeat, Job
from studio.jobs.moves import move, note, put_off
from studio.jobs.sending import LONGEST_REST, MOST_TRIES, NoAccess, Ticket, access, claim, ended, rest, submitted, usual_seconds
from studio.jobs.watching import after_trouble, is_overdue, next_look
from studio.providers.contract import NotNow, Phase, ProviderError, Report
from studio.providers.wire import Answer, Patience, Wire
from studio.routing.models import Connection
from studio.routing.pace import allowance

log = logging.getLogger(__name__)
T = TypeVar("T")
Outcome = Answer | BaseException
Write = Callable[[Outcome], None]
Calls = dict[asyncio.Task[Answer], Write]

LEASE = timedelta(seconds=10)  # a dead holder costs at most this; a living one takes it anew every second
RENEWED = timedelta(seconds=1)
CLAIMING = timedelta(seconds=4)  # for claims of one sweep: the first of them waits for the last before it is sent
BATCH = 200
LOOK_AGAIN = timedelta(seconds=40)  # when a look's own result never came back to us; longer than the longest look (wire.py)
AWAY = (OperationalError, InterfaceError)  # what the database raises while it cannot be reached, or is locked
PAUSE = 0.5  # seconds between tries to write an answer down when no call is out
MOST_PAUSES = 90
SANDBOX_SECONDS = 6.0
DOWNLOADING = Patience(read=30.0, total=100.0)
NOTABLE_TRIES = 3  # looks in a row without an answer before the card says so


def sweep(connection_id: int) -> int:
    """Send and look at what is due at one connection; how many calls were made. Does nothing while another sweep holds the lease.

    It ends when its calls have: usually at once, at the latest when the slowest submission and the looks made beside it are over, some 110 s.
    """
    now = timezone.now()
    fence = _take_lease(connection_id, now)
    if fence is None:
        return 0
    try:
        beat()
        connection = Connection.objects.get(pk=connection_id)
        doubt_the_lost(connection, now)
        return _Round(connection, fence, now).run()
    finally:
        Connection.objects.filter(pk=connection_id, lease_fence=fence).update(lease_until=None)


def beat() -> None:
    """Say that this cluster works, at most once in half a second. A database that is away hears nothing, and that alone stops no work."""
    now = timezone.now()
    name = settings.CLUSTER_NAME
    try:
        if not Heartbeat.objects.filter(cluster=name, beat_at__lt=now - timedelta(seconds=0.5)).update(beat_at=now):
            Heartbeat.objects.get_or_create(cluster=name, defaults={"beat_at": now, "started_at": now})
    except AWAY:
        log.warning("the heartbeat could not be written", exc_info=True)


def doubt_the_lost(connection: Connection, now: datetime) -> int:
    """How many jobs whose sender died were put in doubt. They may have been sent, so they are never queued again."""
    lost = Job.objects.select_related("project").filter(connection=connection, state=State.SENDING, lease_until__lt=now)[:BATCH]
    message = "The sender stopped before an answer came. It may have been sent."
    return sum(move(job, State.SENDING, State.IN_DOUBT, cause=Cause.UNANSWERED, message=message, due=None, lease_until=None) for job in lost)


def breathe() -> None:
    """Let others write: SQLite's lock is no queue, and a greedy writer would starve the web."""
    if database.vendor == "sqlite":
        time.sleep(0.002)


def _take_lease(connection_id: int, now: datetime) -> int | None:
    """The fencing number, if this call won the connection's lease."""
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    won = Connection.objects.filter(free, pk=connection_id).update(
        lease_until=now + LEASE, lease_owner=settings.CLUSTER_NAME[:80], lease_fence=F("lease_fence") + 1
    )
    return Connection.objects.values_list("lease_fence", flat=True).get(pk=connection_id) if won == 1 else None


@dataclass(slots=True)
class _Round:
    """One sweep's work: what is due, sent through the wire all at once, each answer written down as it comes.

    While one of its calls is slow, the round keeps the lease and goes on looking at what comes due; it sends nothing more where a submission hangs.
    """

    connection: Connection
    fence: int
    now: datetime
    calls: Calls = field(default_factory=dict)
    first: frozenset[asyncio.Task[Answer]] = frozenset()
    made: int = 0

    def run(self) -> int:
        """How many calls were made."""
        try:
            self._begin()
        except Exception:  # what is out already must come home all the same
            log.exception("connection %s: the sweep broke off", self.connection.pk)
        self.first = frozenset(self.calls)
        hands().finish(self.calls, self._meanwhile)
        return self.made

    def _begin(self) -> None:
        if self.connection.is_waiting(self.now):
            return
        sends, looks = self._due_sends(), self._due_looks()
        granted = self._reserve(len(sends) + len(looks))
        sends, looks = sends[:granted], looks[: max(0, granted - len(sends))]
        self._start_looks(looks)
        for job in sends:
            if (now := timezone.now()) - self.now > CLAIMING:
                break
            if ticket := claim(job, now=now):
                self._start(hands().wire.submit(ticket.provider, ticket.brief), self._writer_of_send(ticket))

    def _meanwhile(self) -> None:
        """Once a second while calls are out: live, keep the lease, and look on beside a slow call."""
        now = timezone.now()
        if now - self.now < RENEWED:
            return
        self.now = now
        beat()
        mine = Connection.objects.filter(pk=self.connection.pk, lease_fence=self.fence)
        if mine.update(lease_until=now + LEASE) != 1 or all(task.done() for task in self.first):
            return
        self.connection.refresh_from_db()
        if not self.connection.is_waiting(now):
            looks = self._due_looks()
            self._start_looks(looks[: self._reserve(len(looks))])

    def _reserve(self, wanted: int) -> int:
        """How many requests the limit allows now; they count from here on. Only the lease's holder writes the pace."""
        granted, until = allowance(
            now=self.now, paced_until=self.connection.paced_until, per_minute=self.connection.requests_per_minute, wanted=wanted
        )
        if granted:
            Connection.objects.filter(pk=self.connection.pk).update(paced_until=until)
        return granted

    def _due_sends(self) -> list[Job]:
        """Queued jobs there is room for, round-robin by person: who has least in flight comes first."""
        if not self.connection.enabled:
            return []
        jobs = Job.objects.filter(connection=self.connection)
        in_flight = jobs.filter(state__in=[State.SENDING, State.RENDERING])
        room = self.connection.jobs_at_once - in_flight.count()
        if room <= 0:
            return []
        theirs = in_flight.filter(author=OuterRef("author")).order_by().values("author").annotate(n=Count("pk")).values("n")
        turn = Window(RowNumber(), partition_by=F("author"), order_by=F("created_at").asc()) + Coalesce(Subquery(theirs), 0)
        queued = jobs.filter(state=State.QUEUED, due__lte=self.now).select_related("project", "connection", "author")
        return list(queued.annotate(turn=turn).order_by("turn", "created_at")[: min(room, BATCH)])

    def _due_looks(self) -> list[Attempt]:
        """Attempts whose rendering job is due to be looked at."""
        due = Attempt.objects.filter(connection=self.connection, ended_at=None, job__state=State.RENDERING, job__due__lte=self.now)
        return list(due.select_related("job__project", "job__connection").order_by("job__due")[:BATCH])

    def _start_looks(self, attempts: list[Attempt]) -> None:
        """Put them off first, so that a crash costs one delay and no job; then ask."""
        Job.objects.filter(pk__in=[attempt.job_id for attempt in attempts], state=State.RENDERING).update(due=self.now + LOOK_AGAIN)
        try:
            provider = access(self.connection)
        except NoAccess as error:
            for attempt in attempts:
                note(attempt.job, State.RENDERING, due=self.now + timedelta(seconds=30), message=str(error))
                _doubt_if_overdue(attempt, self.now)
            return
        for attempt in attempts:
            self._start(hands().wire.check(provider, attempt.remote_id or ""), partial(looked, attempt))

    def _writer_of_send(self, ticket: Ticket) -> Write:
        usual = usual_for(ticket.job)
        return lambda outcome: submitted(ticket, outcome, now=timezone.now(), usual=usual)

    def _start(self, call: Coroutine[None, None, Answer], write: Write) -> None:
        self.calls[hands().loop.create_task(call)] = _heeding(self.connection.pk, write)
        self.made += 1


def usual_for(job: Job) -> float:
    """Seconds that such a job usually takes at its connection."""
    return usual_seconds(job.connection, job.model, sandbox_seconds=SANDBOX_SECONDS / settings.SANDBOX_SPEED)


def looked(attempt: Attempt, outcome: Outcome) -> None:
    """Write down what one look found: a report with its raw answer, or whatever was raised."""
    job, now = attempt.job, timezone.now()
    match outcome:
        case Answer(report=Report(phase=Phase.SUCCEEDED | Phase.FAILED) as report, raw=raw):
            ended(job, attempt, report, raw, start=State.RENDERING, now=now)
            return
        case Answer(report=report, raw=raw):
            _still_rendering(job, attempt, report, raw, now=now)
        case ProviderError() as error:
            _no_answer(job, attempt, error, now=now)
        case error:
            log.error("attempt %s: unforeseen while looking", attempt.pk, exc_info=error)
            put_off(job, State.RENDERING, due=now + timedelta(seconds=30))
    _doubt_if_overdue(attempt, now)


def _doubt_if_overdue(attempt: Attempt, now: datetime) -> None:
    age = _age(attempt, now)
    if is_overdue(age, usual_for(attempt.job)):
        message = f"No result after {round(age / 60)} min. The provider may still finish it."
        move(attempt.job, State.RENDERING, State.IN_DOUBT, cause=Cause.OVERDUE, message=message, due=None)


def _age(attempt: Attempt, now: datetime) -> float:
    """Seconds since the provider took it."""
    return (now - (attempt.accepted_at or now)).total_seconds()


def _still_rendering(job: Job, attempt: Attempt, report: Report, raw: str, *, now: datetime) -> None:
    due = now + timedelta(seconds=next_look(_age(attempt, now), chance=random.random()))  # noqa: S311 - jitter
    if report.alert:
        log.warning("attempt %s: %s", attempt.pk, report.alert)
        Attempt.objects.filter(pk=attempt.pk).update(alert=report.alert[:300], answer=raw)
    if (job.progress, job.message) != (report.progress, ""):
        note(job, State.RENDERING, progress=report.progress, message="", cause="", due=due, tries=0)
    else:
        put_off(job, State.RENDERING, due=due, tries=0)


def _no_answer(job: Job, attempt: Attempt, error: ProviderError, *, now: datetime) -> None:
    tries = min(MOST_TRIES, job.tries + 1)
    wait = after_trouble(tries, chance=random.random())  # noqa: S311 - jitter
    if isinstance(error, NotNow) and error.retry_after is not None:
        asked = min(LONGEST_REST, error.retry_after)
        wait = max(wait, asked)
        rest(job.connection_id, until=now + timedelta(seconds=asked))
    due = now + timedelta(seconds=wait)
    if tries == NOTABLE_TRIES:
        Attempt.objects.filter(pk=attempt.pk).update(answer=error.answer, alert=error.message[:300])
        note(job, State.RENDERING, due=due, tries=tries, message=f"We are waiting for the provider to answer: {error.message}"[:500])
    else:
        put_off(job, State.RENDERING, due=due, tries=tries)


def _heeding(connection_id: int, write: Write) -> Write:
    """Write an answer down, and rest when it says that the provider's limit is used up."""

    def written(outcome: Outcome) -> None:
        write(outcome)
        if isinstance(outcome, Answer) and outcome.pace.remaining == 0 and outcome.pace.reset:
            rest(connection_id, until=timezone.now() + timedelta(seconds=min(LONGEST_REST, outcome.pace.reset)))

    return written


class Hands:
    """One event loop and one wire for a worker process: connections to providers survive from sweep to sweep.

    The loop only runs while calls are out; every answer is written down by ordinary code between its runs, so the database never waits for the network.
    """

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.wire = Wire(allowed_hosts=allowed_hosts(), downloading=DOWNLOADING)

    def finish(self, calls: Calls, meanwhile: Callable[[], None]) -> None:
        """Wait for every call and write each down as it ends. Calls are never cut off: a paid one without an answer would be in doubt.

        No answer is lost to what goes wrong with another, nor to a database that is away for less than 45 s. `meanwhile` runs between the waits.
        """
        unwritten: deque[tuple[Write, Outcome]] = deque()
        pauses = 0
        while calls or (unwritten and pauses < MOST_PAUSES):
            pauses += not calls
            for task in self.run(_first_of(calls)):
                unwritten.append((calls.pop(task), task.exception() or task.result()))
            while unwritten and _written(*unwritten[0]):
                unwritten.popleft()
            unwritten.rotate(-1)  # after a failure another one is first: one that always fails must not bar the rest
            try:
                meanwhile()
            except Exception:
                log.exception("nothing could be done beside the calls")
        for _, outcome in unwritten:
            log.error("never written down: %s", _named(outcome))

    def run(self, call: Coroutine[None, None, T]) -> T:
        """The result of one coroutine."""
        return self.loop.run_until_complete(call)

    def run_long(self, call: Coroutine[None, None, T]) -> T:
        """The same for one that may take minutes: the heart goes on beating, or the supervisor would take this cluster for dead."""
        task = self.loop.create_task(call)
        while not task.done():
            self.run(_first_of([task]))
            beat()
        return task.result()

    def close(self) -> None:
        """End the connections and the loop."""
        self.run(self.wire.close())
        self.loop.close()


class Unwritten(Exception):
    """An answer came, and a fault of ours kept it from being written down. It is written down in the answer's place."""


def _written(write: Write, outcome: Outcome) -> bool:
    """Whether this answer is done with; False when the database is away, and it must be tried again. Writing one down twice changes nothing."""
    try:
        write(outcome)
    except AWAY:
        log.exception("not written down yet: %s", _named(outcome))
        close_old_connections()
        return False
    except Exception as error:
        log.exception("a fault of ours: %s", _named(outcome))
        return isinstance(outcome, Unwritten) or _written(write, Unwritten(str(error)))
    breathe()
    return True


def _named(outcome: Outcome) -> str:
    """What an operator needs to find a paid job again."""
    return f"the answer for {outcome.report.remote_id}" if isinstance(outcome, Answer) else repr(outcome)


async def _first_of(calls: Collection[asyncio.Task[T]]) -> set[asyncio.Task[T]]:
    if not calls:
        await asyncio.sleep(PAUSE)
        return set()
    done, _ = await asyncio.wait(calls, timeout=1.0, return_when=asyncio.FIRST_COMPLETED)
    return done


def allowed_hosts() -> frozenset[str]:
    """Private addresses that the operator allowed, and our own sandbox."""
    sandbox = {settings.SANDBOX_URL.split("://", 1)[1]} if settings.SANDBOX else set()
    return settings.ALLOW_PRIVATE_HOSTS | sandbox


_hands: Hands | None = None


def hands() -> Hands:
    """The pair that this process works with, made on first use: django-q forks, and a loop must not cross a fork."""
    global _hands  # noqa: PLW0603 - one a process is the point
    if _hands is None or _hands.loop.is_closed():
        _hands = Hands()
    return _hands
