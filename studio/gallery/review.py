"""The review queue: the clips that wait for this person's decision, oldest first, one at a time. Reads only.

    owner, reviewer   the clips about which the project has not decided
    maker             those of them about which they have not said what they think
    viewer            none: they decide about nothing

A place in the queue is the clip's own on the wall, never a count: whatever others decide meanwhile, nobody is asked twice and nothing is passed over.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q, QuerySet

from studio.accounts.models import User
from studio.gallery.models import Decision
from studio.gallery.standing import Choice, standing_with
from studio.jobs.models import Clip
from studio.projects.door import MAY, Pass, Role
from studio.projects.models import Membership, Project

Passes = Mapping[int, Pass]  # by project
MOST_LEFT = 1000  # that are counted


@dataclass(frozen=True, slots=True)
class Turn:
    """What is asked now: the clip with its buttons, the one after it, and how many wait in all, or at least where there are `more`.

    Without a clip, `left` are those that were passed over.
    """

    entry: Pass | None
    clip: Clip | None
    choices: list[Choice]
    following: Clip | None
    left: int
    more: bool


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
    clips = Clip.objects.filter(hanging__project__in=list(passes), hanging__verdict="")  # the wall's index knows them; what hangs there is present
    if len(ruled) < len(passes):
        clips = clips.filter(Q(project__in=ruled) | ~Exists(own))
    return clips.order_by("hanging__place").select_related("hanging", "job__project", "job__author", "attempt__connection", "decision")


def after(place: int) -> Q:
    """The condition of those that come after this place."""
    return Q(hanging__place__gt=place)


def turn(person: User, passes: Passes, where: Q) -> Turn:
    """The first clip that waits there, such as `after(place)`. Two queries."""
    clips = waiting(person, passes)
    found = list(clips.filter(where)[:2])
    counted = clips.order_by()[: MOST_LEFT + 1].count()
    left, more = min(counted, MOST_LEFT), counted > MOST_LEFT
    if not found:
        return Turn(None, None, [], None, left, more)
    clip = found[0]
    entry = passes[clip.project_id]
    return Turn(entry, clip, standing_with(clip, [], entry).choices, found[1] if len(found) > 1 else None, left, more)
