"""Django's entry for this app."""

from django.apps import AppConfig
from django.db.backends.signals import connection_created

from studio import database


class JobsConfig(AppConfig):
    """Names the app, and limits how long a connection to the database may stand still inside a transaction."""

    name = "studio.jobs"
    label = "jobs"

    def ready(self) -> None:
        """Have each new connection limited."""
        connection_created.connect(database.limit_pauses)
