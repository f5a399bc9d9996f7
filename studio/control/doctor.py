"""What is misconfigured, and what to do about it. Reads and probes; changes nothing.

An error stops work, loses something or exposes something; a warning will, some day; a note is worth knowing.
"""

import shutil
import socket
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from django.conf import settings
from django.core.files.storage import FileSystemStorage, default_storage
from django.db import connection
from django.db.models import Q
from django.utils import timezone

from studio import environment, file_modes
from studio.accounts import audit_chain
from studio.control import health
from studio.credits import ledger
from studio.disk import explained
from studio.gallery.storage import LEAST_FREE
from studio.jobs import cluster, timing
from studio.jobs.alerts import open_alerts
from studio.jobs.checks import verify_holds
from studio.jobs.hands import allowed_hosts
from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt, Clip, Heartbeat, Incident, Job
from studio.jobs.supervisor import MOST_DEATHS
from studio.providers import proxies, trust
from studio.providers.contract import Cause
from studio.providers.registry import PROVIDERS
from studio.providers.sockets import UNTRUSTED
from studio.routing.breaker import open_ones
from studio.routing.checking import NO_CLIPS, Found, check
from studio.routing.models import Connection, KeyUnreadable

SOUND_SQLITE = (3, 51, 3)  # earlier ones can corrupt the file when several processes write while the write-ahead log is reset
FULL = 2  # PRAGMA synchronous
MOST_SEALS = 10_000  # of the record of changes that are checked, the newest
MOST_VIOLATIONS = 10  # that are listed
PATIENCE = 3.0  # seconds for a proxy


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
MEND_ILL: dict[str, str] = {
    Cause.OUT_OF_BALANCE: "Fill the account at the provider, then press Try now in the control room.",
    Cause.WRONG_KEY: "Enter its key again on /connections/.",
}
START_WORKER = "Start one: make run, or manage.py work."
AWAIT_WORKER = (
    "Wait: on a busy machine a start takes minutes. If it stays silent, look into the worker's log. Start no second one: it would end the first."
)
MENDS = {
    "database": "Check STUDIO_DATABASE_URL, and that the database runs and may be written.",
    "migrations": "Run manage.py setup.",
    "broker": "Check STUDIO_BROKER_URL, and that Redis runs.",
    "storage": "Check that STUDIO_DATA_DIR may be written and is not full, or, with STUDIO_STORAGE_URL, that the place it names can be reached and written.",
    "cache": "Run manage.py setup.",
    "disk": "Free some space.",
    "worker": START_WORKER,
}
PROBES = {**health.READY, "cache": health.cache_table}


def examine() -> list[Finding]:
    """Everything there is to say, worst first. Rows are read only if the database has them."""
    probed = list(parts())
    stuck = {"database", "migrations"} & {problem.part for problem in probed}
    without_rows = (secrets, openness, file_access, group_access, unread, disk, way_out)
    examinations = without_rows if stuck else (*without_rows, sqlite, connections, teams, ills, stranded, doubts, alerts, workers, books, record)
    findings = [Finding(Level.ERROR, problem.words, _mend(problem)) for problem in probed]
    findings += [finding for examination in examinations for finding in examination()]
    return sorted(findings, key=lambda finding: list(Level).index(finding.level))


def parts() -> list[health.Problem]:
    """What does not work of the parts that /readyz asks, and the shared cache. Without a database nothing else is asked."""
    without_database = health.problems({"database": health.database})
    return without_database or health.problems({part: probe for part, probe in PROBES.items() if part != "database"})


def _mend(problem: health.Problem) -> str:
    if problem.trouble:
        return explained(problem.trouble, health.folders())
    return AWAIT_WORKER if problem.words == health.SILENT_BUT_SUPERVISED else MENDS[problem.part]


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
    if settings.SANDBOX and settings.PUBLIC_URL:
        mend = "Leave STUDIO_SANDBOX out wherever strangers can reach the installation, or STUDIO_PUBLIC_URL on a demo that only you reach."
        yield Finding(Level.ERROR, "The sandbox is on at a public address: strangers can order clips that this machine draws.", mend)
    elif settings.SANDBOX and not settings.LOCAL:
        mend = "Leave STUDIO_SANDBOX out, unless this is a demo."
        yield Finding(Level.WARNING, "The sandbox is on: its clips are drawn on this machine, and its addresses are open.", mend)
    if not settings.PUBLIC_URL:
        mend = "Give STUDIO_PUBLIC_URL if providers can reach this installation; everything else works without."
        what = "STUDIO_PUBLIC_URL is empty: uploaded references go only to providers that take them inside the request."
        yield Finding(Level.NOTE, what, mend)
    if not settings.EMAIL_URL:
        mend = "Give STUDIO_EMAIL_URL, or hand links over yourself."
        yield Finding(Level.NOTE, "STUDIO_EMAIL_URL is empty: invitations and password resets are not sent.", mend)


def places() -> file_modes.Places:
    """Where this installation keeps its files."""
    database = Path(settings.DATABASES["default"]["NAME"]) if connection.vendor == "sqlite" else None
    stored = Path(settings.MEDIA_ROOT) if isinstance(default_storage, FileSystemStorage) else None
    return file_modes.Places(Path(settings.DATA_DIR), database, stored, settings.FILE_GROUP)


def file_access() -> Iterator[Finding]:
    """Files and folders that other users of this machine can read."""
    where = places()
    for path in file_modes.exposed(where, most=MOST_VIOLATIONS):
        mend = f"Close it: chmod {where.mode(path):o} {path}"
        yield Finding(Level.WARNING, f"Other users of this machine can read {path}.", mend)


def group_access() -> Iterator[Finding]:
    """Folders that the web server in front must enter, and cannot."""
    where = places()
    for path in file_modes.closed_to_group(where):
        mend = f"Open it to that group alone: chgrp {where.group} {path} && chmod {where.mode(path):o} {path}"
        what = f"The group of STUDIO_FILE_GROUP cannot read {path}, so the web server in front cannot send files."
        yield Finding(Level.ERROR, what, mend)


def unread() -> Iterator[Finding]:
    """Names of settings that are mistyped, or from elsewhere."""
    for name, meant in environment.unread().items():
        mend = f"Write {meant}, if that is meant." if meant else "Leave it out. The settings stand in README.md."
        yield Finding(Level.WARNING, f"{name} is no setting of the studio, so nothing reads it.", mend)


def disk() -> Iterator[Finding]:
    """Room for clips."""
    names = {settings.MEDIA_ROOT: "STUDIO_STORAGE_URL", settings.DATA_DIR: "STUDIO_DATA_DIR"}
    disks = {folder.stat().st_dev: folder for folder in names if folder.exists()}
    for folder in disks.values():
        usage = shutil.disk_usage(folder)
        if usage.free < LEAST_FREE * usage.total:
            free = f"{usage.free / usage.total:.0%} of the disk ({usage.free / 1e9:.1f} GB) is free in {folder}."
            yield Finding(Level.WARNING, free, f"Free some, or move {names[folder]} to a larger disk.")


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
        mend = f"Use a Python with SQLite {_dotted(SOUND_SQLITE)} or newer, or PostgreSQL (STUDIO_DATABASE_URL). Back it up meanwhile: manage.py backup FILE, not a copy of its file, which lacks what the -wal file holds."
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


def teams() -> Iterator[Finding]:
    """The teams at xAI that get no clips. Each key is tried as the test of a connection does: with one free question, for five seconds at most."""
    rows = Connection.objects.filter(enabled=True, sandbox=False, provider="xai", dialect__in=PROVIDERS["xai"].dialects)
    for row in rows:
        if check(row, allowed_hosts=allowed_hosts()).found is Found.KEEPS_NOTHING:
            mend = f"Enter a key of a team without it on /connections/, or switch it off: manage.py connection off {row.label!r}."
            yield Finding(Level.ERROR, f"{row.label} makes no clips: {NO_CLIPS}", mend)


def ills() -> Iterator[Finding]:
    """Connections that are on, and ill."""
    rows = {row.pk: row for row in Connection.objects.filter(enabled=True)}
    for (key, model), stop in open_ones(set(rows)).items():
        what = " ".join(f"{rows[key].label} {model} is paused after {stop.failures} failures in a row: {stop.last_error}".split())
        usual = (
            trust.FOR_OPERATORS
            if UNTRUSTED in stop.last_error
            else "It is tried again by itself. If the provider is well, press Try now in the control room."
        )
        yield Finding(Level.WARNING, what, MEND_ILL.get(stop.cause, usual))
    for row in rows.values():
        if row.lease_deaths >= MOST_DEATHS:
            mend = "Look for killed workers in the system's log (out of memory?), and switch the connection off meanwhile."
            yield Finding(Level.ERROR, f"{row.lease_deaths} workers in a row died while they worked for {row.label}.", mend)
        if row.called_at and row.calls_missed >= timing.RELIABLE:
            mend = "Check that STUDIO_PUBLIC_URL can be reached from outside. Jobs are watched by asking meanwhile."
            yield Finding(Level.WARNING, f"{row.label} ended {row.calls_missed} jobs without the callback that was asked for.", mend)


def doubts() -> Iterator[Finding]:
    """Jobs in doubt that nobody but a person can settle any more."""
    waiting = Job.objects.filter(state=State.IN_DOUBT, due=None).count()
    if waiting:
        what = f"{waiting} {'job is' if waiting == 1 else 'jobs are'} in doubt and cannot be found out about by asking."
        yield Finding(Level.WARNING, what, "Settle them: control room, In doubt.")


def alerts() -> Iterator[Finding]:
    """What providers told that an admin should judge."""
    if waiting := open_alerts().count():
        what = f"{waiting} {'alert' if waiting == 1 else 'alerts'} about what providers reported {'waits' if waiting == 1 else 'wait'} to be settled."
        yield Finding(Level.WARNING, what, "Settle them: control room, Alerts.")


def stranded() -> Iterator[Finding]:
    """Clips that could not be fetched for a reason that an operator can mend. One finding for each mend."""
    attempts = Attempt.objects.exclude(advice="").filter(clips__in=Clip.objects.missing())
    for advice in attempts.order_by().values_list("advice", flat=True).distinct()[:MOST_VIOLATIONS]:
        row = attempts.filter(advice=advice).select_related("job__project").latest("created_at")
        yield Finding(Level.WARNING, f"{row.job.code} could not be fetched. {row.job.message or row.message}", advice)


def way_out() -> Iterator[Finding]:
    """The proxy through which providers are asked, and where certificates are the trouble."""
    for proxy in dict.fromkeys(proxy for scheme in ("https", "http") if (proxy := proxies.named(scheme))):
        try:
            socket.create_connection((proxy.host, proxy.port), timeout=PATIENCE).close()
        except OSError as error:
            mend = "Start it, or correct the address. Hosts that need none go into NO_PROXY."
            yield Finding(
                Level.ERROR, f"The proxy {proxy.address}, which {proxy.variable} names, cannot be reached: {error.strerror or error}.", mend
            )


def workers() -> Iterator[Finding]:
    """What the supervisors had to mend lately, and what is left of clusters that nobody looks after."""
    lately = Incident.objects.filter(at__gte=timezone.now() - timedelta(days=1))
    if count := lately.count():
        last = lately.latest("at")
        mend = "Look into the worker's log. Killed by the system for its memory? Give the machine more, or lower STUDIO_WORKERS."
        yield Finding(
            Level.WARNING,
            f"{count} {'mend' if count == 1 else 'mends'} of the worker within a day; last {last.at:%H:%M} UTC on {last.cluster}: {last.what}",
            mend,
        )
    running = Heartbeat.objects.filter(cluster=settings.CLUSTER_NAME, watched_at__gte=timezone.now() - health.UNWATCHED).exists()
    if not running and cluster.orphans(of=cluster.mark()):
        yield Finding(Level.ERROR, "Processes of a cluster work on without their supervisor.", START_WORKER + " It ends them first.")


def record() -> Iterator[Finding]:
    """A record of changes that somebody changed."""
    if wrong := audit_chain.verify(newest=MOST_SEALS).wrong:
        yield Finding(Level.ERROR, wrong, "Find out who can write to the database, and compare with a backup: manage.py audit verify.")


def books() -> Iterator[Finding]:
    """Money that does not add up."""
    violations = [*ledger.verify(), *verify_holds()]
    mend = "Stop the worker, keep a backup (manage.py backup FILE), and look: manage.py credits verify lists all."
    for violation in violations[:MOST_VIOLATIONS]:
        yield Finding(Level.ERROR, violation, mend)
    if len(violations) > MOST_VIOLATIONS:
        yield Finding(Level.ERROR, f"{len(violations) - MOST_VIOLATIONS} more violations in the books.", mend)
