"""The Studio: the board and its pulse, ordering, one job's facts, cancelling, reference images."""

from http import HTTPStatus

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh, trigger_client_event

from studio.accounts.door import person
from studio.credits.ledger import Insufficient
from studio.jobs import actions, board, receipts
from studio.jobs.board import Changes, Filters, Tag
from studio.jobs.composer import MOST_REFERENCES, Composer, Wanted, compose, of_job, of_last, of_query, shortage_text, with_errors
from studio.jobs.forms import BriefForm, too_many
from studio.jobs.models import Job
from studio.jobs.references import NotAnImage, accept_upload, accept_url
from studio.projects.door import Pass, enter
from studio.projects.lately import remember


@require_safe
@never_cache  # a page out of a browser's cache would hold an order key that was used
def studio(request: HttpRequest, code: str) -> HttpResponse:
    """The board. `?show=` and `?who=` filter it, `?before=` names a shot to go on from (htmx gets that part alone), `?again=` fills the composer."""
    entry = enter(request, code)
    filters = Filters.read(request.GET.dict())
    if filters.before and is_part(request):
        cards, older = board.page(entry, filters, upto=filters.before)
        return varied(render(request, "jobs/_older_cards.html", {"entry": entry, "cards": cards, "older": older, "filters": filters}))
    remember(request, entry.project)
    return page(request, entry, compose(entry, wanted_now(request, entry)) if entry.may_make else None)


def page(request: HttpRequest, entry: Pass, composer: Composer | None, *, status: int = HTTPStatus.OK) -> HttpResponse:
    """The whole Studio page."""
    tag = tag_or_404(request, entry.project.code)  # read before the cards: what changes in between is sent again, never missed
    filters = Filters.read(request.GET.dict())
    cards, older = board.page(entry, filters, upto=tag.number)
    context = {
        "entry": entry,
        "tag": tag,
        "filters": filters,
        "cards": cards,
        "older": older,
        "counts": board.counts(entry, filters),
        "composer": composer,
    }
    return varied(render(request, "jobs/studio.html", context, status=status))


@require_safe
@never_cache
def pulse(request: HttpRequest, code: str) -> HttpResponse:
    """What changed since the page's tag. An unchanged board costs one read and no template."""
    now = tag_or_404(request, code)
    seen = Tag.read(request.headers.get("HX-PTag", ""))
    if seen == now:
        return tagged(HttpResponseNotModified(), now)
    entry, filters = enter(request, code), Filters.read(request.GET.dict())
    shown_from = request.GET.get("from", "")
    changes = board.changes(entry, filters, seen=seen, now=now, shown_from=board.shot_number(shown_from)) if seen else None
    if changes is None:
        return HttpResponseClientRefresh()
    return tagged(changed(request, entry, changes), now)


@require_POST
def order(request: HttpRequest, code: str) -> HttpResponse:
    """Order a clip: the card is there before any provider is asked."""
    entry = enter(request, code, to="make")
    form = BriefForm(request.POST, entry=entry)
    if not (form.is_valid() and references_taken(request, entry, form) and form.option):
        return refused(request, entry, form)
    given = form.cleaned_data
    try:
        job = actions.order(
            author=entry.user,
            project=entry.project,
            connection=given["connection"],
            brief=form.option.brief,
            references=form.images,
            order_key=given["order_key"],
        )
    except actions.CannotDo as refusal:
        form.refuse(refusal.reasons)
        return refused(request, entry, form)
    except Insufficient as lack:
        return refused(request, entry, form, short=shortage_text(needed=lack.needed, free=lack.free, missing=lack.missing))
    if (job.prompt, job.connection) != (given["prompt"], given["connection"]):
        form.add_error("order_key", f"This form had ordered {job.code} already. Press Generate again to order this one as well.")
        return refused(request, entry, form)
    if not is_part(request):
        return redirect(f"{reverse('studio', args=[entry.project.code])}#clip-{job.code}")
    return changed(request, entry, Changes([], [board.the_card(job, entry)]), composer=compose(entry, form.wanted(), connections=form.connections))


def refused(request: HttpRequest, entry: Pass, form: BriefForm, *, short: str = "") -> HttpResponse:
    """The composer again, with everything that was typed and each reason beside its field."""
    errors = {name: [str(sentence) for sentence in sentences] for name, sentences in form.errors.items()}
    composer = compose(entry, form.wanted(), connections=form.connections)
    composer = with_errors(composer, errors, order_key=form.cleaned_data.get("order_key"), short=short)
    if not is_part(request):
        return page(request, entry, composer, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    return render(request, "jobs/_composer.html", {"entry": entry, "composer": composer}, status=HTTPStatus.UNPROCESSABLE_ENTITY)


def references_taken(request: HttpRequest, entry: Pass, form: BriefForm) -> bool:
    """Whether the images that came with the order itself could be taken; without scripts they come this way."""
    files = [file for file in request.FILES.getlist("upload") if file]
    if (wanted := len(form.images) + len(files)) > MOST_REFERENCES:  # before any is decoded and kept
        form.add_error("references", too_many(wanted))
        return False
    try:
        added = [accept_upload(entry.project, entry.user, file) for file in files]
        if address := form.cleaned_data["address"]:
            added.append(accept_url(entry.project, entry.user, address))
    except NotAnImage as trouble:
        form.add_error("references", str(trouble))
        return False
    if added:
        form.add_references(added)
    return not form.errors


@require_GET
def composer(request: HttpRequest, code: str) -> HttpResponse:
    """The composer with the brief of an earlier shot, to change it and order again."""
    entry = enter(request, code, to="make")
    return render(request, "jobs/_composer.html", {"entry": entry, "composer": compose(entry, wanted_now(request, entry))})


@require_GET
def options(request: HttpRequest, code: str) -> HttpResponse:
    """The composer's bar for the choices made so far: what each connection makes of them, the price, and why not. Nothing is switched."""
    entry = enter(request, code, to="make")
    return render(request, "jobs/_options.html", {"entry": entry, "composer": compose(entry, of_query(entry, request.GET))})


@require_safe
def job(request: HttpRequest, code: str, number: int) -> HttpResponse:
    """Everything about one job: brief, what happened, attempts, receipt."""
    entry = enter(request, code)
    found = job_or_404(entry, number)
    attempts = list(found.attempts.select_related("connection").order_by("created_at"))
    if not entry.user.is_admin:
        for attempt in attempts:
            attempt.answer = attempt.alert = ""  # the provider's raw words are for whoever runs the installation
    context = {
        "entry": entry,
        "card": board.the_card(found, entry),
        "steps": receipts.timeline(found, found.events.all()),
        "lines": receipts.receipt(found, attempts),
        "attempts": attempts,
        "references": [place.reference for place in found.job_references.select_related("reference")],
    }
    return render(request, "jobs/job.html", context)


@require_POST
def job_cancel(request: HttpRequest, code: str, number: int) -> HttpResponse:
    """Take a job back that was not sent yet. Its credits return; once it was sent, no provider lets us."""
    entry = enter(request, code, to="make")
    found = job_or_404(entry, number)
    if not board.may_take_back(found, entry):
        raise PermissionDenied("Only its author or an owner of the project can cancel this.")
    won = actions.cancel(found, by=entry.user)
    words = f"{found.code} is cancelled. What was held for it came back." if won else f"{found.code} was sent already. It cannot be taken back."
    if is_part(request):
        answer = changed(request, entry, Changes([board.the_card(found, entry)], []))
        return trigger_client_event(answer, "toast", {"text": words, "tone": "success" if won else "warning"})
    messages.add_message(request, messages.SUCCESS if won else messages.WARNING, words)
    return redirect("job", entry.project.code, number)


@require_POST
def reference_add(request: HttpRequest, code: str) -> HttpResponse:
    """Take in one reference image, a file or an address, and answer with its thumbnail; 422 with a sentence if it is none."""
    entry = enter(request, code, to="make")
    file = request.FILES.get("file")
    try:
        taken = accept_upload(entry.project, entry.user, file) if file else accept_url(entry.project, entry.user, request.POST.get("address", ""))
    except NotAnImage as trouble:
        return render(request, "jobs/_reference_refused.html", {"trouble": str(trouble)}, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    return render(request, "jobs/_reference.html", {"entry": entry, "reference": taken, "place": 0})


def changed(request: HttpRequest, entry: Pass, changes: Changes, *, composer: Composer | None = None) -> HttpResponse:
    """Changed and new cards, the counts and the balance, each for its own place on the page; after an order the composer too."""
    filters = Filters.read(request.GET.dict())
    context = {"entry": entry, "changes": changes, "filters": filters, "counts": board.counts(entry, filters), "composer": composer}
    return render(request, "jobs/_changes.html", context)


def wanted_now(request: HttpRequest, entry: Pass) -> Wanted:
    """The brief to begin with: that of the shot named by `?again=`, else the settings of the person's last order."""
    again = board.shot_number(request.GET.get("again", ""))
    return (of_job(entry, again) if again else None) or of_last(entry)


def job_or_404(entry: Pass, number: int) -> Job:
    """A job of this project."""
    return get_object_or_404(Job.objects.select_related("project", "connection", "author"), project=entry.project, number=number)


def tag_or_404(request: HttpRequest, code: str) -> Tag:
    """The board's tag for this person; Http404 for a stranger."""
    tag = board.tag_of(person(request), code)
    if tag is None:
        raise Http404
    return tag


def is_part(request: HttpRequest) -> bool:
    """Whether htmx asks for a part of the page, rather than for the page itself while going back."""
    return request.headers.get("HX-Request") == "true" and "HX-History-Restore-Request" not in request.headers


def tagged(answer: HttpResponse, tag: Tag) -> HttpResponse:
    """The answer with the tag that the page is to send next time."""
    answer["HX-PTag"] = str(tag)
    return answer


def varied(answer: HttpResponse) -> HttpResponse:
    """The answer, marked as one that differs for htmx."""
    patch_vary_headers(answer, ["HX-Request"])
    return answer
