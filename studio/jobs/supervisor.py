"""The one process beside the web: it runs the django-q2 cluster, tells it every second where to look, and replaces it when it stalls.

Measured reasons: an idle worker killed at the wrong moment stops a whole cluster that still says it is alive, and the orphans of a dead
sentinel work on. So the cluster is a process group of its own, and its end is always the end of the whole group.
"""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from types import FrameType

from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections
from django.db.models import F, Q
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.tasks import async_task
from redis.exceptions import RedisError

from studio.jobs.lifecycle import WATCHED, State
from studio.jobs.models import Heartbeat, Job
from studio.routing.models import Connection
from studio.sandbox import callbacks

log = logging.getLogger(__name__)
TICK = 1.0  # seconds
STALLED = 20.0  # seconds without a heartbeat
GRACE = 25.0  # seconds for running tasks at the end; longer than a usual save, shorter than a container's patience
AWAY = (DatabaseError, InterfaceError, OSError, RedisError)  # what the database or the broker raise while they cannot be reached
FULL = 40  # tasks waiting: more would only say the same again


class Supervisor:
    """Runs one cluster until told to stop."""

    def __init__(self) -> None:
        self.stopping = False
        self.cluster: subprocess.Popen[bytes] | None = None
        self.born = 0.0
        self.failures = 0

    def run(self) -> None:
        """Tick until SIGTERM or SIGINT; then let running tasks finish."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        end_group(left_behind(pid_file()))
        self._start()
        while not self.stopping:
            started = time.monotonic()
            close_old_connections()
            try:
                tick()
                self._watch()
            except AWAY:
                log.exception("tick failed; the next one tries again")
                close_old_connections()
            self._sleep(TICK - (time.monotonic() - started))
        self._end()

    def _stop(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signal module's form
        self.stopping = True

    def _sleep(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self.stopping and (left := end - time.monotonic()) > 0:
            time.sleep(min(0.1, left))

    def _start(self) -> None:
        get_broker().purge_queue()  # the rows say what there is to do; messages of a dead cluster are only in the way
        self.cluster = subprocess.Popen([sys.executable, "manage.py", "qcluster"], cwd=settings.BASE_DIR, start_new_session=True)
        self.born = time.monotonic()
        pid_file().write_text(str(self.cluster.pid))
        log.info("cluster %s started", settings.CLUSTER_NAME)

    def _watch(self) -> None:
        """Replace the cluster when it ended, with whatever code, or when its heartbeat stopped."""
        assert self.cluster is not None  # noqa: S101 - run() started it
        ended, age = self.cluster.poll() is not None, time.monotonic() - self.born
        beat = Heartbeat.objects.filter(cluster=settings.CLUSTER_NAME).first()
        silent = min(age, (timezone.now() - beat.beat_at).total_seconds() if beat else age)
        if not ended and silent < STALLED:
            self.failures = 0 if age > STALLED else self.failures
            return
        log.error("cluster %s %s; starting it anew", settings.CLUSTER_NAME, "ended" if ended else f"was silent for {silent:.0f} s")
        end_group(self.cluster.pid)
        self.cluster.wait()
        Heartbeat.objects.filter(cluster=settings.CLUSTER_NAME).update(restarts=F("restarts") + 1)
        self.failures += 1
        self._sleep(min(30.0, 2.0 ** (self.failures - 1) - 1))
        if not self.stopping:
            self._start()

    def _end(self) -> None:
        """SIGTERM to the cluster's main process only: sent to the group it would hang. What is left after the grace is ended with the group."""
        assert self.cluster is not None  # noqa: S101 - run() started it
        with suppress(ProcessLookupError):
            os.kill(self.cluster.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.cluster.wait(GRACE)
        end_group(self.cluster.pid)
        self.cluster.wait()
        pid_file().unlink(missing_ok=True)
        log.info("cluster %s stopped", settings.CLUSTER_NAME)


def tick() -> None:
    """Queue one look for everything that is due. Runs every second on every machine; conditional updates keep them from queueing the same."""
    if get_broker().queue_size() >= FULL:
        return
    now = timezone.now()
    async_task("studio.jobs.worker.beat")
    for connection_id in _due_connections():
        fresh = Q(ticked_at=None) | Q(ticked_at__lt=now - timedelta(seconds=0.8 * TICK))
        if Connection.objects.filter(fresh, pk=connection_id).update(ticked_at=now) == 1:
            async_task("studio.jobs.worker.sweep", connection_id)
    for job_id in Job.objects.filter(state=State.SAVING, due__lte=now).order_by("due").values_list("pk", flat=True)[:20]:
        if Job.objects.filter(pk=job_id, state=State.SAVING, due__lte=now).update(due=now + timedelta(seconds=10)) == 1:
            async_task("studio.jobs.saving.save", str(job_id))
    if settings.SANDBOX and callbacks.due():
        async_task("studio.sandbox.callbacks.deliver_due")


def _due_connections() -> Iterator[int]:
    now = timezone.now()
    due = Job.objects.filter(state__in=sorted(WATCHED), due__lte=now).order_by().values("connection").distinct()
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    yield from Connection.objects.filter(free, pk__in=due).values_list("pk", flat=True)


def pid_file() -> Path:
    """Where the running cluster's process id is kept, so that a later start can end what an earlier one left behind."""
    return Path(settings.DATA_DIR) / f"cluster-{settings.CLUSTER_NAME}.pid"


def left_behind(path: Path) -> int | None:
    """The process group of an earlier cluster that still has members, if it is really ours and not a recycled number."""
    try:
        group = int(path.read_text())
    except (FileNotFoundError, ValueError):
        return None
    return group if any(_is_cluster(member) for member in _members(group)) else None


def end_group(group: int | None) -> None:
    """End every process of a group, orphans too."""
    if group is not None:
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


def _members(group: int) -> Iterator[int]:
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError):
            if os.getpgid(int(entry.name)) == group:
                yield int(entry.name)


def _is_cluster(pid: int) -> bool:
    try:
        return b"qcluster" in (Path("/proc") / str(pid) / "cmdline").read_bytes()
    except OSError:
        return False
