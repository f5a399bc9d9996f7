"""What a batch would be, before anything of it is ordered: how many clips, of which prompts, at what price, and which rows cannot be ordered and why.

    takes x combinations ─┐
                          ├──> rows: prompt, choices, or why not ──> count, total
    lines of a file ──────┘

The count is known before any row is built, so a batch that is too large is refused by its figure alone.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product

from studio.jobs.batch_models import REASON_LENGTH, Batch, BatchRow
from studio.jobs.composer import PROMPT_LIMIT
from studio.jobs.models import Reference
from studio.jobs.prompting import filled
from studio.jobs.wanted import Wanted
from studio.prompts import variables
from studio.prompts.variables import FillError
from studio.providers.contract import Operation
from studio.providers.fitting import why_not
from studio.routing import track
from studio.routing.choice import Option, enabled, option
from studio.routing.models import Connection, PriceRule
from studio.routing.prices import EXACT, rules_for
from studio.routing.track import Tracks

WAVE = 10  # clips that are ordered together, where nobody said otherwise
SETTINGS = ("model", "mode", "aspect_ratio", "duration", "resolution", "silent")
CHOOSE = "Choose a connection."


@dataclass(slots=True)
class Judge:
    """Says of many briefs what their connections make of them. What price and rules depend on is asked once for each set of choices."""

    connections: Mapping[int, Connection]
    rules: Sequence[PriceRule]
    tracks: Tracks
    _known: dict[tuple[object, ...], Option] = field(default_factory=dict)

    @classmethod
    def of(cls, connections: Sequence[Connection] | None = None) -> "Judge":
        """A judge who knows the connections that take orders. Three queries at most."""
        rows = enabled() if connections is None else list(connections)
        return cls({row.pk: row for row in rows}, rules_for(rows), track.read([row.pk for row in rows]))

    def option(self, wanted: Wanted) -> Option | None:
        """What the connection that it names makes of the brief, whatever its prompt; None where that takes no orders. No query."""
        home = self.connections.get(wanted.connection)
        if home is None:
            return None
        key = (home.pk, *(getattr(wanted, name) for name in SETTINGS), len(wanted.references), wanted.operation, wanted.source)
        if key not in self._known:
            self._known[key] = option(replace(wanted, prompt="-").brief(), home, rules=self.rules, tracks=self.tracks)
        known = self._known[key]
        brief = replace(known.brief, prompt=wanted.prompt)
        reasons = {name: reason for name, reason in known.reasons.items() if name != "prompt"}
        if trouble := why_not(known.can, brief).get("prompt"):
            reasons["prompt"] = trouble
        return replace(known, brief=brief, reasons=reasons)

    def refusal(self, wanted: Wanted) -> str:
        """Why this cannot be ordered, in sentences; empty if it can."""
        if not wanted.prompt.strip():
            return "It has no prompt."
        if not variables.is_text(wanted.prompt):
            return "Its prompt has a character in it that is no text."
        if len(wanted.prompt) > PROMPT_LIMIT:
            return f"A prompt has at most {PROMPT_LIMIT:,} characters; this has {len(wanted.prompt):,}."
        found = self.option(wanted)
        return CHOOSE if found is None else found.why_not[:REASON_LENGTH]


def row_of(judge: Judge, wanted: Wanted, values: Mapping[str, str], *, line: int = 0) -> BatchRow:
    """One row, with its prompt filled, or with why it cannot be ordered. Not saved, and without a place yet."""
    home = judge.connections.get(wanted.connection)
    row = BatchRow(line=line, connection=home, wish={name: getattr(wanted, name) for name in SETTINGS})
    row.prompt = wanted.prompt.strip()
    try:
        row.prompt = filled(row.prompt, wanted.version, values)
    except FillError as lacking:
        row.refusal = str(lacking)[:REASON_LENGTH]
    else:
        row.refusal = judge.refusal(replace(wanted, prompt=row.prompt))
    return row


def rows_of(judge: Judge, wanted: Wanted) -> Iterator[BatchRow]:
    """A row for each take of each combination. Ask for the count first."""
    for values in combined(wanted):
        for _ in range(wanted.takes):
            yield row_of(judge, wanted, values)


def combined(wanted: Wanted) -> Iterator[dict[str, str]]:
    """The values of each prompt: every value of a variable with every one of the others, the last variable changing fastest."""
    names = variables.find(wanted.prompt)
    usual = wanted.version.defaults if wanted.version else {}
    lists = [(wanted.many.get(name) if wanted.matrix else None) or (wanted.values.get(name, usual.get(name, "")),) for name in names]
    return (dict(zip(names, values, strict=True)) for values in product(*lists))


def placed(batch: Batch, rows: Iterable[BatchRow]) -> list[BatchRow]:
    """These rows in their order, as the batch's."""
    found = list(rows)
    for position, row in enumerate(found):
        row.batch, row.position = batch, position
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What some rows cost together in millicredits, what the first of them costs, and whether every price is known and exact."""

    total: int = 0
    first: int = 0
    is_known: bool = True
    is_exact: bool = True


def price_of(judge: Judge, batch: Batch, rows: Iterable[BatchRow], references: Sequence[Reference]) -> Price:
    """What these rows cost at today's prices. No query."""
    found = [judge.option(wanted_of(batch, row, references)) for row in rows]
    able = [one for one in found if one is not None]
    return Price(
        total=sum(one.millicredits for one in able),
        first=able[0].millicredits if able else 0,
        is_known=all(one.has_price for one in able),
        is_exact=all(one.forecast.certainty == EXACT for one in able),
    )


def wanted_of(batch: Batch, row: BatchRow, references: Sequence[Reference]) -> Wanted:
    """The brief of a row as the composer would hold it."""
    return Wanted(
        prompt=row.prompt,
        connection=row.connection_id or 0,
        references=tuple(references),
        operation=Operation(batch.operation),
        source=batch.source,
        policy=batch.policy,
        version=batch.prompt_version,
        **row.wish,
    )


def references_of(batch: Batch) -> list[Reference]:
    """The reference images of each of its briefs, in order. One query."""
    return [place.reference for place in batch.places.select_related("reference")]
