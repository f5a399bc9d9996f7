"""Reading a board: its change tag, its cards, its counts. Every function says how many queries it costs; none depends on the number of jobs.

The tag names what a page has seen: `b812.u77.n55` is board version 812, version 77 of the viewer's account, and shots up to number 55. All three
rise in the transaction that changes them, so a page that asks with its tag learns exactly what is newer.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Prefetch, Q, QuerySet, Subquery
from django.utils import timezone

from studio.accounts.models import User
from studio.credits.models import Account
from studio.jobs import batch_cards
from studio.jobs.batch_cards import BatchCard
from studio.jobs.batch_models import Batch
from studio.jobs.cards import IN_FLIGHT, NEEDS_YOU, NOWHERE, Card, cost, missing, provider_of, said
from studio.jobs.lifecycle import UNSENT, State
from studio.jobs.line import Spot, UnderWay, places, spot, under_way
from studio.jobs.models import Attempt, Clip, Job, JobReference, Look
from studio.jobs.sending import brief_of_job
from studio.jobs.timing import usual_in
from studio.jobs.waiting import FRONT
from studio.projects.door import Pass
from studio.projects.models import Project
from studio.routing import track
from studio.routing.breaker import WHOLE, open_ones
from studio.routing.models import Breaker
from studio.routing.track import Tracks

PAGE = 16  # cards of a first page, and of each further one that scrolling brings
MOST_CHANGES = 60  # more than that, and the board is drawn anew
AnyCard = Card | BatchCard
MOST_ANEW = 96  # cards of a board that is drawn anew; who had scrolled further scrolls again
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
    """Which cards a page shows: `show` is all, progress, needs or done; `who` is everyone or mine; `before` a shot number, 0 for none.

    `batch` is the number of the batch whose jobs alone are shown; 0 for the board, on which a batch is one card.
    """

    show: str = "all"
    who: str = "everyone"
    before: int = 0
    batch: int = 0

    @classmethod
    def read(cls, query: "dict[str, str]") -> "Filters":
        """The filters of an address; anything unknown means the widest."""
        show = query.get("show", "")
        who = "mine" if query.get("who") == "mine" else "everyone"
        return cls(show if show in SHOW else "all", who, shot_number(query.get("before", "")), shot_number(query.get("batch", "")))

    def scope(self, entry: Pass) -> "QuerySet[Job]":
        """The jobs that have cards here, in whatever state: those of no batch, or of one."""
        jobs = Job.objects.filter(project=entry.project)
        jobs = jobs.filter(batch__project=entry.project, batch__number=self.batch) if self.batch else jobs.filter(batch=None)
        return jobs.filter(author=entry.user) if self.who == "mine" else jobs

    def apply(self, entry: Pass) -> "QuerySet[Job]":
        """The jobs that pass, whatever their number."""
        return self.scope(entry) if self.show == "all" else self.scope(entry).filter(state__in=sorted(SHOW[self.show]))

    def batches(self, entry: Pass) -> "QuerySet[Batch]":
        """The batches that have cards here and pass."""
        if self.batch:
            return Batch.objects.none()
        found = Batch.objects.filter(project=entry.project, number__isnull=False)
        found = found.filter(author=entry.user) if self.who == "mine" else found
        return found if self.show == "all" else found.filter(batch_cards.STANDS[self.show])


@dataclass(frozen=True, slots=True)
class Counts:
    """How many cards stand behind each filter."""

    all: int
    progress: int
    needs: int
    done: int


@dataclass(frozen=True, slots=True)
class Changes:
    """What is newer than a page's tag, for one poll.

    `new` are cards that the page may not have, `gone` those that no longer pass its filters. With `anew`, `new` is the whole board, and
    `older` the number before which still older ones begin.
    """

    changed: Sequence[AnyCard]
    new: Sequence[AnyCard]
    gone: Sequence[AnyCard] = field(default_factory=list)
    anew: bool = False
    older: int = 0

    def __len__(self) -> int:
        return len(self.changed) + len(self.new) + len(self.gone)


def shot_number(text: str) -> int:
    """The shot number that an address names; 0 where it names none."""
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else 0


def tag_of(user: User, code: str) -> Tag | None:
    """The tag of a board as it stands for this person; None if the project does not exist for them. One query."""
    account = Account.objects.filter(user=user).values("version")[:1]
    row = Project.objects.for_user(user).filter(code=code.upper()).values_list("board_version", "last_number", Subquery(account)).first()
    return Tag(row[0], row[2] or 0, row[1]) if row else None


def tags_of(boards: Collection[tuple[str, int]]) -> dict[tuple[str, int], Tag]:
    """The tags of these boards as they stand, by project code and viewer; those of projects that are gone are missing. Two queries.

    Who may see what is not asked here: the answer leaves this process as a yes or no only.
    """
    projects = Project.objects.filter(code__in={code for code, _ in boards})
    stands = {code: (version, last) for code, version, last in projects.values_list("code", "board_version", "last_number")}
    accounts = dict(Account.objects.filter(user__in={user for _, user in boards}).values_list("user", "version"))
    return {(code, user): Tag(stands[code][0], accounts.get(user, 0), stands[code][1]) for code, user in boards if code in stands}


def page(entry: Pass, filters: Filters, *, upto: int, most: int = PAGE) -> tuple[list[AnyCard], int]:
    """The cards of one page, newest first, and the number before which older ones begin (0 if there are none). A fixed number of queries."""
    last = min(upto, filters.before - 1) if filters.before else upto
    jobs = filters.apply(entry).filter(number__lte=last).order_by("-number")[: most + 1]
    batches = filters.batches(entry).filter(number__lte=last).order_by("-number")[: most + 1]
    rows = _merged(read(jobs, entry), batch_cards.read(batches, entry))
    return rows[:most], rows[most - 1].number if len(rows) > most else 0


def _merged(jobs: Iterable[Card], batches: Iterable[BatchCard]) -> list[AnyCard]:
    """Both kinds of cards, newest first: they share one row of numbers."""
    return sorted([*jobs, *batches], key=lambda card: -card.number)


def changes(entry: Pass, filters: Filters, *, seen: Tag | None, now: Tag, shown_from: int = 0) -> Changes:
    """What changed between two tags from shot `shown_from` on; the whole board where that is too much to tell. A fixed number of queries.

    The front of the line comes along, because places in line move when others do.
    """
    if seen is None or seen.board > now.board or seen.number > now.number:
        return _anew(entry, filters, now, shown_from)  # no tag of ours, or a database that was restored and is older than the page
    last = min(now.number, filters.before - 1) if filters.before else now.number
    mine = filters.scope(entry).filter(number__gte=shown_from, number__lte=last)
    moved = list(mine.filter(Q(version__gt=seen.board) | Q(number__gt=seen.number)).values_list("pk", flat=True)[: MOST_CHANGES + 1])
    if len(moved) > MOST_CHANGES:
        return _anew(entry, filters, now, shown_from)
    waiting = mine.filter(state=State.QUEUED).order_by("number").values_list("pk", flat=True)[:FRONT]
    jobs = read(Job.objects.filter(pk__in={*moved, *waiting}).order_by("-number"), entry)
    batches = replace(filters, show="all").batches(entry).filter(number__gte=shown_from, number__lte=last)
    touched = Job.objects.filter(project=entry.project, version__gt=seen.board, batch__isnull=False).values("batch")
    told = batch_cards.read(batches.filter(Q(version__gt=seen.board) | Q(number__gt=seen.number) | Q(pk__in=touched)), entry)
    return _sorted(_merged(jobs, told), filters, seen)


def _sorted(cards: Sequence[AnyCard], filters: Filters, seen: Tag) -> Changes:
    """Where each of these cards belongs. On a filtered board a changed one may be new to it, or leave it."""
    old = [card for card in cards if card.number <= seen.number]
    new = [card for card in cards if card.number > seen.number and _belongs(card, filters)]
    if filters.show == "all":
        return Changes(old, new)
    gone = [card for card in old if not _belongs(card, filters)]
    return Changes([], [*new, *(card for card in old if _belongs(card, filters))], gone)


def _anew(entry: Pass, filters: Filters, now: Tag, shown_from: int) -> Changes:
    """The whole board, as far down as the page shows it and is sensible."""
    shown = Q(number__gte=shown_from, number__lte=now.number)
    passing = sum(found.filter(shown).order_by("-number")[:MOST_ANEW].count() for found in (filters.apply(entry), filters.batches(entry)))
    cards, older = page(entry, filters, upto=now.number, most=min(MOST_ANEW, max(PAGE, passing)))
    return Changes([], cards, anew=True, older=older)


def _belongs(card: AnyCard, filters: Filters) -> bool:
    """Whether a card is one that the page's filter shows."""
    return filters.show in card.shows if isinstance(card, BatchCard) else card.state in SHOW[filters.show]


def read(jobs: "QuerySet[Job]", entry: Pass) -> list[Card]:
    """The cards of these jobs, in their order. At most ten queries."""
    attempts = Attempt.objects.defer("answer").select_related("connection").order_by("created_at")
    rows = list(
        jobs.select_related("project", "connection", "author", "source__job__project").prefetch_related(
            Prefetch("clips", Clip.objects.order_by("position"), to_attr="all_clips"),
            Prefetch("attempts", attempts, to_attr="all_attempts"),
            Prefetch("job_references", JobReference.objects.select_related("reference"), to_attr="places"),
        )
    )
    surroundings = _surroundings(rows, entry)
    return [_card(job, surroundings, entry) for job in rows]


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """What cards say besides their own job: how long such orders took, the line, who is under way there, and what is paused."""

    now: datetime
    tracks: Tracks
    line: dict[UUID, int]
    under_way: dict[int, list[UnderWay]]
    paused: dict[tuple[int, str], Breaker]
    looked: int | None  # the board version up to which the viewer has looked; None for a first visit, on which nothing is marked

    def is_new(self, job: Job) -> bool:
        """Whether it ended since the viewer last looked."""
        return self.looked is not None and job.version > self.looked and job.state in {State.DONE, State.FAILED}

    def spot_of(self, job: Job) -> Spot:
        """Where this job stands in line."""
        place = self.line.get(job.pk, 0)
        kind = track.kind_of(brief_of_job(job))
        return spot(place, job.connection, kind, self.under_way.get(job.connection_id, []), tracks=self.tracks, now=self.now) if place else NOWHERE


def _surroundings(rows: Sequence[Job], entry: Pass) -> _Surroundings:
    """For these jobs, with one query each for the line, who is under way, times and breakers where a job needs them."""
    flying = [job for job in rows if job.state in IN_FLIGHT]
    queued = {job.connection_id for job in rows if job.state == State.QUEUED}
    away = under_way(queued)
    kinds = {track.kind_of(brief_of_job(job)) for job in flying} | {one.kind for those in away.values() for one in those}
    tracks = track.read({job.connection_id for job in flying}, kinds) if flying else Tracks({})
    looked = Look.objects.filter(user=entry.user, project=entry.project).values_list("version", flat=True).first() if rows else None
    return _Surroundings(timezone.now(), tracks, places(queued), away, open_ones(queued) if queued else {}, looked)


def look(entry: Pass, seen: Tag) -> None:
    """The viewer has seen the board as this tag names it; looking never goes back. Three queries at most."""
    upto = min(seen.board, entry.project.board_version)
    mine, _ = Look.objects.get_or_create(user=entry.user, project=entry.project, defaults={"version": upto})
    Look.objects.filter(pk=mine.pk, version__lt=upto).update(version=upto)


def _card(job: Job, around: _Surroundings, entry: Pass) -> Card:
    """One card from a job whose clips, attempts and references were fetched with it."""
    attempts: list[Attempt] = getattr(job, "all_attempts", [])
    kept = [row.reference for row in getattr(job, "places", []) if row.reference.file]
    clips: list[Clip] = getattr(job, "all_clips", [])
    paused = around.paused.get((job.connection_id, WHOLE)) or around.paused.get((job.connection_id, job.model))
    usual = usual_in(around.tracks)(job.connection, brief_of_job(job))
    return Card(
        job=job,
        said=said(job, now=around.now, usual=usual, spot=around.spot_of(job), attempts=attempts, paused=paused, clips=clips),
        provider=provider_of(job),
        cost=cost(job),
        clips=tuple(clip for clip in clips if clip.is_present),
        gone=tuple(clip for clip in clips if clip.trashed_at),
        picture=kept[0] if kept else None,
        is_new=around.is_new(job),
        is_mine=job.author_id == entry.user.pk,
        may_make=entry.may_make,
        may_cancel=job.state in UNSENT and may_take_back(job, entry),
        may_retry=job.state == State.FAILED and may_take_back(job, entry),
        may_rescue=bool(missing(job, clips)) and may_take_back(job, entry),
    )


def may_take_back(job: Job, entry: Pass) -> bool:
    """Whether this person may cancel this job or try it again: its author, or an owner of the project."""
    return entry.answers_for(job.author_id)


def counts(entry: Pass, filters: Filters) -> Counts:
    """How many cards stand behind each filter, of everyone or mine. Two queries, one for a batch's own."""
    jobs = replace(filters, show="all").scope(entry)
    by_state = dict(jobs.values_list("state").annotate(Count("pk")).order_by("state"))
    batches = batch_cards.counts(replace(filters, show="all").batches(entry)) if not filters.batch else {}
    return Counts(*(sum(by_state.get(state, 0) for state in SHOW[show]) + batches.get(show, 0) for show in ("all", "progress", "needs", "done")))


def the_card(job: Job, entry: Pass) -> Card:
    """The card of one job, fresh from the database. A fixed number of queries."""
    return read(Job.objects.filter(pk=job.pk), entry)[0]
