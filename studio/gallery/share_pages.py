"""The pages on which members share: a new link, the list of links, one link's switches. The form opens in a dialog where there is a script, else as a page."""

import uuid
from http import HTTPStatus

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from studio.accounts.addresses import absolute
from studio.gallery import share_actions, share_guests, wall
from studio.gallery.share_actions import enter_links, may_change
from studio.gallery.share_forms import MOST_CLIPS, ShareForm, ids_of
from studio.gallery.share_models import ShareLink
from studio.gallery.shows import Show, narrowed
from studio.jobs.models import Clip
from studio.projects.door import Pass, enter
from studio.web.htmx import is_part, varied

CHOICE = 24  # clips to choose from on the page of a new link; the wall has them all


def address_of(request: HttpRequest, link: ShareLink) -> str:
    """The address to pass on; empty where it can no longer be told."""
    return absolute(request, "share", link.token) if link.is_copyable else ""


@never_cache
@require_http_methods(["GET", "POST"])
def share_new(request: HttpRequest, code: str) -> HttpResponse:
    """Make a link to the clips whose ids come as `clips`, or to a live view where none come. Without a title the form is asked for first."""
    entry = enter(request, code, to="make")
    words = request.POST if request.method == "POST" else request.GET
    asked = ids_of(words.getlist("clips"))
    clips = _clips(entry, asked)
    is_view = not asked
    if not is_view and (why := _refusal(clips, asked)):
        messages.error(request, why)
        return redirect("gallery", entry.project.code)
    if "title" not in request.POST:
        form = ShareForm.first(title=_title(entry, clips), is_view=is_view, owns=entry.may("own"))
        return _asked(request, entry, form, clips=clips)
    form = ShareForm(request.POST, is_view=is_view, owns=entry.may("own"))
    if not form.is_valid():
        return _asked(request, entry, form, clips=clips)
    link = share_actions.make(form.facts(), None if is_view else [clip.pk for clip in clips], entry=entry)
    return _made(request, entry, link)


def _clips(entry: Pass, asked: list[uuid.UUID]) -> list[Clip]:
    """Those of the clips that this project has."""
    return list(wall.saved_clips(entry.project).filter(pk__in=asked[: MOST_CLIPS + 1])) if asked else []


def _refusal(clips: list[Clip], asked: list[uuid.UUID]) -> str:
    """Why these clips cannot be shared together; empty where they can."""
    if len(asked) > MOST_CLIPS:
        return f"A link takes at most {MOST_CLIPS} clips. Share a live view instead."
    return "" if clips else "None of these clips is in this project any more."


def _title(entry: Pass, clips: list[Clip]) -> str:
    return clips[0].code if len(clips) == 1 else entry.project.name


def _asked(request: HttpRequest, entry: Pass, form: ShareForm, *, clips: list[Clip], link: ShareLink | None = None) -> HttpResponse:
    """The form, in a dialog or on a page of its own."""
    context = {"entry": entry, "form": form, "clips": clips, "link": link, "ids": ",".join(str(clip.pk) for clip in clips)}
    if not (clips or link or is_part(request)):
        context["choice"] = narrowed(wall.saved_clips(entry.project), Show.OPEN)[:CHOICE]
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
    return varied(render(request, "gallery/_share_form.html" if is_part(request) else "gallery/share_new.html", context, status=status))


def _made(request: HttpRequest, entry: Pass, link: ShareLink) -> HttpResponse:
    """The address, in the dialog or in the list."""
    if is_part(request):
        context = {"entry": entry, "link": link, "address": address_of(request, link)}
        return varied(render(request, "gallery/_share_made.html", context))
    messages.success(request, f"“{link.title}” is shared. Copy its address below.")
    return redirect("share_links", entry.project.code)


@never_cache
@require_safe
def share_links(request: HttpRequest, code: str) -> HttpResponse:
    """The project's live links, newest first, and the last ones that ended. `?before=` names a place further down."""
    entry = enter_links(request, code)
    before = _number(request.GET.get("before", ""))
    links, older = share_actions.live_links(entry, before)
    rows = [(link, address_of(request, link), may_change(link, entry)) for link in links]
    over = share_actions.ended_links(entry) if before is None else []
    return render(request, "gallery/share_links.html", {"entry": entry, "rows": rows, "older": older, "paged": before is not None, "over": over})


def _number(text: str) -> int | None:
    """An id out of an address, or None."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None  # noqa: PLR2004 - digits of a BIGINT


@never_cache
@require_http_methods(["GET", "POST"])
def share_edit(request: HttpRequest, code: str, link_id: int) -> HttpResponse:
    """Change what a link's guests may do, and until when."""
    entry, link = _link(request, code, link_id)
    owns = entry.may("own")
    is_view = link.kind == ShareLink.Kind.VIEW
    form = ShareForm(request.POST, link=link, is_view=is_view, owns=owns) if request.method == "POST" else ShareForm.of(link, owns=owns)
    if not (request.method == "POST" and form.is_valid()):
        return _asked(request, entry, form, clips=[], link=link)
    share_actions.change(link, form.facts(), entry=entry)
    messages.success(request, f"“{form.cleaned_data['title']}” is changed. It holds from now on, for open pages too.")
    return redirect("share_links", entry.project.code)


@require_POST
def share_move(request: HttpRequest, code: str, link_id: int) -> HttpResponse:
    """Give a link another address."""
    entry, link = _link(request, code, link_id)
    share_actions.move(link, entry=entry)
    messages.success(request, f"“{link.title}” has another address. The one before leads nowhere.")
    return redirect("share_links", entry.project.code)


@require_POST
def share_revoke(request: HttpRequest, code: str, link_id: int) -> HttpResponse:
    """End a link at once."""
    entry, link = _link(request, code, link_id)
    if share_actions.revoke(link, entry=entry):
        messages.success(request, f"“{link.title}” is revoked. Nobody comes in by it any more.")
    return redirect("share_links", entry.project.code)


@never_cache
@require_http_methods(["GET", "POST"])
def share_guest_list(request: HttpRequest, code: str, link_id: int) -> HttpResponse:
    """The guests of a link with their votes and comments; a POST removes one with both, and with `block` their name too."""
    entry, link = _link(request, code, link_id)
    if request.method == "POST":
        gone = share_guests.strike(link, request.POST.get("guest", ""), by=entry.user, block="block" in request.POST)
        if gone:
            messages.success(request, f"{gone.name} is removed, with {gone.votes:,} votes and {gone.words:,} comments.")
        else:
            messages.error(request, "There is no such guest any more.")
        return redirect("share_guests", entry.project.code, link.pk)
    context = {"entry": entry, "link": link, "guests": share_guests.guests_of(link), "blocked": share_guests.blocked_names(link)}
    return render(request, "gallery/share_guests.html", context)


def _link(request: HttpRequest, code: str, link_id: int) -> tuple[Pass, ShareLink]:
    """The person's pass, and a link of this project that they may change."""
    entry = enter_links(request, code)
    if link_id >= 1 << 63:
        raise Http404
    link = get_object_or_404(ShareLink.objects.select_related("project", "made_by", "kept_by"), project=entry.project, pk=link_id)
    if not may_change(link, entry):
        raise PermissionDenied("Its maker and owners change and revoke a link.")
    return entry, link
