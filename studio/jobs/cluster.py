"""The django-q2 cluster as processes: started as a group of its own, and ended as one, orphans too.

Every process of a cluster carries a mark in its environment that names the installation and the machine's queue. So what outlived its own supervisor or
sentinel can be told from other people's clusters, and from numbers that the system has given to somebody else meanwhile.
"""

import ctypes
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from django.conf import settings

log = logging.getLogger(__name__)
MARK = "STUDIO_CLUSTER_OF"
COMMAND = (sys.executable, "manage.py", "qcluster")
SET_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of prctl(2)


def start(command: Sequence[str] = COMMAND) -> subprocess.Popen[bytes]:
    """A new cluster, leading a process group. It is told to stop when we are gone, even if we were killed."""
    process = subprocess.Popen(  # noqa: S603 - our own program
        command,
        cwd=settings.BASE_DIR,
        env={**os.environ, MARK: mark()},
        start_new_session=True,
        preexec_fn=die_with_parent,  # noqa: PLW1509 - we have one thread
    )
    try:
        pid_file().write_text(str(process.pid))
    except OSError:  # a full disk must not keep the cluster from running
        log.warning("the process id could not be written down", exc_info=True)
    return process


def mark() -> str:
    """What every process of this machine's cluster carries."""
    return f"{settings.DATA_DIR}:{settings.CLUSTER_NAME}"


def pid_file() -> Path:
    """Where the running cluster's process id is kept, for operators."""
    return Path(settings.DATA_DIR) / f"cluster-{settings.CLUSTER_NAME}.pid"


def orphans(*, of: str, but: int | None = None) -> set[int]:
    """The process groups that carry this mark, other than `but`: what is left of clusters that nobody looks after."""
    groups = set()
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError):  # it ended meanwhile, or belongs to somebody else
            if f"{MARK}={of}".encode() in (entry / "environ").read_bytes().split(b"\0") and _is_alive(entry):
                groups.add(os.getpgid(int(entry.name)))
    return groups - {but, os.getpgrp()}


def end_group(group: int | None) -> None:
    """End every process of a group, orphans too."""
    if group is not None:
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


def members(group: int) -> Iterator[int]:
    """The processes of a group."""
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError):
            if os.getpgid(int(entry.name)) == group:
                yield int(entry.name)


def die_with_parent() -> None:
    """In a child, before its program starts: be told to stop when the parent is gone, even if it was killed. Only Linux can."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_DEATH_SIGNAL, signal.SIGTERM)


def _is_alive(entry: Path) -> bool:
    """Whether a process still runs, rather than waiting to be buried by its parent."""
    return (entry / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
