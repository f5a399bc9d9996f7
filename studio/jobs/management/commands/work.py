"""`manage.py work`: the worker process that an operator starts beside the web."""

from studio.commands import StudioCommand
from studio.jobs.supervisor import Supervisor


class Command(StudioCommand):
    help = "Run the worker: send, watch and save jobs until SIGTERM or Ctrl-C."

    def handle(self, *args: object, **options: object) -> None:
        Supervisor().run()
