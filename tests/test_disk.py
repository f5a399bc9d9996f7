"""A disk of ours that is full or closed is called that, whichever driver said so."""

import errno
import os
import sqlite3
from pathlib import Path

import psycopg
import pytest
from django.db import OperationalError

from studio import disk
from studio.disk import Trouble
from tests.control.test_settings import no_entry


def sqlite_error(*, pages: int = 0, read_only: bool = False) -> sqlite3.Error:
    """What SQLite itself says when its file may not grow, or not be written."""
    database = sqlite3.connect("file::memory:")
    try:
        database.execute("CREATE TABLE kept (words TEXT)")
        database.execute(f"PRAGMA max_page_count = {pages}" if pages else f"PRAGMA query_only = {int(read_only)}")
        database.execute("INSERT INTO kept VALUES (?)", ["x" * 100_000])
    except sqlite3.Error as error:
        return error
    finally:
        database.close()
    raise AssertionError("SQLite took it")


def wrapped(error: BaseException) -> OperationalError:
    """The error as Django raises it."""
    outer = OperationalError(*error.args)
    outer.__cause__ = error
    return outer


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), Trouble.FULL),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), Trouble.FULL),
        (wrapped(sqlite_error(pages=2)), Trouble.FULL),
        (OperationalError("database or disk is full"), Trouble.FULL),
        (wrapped(psycopg.errors.DiskFull("could not extend file")), Trouble.FULL),
        (RuntimeError("MISCONF Redis is configured to save RDB snapshots, but it is currently not able to persist on disk."), Trouble.FULL),
        (PermissionError(errno.EACCES, "Permission denied", "/data/media/clips"), Trouble.CLOSED),
        (OSError(errno.EROFS, "Read-only file system"), Trouble.CLOSED),
        (wrapped(sqlite_error(read_only=True)), Trouble.CLOSED),
        (wrapped(psycopg.errors.ReadOnlySqlTransaction("cannot execute INSERT in a read-only transaction")), Trouble.CLOSED),
        (PermissionError(errno.EACCES, "Permission denied"), None),  # of a socket, which has no file name
        (OperationalError("database is locked"), None),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), None),
        (None, None),
    ],
)
def test_what_errors_say_about_our_disk(error: BaseException | None, trouble: Trouble | None):
    assert disk.trouble_of(error) is trouble


def test_an_error_that_came_from_a_full_disk_says_so_too():
    error = ValueError("the picture could not be kept")
    error.__context__ = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    assert disk.trouble_of(error) is Trouble.FULL


def test_an_operator_reads_which_folder_is_closed_and_whose_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "access", lambda _, mode: mode == os.X_OK)

    said = disk.explained(Trouble.CLOSED, [tmp_path / "media" / "clips"])

    assert f"{tmp_path} cannot be written: it belongs to" in said
    assert f"chown {os.geteuid()} {tmp_path}" in said


def test_a_file_where_the_folder_should_be_is_named(tmp_path: Path):
    (tmp_path / "media").write_text("no folder")

    assert disk.why_closed(tmp_path / "media") == f"{tmp_path / 'media'} is not a folder."


def test_a_folder_that_we_may_not_enter_is_named_and_not_what_lies_behind_it(tmp_path: Path):
    (tmp_path / "closed" / "data").mkdir(parents=True)
    with no_entry(tmp_path / "closed"):
        said = disk.explained(Trouble.CLOSED, [tmp_path / "closed" / "data"])
        assert not disk.is_full(tmp_path / "closed" / "data")

    assert said.startswith(f"{tmp_path}/closed cannot be entered: it belongs to ")
    assert "chown" not in said
