"""The doctor names what is wrong, how bad it is, and what to do."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography.fernet import Fernet
from django.db import connection
from django.utils import timezone
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from studio import environment
from studio.accounts.models import User
from studio.control.doctor import Finding, Level, examine, unsound
from studio.credits.ledger import account_of, grant, hold
from studio.credits.models import Account
from studio.jobs import cluster
from studio.jobs.lifecycle import State
from studio.jobs.models import Heartbeat, Incident
from studio.jobs.supervisor import NEVER
from studio.projects.models import Project
from studio.providers.contract import Cause
from studio.routing import breaker
from studio.routing.models import Connection
from studio.sandbox.models import RemoteJob, TurnedAway
from tests.control.conftest import Command
from tests.control.test_health import no_database
from tests.jobs.rows import job_row
from tests.time_limits import eventually


class Disk(NamedTuple):
    total: int
    used: int
    free: int


def found(part: str) -> Finding:
    """The one finding whose words hold this."""
    findings = [finding for finding in examined() if part in finding.what]
    assert len(findings) == 1, [finding.what for finding in examined()]
    return findings[0]


def examined() -> list[Finding]:
    """What the doctor finds, but for the machine's own SQLite."""
    return [finding for finding in examine() if "SQLite" not in finding.what]


def errors() -> list[str]:
    return [finding.what for finding in examined() if finding.level is Level.ERROR]


@pytest.fixture(autouse=True)
def _nothing_of_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in environment.unread():
        monkeypatch.delenv(name)


@pytest.fixture
def well(working: Heartbeat, real: Connection, in_production: Settings) -> Settings:
    """An installation in production with nothing wrong, whose provider is not asked: its address may not be called."""
    Connection.objects.filter(pk=real.pk).update(base_url="http://127.0.0.1:9")
    in_production.EMAIL_URL = "smtp://mail.example.org"
    return in_production


def test_a_well_installation_has_no_findings(well: Settings, command: Command):
    assert examined() == []
    assert "No errors, " in command("doctor")


def test_an_error_ends_with_1_and_a_warning_with_0(well: Settings, command: Command, working: Heartbeat):
    well.SANDBOX, well.PUBLIC_URL = True, ""
    assert "The sandbox is on: its clips are drawn on this machine" in command("doctor")

    working.delete()
    with pytest.raises(SystemExit) as end:
        command("doctor")

    assert end.value.code == 1


def test_without_a_worker_it_says_how_to_start_one(well: Settings, working: Heartbeat):
    working.delete()

    assert found("No worker was heard of") == Finding(Level.ERROR, "No worker was heard of for 15 s.", "Start one: make run, or manage.py work.")


def test_a_worker_that_is_starting_is_waited_for_and_no_second_one_is_started(well: Settings, working: Heartbeat):
    Heartbeat.objects.update(cluster=well.CLUSTER_NAME, beat_at=NEVER, watched_at=timezone.now())
    marked = {**os.environ, cluster.MARK: cluster.mark()}
    with subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE, start_new_session=True, env=marked
    ) as started:
        try:
            eventually(lambda: cluster.orphans(of=cluster.mark()), within=10)
            assert found("Its supervisor runs").mend.startswith("Wait: on a busy machine a start takes minutes.")
            assert errors() == ["No worker was heard of for 15 s. Its supervisor runs, and restarts it if it stays silent."]
        finally:
            cluster.end_group(started.pid)


def test_without_a_database_it_says_so_once(well: Settings):
    with no_database():
        assert errors() == ["The database does not answer (DatabaseError)."]


def test_tables_of_an_older_version_are_an_error_and_rows_are_not_read(well: Settings, real: Connection):
    Connection.objects.update(key_encrypted="")
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'jobs'")

    assert [finding.mend for finding in examined()] == ["Run manage.py setup."]


@pytest.mark.parametrize(
    ("version", "mode", "synchronous", "words"),
    [
        ((3, 51, 2), "wal", 2, ["SQLite 3.51.2 can, in rare cases, corrupt its file when several processes write."]),
        ((3, 51, 3), "delete", 2, ["SQLite's journal mode is delete, not wal: readers and writers block each other."]),
        ((3, 53, 0), "wal", 1, ["SQLite's synchronous is 1, not 2 (FULL): after a power cut a paid submission could be forgotten."]),
        ((3, 53, 0), "wal", 2, []),
    ],
)
def test_what_is_unsound_about_an_sqlite(version: tuple[int, ...], mode: str, synchronous: int, words: list[str]):
    assert [finding.what for finding in unsound(version, mode, synchronous)] == words


def test_only_a_database_that_is_sqlite_is_asked_about_it(db: None):
    asked = [finding for finding in examine() if "synchronous" in finding.what]

    assert len(asked) == (1 if connection.vendor == "sqlite" else 0)  # the tests' own does not wait for the disk


@pytest.mark.parametrize(
    ("change", "words", "level"),
    [
        ({"DEBUG": True}, "STUDIO_DEBUG is on", Level.ERROR),
        ({"LOCAL": True}, "STUDIO_LOCAL is on although", Level.ERROR),
        ({"SANDBOX": True}, "The sandbox is on at a public address", Level.ERROR),
        ({"SANDBOX": True, "PUBLIC_URL": ""}, "The sandbox is on: its clips", Level.WARNING),
        ({"PUBLIC_URL": ""}, "STUDIO_PUBLIC_URL is empty", Level.NOTE),
        ({"EMAIL_URL": ""}, "STUDIO_EMAIL_URL is empty", Level.NOTE),
        ({"SECRET_KEY": "the-same"}, "The signing key also encrypts", Level.ERROR),
    ],
)
def test_settings_that_do_not_fit_are_found(change: dict[str, object], words: str, level: Level, well: Settings, real: Connection):
    for name, value in change.items():
        setattr(well, name, value)
    if "SECRET_KEY" in change:
        well.FIELD_KEYS = ["the-same"]
        Connection.objects.update(enabled=False)

    assert found(words).level is level


def test_an_installation_that_nobody_can_make_anything_with_is_a_warning(well: Settings):
    Connection.objects.update(enabled=False)

    assert found("No connection is switched on").level is Level.WARNING


def test_a_connection_without_a_key_is_an_error(well: Settings):
    Connection.objects.update(key_encrypted="")

    assert errors() == ["xAI, team account has no key."]


def test_a_key_that_cannot_be_read_is_an_error(well: Settings):
    well.FIELD_KEYS = [Fernet.generate_key().decode()]

    assert errors() == ["The key of xAI, team account cannot be read with STUDIO_FIELD_KEYS."]


def test_a_sandbox_connection_without_the_sandbox_is_an_error_with_the_command_that_mends_it(well: Settings, xai: Connection):
    assert found("xAI sandbox is on, but the sandbox is off.").mend == "Switch it off: manage.py connection off 'xAI sandbox'."


def test_a_sandbox_that_nothing_is_connected_to_is_a_note(well: Settings):
    well.SANDBOX = True

    assert found("nothing is connected to it").mend == "Run manage.py setup."


def test_a_full_disk_is_a_warning(well: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Disk(100_000_000_000, 95_000_000_000, 5_000_000_000))

    assert found("5% of the disk (5.0 GB) is free").level is Level.WARNING


def test_a_full_disk_of_the_files_alone_is_a_warning_too(well: Settings, monkeypatch: pytest.MonkeyPatch):
    well.MEDIA_ROOT = Path("/dev")  # another file system everywhere
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Disk(100_000_000_000, 0, 5_000_000_000 if folder == Path("/dev") else 90_000_000_000))

    finding = found("is free in /dev.")

    assert (finding.level, finding.mend) == (Level.WARNING, "Free some, or move STUDIO_STORAGE_URL to a larger disk.")


def test_books_that_do_not_add_up_are_errors_of_which_ten_are_listed(well: Settings, alice: User, many_holds: Callable[[User], None]):
    many_holds(alice)

    assert len(errors()) == 11
    assert found("2 more violations in the books.")


def test_a_balance_that_is_not_its_entries_is_an_error(well: Settings, alice: User):
    grant(alice, 5_000, key="one", reason="x", actor=None)
    Account.objects.update(balance=6_000)

    assert errors() == ["alice@example.org: balance is 6, its entries sum to 5."]


@pytest.fixture
def many_holds() -> Callable[[User], None]:
    """Puts credits aside for nothing, twelve times."""

    def put_aside(user: User) -> None:
        grant(user, 100_000, key="one", reason="x", actor=None)
        for number in range(12):
            hold(user, 1_000, reference=f"nothing-{number}")
        assert account_of(user).held == 12_000

    return put_aside


def test_a_connection_that_its_breaker_has_paused_is_named_with_what_mends_it(well: Settings, real: Connection):
    breaker.ill(real, breaker.WHOLE, cause=Cause.OUT_OF_BALANCE, message="xAI: no credits")
    finding = found("is paused after 1 failures in a row: xAI: no credits")
    assert finding.level is Level.WARNING
    assert finding.mend.startswith("Fill the account")


def test_workers_that_die_over_a_connection_are_an_error(well: Settings, real: Connection):
    Connection.objects.filter(pk=real.pk).update(lease_deaths=3)
    assert found("3 workers in a row died").level is Level.ERROR


@pytest.mark.parametrize(("key", "errors_found"), [("zdr-key-00000001", 1), ("xai-key-00000001", 0), ("wrong-key-000001", 0)])
@pytest.mark.django_db(transaction=True)
def test_a_team_with_zero_data_retention_is_an_error_and_asking_about_it_orders_nothing(
    key: str, errors_found: int, well: Settings, real: Connection, live_server: LiveServer
):
    well.ALLOW_PRIVATE_HOSTS = frozenset({live_server.url.removeprefix("http://")})
    well.ALLOWED_HOSTS = ["*"]
    real.base_url = f"{live_server.url}/sandbox/xai/v1"
    real.set_key(key)
    real.save()

    assert len(errors()) == errors_found
    assert all("Zero Data Retention" in what and real.label in what for what in errors())
    assert not RemoteJob.objects.exists()
    assert not TurnedAway.objects.exists()


def test_callbacks_that_stopped_coming_are_named(well: Settings, real: Connection):
    Connection.objects.filter(pk=real.pk).update(called_at=timezone.now(), calls_missed=3)
    assert "STUDIO_PUBLIC_URL" in found("without the callback").mend


def test_a_job_in_doubt_that_waits_for_a_person_is_named(well: Settings, real: Connection, tide: Project, alice: User):
    job_row(tide, alice, real, State.IN_DOUBT, due=None, estimate=0)
    assert found("1 job is in doubt").mend == "Settle them: control room, In doubt."


def test_mends_of_the_worker_are_counted_for_a_day(well: Settings):
    Incident.objects.create(cluster="here", what="It ended with code 0")
    Incident.objects.create(cluster="here", what="long ago", at=timezone.now() - timedelta(days=2))
    assert found("1 mend of the worker within a day").what.endswith("on here: It ended with code 0")


def test_a_cluster_without_its_supervisor_is_an_error(well: Settings):
    marked = {**os.environ, cluster.MARK: cluster.mark()}
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE, start_new_session=True, env=marked) as left:
        try:
            eventually(lambda: cluster.orphans(of=cluster.mark()), within=10)
            assert found("work on without their supervisor").level is Level.ERROR
        finally:
            cluster.end_group(left.pid)


def test_a_proxy_that_is_not_there_is_an_error_with_its_variable(well: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://ada:secret@127.0.0.1:9")
    finding = found("The proxy http://127.0.0.1:9, which HTTPS_PROXY names, cannot be reached")

    assert finding.level is Level.ERROR
    assert "secret" not in f"{finding}"


def test_a_connection_that_is_paused_for_its_certificate_says_how_to_trust_it(well: Settings, real: Connection):
    for _ in range(breaker.ENOUGH):
        breaker.ill(
            real,
            breaker.WHOLE,
            cause=Cause.PROVIDER_FAILED,
            message="api.x.ai could not be reached: its certificate is not trusted here (self-signed).",
        )

    assert "STUDIO_CA_BUNDLE" in found("is paused").mend


@pytest.mark.usefixtures("well")
@pytest.mark.parametrize(
    ("name", "mend"),
    [
        ("STUDIO_HSTS_SECOND", "Write STUDIO_HSTS_SECONDS, if that is meant."),
        ("STUDIO_PROXYS", "Write STUDIO_PROXIES, if that is meant."),
        ("STUDIO_S3_BUCKET", "Leave it out. The settings stand in README.md."),
    ],
)
def test_a_setting_that_nothing_reads_is_named_with_the_one_that_is_meant(name: str, mend: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(name, "1")

    assert found(name) == Finding(Level.WARNING, f"{name} is no setting of the studio, so nothing reads it.", mend)


def test_every_setting_of_the_readme_is_one_that_is_read():
    table = re.findall(r"^\| `(STUDIO_[A-Z_]+)`", (Path(__file__).parent.parent.parent / "README.md").read_text(), re.MULTILINE)

    assert set(table) == environment.READ
