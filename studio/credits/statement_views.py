"""Statements of a month, on the screen, on paper or as a file: one's own for everybody, a project's for its owners, all for credit managers."""

from django.db.models import QuerySet
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from studio.accounts import door as people_door
from studio.accounts.models import User
from studio.accounts.sheets import sheet
from studio.credits import door, monthly
from studio.credits import people as listed
from studio.credits.periods import Span, today
from studio.projects.door import enter
from studio.projects.models import Membership, Project
from studio.text_search.lookups import containing

FOUND = 20  # people and projects under the search


@require_safe
def statements(request: HttpRequest) -> HttpResponseBase:
    """Whose statements of which months there are for the reader."""
    user = people_door.person(request)
    months = monthly.months()
    month = next((span for span in months if span.key == request.GET.get("month")), months[0])
    search = door.search(request)
    projects = list(containing(_projects(user), search, "name")[: FOUND + 1])
    people = list(listed.by_name(search)[: FOUND + 1]) if user.manages_credits else []
    context = {"months": months, "month": month, "projects": projects[:FOUND], "people": people[:FOUND], "search": search}
    context["more"] = {"projects": len(projects) > FOUND, "people": len(people) > FOUND}
    return render(request, "credits/statements.html", context)


@require_safe
def team(request: HttpRequest, year: int, month: int) -> HttpResponseBase:
    """The whole team's month, for credit managers."""
    door.manager(request)
    return _answer(request, monthly.of_team(_month(year, month)))


@require_safe
def person(request: HttpRequest, year: int, month: int, user_id: int) -> HttpResponseBase:
    """A person's month: their own, or anybody's for credit managers."""
    user = people_door.person(request)
    if user.pk != user_id:
        door.manager(request)
    return _answer(request, monthly.of_person(get_object_or_404(User, pk=user_id), _month(year, month)))


@require_safe
def project(request: HttpRequest, year: int, month: int, code: str) -> HttpResponseBase:
    """What a project cost in a month, for its owners and credit managers."""
    user = people_door.person(request)
    found = get_object_or_404(Project, code=code.upper()) if user.manages_credits else enter(request, code, to="own").project
    return _answer(request, monthly.of_project(found, _month(year, month)))


def _answer(request: HttpRequest, statement: monthly.Statement) -> HttpResponseBase:
    """The statement as a page, or as a file."""
    if door.wants_sheet(request):
        return sheet(f"statement-{statement.span.key}-{statement.title}", monthly.COLUMNS, monthly.table(statement))
    context = {"statement": statement, "zone": timezone.get_default_timezone_name(), "today": today()}
    return render(request, "credits/statement.html", context)


def _month(year: int, month: int) -> Span:
    found = monthly.month_of(year, month)
    if found is None:
        raise Http404
    return found


def _projects(user: User) -> QuerySet[Project]:
    """The projects whose statements this person may see."""
    if user.manages_credits:
        return Project.objects.all()
    return Project.objects.filter(memberships__user=user, memberships__role=Membership.Role.OWNER)
