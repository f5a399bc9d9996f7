"""The pages on which credit managers see where credits go: the overview, all entries of the ledger, and spending in every direction."""

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from studio.accounts.sheets import sheet
from studio.credits import door, entries, reports, statement
from studio.credits.charts import stacked
from studio.credits.figures import credits_cell, credits_text, usd_text
from studio.credits.models import Spending
from studio.credits.ranges import RangeForm, said
from studio.credits.spend import by_day, sums, within
from studio.credits.spending_form import SpendForm

SPEND_COLUMNS = ["Person", "Address", "Project", "Provider", "Charges", "Credits", "USD"]


def _usd(millicredits: int) -> str:
    return usd_text(millicredits, settings.CREDIT_USD)


@require_safe
def overview(request: HttpRequest) -> HttpResponseBase:
    """What there is, what was spent, on what and by whom. The same number of queries at any length of the ledger."""
    door.manager(request)
    form = RangeForm(request.GET)
    span, unit = form.span, "usd" if request.GET.get("unit") == "usd" else "credits"
    words = _usd if unit == "usd" else credits_text
    chart = stacked(by_day(within(span)), span, words=words)
    figures = reports.figures()
    context = {"form": form, "said": said(span), "chart": chart, "unit": unit, "figures": figures, "spent_usd": _usd(figures.month.charged)}
    context |= {"projects": reports.projects(span), "people": reports.people(span), "empty": not chart.total}
    return render(request, "credits/overview.html", context | {"query": door.query(request, unit=None)})


@require_safe
def ledger(request: HttpRequest) -> HttpResponseBase:
    """All entries, filtered, newest first; or as a file."""
    door.manager(request)
    form = entries.LedgerForm(request.GET)
    rows = entries.found(form)
    if door.wants_sheet(request):
        return sheet("ledger", entries.COLUMNS, entries.table(rows))
    before = door.cursor(request, "before")
    page, older = entries.page(rows, before)
    person = entries.one_person(form)
    balances = statement.balances(person, page) if person and entries.is_whole(form) else {}
    lines = [(entry, balances.get(entry.pk)) for entry in page]
    context = {"form": form, "lines": lines, "older": older, "paged": before is not None, "person": person, "with_balance": bool(balances)}
    return render(request, "credits/ledger.html", context | {"query": door.query(request, before=None), "filtered": bool(form.asked)})


@require_safe
def spend(request: HttpRequest) -> HttpResponseBase:
    """Person x project x provider in a period; or as a file."""
    door.manager(request)
    form = SpendForm(request.GET)
    span = form.span
    rows: QuerySet[Spending] = form.narrowed(within(span))
    if door.wants_sheet(request):
        name = f"spend-{span.starts_on}-{span.ends_on}"
        return sheet(name, SPEND_COLUMNS, (_cells(row) for row in reports.rows(rows)))
    page = reports.page(rows)
    context = {"form": form, "said": said(span), "page": page, "sums": sums(rows), "query": door.query(request)}
    return render(request, "credits/spend.html", context)


def _cells(row: reports.Row) -> list[object]:
    """One row of the report as a line of a file."""
    what = [row.project.code if row.project else "", row.provider, row.charges]
    usd = _usd(row.charged).replace("$", "").replace(",", "")
    return [row.person, row.person.email, *what, credits_cell(row.charged), usd]
