"""What the frame around every page shows: team, projects, balance.

Everything is fetched when a template asks for it and once a request, so a fragment that shows none of it costs no query.
"""

from dataclasses import dataclass
from functools import cached_property

from django.conf import settings
from django.db.models import Count
from django.http import HttpRequest

from studio.accounts.models import User
from studio.credits.models import Account, Entry
from studio.jobs.lifecycle import LIVE
from studio.jobs.models import Job
from studio.projects.models import Project

SECTIONS = {
    "studio": {"studio", "job", "pulse", "order", "job_cancel"},
    "gallery": {"gallery", "clip"},
    "credits": {"credits", "credits_people", "credits_grant"},
    "people": {"people"},
    "connections": {"connections", "connection_new", "connection_edit"},
    "sandbox": {"sandbox"},
    "me": {"me"},
}
LOW = 0.1  # of the newest grant: below it the balance is shown as low


@dataclass(frozen=True, slots=True)
class Place:
    """A project as the sidebar lists it."""

    code: str
    name: str
    hue: int
    live: int  # clips in progress
    here: bool  # the page belongs to it


class Shell:
    """The frame's variables for one request. Nobody signed in: `user` is None and there are no projects."""

    def __init__(self, request: HttpRequest) -> None:
        user = getattr(request, "user", None)
        self.user = user if isinstance(user, User) and user.is_active else None
        self.team: str = settings.TEAM_NAME
        self.sandbox: bool = settings.SANDBOX
        match = request.resolver_match
        self._page = match.url_name if match else ""
        self._code = str(match.kwargs.get("code", "")).upper() if match else ""

    @property
    def section(self) -> str:
        """Which of the frame's links this page belongs to, or an empty string."""
        return next((section for section, pages in SECTIONS.items() if self._page in pages), "")

    @cached_property
    def projects(self) -> list[Place]:
        """The viewer's projects by name, with their clips in progress; an archived one only on its own pages. Two queries."""
        if self.user is None:
            return []
        rows = [row for row in Project.objects.for_user(self.user) if row.archived_at is None or row.code == self._code]
        live = dict(Job.objects.filter(project__in=rows, state__in=sorted(LIVE)).values_list("project").annotate(Count("pk")).order_by("project"))
        return [Place(row.code, row.name, row.hue, live.get(row.pk, 0), here=row.code == self._code) for row in rows]

    @cached_property
    def project(self) -> Place | None:
        """The page's project; elsewhere the one where most is going on, so that Studio and Gallery always lead somewhere."""
        here = [place for place in self.projects if place.here]
        return here[0] if here else max(self.projects, key=lambda place: place.live, default=None)

    @property
    def live(self) -> int:
        """Clips in progress in all of the viewer's projects."""
        return sum(place.live for place in self.projects)

    @cached_property
    def account(self) -> Account:
        """The viewer's account; an empty one, not saved, for a person who never had credits."""
        found = Account.objects.filter(user=self.user).first() if self.user else None
        return found or Account()

    @cached_property
    def _full(self) -> int:
        """Millicredits that fill the balance bar: the newest grant, or the balance where that is more."""
        granted = Entry.objects.filter(account=self.account, kind=Entry.Kind.GRANT).order_by("-id").first() if self.account.pk else None
        return max(granted.amount if granted else 0, self.account.balance, 1)

    @property
    def free_share(self) -> str:
        """How much of the balance bar is free, as a CSS number from 0 to 1."""
        return f"{self.account.free / self._full:.3f}"

    @property
    def held_share(self) -> str:
        """How much of the balance bar is held, as a CSS number from 0 to 1."""
        return f"{self.account.held / self._full:.3f}"

    @property
    def balance_is_low(self) -> bool:
        """Whether less than a tenth of the newest grant is free."""
        return self.account.free < LOW * self._full


def shell(request: HttpRequest) -> dict[str, object]:
    """The frame's own variables, as `shell`."""
    return {"shell": Shell(request)}
