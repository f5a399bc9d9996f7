"""`manage.py backup FILE`: the database and the stored files in one file, while the studio runs."""

import sqlite3
from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import CommandError

from studio import disk
from studio.commands import StudioCommand
from studio.control import backup
from studio.disk import Trouble


class Command(StudioCommand):
    help = "Write the database and the stored files into one tar file (packed where its name ends in .gz). Safe while the studio runs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="a file that does not exist yet, such as /srv/backups/studio-2026-11-30.tar")

    def handle(self, *args: object, file: Path, **options: object) -> None:
        try:
            made = backup.make(file)
        except backup.CannotBackUp as error:
            raise CommandError(str(error)) from error
        except (OSError, sqlite3.OperationalError) as error:
            raise CommandError(_why(error, file)) from error
        if made.jobs is not None:
            self.stdout.write(f"The database, checked: {made.jobs:,} jobs, {made.clips:,} saved clips.")
        gone = f"; {made.gone:,} were deleted meanwhile" if made.gone else ""
        self.stdout.write(f"{made.files:,} stored files{gone}. {made.bytes / 1e6:,.1f} MB in {file}.")
        for words in made.without or []:
            self.stdout.write(words)
        self.stdout.write(f"How to restore it stands in {backup.HOW} inside: tar -xOf {file} {backup.HOW}")


def _why(error: OSError | sqlite3.OperationalError, file: Path) -> str:
    """Why there is no backup. By now the disk that was full is not any more, so nobody else could tell which one it was."""
    if disk.trouble_of(error) is Trouble.FULL:
        return f"The disk of {file.parent} is full. Nothing was kept."
    if disk.trouble_of(error) is Trouble.CLOSED and (closed := disk.why_closed(file.parent)):
        return closed
    if isinstance(error, sqlite3.OperationalError):
        return f"The database cannot be copied: {error}."
    inside = error.filename is None or Path(error.filename).parent.name.startswith(".backup-") or not file.parent.is_dir()
    return f"{file} cannot be written: {error.strerror}." if inside else f"There is no backup, because of {error.filename}: {error.strerror}."
