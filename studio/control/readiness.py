"""What /readyz answers, and from how old a result: anybody can ask, as often as they like, and that costs one probe of each process every two seconds.

a program on this machine     probes that also write: the database, and a file in the storage
anybody else                  probes that read. The worker's heartbeat, which is younger than 15 s, shows that the database can be written
"""

import ipaddress
import os
import threading
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.conf import settings
from django.core.cache import caches
from django.core.files.storage import FileSystemStorage, default_storage
from django.http import HttpRequest

from studio.control import health
from studio.control.health import Probe, Problem
from studio.jobs.models import Heartbeat

ASK_AGAIN = 2  # seconds after which somebody's request asks the parts again
OLDEST = 5  # seconds; no answer is older
PATIENCE = 1  # seconds that others wait for the one who asks, where no result is young enough
UNANSWERED = Problem("readiness", "The parts are being asked, and have not all answered within 5 s.")
FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_VIA")  # each proxy sends one of these


@dataclass(frozen=True, slots=True)
class Result:
    """What did not work at a moment of the monotonic clock."""

    problems: list[Problem]
    at: float


def problems_for(request: HttpRequest) -> list[Problem]:
    """What does not work, as it was found at most 5 s ago."""
    return lately("readiness", health.READY) if is_local(request) else lately("readiness-read", READABLE)


def lately(key: str, probes: dict[str, Probe]) -> list[Problem]:
    """The result of these probes. One thread of the process asks at a time; the others get what was found before, while that is young enough."""
    found = _found(key, ASK_AGAIN)
    if found is not None:
        return found
    is_first = _turn(key).acquire(timeout=0 if _found(key, OLDEST) is not None else PATIENCE)
    if not is_first:
        found = _found(key, OLDEST)
        return [UNANSWERED] if found is None else found
    try:
        found = _found(key, ASK_AGAIN)  # somebody asked while we waited
        if found is None:
            found = health.problems(probes)
            caches["local"].set(key, Result(found, time.monotonic()), OLDEST)
        return found
    finally:
        _turn(key).release()


def _found(key: str, oldest: float) -> list[Problem] | None:
    result = caches["local"].get(key)
    return result.problems if isinstance(result, Result) and time.monotonic() - result.at < oldest else None


@cache
def _turn(_key: str) -> threading.Lock:
    return threading.Lock()


def is_local(request: HttpRequest) -> bool:
    """Whether a program on this machine asks, and no proxy on behalf of somebody else."""
    if any(request.META.get(name) for name in FORWARDED):
        return False
    host = request.get_host().rpartition(":")[0] or request.get_host()
    return is_loopback(request.META.get("REMOTE_ADDR", "")) and (host == "localhost" or is_loopback(host.strip("[]")))


def is_loopback(address: str) -> bool:
    """Whether this is an address that only this machine has."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def database() -> str:
    """Whether rows can be read."""
    Heartbeat.objects.exists()
    return ""


def storage() -> str:
    """Whether the folder of the files is there and may be written, or the bucket answers. Writes nothing."""
    if not isinstance(default_storage, FileSystemStorage):
        default_storage.exists("health/none")
        return ""
    folder = Path(settings.MEDIA_ROOT)
    while not folder.exists() and folder.parent != folder:  # it is made with the first file
        folder = folder.parent
    return "" if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK) else "The storage cannot be written."


READABLE: dict[str, Probe] = {**health.READY, "database": database, "storage": storage}
