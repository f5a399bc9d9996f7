"""Who uses the installation: people, the links that let them in, and the record of what was changed."""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, ClassVar, NoReturn

from allauth.core import context
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.crypto import salted_hmac

from studio.accounts import client_address as clients
from studio.plain_text import normalized


def new_stamp() -> str:
    """A value that no session has seen yet."""
    return secrets.token_hex(8)


def address_of(typed: str) -> str:
    """An e-mail address as it is kept: in small letters, which are composed."""
    return normalized("NFC", typed).strip().lower()


class UserManager(BaseUserManager["User"]):
    """Makes people, whose name is their e-mail address."""

    def create_user(self, email: str, *, name: str = "", password: str | None = None, role: str = "member") -> "User":
        """A new person; without a password they can only come in by a link."""
        user = self.model(email=address_of(email), name=name, role=role)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def find(self, email: str) -> "User | None":
        """The person with this address, however it is capitalised and composed."""
        return self.filter(email=address_of(email)).first()

    def get_by_natural_key(self, username: str | None) -> "User":
        """The person with this address, however it is capitalised."""
        return self.get(email=address_of(username or ""))


class User(AbstractBaseUser):
    """One person. `role` is what they may do to the installation; projects have roles of their own."""

    class Role(models.TextChoices):
        """What a person may do to the installation."""

        ADMIN = "admin", "Admin"
        CREDIT_MANAGER = "credit_manager", "Credit manager"
        MEMBER = "member", "Member"

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120, blank=True)
    role = models.CharField(max_length=20, choices=Role, default=Role.MEMBER)
    locale = models.CharField(max_length=12, blank=True)
    time_zone = models.CharField(max_length=64, blank=True)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(default=timezone.now)
    email_proved_at = models.DateTimeField(null=True, blank=True)  # when they used a link that was sent to their address alone
    guided = models.JSONField(default=list, blank=True)  # the lists of first steps that they finished or closed
    session_stamp = models.CharField(max_length=16, default=new_stamp, editable=False)  # sessions and reset links carry it; a new one ends them all

    search_fields = ("name", "email")
    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = UserManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("email"), name="user_email_any_case"),
            models.CheckConstraint(condition=models.Q(role__in=["admin", "credit_manager", "member"]), name="user_role_known"),
        ]

    def __str__(self) -> str:
        return self.name or self.email

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """What Django compares a session with: it ends with the password and with the stamp."""
        return salted_hmac("studio.accounts.session", f"{self.session_stamp} {self.password}", secret=secret, algorithm="sha256").hexdigest()

    @property
    def is_admin(self) -> bool:
        """May change people, connections and settings, and see every project."""
        return self.is_active and self.role == self.Role.ADMIN

    @property
    def manages_credits(self) -> bool:
        """May grant credits and see everybody's money."""
        return self.is_active and self.role in {self.Role.ADMIN, self.Role.CREDIT_MANAGER}

    @property
    def is_invited(self) -> bool:
        """Has an invitation and has not come in yet. Somebody switched off after that has a password, or has signed in once."""
        return not self.is_active and self.last_login is None and not self.has_usable_password()

    @property
    def initials(self) -> str:
        """One or two letters for the round picture."""
        words = (self.name or self.email.split("@")[0].replace(".", " ")).split()
        return "".join(word[0] for word in words[:2]).upper() or "?"

    @property
    def hue(self) -> int:
        """A colour of one's own, 0 to 359 degrees, the same on every page."""
        return int(hashlib.sha256(self.email.encode()).hexdigest()[:6], 16) % 360


class AccessLinks(models.QuerySet["AccessLink"]):
    """Questions about links that let people in."""

    def unused(self) -> "AccessLinks":
        """Those that were not used and have not expired."""
        return self.filter(used_at=None, expires_at__gt=timezone.now())

    def end(self) -> int:
        """How many of these have ended with this call."""
        return self.unused().update(expires_at=timezone.now())


class AccessLink(models.Model):
    """A link that lets one person in, once: an invitation, or a sign-in printed on the operator's own screen.

    Only the SHA-256 of its token is kept. Used by one conditional UPDATE, so two clicks let in one.
    """

    class Kind(models.TextChoices):
        """What the link is for."""

        INVITATION = "invitation", "Invitation"
        SIGN_IN = "sign_in", "Sign-in link"

    kind = models.CharField(max_length=12, choices=Kind)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="access_links")
    token_hash = models.CharField(max_length=64, unique=True)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    mailed = models.BooleanField(default=False)  # it was sent by e-mail and shown to nobody, so whoever uses it reads that mailbox
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    objects = AccessLinks.as_manager()

    def __str__(self) -> str:
        return f"{self.get_kind_display()} for {self.user}"

    @classmethod
    def make(cls, user: User, *, kind: str, lifetime: timedelta, created_by: User | None = None) -> str:
        """A fresh token for this person; earlier unused links of the same kind end."""
        cls.end(user, kind=kind)
        token = secrets.token_urlsafe(24)
        cls.objects.create(kind=kind, user=user, token_hash=cls.digest(token), created_by=created_by, expires_at=timezone.now() + lifetime)
        return token

    @classmethod
    def end(cls, user: User, *, kind: str = "", made_by: "models.QuerySet[User] | None" = None) -> int:
        """How many open links of this person it has ended: all, or those of one kind, or those that certain people made."""
        links = cls.objects.filter(user=user)
        links = links.filter(kind=kind) if kind else links
        return (links if made_by is None else links.filter(created_by__in=made_by)).end()

    @staticmethod
    def digest(token: str) -> str:
        """What is stored in the token's place."""
        return hashlib.sha256(token.encode()).hexdigest()

    @classmethod
    def of(cls, token: str) -> "AccessLink | None":
        """The link of this token, open or not."""
        return cls.objects.select_related("user", "created_by").filter(token_hash=cls.digest(token)).first()

    @classmethod
    def live(cls, token: str) -> "AccessLink | None":
        """The link of this token, if it still lets somebody in."""
        link = cls.of(token)
        return link if link and link.is_open else None

    @property
    def is_open(self) -> bool:
        """Whether it still lets its person in: unused, not over, and neither the person nor whoever made it was switched off."""
        if self.created_by and not self.created_by.is_active:
            return False
        return self.used_at is None and self.expires_at > timezone.now() and (self.user.is_active or self.user.is_invited)

    def use(self) -> bool:
        """Whether this call was the one that used it."""
        now = timezone.now()
        return AccessLink.objects.filter(pk=self.pk, used_at=None, expires_at__gt=now).update(used_at=now) == 1


class AppendOnly(Exception):
    """Something wanted to change or delete what was written down for ever: a bug of ours."""


class AuditEvents(models.QuerySet["AuditEvent"]):
    """The record, which can be read and added to. Python refuses the rest, alike on every database; see docs/decisions.md."""

    def update(self, **_fields: object) -> NoReturn:
        """Never."""
        raise AppendOnly("An audit event is never changed.")

    def delete(self) -> NoReturn:
        """Never."""
        raise AppendOnly("An audit event is never deleted.")

    def bulk_update(self, *_rows: object, **_options: object) -> NoReturn:
        """Never."""
        raise AppendOnly("An audit event is never changed.")


class AuditEvent(models.Model):
    """Who did what, to whom, from where; before and after. Written once, never changed.

    An action is `family.what`; the family stands beside it, to be asked for.
    """

    at = models.DateTimeField(default=timezone.now, db_index=True)
    actor = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    action = models.CharField(max_length=60)
    family = models.CharField(max_length=20)
    subject = models.CharField(max_length=200)
    before = models.JSONField(null=True, blank=True)
    after = models.JSONField(null=True, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    address = models.GenericIPAddressField(null=True, blank=True)

    search_fields = ("subject", "action", "reason")
    objects = AuditEvents.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["family", "-id"], name="events_of_family"),  # what was changed of one kind, newest first
            models.Index(fields=["actor", "-id"], name="events_by_actor"),  # what somebody did
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.subject}"

    def save(self, **options: Any) -> None:
        """Once. Raises AppendOnly for a row that is there already."""
        if not self._state.adding:
            raise AppendOnly("An audit event is never changed.")
        super().save(**{**options, "force_insert": True})

    def delete(self, using: Any = None, keep_parents: bool = False) -> NoReturn:  # noqa: ARG002, FBT001, FBT002 - as Django declares it
        """Never."""
        raise AppendOnly("An audit event is never deleted.")

    @classmethod
    def record(cls, action: str, subject: str, *, actor: User | None, before: object = None, after: object = None, reason: str = "") -> None:
        """Write one event down, with the address of the request that is being answered, if one is."""
        facts = {"before": before, "after": after, "reason": reason, "address": client_address()}
        cls.objects.create(action=action, family=action.partition(".")[0], subject=subject[:200], actor=actor, **facts)

    @classmethod
    def record_many(
        cls, action: str, changes: Iterable[tuple[str, object, object]], *, actor: User | None, reason: str = "", address: str | None = None
    ) -> None:
        """Write one event of this kind down for each subject with its before and after. A query for some hundred of them."""
        facts = {"action": action, "family": action.partition(".")[0], "actor": actor, "reason": reason, "address": address}
        cls.objects.bulk_create([cls(subject=subject[:200], before=before, after=after, **facts) for subject, before, after in changes])


class AuditSeal(models.Model):
    """A link of the chain of hashes over the audit events; `audit_chain` writes and checks it. Numbers have no gaps."""

    number = models.BigIntegerField(primary_key=True)
    event = models.OneToOneField(AuditEvent, on_delete=models.PROTECT, related_name="seal")
    known_until = models.DateTimeField()  # all events that were there then have this seal or one before it, or one of the same round
    hash = models.CharField(max_length=64, unique=True)

    def __str__(self) -> str:
        return f"{self.number} {self.hash[:12]}"


def client_address() -> str | None:
    """Where the request that is being answered came from; None outside of one."""
    request = context.request
    return clients.client_address(request) if request is not None else None
