"""The trash of a project, and what the viewing room can do with one clip's keeping: throw it away, take it back, pin it."""

import uuid
from http import HTTPStatus

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect, trigger_client_event

from studio.gallery import keeping, trash_page
from studio.gallery.bar import Bar
from studio.gallery.forms import ChosenForm
from studio.gallery.many import MOST
from studio.gallery.marks import Mark
from studio.gallery.sight import Sight
from studio.gallery.wall_views import sight_of
from studio.jobs.models import Clip
from studio.jobs.trash import KEPT_FOR
from studio.jobs.wanted import uuid_of
from studio.projects.door import Pass, enter
from studio.web.htmx import is_part

WORD = "delete"


@require_safe
def project_trash(request: HttpRequest, code: str) -> HttpResponse:
    """What this person can take out of the project's trash, the newest first; `?before=` names a place further down."""
    entry = enter(request, code, to="make")
    before = Mark.read(request.GET.get("before", ""))
    if "before" in request.GET and before is None:
        raise Http404
    context = {"entry": entry, "page": trash_page.page_of(entry, before), "below": before, "days": KEPT_FOR.days, "word": WORD}
    return render(request, "gallery/trash.html", context)


@require_POST
def trash_restore(request: HttpRequest, code: str) -> HttpResponse:
    """Take the chosen clips out of the trash."""
    entry = enter(request, code, to="make")
    back = keeping.take_back(entry, _chosen(request))
    if back:
        messages.success(request, f"{_which(back)} {_are(back)} back where {'it was' if len(back) == 1 else 'they were'}.{_pinned(back)}")
    else:
        messages.warning(request, "Nothing was taken out of the trash: choose clips that are still there.")
    return redirect("project_trash", entry.project.code)


@require_POST
def trash_delete(request: HttpRequest, code: str) -> HttpResponse:
    """Delete the chosen clips for good, if the person wrote so."""
    entry = enter(request, code, to="own")
    if request.POST.get("word", "").strip().lower() != WORD:
        messages.error(request, f"Nothing was deleted. Write “{WORD}” to delete the chosen clips for good.")
    elif gone := keeping.delete_now(entry, _chosen(request)):
        messages.success(
            request, f"{_which(gone)} {_are(gone)} deleted for good. What was paid for {'it' if len(gone) == 1 else 'them'} stays in the books."
        )
    else:
        messages.warning(request, "Nothing was deleted: choose clips that are still there, and that no order edits or extends just now.")
    return redirect("project_trash", entry.project.code)


@require_POST
def clip_trash(request: HttpRequest, code: str, clip_id: uuid.UUID) -> HttpResponse:
    """Throw one clip away. A picked or pinned one only if its code was written."""
    entry, clip = _mine(request, code, clip_id)
    try:
        won = keeping.throw_away(clip, entry=entry, said=request.POST.get("said", "")[:40])
    except keeping.MustSay as asks:
        wrong = "Write its code to move it to the trash." if request.POST.get("said") else ""
        return _part(request, entry, clip, wrong=wrong or f"{asks} Write its code to move it to the trash.", status=HTTPStatus.UNPROCESSABLE_ENTITY)
    words = f"{clip.code} is in the trash. Its files are deleted in {KEPT_FOR.days} days." if won else f"{clip.code} was in the trash already."
    undo = {"post": reverse("clip_restore", args=[code, clip.pk]), "values": {}, "target": f"#keeping-{clip.pk}"}
    return _part(request, entry, clip, toast={"text": words, "tone": "success", "kind": "keeping", **({"undo": undo} if won else {})})


@require_POST
def clips_trash(request: HttpRequest) -> HttpResponse:
    """Throw the chosen clips of a wall away, or undo that. Answers with their tiles gone and a toast that undoes."""
    form = ChosenForm(request.POST)
    sight = sight_of(request, form.code)
    if not form.is_valid():
        return _done(request, sight, form, [], f"Choose up to {MOST} clips.", "error")
    if form.cleaned_data["undo"]:
        back = keeping.take_back_many(form.undone, passes=sight.passes)
        messages.success(
            request, f"{_which(back)} {_are(back)} back on the wall.{_pinned(back)}" if back else "Nothing of it is in the trash any more."
        )
        address = Bar(sight, form.filters).here
        return HttpResponseClientRedirect(address) if is_part(request) else redirect(address)
    asked = form.cleaned_data["clips"]
    clips = list(Clip.objects.present().filter(pk__in=asked, project__in=list(sight.passes)).select_related("job__project"))
    if len(clips) != len(asked):
        raise Http404
    thrown = keeping.throw_away_many(clips, passes=sight.passes)
    return _done(request, sight, form, thrown.gone, _told(thrown), "warning" if thrown.asked or thrown.others else "success")


def _told(thrown: keeping.Thrown) -> str:
    """What a press on many did."""
    gone = f"{_which(thrown.gone)} {_are(thrown.gone)} in the trash for {KEPT_FOR.days} days." if thrown.gone else "Nothing was moved to the trash."
    asked = f" {thrown.asked} left alone: picked or pinned, so each is moved in its viewing room." if thrown.asked else ""
    others = f" {thrown.others} left alone: only who ordered them or an owner can do this." if thrown.others else ""
    return gone + asked + others


def _done(request: HttpRequest, sight: Sight, form: ChosenForm, gone: list[Clip], text: str, tone: str) -> HttpResponse:
    """The wall without these tiles and the toast, or the wall again without a script."""
    bar = Bar(sight, form.filters)
    if not is_part(request):
        messages.add_message(request, messages.SUCCESS if tone == "success" else messages.WARNING, text)
        return redirect(bar.here)
    undo = ",".join(str(clip.pk) for clip in gone)
    answer = render(request, "gallery/_many_thrown.html", {"sight": sight, "bar": bar, "filters": form.filters, "gone": gone, "undo": undo})
    toast: dict[str, object] = {"text": text, "tone": tone, "kind": "keeping", **({"undo": {"form": "#undo-many"}} if undo else {})}
    return trigger_client_event(answer, "toast", toast)


@require_POST
def clip_restore(request: HttpRequest, code: str, clip_id: uuid.UUID) -> HttpResponse:
    """Take one clip out of the trash."""
    entry, clip = _mine(request, code, clip_id)
    back = keeping.take_back(entry, [clip.pk])
    words = f"{clip.code} is back where it was.{_pinned(back)}" if back else f"{clip.code} was not in the trash any more."
    return _part(request, entry, clip, toast={"text": words, "tone": "success" if back else "warning", "kind": "keeping"})


@require_POST
def clip_pin(request: HttpRequest, code: str, clip_id: uuid.UUID) -> HttpResponse:
    """Pin one clip, or take its pin off, as `to` says."""
    entry = enter(request, code, to="make")
    clip = get_object_or_404(Clip.objects.present().select_related("job__project", "job__author"), project=entry.project, pk=clip_id)
    off = request.POST.get("to") == "off"
    won = keeping.unpin(clip, by=entry.user) if off else keeping.pin(clip, by=entry.user)
    said = f"{clip.code} is not pinned any more." if off else f"{clip.code} is pinned: no rule moves it to the trash."
    return _part(request, entry, clip, toast={"text": said if won else f"{clip.code} was so already.", "tone": "success", "kind": "keeping"})


def _mine(request: HttpRequest, code: str, clip_id: uuid.UUID) -> tuple[Pass, Clip]:
    """The person's pass and a clip with its files, about which its author and owners decide."""
    entry = enter(request, code, to="make")
    clip = get_object_or_404(Clip.objects.with_files().select_related("job__project", "job__author"), project=entry.project, pk=clip_id)
    if not keeping.may_throw(clip, entry):
        raise PermissionDenied("Only who ordered it or an owner of the project can do this.")
    return entry, clip


def _part(
    request: HttpRequest, entry: Pass, clip: Clip, *, toast: dict[str, object] | None = None, wrong: str = "", status: int = HTTPStatus.OK
) -> HttpResponse:
    """The keeping part of the viewing room as it stands now, with the toast; without scripts, the page where it goes on."""
    if not is_part(request):
        messages.add_message(request, messages.ERROR if wrong else messages.SUCCESS, wrong or str((toast or {}).get("text", "")))
        gone = Clip.objects.in_trash().filter(pk=clip.pk).exists()
        return redirect("project_trash", entry.project.code) if gone else redirect("clip", entry.project.code, clip.pk)
    fresh = Clip.objects.select_related("job__project", "job__author", "decision__person", "pinned_by", "trashed_by").get(pk=clip.pk)
    context = {"entry": entry, "clip": fresh, "keeping": keeping.keeping_of(fresh, entry), "wrong": wrong}
    answer = render(request, "gallery/_keeping.html", context, status=status)
    return trigger_client_event(answer, "toast", toast) if toast else answer


def _chosen(request: HttpRequest) -> list[uuid.UUID]:
    return [key for text in request.POST.getlist("clip")[:MOST] if (key := uuid_of(text))]


def _pinned(back: list[Clip]) -> str:
    """What is pinned of these, as a sentence that follows another; empty where nothing is."""
    number = sum(clip.pinned_at is not None for clip in back)
    which = "It is" if len(back) == 1 else f"{number} of them {'is' if number == 1 else 'are'}"
    return f" {which} pinned: no rule moves {'it' if number == 1 else 'them'} to the trash." if number else ""


def _which(clips: list[Clip]) -> str:
    return clips[0].code if len(clips) == 1 else f"{len(clips)} clips"


def _are(clips: list[Clip]) -> str:
    return "is" if len(clips) == 1 else "are"
