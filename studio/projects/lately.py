"""Remembers, in the session, the projects in which a person was lately: for the way in, the sidebar and the palette."""

from django.http import HttpRequest

from studio.accounts.models import User
from studio.projects.models import Project

KEY = "lately"
MOST = 8


def codes(request: HttpRequest) -> list[str]:
    """The codes of the projects where this session was, the last one first. One may have left them since, or they may be archived."""
    session = getattr(request, "session", None)
    return list(session.get(KEY, [])) if session is not None else []


def remember(request: HttpRequest, project: Project) -> None:
    """Come back here next time. Writes only when it changed."""
    before = codes(request)
    if before[:1] != [project.code]:
        request.session[KEY] = [project.code, *(code for code in before if code != project.code)][:MOST]


def last(request: HttpRequest, user: User) -> Project | None:
    """The project this person was in last, or their first one; None if they have none. Two queries at most."""
    mine = Project.objects.for_user(user).filter(archived_at=None)
    known = {project.code: project for project in mine.filter(code__in=codes(request))}
    return next((known[code] for code in codes(request) if code in known), None) or mine.first()
