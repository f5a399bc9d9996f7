"""`manage.py smoke`: one short clip through each connection, as a user would order it."""

from argparse import ArgumentParser

from django.core.management.base import CommandError

from studio.accounts.models import User, address_of
from studio.commands import StudioCommand
from studio.control import first_start, health, smoke
from studio.control.doctor import START_WORKER
from studio.projects.models import Project
from studio.routing.models import Connection

PATIENCE = {True: 60, False: 900}  # seconds, for the sandbox and for real providers
STARTING = 15  # seconds that a worker may need which is just being started


class Command(StudioCommand):
    help = "Order one short clip through each connection that is on, wait, and print what came of it. Real providers are paid for it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--connection", default="", metavar="LABEL", help="only this one")
        parser.add_argument("--project", default="", metavar="CODE", help="where the clips go (DEMO, or else the oldest project)")
        parser.add_argument("--email", default="", help="who orders and pays (the first admin)")
        parser.add_argument("--seconds", type=float, default=None, help="how long to wait at most (60 for the sandbox, 900 otherwise)")

    def handle(
        self, *args: object, connection: str = "", project: str = "", email: str = "", seconds: float | None = None, **options: object
    ) -> None:
        rows, author, place = _connections(connection), _author(email), _project(project)
        patience = seconds if seconds is not None else PATIENCE[all(row.sandbox for row in rows)]
        if silent := smoke.until(health.worker, seconds=min(patience, STARTING)):
            raise CommandError(f"{silent} {START_WORKER}")
        trials = smoke.watch([smoke.start(row, author=author, project=place) for row in rows], seconds=patience)
        for line in smoke.table(trials):
            self.stdout.write(line)
        bad = [trial.connection.label for trial in trials if not trial.is_good]
        if bad:
            raise CommandError(f"Not done: {', '.join(bad)}.")


def _connections(label: str) -> list[Connection]:
    on = Connection.objects.filter(enabled=True)
    rows = list(on.filter(label__same=label) if label else on)
    if not rows:
        known = ", ".join(on.values_list("label", flat=True)) or "none"
        raise CommandError(f"No connection {f'{label!r} ' if label else ''}is on. On are: {known}.")
    return rows


def _author(email: str) -> User:
    found = User.objects.filter(email=address_of(email), is_active=True).first() if email else first_start.first_admin()
    if found is None:
        raise CommandError(f"Nobody active has the e-mail address {email}." if email else "There is no admin yet. Run manage.py setup.")
    return found


def _project(code: str) -> Project:
    found = Project.objects.filter(code=(code or "DEMO").upper()).first() or (None if code else Project.objects.order_by("pk").first())
    if found is None:
        raise CommandError(f"There is no project {code}." if code else "There is no project yet. Run manage.py setup.")
    return found
