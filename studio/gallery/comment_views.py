"""The addresses of a clip's comments: what is new, what one does, whom one may name. Answers with the thread as it stands, which is morphed in."""

import uuid
from dataclasses import dataclass
from http import HTTPStatus

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import trigger_client_event

from studio.accounts.door import person
from studio.gallery import comments, mentions, wall
from studio.gallery.comment_forms import CommentForm, FindForm
from studio.gallery.comment_threads import Places, Thread, tag_of, thread_of, version_of
from studio.gallery.comments import CannotSay, Voice
from studio.jobs.models import Clip
from studio.projects.door import Pass, enter
from studio.web.htmx import is_part

TOLD = {
    "edit": "Changed.",
    "remove": "The comment is removed.",
    "bring_back": "The comment is back.",
    "resolve": "Resolved.",
    "reopen": "Open again.",
}
UNDONE_BY = {"remove": "bring_back", "resolve": "reopen"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of it: the comment that reads as was written, or something else that was done; or the problem, beside which the words stay."""

    said: uuid.UUID | None = None
    done: bool = False
    problem: str = ""


def places_of(clip: Clip, entry: Pass) -> Places:
    """Where the comments of a clip ask and send in its project's viewing room."""
    place = [entry.project.code, clip.pk]
    return Places(
        page=reverse("clip", args=place),
        now=reverse("clip_comments", args=place),
        say=reverse("clip_comment", args=place),
        find=reverse("clip_people", args=place),
        seen=reverse("mentions_seen"),
        notes=reverse("clip_notes", args=place),
    )


def room_thread(clip: Clip, entry: Pass) -> Thread:
    """The thread of a clip in its project's viewing room."""
    return thread_of(clip, Voice.of(entry), places_of(clip, entry))


@require_safe
@never_cache
def clip_comments(request: HttpRequest, code: str, clip_id: uuid.UUID) -> HttpResponse:
    """The comments since the page's tag. Unchanged, it costs one read and no template."""
    version = version_of(person(request), code, clip_id)
    if version is None:
        raise Http404
    if request.headers.get("HX-PTag") == tag_of(version):
        return _tagged(HttpResponseNotModified(), tag_of(version))
    entry, clip = _clip(request, code, clip_id, to="look")
    return told_now(request, room_thread(clip, entry))


@require_POST
def clip_comment(request: HttpRequest, code: str, clip_id: uuid.UUID) -> HttpResponse:
    """Do what the form says. What was typed stays where it could not be done."""
    entry, clip = _clip(request, code, clip_id, to="comment")
    return spoken(request, CommentForm(request.POST), clip, Voice.of(entry), places_of(clip, entry))


def told_now(request: HttpRequest, thread: Thread) -> HttpResponse:
    """The thread as it stands, for a page that asks."""
    return _tagged(render(request, "gallery/_comments_now.html", {"thread": thread, "outcome": None}), thread.tag)


def spoken(request: HttpRequest, form: CommentForm, clip: Clip, voice: Voice, places: Places) -> HttpResponse:
    """The answer to a posted form about this clip, for a page of any kind: whoever calls it has checked that the voice may be here."""
    outcome = _done(form, clip, voice) if form.is_valid() else Outcome(problem=form.problem)
    clip.refresh_from_db(fields=["comments_version"])
    thread = thread_of(clip, voice, places)
    if not is_part(request):
        return _page(request, thread, form, outcome)
    status = HTTPStatus.UNPROCESSABLE_ENTITY if outcome.problem else HTTPStatus.OK
    context = {"thread": thread, "outcome": outcome if form.is_writing else None}  # other deeds leave the words that wait, and their key, alone
    return _told(_tagged(render(request, "gallery/_comments_now.html", context, status=status), thread.tag), form, outcome, thread)


@require_safe
def clip_people(request: HttpRequest, code: str, clip_id: uuid.UUID) -> HttpResponse:
    """The members whose name or address holds what stands behind an @, as a list to choose from."""
    entry, _ = _clip(request, code, clip_id, to="comment")
    form = FindForm(request.GET)
    found = mentions.find(entry.project, form.cleaned_data["q"], besides=entry.user) if form.is_valid() else []
    return render(request, "gallery/_comment_people.html", {"people": found})


def _done(form: CommentForm, clip: Clip, voice: Voice) -> Outcome:
    """Say, or do one of the other things."""
    given, act = form.cleaned_data, form.cleaned_data["do"]
    try:
        if act == "say":
            return Outcome(said=comments.say(clip, form.words, key=given["key"], voice=voice).pk)
        if act == "edit":
            comments.edit(clip, given["comment"], given["text"], voice=voice)
            return Outcome(said=given["comment"])
        deed = {"remove": comments.remove, "bring_back": comments.bring_back, "resolve": comments.resolve, "reopen": comments.reopen}[act]
        return Outcome(done=deed(clip, given["comment"], voice=voice))
    except CannotSay as why:
        return Outcome(problem=str(why))


def _told(answer: HttpResponse, form: CommentForm, outcome: Outcome, thread: Thread) -> HttpResponse:
    """The same, with a toast that says what was done to a comment and undoes it, or why it was not. Words are seen where they stand."""
    if form.is_writing or not (outcome.done or outcome.problem):
        return answer
    if outcome.problem:
        return trigger_client_event(answer, "toast", {"text": outcome.problem, "tone": "warning", "kind": "comment"})
    act = form.cleaned_data["do"]
    toast: dict[str, object] = {"text": TOLD[act], "kind": "comment"}
    if act in UNDONE_BY:
        values = {"do": UNDONE_BY[act], "comment": str(form.cleaned_data["comment"])}
        toast["undo"] = {"post": thread.places.say, "values": values, "target": "#thread"}
    return trigger_client_event(answer, "toast", toast)


def _page(request: HttpRequest, thread: Thread, form: CommentForm, outcome: Outcome) -> HttpResponse:
    """For a page without scripts: back to the clip, or the words once more with what is wrong."""
    if outcome.problem:
        context = {"thread": thread, "typed": form.data.get("text", ""), "outcome": outcome}
        return render(request, "gallery/comment.html", context, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    if outcome.done:
        messages.success(request, TOLD[form.cleaned_data["do"]])
    place = f"#comment-{outcome.said}" if outcome.said else "#comments"
    return redirect(thread.places.page + place)


def _clip(request: HttpRequest, code: str, clip_id: uuid.UUID, *, to: str) -> tuple[Pass, Clip]:
    """The person's pass and the saved clip of this project; Http404 otherwise."""
    entry = enter(request, code, to=to)
    return entry, get_object_or_404(wall.saved_clips(entry.project), pk=clip_id)


def _tagged(answer: HttpResponse, tag: str) -> HttpResponse:
    answer.headers["HX-PTag"] = tag
    return answer
