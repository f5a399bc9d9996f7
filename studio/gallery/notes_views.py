"""Notes out: the comments of a clip and of a project as a file."""

import uuid

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from studio.accounts.sheets import sheet
from studio.gallery import notes, wall
from studio.gallery.models import Comment
from studio.jobs.models import present
from studio.projects.door import enter


@require_safe
def clip_notes(request: HttpRequest, code: str, clip_id: uuid.UUID) -> HttpResponseBase:
    """One clip's."""
    entry = enter(request, code)
    clip = get_object_or_404(wall.saved_clips(entry.project), pk=clip_id)
    return sheet(f"notes-{clip.code}", notes.COLUMNS, notes.rows(Comment.objects.filter(clip=clip)))


@require_safe
def project_notes(request: HttpRequest, code: str) -> HttpResponseBase:
    """The whole project's, about clips that are here."""
    entry = enter(request, code)
    return sheet(f"notes-{entry.project.code}", notes.COLUMNS, notes.rows(Comment.objects.filter(present("clip"), project=entry.project)))
