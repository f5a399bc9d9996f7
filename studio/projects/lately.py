"""Remembers, in the session, which project a person was in last."""

from django.http import HttpRequest

from studio.accounts.models import User
from studio.projects.models import Project

KEY = "project"


def remember(request: HttpRequest, project: Project) -> None:
    """Come back here next time. Writes only when it changed."""
    if request.session.get(KEY) != project.code:
        request.session[KEY] = project.code


def last(request: HttpRequest, user: User) -> Project | None:
    """The project this person was in last, or their first one; None if they have none."""
    mine = Project.objects.for_user(user).filter(archived_at=None)
    return mine.filter(code=request.session.get(KEY, "")).first() or mine.first()
