"""What this installation needs in order to work, asked of each part. Providers are never asked here.

Each probe gives an empty string, or one plain sentence without secrets. They are shared by /readyz and `manage.py doctor`.
"""

import errno
import logging
import os
import tempfile
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Q
from django.utils import timezone
from django_q.brokers import get_broker

from studio import disk
from studio.jobs.models import Heartbeat
from studio.jobs.supervisor import NEVER

log = logging.getLogger(__name__)
Probe = Callable[[], str]
PROBE = "probe-"  # how the rows begin that a probe of the database writes
SILENT = timedelta(seconds=15)  # a worker that has not been heard of for longer is not there
UNWATCHED = timedelta(seconds=60)  # a supervisor that has not looked after its cluster for longer is not there: it waits 30 s at most
NO_WORKER = f"No worker was heard of for {SILENT.total_seconds():.0f} s."
SILENT_BUT_SUPERVISED = f"{NO_WORKER} Its supervisor runs, and restarts it if it stays silent."


@dataclass(frozen=True, slots=True)
class Problem:
    """One part that does not work."""

    part: str
    words: str
    trouble: disk.Trouble | None = None  # of our own disk, where that is why


def database() -> str:
    """Whether rows can be read and written: to the disk, since what is rolled back never reaches it."""
    mine = f"{PROBE}{uuid.uuid4()}"
    with transaction.atomic():
        Heartbeat.objects.create(cluster=mine, beat_at=NEVER)
    found = Heartbeat.objects.filter(cluster=mine).exists()
    with transaction.atomic():
        of_killed_probes = Q(cluster__startswith=PROBE, started_at__lt=timezone.now() - UNWATCHED)
        Heartbeat.objects.filter(of_killed_probes | Q(cluster=mine)).delete()
    return "" if found else "The database does not give back what was written."


def room() -> str:
    """Whether anything is free on our disks. A write-ahead log that was begun takes rows for a while after the disk is full."""
    if any(disk.is_full(Path(folder)) for folder in folders()):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return ""


def folders() -> list[Path]:
    """Where this installation writes on this machine."""
    places = [Path(settings.DATA_DIR)]
    if connection.vendor == "sqlite":
        places.append(Path(str(connection.settings_dict["NAME"])).parent)
    if isinstance(default_storage, FileSystemStorage):
        places.append(Path(settings.MEDIA_ROOT))
    return list(dict.fromkeys([*places, Path(tempfile.gettempdir())]))


def migrations() -> str:
    """Whether the tables are those of this version."""
    executor = MigrationExecutor(connection)
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return f"{len(waiting)} migrations are not applied." if waiting else ""


def broker() -> str:
    """Whether the queue answers."""
    return "" if get_broker().ping() else "The queue does not answer."


def storage() -> str:
    """Whether a file can be written, read and deleted."""
    name = f"health/{uuid.uuid4()}"
    try:
        default_storage.save(name, ContentFile(b"well"))
        with default_storage.open(name) as file:
            well = file.read() == b"well"
    finally:  # a full disk leaves an empty file
        default_storage.delete(name)
    return "" if well else "The storage does not give back what was written."


def cache_table() -> str:
    """Whether the shared cache keeps things: sign-in throttling counts in it."""
    key = f"health-{uuid.uuid4()}"
    cache.set(key, "well", 10)
    well = cache.get(key) == "well"
    cache.delete(key)
    return "" if well else "The cache does not give back what was written."


def lately(now: datetime) -> tuple[datetime, datetime]:
    """Between which moments a heartbeat proves a living worker.

    One from the future was written before the clock was set back.
    """
    return now - SILENT, now + SILENT


def is_supervised(now: datetime) -> bool:
    """Whether any supervisor looks after a cluster, be it one that is still starting."""
    return Heartbeat.objects.filter(watched_at__gte=now - UNWATCHED).exists()


def worker() -> str:
    """Whether a worker was heard of lately, and a supervisor that would replace it."""
    now = timezone.now()
    alive = list(Heartbeat.objects.filter(beat_at__range=lately(now)).values_list("watched_at", flat=True))
    if not alive:
        return SILENT_BUT_SUPERVISED if is_supervised(now) else NO_WORKER
    if all(seen is not None and seen < now - UNWATCHED for seen in alive):
        return "A worker works, but its supervisor does not: nobody would replace it."
    return ""


def own_worker() -> bool:
    """Whether the worker of this very machine was heard of lately."""
    return Heartbeat.objects.filter(cluster=settings.CLUSTER_NAME, beat_at__range=lately(timezone.now())).exists()


READY: dict[str, Probe] = {
    "database": database,
    "migrations": migrations,
    "broker": broker,
    "storage": storage,
    "disk": room,
    "worker": worker,
}


def problems(probes: dict[str, Probe]) -> list[Problem]:
    """What does not work. A probe that raises is a problem too; why stands in the log, because strangers may read the answer."""
    found = [problem for part, probe in probes.items() if (problem := ask(part, probe))]
    if trouble := next((problem.trouble for problem in found if problem.trouble), None):
        # a worker cannot write that it is alive then, and is not to blame
        blamed = {NO_WORKER, SILENT_BUT_SUPERVISED}
        found = [replace(one, words=f"{NO_WORKER} It cannot write: {trouble}.", trouble=trouble) if one.words in blamed else one for one in found]
    return found


def ask(part: str, probe: Probe) -> Problem | None:
    """What a probe says, whatever it raises; None where all is well."""
    try:
        return Problem(part, words) if (words := probe()) else None
    except Exception as error:  # every driver and storage has errors of its own, and each of them means "not ready"
        log.warning("health: %s: %s", part, type(error).__name__, exc_info=True)
        trouble = disk.trouble_of(error)
        if part == "disk" and trouble:
            return Problem(part, "The disk is full.", trouble)
        return Problem(
            part, f"The {part} cannot be written: {trouble}." if trouble else f"The {part} does not answer ({type(error).__name__}).", trouble
        )
