"""The pages about one's own ZIP files: ask for one, see how far it is, take it along. What is in one is checked anew at each download."""

import hashlib
import uuid
from http import HTTPStatus

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotModified, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from studio.accounts import rate_limits
from studio.accounts.door import person
from studio.accounts.models import User
from studio.gallery import bundle_names, bundles, wall
from studio.gallery.bundle_forms import BundleForm
from studio.gallery.bundle_models import Bundle
from studio.gallery.filters import Filters
from studio.gallery.serving import NOT_AT_ALL, Parcel, send
from studio.gallery.share_forms import ids_of
from studio.gallery.wall_views import sight_of
from studio.jobs.models import Clip
from studio.jobs.wanted import uuid_of
from studio.web.htmx import is_part, varied


@never_cache
@require_http_methods(["GET", "POST"])
def bundle_new(request: HttpRequest) -> HttpResponse:
    """Ask for a ZIP of the clips whose ids come as `clips`, of one's ZIP again (`again`), or of what a wall shows (`wall`, and its filters). Without a pattern the form comes first."""
    user = person(request)
    words = request.POST if request.method == "POST" else request.GET
    asked = ids_of(words.getlist("clips")) or _again(user, words.get("again", "")) or _shown(request, words.dict())
    clips = bundles.clips_for(user, asked[: bundles.MOST_CLIPS])
    if not clips or len(asked) > bundles.MOST_CLIPS:
        messages.error(request, f"A ZIP takes at most {bundles.MOST_CLIPS:,} clips." if clips else "There is no clip to take along.")
        return redirect("bundles")
    if "pattern" not in request.POST:
        return _asked(request, BundleForm(initial={"key": uuid.uuid4(), "pattern": bundle_names.USUAL}), asked, clips)
    form = BundleForm(request.POST)
    if not form.is_valid():
        return _asked(request, form, asked, clips)
    rate_limits.spend_own(user, "zip_bytes", sum(clip.bytes for clip in clips))
    try:
        made = bundles.start(user, asked, pattern=form.cleaned_data["pattern"], key=form.cleaned_data["key"])
    except bundles.CannotBundle as refusal:
        form.add_error(None, str(refusal))
        return _asked(request, form, asked, clips)
    messages.success(request, f"{made.title}: the ZIP is being made. You can go on with something else.")
    return redirect("bundles")


def _again(user: User, text: str) -> list[uuid.UUID]:
    """The clips of one's own bundle with this id; none where there is none."""
    key = uuid_of(text)
    return bundles.asked_in(user, key) if key else []


def _shown(request: HttpRequest, words: dict[str, str]) -> list[uuid.UUID]:
    """The clips that a wall shows (a project's by its code, or "all"), as many as a ZIP takes and one more; none where no wall is named."""
    named = words.get("wall", "")
    if not named:
        return []
    return wall.ids_of(sight_of(request, "" if named == "all" else named[:8]), Filters.read(words), count=bundles.MOST_CLIPS + 1)


def _asked(request: HttpRequest, form: BundleForm, asked: list[uuid.UUID], clips: list[Clip]) -> HttpResponse:
    """The form, with what would be in the ZIP and how the first files would be called."""
    pattern = str(form["pattern"].value() or "")
    good = not form.is_bound or "pattern" in form.cleaned_data
    context = {
        "form": form,
        "clips": clips,
        "ids": ",".join(map(str, asked)),
        "left_out": len(asked) - len(clips),
        "size": sum(clip.bytes for clip in clips),
        "files": len(list(bundles.parted(clips))),
        "names": [f"{bundles.path_of(clip, pattern)}.mp4" for clip in clips[:3]] if good else [],
        "days": bundles.KEPT.days,
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
    return render(request, "gallery/bundle_new.html", context, status=status)


@never_cache
@require_safe
def bundle_list(request: HttpRequest) -> HttpResponse:
    """One's own ZIP files, newest first. htmx gets the list alone, and nothing (304) while it is as the page has it."""
    user = person(request)
    rows = list(bundles.own(user)[: bundles.SHOWN])
    withheld = bundles.withheld(user, rows)
    tag = _tag(rows, withheld)
    if is_part(request) and request.headers.get("HX-PTag") == tag:
        answer: HttpResponse = HttpResponseNotModified()
    else:
        pending = any(one.ready_at is None for one in rows)
        over = {one.pk for one in rows if any(part.trouble or part.pk in withheld for part in one.parts.all())}
        context = {"bundles": rows, "tag": tag, "pending": pending, "withheld": withheld, "over": over, "days": bundles.KEPT.days}
        answer = varied(render(request, "gallery/_bundles.html" if is_part(request) else "gallery/bundles.html", context))
    answer.headers["HX-PTag"] = tag
    return answer


def _tag(rows: list[Bundle], withheld: set[int]) -> str:
    """What changes with the list."""
    told = [(one.pk, one.ready_at, [(part.done, part.waits, part.trouble, part.pk in withheld) for part in one.parts.all()]) for one in rows]
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


@never_cache
@require_safe
def bundle_news(request: HttpRequest) -> JsonResponse:
    """For the script of every page while a ZIP is being made: how many are not ready, and which have become so and were not told of."""
    pending, ready = bundles.news_for(person(request))
    news = [{"id": str(one.pk), "title": one.title} for one in ready]
    return JsonResponse({"pending": pending, "ready": news, "address": reverse("bundles"), "told": reverse("bundle_told")})


@require_POST
def bundle_told(request: HttpRequest) -> HttpResponse:
    """A page of the person has told them that the ZIPs whose ids come as `id` are ready."""
    ids = [key for text in request.POST.getlist("id") if (key := uuid_of(text))]
    bundles.mark_told(person(request), ids)
    return HttpResponse(status=HTTPStatus.NO_CONTENT)


@require_safe
def bundle_file(request: HttpRequest, bundle_id: uuid.UUID, number: int) -> HttpResponseBase:
    """One ZIP, for its person alone. 410 with a page that offers to make it again where they may not have any more what it holds."""
    try:
        part = bundles.part_for(person(request), bundle_id, number)
    except bundles.Withheld as withheld:
        over = render(request, "gallery/bundle_over.html", {"bundle": withheld.bundle}, status=HTTPStatus.GONE)
        over.headers["Cache-Control"] = "private, no-store"
        return over
    if part is None:
        raise Http404
    stem = bundle_names.safe(f"{part.bundle.title} {timezone.localdate(part.bundle.made_at)}")
    parts = part.bundle.parts.count()
    name = f"{stem}, {part.number} of {parts}.zip" if parts > 1 else f"{stem}.zip"
    return send(request, Parcel(part.file.name, part.sha256, seconds=NOT_AT_ALL, save_as=name))


@require_POST
def bundle_drop(request: HttpRequest, bundle_id: uuid.UUID) -> HttpResponse:
    """Let a ZIP go before its time. Its files go with the worker's next look."""
    bundle = get_object_or_404(_of(person(request)), pk=bundle_id)
    Bundle.objects.filter(pk=bundle.pk).update(expires_at=timezone.now())
    messages.success(request, f"{bundle.title}: the ZIP is gone. The clips stay.")
    return redirect("bundles")


def _of(user: User) -> "QuerySet[Bundle]":
    return Bundle.objects.filter(person=user)
