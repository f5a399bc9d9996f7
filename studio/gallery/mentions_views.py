"""Where somebody is named: their list, and that they have seen it."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from studio.accounts.door import person
from studio.gallery import mentions
from studio.gallery.comment_forms import SeenForm
from studio.gallery.models import Mention
from studio.gallery.timecodes import timecode
from studio.jobs.board import shot_number
from studio.web.htmx import is_part, varied


@require_safe
def mentions_list(request: HttpRequest) -> HttpResponse:
    """The comments that name this person, newest first. `?before=` names a mention to go on from; htmx gets that part alone."""
    page = mentions.page_of(person(request), shot_number(request.GET.get("before", "")))
    rows = [(row, _at(row)) for row in page.rows]
    part = is_part(request) and "before" in request.GET
    return varied(render(request, "gallery/_mentions.html" if part else "gallery/mentions.html", {"rows": rows, "older": page.older}))


@require_POST
def mentions_seen(request: HttpRequest) -> HttpResponse:
    """What names this person was seen: about one clip, or everywhere."""
    form = SeenForm(request.POST)
    if not form.is_valid():
        return HttpResponse("Which clip is meant?", status=HTTPStatus.UNPROCESSABLE_ENTITY, content_type="text/plain")
    mentions.see(person(request), clip_id=form.cleaned_data["clip"])
    return HttpResponse(status=HTTPStatus.NO_CONTENT) if form.cleaned_data["clip"] else redirect("mentions")


def _at(row: Mention) -> str:
    """Where in its clip it was said."""
    comment = row.comment
    return timecode(comment.milliseconds, comment.clip.frame_rate) if comment.milliseconds is not None else ""
