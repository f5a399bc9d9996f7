"""One file with everything that an installation keeps: its SQLite database as it is at one moment, while people work, and the stored files.

A copy of the database's file alone is an old one: what was written lately lies in the write-ahead log beside it. So SQLite itself copies it, and the
copy is checked before it counts. The database comes first and the files after it: a row never misses its file, and files that nobody knows harm nobody.
Secrets stay out, and whatever is restored sends nothing until somebody says so: what waited then may have been sent, and paid for, since.
"""

import hashlib
import io
import os
import shlex
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from django.conf import settings
from django.core.files.storage import FileSystemStorage, default_storage
from django.db import connection
from django.utils import timezone

DATABASE, MEDIA, HOW = "studio.sqlite3", "media", "RESTORE.txt"  # the names inside
WAIT = 20.0  # seconds for a writer
NO_DATABASE = "There is no database of the studio in {name}. Run manage.py setup first."
PAUSED = "Restored from a backup of {moment:%Y-%m-%d %H:%M} UTC. Orders that waited then may have been sent since: look at them, then switch this on."


class CannotBackUp(Exception):
    """Why there is no backup, for an operator. Nothing was left behind."""


@dataclass(slots=True)
class Backup:
    """What the file holds: jobs and clips in its database (None where that is not in it), stored files, bytes, and files that went meanwhile."""

    jobs: int | None = None
    clips: int | None = None
    files: int = 0
    bytes: int = 0
    gone: int = 0
    without: list[str] | None = None  # sentences about what is not in it


def make(file: Path) -> Backup:
    """Write the backup, a tar file, packed where its name ends in gz. Raises CannotBackUp, also where the file is there already, or OSError.

    It is written in a folder beside its place and gets its name once it is whole: what is killed before leaves nothing that looks like a backup.
    """
    made, moment = Backup(without=list(_left_out())), timezone.now()
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".backup-") as beside:
        part = Path(beside) / file.name
        _refuse_to_write_over(file)
        with part.open("xb") as out:
            part.chmod(0o600)
            with tarfile.open(fileobj=out, mode="w|gz" if file.suffix in {".gz", ".tgz"} else "w|") as tar:
                _add_text(tar, HOW, how_to_restore(moment), moment)
                if connection.vendor == "sqlite":
                    _add_database(tar, made, moment, Path(beside) / f"copy-of-{DATABASE}")
                if isinstance(default_storage, FileSystemStorage):
                    _add_files(tar, made, Path(settings.MEDIA_ROOT), besides=Path(beside))
            out.flush()
            os.fsync(out.fileno())
        made.bytes = part.stat().st_size
        _refuse_to_write_over(file)
        part.rename(file)
    return made


def _refuse_to_write_over(file: Path) -> None:
    if os.path.lexists(file):
        raise CannotBackUp(f"{file} is there already. Choose another name: a backup is never written over.")


def how_to_restore(moment: datetime) -> str:
    """What to do with the file, for whoever finds it."""
    lines = [
        f"A backup of the studio, {moment:%Y-%m-%d %H:%M} UTC. To restore it:",
        "1. Stop the web server and the worker.",
        f"2. Empty the data folder (STUDIO_DATA_DIR, now {settings.DATA_DIR}) but for secret_key and field_keys, {DATABASE}-wal and {DATABASE}-shm too.",
        "3. tar -xf THIS_FILE -C THE_DATA_FOLDER. Files belong where STUDIO_STORAGE_URL says: move the folder media there.",
        "4. Give the same STUDIO_SECRET_KEY and STUDIO_FIELD_KEYS as before (or the files secret_key and field_keys): they are not in here.",
        "5. manage.py setup, manage.py credits verify, then start. Use the same version as before, or a newer one.",
        "6. All connections are off. Cancel what waits and was made since, then switch them on.",
    ]
    return "\n".join(lines) + "\n"


def _left_out() -> Iterator[str]:
    """What the file does not hold, and how to keep it."""
    if connection.vendor != "sqlite":
        there = connection.settings_dict
        options = {"--host": there["HOST"], "--port": str(there["PORT"] or ""), "--username": there["USER"], "--dbname": there["NAME"]}
        words = " ".join(f"{name}={shlex.quote(value)}" for name, value in options.items() if value)
        yield f"The database is not in it. Dump it first: pg_dump --format=custom --file=studio.dump {words}"
    if not isinstance(default_storage, FileSystemStorage):
        yield "The files are not in it: they lie in a bucket, whose provider keeps versions or copies it."
    yield "STUDIO_SECRET_KEY and STUDIO_FIELD_KEYS are not in it. Keep them apart: without the second, provider keys have to be entered again."


def _add_database(tar: tarfile.TarFile, made: Backup, moment: datetime, copy: Path) -> None:
    """The database as it is now, checked, with every connection off. It is copied into the file `copy` first."""
    name = Path(str(connection.settings_dict["NAME"]))
    if not name.exists():  # connecting would make it
        raise CannotBackUp(NO_DATABASE.format(name=name))
    with closing(sqlite3.connect(name, timeout=WAIT)) as source, closing(sqlite3.connect(copy)) as target:
        _copy(source, target)
        if not target.execute("SELECT 1 FROM sqlite_master WHERE name = 'routing_connection'").fetchone():
            raise CannotBackUp(NO_DATABASE.format(name=name))
        target.execute("UPDATE routing_connection SET enabled = 0, paused_reason = ?", [PAUSED.format(moment=moment)])
        target.commit()
        made.jobs = target.execute("SELECT count(*) FROM jobs_job").fetchone()[0]
        made.clips = target.execute("SELECT count(*) FROM jobs_clip WHERE saved_at IS NOT NULL").fetchone()[0]
    with copy.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    tar.add(copy, DATABASE)
    copy.unlink()
    _add_text(tar, f"{DATABASE}.sha256", f"{digest}  {DATABASE}\n", moment)


def _copy(source: sqlite3.Connection, target: sqlite3.Connection) -> None:
    """Copy in one step, so that nobody who writes meanwhile waits or makes it start over, and check the copy. Raises CannotBackUp."""
    try:
        source.backup(target)
        target.execute("PRAGMA journal_mode = DELETE")  # or a part of it would lie in a log of its own
        troubles = [row[0] for row in target.execute("PRAGMA integrity_check")]
    except sqlite3.OperationalError:  # locked for too long, or a full disk
        raise
    except sqlite3.DatabaseError as error:
        troubles = [str(error)]
    if troubles != ["ok"]:
        raise CannotBackUp(f"The database is damaged: {'; '.join(troubles)[:500]}. Keep its file and its -wal file, and restore an earlier backup.")


def _add_files(tar: tarfile.TarFile, made: Backup, folder: Path, *, besides: Path) -> None:
    """Every stored file but those of the folder `besides`. One that is deleted meanwhile was thrown away by somebody, and is left out."""
    folder, besides = folder.resolve(), besides.resolve()
    for path in sorted(folder.rglob("*")):
        try:
            if path.is_file() and besides not in path.parents:
                with path.open("rb") as content:
                    _add(tar, f"{MEDIA}/{path.relative_to(folder)}", content)
                made.files += 1
        except FileNotFoundError:
            made.gone += 1


def _add(tar: tarfile.TarFile, name: str, content: IO[bytes]) -> None:
    tar.addfile(tar.gettarinfo(arcname=name, fileobj=content), content)


def _add_text(tar: tarfile.TarFile, name: str, text: str, moment: datetime) -> None:
    content = text.encode()
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime, entry.mode = len(content), int(moment.timestamp()), 0o600
    tar.addfile(entry, io.BytesIO(content))
