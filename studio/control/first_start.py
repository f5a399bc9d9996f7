"""What a fresh installation needs before anybody can do anything: an admin, a project, credits, and something to connect to.

Made once: whoever renames the project or spends the credits does not find them again at the next start.
"""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.urls import reverse

from studio.accounts.models import AccessLink, AuditEvent, User
from studio.credits import ledger
from studio.projects.models import Membership, Project
from studio.providers.registry import PROVIDERS
from studio.routing.models import Connection

WELCOME = 1_000_000  # millicredits
WELCOME_KEY = "first-start"
SANDBOX_KEY = "sandbox-demo-key-0001"
SANDBOX_REQUESTS = 600  # a minute: twenty clips looked at every two seconds
SANDBOX_JOBS = 20


class WrongAddress(ValueError):
    """STUDIO_ADMIN_EMAIL is no e-mail address."""


def first_admin() -> User | None:
    """The installation's longest-serving active admin."""
    return User.objects.filter(role=User.Role.ADMIN, is_active=True).order_by("pk").first()


def furnish() -> bool:
    """Whether this was the first start: the admin, the project Demo with them as its owner, and 1,000 credits were made. Raises WrongAddress."""
    if User.objects.exists():
        return False
    address = settings.ADMIN_EMAIL
    try:
        validate_email(address)
    except ValidationError as error:
        raise WrongAddress(f"STUDIO_ADMIN_EMAIL is {address!r}; it takes an e-mail address.") from error
    with transaction.atomic():
        admin = User.objects.create_user(address, name="Admin", role=User.Role.ADMIN)
        project = Project.objects.create(code="DEMO", name="Demo", created_by=admin)
        Membership.objects.create(project=project, user=admin, role=Membership.Role.OWNER)
        ledger.grant(admin, WELCOME, key=WELCOME_KEY, reason="Welcome to the studio", actor=None)
        AuditEvent.record("installation.furnished", admin.email, actor=None, after={"project": project.code, "millicredits": WELCOME})
    return True


def connect_sandbox() -> list[Connection]:
    """The sandbox connections that were missing and are there now: one for each provider. None where the sandbox is off."""
    if not settings.SANDBOX:
        return []
    there = set(Connection.objects.filter(sandbox=True).values_list("provider", flat=True))
    made = [_sandbox(kind.key, kind.name) for kind in PROVIDERS.values() if kind.key not in there]
    for connection in made:
        with transaction.atomic():
            connection.save()
            AuditEvent.record("connection.added", connection.label, actor=None, after={"provider": connection.provider, "sandbox": True})
    return made


def _sandbox(provider: str, name: str) -> Connection:
    connection = Connection(
        provider=provider, label=f"{name} (sandbox)", sandbox=True, requests_per_minute=SANDBOX_REQUESTS, jobs_at_once=SANDBOX_JOBS
    )
    connection.set_key(SANDBOX_KEY)
    return connection


def sign_in_link(user: User) -> str:
    """A fresh address that lets this person in once; links of this kind from earlier end. Recorded: whoever reads it becomes this person."""
    with transaction.atomic():
        token = AccessLink.make(user, kind=AccessLink.Kind.SIGN_IN, lifetime=settings.SIGN_IN_LINK_LIFETIME)
        AuditEvent.record("person.sign_in_link", user.email, actor=None)
    return f"{settings.SITE_URL}{reverse('access_link', args=[token])}"
