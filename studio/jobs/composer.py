"""What the composer shows: a brief in the making, what each connection makes of it, and the choices that the chosen one offers.

Nothing is ever switched for a person. What the chosen model cannot do stays chosen and is named, with the reason beside it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID, uuid4

from django.http import QueryDict

from studio.credits import ledger
from studio.credits.figures import credits_text
from studio.jobs.board import usual_times
from studio.jobs.models import Job, Reference
from studio.projects.door import Pass
from studio.providers.contract import ASPECT_RATIOS, RESOLUTIONS, Brief, Capability
from studio.routing.choice import STORED, Option, enabled, options
from studio.routing.models import Connection
from studio.routing.prices import EXACT, UNKNOWN

PROMPT_LIMIT = 10_000  # characters; ours, for every provider
MOST_REFERENCES = 20  # what one form may carry; each model says how many it takes
LONGEST = 3600  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A brief in the making, as typed: nothing in it is checked. `references` are kept images in order, `address` one that is being typed."""

    prompt: str = ""
    connection: int = 0
    model: str = ""
    mode: str = ""
    aspect_ratio: str = "16:9"
    duration: int | None = 8
    resolution: str = "720p"
    references: tuple[Reference, ...] = ()
    address: str = ""

    def brief(self) -> Brief:
        """The same as a brief; images that we keep are marked as such."""
        return Brief(
            prompt=self.prompt,
            aspect_ratio=self.aspect_ratio,
            duration=self.duration,
            resolution=self.resolution,
            model=self.model,
            mode=self.mode,
            images=tuple(reference.url or STORED for reference in self.references),
        )


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a select. `offered` is false for a value that is chosen although the model does not have it."""

    value: str
    label: str
    chosen: bool
    offered: bool = True


@dataclass(frozen=True, slots=True)
class Route:
    """One line of the connection picker: what the model can do, or why it cannot do this brief."""

    option: Option
    chosen: bool
    text: str
    price: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Composer:
    """Everything that the composer's template needs. `errors` has the sentences for each field; `short` is told when credits are missing."""

    wanted: Wanted
    options: list[Option]
    chosen: Option | None
    errors: dict[str, list[str]] = field(default_factory=dict)
    short: str = ""
    order_key: UUID = field(default_factory=uuid4)

    @property
    def routes(self) -> list[Route]:
        """Every connection, for the picker."""
        return [
            Route(option, option is self.chosen, abilities(option.can) if option.possible else option.why_not, figure(option))
            for option in self.options
        ]

    @property
    def figure(self) -> str:
        """The quote as a bare figure, for a small button."""
        return figure(self.chosen) if self.chosen else ""

    @property
    def limit(self) -> int:
        """Characters that the prompt may have at the chosen model."""
        theirs = self.chosen.can.prompt_limit if self.chosen else None
        return min(PROMPT_LIMIT, theirs or PROMPT_LIMIT)

    @property
    def models(self) -> list[Choice]:
        """The chosen connection's models, if there is more than one."""
        if self.chosen is None or len(self.chosen.models) == 1:
            return []
        return [Choice(can.model, can.label, can == self.chosen.can) for can in self.chosen.models]

    @property
    def modes(self) -> list[Choice]:
        """The chosen model's modes."""
        return _choices(self.chosen.can.modes, self.chosen.brief.mode) if self.chosen else []

    @property
    def aspect_ratios(self) -> list[Choice]:
        """The chosen model's aspect ratios, and the chosen one."""
        return _choices(self._can().aspect_ratios, self.wanted.aspect_ratio)

    @property
    def resolutions(self) -> list[Choice]:
        """The chosen model's resolutions, and the chosen one."""
        return _choices(self._can().resolutions, self.wanted.resolution)

    @property
    def durations(self) -> list[Choice]:
        """The chosen model's durations, and the chosen one."""
        shortest, longest = self._can().durations or (1, 0)
        chosen = "" if self.wanted.duration is None else str(self.wanted.duration)
        return _choices(tuple(map(str, range(shortest, longest + 1))), chosen, unit=" s")

    @property
    def shape(self) -> str:
        """Names the choices that are offered: a select that offers others is another select."""
        return f"{self.chosen.connection.pk}-{self.chosen.models.index(self.chosen.can)}" if self.chosen else "0"

    @property
    def bar_errors(self) -> list[tuple[str, str]]:
        """Field and sentence for all but the prompt, whose errors stand under it."""
        return [(name, sentence) for name, sentences in self.errors.items() if name != "prompt" for sentence in sentences]

    @property
    def price(self) -> str:
        """The quote in words; empty without a connection."""
        if self.chosen is None:
            return ""
        return price_text(self.chosen)

    def _can(self) -> Capability:
        return self.chosen.can if self.chosen else ANYTHING


ANYTHING = Capability(model="", label="", aspect_ratios=ASPECT_RATIOS, durations=(1, 15), resolutions=RESOLUTIONS)


def abilities(can: Capability) -> str:
    """What a model can do, in a few words: 1 to 15 s, 480p or 720p, 7 ratios, up to 7 images."""
    fewest, most = can.images
    images = f"needs {fewest} image{'s' if fewest > 1 else ''}" if fewest else f"up to {most} image{'s' if most > 1 else ''}" if most else "no images"
    return ", ".join(
        (
            f"{can.durations[0]} to {can.durations[1]} s" if can.durations else "picks its own length",
            " or ".join(can.resolutions) or "picks its own size",
            f"{len(can.aspect_ratios)} ratios" if can.aspect_ratios else "picks its own ratio",
            images,
        )
    )


def figure(option: Option) -> str:
    """The quote as a bare figure; a dash where none is known or the brief cannot be done."""
    return "–" if option.quote.certainty == UNKNOWN or not option.possible else credits_text(option.quote.millicredits)


def price_text(option: Option) -> str:
    """The quote in words: 56 credits, about 56 credits, or price not known."""
    if option.quote.certainty == UNKNOWN:
        return "price not known"
    about = "" if option.quote.certainty == EXACT else "about "
    return f"{about}{credits_text(option.quote.millicredits)} credits"


def _choices(offered: Sequence[str], chosen: str, *, unit: str = "") -> list[Choice]:
    """The values of a select, with the chosen one at the end where it is not offered. Nothing where there is no such option."""
    if not offered:
        return []
    rows = [Choice(value, f"{value}{unit}", value == chosen) for value in offered]
    if chosen not in offered:
        rows.append(Choice(chosen, f"{chosen}{unit}" if chosen else "choose", chosen=True, offered=False))
    return rows


def compose(entry: Pass, wanted: Wanted, *, connections: Sequence[Connection] | None = None) -> Composer:
    """The composer for this brief in the making: what stands in the way is said at once, except for what was not typed yet."""
    found = options(wanted.brief(), enabled() if connections is None else connections, usual=usual_times(entry.project))
    chosen = next((option for option in found if option.connection.pk == wanted.connection), None) or _first(found, wanted)
    reasons = {("references" if name == "images" else name): [sentence] for name, sentence in (chosen.reasons if chosen else {}).items()}
    return Composer(wanted=wanted, options=found, chosen=chosen, errors=reasons, short=shortage(entry, chosen))


def _first(found: Sequence[Option], wanted: Wanted) -> Option | None:
    """For somebody who chose no connection yet: the cheapest that can do the brief. A chosen one that is gone is not replaced silently."""
    if wanted.connection or not found:
        return None
    able = [option for option in found if option.possible and option.quote.certainty != UNKNOWN]
    return min(able, key=lambda option: option.quote.millicredits, default=found[0])


def shortage(entry: Pass, chosen: Option | None) -> str:
    """How many credits are missing for the quote, in a sentence; empty if there are enough."""
    if chosen is None or chosen.quote.certainty == UNKNOWN:
        return ""
    account = ledger.account_of(entry.user)
    needed = chosen.quote.millicredits
    if not account.owed and account.free >= needed:
        return ""
    return shortage_text(needed=needed, free=account.free, missing=needed + account.held + account.owed - account.balance)


def shortage_text(*, needed: int, free: int, missing: int) -> str:
    """Have, need, missing."""
    return f"You have {credits_text(free)} credits; this needs {credits_text(needed)}. {credits_text(missing)} are missing."


def with_errors(composer: Composer, errors: Mapping[str, list[str]], *, order_key: UUID | None = None, short: str = "") -> Composer:
    """The same composer with what a form found wrong."""
    return replace(composer, errors=dict(errors), order_key=order_key or composer.order_key, short=short or composer.short)


def of_query(entry: Pass, query: QueryDict) -> Wanted:
    """A brief in the making from the composer's own fields, leniently. One query if it has references."""
    duration = query.get("duration", "")
    connection = query.get("connection", "")
    return Wanted(
        prompt=_text(query, "prompt").replace("\r\n", "\n"),
        connection=int(connection) if connection.isdecimal() and len(connection) < 10 else 0,  # noqa: PLR2004 - digits of an id
        model=_text(query, "model")[:80],
        mode=_text(query, "mode")[:40],
        aspect_ratio=_text(query, "aspect_ratio")[:8],
        duration=min(int(duration), LONGEST) if duration.isdecimal() and len(duration) < 6 else None,  # noqa: PLR2004 - digits
        resolution=_text(query, "resolution")[:8],
        references=references_of(entry, query.getlist("references")),
        address=_text(query, "address")[:2000],
    )


def _text(query: QueryDict, name: str) -> str:
    """A field as typed, without NUL: PostgreSQL takes none, not even to look for it."""
    return query.get(name, "").replace("\x00", "")


def references_of(entry: Pass, keys: Sequence[str]) -> tuple[Reference, ...]:
    """The reference images of this project with these ids, in the given order; unknown ones are left out. One query, none without ids."""
    known = [key for key in map(_uuid, keys[:MOST_REFERENCES]) if key is not None]
    found = Reference.objects.filter(project=entry.project).in_bulk(known) if known else {}
    return tuple(found[key] for key in known if key in found)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def of_job(entry: Pass, number: int) -> Wanted | None:
    """The brief of a job of this project, to order it again; None if there is no such job. Two queries."""
    job = Job.objects.filter(project=entry.project, number=number).select_related("connection").first()
    if job is None:
        return None
    places = job.job_references.select_related("reference")
    return replace(_settings_of(job), prompt=job.prompt, references=tuple(place.reference for place in places))


def of_last(entry: Pass) -> Wanted:
    """The settings of the person's last job here without its prompt, or sensible first ones. One query."""
    job = Job.objects.filter(project=entry.project, author=entry.user).select_related("connection").order_by("-number").first()
    return _settings_of(job) if job else Wanted()


def _settings_of(job: Job) -> Wanted:
    """A job's brief without prompt and images. Its connection only while it takes orders; options that its model did not have stay as usual."""
    usual = Wanted()
    return replace(
        usual,
        connection=job.connection_id if job.connection.enabled else 0,
        model=job.model,
        mode=job.mode,
        aspect_ratio=job.aspect_ratio or usual.aspect_ratio,
        duration=job.duration or usual.duration,
        resolution=job.resolution or usual.resolution,
    )
