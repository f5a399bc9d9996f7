"""Reading a board: its change tag, its cards, its counts. Every function says how many queries it costs; none depends on the number of jobs.

The tag names what a page has seen: `b812.u77.n55` is board version 812, version 77 of the viewer's account, and shots up to number 55. All three
rise in the transaction that changes them, so a page that asks with its tag learns exactly what is newer.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from django.conf import settings
from django.db.models import Count, Prefetch, Q, QuerySet, Subquery
from django.utils import timezone

from studio.accounts.models import User
from studio.credits.models import Account
from studio.jobs.cards import FRONT, IN_FLIGHT, NEEDS_YOU, Card, cost, provider_of, said
from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt, Clip, Job, JobReference
from studio.jobs.sending import usual_seconds
from studio.jobs.worker import SANDBOX_SECONDS
from studio.projects.door import Pass
from studio.projects.models import Project
from studio.routing.choice import Usual
from studio.routing.models import Connection

PAGE = 48  # cards of a first page, and of each "Show older"
MOST_CHANGES = 60  # more than that, and a fresh page is cheaper
LINE = 1000  # jobs in line that are looked through for a place
REMEMBERED = 200  # finished jobs of a project that tell how long its connections usually take
SHOW: dict[str, frozenset[State]] = {
    "all": frozenset(State),
    "progress": IN_FLIGHT,
    "needs": NEEDS_YOU,
    "done": frozenset({State.DONE}),
}


@dataclass(frozen=True, slots=True)
class Tag:
    """What a page has seen of a board."""

    board: int
    account: int
    number: int

    def __str__(self) -> str:
        return f"b{self.board}.u{self.account}.n{self.number}"

    @classmethod
    def read(cls, text: str) -> "Tag | None":
        """The tag that a page sent; None if it is none of ours."""
        found = re.fullmatch(r"b(\d{1,18})\.u(\d{1,18})\.n(\d{1,9})", text)
        return cls(*map(int, found.groups())) if found else None


@dataclass(frozen=True, slots=True)
class Filters:
    """Which cards a page shows: `show` is all, progress, needs or done; `who` is everyone or mine; `before` a shot number, 0 for none."""

    show: str = "all"
    who: str = "everyone"
    before: int = 0

    @classmethod
    def read(cls, query: "dict[str, str]") -> "Filters":
        """The filters of an address; anything unknown means the widest."""
        show = query.get("show", "")
        return cls(show if show in SHOW else "all", "mine" if query.get("who") == "mine" else "everyone", shot_number(query.get("before", "")))

    def apply(self, jobs: "QuerySet[Job]", viewer: User) -> "QuerySet[Job]":
        """The jobs that pass, whatever their number."""
        found = jobs if self.show == "all" else jobs.filter(state__in=sorted(SHOW[self.show]))
        return found.filter(author=viewer) if self.who == "mine" else found


@dataclass(frozen=True, slots=True)
class Counts:
    """How many jobs stand behind each filter."""

    all: int
    progress: int
    needs: int
    done: int


@dataclass(frozen=True, slots=True)
class Changes:
    """What is newer than a page's tag, for one poll."""

    changed: list[Card]
    new: list[Card]

    def __len__(self) -> int:
        return len(self.changed) + len(self.new)


def shot_number(text: str) -> int:
    """The shot number that an address names; 0 where it names none."""
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else 0


def tag_of(user: User, code: str) -> Tag | None:
    """The tag of a board as it stands for this person; None if the project does not exist for them. One query."""
    account = Account.objects.filter(user=user).values("version")[:1]
    row = Project.objects.for_user(user).filter(code=code.upper()).values_list("board_version", "last_number", Subquery(account)).first()
    return Tag(row[0], row[2] or 0, row[1]) if row else None


def page(entry: Pass, filters: Filters, *, upto: int) -> tuple[list[Card], int]:
    """The cards of one page, newest first, and the number before which older ones begin (0 if there are none). A fixed number of queries."""
    jobs = filters.apply(Job.objects.filter(project=entry.project, number__lte=upto), entry.user)
    if filters.before:
        jobs = jobs.filter(number__lt=filters.before)
    rows = read(jobs.order_by("-number")[: PAGE + 1], entry)
    return rows[:PAGE], rows[PAGE - 1].job.number if len(rows) > PAGE else 0


def changes(entry: Pass, filters: Filters, *, seen: Tag, now: Tag, shown_from: int = 0) -> Changes | None:
    """What changed between two tags from shot `shown_from` on; None if that is too much for one poll. A fixed number of queries.

    The front of the line comes along, because places in line move when others do. New cards obey the filters; a changed one is sent whatever
    it has become, so that it does not vanish under somebody's hand.
    """
    if seen.board > now.board or seen.number > now.number:
        return None  # the database is older than the page: it was restored
    shown = Job.objects.filter(project=entry.project, number__gte=shown_from, number__lte=now.number)
    mine = shown.filter(author=entry.user) if filters.who == "mine" else shown
    moved = list(mine.filter(Q(version__gt=seen.board) | Q(number__gt=seen.number)).values_list("pk", flat=True)[: MOST_CHANGES + 1])
    if len(moved) > MOST_CHANGES:
        return None
    waiting = mine.filter(state=State.QUEUED).order_by("number").values_list("pk", flat=True)[:FRONT]
    cards = read(Job.objects.filter(pk__in={*moved, *waiting}).order_by("-number"), entry)
    new = [card for card in cards if card.job.number > seen.number and _belongs(card, filters)]
    return Changes([card for card in cards if card.job.number <= seen.number], new)


def _belongs(card: Card, filters: Filters) -> bool:
    """Whether a new card is one that the page shows."""
    return not filters.before and card.state in SHOW[filters.show]


def read(jobs: "QuerySet[Job]", entry: Pass) -> list[Card]:
    """The cards of these jobs, in their order. At most seven queries."""
    attempts = Attempt.objects.only("job_id", "created_at", "accepted_at").order_by("created_at")
    rows = list(
        jobs.select_related("project", "connection", "author").prefetch_related(
            Prefetch("clips", Clip.objects.filter(saved_at__isnull=False).order_by("position"), to_attr="saved_clips"),
            Prefetch("attempts", attempts, to_attr="all_attempts"),
            Prefetch("job_references", JobReference.objects.select_related("reference"), to_attr="places"),
        )
    )
    now = timezone.now()
    usual = usual_times(entry.project) if any(job.state in IN_FLIGHT for job in rows) else usual_before_any
    line = places({job.connection_id for job in rows if job.state == State.QUEUED})
    return [_card(job, now=now, usual=usual(job.connection, job.model), place=line.get(job.pk, 0), entry=entry) for job in rows]


def _card(job: Job, *, now: datetime, usual: float, place: int, entry: Pass) -> Card:
    """One card from a job whose clips, attempts and references were fetched with it."""
    attempts: list[Attempt] = getattr(job, "all_attempts", [])
    kept = [row.reference for row in getattr(job, "places", []) if row.reference.file]
    return Card(
        job=job,
        said=said(job, now=now, usual=usual, place=place, attempt=attempts[-1] if attempts else None),
        provider=provider_of(job),
        cost=cost(job),
        clips=tuple(getattr(job, "saved_clips", ())),
        picture=kept[0] if kept else None,
        may_make=entry.may_make,
        may_cancel=job.state == State.QUEUED and may_take_back(job, entry),
    )


def may_take_back(job: Job, entry: Pass) -> bool:
    """Whether this person may cancel this job: its author, or an owner of the project."""
    return entry.may_make and (entry.may_own or job.author_id == entry.user.pk)


def places(connections: "set[int]") -> "dict[object, int]":
    """The place in line, from 1, of each job that is queued at these connections, in any project. One query, none for no connection."""
    if not connections:
        return {}
    waiting = Job.objects.filter(state=State.QUEUED, connection__in=connections).order_by("created_at").values_list("pk", "connection_id")[:LINE]
    line: dict[int, int] = defaultdict(int)
    found: dict[object, int] = {}
    for key, connection in waiting:
        line[connection] += 1
        found[key] = line[connection]
    return found


def counts(entry: Pass, filters: Filters) -> Counts:
    """How many jobs stand behind each filter, of everyone or mine. One query."""
    jobs = Filters(who=filters.who).apply(Job.objects.filter(project=entry.project), entry.user)
    by_state = dict(jobs.values_list("state").annotate(Count("pk")).order_by("state"))
    return Counts(*(sum(by_state.get(state, 0) for state in SHOW[show]) for show in ("all", "progress", "needs", "done")))


def usual_times(project: Project) -> Usual:
    """How long each connection's jobs took here lately, from acceptance to saved: the median; before there is any, what is usual. One query."""
    ended = Attempt.objects.filter(job__project=project, outcome=State.DONE, accepted_at__isnull=False, ended_at__isnull=False)
    took: dict[tuple[int, str], list[float]] = defaultdict(list)
    rows = ended.order_by("-job__number").values_list("connection_id", "job__model", "accepted_at", "ended_at")[:REMEMBERED]
    for connection_id, model, accepted, over in rows:
        took[connection_id, model].append((over - accepted).total_seconds())  # type: ignore[operator]  # both are there by the filter

    def usual(connection: Connection, model: str) -> float:
        known: Sequence[float] = took.get((connection.pk, model), ())
        return max(1.0, median(known)) if known else usual_before_any(connection, model)

    return usual


def usual_before_any(connection: Connection, model: str) -> float:
    """Seconds that such a job usually takes, where this installation has no history of its own."""
    return usual_seconds(connection, model, sandbox_seconds=SANDBOX_SECONDS / settings.SANDBOX_SPEED)


def the_card(job: Job, entry: Pass) -> Card:
    """The card of one job, fresh from the database. A fixed number of queries."""
    return read(Job.objects.filter(pk=job.pk), entry)[0]
