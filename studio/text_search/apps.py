"""Django's entry for this app."""

from django.apps import AppConfig
from django.db.backends.signals import connection_created
from django.db.migrations import Migration
from django.db.models.signals import post_migrate, pre_migrate

from studio.text_search import functions, indexes, lookups  # noqa: F401 - lookups register themselves


class TextSearchConfig(AppConfig):
    """Names the app, gives connections its functions, and sees to the indexes whenever migrations run."""

    name = "studio.text_search"
    label = "text_search"

    def ready(self) -> None:
        """Connect to Django's own signals about connections and migrations."""
        connection_created.connect(functions.register)
        pre_migrate.connect(_before, sender=self)
        post_migrate.connect(_after, sender=self)


def _before(*, using: str, plan: list[tuple[Migration, bool]], **_: object) -> None:
    indexes.take_down(using, {migration.app_label for migration, _ in plan})


def _after(*, using: str, **_: object) -> None:
    indexes.put_up(using)
