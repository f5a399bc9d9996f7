"""What a clip is called: the one writer of its title. Without one it goes by its code."""

from django.core.exceptions import PermissionDenied
from django.db import transaction

from studio.gallery import search
from studio.jobs.models import Clip
from studio.projects.door import Pass

LONGEST = 120  # characters


def words_for(clip: Clip) -> str:
    """What it is told by beside its code: its title, else the prompt that it was made of. The clip was fetched with its job."""
    return clip.title or clip.job.prompt


def rename(clip: Clip, title: str, *, entry: Pass) -> None:
    """Call it so; an empty title returns it to its code. Raises PermissionDenied for anybody but its author and owners."""
    if not entry.answers_for(clip.job.author_id):
        raise PermissionDenied("Only who ordered a clip, or an owner of the project, can name it.")
    clip.title = title
    with transaction.atomic():
        Clip.objects.filter(pk=clip.pk).update(title=title)
        search.hear(clip.pk)
