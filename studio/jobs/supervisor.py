"""The one process beside the web: it runs the django-q2 cluster, tells it where to look, and replaces it when it stalls.

Measured reasons: an idle worker killed at the wrong moment stops a whole cluster that still says it is alive, and the orphans of a dead
sentinel work on. So the cluster is a process group of its own, its end is always the end of the whole group, and what carries its mark without
belonging to it is ended too. Each such mend is written down as an Incident.
"""

import logging
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import FrameType
from uuid import UUID

from django.conf import settings
from django.core.cache import caches
from django.db import close_old_connections
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.brokers import get_broker
from django_q.tasks import async_task

from studio.credits import carrying
from studio.jobs import batch_worker, cluster, rescue, stored
from studio.jobs.hands import BROKER_AWAY
from studio.jobs.lifecycle import WATCHED, State
from studio.jobs.models import Heartbeat, Incident, Job
from studio.jobs.sweeping import LEASE
from studio.leases import free
from studio.routing.models import Connection
from studio.routing.pace import allowance
from studio.sandbox import callbacks

log = logging.getLogger(__name__)
LOOK = 0.2  # seconds between looks for what is due
TICK = 1.0  # seconds between heartbeats, and before a sweep is asked for again that nobody began
NEVER = datetime(1970, 1, 1, tzinfo=UTC)  # the heartbeat of a cluster that has not reached its first
LONGEST_PAUSE = 30.0  # seconds before a start; health.UNWATCHED must be longer
GRACE = 90.0  # seconds for running tasks at the end: longer than a submission, which would be in doubt, and shorter than a container's patience
FULL = 40  # tasks waiting: more would only say the same again
URGENT = timedelta(seconds=0.75 * LOOK)  # for which one call for a sweep is enough, where there is something to look at
SAVE_AGAIN = timedelta(seconds=10)  # after which a save that nobody began is asked for once more
KEPT = 100  # incidents of a cluster
MOST_DEATHS = 3  # sweeps in a row that died over a connection, before it is left alone for a while
LONGEST_ALONE = 300  # seconds


@dataclass(frozen=True, slots=True)
class SilenceLimits:
    """Seconds without a heartbeat after which a cluster is replaced."""

    stalled: float = 20.0  # once it has reached its first heartbeat
    start: float = 60.0  # until its first heartbeat: a busy machine takes long over imports and over starting the workers
    longest_start: float = 600.0

    def for_start(self, slow_starts: int) -> float:
        """The limit until the first heartbeat, doubled for each start in a row that was too slow for its own."""
        return min(self.longest_start, self.start * 2.0 ** min(slow_starts, 20))


@dataclass(slots=True)
class ClusterRun:
    """One cluster from its start to its end.

    Moments are seconds of the monotonic clock, because the system's clock may jump.
    """

    process: subprocess.Popen[bytes]
    started: float
    known_beat: datetime | None = None  # what the database holds; at the first look it is from an earlier cluster
    first_beat: float | None = None
    newest_beat: float | None = None

    def note(self, beat_at: datetime, *, now: float) -> None:
        """Take a heartbeat that changed since the last look as a sign of life.

        Whether it is newer does not matter: the clock may have been set back.
        """
        known, self.known_beat = self.known_beat, beat_at
        if known is not None and beat_at != known:
            self.newest_beat = now
            self.first_beat = now if self.first_beat is None else self.first_beat

    def is_stable(self, seconds: float) -> bool:
        """Whether its heartbeats have gone on for this long."""
        return self.first_beat is not None and self.newest_beat is not None and self.newest_beat - self.first_beat >= seconds


def why_replace(*, code: int | None, age: float, silent: float | None, slow_starts: int, limits: SilenceLimits) -> str:
    """Why a cluster must be replaced; empty while it need not be.

    `code` is its exit code, `age` the seconds since its start, `silent` those since its newest heartbeat; None while it runs, and before the first one.
    """
    if code is not None:
        return f"It ended with code {code}"
    if silent is None:
        limit = limits.for_start(slow_starts)
        return f"It gave no sign of life within {limit:g} s of its start" if age >= limit else ""
    return f"It was silent for {silent:.0f} s" if silent >= limits.stalled else ""


def restart_pause(failures: int) -> float:
    """Seconds to wait before the next start, after so many replacements in a row: 0, then 1, 3, 7 and so on."""
    return min(LONGEST_PAUSE, 2.0 ** min(failures - 1, 10) - 1)


class Supervisor:
    """Runs one cluster until told to stop.

    `failures` counts replacements for any reason and sets the pause before a start. `slow_starts` counts starts that used up their limit and sets the next
    limit. A stable cluster resets both; a first heartbeat alone does not, or a machine that is still busy would begin with the shortest limit again.
    """

    def __init__(self, *, command: Sequence[str] = cluster.COMMAND, limits: SilenceLimits | None = None) -> None:
        """Nothing runs yet."""
        self.command, self.limits = command, limits or SilenceLimits()
        self.stopping = False
        self.current: ClusterRun | None = None
        self.ticked = 0.0
        self.failures = 0
        self.slow_starts = 0

    def run(self) -> None:
        """Look and tick until SIGTERM or SIGINT; then let running tasks finish."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        self._begin()
        while not self.stopping:
            started = time.monotonic()
            try:
                self._step(started)
            except BROKER_AWAY:
                log.exception("tick failed; the next one tries again")
                close_old_connections()
            self._sleep(LOOK - (time.monotonic() - started))
        if self.current is not None:
            self.end()

    def _begin(self) -> None:
        """Start the first cluster, as soon as database and queue let it: they may start later than we do."""
        while not self.stopping and self.current is None:
            try:
                self._end_orphans()
                self.start()
            except BROKER_AWAY:
                log.exception("the cluster cannot start yet; it is tried again")
                close_old_connections()
                self._sleep(TICK)

    def _step(self, now: float) -> None:
        look()
        if now - self.ticked < TICK:
            return
        self.ticked = now
        close_old_connections()
        tick()
        self.watch(now)

    def _stop(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signal module's form
        self.stopping = True

    def _sleep(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self.stopping and (left := end - time.monotonic()) > 0:
            time.sleep(min(0.1, left))

    def start(self) -> None:
        """Start a cluster."""
        get_broker().purge_queue()  # the rows say what there is to do; messages of a dead cluster are only in the way
        self.current = ClusterRun(cluster.start(self.command), started=time.monotonic())
        log.info("cluster %s started", settings.CLUSTER_NAME)

    def watch(self, now: float) -> None:
        """Replace the cluster if it ended or gave no sign of life for too long, and end what is left of earlier ones.

        `now` is of the monotonic clock.
        """
        run = self._current()
        self._end_orphans()
        run.note(_beat_at(), now=now)
        code, silent = run.process.poll(), None if run.newest_beat is None else now - run.newest_beat
        if why := why_replace(code=code, age=now - run.started, silent=silent, slow_starts=self.slow_starts, limits=self.limits):
            self.failures += 1
            if code is None and silent is None:  # an exit says nothing about how long a start takes
                self.slow_starts += 1
            self._replace(why)
        elif run.is_stable(self.limits.stalled):
            self.failures = self.slow_starts = 0

    def _replace(self, why: str) -> None:
        process = self._current().process
        left = len(list(cluster.members(process.pid)))
        cluster.end_group(process.pid)
        process.wait()
        incident(f"{why}; {left} of its processes still ran and were ended, and it was started again.")
        Heartbeat.objects.filter(cluster=settings.CLUSTER_NAME).update(restarts=F("restarts") + 1)
        self._sleep(restart_pause(self.failures))
        if not self.stopping:
            self.start()

    def _current(self) -> ClusterRun:
        assert self.current is not None  # noqa: S101 - start() came first
        return self.current

    def _end_orphans(self) -> None:
        """End what is left of earlier clusters of ours."""
        for group in cluster.orphans(of=cluster.mark(), but=self.current.process.pid if self.current else None):
            cluster.end_group(group)
            incident(f"Processes of an earlier cluster (group {group}) still worked and were ended.")

    def end(self) -> None:
        """SIGTERM to the cluster's main process only: sent to the group it would hang. What is left after the grace is ended with the group."""
        process = self._current().process
        with suppress(*BROKER_AWAY):
            get_broker().purge_queue()  # no sweep begins any more, so that nothing new is sent
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
        cluster.end_group(process.pid)
        process.wait()
        cluster.pid_file().unlink(missing_ok=True)
        log.info("cluster %s stopped", settings.CLUSTER_NAME)


def _beat_at() -> datetime:
    """The newest heartbeat, of this cluster or an earlier one.

    Writes into its row that a supervisor watches, before the first heartbeat too.
    """
    name, now = settings.CLUSTER_NAME, timezone.now()
    if not Heartbeat.objects.filter(cluster=name).update(watched_at=now):
        Heartbeat.objects.get_or_create(cluster=name, defaults={"beat_at": NEVER, "watched_at": now})
    return Heartbeat.objects.values_list("beat_at", flat=True).get(cluster=name)


def incident(what: str) -> None:
    """Write down what was mended. A database that is away does not keep the mend from being made."""
    log.error("cluster %s: %s", settings.CLUSTER_NAME, what)
    try:
        Incident.objects.create(cluster=settings.CLUSTER_NAME, what=what[:300])
        old = Incident.objects.filter(cluster=settings.CLUSTER_NAME).order_by("-at").values_list("pk", flat=True)[KEPT:]
        Incident.objects.filter(pk__in=list(old)).delete()
    except BROKER_AWAY:
        log.warning("the incident could not be written down", exc_info=True)
        close_old_connections()


def look() -> int:
    """Queue a sweep for each connection with due work that nobody sweeps, and a save for each job that came to it; how many.

    Runs several times a second on every machine; conditional updates keep them from queueing the same.
    """
    now = timezone.now()
    connections, jobs = list(_due_connections(now)), list(_due_saves(now))
    if not (connections or jobs) or get_broker().queue_size() >= FULL:
        return 0
    sweeps = [key for key, again in connections if Connection.objects.filter(_unasked(now - again), pk=key).update(ticked_at=now) == 1]
    saves = [key for key in jobs if Job.objects.filter(pk=key, state=State.SAVING, due__lte=now).update(due=now + SAVE_AGAIN) == 1]
    for connection_id in sweeps:
        async_task("studio.jobs.worker.sweep", connection_id)
    for job_id in saves:
        async_task("studio.jobs.saving.save", str(job_id))
    return len(sweeps) + len(saves)


def tick() -> None:
    """Queue a heartbeat, the rounds that are due (settings.ROUNDS), clips to fetch again, copies to delete, what is left of a movement of many people's credits, batches
    that are due, the chores of the settings, and the callbacks that the sandbox owes. Runs every second on every machine.
    """
    if get_broker().queue_size() >= FULL:
        return
    async_task("studio.jobs.worker.beat")
    _ask_for_chores()
    rescue.ask_due()
    stored.ask_due()
    if carrying.waiting().exists():
        async_task("studio.credits.carrying.go_on")
    if batch_worker.due().exists():
        async_task("studio.jobs.batch_worker.work")
    if settings.SANDBOX and callbacks.due():
        async_task("studio.sandbox.callbacks.deliver_due")


def _ask_for_chores() -> None:
    """Queue what the settings name: by the clock, and where the question says that there is work."""
    for task, seconds in settings.ROUNDS.items():
        if caches["local"].add(f"round:{task}", "asked for", seconds):
            async_task(task)
    for question, task in settings.CHORES.items():
        if import_string(question)():
            async_task(task)


def _due_saves(now: datetime) -> "QuerySet[Job, UUID]":
    """The jobs that came to saving, and those whose save nobody began."""
    return Job.objects.filter(state=State.SAVING, due__lte=now).order_by("due").values_list("pk", flat=True)[:20]


def _due_connections(now: datetime) -> Iterator[tuple[int, timedelta]]:
    """Connections with due work that nobody sweeps and that may be asked, each with how long one call for a sweep is enough.

    Looks are urgent; orders that wait for room or for a pause to end are not. One over which sweeps died again and again is left alone for a while.
    """
    due = Job.objects.filter(due__lte=now).order_by()
    looks = set(due.filter(state__in=sorted(WATCHED - {State.QUEUED})).values_list("connection", flat=True).distinct())
    sends = set(due.filter(state=State.QUEUED).values_list("connection", flat=True).distinct())
    for row in Connection.objects.filter(free("lease_until", now=now, lasts=LEASE), pk__in=looks | sends) if looks or sends else ():
        alone = min(LONGEST_ALONE, 2**row.lease_deaths) if row.lease_deaths >= MOST_DEATHS else 0
        died = row.lease_until is not None and row.lease_until < now <= row.lease_until + timedelta(seconds=alone)
        granted, _ = allowance(now=now, paced_until=row.paced_until, per_minute=row.requests_per_minute, wanted=1)
        if granted and not died and not row.is_waiting(now):
            yield row.pk, URGENT if row.pk in looks else timedelta(seconds=TICK)


def _unasked(since: datetime) -> Q:
    """That nobody asked for a sweep since then."""
    return Q(ticked_at=None) | Q(ticked_at__lt=since)
