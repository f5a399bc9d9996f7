"""The pages of the review queue, of one project and of all, and the press that decides there and brings the next clip."""

import uuid

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from studio.accounts.door import person
from studio.gallery import decisions, review, wall
from studio.gallery.decision_views import RULED, THOUGHT, Told
from studio.gallery.decisions import NoSuchPress, Overtaken
from studio.gallery.forms import ReviewForm
from studio.gallery.models import Verdict
from studio.gallery.review import Passes
from studio.jobs.models import Clip
from studio.projects.door import Pass, enter
from studio.projects.lately import remember
from studio.web.htmx import is_part, varied


@require_safe
def project_review(request: HttpRequest, code: str) -> HttpResponse:
    """The clips of one project that wait for this person. `?after=` passes over those up to there."""
    entry = enter(request, code, to="decide")
    remember(request, entry.project)
    return _page(request, {entry.project.pk: entry}, home=reverse("gallery", args=[entry.project.code]))


@require_safe
def all_review(request: HttpRequest) -> HttpResponse:
    """The same across all of a person's projects."""
    return _page(request, review.passes_of(person(request)), home=reverse("home"))


def _page(request: HttpRequest, passes: Passes, *, home: str) -> HttpResponse:
    turn = review.turn(person(request), passes, _passed_over(request))
    context = {"turn": turn, "is_all": home == reverse("home"), "here": request.path, "home": home}
    return varied(render(request, "gallery/_review.html" if is_part(request) else "gallery/review.html", context))


def _passed_over(request: HttpRequest) -> int | None:
    """The place up to which the address passes over; None where it names none."""
    if "after" not in request.GET:
        return None
    mark = wall.Mark.read(f"0~{request.GET['after']}")
    if mark is None:
        raise Http404
    return mark.place


@require_POST
def clip_review(request: HttpRequest, code: str, clip_id: uuid.UUID) -> HttpResponse:
    """Decide about the clip, or undo that, and go on. What somebody else decided in between stays, and is said."""
    entry = enter(request, code, to="decide")
    clip = get_object_or_404(wall.saved_clips(entry.project), pk=clip_id)
    form = ReviewForm(request.POST)
    told = _pressed(form, clip, entry) if form.is_valid() else Told("Say pick, maybe or reject.", "error")
    is_all = bool(form.cleaned_data.get("all"))
    place = clip.hanging.place
    here = reverse("all_review") if is_all else reverse("project_review", args=[entry.project.code])
    if not is_part(request):
        messages.add_message(request, messages.SUCCESS if told.tone == "success" else messages.WARNING, told.text)
        return redirect(f"{here}?after={place}")
    again = place - 1  # after an undo, or a press that said nothing, it is asked again
    passes = review.passes_of(entry.user) if is_all else {entry.project.pk: entry}
    turn = review.turn(entry.user, passes, place if told.undo or told.tone == "warning" else again)
    home = reverse("home") if is_all else reverse("gallery", args=[entry.project.code])
    context = {"turn": turn, "is_all": is_all, "here": here, "home": home, "told": told, "last": clip}
    return render(request, "gallery/_review.html", context)


def _pressed(form: ReviewForm, clip: Clip, entry: Pass) -> Told:
    """Give or undo, in words."""
    given = form.cleaned_data
    try:
        if given["undo"]:
            decisions.undo(clip, given["undo"], entry=entry)
            return Told(f"Undone. {clip.code} is as it was.")
        verdict = Verdict(given["verdict"])
        change = decisions.decide_if_open(clip, verdict, entry=entry)
    except Overtaken as sorry:
        return Told(str(sorry), "warning")
    except NoSuchPress:
        return Told("This can no longer be undone. Open the clip to decide anew.", "warning")
    text = (RULED if entry.may_rule else THOUGHT)[verdict].format(clip.code)
    return Told(text, undo=decisions.undo_words(clip, change, person=entry.user))
