"""The review queue: the clips that wait for this person's decision, oldest first, one at a time. Reads only.

    owner, reviewer   the clips about which the project has not decided
    maker             those of them about which they have not said what they think
    viewer            none: they decide about nothing

A place in the queue is the clip's own on the wall, never a count: whatever others decide meanwhile, nobody is asked twice and nothing is passed over.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q

from studio.accounts.models import User
from studio.gallery import wall
from studio.gallery.filters import Filters
from studio.gallery.models import Decision
from studio.gallery.shows import Show
from studio.gallery.sight import Sight
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


def waiting(person: User, passes: Passes, after: int | None, *, count: int) -> list[wall.Mark]:
    """The places of the clips that wait for this person in these projects, oldest first, at most so many: those beyond this place, or all. One query."""
    if not passes:
        return []
    ruled = [key for key, entry in passes.items() if entry.may_rule]
    own = Decision.objects.filter(clip=OuterRef("clip"), person=person)
    open_to_them = Q(project__in=ruled) | Q(~Exists(own)) if len(ruled) < len(passes) else wall.EVERYTHING
    here = wall.Mark(after, after) if after is not None else None
    sight = Sight(person, dict(passes))
    return wall.marks_of(sight, Filters(show=Show.UNDECIDED), here, count=count, side=wall.Side.ABOVE, also=open_to_them)


def turn(person: User, passes: Passes, after: int | None) -> Turn:
    """The first clip that waits beyond this place. Three queries."""
    counted = len(waiting(person, passes, None, count=MOST_LEFT + 1))
    left, more = min(counted, MOST_LEFT), counted > MOST_LEFT
    found = wall.hung(waiting(person, passes, after, count=2))
    if not found:
        return Turn(None, None, [], None, left, more)
    clip = found[0]
    entry = passes[clip.project_id]
    return Turn(entry, clip, standing_with(clip, [], entry).choices, found[1] if len(found) > 1 else None, left, more)
