"""The pages about credits: one's own ledger for everybody, and everybody's figures for those who manage credits."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import HttpResponseClientRedirect

from studio.accounts.models import User
from studio.credits import ledger, statement
from studio.credits.actions import give
from studio.credits.figures import credits_text
from studio.credits.forms import GrantForm

SEARCH_LENGTH = 120


@require_safe
def own(request: HttpRequest) -> HttpResponse:
    """One's own balance, what is held, what was spent, and every entry."""
    user = _person(request)
    account = statement.account_to_show(user)
    before = _cursor(request, "before")
    lines, older = statement.lines(account, before=before)
    holds, holding = statement.open_holds(account)
    context = {"account": account, "lines": lines, "older": older, "paged": before is not None, "holds": holds, "holding": holding}
    return render(request, "credits/credits.html", context | {"spent": statement.spent(account)})


@require_safe
def people(request: HttpRequest) -> HttpResponse:
    """Everybody's balance, held and spent, with a form to grant. 403 for people who do not manage credits."""
    _manager(request)
    search = request.GET.get("q", "").replace("\x00", "").strip()[:SEARCH_LENGTH]
    after = _cursor(request, "after")
    page, more = statement.people(search=search, after=after)
    context = {"people": page, "more": more, "paged": after is not None, "search": search}
    return render(request, "credits/people.html", context | {"totals": statement.totals(), "spent": statement.spent()})


@require_http_methods(["GET", "HEAD", "POST"])
def grant(request: HttpRequest, user_id: int) -> HttpResponse:
    """The form to grant credits to one person, or take them; posted, the movement itself, once a form."""
    manager = _manager(request)
    person = get_object_or_404(User, pk=user_id)
    form = GrantForm(request.POST if request.method == "POST" else None, person=person)
    if form.is_valid() and _given(request, form, manager):
        address = reverse("credits_people")
        return HttpResponseClientRedirect(address) if _wants_fragment(request) else redirect(address)
    context = {"form": form, "person": person, "account": statement.account_to_show(person)}
    template = "credits/_grant.html" if _wants_fragment(request) else "credits/grant.html"
    return render(request, template, context, status=422 if form.is_bound else 200)


def _given(request: HttpRequest, form: GrantForm, manager: User) -> bool:
    """Whether the form's credits were moved, now or by an earlier click; otherwise the form says why not."""
    amount, person = form.cleaned_data["amount"], form.person
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


def _person(request: HttpRequest) -> User:
    """The person who is signed in."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def _manager(request: HttpRequest) -> User:
    """The person who is signed in, if they manage credits."""
    user = _person(request)
    if not user.manages_credits:
        raise PermissionDenied("Only credit managers and admins see everybody's credits.")
    return user


def _cursor(request: HttpRequest, name: str) -> int | None:
    """Where a list goes on; None, its beginning, for an address that somebody edited."""
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None  # noqa: PLR2004 - digits of a BIGINT


def _wants_fragment(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"
