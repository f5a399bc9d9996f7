"""What the pages of batches show: a plan with its count, price and bad lines; a batch with its money, its troubles and what can be done with it.

Every function says how many queries it costs; none depends on the number of rows or jobs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

from django.db.models import Count, Sum
from django.http import Http404, QueryDict

from studio.credits.figures import credits_text
from studio.credits.foresight import Foresight, foresee
from studio.credits.ledger import account_of
from studio.jobs import batch_cards
from studio.jobs.batch_cards import BatchCard
from studio.jobs.batch_models import Batch, BatchRow
from studio.jobs.batch_plan import Judge, Price, price_of, references_of
from studio.jobs.batch_sheet import Column, Sheet, columns_of, count_of, meanings
from studio.jobs.cards import CAUSES
from studio.jobs.composer import MOST, too_many
from studio.jobs.lifecycle import UNSENT, State
from studio.jobs.models import Job
from studio.jobs.pricing import total_text
from studio.jobs.wanted import Wanted, of_query
from studio.projects.door import Pass

SHOWN = 50  # rows of a plan, bad ones, or shots of one trouble that a page names
NAMED = 6
S = Batch.State


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A batch before it is ordered. `good` are its first briefs with how many takes each has, `bad` the first rows that cannot be ordered.

    `free` is what its author can spend now, in millicredits; `trouble` refuses all of it.
    """

    batch: Batch
    count: int
    briefs: int
    price: Price
    free: int
    limits: Foresight
    good: Sequence[tuple[BatchRow, int]]
    bad: Sequence[BatchRow]
    bad_count: int
    columns: Sequence[Column] = ()
    meanings: dict[str, str] = field(default_factory=dict)
    notice: str = ""
    upload: str = ""
    trouble: str = ""

    @property
    def total(self) -> str:
        """The price of all of it, in words."""
        return total_text(self.price.total, is_exact=self.price.is_exact) if self.price.is_known else "price not known"

    @property
    def left(self) -> int | None:
        """Millicredits that are left after all of it; None where there are too few."""
        return self.free - self.price.total if self.free >= self.price.total and self.price.is_known else None

    @property
    def short(self) -> int:
        """Millicredits that are missing for all of it."""
        return max(0, self.price.total - self.free)

    @property
    def enough_for(self) -> int:
        """For about how many clips there are credits."""
        return self.free * self.count // self.price.total if self.price.total else self.count

    @property
    def more_good(self) -> int:
        """How many briefs are not shown."""
        return max(0, self.briefs - len(self.good))

    @property
    def more_bad(self) -> int:
        """How many are not shown."""
        return max(0, self.bad_count - len(self.bad))


def plan_of(entry: Pass, batch: Batch) -> Plan:
    """The plan with today's prices. Some fifteen queries."""
    rows = list(batch.rows.select_related("connection"))
    good, bad = [row for row in rows if not row.refusal], [row for row in rows if row.refusal]
    briefs = [list(takes) for _, takes in groupby(good, key=lambda row: (row.line, row.prompt, row.connection_id, row.wish))]
    sheet = Sheet.of(batch.sheet) if batch.sheet else None
    price = price_of(Judge.of(), batch, good, references_of(batch))
    account = account_of(entry.user)
    wanted = count_of(sheet, batch.columns) if sheet else 0
    return Plan(
        batch=batch,
        count=len(good),
        briefs=len(briefs),
        price=price,
        free=account.free,
        limits=foresee(entry.user, account, price.total, project=entry.project),
        good=[(takes[0], len(takes)) for takes in briefs[:SHOWN]],
        bad=bad[:SHOWN],
        bad_count=len(bad),
        columns=columns_of(sheet, batch.columns) if sheet else (),
        meanings=meanings(batch.template),
        notice=sheet.notice if sheet else "",
        upload=sheet.upload if sheet else "",
        trouble=too_many(wanted) if wanted > MOST else "",
    )


def begun_with(entry: Pass, batch: Batch) -> Wanted:
    """The composer's brief with which it began. Queries as `of_query`."""
    return of_query(entry, QueryDict(batch.begun_with))


def as_draft(batch: Batch) -> QueryDict:
    """What says which draft became this batch."""
    fields = QueryDict(mutable=True)
    fields.update({"prompt": batch.template, "operation": batch.operation, "source": str(batch.source_id or "")})
    return fields


@dataclass(frozen=True, slots=True)
class Trouble:
    """Rows that did not become clips for one reason: how many, what it was, and the first of them as codes or lines."""

    count: int
    title: str
    names: Sequence[str]
    more: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One thing that can be done with a batch: the word in the form, the button, its icon, and what it does to the money."""

    name: str
    label: str
    icon: str
    money: str
    asks: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """A batch on its own page."""

    card: BatchCard
    troubles: Sequence[Trouble]
    bad: Sequence[BatchRow]
    acts: Sequence[Act]
    rest: Price

    @property
    def batch(self) -> Batch:
        """The batch."""
        return self.card.batch

    @property
    def rest_text(self) -> str:
        """What is not ordered yet, and what it would cost."""
        count = self.card.facts.waiting
        if not count:
            return ""
        price = total_text(self.rest.total, is_exact=self.rest.is_exact) if self.rest.is_known else "price not known"
        return f"{count:,} not ordered yet: {price}, and nothing is held for {'it' if count == 1 else 'them'}."

    @property
    def share_held(self) -> float:
        """What is held, as a share of the ceiling."""
        return self.card.facts.money.held / self.batch.ceiling if self.batch.ceiling else 0.0

    @property
    def share_spent(self) -> float:
        """What is spent, as a share of the ceiling."""
        return min(1.0, self.card.facts.money.spent / self.batch.ceiling) if self.batch.ceiling else 0.0

    @property
    def rules_text(self) -> str:
        """Its rules, as one would say them."""
        batch, kept = self.batch, self.card.facts.kept
        told = [f"{batch.wave:,} in a wave" + (", then it waits for you" if batch.looks_between else "")]
        told += [f"stops at {batch.enough_kept:,} kept ({kept:,} now)"] if batch.enough_kept else []
        told += [f"stops above {batch.most_failed} % failed"] if batch.most_failed else []
        return "; ".join(told) + "."


def overview(entry: Pass, number: int) -> Overview:
    """The batch of this number; Http404 for none. Some fifteen queries."""
    found = batch_cards.read(Batch.objects.filter(project=entry.project, number=number).select_related("source", "prompt_version"), entry)
    if not found:
        raise Http404
    card = found[0]
    batch = card.batch
    rows = list(BatchRow.objects.filter(batch=batch).filter(job=None).select_related("connection"))
    waiting = [row for row in rows if not row.refusal]
    failed = list(BatchRow.objects.filter(batch=batch, job__state=State.FAILED).select_related("connection"))
    refused = [row for row in rows if row.refusal and row.wave]
    judge, references = (Judge.of(), references_of(batch)) if waiting or failed or refused else (None, [])
    rest = price_of(judge, batch, waiting, references) if judge else Price()
    once_more = price_of(judge, batch, [*failed, *refused], references) if judge else Price()
    return Overview(
        card=card,
        troubles=[*_failed(batch), *_refused(refused)],
        bad=[row for row in rows if row.refusal and not row.wave][:SHOWN],
        acts=_acts(card, rest, once_more) if card.may_act else [],
        rest=rest,
    )


def _failed(batch: Batch) -> list[Trouble]:
    """What failed or is in doubt, by its reason, the most frequent first. One query."""
    jobs = Job.objects.filter(batch=batch, row__isnull=False, state__in=[State.FAILED, State.IN_DOUBT]).select_related("project", "connection")
    groups: dict[str, list[Job]] = {}
    for job in jobs.order_by("number"):
        title = (
            "In doubt: sent and not answered. It may have been made, so it is never ordered again by itself."
            if job.state == State.IN_DOUBT
            else CAUSES.get(job.cause, ("Failed", "", ""))[0]
        )
        groups.setdefault(title.format(name=job.connection.label), []).append(job)
    told = [Trouble(len(jobs), title, [job.code for job in jobs[:NAMED]], max(0, len(jobs) - NAMED)) for title, jobs in groups.items()]
    return sorted(told, key=lambda trouble: -trouble.count)


def _refused(rows: Sequence[BatchRow]) -> list[Trouble]:
    """What could not be ordered when its turn came, by its reason."""
    groups: dict[str, list[BatchRow]] = {}
    for row in rows:
        groups.setdefault(row.refusal, []).append(row)
    return [
        Trouble(
            len(found), why, [f"line {row.line}" if row.line else f"clip {row.position + 1}" for row in found[:NAMED]], max(0, len(found) - NAMED)
        )
        for why, found in groups.items()
    ]


def _acts(card: BatchCard, rest: Price, once_more: Price) -> list[Act]:
    """What can be done now, each with what it does to the money."""
    facts, state = card.facts, card.state
    line = Job.objects.filter(batch=card.batch, state__in=sorted(UNSENT)).aggregate(n=Count("pk"), sum=Sum("estimate", default=0))
    stays = f" {facts.being_made:,} being made go on: nobody can take them back." if facts.being_made else ""
    held = f"{line['n']:,} in line {'keeps its' if line['n'] == 1 else 'keep their'} {credits_text(line['sum'])} credits held. " if line["n"] else ""
    back = f"{line['n']:,} in line: cancelled, {credits_text(line['sum'])} credits come back. " if line["n"] else ""
    found: list[Act] = []
    if state == S.RUNNING and (facts.waiting or facts.in_line):
        found.append(Act(name="pause", label="Pause", icon="pause", money=f"{held}Nothing more is ordered or sent.{stays}"))
    if card.may_spend and state in {S.PAUSED, S.STOPPED} and (facts.waiting or facts.in_line):
        more = f"{facts.waiting:,} more for {total_text(rest.total, is_exact=rest.is_exact)}, wave by wave." if facts.waiting else "Back in line."
        found.append(Act(name="go_on", label="Go on", icon="play", money=more))
    if state in {S.RUNNING, S.PAUSED} and (facts.waiting or facts.in_line):
        never = f"{facts.waiting:,} not ordered yet cost nothing.{stays}" if facts.waiting else stays.strip()
        found.append(Act(name="stop", label="Stop", icon="x", money=f"{back}{never}".strip(), asks=True))
    if card.may_spend and facts.failed:
        price = total_text(once_more.total, is_exact=once_more.is_exact) if once_more.is_known else "price not known"
        found.append(Act(name="again", label=f"Order the {facts.failed:,} that failed again", icon="refresh-cw", money=f"As new orders, {price}."))
    return found
