"""What the frame around every page shows: team, projects, balance, and what waits for those who decide.

Everything is fetched when a template asks for it and once a request, so a fragment that shows none of it costs no query.
"""

from dataclasses import dataclass
from functools import cached_property

from django.conf import settings
from django.db.models import Count, F, Q
from django.http import HttpRequest
from django.utils import timezone

from studio.accounts.models import User
from studio.control import inbox
from studio.control.guidance import Guide, open_guides
from studio.credits import requests
from studio.credits.models import Account, CreditRequest, Entry
from studio.credits.requests import UnseenAnswer
from studio.gallery import mentions
from studio.jobs.alerts import open_alerts
from studio.jobs.lifecycle import LIVE, State
from studio.jobs.models import Job, Look
from studio.projects import lately
from studio.projects.models import Project

SECTIONS = {
    "studio": {"studio", "job", "pulse", "order", "jobs_act", "job_menu", "draft", "looked"},
    "gallery": {
        *("gallery", "clip", "clips_compare", "project_review"),
        *("share_links", "share_new", "share_edit", "bundles", "bundle_new"),
        *("project_trash", "project_storage"),
    },
    "mentions": {"mentions"},
    "gallery_all": {"gallery_all"},
    "prompts": {
        *("prompts", "prompt", "prompt_new", "prompt_edit", "prompt_version", "prompt_compare", "prompt_details", "prompt_hand_over"),
        *("prompts_import", "prompts_import_confirm"),
    },
    "credits": {
        *("credits", "credits_overview", "credits_people", "credits_grant", "credits_move", "credits_moved", "credits_ledger", "credits_spend"),
        *("credits_kept", "project_kept"),
        *("credits_statements", "statement_team", "statement_person", "statement_project"),
        *("credits_ask", "credits_requests", "credits_answer", "credits_limits", "credits_allowance", "credits_own_cap"),
    },
    "people": {"people"},
    "audit": {"audit"},
    "connections": {"connections", "connection_new", "connection_edit", "price_add", "rate_add"},
    "control": {"control", "drift", "storage", "missing", "alerts", "alert_settle"},
    "doubts": {"doubts", "doubt_verdict"},
    "sandbox": {"sandbox"},
    "me": {"me"},
}
LISTED = 8  # projects in the sidebar; the palette has them all
ENDED = [State.DONE.value, State.FAILED.value]  # what is marked as new until one has looked
LOW = 0.1  # of the newest grant: below it the balance is shown as low


@dataclass(frozen=True, slots=True)
class Place:
    """A project as the sidebar lists it."""

    code: str
    name: str
    hue: int
    live: int  # clips in progress
    here: bool  # the page belongs to it
    new: int = 0  # clips that ended since the viewer last looked


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
        self._lately = lately.codes(request)

    @property
    def section(self) -> str:
        """Which of the frame's links this page belongs to, or an empty string."""
        return next((section for section, pages in SECTIONS.items() if self._page in pages), "")

    @cached_property
    def projects(self) -> list[Place]:
        """The viewer's projects by name, with their clips in progress and what is new; an archived one only on its own pages. Three queries."""
        if self.user is None:
            return []
        rows = [row for row in Project.objects.for_user(self.user) if row.archived_at is None or row.code == self._code]
        live = dict(Job.objects.filter(project__in=rows, state__in=sorted(LIVE)).values_list("project").annotate(Count("pk")).order_by("project"))
        new = _new_in(rows, self.user)
        return [Place(row.code, row.name, row.hue, live.get(row.pk, 0), row.code == self._code, new.get(row.pk, 0)) for row in rows]

    @cached_property
    def listed(self) -> list[Place]:
        """Those that the sidebar has room for, by name: the page's, where the viewer was lately, where something goes on, and others."""
        order = {code: place for place, code in enumerate(self._lately)}
        best = sorted(self.projects, key=lambda place: (not place.here, order.get(place.code, len(order)), -place.live, -place.new))
        chosen = {place.code for place in best[:LISTED]}
        return [place for place in self.projects if place.code in chosen]

    @cached_property
    def project(self) -> Place | None:
        """The page's project; elsewhere where the viewer was last, or the one where most is going on: Studio and Gallery always lead somewhere."""
        known = {place.code: place for place in self.projects}
        named = next((known[code] for code in (self._code, *self._lately) if code in known), None)
        return named or max(self.projects, key=lambda place: place.live, default=None)

    @property
    def here(self) -> str:
        """The code of the page's project; empty on other pages, and for a stranger."""
        return next((place.code for place in self.projects if place.here), "")

    @property
    def live(self) -> int:
        """Clips in progress in all of the viewer's projects."""
        return sum(place.live for place in self.projects)

    @cached_property
    def guides(self) -> list[Guide]:
        """The first steps that the viewer is not through with, on a project's page. One query for each list; none for who is through."""
        return open_guides(self.user, project=self.here, sandbox=self.sandbox) if self.user and self.here else []

    @cached_property
    def doubts(self) -> int:
        """How many orders in doubt wait for somebody to decide; 0, without a query, for people who may not. One query."""
        return inbox.waiting(timezone.now()) if self.user and self.user.manages_credits else 0

    @cached_property
    def alerts(self) -> int:
        """How many alerts wait for an admin to settle them; 0, without a query, for everybody else. One query."""
        return open_alerts().count() if self.user and self.user.is_admin else 0

    @cached_property
    def account(self) -> Account:
        """The viewer's account; an empty one, not saved, for a person who never had credits."""
        found = Account.objects.filter(user=self.user).first() if self.user else None
        return found or Account()

    @cached_property
    def mentions(self) -> int:
        """Comments that name the viewer and that they have not read. One query."""
        return mentions.unseen(self.user) if self.user else 0

    @cached_property
    def requests(self) -> int:
        """Requests for credits that wait for this viewer's answer: 0 and no query for somebody who does not manage credits."""
        return requests.waiting() if self.user and self.user.manages_credits else 0

    @cached_property
    def request(self) -> CreditRequest | None:
        """What the viewer asked for last, and how it was answered."""
        return requests.latest_of(self.user) if self.user else None

    @cached_property
    def answers(self) -> list[UnseenAnswer]:
        """Answers to the viewer's requests for credits that they have not seen. The page confirms those that it has shown (static/js/toast.js)."""
        return requests.unseen_answers(self.user) if self.user else []

    @cached_property
    def _full(self) -> int:
        """Millicredits that fill the balance bar: the newest grant, or the balance where that is more."""
        granted = Entry.objects.filter(account=self.account, kind=Entry.Kind.GRANT).order_by("-at", "-id").first() if self.account.pk else None
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


def _new_in(projects: list[Project], viewer: User) -> dict[int, int]:
    """By project, how many clips ended since the viewer last looked at its board; nothing where they never did. One query, along what changed since."""
    looks = Look.objects.filter(user=viewer, project__in=projects, project__jobs__version__gt=F("version"))
    ended = Count("project__jobs", filter=Q(project__jobs__state__in=ENDED))  # a condition of the query would lead it through all that ever ended
    return dict(looks.values_list("project").annotate(ended=ended).order_by("project"))


def shell(request: HttpRequest) -> dict[str, object]:
    """The frame's own variables, as `shell`."""
    return {"shell": Shell(request)}
