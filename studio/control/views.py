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
from studio.control import health
from studio.control.forms import ConnectionForm, SwitchForm
from studio.control.rows import listed
from studio.jobs.worker import allowed_hosts
from studio.providers.registry import PROVIDERS
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
def readyz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - a view
    """Everything that a request needs is there; or 503 with one line of JSON for each part that is not."""
    problems = health.problems(health.READY)
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
    return _form(request, form)


@never_cache
@sensitive_post_parameters("key")
@require_http_methods(["GET", "HEAD", "POST"])
def connection_edit(request: HttpRequest, connection: int) -> HttpResponse:
    """Change a connection."""
    user, row = door.admin(request), get_object_or_404(Connection, pk=connection)
    form = ConnectionForm(request.POST or None, connection=row)
    if request.method == "POST" and form.is_valid():
        messages.success(request, f"{actions.save(form, by=user).label} is saved.")
        return redirect("connections")
    return _form(request, form)


def _form(request: HttpRequest, form: ConnectionForm) -> HttpResponse:
    """The page with one connection's form."""
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.is_bound else HTTPStatus.OK
    context = {"form": form, "connection": form.connection, "kinds": PROVIDERS.values()}
    return render(request, "control/connection.html", context, status=status)


@require_POST
def connection_switch(request: HttpRequest, connection: int) -> HttpResponse:
    """Switch a connection on or off."""
    user, row, form = door.admin(request), get_object_or_404(Connection, pk=connection), SwitchForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Say whether to switch it on or off, with a reason of at most 300 characters.")
        return redirect("connections")
    on = form.cleaned_data["to"] == "on"
    if actions.switch(row, on=on, reason=form.cleaned_data["reason"], by=user):
        messages.success(request, f"{row.label} is on." if on else f"{row.label} is off. What runs there is still watched.")
    return redirect("connections")


@never_cache
@require_POST
def connection_check(request: HttpRequest, connection: int) -> HttpResponse:
    """Ask the provider something that costs nothing. The one request that waits for a provider: an admin asked, for five seconds at most."""
    door.admin(request)
    row = get_object_or_404(Connection, pk=connection)
    verdict = check(row, allowed_hosts=allowed_hosts())
    return render(request, "control/_verdict.html", {"connection": row, "verdict": verdict})
