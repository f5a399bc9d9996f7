"""The one writer of saved views: a name for what a wall is narrowed to. Sharing is an owner's act; the wall of all projects is nobody's to share."""

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction

from studio.accounts.actions import CannotDo
from studio.gallery.filters import Filters
from studio.gallery.models import SavedView
from studio.gallery.sight import Sight
from studio.projects.door import REFUSALS

MOST = 30  # of one person at one wall


def keep(sight: Sight, name: str, filters: Filters, *, share: bool) -> SavedView:
    """The new view. Raises CannotDo for a name that is taken or one view too many, PermissionDenied where the person may not share."""
    project = sight.entry.project if sight.entry else None
    _refuse_sharing(sight, share=share)
    if SavedView.objects.filter(owner=sight.user, project=project).count() >= MOST:
        raise CannotDo(f"You have {MOST} views here. Remove one that you no longer open.")
    return _written(SavedView(owner=sight.user, project=project, name=name, query=filters.query, shared=share))


def change(view: SavedView, sight: Sight, name: str, *, share: bool) -> None:
    """Another name, shared or not. Raises as `keep` does."""
    _refuse_sharing(sight, share=share and not view.shared)
    if not name:
        raise CannotDo("A view needs a name of at most 60 characters.")
    view.name, view.shared = name, share
    _written(view)


def _refuse_sharing(sight: Sight, *, share: bool) -> None:
    if share and not (sight.entry and sight.entry.may_own):
        raise PermissionDenied(REFUSALS["own"])


def _written(view: SavedView) -> SavedView:
    try:
        with transaction.atomic():
            view.save()
    except IntegrityError as error:
        raise CannotDo(f"You have a view named “{view.name}” here already.") from error
    return view
