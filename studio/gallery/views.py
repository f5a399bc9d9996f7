"""The viewing room, and the addresses of private bytes: each goes through the project's door, or needs a signed path."""

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from studio.gallery import keeping, posters, wall
from studio.gallery.bar import Bar
from studio.gallery.comment_views import room_thread
from studio.gallery.favourites import likes
from studio.gallery.filters import Filters
from studio.gallery.forms import NameForm
from studio.gallery.guest_decisions import opinions_of_guests
from studio.gallery.lineage import lineage_of
from studio.gallery.naming import words_for
from studio.gallery.serving import (
    NOT_AT_ALL,
    Parcel,
    cache_control,
    deliver,
    disposition,
    kind_of,
    not_made,
    send,
    suffix_of,
    telling_name,
)
from studio.gallery.sight import Sight
from studio.gallery.standing import besides, opinions_of, standing_with
from studio.gallery.titled import can_be_titled, titled
from studio.jobs.models import Clip, Reference
from studio.jobs.receipts import receipt
from studio.jobs.references import reference_of
from studio.jobs.views import attempts_of
from studio.jobs.wanted import changes_of
from studio.projects.door import Pass, enter, passes


@require_safe
def clip(request: HttpRequest, code: str, clip_id: uuid.UUID) -> HttpResponse:
    """The viewing room of one clip, among those of the wall that the address names: this project's, or with `?wall=all` all, narrowed and sorted as that was."""
    entry = enter(request, code)
    shown = wall.saved_clips(entry.project).select_related("decision__person", "pinned_by").filter(pk=clip_id).first()
    if shown is None:
        return _gone(request, entry, clip_id)
    opinions = opinions_of(shown)
    standing = standing_with(shown, opinions, entry)
    sight = Sight(entry.user, passes(entry.user)) if request.GET.get("wall") == "all" else Sight.of(entry)
    bar = Bar(sight, Filters.read(request.GET.dict()))
    lineage = lineage_of(shown)
    context = {
        "entry": entry,
        "clip": shown,
        "bar": bar,
        "standing": standing,
        "opinions": besides(opinions, standing.decision),
        "guests": opinions_of_guests(shown),
        "place": wall.place_of(shown, sight, bar.filters),
        "facts": wall.facts_of(shown),
        "receipt": receipt(shown.job, attempts_of(shown.job)),
        "references": lineage.references,
        "lineage": lineage,
        "liked": likes(shown, entry.user),
        "may_name": entry.answers_for(shown.job.author_id),
        "form": NameForm(),
        "changes": changes_of(shown) if entry.may_make else set(),
        "thread": room_thread(shown, entry),
        "keeping": keeping.keeping_of(shown, entry),
        "wrong": "",
    }
    return render(request, "gallery/clip.html", context)


def _gone(request: HttpRequest, entry: Pass, clip_id: uuid.UUID) -> HttpResponse:
    """Where a clip that is not on the wall any more is told of: the trash for who can take it back, its job's page once it is deleted; Http404 else."""
    clip = get_object_or_404(Clip.objects.filter(trashed_at__isnull=False).select_related("job__project"), project=entry.project, pk=clip_id)
    if clip.erased_at:
        messages.info(request, f"{clip.code} is not here any more. {clip.trashed_why}.")
        return redirect("job", entry.project.code, clip.job.number)
    if not keeping.may_throw(clip, entry):
        raise Http404
    return redirect(f"{reverse('project_trash', args=[entry.project.code])}#clip-{clip.pk}")


@require_safe
def clip_video(request: HttpRequest, code: str, clip_id: uuid.UUID) -> HttpResponseBase:
    """The clip's bytes, to be played."""
    _, shown = _saved_clip(request, code, clip_id)
    return send(request, Parcel(shown.file.name, shown.sha256))


@require_safe
def clip_download(request: HttpRequest, code: str, clip_id: uuid.UUID) -> HttpResponseBase:
    """The clip's bytes, to be kept under a telling name."""
    _, shown = _saved_clip(request, code, clip_id)
    return send(request, Parcel(shown.file.name, shown.sha256, save_as=_file_name(shown)))


@require_safe
def clip_titled(request: HttpRequest, code: str, clip_id: uuid.UUID) -> HttpResponseBase:
    """The clip with its title, author and prompt written into the file; the original where that cannot be."""
    _, shown = _saved_clip(request, code, clip_id)
    if not can_be_titled(shown):
        return clip_download(request, code, clip_id)
    if request.method == "HEAD":
        if not default_storage.exists(str(shown.file.name)):
            raise Http404
        return _as_titled(not_made(kind_of(shown.file.name)), shown)
    file = titled(shown)
    return _as_titled(FileResponse(file, content_type=kind_of(shown.file.name)), shown) if file else clip_download(request, code, clip_id)


def _as_titled(answer: HttpResponseBase, shown: Clip) -> HttpResponseBase:
    """The answer with its headers."""
    answer.headers["Content-Disposition"] = disposition(_file_name(shown))
    answer.headers["Cache-Control"] = cache_control(NOT_AT_ALL)
    answer.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return answer


def _file_name(clip: Clip) -> str:
    return telling_name(clip.code, words_for(clip), suffix_of(clip.file.name))


@require_safe
def clip_poster(request: HttpRequest, code: str, clip_id: uuid.UUID) -> HttpResponseBase:
    """The clip's telling frame."""
    _, shown = _saved_clip(request, code, clip_id)
    return send(request, Parcel(shown.poster.name, shown.sha256))


@require_safe
def clip_picture(request: HttpRequest, code: str, clip_id: uuid.UUID, width: int, digest: str) -> HttpResponseBase:
    """The clip's telling frame in one size, under an address that names its content; an old address leads to the present one."""
    _, shown = _saved_clip(request, code, clip_id)
    if width not in {*posters.WIDTHS, posters.FULL}:
        raise Http404
    if digest != posters.digest(shown):
        return redirect(posters.address(shown, width))
    return send(request, Parcel(posters.file_of(shown, width), f"{digest}-{width}"))


@require_safe
def clip_sheet(request: HttpRequest, code: str, clip_id: uuid.UUID) -> HttpResponseBase:
    """The strip of frames for scrubbing."""
    _, shown = _saved_clip(request, code, clip_id)
    return send(request, Parcel(shown.sheet.name, shown.sha256))


@require_safe
def reference(request: HttpRequest, code: str, reference_id: uuid.UUID) -> HttpResponseBase:
    """A reference image that we keep. One that is only an address is nowhere here."""
    entry = enter(request, code)
    image = get_object_or_404(Reference.objects.exclude(file=""), project=entry.project, pk=reference_id)
    return send(request, Parcel(image.file.name, image.sha256))


@login_not_required  # a provider fetches this: the signature opens the door, for two hours
@require_safe
def reference_public(request: HttpRequest, signed: str) -> HttpResponseBase:
    """The reference image of a signed path."""
    image = reference_of(signed)
    if image is None:
        raise Http404
    return deliver(request, Parcel(image.file.name, image.sha256))  # not every provider follows a redirect


def _saved_clip(request: HttpRequest, code: str, clip_id: uuid.UUID) -> tuple[Pass, Clip]:
    """The person's pass and the clip, which belongs to this project and is here, or in the trash within this person's reach; Http404 otherwise."""
    entry = enter(request, code)
    found = get_object_or_404(Clip.objects.with_files().select_related("job__project"), project=entry.project, pk=clip_id)
    if not found.is_present and not keeping.may_throw(found, entry):
        raise Http404
    return entry, found
