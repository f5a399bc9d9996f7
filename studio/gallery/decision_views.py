"""The address of a press: pick, maybe, reject, take back, undo. Answers with the part of the page that was pressed, and a toast that undoes it."""

import uuid
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST
from django_htmx.http import trigger_client_event

from studio.accounts.models import User
from studio.gallery import decisions, wall
from studio.gallery.bar import Bar
from studio.gallery.decisions import Change, NoSuchPress, Overtaken
from studio.gallery.forms import PressForm
from studio.gallery.guest_decisions import opinions_of_guests
from studio.gallery.models import Verdict
from studio.gallery.sight import Sight
from studio.gallery.standing import besides, opinions_of, standing_of
from studio.jobs.models import Clip
from studio.projects.door import Pass, enter, passes
from studio.web.htmx import is_part

RULED = {Verdict.PICK: "{} is picked.", Verdict.MAYBE: "{} is a maybe.", Verdict.REJECT: "{} is rejected."}
THOUGHT = {Verdict.PICK: "You would pick {}.", Verdict.MAYBE: "{} is a maybe for you.", Verdict.REJECT: "You would reject {}."}
BEFORE = {Verdict.PICK: "had picked it", Verdict.MAYBE: "had said maybe", Verdict.REJECT: "had rejected it"}


@dataclass(frozen=True, slots=True)
class Told:
    """What a press did, in words; `undo` takes it back, empty where there is nothing to."""

    text: str
    tone: str = "success"
    undo: str = ""


@require_POST
def clip_decide(request: HttpRequest, code: str, clip_id: uuid.UUID) -> HttpResponse:
    """Do what the press says, once however often it arrives."""
    entry = enter(request, code, to="decide")
    clip = get_object_or_404(wall.saved_clips(entry.project), pk=clip_id)
    form = PressForm(request.POST)
    told = _pressed(form, clip, entry) if form.is_valid() else Told("Say pick, maybe or reject.", "error")
    if is_part(request):
        return _part(request, entry, clip, form, told)
    messages.add_message(request, messages.SUCCESS if told.tone == "success" else messages.WARNING, told.text)
    if form.on_tile:
        return redirect(f"{reverse('gallery', args=[code])}#clip-{clip.pk}")
    return redirect(reverse("clip", args=[code, clip.pk]) + (f"?{form.carried}" if form.carried else ""))


def _pressed(form: PressForm, clip: Clip, entry: Pass) -> Told:
    """Give, take back or undo."""
    given = form.cleaned_data
    try:
        if given["undo"]:
            decisions.undo(clip, given["undo"], entry=entry)
            return Told(f"Undone. {clip.code} is as it was.")
        if given["back"]:
            change = decisions.take_back(clip, Verdict(given["back"]), entry=entry)
            text = f"{clip.code} is undecided again." if entry.may_rule else f"Your opinion of {clip.code} is taken back."
        else:
            change = decisions.decide(clip, Verdict(given["verdict"]), entry=entry)
            text = (RULED if entry.may_rule else THOUGHT)[Verdict(given["verdict"])].format(clip.code)
    except Overtaken as sorry:
        return Told(str(sorry), "warning")
    except NoSuchPress:
        return Told("This can no longer be undone. Press another decision instead.", "warning")
    undo = decisions.undo_words(clip, change, person=entry.user) if change.before != change.after else ""
    return Told(text + _whose(change, entry.user), undo=undo)


def _whose(change: Change, person: User) -> str:
    """Whose decision this press replaced, if it was somebody else's."""
    was = change.before.project
    if was is None or was == change.after.project or was.person == person.pk:
        return ""
    return f" {User.objects.get(pk=was.person)} {BEFORE[Verdict(was.verdict)]}."


def _part(request: HttpRequest, entry: Pass, clip: Clip, form: PressForm, told: Told) -> HttpResponse:
    """The pressed part as it stands now, with the toast."""
    standing = standing_of(clip, entry)
    context: dict[str, object] = {"entry": entry, "clip": clip, "standing": standing, "inside": form.carried}
    if form.on_tile:
        sight = Sight(entry.user, passes(entry.user)) if form.everywhere else Sight.of(entry)
        context |= {"sight": sight, "bar": Bar(sight, form.filters), "filters": form.filters, "apart": True}
        answer = render(request, "gallery/_tile_pressed.html", context)
    elif form.in_pane:
        answer = render(request, "gallery/_pane_decide.html", context)
    else:
        opinions = {"opinions": besides(opinions_of(clip), standing.decision), "guests": opinions_of_guests(clip)}
        answer = render(request, "gallery/_decide.html", context | opinions)
    toast: dict[str, object] = {"text": told.text, "tone": told.tone, "kind": "decision"}
    if told.undo:
        values = {"undo": told.undo, "place": form.cleaned_data.get("place") or "room", "query": form.carried}
        target = f"#decide-{clip.pk}"
        toast["undo"] = {"post": reverse("clip_decide", args=[entry.project.code, clip.pk]), "values": values, "target": target}
    return trigger_client_event(answer, "toast", toast)
