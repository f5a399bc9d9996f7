"""What a clip is called: the one writer of its title. Without one it goes by its code."""

from django.core.exceptions import PermissionDenied
from django.db import transaction

from studio.gallery import search
from studio.jobs.models import Clip
from studio.projects.door import Pass

LONGEST = 120  # characters


def may_name(entry: Pass, clip: Clip) -> bool:
    """Whether this person may name it: who ordered it, and owners of the project."""
    return entry.may_make and (entry.may_own or clip.job.author_id == entry.user.pk)


def rename(clip: Clip, title: str, *, entry: Pass) -> None:
    """Call it so; an empty title returns it to its code. Raises PermissionDenied for anybody but its author and owners."""
    if not may_name(entry, clip):
        raise PermissionDenied("Only who ordered a clip, or an owner of the project, can name it.")
    clip.title = title
    with transaction.atomic():
        Clip.objects.filter(pk=clip.pk).update(title=title)
        search.hear(clip.pk)
