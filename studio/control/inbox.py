"""Orders in doubt, for the people who may decide about them: what is known of each, and what each verdict does to the money.

Whether somebody may read a prompt is a matter of its project: a credit manager from outside sees its code and no more.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet

from studio.accounts.models import User
from studio.control.fares import live_jobs
from studio.credits.figures import credits_text
from studio.jobs import doubt
from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt, Job
from studio.projects.models import Project
from studio.providers.contract import Lists
from studio.providers.registry import PROVIDERS, make

LATE = timedelta(minutes=15)  # since it was sent: what neither a callback nor a list has told by then is a person's matter
PAGE = 50  # orders that are listed at once, oldest first


@dataclass(frozen=True, slots=True)
class Doubt:
    """One order in doubt. `may_look` says whether the viewer may see its project; the raw answer is for admins alone."""

    attempt: Attempt
    name: str
    may_look: bool
    raw: str
    tried: tuple[str, ...]
    waits: bool

    @property
    def job(self) -> Job:
        """The job that it belongs to."""
        return self.attempt.job

    @property
    def held(self) -> str:
        """What is held for it; empty where its price is not known."""
        return f"{credits_text(self.attempt.estimate)} credits" if self.attempt.estimate else ""

    def told(self, sentence: str) -> str:
        """One of a verdict's sentences about this order."""
        return sentence.format(code=self.job.code, author=self.job.author, held=self.held, name=self.name)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a person can say about an order in doubt. `money` and `house` say what it does to the author's money and to the house's.

    The sentences take {code}, {author}, {held} and {name}, the provider's.
    """

    key: str
    label: str
    title: str
    money: str
    house: str
    act: Callable[..., None]
    done: str


VERDICTS = {
    verdict.key: verdict
    for verdict in (
        Verdict(
            "release",
            "It was never made",
            "{code} was never made",
            "{held} come back to {author}, who can order it again.",
            "The house pays nothing if that is so: look at {name} first.",
            doubt.release,
            "{code} is over: it was never made, and nothing is held for it any more.",
        ),
        Verdict(
            "name",
            "Here is its id",
            "The id of {code}",
            "{held} stay held until {name} says how it ended. Then {author} pays what it reports, or has them back.",
            "The house pays nothing. Whoever ordered it gets the clip.",
            doubt.name,
            "{code} is watched again, by the id that you gave.",
        ),
        Verdict(
            "write_off",
            "Write it off",
            "Write {code} off",
            "{held} come back to {author}, who can order it again.",
            "If {name} made it after all, the house pays for it.",
            doubt.write_off,
            "{code} is written off, and nothing is held for it any more.",
        ),
    )
}


def in_doubt() -> "QuerySet[Attempt]":
    """The live attempts of jobs in doubt."""
    return Attempt.objects.filter(ended_at=None, job__in=live_jobs().filter(state=State.IN_DOUBT))


def waiting(now: datetime) -> int:
    """How many of them wait for a person: nobody else can be asked any more, or asking has not helped for long. One query."""
    return in_doubt().filter(Q(job__due=None) | Q(sent_at__lt=now - LATE)).count()


def listed(viewer: User, now: datetime) -> tuple[list[Doubt], int]:
    """The oldest orders in doubt, and how many there are in all. Three queries."""
    rows = list(_whole(in_doubt()).order_by("sent_at", "created_at")[: PAGE + 1])
    total = in_doubt().count() if len(rows) > PAGE else len(rows)
    open_to = _open_to(viewer, rows)
    return [_doubt(row, viewer, open_to, now) for row in rows[:PAGE]], total


def found(job_id: UUID, viewer: User, now: datetime) -> Doubt | None:
    """What is in doubt about a job; None if nothing is."""
    row = _whole(in_doubt()).filter(job=job_id).first()
    return _doubt(row, viewer, _open_to(viewer, [row]), now) if row else None


def _whole(attempts: "QuerySet[Attempt]") -> "QuerySet[Attempt]":
    return attempts.select_related("job__project", "job__author", "job__connection", "connection")


def _open_to(viewer: User, rows: list[Attempt]) -> set[int]:
    """The projects of these that the viewer may look at."""
    wanted = {row.job.project_id for row in rows}
    return set(Project.objects.for_user(viewer).filter(pk__in=wanted).values_list("pk", flat=True)) if wanted else set()


def _doubt(row: Attempt, viewer: User, open_to: set[int], now: datetime) -> Doubt:
    known = PROVIDERS.get(row.connection.provider)
    name = known.name if known else row.connection.provider
    waits = row.job.due is None or (row.sent_at is not None and row.sent_at < now - LATE)
    raw = row.answer if viewer.is_admin else ""
    return Doubt(row, name, row.job.project_id in open_to, raw, tuple(_tried(row, name)), waits)


def _tried(row: Attempt, name: str) -> list[str]:
    """What is being done to find out, in sentences."""
    said = []
    if row.remote_id:
        said.append(f"{name} accepted it as {row.remote_id}, and we go on asking how it stands.")
    elif row.proposed_id:
        said.append(f"A callback named {row.proposed_id} as its id; {name} has not confirmed it yet.")
    elif _has_list(row):
        said.append(f"We look for it in {name}’s own list of orders.")
    else:
        said.append(f"{name} has no list of orders, so only a callback or a person can tell.")
    return [*said, row.alert] if row.alert and row.alert != row.job.message else said  # at first the two tell the same


def _has_list(row: Attempt) -> bool:
    """Whether the provider lists its orders, so that a lost one can be found again."""
    known = PROVIDERS.get(row.connection.provider)
    return known is not None and row.dialect in known.dialects and isinstance(make(row.connection.provider, "", dialect=row.dialect), Lists)
