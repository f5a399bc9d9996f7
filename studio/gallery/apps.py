"""Django's entry for this app."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class GalleryConfig(AppConfig):
    """Names the app, tells batches how kept clips are counted, says what people leave behind here, and sees to the wall's triggers whenever migrations run."""

    name = "studio.gallery"
    label = "gallery"
    as_now = False  # whether the wall's triggers were those of this release before migrations ran

    def ready(self) -> None:
        """Register the count and what people leave behind, and connect to Django's own signals about migrations."""
        from studio.accounts.departing import register
        from studio.gallery.batches import kept_in  # tables exist only now
        from studio.gallery.leaving import SOURCE
        from studio.jobs.batch_rules import count_kept_with

        register(SOURCE)
        count_kept_with(kept_in)
        pre_migrate.connect(_before, sender=self)
        post_migrate.connect(_after, sender=self)


def _before(*, sender: GalleryConfig, using: str, plan: list[object], **_: object) -> None:
    from studio.gallery import triggers

    sender.as_now = triggers.are_up(using)
    if plan:
        triggers.take_down(using)


def _after(*, sender: GalleryConfig, using: str, **_: object) -> None:
    from studio.gallery import triggers

    as_now, sender.as_now = sender.as_now, False
    if triggers.are_up(using):
        return
    if as_now:
        triggers.put_up(using)
    else:
        triggers.put_up_anew(using)
