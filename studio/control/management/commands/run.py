"""`manage.py run`, which is `make run`: the whole studio on this machine until Ctrl-C."""

import os

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connections

from studio.commands import StudioCommand
from studio.control import first_start, launcher
from studio.control.healthcheck import web_answers
from studio.keyring import listening_on


class Command(StudioCommand):
    help = "Set up everything, then run the web server and the worker until Ctrl-C."

    def handle(self, *args: object, **options: object) -> None:
        try:
            with launcher.claim_folder(settings.DATA_DIR):
                launcher.claim_port(settings.BIND, settings.PORT)
                self._set_up()
                trouble = self._run()
        except launcher.CannotStart as error:
            raise CommandError(str(error)) from error
        if trouble:
            raise CommandError(trouble)
        self.stdout.write("Stopped.")

    def _set_up(self) -> None:
        try:
            call_command("setup", stdout=self.stdout)
        except KeyboardInterrupt:
            raise CommandError("Stopped before it started.") from None

    def _run(self) -> str:
        """Why it ended; an empty string when somebody asked for it."""
        connections.close_all()  # children must not share ours
        environment = {**os.environ, "STUDIO_PORT": str(settings.PORT), "PYTHONUNBUFFERED": "1"}
        studio = launcher.Launcher(launcher.parts(), folder=settings.BASE_DIR, environment=environment)
        with listening_on(settings.DATA_DIR, settings.PORT):
            return studio.run(is_ready=lambda: web_answers(settings.BIND, settings.PORT), when_ready=self._when_ready)

    def _when_ready(self) -> None:
        self._say_where()
        connections.close_all()  # from here on we only wait

    def _say_where(self) -> None:
        admin = first_start.first_admin()
        self.stdout.write(f"\nThe studio runs at {settings.SITE_URL}")
        if admin and self.stdout.isatty():
            self.stdout.write(f"Sign in as {admin.email}, once, with {first_start.sign_in_link(admin)}")
        elif admin:  # a log is kept, and whoever reads it would be the admin
            self.stdout.write(f"To sign in as {admin.email}, make a link that works once: python manage.py sign_in_link")
        self.stdout.write("Ctrl-C stops it.\n")
        self.stdout.flush()
