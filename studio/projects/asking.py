"""Who may add whom to a project by an e-mail address, and what becomes of the rest: a request that the person or an admin answers.

admin                                              adds anybody; who is new is invited
owner, of somebody with whom they share a project  adds them
owner, where STUDIO_INVITERS is owners             adds anybody of STUDIO_INVITE_DOMAINS; who is new is invited, and admins are told
owner, of any other address                        asks: the answer is the same whether the address has an account or not
"""

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from studio.accounts.actions import CannotDo
from studio.accounts.models import AuditEvent, User, address_of
from studio.projects import actions, asking_mail
from studio.projects.models import MemberRequest, Membership, Project

MOST = 50  # open requests of one project


def may_add(by: User, email: str) -> bool:
    """Whether this owner may learn whether the address has an account, and so add or invite its person at once."""
    return by.is_admin or may_invite(by, email) or knows(by, email)


def may_invite(by: User, email: str) -> bool:
    """Whether this person lets new people of this address in."""
    domain = address_of(email).rpartition("@")[2]
    return by.is_admin or (settings.INVITERS == "OWNERS" and (not settings.INVITE_DOMAINS or domain in settings.INVITE_DOMAINS))


def knows(by: User, email: str) -> bool:
    """Whether they belong to a project together, so that its list of members says who it is."""
    mine = Membership.objects.filter(user=by).values("project")
    return Membership.objects.filter(project__in=mine, user__email=address_of(email)).exists()


def add(project: Project, email: str, role: str, *, by: User) -> tuple[Membership, str] | None:
    """The membership, with the token of an invitation for somebody new; None where it was asked for instead. Raises CannotDo."""
    if may_add(by, email):
        added = actions.add_member(project, email, role, by=by)
        MemberRequest.objects.filter(project=project, email=address_of(email)).delete()
        if added[1] and not by.is_admin:
            asking_mail.tell_admins_later("invited", by=by, email=address_of(email), project=project)
        return added
    with transaction.atomic():
        if MemberRequest.objects.filter(project=project).count() >= MOST:
            raise CannotDo(f"{project} has {MOST} requests that wait for an answer. Withdraw some first.")
        facts = {"role": role, "asked_by": by}
        _, made = MemberRequest.objects.update_or_create(project=project, email=address_of(email), defaults=facts)
        AuditEvent.record("member.asked", f"{project.code} {address_of(email)}", actor=by, after={"role": role})
    if made:
        asking_mail.tell_admins_later("asked", by=by, email=address_of(email), project=project)
    return None


def open_requests() -> QuerySet[MemberRequest]:
    """All open requests, the oldest first; those of somebody who owns the project no longer count for nothing."""
    owner = Membership.objects.filter(project=OuterRef("project"), user=OuterRef("asked_by"), role=Membership.Role.OWNER)
    asks = Q(asked_by__role=User.Role.ADMIN) | Exists(owner)
    return MemberRequest.objects.filter(asks, asked_by__is_active=True).select_related("project", "asked_by")


def requests_of(project: Project) -> QuerySet[MemberRequest]:
    """The project's open requests."""
    return open_requests().filter(project=project)


def requests_for(person: User) -> QuerySet[MemberRequest]:
    """The requests that this person may accept: those of their own address."""
    return open_requests().filter(email=person.email)


def accept(request: MemberRequest, *, by: User) -> tuple[Membership, str] | None:
    """The membership, with the token of an invitation for somebody new, by the person themself or an admin; None if it was answered before."""
    with transaction.atomic():
        if not MemberRequest.objects.filter(pk=request.pk).delete()[0]:
            return None
        return actions.add_member(request.project, request.email, request.role, by=by)


def drop(request: MemberRequest, *, by: User) -> bool:
    """Whether this call declined or withdrew the request."""
    with transaction.atomic():
        gone = bool(MemberRequest.objects.filter(pk=request.pk).delete()[0])
        if gone:
            AuditEvent.record("member.not_added", f"{request.project.code} {request.email}", actor=by)
    return gone
