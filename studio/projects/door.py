"""The one door: every view that touches a project comes through here.

A project that a person may not see does not exist for them (404, the same as a wrong code). One who may look but not act is told so (403).
"""

from dataclasses import dataclass

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest

from studio.accounts import security_log
from studio.accounts.models import User
from studio.projects.models import Membership, Project

Role = Membership.Role
MAY = {
    "look": {Role.OWNER, Role.MAKER, Role.REVIEWER, Role.VIEWER},
    "decide": {Role.OWNER, Role.MAKER, Role.REVIEWER},  # say what they think of a clip
    "comment": {Role.OWNER, Role.MAKER, Role.REVIEWER},  # say something about a clip, and resolve what was said
    "rule": {Role.OWNER, Role.REVIEWER},  # decide about it for the project
    "make": {Role.OWNER, Role.MAKER},
    "own": {Role.OWNER},
}
REFUSALS = {
    "decide": "You can look at this project. Ask an owner to make you a reviewer.",
    "comment": "You can look at this project. Ask an owner to make you a reviewer, who may comment.",
    "rule": "Owners and reviewers decide for this project.",
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
        """Whether they may `look`, `decide`, `comment`, `rule`, `make` or `own`."""
        return self.role in MAY[act]

    @property
    def may_make(self) -> bool:
        """For templates: whether they may order and cancel."""
        return self.may("make") and not self.project.archived_at

    @property
    def may_decide(self) -> bool:
        """For templates: whether they may say what they think of a clip."""
        return self.may("decide") and not self.project.archived_at

    @property
    def may_comment(self) -> bool:
        """For templates: whether they may say something about a clip."""
        return self.may("comment") and not self.project.archived_at

    @property
    def may_rule(self) -> bool:
        """For templates: whether what they say of a clip is the project's decision."""
        return self.may("rule") and not self.project.archived_at

    @property
    def may_own(self) -> bool:
        """For templates: whether they may change members and settings."""
        return self.may("own")

    def answers_for(self, author_id: int) -> bool:
        """Whether they may change what this person made here: it is their own, or they own the project."""
        return self.may_make and (self.may_own or author_id == self.user.pk)


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
        security_log.note_refusal(request, "not_a_member")
        security_log.log_refusal(request, status=404)
        raise Http404
    if role not in MAY[to]:
        raise PermissionDenied(REFUSALS[to])
    if project.archived_at and to in {"make", "decide", "comment", "rule"}:
        raise PermissionDenied("This project is archived. An owner can bring it back in its settings.")
    return Pass(user, project, role)


def makes_in(user: User, project: Project) -> bool:
    """Whether they are an owner or maker of this project. One query, none for an admin."""
    return user.is_admin or Membership.objects.filter(project=project, user=user, role__in=MAY["make"]).exists()


def passes(user: User) -> dict[int, Pass]:
    """What `enter` would hand out for each project that this person may look at and that is not put away, by its id. One query, two for a member."""
    projects = Project.objects.for_user(user).filter(archived_at=None)
    if user.is_admin:
        return {project.pk: Pass(user, project, Role.OWNER.value) for project in projects}
    roles = dict(Membership.objects.filter(user=user).values_list("project", "role"))
    return {project.pk: Pass(user, project, roles[project.pk]) for project in projects if project.pk in roles}
