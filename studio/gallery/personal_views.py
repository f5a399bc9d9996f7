"""Two small presses on a clip: liking it, and giving it a name."""

import uuid
from http import HTTPStatus

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from studio.gallery import favourites, wall
from studio.gallery.forms import NameForm
from studio.gallery.naming import rename
from studio.projects.door import enter
from studio.web.htmx import is_part


@require_POST
def clip_favourite(request: HttpRequest, code: str, clip_id: uuid.UUID) -> HttpResponse:
    """Like it, or with `off` no longer. Asking twice is asking once."""
    entry = enter(request, code)
    clip = get_object_or_404(wall.saved_clips(entry.project), pk=clip_id)
    is_liked = "off" not in request.POST
    (favourites.like if is_liked else favourites.unlike)(clip, entry.user)
    if is_part(request):
        return render(request, "gallery/_favourite.html", {"clip": clip, "liked": is_liked})
    return redirect("clip", code, clip.pk)


@require_POST
def clip_name(request: HttpRequest, code: str, clip_id: uuid.UUID) -> HttpResponse:
    """Call the clip by another name; one that is too long comes back as it was typed, with the reason."""
    entry = enter(request, code, to="make")
    clip = get_object_or_404(wall.saved_clips(entry.project), pk=clip_id)
    form = NameForm(request.POST)
    good = form.is_valid()
    if good:
        rename(clip, form.cleaned_data["title"], entry=entry)
    if is_part(request):
        context = {"entry": entry, "clip": clip, "form": form, "may_name": True, "apart": good}
        return render(request, "gallery/_named.html", context, status=HTTPStatus.OK if good else HTTPStatus.UNPROCESSABLE_ENTITY)
    if not good:
        messages.warning(request, " ".join(str(sentence) for sentence in form.errors["title"]))
    return redirect("clip", code, clip.pk)
