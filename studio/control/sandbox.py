"""The sandbox's page for admins, with a record of what they changed: the sandbox itself knows no people to write down."""

from collections.abc import Callable
from functools import wraps

from django.db import transaction
from django.http import HttpRequest, HttpResponse

from studio.accounts.models import AuditEvent, User
from studio.sandbox import pages
from studio.sandbox.models import Fault

View = Callable[..., HttpResponse]


def recorded(view: View) -> View:
    """The view, with the faults before and after written down where they differ."""

    @wraps(view)
    def watching(request: HttpRequest, **arguments: object) -> HttpResponse:
        if request.method != "POST":
            return view(request, **arguments)
        with transaction.atomic():
            before = faults_in_words()
            answer = view(request, **arguments)
            after = faults_in_words()
            if before != after:
                actor = request.user if isinstance(request.user, User) else None
                AuditEvent.record("sandbox.faults", "the sandbox", actor=actor, before=before, after=after)
        return answer

    return watching


def faults_in_words() -> dict[str, str]:
    """Every fault with what it does now."""
    return {f"{fault} (number {fault.pk})": state_of(fault) for fault in Fault.objects.order_by("pk")}


def state_of(fault: Fault) -> str:
    """Whether it happens, and how often still."""
    if not fault.on:
        return "off"
    return "on" if fault.left is None else f"on, {fault.left} left"


faults = recorded(pages.faults)
change = recorded(pages.change)
