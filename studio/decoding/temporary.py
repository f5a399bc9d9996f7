"""Temporary files and folders of ours: all below `temporary` in the data folder, one folder for each process, so that what a killed process left is found.

A process keeps its folder's `alive` file locked. The lock is gone when the process is, however that ended, and is seen from other containers too.
"""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from django.conf import settings

YOUNG = 60.0  # seconds: a folder that was just made may not be locked yet
OLD = 86_400.0  # seconds after which what cannot be asked for its lock is deleted
COPIED = 1 << 20  # bytes at once
_alive: dict[Path, IO[bytes]] = {}  # the folders of this process, each with its locked file


def folder() -> Path:
    """The folder of this process for temporary files."""
    place = _all() / f"process-{os.getpid()}"
    if place not in _alive or not place.exists():
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = (place / "alive").open("ab")
        fcntl.flock(file, fcntl.LOCK_SH)  # shared: in other containers a process may have the same number
        _alive[place] = file
    return place


def file(*, suffix: str = "") -> IO[bytes]:
    """A new file without a name, for reading and writing, which is gone when it is closed."""
    return tempfile.TemporaryFile(dir=folder(), prefix="studio-", suffix=suffix)


@contextmanager
def local(stored: IO[bytes]) -> Iterator[IO[bytes]]:
    """The file as one of this machine's, which a child process can read: itself, or a copy of what comes from a bucket."""
    try:
        stored.fileno()
    except (AttributeError, OSError):
        with file() as copy:
            shutil.copyfileobj(stored, copy, COPIED)
            yield copy
    else:
        yield stored


def sweep() -> int:
    """Delete what processes left that have ended; how many folders. A round of each machine's worker, and what it begins with."""
    uploads = [file for file in _all().glob("*.upload*") if _age(file) > OLD]  # Django's, of forms that were cut off
    for upload in uploads:
        upload.unlink(missing_ok=True)
    return len(uploads) + sum(_is_deleted(place) for place in _all().glob("process-*"))


def _all() -> Path:
    return Path(settings.DATA_DIR) / "temporary"


def _age(place: Path) -> float:
    """Seconds since it was changed; 0 if it is gone."""
    with suppress(FileNotFoundError):
        return time.time() - place.stat().st_mtime
    return 0.0


def _is_deleted(place: Path) -> bool:
    with suppress(OSError):  # another sweep was faster, or the disk has trouble: the next round tries again
        age = _age(place)
        if age < YOUNG:
            return False
        with (place / "alive").open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            except OSError:  # a file system without locks
                if age < OLD:
                    return False
            shutil.rmtree(place)
            return True
    return False
