"""A backup that is made while people work has everything that was there when it began, and sends nothing when it is restored."""

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from pytest_django.fixtures import Settings

from studio.control.backup import HOW
from tests.control.conftest import Command, refused
from tests.installation import Installation, not_started

ON_SQLITE = pytest.mark.skipif(os.environ.get("STUDIO_DATABASE_URL", "").startswith("postgres"), reason="copies an SQLite file")
ORDERS = """
import django, time, uuid
django.setup()
from studio.accounts.models import User
from studio.credits import ledger
from studio.jobs.actions import Order, order
from studio.projects.models import Project
from studio.providers.contract import Brief
from studio.routing.models import Connection
admin, project, there = User.objects.get(role="admin"), Project.objects.get(code="DEMO"), Connection.objects.get(provider="xai")
ledger.grant(admin, 1_000_000_000, key="many", reason="For the test", actor=None)
brief = Brief(prompt="A glass bottle", aspect_ratio="16:9", duration=1, resolution="480p", model="grok-imagine-video")
while True:
    print(order(author=admin, project=project, what=Order(connection=there, brief=brief), order_key=uuid.uuid4()).pk, flush=True)
"""


@ON_SQLITE
def test_a_backup_that_is_made_while_people_order_is_restored_with_all_that_had_been_ordered(tmp_path: Path):
    (tmp_path / "data").mkdir()
    with not_started(tmp_path / "data") as studio:
        studio.manage("setup")
        clip = tmp_path / "data" / "media" / "clips" / "DEMO" / "one.mp4"
        clip.parent.mkdir(parents=True)
        clip.write_bytes(b"a clip")
        ordered, said = _backed_up_among_orders(studio, tmp_path / "studio.tar")
    assert "The database, checked: " in said
    assert "1 stored files." in said
    again = Installation(tmp_path / "again")
    again.folder.mkdir()
    with tarfile.open(tmp_path / "studio.tar") as tar:
        tar.extractall(again.folder, filter="data")
    for name in ("secret_key", "field_keys"):
        shutil.copyfile(tmp_path / "data" / name, again.folder / name)
    again.manage("setup")
    found = again.ask("from studio.jobs.models import Job; print(*Job.objects.values_list('pk', flat=True))")
    off = again.ask("from studio.routing.models import Connection; print(set(Connection.objects.values_list('enabled', flat=True)))")
    again.end_asking()

    assert ordered <= set(found.split())
    assert off == "{False}"
    assert "Clean" in again.manage("credits", "verify")
    assert (again.folder / "media/clips/DEMO/one.mp4").read_bytes() == b"a clip"


def _backed_up_among_orders(studio: Installation, file: Path) -> tuple[set[str], str]:
    """What had been ordered when the backup began, and what it said. Orders go on until it is over."""
    environment = {**studio.environment, "DJANGO_SETTINGS_MODULE": "studio.settings"}
    with subprocess.Popen([sys.executable, "-c", ORDERS], env=environment, stdout=subprocess.PIPE, text=True) as people:
        assert people.stdout
        ordered = {people.stdout.readline().strip() for _ in range(30)}
        threading.Thread(target=people.stdout.read, daemon=True).start()
        try:
            return ordered, studio.manage("backup", str(file))
        finally:
            assert people.poll() is None
            people.kill()


@ON_SQLITE
@pytest.mark.django_db(transaction=True)
def test_a_copy_of_the_file_alone_misses_what_the_backup_has(command: Command, tmp_path: Path):
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        cursor.execute("CREATE TABLE of_a_test (words)")
        cursor.execute("INSERT INTO of_a_test VALUES ('lately')")
    try:
        shutil.copyfile(str(connection.settings_dict["NAME"]), tmp_path / "copied.sqlite3")
        command("backup", str(tmp_path / "studio.tar.gz"))
        with tarfile.open(tmp_path / "studio.tar.gz") as tar:
            tar.extract("studio.sqlite3", tmp_path, filter="data")
        with closing(sqlite3.connect(tmp_path / "copied.sqlite3")) as copied, closing(sqlite3.connect(tmp_path / "studio.sqlite3")) as kept:
            assert not copied.execute("SELECT name FROM sqlite_master WHERE name = 'of_a_test'").fetchall()
            assert kept.execute("SELECT words FROM of_a_test").fetchall() == [("lately",)]
        assert not (tmp_path / "studio.sqlite3-wal").exists()
        assert not list(tmp_path.glob(".backup-*"))
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE of_a_test")


def test_a_backup_is_never_written_over(command: Command, tmp_path: Path):
    (tmp_path / "studio.tar").write_bytes(b"the last good one")

    with refused(f"{tmp_path / 'studio.tar'} is there already."):
        command("backup", str(tmp_path / "studio.tar"))

    assert (tmp_path / "studio.tar").read_bytes() == b"the last good one"


def test_a_folder_that_is_not_there_is_said_and_nothing_is_left(command: Command, tmp_path: Path):
    with refused("cannot be written: No such file or directory."):
        command("backup", str(tmp_path / "nowhere" / "studio.tar"))


@ON_SQLITE
@pytest.mark.django_db(transaction=True)
def test_a_damaged_database_is_no_backup(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    damaged = tmp_path / "damaged.sqlite3"
    with closing(sqlite3.connect(damaged)) as made:
        made.execute("CREATE TABLE kept (words TEXT UNIQUE)")
        made.executemany("INSERT INTO kept VALUES (?)", [(f"{number:06}" * 20,) for number in range(2_000)])
        made.commit()
    content = bytearray(damaged.read_bytes())
    content[8192:12288] = os.urandom(4096)
    damaged.write_bytes(content)
    monkeypatch.setitem(connection.settings_dict, "NAME", str(damaged))

    with refused("The database is damaged:"):
        command("backup", str(tmp_path / "studio.tar"))

    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "media") == ["damaged.sqlite3"]


@pytest.mark.django_db(transaction=True)
def test_what_is_not_in_it_is_said_with_how_to_keep_it(command: Command, tmp_path: Path):
    said = command("backup", str(tmp_path / "studio.tar"))

    assert "STUDIO_SECRET_KEY and STUDIO_FIELD_KEYS are not in it." in said
    assert ("pg_dump --format=custom" in said) == (connection.vendor == "postgresql")
    with tarfile.open(tmp_path / "studio.tar") as tar:
        how = tar.extractfile(HOW)
        assert how is not None
        assert b"All connections are off." in how.read()
    assert (tmp_path / "studio.tar").stat().st_mode & 0o777 == 0o600


def test_a_backup_has_its_name_only_once_it_is_whole(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Whatever kills it before, such as the end of the machine, leaves nothing that looks like a backup."""
    file, seen, add = tmp_path / "studio.tar", [], tarfile.TarFile.addfile

    def noted(tar: tarfile.TarFile, *words: Any) -> None:
        seen.append(file.exists())
        add(tar, *words)

    monkeypatch.setattr(tarfile.TarFile, "addfile", noted)
    command("backup", str(file))

    assert seen
    assert not any(seen)
    assert file.exists()


def test_a_backup_among_the_stored_files_is_not_in_itself(command: Command, settings: Settings):
    folder = Path(settings.MEDIA_ROOT)
    (folder / "clips").mkdir(parents=True, exist_ok=True)
    (folder / "clips" / "one.mp4").write_bytes(b"a clip")
    command("backup", str(folder / "studio.tar"))

    with tarfile.open(folder / "studio.tar") as tar:
        names = tar.getnames()
    (folder / "studio.tar").unlink()
    assert "media/clips/one.mp4" in names
    assert not [name for name in names if "studio.tar" in name or ".backup-" in name]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "The disk of {folder} is full. Nothing was kept."),
        (OSError(errno.EFBIG, "File too large"), "{folder}/studio.tar cannot be written: File too large."),
        (PermissionError(errno.EACCES, "Permission denied", "/data/media/clips/one.mp4"), "/data/media/clips/one.mp4: Permission denied."),
    ],
)
def test_why_there_is_no_backup_is_said_with_the_folder_and_nothing_is_left(
    error: OSError, said: str, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def add(*_: object) -> None:
        raise error

    folder = tmp_path / "backups"
    folder.mkdir()
    monkeypatch.setattr(tarfile.TarFile, "addfile", add)
    with refused(said.format(folder=folder)):
        command("backup", str(folder / "studio.tar"))

    assert list(folder.iterdir()) == []


@ON_SQLITE
@pytest.mark.parametrize("is_empty", [False, True])
def test_before_the_setup_there_is_nothing_to_keep_and_nothing_is_made(
    is_empty: bool, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    name = tmp_path / "data.sqlite3"
    if is_empty:
        name.touch()
    monkeypatch.setitem(connection.settings_dict, "NAME", str(name))

    with refused(f"There is no database of the studio in {name}. Run manage.py setup first."):
        command("backup", str(tmp_path / "studio.tar"))

    assert name.exists() is is_empty
    assert not (tmp_path / "studio.tar").exists()
