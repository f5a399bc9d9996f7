"""When a disk of ours does not take what is written: which errors say so, and the sentences about it.

Files, SQLite, PostgreSQL, Redis and buckets each have errors of their own for it. Everything that writes asks here, so that a full disk is called a
full disk wherever it is met. Knows no Django.
"""

import errno
import os
import pwd
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path

FULL_CODES = frozenset({errno.ENOSPC, errno.EDQUOT})
CLOSED_CODES = frozenset({errno.EACCES, errno.EPERM})
PRIMARY = 0xFF  # of SQLite's extended result codes
SQLITE_FULL = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_SHMMAP})
SQLITE_CLOSED = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN})
DISK_FULL, READ_ONLY_TRANSACTION = "53100", "25006"  # PostgreSQL's
# How drivers that give no code say it, at the beginning of their words.
FULL_WORDS = ("database or disk is full", "MISCONF ", "OOM command not allowed")  # SQLite; Redis
CLOSED_WORDS = ("attempt to write a readonly database", "unable to open database file")
ALMOST_NOTHING = 1_000_000  # bytes: a disk with less is full, whatever still fits; of a small disk a hundredth


class Trouble(StrEnum):
    """Why nothing could be written. The values stand in sentences: "The database cannot be written: the disk is full."."""

    FULL = "the disk is full"
    CLOSED = "there is no access"


# What people are told, on pages and on cards. Nobody but an operator can mend it.
FOR_PEOPLE = {
    Trouble.FULL: "The studio’s disk is full.",
    Trouble.CLOSED: "The studio has no access to its own files.",
}


def trouble_of(error: BaseException | None) -> Trouble | None:
    """Why our own disk did not take something, if that is what this error, or what it came from, says."""
    for one in _chain(error):
        if trouble := _trouble(one):
            return trouble
    return None


def explained(trouble: Trouble, folders: Iterable[Path]) -> str:
    """The same for an operator: which of these folders it is, and what to do about it. One or two sentences."""
    folders = [Path(folder) for folder in folders]
    if trouble is Trouble.CLOSED and (closed := next(filter(None, map(why_closed, folders)), "")):
        return closed
    full = [folder for folder in folders if is_full(folder)]
    if trouble is Trouble.FULL or full:
        where = f" of {full[0]}" if full else ", or the quota of this account,"
        return f"The disk{where} is full. Free some space, then try again."
    return f"Something may not be written. Looked at were {' and '.join(map(str, folders))}."


def why_closed(folder: Path) -> str:
    """Why nothing can be written in this folder, which need not exist yet; "" where it can."""
    place = _nearest(folder)
    if place != folder and not os.access(place, os.X_OK):
        return f"{place} cannot be entered: it belongs to {_person(place.stat().st_uid)}, and the studio runs as {_person(os.geteuid())}."
    if not place.is_dir():
        return f"{place} is not a folder."
    if os.statvfs(place).f_flag & os.ST_RDONLY:
        return f"{place} is on a disk that is mounted read-only."
    if os.access(place, os.W_OK | os.X_OK):
        return ""
    owner, ours = place.stat().st_uid, os.geteuid()
    return (
        f"{place} cannot be written: it belongs to {_person(owner)}, and the studio runs as {_person(ours)}. Give it the folder: chown {ours} {place}"
    )


def is_full(folder: Path) -> bool:
    """Whether next to nothing is free on the disk of this folder, which need not exist yet."""
    usage = shutil.disk_usage(_nearest(folder))
    return next_to_nothing(usage.free, usage.total)


def next_to_nothing(free: int, total: int) -> bool:
    """Whether so many free bytes of so many are a full disk."""
    return free < min(ALMOST_NOTHING, total / 100)


def is_there(path: Path) -> bool:
    """Whether there is something at this path that we may look at."""
    try:
        path.stat()
    except (OSError, ValueError):  # ValueError: no path at all
        return False
    return True


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there and that we may look at."""
    return next(filter(is_there, (folder, *folder.parents)), Path("/"))


def _trouble(error: BaseException) -> Trouble | None:
    """What this one error says by itself."""
    code, state, words = getattr(error, "sqlite_errorcode", None), getattr(error, "sqlstate", None), str(error)
    number, is_file = (error.errno, error.filename is not None) if isinstance(error, OSError) else (None, False)
    if number in FULL_CODES or code in SQLITE_FULL or state == DISK_FULL or words.startswith(FULL_WORDS):
        return Trouble.FULL
    closed = number == errno.EROFS or (is_file and number in CLOSED_CODES)  # sockets have EACCES too, and no file name
    if closed or (code is not None and code & PRIMARY in SQLITE_CLOSED) or state == READ_ONLY_TRANSACTION or words.startswith(CLOSED_WORDS):
        return Trouble.CLOSED
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it came from."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _person(number: int) -> str:
    """A user of this machine, as operators know it."""
    try:
        return f"{pwd.getpwuid(number).pw_name} (uid {number})"
    except KeyError:  # in containers a number is all there is
        return f"uid {number}"
