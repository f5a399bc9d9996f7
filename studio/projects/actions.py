"""What people do with projects: start one, name it, put it away, and say who belongs to it. Each is one transaction and one audit event.

CannotDo                 say its sentence beside the button
├── NameAnotherOwner     there would be no owner left
├── CodeIsTaken          another project has this code
└── AlreadyMember        the person belongs to it already
"""

from collections.abc import Collection, Iterable

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from studio.accounts import actions as accounts
from studio.accounts import departing
from studio.accounts.actions import CannotDo
from studio.accounts.departing import Departure
from studio.accounts.models import AccessLink, AuditEvent, User
from studio.projects.models import Membership, Project

Role = Membership.Role


class NameAnotherOwner(CannotDo):
    """The project would be left without an owner."""


class CodeIsTaken(CannotDo):
    """Another project has this code."""


class AlreadyMember(CannotDo):
    """The person belongs to the project already."""


def start(name: str, code: str, *, by: User) -> Project:
    """The new project, with this person as its owner. Raises CodeIsTaken."""
    try:
        with transaction.atomic():
            project = Project.objects.create(name=name, code=code, created_by=by)
            Membership.objects.create(project=project, user=by, role=Role.OWNER)
            AuditEvent.record("project.created", project.code, actor=by, after={"name": name})
    except IntegrityError as error:
        raise CodeIsTaken(f"Another project has the code {code}.") from error
    return project


def rename(project: Project, name: str, *, by: User) -> bool:
    """Whether the name changed. The code stays: it is in every shot code that people wrote down."""
    before = project.name
    if before == name:
        return False
    with transaction.atomic():
        project.name = name
        project.save(update_fields=["name"])
        AuditEvent.record("project.renamed", project.code, actor=by, before={"name": before}, after={"name": name})
    return True


def archive(project: Project, *, by: User) -> bool:
    """Whether it was put away now: out of the lists, nothing deleted."""
    with transaction.atomic():
        changed = Project.objects.filter(pk=project.pk, archived_at=None).update(archived_at=timezone.now()) == 1
        if changed:
            AuditEvent.record("project.archived", project.code, actor=by)
    return changed


def bring_back(project: Project, *, by: User) -> bool:
    """Whether it came back into the lists now."""
    with transaction.atomic():
        changed = Project.objects.filter(pk=project.pk, archived_at__isnull=False).update(archived_at=None) == 1
        if changed:
            AuditEvent.record("project.brought_back", project.code, actor=by)
    return changed


def add_member(project: Project, email: str, role: str, *, by: User) -> tuple[Membership, str]:
    """The membership, and the token of an invitation where the address was new to the installation, else an empty text.

    Raises AlreadyMember, or CannotDo for somebody who is switched off.
    """
    with transaction.atomic():
        person, token = User.objects.find(email), ""
        if person is None:
            person, token = accounts.invite(email, role=User.Role.MEMBER, by=by)
        if not (person.is_active or person.is_invited):
            raise CannotDo(f"{person} is switched off. An admin can switch them on.")
        membership, made = Membership.objects.get_or_create(project=project, user=person, defaults={"role": role})
        if not made:
            raise AlreadyMember(f"{person} is {membership.get_role_display().lower()} here already.")
        AuditEvent.record("member.added", f"{project.code} {person.email}", actor=by, after={"role": role})
    return membership, token


def renewable(people: Iterable[User], *, by: User) -> set[int]:
    """The ids of those who have not come in yet and whom this person may give a new invitation.

    An owner, where owners may invite, only somebody whom they invited themselves, as a member: whoever holds the link becomes that person.
    """
    if not by.is_admin and settings.INVITERS != "OWNERS":
        return set()
    invited = [person for person in people if person.is_invited]
    if by.is_admin:
        return {person.pk for person in invited}
    guests = {person.pk for person in invited if person.role == User.Role.MEMBER}
    return set(AccessLink.objects.filter(user__in=guests, created_by=by).values_list("user_id", flat=True))


def renew_invitation(membership: Membership, *, by: User) -> str:
    """The token of a new invitation; the one before it ends. Raises CannotDo."""
    person = membership.user
    if person.pk not in renewable([person], by=by):
        raise CannotDo(f"You cannot make a link for {person}. Ask an admin.")
    return accounts.issue_link(person, by=by)


def change_role(membership: Membership, role: str, *, by: User, keep: Collection[str] = ()) -> bool:
    """Whether the role changed. What the person may not do any more ends, but for what `keep` names. Raises NameAnotherOwner for the last owner."""
    with transaction.atomic():
        owners = _owners(membership.project)
        membership.refresh_from_db()
        before = membership.role
        if before == role:
            return False
        _keep_an_owner(membership, owners)
        membership.role = role
        membership.save(update_fields=["role"])
        AuditEvent.record("member.role", _subject(membership), actor=by, before={"role": before}, after={"role": role})
    departing.carry_out(departure(membership, by=by, role=role), keep)
    return True


def remove(membership: Membership, *, by: User, keep: Collection[str] = ()) -> None:
    """Take somebody out of the project; their clips stay, and of what else they leave behind what `keep` names. Raises NameAnotherOwner for the last owner."""
    with transaction.atomic():
        _keep_an_owner(membership, _owners(membership.project))
        subject, role = _subject(membership), membership.role
        gone, _ = Membership.objects.filter(pk=membership.pk).delete()
        if gone:
            AuditEvent.record("member.removed", subject, actor=by, before={"role": role})
    if gone:
        departing.carry_out(departure(membership, by=by), keep)


def departure(membership: Membership, *, by: User, role: str = "") -> Departure:
    """What this person leaves: the project, or with a role the acts that this role does not have."""
    return Departure(person=membership.user, by=by, project=membership.project_id, code=membership.project.code, role=role)


def _subject(membership: Membership) -> str:
    """How the audit names a membership."""
    return f"{membership.project.code} {membership.user.email}"


def _owners(project: Project) -> set[int]:
    """The ids of the owners' memberships, with the project locked: two owners who remove each other at the same moment go one after the other."""
    Project.objects.select_for_update().get(code=project.code)
    return set(Membership.objects.filter(project=project, role=Role.OWNER).values_list("pk", flat=True))


def _keep_an_owner(membership: Membership, owners: set[int]) -> None:
    """Raise NameAnotherOwner if this membership is the only owner's."""
    if owners == {membership.pk}:
        raise NameAnotherOwner(f"{membership.user} is the only owner. Make somebody else an owner first.")
