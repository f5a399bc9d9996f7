"""What people leave behind in projects themselves: memberships, projects that they alone own, and invitations into a project that they sent."""

from collections.abc import Collection

from django.db.models import Count, Q

from studio.accounts.departing import Departure, Left, Source
from studio.accounts.models import AccessLink
from studio.projects.models import Membership, Project

OWNER = Membership.Role.OWNER


def _alone(departure: Departure) -> list[str]:
    """The projects of which the person is the only owner who can come in."""
    others = Count("memberships", filter=Q(memberships__role=OWNER, memberships__user__is_active=True) & ~Q(memberships__user=departure.person))
    owned = Project.objects.filter(memberships__in=Membership.objects.filter(user=departure.person, role=OWNER))
    return [project.code for project in owned.annotate(others=others).filter(others=0)]


def _sent(departure: Departure) -> list[AccessLink]:
    """The open invitations that the person made for members of this project who have not come in yet."""
    links = AccessLink.objects.unused().filter(created_by=departure.person, kind=AccessLink.Kind.INVITATION, user__is_active=False)
    return list(links.filter(user__memberships__project=departure.project).select_related("user"))


def _find(departure: Departure) -> list[Left]:
    if departure.project is None:
        alone = _alone(departure)
        return [
            Left(
                name="memberships",
                title="Projects to which they belong",
                count=Membership.objects.filter(user=departure.person).count(),
                what="They stay a member, and are back in when they are switched on again. Remove them in a project’s settings to end it.",
            ),
            Left(
                name="alone",
                title="Projects without another owner",
                count=len(alone),
                what="They stay. Admins own every project; name another owner in their settings.",
                examples=alone[:5],
            ),
        ]
    sent = [] if departure.role == OWNER else _sent(departure)
    return [
        Left(
            name="project_invitations",
            title="Invitations that they sent to members of this project",
            count=len(sent),
            what="They end. Those people stay on the list, and an admin can make a new link for them.",
            choice=True,
            kept="They stay valid, as yours.",
            examples=[link.user.email for link in sent[:5]],
        )
    ]


def _end(departure: Departure, keep: Collection[str]) -> dict[str, int]:
    if departure.project is None or departure.role == OWNER:
        return {}
    links = AccessLink.objects.filter(pk__in=[link.pk for link in _sent(departure)])
    if "project_invitations" in keep:
        return {"invitations kept": links.update(created_by=departure.by)}
    return {"invitations ended": links.end()}


SOURCE = Source(_find, _end)
