"""Batches by page: ordering many at once from the composer, a file and its columns, the plan that is looked at first, the batch itself."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.text import slugify
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect, trigger_client_event

from studio.accounts import rate_limits
from studio.accounts.sheets import sheet as sheet_file
from studio.credits.ledger import account_of
from studio.credits.limits import lacking
from studio.jobs import batch_actions, batch_cards, batch_pages, batch_sheet, batch_worker, board, drafts, views
from studio.jobs.batch_actions import Made, Rules, Stays
from studio.jobs.batch_forms import RulesForm
from studio.jobs.batch_models import BULKY, Batch
from studio.jobs.batch_plan import Judge, rows_of
from studio.jobs.board import Changes, Filters
from studio.jobs.composer import ONE_PRESS
from studio.jobs.composing import compose
from studio.jobs.forms import BriefForm
from studio.jobs.models import Job
from studio.jobs.views import changed, composer_now, references_taken, refused, seen_draft
from studio.jobs.wanted import Wanted, as_fields, count_in, of_query
from studio.projects.door import Pass, enter
from studio.prompts import uploads
from studio.prompts.carrying import Undecided, Unreadable
from studio.web.htmx import is_part, varied

S = Batch.State


# ───────── from the composer ─────────


@require_POST
def order(request: HttpRequest, code: str) -> HttpResponse:
    """Order what the composer holds: one clip, or a few takes at once; prompts that are put together, and many takes, are looked at first."""
    if count_in(request.POST) == 1:
        return views.order(request, code)
    entry = enter(request, code, to="make")
    form = BriefForm(request.POST, entry=entry)
    if not (form.is_valid() and references_taken(request, entry, form)):
        return refused(request, entry, form)
    wanted = form.wanted()
    if wanted.matrix or wanted.count > ONE_PRESS:
        planned = batch_actions.plan(entry, Made(wanted=wanted, rows=rows_of(Judge.of(form.connections), wanted)))
        return led_to(request, reverse("batch_planned", args=[entry.project.code, planned.pk]))
    return ordered_at_once(request, entry, form, wanted)


def ordered_at_once(request: HttpRequest, entry: Pass, form: BriefForm, wanted: Wanted) -> HttpResponse:
    """A few takes with one press: their card, with the first of them in line."""
    judge, key = Judge.of(form.connections), form.cleaned_data["order_key"]
    option = judge.option(wanted)
    price = option.millicredits if option else 0
    if lack := lacking(account_of(entry.user), price):
        return refused(request, entry, form, lack=lack)
    if Job.objects.filter(order_key=key).exists():
        form.add_error("order_key", "This form had ordered a single clip already. Press Generate again to order these as well.")
        return refused(request, entry, form)
    rate_limits.spend_own(entry.user, "orders", wanted.count)
    rules = Rules(ceiling=max(price * wanted.count, 0 if option and option.has_price else account_of(entry.user).free), wave=ONE_PRESS)
    batch = batch_actions.order_at_once(entry, Made(wanted=wanted, rows=rows_of(judge, wanted)), rules, key=key)
    if (batch.template, batch.rows.count()) != (wanted.prompt, wanted.count):
        form.add_error("order_key", f"This form had ordered {batch.code} already. Press Generate again to order this as well.")
        return refused(request, entry, form)
    batch_worker.carry_on(batch.pk)
    version = drafts.clear(entry, request.POST, seen=seen_draft(request))
    if not is_part(request):
        return redirect(f"{reverse('studio', args=[entry.project.code])}#clip-{batch.code}")
    composer = replace(compose(entry, form.wanted(), connections=form.connections), draft=version)
    return changed(request, entry, Changes([], batch_cards.read(Batch.objects.filter(pk=batch.pk), entry)), composer=composer)


def led_to(request: HttpRequest, address: str) -> HttpResponse:
    """On to another page, whoever asks."""
    return HttpResponseClientRedirect(address) if is_part(request) else redirect(address)


# ───────── from a file ─────────


@never_cache
@require_http_methods(["GET", "POST"])
def sheet(request: HttpRequest, code: str) -> HttpResponse:
    """Ask for a file, with the composer's brief for whatever its lines do not say; with one, make the plan and look at it."""
    entry = enter(request, code, to="make")
    wanted = settled(entry, composer_now(request, entry).wanted if request.method == "GET" else of_query(entry, request.POST))
    if "upload" not in request.GET and "sheet" not in request.POST:
        return asked(request, entry, wanted)
    try:
        upload = uploads.taken(request, entry.user, batch_sheet.MOST_BYTES)
        told = batch_sheet.read(upload)
    except Undecided:
        fields = [*fields_of(wanted), ("sheet", "1")]
        return uploads.ask_encoding(
            request, upload, entry.user, back=reverse("batch_sheet", args=[entry.project.code]), title="Batch from a CSV", fields=fields
        )
    except Unreadable as trouble:
        return asked(request, entry, wanted, trouble=str(trouble))
    means = batch_sheet.guessed(told, wanted.prompt)
    rows = batch_sheet.rows_of(told, means, wanted, Judge.of())
    made = Made(wanted=wanted, rows=rows, name=told.name, begun_with=as_fields(wanted).urlencode(), sheet=told.as_kept(), columns=means)
    return redirect("batch_planned", entry.project.code, batch_actions.plan(entry, made).pk)


def settled(entry: Pass, wanted: Wanted) -> Wanted:
    """The brief with a connection: the one that the composer would choose, where none was chosen."""
    chosen = compose(entry, wanted).chosen
    return replace(wanted, connection=chosen.connection.pk, model=chosen.can.model) if chosen else wanted


def asked(request: HttpRequest, entry: Pass, wanted: Wanted, *, trouble: str = "") -> HttpResponse:
    """The page that asks for a file."""
    context = {"entry": entry, "wanted": wanted, "fields": fields_of(wanted), "trouble": trouble, "header": batch_sheet.template_header(wanted)}
    return render(request, "jobs/batch_sheet.html", context, status=HTTPStatus.UNPROCESSABLE_ENTITY if trouble else HTTPStatus.OK)


def fields_of(wanted: Wanted) -> list[tuple[str, str]]:
    """The composer's fields, as pairs that a form carries along."""
    return [(name, str(value)) for name, values in as_fields(replace(wanted, takes=1)).lists() for value in values]


@require_POST
def template(request: HttpRequest, code: str) -> StreamingHttpResponse:
    """A CSV file to fill in: the columns for the composer's prompt."""
    entry = enter(request, code, to="make")
    wanted = of_query(entry, request.POST)
    name = slugify(" ".join(wanted.prompt.split()[:4])) or "batch"
    return sheet_file(f"{entry.project.code}-{name}", batch_sheet.template_header(wanted), batch_sheet.template_lines(wanted))


# ───────── the plan ─────────


@never_cache
@require_http_methods(["GET", "POST"])
def planned(request: HttpRequest, code: str, plan_id: uuid.UUID) -> HttpResponse:
    """The plan of one's own: `do=columns` gives its columns another meaning, `do=order` orders it, once."""
    entry = enter(request, code, to="make")
    mine = Batch.objects.select_related("project", "author", "source", "prompt_version")
    batch = get_object_or_404(mine, pk=plan_id, project=entry.project, author=entry.user)
    if batch.number is not None:
        return redirect("batch", entry.project.code, batch.number)
    if request.method == "POST":
        do = request.POST.get("do", "")
        if do == "order":
            return plan_ordered(request, entry, batch)
        if do != "columns" or not batch.sheet:
            return HttpResponseBadRequest("Nothing of that name can be done.")
        told = batch_sheet.Sheet.of(batch.sheet)
        means = batch_sheet.chosen(told, batch.template, request.POST.getlist("column"))
        wanted = batch_pages.begun_with(entry, batch)
        batch_actions.replan(batch, batch_sheet.rows_of(told, means, wanted, Judge.of()), columns=means)
    plan = batch_pages.plan_of(entry, batch)
    form = RulesForm.for_plan(total=plan.price.total)
    return render(request, "jobs/_plan.html" if is_part(request) else "jobs/plan.html", {"entry": entry, "plan": plan, "form": form})


def plan_ordered(request: HttpRequest, entry: Pass, batch: Batch) -> HttpResponse:
    """Order the good rows under these rules; whatever is wrong with the rules is said, and the plan stays."""
    plan, form = batch_pages.plan_of(entry, batch), RulesForm(request.POST)
    if form.is_valid() and not plan.count:
        form.add_error(None, "There is nothing that can be ordered.")
    if form.is_valid() and plan.price.total and form.rules.ceiling < plan.price.first:
        form.add_error("ceiling", "This is less than the first clip costs.")
    if not form.is_valid():
        context = {"entry": entry, "plan": plan, "form": form}
        return render(request, "jobs/plan.html", context, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    rate_limits.spend_own(entry.user, "orders", plan.count)
    batch_actions.order(batch, form.rules)
    batch_worker.carry_on(batch.pk)
    drafts.clear(entry, batch_pages.as_draft(batch), seen=0)
    batch.refresh_from_db()
    return redirect("batch", entry.project.code, batch.number)


# ───────── the batch ─────────


@require_safe
@never_cache
def batch(request: HttpRequest, code: str, number: int) -> HttpResponse:
    """One batch: its money, what can be done with it, and the cards of its jobs, which live as on the board."""
    entry = enter(request, code)
    overview = batch_pages.overview(entry, number)
    tag = views.tag_or_404(request, entry.project.code)
    filters = replace(Filters.read(request.GET.dict()), batch=number)
    cards, older = board.page(entry, filters, upto=tag.number)
    context = {
        "entry": entry,
        "overview": overview,
        "form": RulesForm.of(overview.batch) if overview.card.may_spend else None,
        "tag": tag,
        "filters": filters,
        "cards": cards,
        "older": older,
        "counts": board.counts(entry, filters),
    }
    return varied(render(request, "jobs/batch.html", context))


@require_POST
def act(request: HttpRequest, code: str, number: int) -> HttpResponse:
    """Do what `do` names: pause, go_on, stop, again, rules. What came of it is said with its money."""
    entry = enter(request, code, to="make")
    found = get_object_or_404(Batch.objects.select_related("project", "author").defer(*BULKY), project=entry.project, number=number)
    if not batch_cards.may_act(found, entry):
        raise PermissionDenied("Only its author or an owner of the project can do this.")
    doing = ACTS.get(request.POST.get("do", ""))
    if doing is None:
        return HttpResponseBadRequest("Nothing of that name can be done.")
    if doing in SPEND and not batch_cards.may_spend(found, entry):
        words, tone = f"{found.author} pays for {found.code}, so nobody else has more of it ordered. {INSTEAD}", "warning"
    else:
        words, tone = doing(request, entry, found)
    batch_worker.carry_on(found.pk)
    if is_part(request):
        cards = batch_cards.read(Batch.objects.filter(pk=found.pk), entry) if not views.filters_of(request).batch else []
        return trigger_client_event(changed(request, entry, Changes(cards, [])), "toast", {"text": words, "tone": tone})
    messages.add_message(request, messages.SUCCESS if tone == "success" else messages.WARNING, words)
    return redirect("batch", entry.project.code, number)


def paused(_: HttpRequest, entry: Pass, found: Batch) -> tuple[str, str]:
    """What came of pausing it."""
    if batch_actions.pause(found, by=entry.user):
        return f"{found.code} is paused. Nothing more is ordered or sent.", "success"
    return f"{found.code} does not go on as it is.", "warning"


def stopped(_: HttpRequest, entry: Pass, found: Batch) -> tuple[str, str]:
    """What came of stopping it."""
    if batch_actions.stop(found, by=entry.user):
        return f"{found.code} is stopped. What was not sent is cancelled, and its credits come back.", "success"
    return f"{found.code} was over already.", "warning"


def gone_on(_: HttpRequest, __: Pass, found: Batch, *, rules: Rules | None = None) -> tuple[str, str]:
    """What came of going on with it."""
    try:
        won = batch_actions.go_on(found, rules=rules)
    except Stays as stays:
        return f"{found.code} stays as it is. {stays}", "warning"
    return (f"{found.code} goes on.", "success") if won else (f"{found.code} is going on already, or is over.", "warning")


def again(_: HttpRequest, entry: Pass, found: Batch) -> tuple[str, str]:
    """What came of ordering again what failed."""
    rate_limits.spend_own(entry.user, "orders", batch_actions.failed_count(found))
    try:
        count = batch_actions.again(found)
    except Stays as stays:
        return f"Nothing was ordered again. {stays}", "warning"
    return (f"{count:,} {'is' if count == 1 else 'are'} ordered again.", "success") if count else ("Nothing of it has failed any more.", "warning")


def rules_changed(request: HttpRequest, entry: Pass, found: Batch) -> tuple[str, str]:
    """What came of changing its rules, and going on where that was asked for."""
    form = RulesForm(request.POST)
    if not form.is_valid():
        wrong = [f"{form.fields[name].label}: {' '.join(map(str, sentences))}" for name, sentences in form.errors.items()]
        return f"The rules were not changed. {' '.join(wrong)}", "warning"
    if "go_on" in request.POST:
        return gone_on(request, entry, found, rules=form.rules)
    batch_actions.change_rules(found, form.rules)
    return f"{found.code} has these rules now.", "success"


ACTS: dict[str, Callable[[HttpRequest, Pass, Batch], tuple[str, str]]] = {
    "pause": paused,
    "stop": stopped,
    "go_on": gone_on,
    "again": again,
    "rules": rules_changed,
}
SPEND = {gone_on, again, rules_changed}  # with the credits of the batch's author
INSTEAD = "You can pause or stop it, and try its failed clips again one by one with your own credits."
