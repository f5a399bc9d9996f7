"""Django's entry for this app."""

from django.apps import AppConfig
from django.db.backends.signals import connection_created

from studio import database


class JobsConfig(AppConfig):
    """Names the app, says what people leave behind here, and limits how long a connection to the database may stand still inside a transaction."""

    name = "studio.jobs"
    label = "jobs"

    def ready(self) -> None:
        """Register what people leave behind, and have each new connection limited."""
        from studio.accounts.departing import register
        from studio.jobs.leaving import SOURCE  # tables exist only now

        register(SOURCE)
        connection_created.connect(database.limit_pauses)
