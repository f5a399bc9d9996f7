"""Django's entry for this app."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class GalleryConfig(AppConfig):
    """Names the app, tells batches how kept clips are counted, which stand a layer below, and sees to the wall's triggers whenever migrations run."""

    name = "studio.gallery"
    label = "gallery"

    def ready(self) -> None:
        """Register the count, and connect to Django's own signals about migrations."""
        from studio.gallery.batches import kept_in  # tables exist only now
        from studio.jobs.batch_rules import count_kept_with

        count_kept_with(kept_in)
        pre_migrate.connect(_before, sender=self)
        post_migrate.connect(_after, sender=self)


def _before(*, using: str, plan: list[object], **_: object) -> None:
    from studio.gallery import triggers

    if plan:
        triggers.take_down(using)


def _after(*, using: str, **_: object) -> None:
    from studio.gallery import triggers

    if not triggers.are_up(using):
        triggers.put_up(using)
