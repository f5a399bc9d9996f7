"""The admin's page: what the played providers were asked lately, and what goes wrong on purpose."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from studio.sandbox.forms import FaultForm
from studio.sandbox.models import Fault, RemoteJob
from studio.sandbox.timeline import standing

SHOWN = 50  # jobs


@require_http_methods(["GET", "POST"])
def faults(request: HttpRequest) -> HttpResponse:
    """The page, and switching a fault on."""
    _only_admins(request)
    form = FaultForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        form.switch_on()
        return redirect("sandbox")
    now = timezone.now()
    jobs = [(job, standing(job, now)) for job in RemoteJob.objects.defer("request", "prompt").order_by("-created_at", "-pk")[:SHOWN]]
    return render(request, "sandbox/faults.html", {"form": form, "faults": Fault.objects.all(), "jobs": jobs})


@require_POST
def change(request: HttpRequest, fault_id: int) -> HttpResponse:
    """Switch one fault on or off, or take it away."""
    _only_admins(request)
    fault = get_object_or_404(Fault, pk=fault_id)
    match request.POST.get("do"):
        case "on":
            # A spent fault would stay silent: it happens once more.
            Fault.objects.filter(pk=fault.pk).update(on=True, left=1 if fault.left == 0 else fault.left)
        case "off":
            Fault.objects.filter(pk=fault.pk).update(on=False)
        case "remove":
            fault.delete()
        case _:
            raise Http404
    return redirect("sandbox")


def _only_admins(request: HttpRequest) -> None:
    """404 for everybody else. The role is read by its name: the sandbox knows no people."""
    if not request.user.is_active or getattr(request.user, "role", "") != "admin":
        raise Http404
