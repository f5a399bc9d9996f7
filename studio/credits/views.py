"""The pages about people's credits: one's own ledger for everybody, and everybody's figures for those who manage credits."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import HttpResponseClientRedirect

from studio.accounts.door import person as signed_in
from studio.accounts.models import User
from studio.accounts.sheets import sheet
from studio.credits import carrying, door, ledger, statement
from studio.credits import people as listed
from studio.credits.actions import give
from studio.credits.figures import credits_cell, credits_text
from studio.credits.forms import GrantForm
from studio.credits.own_grants import spend_grant
from studio.web.htmx import is_part

PEOPLE_COLUMNS = ["Person", "Address", "Role", "Active", "Balance", "Held", "Owed", "Spent this month"]
HEADS = {"name": "Person", "role": "Role", "balance": "Balance", "held": "Held", "spent": "Spent this month"}


@require_safe
def own(request: HttpRequest) -> HttpResponse:
    """One's own balance, what is held, what was spent, and every entry."""
    user = signed_in(request)
    account = statement.account_to_show(user)
    before = door.cursor(request, "before")
    lines, older = statement.lines(account, before=before)
    holds, holding = statement.open_holds(account)
    context = {"account": account, "lines": lines, "older": older, "paged": before is not None, "holds": holds, "holding": holding}
    return render(request, "credits/credits.html", context | {"spent": statement.spent(account)})


@require_safe
def people(request: HttpRequest) -> HttpResponseBase:
    """Everybody's balance, held and spent, to sort, search, choose and grant. 403 for people who do not manage credits."""
    door.manager(request)
    search, order = door.search(request), listed.Order.parse(request.GET.get("sort", ""))
    if door.wants_sheet(request):
        rows = listed.by_name(search).iterator(chunk_size=2000)
        return sheet("credits-of-people", PEOPLE_COLUMNS, map(_cells, rows))
    after = request.GET.get("after", "")
    page, more = listed.page(search, order, after)
    lines = listed.sparks(page)
    heads = [(column, words, order.turned(column), order.words if order.column == column else "") for column, words in HEADS.items()]
    context = {"rows": [(row, lines.get(row.pk, "")) for row in page], "people": page, "more": more, "paged": bool(after), "search": search}
    context |= {"order": order, "heads": heads, "matching": listed.found(search).count(), "query": door.query(request, after=None, sort=None)}
    return render(request, "credits/people.html", context | {"totals": statement.totals(), "moving": carrying.running()})


@require_http_methods(["GET", "HEAD", "POST"])
def grant(request: HttpRequest, user_id: int) -> HttpResponse:
    """The form to grant credits to one person, or take them; posted, the movement itself, once a form."""
    manager = door.manager(request)
    person = get_object_or_404(User, pk=user_id)
    form = GrantForm(request.POST if request.method == "POST" else None, person=person)
    if form.is_valid() and _given(request, form, manager):
        address = reverse("credits_people")
        return HttpResponseClientRedirect(address) if is_part(request) else redirect(address)
    context = {"form": form, "person": person, "account": statement.account_to_show(person)}
    template = "credits/_grant.html" if is_part(request) else "credits/grant.html"
    return render(request, template, context, status=422 if form.is_bound else 200)


def _given(request: HttpRequest, form: GrantForm, manager: User) -> bool:
    """Whether the form's credits were moved, now or by an earlier click; otherwise the form says why not."""
    amount, person = form.cleaned_data["amount"], form.person
    spend_grant(manager, amount)
    try:
        moved = give(person, amount, key=form.cleaned_data["key"], reason=form.cleaned_data["reason"], by=manager)
    except ledger.Insufficient as error:
        form.add_error("amount", f"{person} has {credits_text(error.free)} credits that can be taken; the rest is held or not there.")
        return False
    except ledger.Conflict as error:
        form.add_error(None, f"{error} Open the form anew to move more.")
        return False
    done = f"Granted {credits_text(amount)} credits to {person}." if amount > 0 else f"Took {credits_text(-amount)} credits from {person}."
    messages.success(request, done if moved else f"{done} It was sent twice and counted once.")
    return True


def _cells(row: User) -> list[object]:
    """One person as a line of a file."""
    figures = [credits_cell(getattr(row, name)) for name in ("balance", "held", "owed", "spent")]
    return [row, row.email, row.get_role_display(), "yes" if row.is_active else "no", *figures]
