"""What the frame around every page asks for: the palette's answers, the keyboard map, and the end of a list of first steps."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import require_POST, require_safe

from studio.accounts.door import person
from studio.control.guidance import NAMES, close
from studio.control.palette import Asked, all_projects, clean, find
from studio.projects.lately import codes
from studio.web.htmx import is_part

HOUR = 3600  # seconds


@never_cache
@require_safe
def found(request: HttpRequest) -> HttpResponse:
    """What fits `?q=`, seen from the project `?here=`; with `?only=projects` every project that fits."""
    asked = Asked(
        user=person(request),
        text=clean(request.GET.get("q", "")),
        here=request.GET.get("here", "")[:8],
        lately=codes(request),
        sandbox=settings.SANDBOX,
    )
    groups = all_projects(asked) if request.GET.get("only") == "projects" else find(asked)
    return render(request, "control/_found.html", {"groups": groups, "text": asked.text})


@require_safe
@cache_control(private=True, max_age=HOUR)
def keymap(request: HttpRequest) -> HttpResponse:
    """Every key; the page hides those that do nothing there."""
    return render(request, "control/_keymap.html")


@require_POST
def guide_close(request: HttpRequest, name: str) -> HttpResponse:
    """The person does not want to see this list any more."""
    if name not in NAMES:
        raise Http404
    close(person(request), name)
    return HttpResponse() if is_part(request) else redirect("home")
