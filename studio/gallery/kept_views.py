"""What a kept second costs: everybody's for credit managers, their own project's for owners. Figures, names and codes; no clip is shown here."""

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from studio.accounts.models import User
from studio.accounts.sheets import sheet
from studio.credits import door
from studio.credits.figures import credits_cell, usd_text
from studio.credits.ranges import RangeForm, said
from studio.gallery import kept
from studio.gallery.kept import By, Row
from studio.gallery.kept_forms import KeptForm, ProjectKeptForm, asked_by
from studio.jobs.models import Attempt
from studio.projects.door import enter
from studio.projects.models import Project
from studio.routing.models import Connection

FIGURES = ["Charges", "Credits", "Clips", "Decided", "Coverage in %", "Kept clips", "Kept seconds", "Credits a kept second", "USD a kept second"]
HEADS = {By.PROJECT: ["Project", "Code"], By.PERSON: ["Person", "Address"], By.CONNECTION: ["Connection", "Provider"], By.MONTH: ["Month"]}


@require_safe
def credits_kept(request: HttpRequest) -> HttpResponseBase:
    """The whole team's, narrowed as asked; or as a file."""
    door.manager(request)
    form = KeptForm(request.GET)
    by = asked_by(request.GET.get("by", ""), usual=By.PROJECT)
    return _answer(request, form, form.charges(kept.charges_in(form.span)), by, {"bys": list(By), "entry": None})


@require_safe
def project_kept(request: HttpRequest, code: str) -> HttpResponseBase:
    """One project's, for its owners; or as a file."""
    entry = enter(request, code, to="own")
    form = ProjectKeptForm(request.GET)
    by = asked_by(request.GET.get("by", ""), usual=By.PERSON)
    charges = kept.charges_in(form.span).filter(job__project=entry.project)
    return _answer(request, form, charges, by, {"bys": [By.PERSON, By.CONNECTION, By.MONTH], "entry": entry})


def _answer(request: HttpRequest, form: RangeForm, charges: QuerySet[Attempt], by: By, context: dict[str, object]) -> HttpResponseBase:
    """The figures as a page or as a file. Five queries at any length of either."""
    span, rows = form.span, kept.rows(charges, by)
    if door.wants_sheet(request):
        name = f"kept-seconds-by-{by}-{span.starts_on}-{span.ends_on}"
        return sheet(name, [*HEADS[by], *FIGURES], ([*_named(row, by), *_figures(row.cost)] for row in rows))
    cost = kept.whole(charges)
    context |= {"form": form, "said": said(span), "by": by, "rows": rows[: kept.ROWS], "more": max(len(rows) - kept.ROWS, 0), "cost": cost}
    context |= {"usd": _usd(cost.a_second) if cost.a_second is not None else "", "query": door.query(request, by=None)}
    return render(request, "gallery/kept.html", context | {"whole_query": door.query(request)})


def _named(row: Row, by: By) -> list[object]:
    """The first cells of a line: what it is about."""
    match row.subject:
        case Project():
            return [row.subject.name, row.subject.code]
        case User():
            return [row.subject, row.subject.email]
        case Connection():
            return [row.subject.label, row.subject.provider]
        case _:
            return [f"{row.subject:%Y-%m}"] if row.subject else [""] * len(HEADS[by])


def _figures(cost: kept.Cost) -> list[object]:
    """The figures of a line; empty where there is none, since nothing is kept or there is no clip."""
    coverage = f"{cost.coverage * 100:.1f}" if cost.coverage is not None else ""
    a_second = ["", ""] if cost.a_second is None else [credits_cell(cost.a_second), _usd(cost.a_second).replace("$", "").replace(",", "")]
    return [cost.charges, credits_cell(cost.charged), cost.clips, cost.decided, coverage, cost.kept, f"{cost.seconds:.3f}", *a_second]


def _usd(millicredits: int) -> str:
    return usd_text(millicredits, settings.CREDIT_USD)
