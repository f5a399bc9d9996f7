"""`manage.py recheck`: read every stored clip now and compare it with what was saved. Exit status 1 if anything is missing or changed."""

import sys
from argparse import ArgumentParser
from collections.abc import Iterator

from django.core.management.base import CommandError
from django.db.models import QuerySet

from studio.commands import StudioCommand
from studio.jobs import recheck
from studio.jobs.models import Clip

EVERY = 100  # clips between two lines of progress, and of one query


class Command(StudioCommand):
    help = "Read every stored clip and compare it with its SHA-256. Exits with 1 if a file is missing or changed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", help="only the clips of the project with this code")

    def handle(self, *args: object, **options: object) -> None:
        clips = Clip.objects.with_files().select_related("job__project")
        if code := str(options["project"] or "").upper():
            clips = clips.filter(project__code=code)
            if not clips.exists():
                raise CommandError(f"No project {code} has stored clips.")
        total, wrong, read = clips.count(), 0, 0
        for number, clip in enumerate(_in_parts(clips), start=1):
            if fault := recheck.check(clip, alive=_nothing):
                wrong += 1
                self.stdout.write(f"{clip.code}  {clip.file.name}  {fault}")
            read += clip.bytes
            if number % EVERY == 0:
                self.stdout.write(f"{number:,} of {total:,} clips, {read / 1e9:.1f} GB read, {wrong:,} wrong")
        self.stdout.write(f"{total:,} clips checked, {read / 1e9:.1f} GB read: {f'{wrong:,} wrong' if wrong else 'all are what was saved'}.")
        if wrong:
            sys.exit(1)


def _in_parts(clips: "QuerySet[Clip]") -> Iterator[Clip]:
    """All of these clips, each part read to its end: SQLite refuses to write beside a cursor that is still open once somebody else has written."""
    part = list(clips.order_by("pk")[:EVERY])
    while part:
        yield from part
        part = list(clips.filter(pk__gt=part[-1].pk).order_by("pk")[:EVERY])


def _nothing() -> None:
    """No supervisor waits for a sign of life here."""
