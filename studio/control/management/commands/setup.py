"""`manage.py setup`: everything that must be there before the first request. May run at every start; a second run changes nothing."""

from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import CommandError

from studio import file_modes
from studio.commands import StudioCommand
from studio.control import first_start
from studio.control.doctor import places


class Command(StudioCommand):
    help = "Create or update the tables, gather the static files, and furnish a fresh installation. Safe to repeat."

    def handle(self, *args: object, **options: object) -> None:
        file_modes.tighten(places())
        call_command("migrate", interactive=False, verbosity=0)
        if not settings.DEBUG and not static_files_are_fresh():
            call_command("collectstatic", interactive=False, verbosity=0)
        try:
            if first_start.furnish():
                self.stdout.write(f"Made the admin {settings.ADMIN_EMAIL}, the project Demo and 1,000 credits.")
        except first_start.WrongAddress as error:
            raise CommandError(str(error)) from error
        for connection in first_start.connect_sandbox():
            self.stdout.write(f"Connected {connection.label}.")


def static_files_are_fresh() -> bool:
    """Whether what was gathered is newer than every file it was gathered from. Compressing them takes seconds, so it is not done twice."""
    manifest = Path(settings.STATIC_ROOT) / "staticfiles.json"
    if not manifest.exists():
        return False
    gathered = manifest.stat().st_mtime
    files = (Path(storage.path(name)) for finder in get_finders() for name, storage in finder.list([]))
    return all(file.stat().st_mtime <= gathered for file in files)
