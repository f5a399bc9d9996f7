"""A batch as a board shows it: one card for all of its jobs, with how far it is, what it costs and why it does not go on; and what its own page says.

Every function says how many queries it costs; none depends on the number of batches or of their jobs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from studio.credits.figures import credits_text
from studio.jobs.batch_models import BULKY, Batch, BatchRow
from studio.jobs.batch_rules import Facts, facts_of
from studio.jobs.cards import IN_FLIGHT, NEEDS_YOU
from studio.jobs.models import Clip, Job
from studio.projects.door import Pass

S, C = Batch.State, Batch.Cause
PICTURES = 4
FIRST = 12  # rows whose clips may be the card's pictures

_FLIES = Exists(Job.objects.filter(batch=OuterRef("pk"), state__in=sorted(IN_FLIGHT)))
_HURTS = Exists(BatchRow.objects.filter(batch=OuterRef("pk"), job__state__in=sorted(NEEDS_YOU)))
_ASKS = Q(state=S.PAUSED) & ~Q(cause=C.PERSON)
_PROGRESS = Q(state__in=[S.RUNNING, S.PAUSED]) | Q(_FLIES)
_NEEDS = _ASKS | Q(_HURTS)
# filter of a board -> the batches that it shows; one that failed in part while it goes on is in two of them
STANDS: dict[str, Q] = {"all": Q(), "progress": _PROGRESS, "needs": _NEEDS, "done": ~_PROGRESS & ~_NEEDS}


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchCard:
    """One batch on a board. `pictures` are its first clips. `may_act` says that this person may pause or stop it, `may_spend` that they may go on with it, order
    again and change its rules too, `leads` that it stands where a page begins.
    """

    batch: Batch
    facts: Facts
    pictures: Sequence[Clip] = ()
    is_mine: bool = False
    may_act: bool = False
    may_spend: bool = False
    leads: bool = False

    template = "jobs/_batch_card.html"

    @property
    def loading(self) -> str:
        """How its pictures are fetched: at once where a page begins, else when they are near."""
        return "fetchpriority=high" if self.leads else "loading=lazy"

    @property
    def number(self) -> int:
        """Its place on the board."""
        assert self.batch.number is not None  # noqa: S101 - a plan has no card
        return self.batch.number

    @property
    def code(self) -> str:
        """TIDE-047, as of a shot."""
        return self.batch.code

    @property
    def state(self) -> str:
        """Its state."""
        return self.batch.state

    @property
    def shows(self) -> frozenset[str]:
        """The filters of a board that show it, as STANDS says in SQL."""
        progress = self.state in {S.RUNNING, S.PAUSED} or self.facts.in_flight > 0
        hurts = self.facts.by_state.get("failed", 0) + self.facts.in_doubt > 0
        needs = hurts or (self.state == S.PAUSED and self.batch.cause != C.PERSON)
        return frozenset({"all", *(["progress"] if progress else []), *(["needs"] if needs else []), *([] if progress or needs else ["done"])})

    @property
    def is_live(self) -> bool:
        """Whether it changes by itself."""
        return self.state == S.RUNNING or self.facts.in_flight > 0

    @property
    def headline(self) -> str:
        """Where it stands, in a few words."""
        if self.state == S.PAUSED:
            return {C.PERSON: "Paused", C.WAVE: "A wave has ended", C.CREDITS: "Credits are missing", C.CEILING: "Its ceiling is reached"}.get(
                C(self.batch.cause), "Waits for you"
            )
        if self.state == S.STOPPED:
            return "Stopped"
        return "Going on" if self.is_live else "Done"

    @property
    def parts(self) -> list[tuple[str, str, int]]:
        """Its rows by what became of them: a word for the style, the words, the number; without those of which there are none."""
        facts = self.facts
        told = [
            ("done", "done", facts.done),
            ("made", "being made", facts.being_made),
            ("line", "in line", facts.in_line),
            ("failed", "failed", facts.failed),
            ("doubt", "in doubt", facts.in_doubt),
            ("gone", "cancelled", facts.cancelled),
            ("rest", "not ordered", facts.waiting),
        ]
        return [part for part in told if part[2]]

    @property
    def rows(self) -> int:
        """How many rows the parts have together."""
        return sum(number for _, _, number in self.parts)

    @property
    def summary(self) -> str:
        """The same as one sentence, without what is done."""
        return ", ".join(f"{number:,} {words}" for name, words, number in self.parts if name != "done")

    @property
    def cost(self) -> str:
        """What its money is doing."""
        held, spent = self.facts.money.held, self.facts.money.spent
        told = [*([f"{credits_text(held)} held"] if held else []), *([f"{credits_text(spent)} spent"] if spent else [])]
        return ", ".join(told) or "nothing spent"


def read(batches: "QuerySet[Batch]", entry: Pass) -> list[BatchCard]:
    """The cards of these batches, in their order. Four queries at most, one where there is none."""
    rows = list(batches.select_related("project", "author").defer(*BULKY))
    facts, pictures = facts_of(rows), _pictures(rows)
    return [
        BatchCard(
            batch=batch,
            facts=facts[batch.pk],
            pictures=pictures.get(batch.pk, ()),
            is_mine=batch.author_id == entry.user.pk,
            may_act=may_act(batch, entry),
            may_spend=may_spend(batch, entry),
        )
        for batch in rows
    ]


def may_act(batch: Batch, entry: Pass) -> bool:
    """Whether this person may pause and stop this batch: its author, or an owner of the project."""
    return entry.may_make and (entry.may_own or batch.author_id == entry.user.pk)


def may_spend(batch: Batch, entry: Pass) -> bool:
    """Whether this person may have more of this batch ordered, or change its rules: its author, who pays for it."""
    return entry.may_make and batch.author_id == entry.user.pk


def counts(batches: "QuerySet[Batch]") -> dict[str, int]:
    """How many of these batches stand behind each filter of a board. One query."""
    names = {"all": Count("pk")} | {name: Count("pk", filter=stands) for name, stands in STANDS.items() if name != "all"}
    return dict(batches.aggregate(**names))


def _pictures(batches: Sequence[Batch]) -> Mapping[UUID, Sequence[Clip]]:
    """The first clips of each of these batches. One query, none for none."""
    found: dict[UUID, list[Clip]] = {}
    if not batches:
        return found
    clips = Clip.objects.present().filter(job__batch__in=[batch.pk for batch in batches], job__row__position__lt=FIRST, position=0)
    for clip in clips.select_related("job").order_by("job__row__position"):
        if clip.job.batch_id and len(mine := found.setdefault(clip.job.batch_id, [])) < PICTURES:
            mine.append(clip)
    return found
