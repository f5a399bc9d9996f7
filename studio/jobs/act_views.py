"""The menu of a card and the bar of the chosen ones: what can be done, what it does to the money, and doing it."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods
from django_htmx.http import trigger_client_event

from studio.jobs import acts, board
from studio.jobs.board import Changes
from studio.jobs.models import Job
from studio.jobs.views import changed, job_or_404
from studio.projects.door import Pass, enter
from studio.web.htmx import is_part


@require_GET
def job_menu(request: HttpRequest, code: str, number: int) -> HttpResponse:
    """What can be done with one card. Without scripts its page says the same."""
    entry = enter(request, code)
    found = job_or_404(entry, number)
    context = {"entry": entry, "card": board.the_card(found, entry), "offer": acts.offer(entry, [found])}
    return render(request, "jobs/_menu.html", context)


@require_http_methods(["GET", "POST"])
def jobs_act(request: HttpRequest, code: str) -> HttpResponse:
    """The bar of the chosen jobs (`n`, repeated); a POST does to them what `do` names. Who is quicker wins, and what came of it is said."""
    entry = enter(request, code, to="make")
    if request.method == "GET":
        return render(request, "jobs/_chosen.html", {"entry": entry, "offer": acts.offer(entry, chosen(entry, request.GET))})
    jobs = chosen(entry, request.POST)
    if not jobs:
        raise Http404
    kind = next((kind for kind in acts.KINDS if kind.name == request.POST.get("do")), None)
    if kind is None:
        return HttpResponseBadRequest("Nothing of that name can be done.")
    if not any(board.may_take_back(job, entry) for job in jobs):
        raise PermissionDenied("Only its author or an owner of the project can do this.")
    return acted(request, entry, acts.act(entry, kind, jobs))


def acted(request: HttpRequest, entry: Pass, outcome: acts.Outcome) -> HttpResponse:
    """The changed cards with a toast; without scripts, the page again."""
    if is_part(request):
        cards = board.read(Job.objects.filter(pk__in=[job.pk for job in outcome.jobs]).order_by("-number"), entry)
        answer = changed(request, entry, Changes(cards, []))
        return trigger_client_event(answer, "toast", {"text": outcome.words, "tone": outcome.tone})
    messages.add_message(request, messages.SUCCESS if outcome.tone == "success" else messages.WARNING, outcome.words)
    if len(outcome.jobs) == 1:
        return redirect("job", entry.project.code, outcome.jobs[0].number)
    return redirect("studio", entry.project.code)


def chosen(entry: Pass, given: QueryDict) -> list[Job]:
    """The jobs of this project that a form or an address names. One query."""
    return acts.chosen(entry, [number for text in given.getlist("n")[: acts.MOST] if (number := board.shot_number(text))])
