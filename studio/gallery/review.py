"""The review queue: the clips that wait for this person's decision, oldest first, one at a time. Reads only.

    owner, reviewer   the clips about which the project has not decided
    maker             those of them about which they have not said what they think
    viewer            none: they decide about nothing

A place in the queue is a clip's mark, never a count: whatever others decide meanwhile, nobody is asked twice and nothing is passed over.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q, QuerySet

from studio.accounts.models import User
from studio.gallery.marks import Mark
from studio.gallery.models import Decision
from studio.gallery.standing import Choice, standing_with
from studio.jobs.models import Clip
from studio.projects.door import MAY, Pass, Role
from studio.projects.models import Membership, Project

Passes = Mapping[int, Pass]  # by project


@dataclass(frozen=True, slots=True)
class Turn:
    """What is asked now: the clip with its buttons, the one after it, and how many wait in all. Without a clip, `left` are those that were passed over."""

    entry: Pass | None
    clip: Clip | None
    choices: list[Choice]
    following: Clip | None
    left: int

    @property
    def mark(self) -> Mark | None:
        """The clip's place in the queue."""
        return Mark.of(self.clip) if self.clip else None


def passes_of(person: User) -> Passes:
    """The projects in which this person decides, archived ones left out. One query."""
    if person.is_admin:
        return {project.pk: Pass(person, project, Role.OWNER) for project in Project.objects.filter(archived_at=None)}
    members = Membership.objects.filter(user=person, role__in=sorted(MAY["decide"]), project__archived_at=None).select_related("project")
    return {member.project_id: Pass(person, member.project, member.role) for member in members}


def waiting(person: User, passes: Passes) -> QuerySet[Clip]:
    """The clips that wait for this person in these projects, oldest first."""
    ruled = [key for key, entry in passes.items() if entry.may_rule]
    own = Decision.objects.filter(clip=OuterRef("pk"), person=person)
    clips = Clip.objects.present().filter(project__in=list(passes), decision=None)
    if len(ruled) < len(passes):
        clips = clips.filter(Q(project__in=ruled) | ~Exists(own))
    return clips.order_by("saved_at", "pk").select_related("job__project", "job__author", "attempt__connection", "decision")


def turn(person: User, passes: Passes, where: Q) -> Turn:
    """The first clip that waits there, such as `mark.above()`. Two queries."""
    clips = waiting(person, passes)
    found = list(clips.filter(where)[:2])
    left = clips.order_by().count()
    if not found:
        return Turn(None, None, [], None, left)
    clip = found[0]
    entry = passes[clip.project_id]
    return Turn(entry, clip, standing_with(clip, [], entry).choices, found[1] if len(found) > 1 else None, left)
