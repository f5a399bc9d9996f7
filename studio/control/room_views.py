"""The control room for admins, and the orders in doubt for everybody who may decide about them."""

from http import HTTPStatus
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import HttpResponseClientRedirect

from studio.accounts import door
from studio.accounts.models import User
from studio.control import inbox
from studio.control.forms import VerdictForm
from studio.control.inbox import VERDICTS, Doubt, Verdict
from studio.control.room import look
from studio.jobs.doubt import CannotResolve
from studio.jobs.models import Job
from studio.web.htmx import is_part


@never_cache
@require_safe
def control(request: HttpRequest) -> HttpResponse:
    """What needs somebody, how every connection fares, whether a worker works; for a poll the part that changes."""
    door.admin(request)
    template = "control/_room.html" if is_part(request) else "control/room.html"
    return render(request, template, {"room": look()})


@never_cache
@require_safe
def doubts(request: HttpRequest) -> HttpResponse:
    """Every order in doubt, oldest first."""
    user = door.credit_manager(request)
    rows, total = inbox.listed(user, timezone.now())
    return render(request, "control/doubts.html", {"doubts": rows, "total": total, "verdicts": VERDICTS.values()})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def doubt_verdict(request: HttpRequest, job: UUID, verdict: str) -> HttpResponse:
    """Say what became of one order in doubt: the form, and posted the verdict itself."""
    user, said = door.credit_manager(request), VERDICTS.get(verdict)
    if said is None:
        raise Http404
    found = inbox.found(job, user, timezone.now())
    if found is None:
        row = get_object_or_404(Job.objects.select_related("project"), pk=job)
        messages.info(request, f"{row.code} is not in doubt any more.")
        return _to_inbox(request)
    form = VerdictForm(request.POST if request.method == "POST" else None, names=verdict == "name")
    if form.is_valid() and _is_said(form, found, said, by=user):
        messages.success(request, found.told(said.done))
        return _to_inbox(request)
    money = found.told(said.money) if found.held else "Nothing is held for it, as its price is not known."
    words = {"title": found.told(said.title), "money": money, "house": found.told(said.house)}
    in_dialog = is_part(request)
    context = {"form": form, "doubt": found, "verdict": said, "in_dialog": in_dialog, **words}
    template = "control/_verdict_form.html" if in_dialog else "control/verdict.html"
    return render(request, template, context, status=HTTPStatus.UNPROCESSABLE_ENTITY if form.is_bound else HTTPStatus.OK)


def _is_said(form: VerdictForm, found: Doubt, verdict: Verdict, *, by: User) -> bool:
    """Whether the verdict was carried out; otherwise the form says why not."""
    data = form.cleaned_data
    named = (data["remote_id"],) if "remote_id" in data else ()
    try:
        verdict.act(found.job, *named, by=by, reason=data["reason"])
    except CannotResolve as error:
        form.add_error("remote_id" if named else None, str(error))
        return False
    return True


def _to_inbox(request: HttpRequest) -> HttpResponse:
    return HttpResponseClientRedirect(reverse("doubts")) if is_part(request) else redirect("doubts")
