"""The gallery, the viewing room, and the addresses of private bytes: each goes through the project's door, or needs a signed path."""

import uuid

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from studio.gallery import wall
from studio.gallery.serving import HOUR, Parcel, send, telling_name
from studio.jobs.models import Clip, Reference
from studio.jobs.references import reference_of
from studio.jobs.views import is_part, varied
from studio.projects.door import Pass, enter
from studio.projects.lately import remember

DAY = 24 * HOUR


@require_safe
def gallery(request: HttpRequest, code: str) -> HttpResponse:
    """The wall of saved clips. `?before=` names a place further down; htmx gets that part alone."""
    entry = enter(request, code)
    before = _mark(request)
    part = before is not None and is_part(request)
    context = {"entry": entry, "page": wall.page_of(entry.project, before), "below": before}
    if not part:
        context["figures"] = wall.figures(entry.project)
    remember(request, entry.project)
    return varied(render(request, "gallery/_older.html" if part else "gallery/gallery.html", context))


def _mark(request: HttpRequest) -> wall.Mark | None:
    """The place on the wall that the address names, or None for the top."""
    if "before" not in request.GET:
        return None
    mark = wall.Mark.read(request.GET["before"])
    if mark is None:
        raise Http404
    return mark


@require_safe
def clip(request: HttpRequest, code: str, clip_id: uuid.UUID) -> HttpResponse:
    """The viewing room of one clip."""
    entry, shown = _saved_clip(request, code, clip_id)
    references = [place.reference for place in shown.job.job_references.select_related("reference")]
    context = {"entry": entry, "clip": shown, "place": wall.place_of(shown), "facts": wall.facts_of(shown), "references": references}
    return render(request, "gallery/clip.html", context)


@require_safe
def clip_video(request: HttpRequest, code: str, clip_id: uuid.UUID) -> HttpResponseBase:
    """The clip's bytes, to be played."""
    _, shown = _saved_clip(request, code, clip_id)
    return send(request, Parcel(shown.file.name, shown.sha256))


@require_safe
def clip_download(request: HttpRequest, code: str, clip_id: uuid.UUID) -> HttpResponseBase:
    """The clip's bytes, to be kept under a telling name."""
    _, shown = _saved_clip(request, code, clip_id)
    name = telling_name(shown.code, shown.job.prompt, str(shown.file.name).rpartition(".")[2])
    return send(request, Parcel(shown.file.name, shown.sha256, save_as=name))


@require_safe
def clip_poster(request: HttpRequest, code: str, clip_id: uuid.UUID) -> HttpResponseBase:
    """The clip's telling frame."""
    _, shown = _saved_clip(request, code, clip_id)
    return send(request, Parcel(shown.poster.name, shown.sha256, seconds=DAY))


@require_safe
def clip_sheet(request: HttpRequest, code: str, clip_id: uuid.UUID) -> HttpResponseBase:
    """The strip of frames for scrubbing."""
    _, shown = _saved_clip(request, code, clip_id)
    return send(request, Parcel(shown.sheet.name, shown.sha256, seconds=DAY))


@require_safe
def reference(request: HttpRequest, code: str, reference_id: uuid.UUID) -> HttpResponseBase:
    """A reference image that we keep. One that is only an address is nowhere here."""
    entry = enter(request, code)
    image = get_object_or_404(Reference.objects.exclude(file=""), project=entry.project, pk=reference_id)
    return send(request, Parcel(image.file.name, image.sha256, seconds=DAY))


@login_not_required  # a provider fetches this: the signature opens the door, for two hours
@require_safe
def reference_public(request: HttpRequest, signed: str) -> HttpResponseBase:
    """The reference image of a signed path."""
    image = reference_of(signed)
    if image is None:
        raise Http404
    return send(request, Parcel(image.file.name, image.sha256))


def _saved_clip(request: HttpRequest, code: str, clip_id: uuid.UUID) -> tuple[Pass, Clip]:
    """The person's pass and the clip, which belongs to this project and is saved; Http404 otherwise."""
    entry = enter(request, code)
    return entry, get_object_or_404(wall.saved_clips(entry.project), pk=clip_id)
