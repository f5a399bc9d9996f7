"""`manage.py backup FILE`: the database and the stored files in one file, while the studio runs."""

from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from studio.control import backup


class Command(BaseCommand):
    help = "Write the database and the stored files into one tar file (packed where its name ends in .gz). Safe while the studio runs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="a file that does not exist yet, such as /srv/backups/studio-2026-11-30.tar")

    def handle(self, *args: object, file: Path, **options: object) -> None:
        try:
            made = backup.make(file)
        except backup.CannotBackUp as error:
            raise CommandError(str(error)) from error
        except (FileNotFoundError, NotADirectoryError) as error:
            raise CommandError(f"{file} cannot be written: {error.strerror}.") from error
        if made.jobs is not None:
            self.stdout.write(f"The database, checked: {made.jobs:,} jobs, {made.clips:,} saved clips.")
        gone = f"; {made.gone:,} were deleted meanwhile" if made.gone else ""
        self.stdout.write(f"{made.files:,} stored files{gone}. {made.bytes / 1e6:,.1f} MB in {file}.")
        for words in made.without or []:
            self.stdout.write(words)
        self.stdout.write(f"How to restore it stands in {backup.HOW} inside: tar -xOf {file} {backup.HOW}")
