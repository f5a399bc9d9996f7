"""What is misconfigured, and what to do about it. Reads and probes; changes nothing.

An error stops work, loses something or exposes something; a warning will, some day; a note is worth knowing.
"""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings
from django.db import connection
from django.db.models import Q

from studio.control import health
from studio.credits import ledger
from studio.jobs.checks import verify_holds
from studio.routing.models import Connection, KeyUnreadable

SOUND_SQLITE = (3, 51, 3)  # earlier ones can corrupt the file when several processes write while the write-ahead log is reset
FULL = 2  # PRAGMA synchronous
LEAST_FREE = 0.1  # of the disk
MOST_VIOLATIONS = 10  # that are listed


class Level(StrEnum):
    """How bad it is."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be, and the mend."""

    level: Level
    what: str
    mend: str


Examination = Callable[[], Iterator[Finding]]
START_WORKER = "Start one: make run, or manage.py work."
MENDS = {
    "database": "Check STUDIO_DATABASE_URL, and that the database runs and may be written.",
    "migrations": "Run manage.py setup.",
    "broker": "Check STUDIO_BROKER_URL, and that Redis runs.",
    "storage": "Check that STUDIO_DATA_DIR may be written and is not full.",
    "cache": "Run manage.py setup.",
    "worker": START_WORKER,
}
PROBES = {**health.READY, "cache": health.cache_table}


def examine() -> list[Finding]:
    """Everything there is to say, worst first. Rows are read only if the database has them."""
    probed = list(parts())
    stuck = {"database", "migrations"} & {problem.part for problem in probed}
    examinations = (secrets, openness, disk) if stuck else (secrets, openness, disk, sqlite, connections, books)
    findings = [Finding(Level.ERROR, problem.words, MENDS[problem.part]) for problem in probed]
    findings += [finding for examination in examinations for finding in examination()]
    return sorted(findings, key=lambda finding: list(Level).index(finding.level))


def parts() -> list[health.Problem]:
    """What does not work of the parts that /readyz asks, and the shared cache. Without a database nothing else is asked."""
    without_database = health.problems({"database": health.database})
    return without_database or health.problems({part: probe for part, probe in PROBES.items() if part != "database"})


def secrets() -> Iterator[Finding]:
    """Secrets that are made up or repeated."""
    if not settings.LOCAL and settings.SECRET_KEY in settings.FIELD_KEYS:
        mend = "Give STUDIO_FIELD_KEYS a key of its own. README.md says how to make one."
        yield Finding(Level.ERROR, "The signing key also encrypts provider keys.", mend)
    if settings.LOCAL and settings.PUBLIC_URL:
        mend = "Give STUDIO_SECRET_KEY and STUDIO_FIELD_KEYS, serve https, and leave STUDIO_LOCAL out."
        yield Finding(Level.ERROR, "STUDIO_LOCAL is on although the installation has a public address: cookies travel unprotected.", mend)


def openness() -> Iterator[Finding]:
    """What is on that should not be on in production, and what is missing."""
    if settings.DEBUG and not settings.LOCAL:
        yield Finding(Level.ERROR, "STUDIO_DEBUG is on: error pages show settings to strangers.", "Leave STUDIO_DEBUG out.")
    if settings.SANDBOX and not settings.LOCAL:
        mend = "Leave STUDIO_SANDBOX out, unless this is a demo."
        yield Finding(Level.WARNING, "The sandbox is on: its clips are drawn on this machine, and its addresses are open.", mend)
    if not settings.PUBLIC_URL:
        mend = "Give STUDIO_PUBLIC_URL if providers can reach this installation; everything else works without."
        what = "STUDIO_PUBLIC_URL is empty: uploaded references go only to providers that take them inside the request."
        yield Finding(Level.NOTE, what, mend)
    if not settings.EMAIL_URL:
        mend = "Give STUDIO_EMAIL_URL, or hand links over yourself."
        yield Finding(Level.NOTE, "STUDIO_EMAIL_URL is empty: invitations and password resets are not sent.", mend)


def disk() -> Iterator[Finding]:
    """Room for clips."""
    usage = shutil.disk_usage(settings.DATA_DIR)
    if usage.free < LEAST_FREE * usage.total:
        free = f"{usage.free / usage.total:.0%} of the disk ({usage.free / 1e9:.1f} GB) is free in {settings.DATA_DIR}."
        yield Finding(Level.WARNING, free, "Free some, or move STUDIO_DATA_DIR to a larger disk.")


def sqlite() -> Iterator[Finding]:
    """SQLite's version and the pragmas that our promises rest on."""
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        mode = cursor.execute("PRAGMA journal_mode").fetchone()[0]
        synchronous = cursor.execute("PRAGMA synchronous").fetchone()[0]
    yield from unsound(sqlite3.sqlite_version_info, mode, synchronous)


def unsound(version: tuple[int, ...], mode: str, synchronous: int) -> Iterator[Finding]:
    """What is wrong with an SQLite of this version in this journal mode. Pure."""
    if version < SOUND_SQLITE:
        mend = f"Use a Python with SQLite {_dotted(SOUND_SQLITE)} or newer, or PostgreSQL (STUDIO_DATABASE_URL). Back the database up meanwhile."
        what = f"SQLite {_dotted(version)} can, in rare cases, corrupt its file when several processes write."
        yield Finding(Level.WARNING, what, mend)
    if mode != "wal":
        mend = "Put the database on a local disk: network file systems cannot do WAL."
        yield Finding(Level.ERROR, f"SQLite's journal mode is {mode}, not wal: readers and writers block each other.", mend)
    if synchronous != FULL:
        mend = "Remove what changes PRAGMA synchronous."
        what = f"SQLite's synchronous is {synchronous}, not {FULL} (FULL): after a power cut a paid submission could be forgotten."
        yield Finding(Level.WARNING, what, mend)


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def connections() -> Iterator[Finding]:
    """Connections that cannot work."""
    rows = list(Connection.objects.filter(enabled=True))
    if not rows:
        yield Finding(Level.WARNING, "No connection is switched on, so nothing can be made.", "Add one: /connections/, or manage.py connection add.")
    for row in rows:
        off = f"Switch it off: manage.py connection off {row.label!r}."
        if row.sandbox and not settings.SANDBOX:
            yield Finding(Level.ERROR, f"{row.label} is on, but the sandbox is off.", off)
        elif not row.key_encrypted:
            yield Finding(Level.ERROR, f"{row.label} has no key.", "Enter it on /connections/.")
        elif not _readable(row):
            mend = "Give STUDIO_FIELD_KEYS the key with which it was encrypted, or enter the provider's key again."
            yield Finding(Level.ERROR, f"The key of {row.label} cannot be read with STUDIO_FIELD_KEYS.", mend)
    if settings.SANDBOX and not Connection.objects.filter(Q(sandbox=True)).exists():
        yield Finding(Level.NOTE, "The sandbox is on, but nothing is connected to it.", "Run manage.py setup.")


def _readable(row: Connection) -> bool:
    try:
        return bool(row.key)
    except KeyUnreadable:
        return False


def books() -> Iterator[Finding]:
    """Money that does not add up."""
    violations = [*ledger.verify(), *verify_holds()]
    mend = "Stop the worker, keep a copy of the database, and look: manage.py credits verify lists all."
    for violation in violations[:MOST_VIOLATIONS]:
        yield Finding(Level.ERROR, violation, mend)
    if len(violations) > MOST_VIOLATIONS:
        yield Finding(Level.ERROR, f"{len(violations) - MOST_VIOLATIONS} more violations in the books.", mend)
