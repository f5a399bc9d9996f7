"""The Studio: the board and its pulse, ordering, one job's facts, cancelling and trying again, reference images."""

import re
from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST, require_safe
from django_htmx.http import trigger_client_event

from studio.accounts import rate_limits
from studio.accounts.door import person
from studio.credits.figures import credits_text
from studio.credits.ledger import CannotHold, Insufficient
from studio.credits.requests import unseen_answers
from studio.decoding.errors import DecoderBusy
from studio.jobs import actions, acts, batch_pages, bell, board, drafts, receipts, rescue
from studio.jobs.board import Changes, Filters, Tag
from studio.jobs.composer import Composer
from studio.jobs.composing import compose, with_errors
from studio.jobs.forms import BriefForm, too_many
from studio.jobs.models import Attempt, Job
from studio.jobs.pricing import Shortage
from studio.jobs.prompting import version_named
from studio.jobs.references import NotAnImage, accept_upload, accept_url
from studio.jobs.wanted import MOST_REFERENCES, Wanted, of_clip, of_frame, of_job, of_last, of_prompt, of_query, with_length
from studio.projects.door import Pass, enter
from studio.projects.lately import remember
from studio.providers.contract import Operation
from studio.web.htmx import is_part, varied
from studio.web.try_later import try_later

FIRST = 4  # cards of a wide screen's first row


@require_safe
@never_cache  # a page out of a browser's cache would hold an order key that was used
def studio(request: HttpRequest, code: str) -> HttpResponse:
    """The board. `?show=` and `?who=` filter it, `?before=` names a shot to go on from (htmx gets that part alone).

    `?again=` fills the composer with the brief of a shot, `?edit=` and `?extend=` with a clip to change, `?frame=` with a frame to go on from,
    `?prompt=` with a text of the library.
    """
    entry = enter(request, code)
    filters = Filters.read(request.GET.dict())
    if filters.before and is_part(request):  # of the board, or of one batch on its own page
        cards, older = board.page(entry, filters, upto=filters.before)
        return varied(render(request, "jobs/_older_cards.html", {"entry": entry, "cards": cards, "older": older, "filters": filters}))
    remember(request, entry.project)
    return page(request, entry, composer_now(request, entry) if entry.may_make else None)


def page(request: HttpRequest, entry: Pass, composer: Composer | None, *, status: int = HTTPStatus.OK) -> HttpResponse:
    """The whole Studio page."""
    tag = tag_or_404(request, entry.project.code)  # read before the cards: what changes in between is sent again, never missed
    filters = Filters.read(request.GET.dict())
    cards, older = board.page(entry, filters, upto=tag.number)
    context = {
        "entry": entry,
        "tag": tag,
        "filters": filters,
        "cards": [replace(card, leads=at < FIRST) for at, card in enumerate(cards)],
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
    changes = board.changes(entry, filters, seen=seen, now=now, shown_from=board.shot_number(request.GET.get("from", "")))
    return tagged(with_answers(changed(request, entry, changes), entry), now)


@require_safe
@never_cache
def news(request: HttpRequest, code: str) -> HttpResponse:
    """`1` as soon as something is newer than the page's tag, `0` if nothing was for a while.

    204 where the server holds no answers back (see control/carrier.py) or holds as many as it can: the page then asks by its own clock.
    """
    now, later = tag_or_404(request, code), request.META.get("studio.later")
    seen = Tag.read(request.headers.get("HX-PTag", ""))
    answer = HttpResponse(bell.NEWS, content_type="text/plain", headers={"X-Accel-Buffering": "no"})  # nginx: let the headers out
    if seen != now:
        return answer
    promise = later() if later else None
    if promise is None:
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    bell.bell.wait(code.upper(), person(request).pk, now, promise)
    return answer  # its one byte comes from the bell


@require_POST
def looked(request: HttpRequest, code: str) -> HttpResponse:
    """The page is left: what it showed is not new any more. `tag` is the last one that it had."""
    entry = enter(request, code)
    if seen := Tag.read(request.POST.get("tag", "")):
        board.look(entry, seen)
    return HttpResponse(status=HTTPStatus.NO_CONTENT)


def with_answers(answer: HttpResponse, entry: Pass) -> HttpResponse:
    """The same, and answers to the person's requests for credits that they have not seen: as a toast, and with a new price in the composer.

    The page confirms that it has shown the toast. Until then each answer of the board carries it again.
    """
    if not (unseen := unseen_answers(entry.user)):
        return answer
    ids = [one.pk for one in unseen]
    toast = {
        "text": " ".join(one.text for one in unseen),
        "kind": "-".join(["answer", *map(str, ids)]),
        "told": {"post": reverse("credits_told"), "ids": ids},
    }
    return trigger_client_event(trigger_client_event(answer, "toast", toast), "credits", {})


@require_POST
def order(request: HttpRequest, code: str) -> HttpResponse:  # noqa: PLR0911 - one for each outcome
    """Order a clip: the card is there before any provider is asked."""
    entry = enter(request, code, to="make")
    form = BriefForm(request.POST, entry=entry)
    try:
        is_complete = form.is_valid() and references_taken(request, entry, form)
    except DecoderBusy as busy:
        form.add_error("references", f"{busy} Choose the picture again.")
        return try_later(refused(request, entry, form), seconds=busy.seconds)
    if not is_complete:
        return refused(request, entry, form)
    given = form.cleaned_data
    rate_limits.spend_own(entry.user, "orders")
    try:
        job = actions.order(
            author=entry.user,
            project=entry.project,
            what=form.order(),
            order_key=given["order_key"],
        )
    except actions.CannotDo as refusal:
        form.refuse(refusal.reasons)
        return refused(request, entry, form)
    except CannotHold as lack:
        return refused(request, entry, form, lack=lack)
    if (job.prompt, job.connection) != (given["prompt"], given["connection"]):
        form.add_error("order_key", f"This form had ordered {job.code} already. Press Generate again to order this one as well.")
        return refused(request, entry, form)
    version = drafts.clear(entry, request.POST, seen=seen_draft(request))
    if not is_part(request):
        return redirect(f"{reverse('studio', args=[entry.project.code])}#clip-{job.code}")
    composer = replace(compose(entry, form.wanted(), connections=form.connections), draft=version)
    return changed(request, entry, Changes([], [board.the_card(job, entry)]), composer=composer)


def refused(request: HttpRequest, entry: Pass, form: BriefForm, *, lack: CannotHold | None = None) -> HttpResponse:
    """The composer again, with everything that was typed and each reason beside its field."""
    errors = {name: [str(sentence) for sentence in sentences] for name, sentences in form.errors.items()}
    composer = compose(entry, form.wanted(), connections=form.connections)
    composer = replace(with_errors(composer, errors, order_key=form.cleaned_data.get("order_key"), lack=lack), draft=seen_draft(request))
    if not is_part(request):
        return page(request, entry, composer, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    return render(request, "jobs/_composer.html", {"entry": entry, "composer": composer}, status=HTTPStatus.UNPROCESSABLE_ENTITY)


def references_taken(request: HttpRequest, entry: Pass, form: BriefForm) -> bool:
    """Whether the images that came with the order itself could be taken; without scripts they come this way. Raises DecoderBusy."""
    files = [file for file in request.FILES.getlist("upload") if file]
    if (wanted := len(form.images) + len(files)) > MOST_REFERENCES:  # before any is decoded and kept
        form.add_error("references", too_many(wanted))
        return False
    spend_upload(entry, [*files, *([None] if form.cleaned_data["address"] else [])])
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


def spend_upload(entry: Pass, files: Sequence["UploadedFile[Any] | None"]) -> None:
    """Count files for the person's limits and the project's; None is one that an address names. Raises TooManyRequests."""
    rate_limits.spend_upload(entry.user, [(file.size or 0) if file else 0 for file in files], project_id=entry.project.pk)


@require_GET
def composer(request: HttpRequest, code: str) -> HttpResponse:
    """The composer with the brief of an earlier shot, to change it and order again; without one, empty."""
    entry = enter(request, code, to="make")
    return render(request, "jobs/_composer.html", {"entry": entry, "composer": composer_now(request, entry)})


@require_GET
def options(request: HttpRequest, code: str) -> HttpResponse:
    """The composer's bar for the choices made so far: what each connection makes of them, the price, and why not. Nothing is switched."""
    entry = enter(request, code, to="make")
    wanted = with_length(of_query(entry, request.GET), request.GET.get("prompt_length", ""))
    return render(request, "jobs/_options.html", {"entry": entry, "composer": compose(entry, wanted)})


@require_safe
def job(request: HttpRequest, code: str, number: int) -> HttpResponse:
    """Everything about one job: brief, what happened, attempts, receipt."""
    entry = enter(request, code)
    found = job_or_404(entry, number)
    attempts = attempts_of(found)
    if not entry.user.is_admin:
        for attempt in attempts:
            attempt.answer = attempt.alert = ""  # the provider's raw words are for whoever runs the installation
    context = {
        "entry": entry,
        "card": board.the_card(found, entry),
        "offer": acts.offer(entry, [found]),
        "steps": receipts.timeline(found, found.events.all(), attempts),
        "receipt": receipts.receipt(found, attempts),
        "attempts": attempts,
        "children": found.children.select_related("project").order_by("number"),
        "references": [place.reference for place in found.job_references.select_related("reference")],
        "lost": list(rescue.missing_of(found)) if not found.is_live else [],
    }
    return render(request, "jobs/job.html", context)


@require_POST
def job_retry(request: HttpRequest, code: str, number: int) -> HttpResponse:
    """Give a failed job another attempt with the same brief. What stands in the way is said, and nothing is lost."""
    entry = enter(request, code, to="make")
    found = job_or_404(entry, number)
    if not board.may_take_back(found, entry):
        raise PermissionDenied("Only its author or an owner of the project can try this again.")
    words, tone = retried(found, entry)
    if is_part(request):
        answer = changed(request, entry, Changes([board.the_card(found, entry)], []))
        return trigger_client_event(answer, "toast", {"text": words, "tone": tone})
    messages.add_message(request, messages.SUCCESS if tone == "success" else messages.WARNING, words)
    return redirect("job", entry.project.code, number)


def retried(job: Job, entry: Pass) -> tuple[str, str]:
    """What came of trying it again, in a sentence and its tone."""
    rate_limits.spend_own(entry.user, "orders")
    try:
        won = actions.retry(job, by=entry.user)
    except actions.CannotDo as refusal:
        return f"{job.code} was not tried again. {' '.join(refusal.reasons.values())}", "warning"
    except CannotHold as lack:
        why = str(Shortage(lack.needed, lack.free, lack.missing)) if isinstance(lack, Insufficient) else str(lack)
        return f"{job.code} was not tried again. {why}", "warning"
    if not won:
        return f"{job.code} is on its way already.", "success"
    job.refresh_from_db(fields=["estimate"])
    whose = "credits" if job.author_id == entry.user.pk else "of your credits"
    return f"{job.code} is tried again. {credits_text(job.estimate)} {whose} are held for it.", "success"


@require_POST
def reference_add(request: HttpRequest, code: str) -> HttpResponse:
    """Take in one reference image, a file or an address, and answer with its thumbnail; 422 with a sentence if it is none."""
    entry = enter(request, code, to="make")
    file = request.FILES.get("file")
    spend_upload(entry, [file])
    try:
        taken = accept_upload(entry.project, entry.user, file) if file else accept_url(entry.project, entry.user, request.POST.get("address", ""))
    except NotAnImage as trouble:
        return render(request, "jobs/_reference_refused.html", {"trouble": str(trouble)}, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    except DecoderBusy as busy:
        return try_later(render(request, "jobs/_reference_refused.html", {"trouble": str(busy)}), seconds=busy.seconds)
    return render(request, "jobs/_reference.html", {"entry": entry, "reference": taken, "place": 0})


def changed(request: HttpRequest, entry: Pass, changes: Changes, *, composer: Composer | None = None) -> HttpResponse:
    """Changed and new cards, the counts and the balance, each for its own place on the page; after an order the composer too."""
    filters = filters_of(request)
    context = {
        "entry": entry,
        "changes": changes,
        "overview": batch_pages.overview(entry, filters.batch) if filters.batch else None,
        "older": changes.older,
        "filters": filters,
        "counts": board.counts(entry, filters),
        "composer": composer,
    }
    return render(request, "jobs/_changes.html", context)


def filters_of(request: HttpRequest) -> Filters:
    """What the page that asks shows: as the address says, or as that of the page does where a button on a batch's page was pressed."""
    filters = Filters.read(request.GET.dict())
    here = re.search(r"/batches/([0-9]{1,9})/(?:[?#]|$)", request.headers.get("HX-Current-URL", ""))
    return filters if filters.batch or not here else replace(filters, batch=int(here[1]))


def wanted_now(request: HttpRequest, entry: Pass) -> Wanted:
    """The brief to begin with: of the shot, about the clip, with the frame or the library's text that the address names, else like the person's last order."""
    again = board.shot_number(request.GET.get("again", ""))
    found = of_job(entry, again) if again else None
    for operation in (Operation.EDIT, Operation.EXTEND):
        found = found or (of_clip(entry, operation, request.GET[operation]) if operation in request.GET else None)
    found = found or of_frame(entry, request.GET.get("frame", ""))
    version = None if found else version_named(entry.user, request.GET.get("prompt", ""), request.GET.get("version", ""))
    return of_prompt(entry, version, request.GET) if version else found or of_last(entry)


def composer_now(request: HttpRequest, entry: Pass) -> Composer:
    """The composer to begin with: the brief, the frame or the library's text that the address names, else the person's draft, else the settings of their last order.

    About a clip that is to be changed they may have a draft too.
    """
    wanted = wanted_now(request, entry)
    about = f"{wanted.operation.value}-{wanted.source.pk}" if wanted.source and not wanted.parent else ""
    stored = drafts.read(entry, about)
    if stored is None:
        return compose(entry, wanted)
    if (
        wanted.parent or wanted.version or wanted.references
    ):  # it was asked for, so it takes the draft's place, and the draft's words stay within reach
        return replace(compose(entry, wanted), draft=stored.version, put_aside=drafts.prompt_of(stored))
    return replace(compose(entry, drafts.wanted_in(entry, stored) or wanted), draft=stored.version)


def seen_draft(request: HttpRequest) -> int:
    """The version of the draft that the page shows."""
    return board.shot_number(request.POST.get("draft_version", ""))


def job_or_404(entry: Pass, number: int) -> Job:
    """A job of this project."""
    related = ("project", "connection", "author", "source__job__project", "parent__project")
    return get_object_or_404(Job.objects.select_related(*related), project=entry.project, number=number)


def attempts_of(job: Job) -> list[Attempt]:
    """Its attempts, oldest first. One query."""
    return list(job.attempts.select_related("connection", "payer").order_by("created_at"))


def tag_or_404(request: HttpRequest, code: str) -> Tag:
    """The board's tag for this person; Http404 for a stranger."""
    tag = board.tag_of(person(request), code)
    if tag is None:
        raise Http404
    return tag


def tagged(answer: HttpResponse, tag: Tag) -> HttpResponse:
    """The answer with the tag that the page is to send next time."""
    answer["HX-PTag"] = str(tag)
    return answer
