"""One sweep's work at one connection: what is due goes out through the wire all at once, each answer is written down as it comes.

    begin ──> claim what may be sent, look at what is due ──> write answers down ──> again, while there is more and time left

While one of its calls is slow, the round keeps the lease and goes on looking at what comes due; it sends nothing more where a submission hangs.
It does so in a thread of its own, because its process is one of few: others want it for their saves and sweeps.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from django.db import connections
from django.db.models import QuerySet
from django.utils import timezone

from studio.jobs import doubt, looking
from studio.jobs.hands import Calls, Hands, Outcome, Task, Write, breathe, hand_over, hands
from studio.jobs.lifecycle import State
from studio.jobs.line import AWAY, in_turn
from studio.jobs.models import Attempt, Job
from studio.jobs.sending import LONGEST_REST, NoAccess, Ticket, access, claim, rest, submitted
from studio.providers.contract import Batches, Listing, Lists, NotNow, Provider, StoresFiles
from studio.providers.wire import Answer, Pace
from studio.routing.breaker import WHOLE, open_ones
from studio.routing.models import Breaker, Connection
from studio.routing.pace import allowance

log = logging.getLogger(__name__)
LEASE = timedelta(seconds=10)  # a dead holder costs at most this; a living one takes it anew every second
RENEWED = timedelta(seconds=1)
CLAIMING = timedelta(seconds=4)  # for claims of one sweep: the first of them waits for the last before it is sent
MOST_DELAY = timedelta(seconds=15)  # from a claim to its submission; much shorter than the lease for sending
SLOW = 5.0  # seconds after which a thread waits for what is still out
LEAVING = 1.0  # seconds that the next claim waits for a request to leave
LASTS = 4.0  # seconds after which a round does not begin again: others want this worker too
BATCH = 200
AHEAD = timedelta(seconds=3)  # a look that fills a batch is free, so it may come this much early
LOOK_AGAIN = timedelta(seconds=40)  # when a look's own result never came back to us; longer than the longest look (wire.py)
NO_ACCESS = timedelta(seconds=30)


@dataclass(slots=True)
class Round:
    """One sweep's work. `fence` is the lease's number; `alive` is called about once a second."""

    connection: Connection
    fence: int
    alive: Callable[[], None]
    now: datetime = field(default_factory=timezone.now)
    calls: Calls = field(default_factory=lambda: hands().calls())
    first: frozenset[Task] = frozenset()
    later: looking.Later = field(default_factory=looking.Later)
    made: int = 0
    is_slow: bool = False

    def run(self) -> int:
        """How many calls were made. Afterwards the lease is given back, or `is_slow`, and a thread goes on and gives it back."""
        end = time.monotonic() + LASTS
        while True:
            before = self.made
            try:
                self.first = self._begin()
            except Exception:  # what is out already must come home all the same
                log.exception("connection %s: the sweep broke off", self.connection.pk)
            if not hands().finish(self.calls, self._meanwhile, within=SLOW):
                self._go_on_apart()
                return self.made
            self.later.write()
            if self.made == before or time.monotonic() > end or not self._keep_lease():
                return self.made

    def _go_on_apart(self) -> None:
        """Leave what is still out to a thread. It shows no sign of life: the cluster's must come from those that work on."""
        self.is_slow, self.alive = True, _nothing
        threading.Thread(target=self._finish_apart, args=(hand_over(),), name=f"sweep of connection {self.connection.pk}").start()

    def _finish_apart(self, pair: Hands) -> None:
        try:
            pair.finish(self.calls, self._meanwhile)
            self.later.write()
        except Exception:
            log.exception("connection %s: the slow calls broke off", self.connection.pk)
        finally:
            give_back(self.connection.pk, self.fence, made=self.made)
            pair.close()
            connections.close_all()

    def _begin(self) -> frozenset[Task]:
        """Start what is due and allowed; the calls that this began with."""
        self.now = timezone.now()
        self.connection.refresh_from_db()  # limits and pauses may have changed, by our own last answers too
        if self.connection.is_waiting(self.now):
            return frozenset()
        in_flight = Job.objects.filter(connection=self.connection, state__in=AWAY).count()
        sends = self._due_sends(in_flight)
        granted = self._reserve(len(sends))
        started = self._look(in_flight)  # looks reserve for themselves; orders came first
        for job in sends[:granted]:
            if (now := timezone.now()) - self.now > CLAIMING:
                break
            if ticket := claim(job, now=now):
                left = asyncio.Event()
                started.append(self._start(_sent(ticket, left), partial(submitted, ticket)))
                hands().run(_leaving(started[-1], left))  # before the next claim: a kill then puts one order in doubt, not all of them
        return frozenset(started)

    def _meanwhile(self) -> None:
        """While calls are out: live, keep the lease, and look on beside a slow call."""
        self.later.write_when_many()
        now = timezone.now()
        if now - self.now < RENEWED:
            return
        if not self._keep_lease() or all(task.done() for task in self.first):
            return
        self.connection.refresh_from_db()
        if not self.connection.is_waiting(now):
            self._look(Job.objects.filter(connection=self.connection, state__in=AWAY).count())

    def _keep_lease(self) -> bool:
        """Whether this round still holds the lease, which it takes anew."""
        self.now = timezone.now()
        self.alive()
        return Connection.objects.filter(pk=self.connection.pk, lease_fence=self.fence).update(lease_until=self.now + LEASE) == 1

    def _reserve(self, wanted: int) -> int:
        """How many requests the limit allows now; they count from here on. Only the lease's holder writes the pace."""
        if not wanted:
            return 0
        self.connection.refresh_from_db(fields=["paced_until", "requests_per_minute", "not_before"])
        granted, until = allowance(
            now=self.now, paced_until=self.connection.paced_until, per_minute=self.connection.requests_per_minute, wanted=wanted
        )
        mine = Connection.objects.filter(pk=self.connection.pk, lease_fence=self.fence)
        return granted if granted and mine.update(paced_until=until) == 1 else 0

    def _due_sends(self, in_flight: int) -> list[Job]:
        """Queued jobs there is room for, in turn. None of what a breaker has paused, and one of what is being tried again."""
        room = min(self.connection.jobs_at_once - in_flight, BATCH)
        due = Job.objects.filter(connection=self.connection, state=State.QUEUED, due__lte=self.now)
        if room <= 0 or not self.connection.may_send(self.now) or not due.exists():
            return []
        breakers = {model: row for (_, model), row in open_ones({self.connection.pk}).items()}
        stopped = {model for model, row in breakers.items() if _is_stopped(row, self.now)}
        if WHOLE in stopped:
            return []
        if WHOLE in breakers:
            return list(_with_all(in_turn(due.exclude(model__in=stopped)))[:1])
        jobs = list(_with_all(in_turn(due.exclude(model__in=breakers)))[:room])
        for model in breakers.keys() - stopped:
            jobs += _with_all(in_turn(due.filter(model=model)))[:1]
        return jobs[:room]

    def _look(self, in_flight: int) -> list[Task]:
        """Start the looks that are due and allowed."""
        due = self._watched().filter(job__due__lte=self.now)
        attempts = self._known(due.order_by("job__due")[:BATCH])
        if not attempts:
            return []
        try:
            providers = {dialect: access(self.connection, dialect) for dialect in {attempt.dialect for attempt in attempts}}
        except NoAccess as error:
            for attempt in attempts:
                looking.cannot_ask(attempt, str(error), until=self.now + NO_ACCESS, now=self.now)
            return []
        started: list[Task] = []
        for dialect, provider in providers.items():
            mine = [attempt for attempt in attempts if attempt.dialect == dialect]
            started += self._look_through(provider, mine, in_flight)
        return started

    def _look_through(self, provider: Provider, attempts: list[Attempt], in_flight: int) -> list[Task]:
        """Look at these: each by itself, or many at once where the provider tells of many. Lost ones are searched for."""
        known = [attempt for attempt in attempts if attempt.remote_id or attempt.proposed_id]
        lost = [attempt for attempt in attempts if not (attempt.remote_id or attempt.proposed_id)]
        for attempt in lost:
            doubt.without_id(attempt)
        started = self._search(provider, lost)
        if isinstance(provider, Batches) and in_flight > 1:
            return (
                started
                + self._look_at_many(provider, [attempt for attempt in known if attempt.remote_id], in_flight)
                + self._ask(provider, [attempt for attempt in known if not attempt.remote_id], worth=1.0)
            )
        return started + self._ask(provider, known, worth=1.0)

    def _ask(self, provider: Provider, attempts: list[Attempt], *, worth: float) -> list[Task]:
        """One request for each. They are put off first, so that a crash costs one delay and no job."""
        attempts = attempts[: self._reserve(len(attempts))]
        self._put_off(attempts)
        return [
            self._start(
                hands().wire.check(provider, attempt.remote_id or attempt.proposed_id),
                partial(looking.looked, attempt, later=self.later, worth=worth),
            )
            for attempt in attempts
        ]

    def _look_at_many(self, provider: Batches, attempts: list[Attempt], in_flight: int) -> list[Task]:
        """One request for up to fifty, filled with those that are due soon."""
        size = provider.most_at_once
        soon = self._watched().filter(job__due__gt=self.now, job__due__lte=self.now + AHEAD, job__state=State.RENDERING, remote_id__isnull=False)
        spare = -len(attempts) % size if attempts else 0
        attempts = attempts + (self._known(soon.filter(dialect=attempts[0].dialect).order_by("job__due")[:spare]) if spare else [])
        groups = [attempts[start : start + size] for start in range(0, len(attempts), size)]
        groups = groups[: self._reserve(len(groups))]
        self._put_off([attempt for group in groups for attempt in group])
        worth = float(min(size, in_flight))
        return [
            self._start(
                hands().wire.check_many(provider, [attempt.remote_id or "" for attempt in group]),
                partial(looking.looked_at_many, group, later=self.later, worth=worth),
            )
            for group in groups
        ]

    def _search(self, provider: Provider, lost: list[Attempt]) -> list[Task]:
        """Look for submissions whose answer was lost in the provider's own list or file store, where it has one."""
        if isinstance(provider, Lists):
            lost = lost[: self._reserve(len(lost))]
            self._put_off(lost)
            return [self._start(doubt.search(provider, attempt), partial(doubt.searched, attempt)) for attempt in lost]
        if not isinstance(provider, StoresFiles):
            doubt.leave_to_people(lost)
            return []
        doubt.leave_to_people([attempt for attempt in lost if not attempt.stored_as])
        named = [attempt for attempt in lost if attempt.stored_as]
        named = named[: self._reserve(len(named))]
        self._put_off(named)
        return [self._start(doubt.search_file(provider, attempt), partial(doubt.searched_file, attempt)) for attempt in named]

    def _watched(self) -> "QuerySet[Attempt]":
        """Live attempts here that are watched: at the provider, or in doubt."""
        mine = Attempt.objects.filter(connection=self.connection, ended_at=None, job__connection=self.connection)
        return mine.filter(job__state__in=[State.RENDERING, State.IN_DOUBT]).select_related("job")

    def _known(self, found: "QuerySet[Attempt]") -> list[Attempt]:
        """These attempts with the connection that they have in common: most looks find nothing new and need no more of their surroundings."""
        attempts = list(found)
        for attempt in attempts:
            attempt.connection = attempt.job.connection = self.connection
        return attempts

    def _put_off(self, attempts: Sequence[Attempt]) -> None:
        keys = [attempt.job_id for attempt in attempts]
        if keys:
            Job.objects.filter(pk__in=keys, state__in=[State.RENDERING, State.IN_DOUBT]).update(due=self.now + LOOK_AGAIN)

    def _start(self, call: Coroutine[None, None, Answer | dict[str, Answer] | Listing], write: Write) -> Task:
        self.made += 1
        return self.calls.start(call, self._heeding(write))

    def _heeding(self, write: Write) -> Write:
        """Write an answer down, and rest when it says that the provider's limit is used up."""

        def written(outcome: Outcome) -> None:
            before = self.later.count
            write(outcome)
            for pace in _paces(outcome)[:1]:  # an answer about many has one
                if pace.remaining == 0 and pace.reset:
                    rest(self.connection.pk, until=timezone.now() + timedelta(seconds=min(LONGEST_REST, pace.reset)))
            if isinstance(outcome, Listing):
                self._reserve(outcome.requests - 1)  # its further pages count, too
            if self.later.count == before:  # a look that was only put off has written nothing yet
                breathe()

        return written


def give_back(connection_id: int, fence: int, *, made: int) -> None:
    """End the lease with this number, if it is still the newest. After calls there may be more to do at once; of what found nothing nobody is in a hurry."""
    busy = {"ticked_at": None} if made else {}
    Connection.objects.filter(pk=connection_id, lease_fence=fence).update(lease_until=None, **busy)


async def _sent(ticket: Ticket, left: asyncio.Event) -> Answer:
    """The answer to a paid submission, which leaves soon after its claim or not at all: by the end of its lease somebody may have ordered anew."""
    if timezone.now() - (ticket.attempt.sent_at or timezone.now()) > MOST_DELAY:
        raise NotNow("The worker was held up before it could send this.")
    named = {"callback_url": ticket.callback_url, "reference": str(ticket.attempt.pk)}
    return await hands().wire.submit(ticket.provider, ticket.brief, **named, left=left.set)


async def _leaving(task: Task, left: asyncio.Event) -> None:
    """Wait until a call's request has left, or it has ended; not long, as others wait."""
    leaves = asyncio.ensure_future(left.wait())
    await asyncio.wait({task, leaves}, timeout=LEAVING, return_when=asyncio.FIRST_COMPLETED)
    leaves.cancel()


def _paces(outcome: Outcome) -> list[Pace]:
    """What an answer said about the rate limit, for each job that it was about."""
    if isinstance(outcome, Answer):
        return [outcome.pace]
    return [answer.pace for answer in outcome.values()] if isinstance(outcome, Mapping) else []


def _nothing() -> None:
    """In the place of a sign of life."""


def _with_all(jobs: "QuerySet[Job]") -> "QuerySet[Job]":
    """With everything that sending one needs."""
    return jobs.select_related("project", "connection", "author")


def _is_stopped(row: Breaker, now: datetime) -> bool:
    """Whether nothing may be sent past this breaker: its pause runs, or an order that went out after it has not ended yet."""
    if row.open_until is None or row.open_until > now:
        return True
    out = Attempt.objects.filter(connection=row.connection_id, ended_at=None, sent_at__gte=row.open_until, job__state__in=AWAY)
    return (out if row.model == WHOLE else out.filter(job__model=row.model)).exists()
