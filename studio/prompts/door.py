"""The library's door: which prompts somebody may see, and which they may change.

private   its author sees and changes it, nobody else, admins neither
project   members of the project see it, its owners and makers change it while it is not archived
team      everybody sees it, its author and admins change it
"""

from dataclasses import dataclass

from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest

from studio.accounts.door import person
from studio.accounts.models import User
from studio.projects.door import MAY, makes_in
from studio.projects.models import Project
from studio.prompts.models import Prompt, Scope

REFUSALS = {
    Scope.PROJECT: "Only owners and makers of its project can change this prompt.",
    Scope.TEAM: "Only its author and admins can change a prompt of the team. You can save a copy of your own.",
}
LARGEST = 2**63 - 1  # of a BIGINT; SQLite refuses more


@dataclass(frozen=True, slots=True)
class Sight:
    """A person before a prompt: what the door hands out."""

    user: User
    prompt: Prompt
    may_edit: bool

    @property
    def may_share(self) -> bool:
        """Whether they may say whose it is: its author, and admins for what more than its author sees."""
        return self.user == self.prompt.author or (self.user.is_admin and self.prompt.scope != Scope.PRIVATE)


def seen_by(user: User) -> QuerySet[Prompt]:
    """The prompts that this person may see, archived ones too."""
    return Prompt.objects.filter(
        Q(scope=Scope.PRIVATE, author=user) | Q(scope=Scope.TEAM) | Q(scope=Scope.PROJECT, project__in=Project.objects.for_user(user))
    )


def may_edit(user: User, prompt: Prompt) -> bool:
    """Whether they may change this prompt, which they may see. One query for a project's, else none."""
    if prompt.scope == Scope.PRIVATE:
        return prompt.author_id == user.pk
    if prompt.scope == Scope.TEAM:
        return user.is_admin or prompt.author_id == user.pk
    assert prompt.project is not None  # noqa: S101 - the database says so
    return prompt.project.archived_at is None and makes_in(user, prompt.project)


def projects_for(user: User) -> QuerySet[Project]:
    """The projects in which this person may make something, by name."""
    alive = Project.objects.filter(archived_at=None)
    return alive if user.is_admin else alive.filter(memberships__user=user, memberships__role__in=MAY["make"])


def open_prompt(request: HttpRequest, prompt_id: int, *, to: str = "look") -> Sight:
    """The prompt and what the person may do with it; Http404 for one they may not see, PermissionDenied if they may not do this (`edit`, `share`)."""
    user = person(request)
    found = find(user, prompt_id)
    if found is None:
        raise Http404
    sight = Sight(user, found, may_edit(user, found))
    if to == "edit" and not sight.may_edit:
        raise PermissionDenied(REFUSALS[Scope(found.scope)])
    if to == "share" and not sight.may_share:
        raise PermissionDenied("Only its author and admins can say whose this prompt is.")
    return sight


def find(user: User, prompt_id: int) -> Prompt | None:
    """The prompt with that id, if this person may see it. One query."""
    if prompt_id > LARGEST:
        return None
    return seen_by(user).select_related("author", "project").filter(pk=prompt_id).first()
