"""A full disk, or one that is closed to us, is named on every path: pages, orders, uploads, signing in, /readyz, doctor, commands and the log."""

import ctypes
import errno
import io
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock
from uuid import uuid4

import psycopg
import pytest
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError, connection, connections
from django.db.backends.utils import CursorWrapper
from django.test import Client
from PIL import Image
from pytest_django.fixtures import Settings

from studio.accounts.models import User
from studio.control import doctor, health
from studio.control.log_limits import Repeated
from studio.credits import ledger
from studio.jobs.folder import Folder
from studio.jobs.models import Heartbeat, Job
from studio.projects.models import Project
from studio.routing.models import Connection
from tests.conftest import signed_in
from tests.control.test_health import client as client  # noqa: PLC0414 - a fixture
from tests.control.test_health import problems
from tests.control.test_settings import read_with

ROOT = Path(__file__).parent.parent.parent
WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE")
SHARED_CACHE = {"default": {"BACKEND": "studio.shared_state.cache.SharedCache"}}


@contextmanager
def full_database() -> Iterator[None]:
    """The database answers, and takes nothing: its disk is full."""

    real = CursorWrapper._execute  # type: ignore[attr-defined]

    def refuse(cursor: CursorWrapper, sql: str, *words: Any) -> Any:
        if not sql.lstrip().upper().startswith(WRITES):
            return real(cursor, sql, *words)
        if connection.vendor == "postgresql":
            raise OperationalError("could not extend file") from psycopg.errors.DiskFull("could not extend file")
        raise OperationalError("database or disk is full")

    with mock.patch.object(CursorWrapper, "_execute", refuse):
        yield


@pytest.fixture
def full_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files can be made, and nothing can be written into them."""
    monkeypatch.setattr("django.core.files.storage.filesystem.os.fdopen", lambda *_: _Full())


class _Full(io.BytesIO):
    def write(self, data: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def browser(alice: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(alice)
    return client


def picture() -> SimpleUploadedFile:
    content = io.BytesIO()
    Image.new("RGB", (64, 64), "teal").save(content, "PNG")
    return SimpleUploadedFile("bottle.png", content.getvalue(), content_type="image/png")


def test_an_order_on_a_full_disk_is_told_so_and_nothing_is_half_there(browser: Client, tide: Project, xai: Connection, alice: User):
    ledger.grant(alice, 1_000_000, key="start", reason="for the test", actor=None)
    brief = {"prompt": "A glass bottle", "connection": xai.pk, "model": "grok-imagine-video", "duration": 8, "aspect_ratio": "16:9", "resolution": "720p",
             "order_key": str(uuid4())}  # fmt: skip

    with full_database():
        answer = browser.post(f"/p/{tide.code}/jobs/", brief)

    assert answer.status_code == 507
    assert "The studio’s disk is full." in answer.content.decode()
    assert "what you typed is still there" in answer.content.decode()
    assert not Job.objects.exists()


def test_a_picture_on_a_full_disk_is_told_so_and_leaves_no_file(browser: Client, tide: Project, full_folder: None, settings: Settings):
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": "studio.jobs.folder.Folder", "OPTIONS": {"location": settings.MEDIA_ROOT}}}

    answer = browser.post(f"/p/{tide.code}/references/", {"file": picture()})

    assert answer.status_code == 507
    assert "The studio’s disk is full." in answer.content.decode()
    assert not [path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()]


@pytest.mark.django_db(transaction=True)
def test_signing_in_on_a_full_disk_is_not_called_too_many_tries(alice: User, settings: Settings):
    settings.CACHES = {**settings.CACHES, **SHARED_CACHE}
    with full_database():
        answer = Client(raise_request_exception=False).post("/accounts/login/", {"login": alice.email, "password": "correct horse"})

    assert answer.status_code == 507
    assert "Too many tries" not in answer.content.decode()


@pytest.mark.django_db(transaction=True)
def test_a_shared_counter_that_is_there_is_said_to_be_there(settings: Settings):
    settings.CACHES = {**settings.CACHES, **SHARED_CACHE}

    assert cache.add("turn", "mine", 10)
    assert not cache.add("turn", "yours", 10)
    assert cache.get("turn") == "mine"


def test_readiness_names_a_full_database_and_does_not_blame_the_worker(client: Client, db: None):
    with full_database():
        found = problems(client)

    assert found["database"] == "The database cannot be written: the disk is full."
    assert found["worker"] == "No worker was heard of for 15 s. It cannot write: the disk is full."


@pytest.mark.django_db(transaction=True)
def test_the_probe_of_the_database_reaches_the_disk_and_leaves_nothing():
    """What is rolled back never does."""
    ended: list[str] = []
    kept = type(connections["default"]).commit

    def commit(self: Any) -> None:
        ended.append("commit")
        kept(self)

    with mock.patch.object(type(connections["default"]), "commit", commit):
        assert health.database() == ""

    assert ended == ["commit", "commit"]
    assert not Heartbeat.objects.exists()


def test_readiness_names_a_full_storage_and_leaves_no_file_there(client: Client, working: Heartbeat, full_folder: None, settings: Settings):
    found = [problems(client), problems(client)]

    assert {one["storage"] for one in found} == {"The storage cannot be written: the disk is full."}
    assert not [path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()]


def test_readiness_names_a_disk_on_which_next_to_nothing_is_free(client: Client, working: Heartbeat, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("studio.disk.shutil.disk_usage", lambda _: type("Usage", (), {"total": 10**11, "free": 4096}))

    assert problems(client) == {"disk": "The disk is full."}


@pytest.mark.parametrize(("free", "said"), [(4096, "The disk is full: nothing new can be stored"), (10**9, "Only 1.0 GB of the disk are free")])
def test_the_control_room_says_how_full_the_disk_is(working: Heartbeat, ada: User, monkeypatch: pytest.MonkeyPatch, free: int, said: str):
    monkeypatch.setattr("studio.gallery.storage.shutil.disk_usage", lambda _: type("Usage", (), {"total": 10**11, "free": free}))

    assert said in signed_in(ada).get("/control/").content.decode()


def test_the_doctor_says_which_disk_is_full(working: Heartbeat, full_folder: None, monkeypatch: pytest.MonkeyPatch, settings: Settings):
    finding = next(one for one in doctor.examine() if one.what.startswith("The storage"))

    assert finding.what == "The storage cannot be written: the disk is full."
    assert finding.mend.endswith("is full. Free some space, then try again.")


def test_a_file_that_was_not_written_whole_goes_and_one_that_was_there_stays(tmp_path: Path, full_folder: None):
    (tmp_path / "there").write_bytes(b"mine")
    storage = Folder(location=tmp_path)

    for name in ("there", "new"):
        with pytest.raises(OSError, match="No space left"):
            storage.save(name, ContentFile(b"yours"))

    assert [path.name for path in tmp_path.iterdir() if path.stat().st_size] == ["there"]
    assert not (tmp_path / "new").exists()


def test_an_installation_keeps_its_files_in_a_folder_that_leaves_no_parts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    assert read_with(monkeypatch, tmp_path)["STORAGES"]["default"]["BACKEND"] == "studio.jobs.folder.Folder"


def closed(folder: Path) -> None:
    """Take root's right to write everywhere: a folder that others own is closed to whoever runs the studio."""
    library = ctypes.CDLL(None)
    for right in (1, 2):  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, from what the program that is started may have
        library.prctl(24, right, 0, 0, 0)  # PR_CAPBSET_DROP


@pytest.mark.parametrize("command", ["setup", "run"])
def test_a_folder_that_cannot_be_written_stops_a_command_with_its_name_and_its_owner(command: str, tmp_path: Path):
    folder = tmp_path / "data"
    folder.mkdir(mode=0o500)
    done = managed(folder, command)

    assert done.returncode == 1
    assert f"{folder} cannot be written: it belongs to" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_that_cannot_be_made_is_said_before_any_command(tmp_path: Path):
    (tmp_path / "closed").mkdir(mode=0o500)
    done = managed(tmp_path / "closed" / "data", "doctor")

    assert done.returncode == 1
    assert f"STUDIO_DATA_DIR is '{tmp_path}/closed/data', which cannot be used. {tmp_path}/closed cannot be written" in done.stderr
    assert "Traceback" not in done.stderr


def managed(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A command as somebody to whom this folder is closed."""
    keys = {"STUDIO_SECRET_KEY": "k" * 25 + "0123456789" * 4, "STUDIO_FIELD_KEYS": os.environ["STUDIO_FIELD_KEYS"]}
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "STUDIO_LOCAL": "1", "STUDIO_DATA_DIR": str(folder), **keys},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: closed(folder),
    )


def logged(*errors: BaseException) -> list[str]:
    """What the log has of these errors, one after the other."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(Repeated())
    log = logging.Logger("studio.jobs.hands")
    log.addHandler(handler)
    for number, error in enumerate(errors):
        log.error("not written down yet: the answer for %s", number, exc_info=error)
    return stream.getvalue().splitlines()


def test_a_disk_that_stays_full_is_one_line_in_the_log_without_a_traceback():
    lines = logged(*[OperationalError("database or disk is full")] * 100)

    assert lines == ["not written down yet: the answer for 0: the disk is full (OperationalError: database or disk is full)"]


def test_faults_that_differ_are_each_logged():
    lines = logged(ValueError("one"), ValueError("two"))

    assert [line for line in lines if line.startswith("not written")] == [f"not written down yet: the answer for {number}" for number in (0, 1)]


def test_a_reader_still_gets_the_board_of_a_full_disk(tide: Project, alice: User):
    ledger.grant(alice, 1_000_000, key="start", reason="for the test", actor=None)
    browser = signed_in(alice)
    with full_database():
        assert browser.get(f"/p/{tide.code}/").status_code == 200
