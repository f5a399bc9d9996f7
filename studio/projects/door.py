"""The one door: every view that touches a project comes through here.

A project that a person may not see does not exist for them (404, the same as a wrong code). One who may look but not act is told so (403).
"""

from dataclasses import dataclass

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest

from studio.accounts.models import User
from studio.projects.models import Membership, Project

Role = Membership.Role
MAY = {
    "look": {Role.OWNER, Role.MAKER, Role.REVIEWER, Role.VIEWER},
    "decide": {Role.OWNER, Role.MAKER, Role.REVIEWER},
    "make": {Role.OWNER, Role.MAKER},
    "own": {Role.OWNER},
}
REFUSALS = {
    "decide": "You can look at this project. Ask an owner to make you a reviewer.",
    "make": "You can look at this project. Ask an owner to make you a maker.",
    "own": "Only an owner of this project can do this.",
}


@dataclass(frozen=True, slots=True)
class Pass:
    """A person inside a project: what the door hands out."""

    user: User
    project: Project
    role: str

    def may(self, act: str) -> bool:
        """Whether they may `look`, `decide`, `make` or `own`."""
        return self.role in MAY[act]

    @property
    def may_make(self) -> bool:
        """For templates: whether they may order and cancel."""
        return self.may("make") and not self.project.archived_at

    @property
    def may_own(self) -> bool:
        """For templates: whether they may change members and settings."""
        return self.may("own")


def enter(request: HttpRequest, code: str, *, to: str = "look") -> Pass:
    """The project and the person's role in it; Http404 for a stranger, PermissionDenied for one who may look but not do this."""
    user = request.user
    if not isinstance(user, User) or not user.is_active:
        raise Http404
    project = Project.objects.filter(code=code.upper()).first()
    if project is None:
        raise Http404
    role = Role.OWNER.value if user.is_admin else Membership.objects.filter(project=project, user=user).values_list("role", flat=True).first()
    if role is None:
        raise Http404
    if role not in MAY[to]:
        raise PermissionDenied(REFUSALS[to])
    if project.archived_at and to in {"make", "decide"}:
        raise PermissionDenied("This project is archived. An owner can bring it back in its settings.")
    return Pass(user, project, role)
