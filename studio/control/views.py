"""The operator's pages: health for machines, connections for admins."""

import json
from http import HTTPStatus

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from studio.accounts import door
from studio.control import connections as actions
from studio.control import drift as drifting
from studio.control import prices, readiness
from studio.control.forms import ConnectionForm, SwitchForm
from studio.control.price_forms import PriceForm, RateForm
from studio.control.rows import listed
from studio.jobs.hands import allowed_hosts
from studio.providers.registry import PROVIDERS
from studio.routing.balance import ask as ask_balance
from studio.routing.checking import check
from studio.routing.models import Connection


@login_not_required  # asked by whatever keeps the process running
@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - a view
    """The process answers. Nothing else is asked."""
    return HttpResponse("ok\n", content_type="text/plain")


@login_not_required  # asked by load balancers; the answer holds no secret
@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Everything that a request needs is there; or 503 with one line of JSON for each part that is not."""
    problems = readiness.problems_for(request)
    lines: list[dict[str, object]] = [{"part": problem.part, "problem": problem.words} for problem in problems] or [{"ready": True}]
    status = HTTPStatus.SERVICE_UNAVAILABLE if problems else HTTPStatus.OK
    return HttpResponse("".join(f"{json.dumps(line)}\n" for line in lines), content_type="application/x-ndjson", status=status)


@never_cache
@require_safe
def connections(request: HttpRequest) -> HttpResponse:
    """All connections, for admins."""
    door.admin(request)
    return render(request, "control/connections.html", {"rows": listed()})


@never_cache
@require_safe
def drift(request: HttpRequest) -> HttpResponse:
    """How far charges are from estimates, by connection, for admins."""
    door.admin(request)
    days = next((days for days in drifting.PERIODS if request.GET.get("days") == str(days)), drifting.USUAL)
    context = {"rows": drifting.rows(days), "days": days, "periods": drifting.PERIODS, "off": drifting.OFF, "enough": drifting.ENOUGH}
    return render(request, "control/drift.html", context)


@never_cache
@sensitive_post_parameters("key")
@require_http_methods(["GET", "HEAD", "POST"])
def connection_new(request: HttpRequest) -> HttpResponse:
    """Add a connection."""
    user = door.admin(request)
    form = ConnectionForm(request.POST or None, choose=request.GET.get("provider", ""))
    if request.method == "POST" and form.is_valid():
        connection = actions.save(form, by=user)
        messages.success(request, f"{connection.label} is connected. Test it before others use it.")
        return redirect("connections")
    return page_of(request, form)


@never_cache
@sensitive_post_parameters("key")
@require_http_methods(["GET", "HEAD", "POST"])
def connection_edit(request: HttpRequest, connection: int) -> HttpResponse:
    """Change a connection."""
    user, row = door.admin(request), get_object_or_404(Connection, pk=connection)
    form = ConnectionForm(request.POST or None, connection=row)
    if request.method == "POST" and form.is_valid():
        saved = actions.save(form, by=user)
        tried = " Its new key is tried with the next order." if form.cleaned_data.get("key") else ""
        messages.success(request, f"{saved.label} is saved.{tried}")
        return redirect("connections")
    return page_of(request, form)


def page_of(request: HttpRequest, form: ConnectionForm, *, price: PriceForm | None = None, rate: RateForm | None = None) -> HttpResponse:
    """The page of one connection: its form, and once it is there its prices, each with what was wrong with what was sent."""
    connection = form.connection
    context = {"form": form, "connection": connection, "kinds": PROVIDERS.values()}
    if connection.pk and connection.provider in PROVIDERS:
        context |= {
            "book": prices.book_of(connection),
            "price": price or PriceForm(connection=connection),
            "rate": rate or RateForm(connection=connection),
        }
    wrong = any(one is not None and one.is_bound for one in (form, price, rate))
    return render(request, "control/connection.html", context, status=HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK)


@require_POST
def connection_switch(request: HttpRequest, connection: int) -> HttpResponse:
    """Switch a connection on or off."""
    user, row, form = door.admin(request), get_object_or_404(Connection, pk=connection), SwitchForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Say whether to switch it on or off, with a reason of at most 300 characters.")
        return redirect("connections")
    on = form.cleaned_data["to"] == "on"
    if actions.switch(row, on=on, reason=form.cleaned_data["reason"], by=user):
        said = f"{row.label} is on, and takes orders again at once." if on else f"{row.label} is off. What runs there is still watched."
        messages.success(request, said)
    return redirect("connections")


@never_cache
@require_POST
def connection_check(request: HttpRequest, connection: int) -> HttpResponse:
    """Ask the provider something that costs nothing. The one request that waits for a provider: an admin asked, for five seconds at most."""
    user, row = door.admin(request), get_object_or_404(Connection, pk=connection)
    verdict = check(row, allowed_hosts=allowed_hosts())
    resumed = actions.resume(row, why="A test found that it works.", by=user) if verdict.is_good else 0
    return render(request, "control/_verdict.html", {"connection": row, "verdict": verdict, "resumed": resumed})


@never_cache
@require_POST
def connection_balance(request: HttpRequest, connection: int) -> HttpResponse:
    """Ask the provider what is left there: as `connection_check`, free and for five seconds at most."""
    door.admin(request)
    row = get_object_or_404(Connection, pk=connection)
    told = ask_balance(row, allowed_hosts=allowed_hosts())
    return render(request, "control/_balance.html", {"connection": row, "told": told})


@require_POST
def connection_resume(request: HttpRequest, connection: int) -> HttpResponse:
    """End the pauses of a connection, because an admin says that it is well again."""
    user, row = door.admin(request), get_object_or_404(Connection, pk=connection)
    if actions.resume(row, why="An admin wanted to try it.", by=user):
        messages.success(request, f"{row.label} takes orders again. If it is still ill, the next failures pause it.")
    else:
        messages.info(request, f"{row.label} was not paused any more.")
    return redirect("control")
