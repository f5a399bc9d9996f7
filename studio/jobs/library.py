"""The prompt library inside the Studio: a picker, the fields for a text's variables, and keeping a brief in the library."""

from http import HTTPStatus

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import trigger_client_event

from studio.accounts.actions import CannotDo
from studio.jobs.composer import Composer
from studio.jobs.models import Job
from studio.jobs.wanted import of_query
from studio.projects.door import Pass, enter
from studio.prompts import actions
from studio.prompts.forms import DetailsForm, VersionForm
from studio.prompts.library import Filters, page_of
from studio.prompts.models import LONGEST
from studio.providers.contract import ASPECT_RATIOS, RESOLUTIONS
from studio.web.htmx import is_part

PICKED = 20  # prompts that the picker shows at once; a search narrows them


@never_cache
@require_safe
def picker(request: HttpRequest, code: str) -> HttpResponse:
    """The prompts to choose from, those that fit `?q=`."""
    entry = enter(request, code, to="make")
    filters = Filters.read({"q": request.GET.get("q", "")})
    page = page_of(entry.user, filters, size=PICKED)
    part = "jobs/_library_rows.html" if "q" in request.GET else "jobs/_library.html"
    return render(request, part, {"entry": entry, "page": page, "filters": filters})


@require_POST
def values(request: HttpRequest, code: str) -> HttpResponse:
    """The fields for the variables of the prompt that is being written, with what was typed into them."""
    entry = enter(request, code, to="make")
    wanted = of_query(entry, request.POST)
    return render(
        request, "jobs/_values.html", {"entry": entry, "composer": Composer(project=entry.project.name, wanted=wanted, options=[], chosen=None)}
    )


@never_cache
@require_http_methods(["GET", "POST"])
def keep(request: HttpRequest, code: str) -> HttpResponse:
    """Keep a brief in the library: what the composer holds, or that of `?job=`. With a name it is saved, else asked for."""
    entry = enter(request, code, to="make")
    if request.method == "GET" or "name" not in request.POST:
        begin = _of_job(entry, request.GET["job"]) if "job" in request.GET else _of_composer(request.POST)
        details = DetailsForm(user=entry.user, initial={"name": _name(str(begin["text"])), "where": entry.project.code})
        return _asked(request, entry, details, VersionForm(initial=begin))
    details, form = DetailsForm(request.POST, user=entry.user), VersionForm(request.POST)
    if details.is_valid() & form.is_valid():
        given = details.cleaned_data
        try:
            made = actions.start(form.content(), name=given["name"], tags=given["tags"], scope=details.scope, project=details.project, by=entry.user)
        except CannotDo as refusal:
            details.add_error("where", str(refusal))
        else:
            return _kept(request, entry, f"{made.name} is in the library.")
    return _asked(request, entry, details, form)


def _asked(request: HttpRequest, entry: Pass, details: DetailsForm, form: VersionForm) -> HttpResponse:
    """The form, in the dialog or as a page of its own."""
    status = HTTPStatus.UNPROCESSABLE_ENTITY if details.errors or form.errors else HTTPStatus.OK
    template = "jobs/_keep.html" if is_part(request) else "jobs/keep.html"
    return render(request, template, {"entry": entry, "details": details, "form": form}, status=status)


def _kept(request: HttpRequest, entry: Pass, words: str) -> HttpResponse:
    """Say so: the dialog closes itself at `kept`."""
    if not is_part(request):
        messages.success(request, words)
        return redirect(reverse("studio", args=[entry.project.code]))
    answer = HttpResponse(status=HTTPStatus.NO_CONTENT)
    return trigger_client_event(trigger_client_event(answer, "toast", {"text": words, "tone": "success"}), "kept", {})


def _of_job(entry: Pass, number: str) -> dict[str, object]:
    """A version that begins with what a shot was ordered with; Http404 if there is no such shot."""
    known = number.isascii() and number.isdecimal() and len(number) < 10  # noqa: PLR2004 - digits of an INTEGER
    job = Job.objects.filter(project=entry.project, number=int(number)).first() if known else None
    if job is None:
        raise Http404
    return {
        "text": job.prompt,
        "aspect_ratio": _one_of(job.wish.get("aspect_ratio") or job.aspect_ratio, ASPECT_RATIOS),
        "duration": job.wish.get("duration") or job.duration,
        "resolution": _one_of(job.wish.get("resolution") or job.resolution, RESOLUTIONS),
        "silent": job.sound is False,
    }


def _of_composer(typed: QueryDict) -> dict[str, object]:
    """A version that begins with what stands in the composer."""
    duration = typed.get("duration", "")
    return {
        "text": typed.get("prompt", "").replace("\x00", ""),
        "aspect_ratio": _one_of(typed.get("aspect_ratio", ""), ASPECT_RATIOS),
        "duration": min(int(duration), LONGEST) if duration.isascii() and duration.isdecimal() and len(duration) <= 5 else None,  # noqa: PLR2004
        "resolution": _one_of(typed.get("resolution", ""), RESOLUTIONS),
        "silent": bool(typed.get("silent")),
    }


def _one_of(value: str, known: tuple[str, ...]) -> str:
    return value if value in known else ""


def _name(text: str) -> str:
    """A first name for a prompt: how it begins, up to the first stop."""
    return " ".join(text.split(".", 1)[0].split(",", 1)[0].split())[:60].rstrip()
