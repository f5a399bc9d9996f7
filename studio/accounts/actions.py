"""What people do to people: invite, let in, change a role, switch off and on. Each is one transaction and one audit event.

CannotDo                 say its sentence beside the button
├── NameAnotherAdmin     there would be no admin left
└── AlreadyHere          the address has an account
"""

from collections.abc import Collection
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from studio.accounts import departing
from studio.accounts.departing import Departure
from studio.accounts.models import AccessLink, AuditEvent, User, address_of, new_stamp

Role = User.Role


class CannotDo(Exception):
    """Not possible now. Its text is a sentence for the person who asked."""


class NameAnotherAdmin(CannotDo):
    """The installation would be left without an admin."""


class AlreadyHere(CannotDo):
    """Somebody has this e-mail address already."""


def invite(email: str, *, role: str, by: User) -> tuple[User, str]:
    """The new person, not let in yet, and the token of their invitation. Raises AlreadyHere."""
    try:
        with transaction.atomic():
            person = User.objects.create_user(email, role=role)
            person.is_active = False
            person.save(update_fields=["is_active"])
            token = _invitation(person, by=by)
            AuditEvent.record("person.invited", person.email, actor=by, after={"role": role})
    except IntegrityError as error:
        raise AlreadyHere(f"{address_of(email)} is on the list already.") from error
    return person, token


def issue_link(person: User, *, by: User) -> str:
    """A fresh link with which this person chooses a password and comes in; the one before it ends. Raises CannotDo if they are switched off."""
    if not (person.is_active or person.is_invited):
        raise CannotDo(f"{person} is switched off. Switch them on first.")
    with transaction.atomic():
        token = _invitation(person, by=by)
        AuditEvent.record("person.link", person.email, actor=by)
    return token


def _invitation(person: User, *, by: User) -> str:
    """The token of a new invitation."""
    lifetime: timedelta = settings.INVITATION_LIFETIME
    return AccessLink.make(person, kind=AccessLink.Kind.INVITATION, lifetime=lifetime, created_by=by)


def accept(link: AccessLink, *, name: str, password: str) -> bool:
    """Whether this call used the invitation: its person now has a name, a password and is let in. False when somebody was quicker."""
    person = link.user
    with transaction.atomic():
        if not link.use():
            return False
        person.name, person.is_active = name, True
        person.set_password(password)
        person.session_stamp = new_stamp()
        if AccessLink.objects.filter(pk=link.pk, mailed=True).exists():
            person.email_proved_at = timezone.now()
        person.save(update_fields=["name", "is_active", "password", "session_stamp", "email_proved_at"])
        AccessLink.end(person)
        AuditEvent.record("person.joined", person.email, actor=person)
    return True


def use_sign_in_link(link: AccessLink) -> bool:
    """Whether this call used the sign-in link."""
    with transaction.atomic():
        if not link.use():
            return False
        AuditEvent.record("person.signed_in_by_link", link.user.email, actor=link.user)
    return True


def change_role(person: User, role: str, *, by: User) -> bool:
    """Whether the role changed; their sessions end then. Raises NameAnotherAdmin for the last admin."""
    with transaction.atomic():
        admins = _admins()
        person.refresh_from_db()
        before = person.role
        if before == role:
            return False
        _keep_an_admin(person, admins, f"{person} is the only admin. Make somebody else an admin first.")
        person.role, person.session_stamp = role, new_stamp()
        person.save(update_fields=["role", "session_stamp"])
        if person.is_invited:  # a project's owner may hold this link, and must not come in as more than they could invite
            AccessLink.end(person, made_by=User.objects.exclude(role=Role.ADMIN))
        AuditEvent.record("person.role", person.email, actor=by, before={"role": before}, after={"role": role})
    return True


def switch_off(person: User, *, by: User, keep: Collection[str] = ()) -> bool:
    """Whether it changed: their sessions, open links and reset links end for good, and what else they leave behind, but for what `keep` names.

    Raises CannotDo for oneself, NameAnotherAdmin for the last admin.
    """
    if person.pk == by.pk:
        raise CannotDo("You cannot switch yourself off.")
    with transaction.atomic():
        admins = _admins()
        person.refresh_from_db()
        _keep_an_admin(person, admins, f"{person} is the only admin. Make somebody else an admin first.")
        ended = AccessLink.end(person)
        changed = User.objects.filter(pk=person.pk, is_active=True).update(is_active=False, session_stamp=new_stamp()) == 1
        if changed or ended:
            AuditEvent.record("person.switched_off", person.email, actor=by)
    if changed:
        departing.carry_out(Departure(person=person, by=by), keep)
    person.refresh_from_db()
    return changed or ended > 0


def switch_on(person: User, *, by: User) -> bool:
    """Whether it changed. Raises CannotDo for somebody who never came in: they need a link instead."""
    if person.is_invited:
        raise CannotDo(f"{person} has not come in yet. Give them a new link.")
    with transaction.atomic():
        changed = User.objects.filter(pk=person.pk, is_active=False).update(is_active=True) == 1
        if changed:
            AuditEvent.record("person.switched_on", person.email, actor=by)
    person.refresh_from_db()
    return changed


def end_sessions(person: User, *, by: User) -> None:
    """End all sessions, sign-in links and password reset links of this person, on every device."""
    with transaction.atomic():
        person.session_stamp = new_stamp()
        person.save(update_fields=["session_stamp"])
        AccessLink.end(person, kind=AccessLink.Kind.SIGN_IN)
        AuditEvent.record("person.signed_out", person.email, actor=by)


def describe(person: User, *, name: str, locale: str, time_zone: str) -> None:
    """Keep what a person says about themselves."""
    before = {"name": person.name, "locale": person.locale, "time_zone": person.time_zone}
    after = {"name": name, "locale": locale, "time_zone": time_zone}
    if before == after:
        return
    with transaction.atomic():
        User.objects.filter(pk=person.pk).update(**after)
        AuditEvent.record("person.described", person.email, actor=person, before=before, after=after)


def _admins() -> set[int]:
    """The ids of the admins, locked: two admins who switch each other off at the same moment go one after the other."""
    rows = User.objects.select_for_update().filter(role=Role.ADMIN, is_active=True).order_by("pk")
    return {admin.pk for admin in rows}


def _keep_an_admin(person: User, admins: set[int], sentence: str) -> None:
    """Raise NameAnotherAdmin if this person is the only one."""
    if admins == {person.pk}:
        raise NameAnotherAdmin(sentence)
