"""The walls: a project's, and all that a person may see. Deciding about many clips at once, and the views that people save."""

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import trigger_client_event

from studio.accounts.actions import CannotDo
from studio.accounts.models import User
from studio.gallery import many, saved, wall
from studio.gallery.bar import Bar
from studio.gallery.decisions import NoSuchPress
from studio.gallery.filters import Filters
from studio.gallery.forms import ManyForm, ViewForm
from studio.gallery.models import SavedView, Verdict
from studio.gallery.sight import Sight
from studio.gallery.standing import standings_among
from studio.jobs.models import Clip
from studio.projects.door import enter, passes
from studio.projects.lately import remember
from studio.web.htmx import is_part, varied

RULED = {Verdict.PICK: "picked", Verdict.MAYBE: "a maybe", Verdict.REJECT: "rejected"}


@require_safe
def gallery(request: HttpRequest, code: str) -> HttpResponse:
    """One project's wall. `?before=` names a place further down; htmx gets that part alone."""
    entry = enter(request, code)
    remember(request, entry.project)
    return _wall(request, Sight.of(entry))


@require_safe
def gallery_all(request: HttpRequest) -> HttpResponse:
    """The wall of all projects that the person may look at."""
    return _wall(request, _everything(request))


def _everything(request: HttpRequest) -> Sight:
    assert isinstance(request.user, User)  # noqa: S101 - signed in: the default for every view
    return Sight(request.user, passes(request.user))


def sight_of(request: HttpRequest, code: str) -> Sight:
    """The wall of the project of this code, or of all for none."""
    return Sight.of(enter(request, code)) if code else _everything(request)


def _wall(request: HttpRequest, sight: Sight) -> HttpResponse:
    """A wall or its next part."""
    filters, before = Filters.read(request.GET.dict()), _mark(request)
    bar = Bar(sight, filters)
    context: dict[str, object] = {"sight": sight, "bar": bar, "filters": filters, "below": before, "page": wall.page_of(sight, filters, before)}
    if before is not None and is_part(request):
        return varied(render(request, "gallery/_older.html", context))
    return varied(render(request, "gallery/gallery.html", context | {"figures": wall.figures(sight), "form": ViewForm()}))


def _mark(request: HttpRequest) -> wall.Mark | None:
    """The place on the wall that the address names, or None for the top."""
    if "before" not in request.GET:
        return None
    mark = wall.Mark.read(request.GET["before"])
    if mark is None:
        raise Http404
    return mark


@require_POST
def clips_decide(request: HttpRequest) -> HttpResponse:
    """Decide about the chosen clips, or undo that: one request, one transaction. Answers with their tiles and a toast that undoes."""
    form = ManyForm(request.POST)
    sight = sight_of(request, form.code)
    if not form.is_valid():
        return _told(request, sight, form, [], f"Choose up to {many.MOST} clips, and say pick, maybe or reject.", tone="error")
    given = form.cleaned_data
    if given["undo"]:
        return _undone(request, sight, form)
    clips = list(_clips(sight).filter(pk__in=given["clips"]))
    if len(clips) != len(given["clips"]):
        raise Http404
    verdict = Verdict(given["verdict"]) if given["verdict"] else None
    pressed = many.decide_many(clips, verdict, passes=sight.passes)
    return _told(request, sight, form, clips, _words(pressed, verdict, sight), undo=many.undo_words(pressed, person=sight.user))


def _clips(sight: Sight) -> QuerySet[Clip]:
    """The saved clips that this person may see."""
    return Clip.objects.present().filter(project__in=list(sight.passes)).select_related("job__project", "decision__person")


def _words(pressed: many.Pressed, verdict: Verdict | None, sight: Sight) -> str:
    """What the press did."""
    number = len(pressed.changes)
    if not number:
        return "You can look at these clips. Owners can make you a reviewer."
    clips = f"{number} clip{'' if number == 1 else 's'}"
    done = f"{'is' if number == 1 else 'are'} {RULED[verdict] if verdict else 'undecided again'}"
    if not sight.may_rule:
        done = f"{'carries' if number == 1 else 'carry'} your opinion" + ("" if verdict else " no longer")
    return f"{clips} {done}." + (f" {pressed.left} left alone: there you can only look." if pressed.left else "")


def _undone(request: HttpRequest, sight: Sight, form: ManyForm) -> HttpResponse:
    try:
        clips, pressed = many.undo_many(form.cleaned_data["undo"], person=sight.user, passes=sight.passes)
    except NoSuchPress:
        return _told(request, sight, form, [], "This can no longer be undone. Press another decision instead.", tone="warning")
    left = f" {pressed.left} left alone: somebody decided in between." if pressed.left else ""
    return _told(request, sight, form, clips, f"Undone for {len(pressed.changes)}.{left}", tone="warning" if left else "success")


def _told(request: HttpRequest, sight: Sight, form: ManyForm, clips: list[Clip], text: str, *, tone: str = "success", undo: str = "") -> HttpResponse:
    """The tiles as they stand now and the toast, or the wall again without a script."""
    bar = Bar(sight, form.filters)
    if not is_part(request):
        messages.add_message(request, messages.SUCCESS if tone == "success" else messages.WARNING, text)
        return redirect(bar.here)
    fresh = list(_clips(sight).filter(pk__in=[clip.pk for clip in clips]))
    told = standings_among(fresh, sight.passes)
    tiles = [wall.Tile(clip, told[clip.pk], sight.passes[clip.project_id]) for clip in fresh]
    answer = render(request, "gallery/_many_pressed.html", {"sight": sight, "bar": bar, "filters": form.filters, "tiles": tiles, "undo": undo})
    toast: dict[str, object] = {"text": text, "tone": tone, "kind": "decision"}
    if undo:
        toast["undo"] = {"form": "#undo-many"}
    return trigger_client_event(answer, "toast", toast)


@require_POST
def view_save(request: HttpRequest) -> HttpResponse:
    """Keep a wall's filters under a name."""
    form = ViewForm(request.POST)
    sight = sight_of(request, form.code)
    filters = Filters.read(QueryDict(request.POST.get("query", "")).dict())
    if form.is_valid():
        try:
            view = saved.keep(sight, form.cleaned_data["name"], filters, share=form.cleaned_data["shared"])
        except CannotDo as refusal:
            form.add_error("name", str(refusal))
        else:
            messages.success(request, f"“{view.name}” is kept.")
            return redirect(Bar(sight, filters).here)
    page = wall.page_of(sight, filters, None)
    context = {
        "sight": sight,
        "bar": Bar(sight, filters),
        "filters": filters,
        "below": None,
        "page": page,
        "figures": wall.figures(sight),
        "form": form,
    }
    return render(request, "gallery/gallery.html", context, status=422)


@require_POST
def view_change(request: HttpRequest, view_id: int) -> HttpResponse:
    """Another name for a saved view, shared or not; or, with `do=remove`, away with it."""
    view = get_object_or_404(SavedView.objects.select_related("project"), pk=view_id, owner=request.user)
    sight = sight_of(request, view.project.code if view.project else "")
    form = ViewForm(request.POST)
    here = Bar(sight, Filters.read(QueryDict(request.POST.get("query", "")).dict())).here
    if request.POST.get("do") == "remove":
        view.delete()
        messages.success(request, f"“{view.name}” is removed.")
        return redirect(here)
    try:
        saved.change(view, sight, form.given_name, share=form.given_share)
    except CannotDo as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"“{view.name}” is changed.")
    return redirect(here)
