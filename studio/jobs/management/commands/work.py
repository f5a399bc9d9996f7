"""`manage.py work`: the worker process that an operator starts beside the web."""

from django.core.management.base import BaseCommand

from studio.jobs.supervisor import Supervisor


class Command(BaseCommand):
    help = "Run the worker: send, watch and save jobs until SIGTERM or Ctrl-C."

    def handle(self, *args: object, **options: object) -> None:
        Supervisor().run()
