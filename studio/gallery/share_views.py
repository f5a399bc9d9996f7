"""What a guest sees and does: the clips of a link, their bytes, a name, a press, a comment. Nobody here has an account; every view goes through share_door.py.

The form pages say `<meta name="referrer" content="same-origin">` over the header's `no-referrer`: with the latter a browser sends `Origin: null` with a
form, which the protection against forged requests must refuse. Neither tells the address to another site.
"""

import uuid
from dataclasses import dataclass

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.hashers import check_password
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotModified
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from studio.accounts import security_log
from studio.accounts.addresses import absolute
from studio.gallery import guest_comments, guest_decisions, posters, share_door, share_guests
from studio.gallery.comment_threads import tag_of
from studio.gallery.comment_views import spoken, told_now
from studio.gallery.marks import Mark
from studio.gallery.models import Verdict
from studio.gallery.naming import words_for
from studio.gallery.serving import NOT_AT_ALL, Parcel, deliver, not_made, send, suffix_of, telling_name
from studio.gallery.share_card import bare_card, draw_card, known_card
from studio.gallery.share_door import Locked, Visit, clip_by, clips_of, shared, visit
from studio.gallery.share_forms import GuestCommentForm, GuestPressForm, NameForm
from studio.gallery.share_guests import CannotMeet
from studio.jobs.models import Clip
from studio.web.htmx import is_part

BESIDE = 24  # clips beside the one that is shown, a page


@login_not_required  # whoever has the address is a guest
@shared
@require_safe
def share(request: HttpRequest, token: str) -> HttpResponse:
    """The link's page, with its newest clip."""
    found = visit(request, token)
    return _page(request, found, clips_of(found.link).first())


@login_not_required  # whoever has the address is a guest
@shared
@require_safe
def share_clip(request: HttpRequest, token: str, clip_id: uuid.UUID) -> HttpResponse:
    """The link's page, with this clip."""
    found = visit(request, token)
    shown = clips_of(found.link).filter(pk=clip_id).first()
    if shown is None:
        raise Http404
    return _page(request, found, shown)


@dataclass(frozen=True, slots=True)
class Beside:
    """The clips from a place on, and where the next of them start."""

    clips: list[Clip]
    total: int
    older: Mark | None


def _page(request: HttpRequest, found: Visit, shown: Clip | None) -> HttpResponse:
    """One clip large, the others beside it."""
    if request.method == "GET":
        share_door.used(found.link)
    clips = clips_of(found.link)
    following = clips.filter(Mark.of(shown).below()).first() if shown else None
    context = {
        "visit": found,
        "link": found.link,
        "token": found.token,
        "clip": shown,
        "following": following,
        "beside": _beside(request, found),
        "choices": guest_decisions.choices_for(shown, found) if shown else [],
        "thread": guest_comments.thread_for(shown, found) if shown else None,
        "name": NameForm(),
        "address": absolute(request, "share", found.token),
        "picture": "" if found.link.password or not (shown and found.may("view")) else absolute(request, "share_card", found.token, shown.pk),
    }
    return render(request, "gallery/share.html", context)


def _beside(request: HttpRequest, found: Visit) -> Beside:
    """A page of the link's clips, from `?before=` on. Two queries."""
    clips = clips_of(found.link)
    mark = Mark.read(request.GET.get("before", ""))
    rows = list((clips.filter(mark.below()) if mark else clips)[: BESIDE + 1])
    return Beside(rows[:BESIDE], clips.count(), Mark.of(rows[BESIDE - 1]) if len(rows) > BESIDE else None)


@login_not_required  # whoever has the address is a guest
@shared
@require_safe
def share_video(request: HttpRequest, token: str, clip_id: uuid.UUID) -> HttpResponseBase:
    """The clip's bytes, to be played."""
    _, shown = clip_by(request, token, clip_id, to="view")
    return send(request, Parcel(shown.file.name, shown.sha256, seconds=NOT_AT_ALL))


@login_not_required  # whoever has the address is a guest
@shared
@require_safe
def share_poster(request: HttpRequest, token: str, clip_id: uuid.UUID) -> HttpResponseBase:
    """The clip's telling frame."""
    _, shown = clip_by(request, token, clip_id, to="view")
    return send(request, Parcel(shown.poster.name, shown.sha256, seconds=NOT_AT_ALL))


@login_not_required  # whoever has the address is a guest
@shared
@require_safe
def share_picture(request: HttpRequest, token: str, clip_id: uuid.UUID, width: int) -> HttpResponseBase:
    """The same as small as on a wall, drawn when somebody first looks."""
    _, shown = clip_by(request, token, clip_id, to="view")
    if width not in posters.WIDTHS:
        raise Http404
    return send(request, Parcel(posters.file_of(shown, width), f"{posters.digest(shown)}-{width}", seconds=NOT_AT_ALL))


@login_not_required  # whoever has the address is a guest
@shared
@require_safe
def share_sheet(request: HttpRequest, token: str, clip_id: uuid.UUID) -> HttpResponseBase:
    """The strip of frames for scrubbing."""
    _, shown = clip_by(request, token, clip_id, to="view")
    return send(request, Parcel(shown.sheet.name, shown.sha256, seconds=NOT_AT_ALL))


@login_not_required  # whoever has the address is a guest
@shared
@require_safe
def share_download(request: HttpRequest, token: str, clip_id: uuid.UUID) -> HttpResponseBase:
    """The clip's bytes, to be kept under a telling name, which tells no prompt unless the link does."""
    found, shown = clip_by(request, token, clip_id, to="download")
    if request.method == "GET" and "Range" not in request.headers:
        share_door.used(found.link)
    words = words_for(shown) if found.link.shows_prompts else found.link.title
    name = telling_name(shown.code, words if words != shown.code else "", suffix_of(shown.file.name))
    return send(request, Parcel(shown.file.name, shown.sha256, seconds=NOT_AT_ALL, save_as=name))


@login_not_required  # a chat program that draws a preview is a guest too
@shared
@require_safe
def share_card(request: HttpRequest, token: str, clip_id: uuid.UUID) -> HttpResponseBase:
    """The picture of the preview in a chat: JPEG, which all of them know, of the size that they like."""
    _, shown = clip_by(request, token, clip_id, to="view")
    name = known_card(shown)
    if request.method == "HEAD" and not name:
        return not_made("image/jpeg")
    name = name or draw_card(shown)
    answer: HttpResponseBase = HttpResponse(bare_card(), content_type="image/jpeg")
    if name:
        answer = deliver(request, Parcel(name, f"{posters.digest(shown)}-card", seconds=NOT_AT_ALL))  # not every chat follows a redirect
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"  # chats in a browser show it in their own pages
    return answer


@login_not_required  # whoever has the address is a guest
@shared
@require_POST
@sensitive_post_parameters("password")
def share_open(request: HttpRequest, token: str) -> HttpResponse:
    """Give the link's password, once a browser. `limit_requests` has counted the try by address and by link, before the password is looked at."""
    try:
        visit(request, token)
    except Locked as locked:
        link = locked.link
        if not check_password(request.POST.get("password", "")[:200], link.password):
            security_log.failed(request, "share_password_failed", link=link.pk)
            return share_door.ask_password(request, link, token, why="This is not the password. Ask whoever gave you the link.")
        answer = redirect("share", token)
        share_door.opened(answer, link, token)
        return answer
    return redirect("share", token)


@login_not_required  # whoever has the address is a guest
@shared
@require_POST
def share_name(request: HttpRequest, token: str) -> HttpResponse:
    """Say who one is, to what one says from now on."""
    found, form = visit(request, token), NameForm(request.POST)
    answer = redirect("share", token)
    if not form.is_valid() or found.link.guest_name:
        return answer
    try:
        share_door.introduced(answer, found, share_guests.meet(request, found, form.cleaned_data["name"]))
    except CannotMeet as refusal:
        messages.error(request, str(refusal))
    return answer


@login_not_required  # whoever has the address is a guest
@shared
@require_POST
def share_decide(request: HttpRequest, token: str, clip_id: uuid.UUID) -> HttpResponse:
    """Say what one thinks of a clip; the first time with a name."""
    found, shown = clip_by(request, token, clip_id, to="decide")
    form = GuestPressForm(request.POST, known=found.guest is not None)
    if not form.is_valid():
        return _say(request, found, shown, form)
    answer = redirect("share_clip", token, shown.pk)
    try:
        guest = found.guest or share_door.introduced(answer, found, share_guests.meet(request, found, form.cleaned_data["name"]))
    except CannotMeet as refusal:
        form.add_error("name", str(refusal))
        return _refused(_say(request, found, shown, form), refusal)
    told = Visit(found.link, token, guest)
    try:
        _pressed(form, shown, told)
    except guest_decisions.TooManyGuests:
        form.add_error(None, "Too many guests have said something already. Write to whoever gave you the link.")
        return _say(request, found, shown, form)
    if not is_part(request):
        return answer
    part = _say(request, told, shown, GuestPressForm(known=True))
    part.cookies.update(answer.cookies)
    return part


def _refused(answer: HttpResponse, refusal: CannotMeet) -> HttpResponse:
    """The answer with the status of this refusal, and when to try again."""
    answer.status_code = refusal.status
    if refusal.retry_after:
        answer.headers["Retry-After"] = str(refusal.retry_after)
    return answer


def _pressed(form: GuestPressForm, shown: Clip, told: Visit) -> None:
    """Give the verdict, or take it back."""
    guest = told.guest
    if guest is None:
        raise Http404
    if form.cleaned_data["back"]:
        guest_decisions.take_back(shown, visit=told, guest=guest)
    else:
        guest_decisions.decide(shown, Verdict(form.cleaned_data["verdict"]), visit=told, guest=guest)


def _say(request: HttpRequest, found: Visit, shown: Clip, form: GuestPressForm) -> HttpResponse:
    """The part of the page in which a guest decides; with what is wrong."""
    name = form if "name" in form.fields else NameForm()
    context = _panel(found, shown) | {"name": name, "errors": form.non_field_errors()}
    status = 422 if form.errors else 200
    return render(request, "gallery/_share_said.html" if is_part(request) else "gallery/share_said.html", context, status=status)


def _panel(found: Visit, shown: Clip) -> dict[str, object]:
    """What the part in which a guest decides is made of. Two queries."""
    following = clips_of(found.link).filter(Mark.of(shown).below()).first()
    choices = guest_decisions.choices_for(shown, found)
    return {"visit": found, "token": found.token, "clip": shown, "following": following, "choices": choices, "name": NameForm(), "errors": []}


@login_not_required  # whoever has the address is a guest
@shared
@require_safe
def share_comments(request: HttpRequest, token: str, clip_id: uuid.UUID) -> HttpResponse:
    """The comments since the page's tag. Unchanged, it costs two reads and no template."""
    found, shown = clip_by(request, token, clip_id, to="comment")
    tag = tag_of(shown.comments_version, sees_names=found.link.shows_names)
    thread = None if request.headers.get("HX-PTag") == tag else guest_comments.thread_for(shown, found)
    return told_now(request, thread) if thread else HttpResponseNotModified(headers={"HX-PTag": tag})


@login_not_required  # whoever has the address is a guest
@shared
@require_POST
def share_comment(request: HttpRequest, token: str, clip_id: uuid.UUID) -> HttpResponse:
    """Say something about a clip, or do something with one's own words; the first time with a name."""
    found, shown = clip_by(request, token, clip_id, to="comment")
    form, met = GuestCommentForm(request.POST, known=found.guest is not None), HttpResponse()
    is_new, refused = found.guest is None and form.is_valid(), None
    try:
        if is_new and (repeated := share_guests.repeated(found.link, form)):
            found, is_new = Visit(found.link, token, repeated), False
        elif is_new:
            guest = share_door.introduced(met, found, share_guests.meet(request, found, form.cleaned_data["name"]))
            found = Visit(found.link, token, guest)
    except CannotMeet as refusal:
        form.add_error("name", str(refusal))
        refused, is_new = refusal, False
    answer = spoken(request, form, shown, guest_comments.voice_of(found), guest_comments.places_of(shown, found))
    if refused:
        return _refused(answer, refused)
    answer.cookies.update(met.cookies)
    if is_new and is_part(request) and found.may_decide:  # which asks for the name too
        answer.write(render_to_string("gallery/_share_say.html", _panel(found, shown) | {"apart": True}, request))
    return answer
