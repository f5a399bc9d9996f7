"""What the composer shows: a brief in the making, what each connection makes of it, and the choices that the chosen one offers.

Figures and sentences made of what composing.py has found: it asks no database, and knows no form and no request. Nothing is ever switched for a person:
what the chosen model cannot do stays chosen and is named, with the reason beside it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from studio.credits.foresight import Foresight
from studio.credits.models import CreditRequest
from studio.jobs.models import Policy
from studio.jobs.pricing import Shortage, figure, how_sure, price_text
from studio.jobs.prompting import fields_for
from studio.jobs.wanted import Wanted
from studio.prompts.asking import Asked
from studio.providers.contract import ASPECT_RATIOS, RESOLUTIONS, Capability, Operation
from studio.routing.choice import Option
from studio.routing.openings import Opening

MOST = 1000  # clips of one batch
ONE_PRESS = 12  # takes that are ordered without a look at the plan
PROMPT_LIMIT = 10_000  # characters; ours, for every provider

# policy -> its word in the head of the list, and what it means
POLICIES: dict[str, tuple[str, str]] = {
    Policy.HAND: ("", "It stops and tells you why. You decide what is next."),
    Policy.CHEAPEST: ("cheapest first", "The cheapest other connection that can do it is tried."),
    Policy.FASTEST: ("fastest first", "The other connection with the shortest usual wait is tried."),
    Policy.RELIABLE: ("most reliable first", "The other connection where most orders became clips lately is tried."),
    Policy.ORDERED: ("in the house’s order", "The next connection in the order that admins set is tried."),
}
ASKS = {
    Operation.GENERATE: "Describe the shot: subject, light, lens, movement.",
    Operation.EDIT: "Say what is to change in the clip.",
    Operation.EXTEND: "Say what happens next.",
}
FINE_PRINT = "Never after the filter’s refusal. A failed try costs nothing; the next one holds its own price."


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a select. `offered` is false for a value that is chosen although the model does not have it."""

    value: str
    label: str
    chosen: bool
    offered: bool = True


@dataclass(frozen=True, slots=True)
class Route:
    """One line of the connection picker: what the model can do, or why it cannot do this brief. `paused` says why its orders wait, if they do.

    `price` is the figure, `sure` how sure it is and what that rests on; `opens` says what would make it possible, and the price then.
    """

    option: Option
    chosen: bool
    text: str
    price: str
    sure: str
    paused: str
    opens: str


@dataclass(frozen=True, slots=True)
class Several:
    """The field of a variable with several values: `chosen` are those that were given."""

    asked: Asked
    chosen: tuple[str, ...]

    @property
    def offered(self) -> list[tuple[str, bool]]:
        """The choices with whether each is taken, and what was given besides."""
        rest = [value for value in self.chosen if value not in self.asked.choices]
        return [(value, value in self.chosen) for value in (*self.asked.choices, *rest)]

    @property
    def lines(self) -> str:
        """The values, one a line."""
        return "\n".join(self.chosen)


@dataclass(frozen=True, slots=True, kw_only=True)
class Composer:
    """Everything that the composer's template needs.

    `project` is the name of where it is ordered. `options` stand in the order of the wanted policy, `openings` has by connection what would make it
    possible, `paused` why its orders wait, and `following` is where the policy would go next. `errors` has the sentences for each field. `short` is there when credits are missing, `asked` is what the person asked for already, `soon` when
    their next allowance comes; else `left` millicredits can be spent after this order (None where nobody knows). `limits` is what caps and budget say,
    `helpers` who can lift them. `draft` is the version of the person's draft that this shows or replaces, `put_aside` the words of one that it replaces.
    """

    project: str
    wanted: Wanted
    options: list[Option]
    chosen: Option | None
    openings: dict[int, Opening] = field(default_factory=dict)
    paused: dict[int, str] = field(default_factory=dict)
    following: Option | None = None
    errors: dict[str, list[str]] = field(default_factory=dict)
    short: Shortage | None = None
    asked: CreditRequest | None = None
    soon: str = ""
    left: int | None = None
    limits: Foresight = field(default_factory=Foresight)
    helpers: str = ""
    draft: int = 0
    put_aside: str = ""
    order_key: UUID = field(default_factory=uuid4)

    @property
    def routes(self) -> list[Route]:
        """Every connection, for the picker."""
        return [
            Route(
                option,
                option is self.chosen,
                abilities(option.can, self.wanted.operation) if option.possible else option.why_not,
                figure(option),
                how_sure(option) if option.possible else "",
                self.paused.get(option.connection.pk, ""),
                opening_text(self.openings.get(option.connection.pk)),
            )
            for option in self.options
        ]

    @property
    def asks(self) -> str:
        """What stands in the empty prompt."""
        return ASKS[self.wanted.operation]

    @property
    def policies(self) -> list[Choice]:
        """What may happen after a failure."""
        return [Choice(policy.value, policy.label, policy == self.wanted.policy) for policy in Policy]

    @property
    def policy_label(self) -> str:
        """What was chosen for a failure."""
        return str(Policy(self.wanted.policy).label)

    @property
    def order_of_routes(self) -> str:
        """How the list of connections is sorted, in words; empty for the house's usual order."""
        return POLICIES[self.wanted.policy][0]

    @property
    def policy_means(self) -> str:
        """What the wanted policy does, in one or two sentences."""
        means = POLICIES[self.wanted.policy][1]
        if self.wanted.policy == Policy.HAND:
            return means
        if self.following is None:
            return f"{means} At present no other can do this brief. {FINE_PRINT}"
        return f"{means} At present that is {self.following.connection.label}. {FINE_PRINT}"

    @property
    def opening(self) -> Opening | None:
        """What would make the chosen connection possible, where it is not."""
        return self.openings.get(self.chosen.connection.pk) if self.chosen else None

    @property
    def opening_said(self) -> str:
        """The same as a sentence, with the price then."""
        return opening_text(self.opening)

    @property
    def opening_values(self) -> str:
        """The same as the form's fields would hold it, in JSON; empty where a press cannot make the change."""
        return json.dumps(self.opening.values) if self.opening and self.opening.values else ""

    @property
    def chosen_waits(self) -> str:
        """Why an order at the chosen connection would wait; empty if it would not."""
        return self.paused.get(self.chosen.connection.pk, "") if self.chosen else ""

    @property
    def is_new(self) -> bool:
        """Whether a new clip is wanted, rather than a changed one."""
        return self.wanted.operation is Operation.GENERATE

    @property
    def offers_silence(self) -> bool:
        """Whether a clip without sound can be asked for, or was asked for although it cannot."""
        return self.wanted.silent or (self.is_new and self._can().sound)

    @property
    def count(self) -> int:
        """How many clips are ordered with one press; one where there are more than a batch may have, which is said."""
        return counted(self.wanted)

    @property
    def too_many(self) -> str:
        """That there are more clips than a batch may have; empty while there are not."""
        return too_many(self.wanted.count) if self.wanted.count > MOST else ""

    @property
    def is_planned(self) -> bool:
        """Whether the plan is looked at before anything is ordered: prompts that were put together, or many takes."""
        return self.wanted.count > 1 and (self.wanted.matrix or self.wanted.count > ONE_PRESS)

    @property
    def figure(self) -> str:
        """The quote as a bare figure, for a small button."""
        return figure(self.chosen, count=self.count) if self.chosen else ""

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
        return _choices(self.chosen.can.modes, self.chosen.brief.mode) if self.chosen and self.is_new else []

    @property
    def aspect_ratios(self) -> list[Choice]:
        """The chosen model's aspect ratios, and the chosen one."""
        return _choices(self._can().aspect_ratios, self.wanted.aspect_ratio) if self.is_new else []

    @property
    def resolutions(self) -> list[Choice]:
        """The chosen model's resolutions, and the chosen one."""
        return _choices(self._can().resolutions, self.wanted.resolution) if self.is_new else []

    @property
    def durations(self) -> list[Choice]:
        """The chosen model's durations, and the chosen one; of an extension the seconds that it adds. An edit is as long as its clip."""
        offered = {Operation.GENERATE: self._can().durations, Operation.EXTEND: self._can().extends}.get(self.wanted.operation)
        shortest, longest = offered or (1, 0)
        chosen = "" if self.wanted.duration is None else str(self.wanted.duration)
        return _choices(tuple(map(str, range(shortest, longest + 1))), chosen, unit=" s" if self.is_new else " s more")

    @property
    def shape(self) -> str:
        """Names the choices that are offered: a select that offers others is another select."""
        operation = "" if self.is_new else f"-{self.wanted.operation}"
        return f"{self.chosen.connection.pk}-{self.chosen.models.index(self.chosen.can)}{operation}" if self.chosen else f"0{operation}"

    @property
    def values(self) -> list[Asked]:
        """A field for each variable of the prompt."""
        return fields_for(self.wanted.prompt, self.wanted.version, self.wanted.values)

    @property
    def several(self) -> list[Several]:
        """A field for several values of each variable of the prompt."""
        return [Several(one, self.wanted.many.get(one.name) or ((one.value,) if one.value else ())) for one in self.values]

    @property
    def value_errors(self) -> list[str]:
        """What is wrong with the variables. Not `errors.values` in a template: that is what every dict has."""
        return self.errors.get("values", [])

    @property
    def bar_errors(self) -> list[tuple[str, str]]:
        """Field and sentence for all but the prompt and its variables, whose errors stand under them."""
        return [(name, sentence) for name, sentences in self.errors.items() if name not in {"prompt", "values"} for sentence in sentences]

    @property
    def price(self) -> str:
        """The quote in words; empty without a connection."""
        if self.chosen is None:
            return ""
        return price_text(self.chosen, count=self.count)

    @property
    def asks_for(self) -> str:
        """What credits are asked for where they are missing, as the one who answers reads it."""
        return f"{'A clip' if self.count == 1 else f'{self.count:,} clips'} in {self.project} for {self.price}"

    @property
    def how_sure(self) -> str:
        """How sure the price is, in a few words; empty without a connection."""
        return how_sure(self.chosen) if self.chosen else ""

    def _can(self) -> Capability:
        return self.chosen.can if self.chosen else ANYTHING


ANYTHING = Capability(model="", label="", aspect_ratios=ASPECT_RATIOS, durations=(1, 15), resolutions=RESOLUTIONS)


def abilities(can: Capability, operation: Operation = Operation.GENERATE) -> str:
    """What a model can do, in a few words: 1 to 15 s, 480p or 720p, 7 ratios, up to 7 images; or which clips it changes."""
    if operation is Operation.EDIT:
        return f"edits clips up to {can.edits_up_to:g} s"
    if operation is Operation.EXTEND and can.extends:
        return f"adds {can.extends[0]} to {can.extends[1]} s to clips of {can.extends_from[0]:g} to {can.extends_from[1]:g} s"
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


def opening_text(found: Opening | None) -> str:
    """What would make a connection possible, in a sentence: "At 10 s it can, for about 9 credits." Empty where nothing would."""
    if found is None:
        return ""
    words = f"{found.words[0].upper()}{found.words[1:]} it can"
    return f"{words}, for {price_text(found.option)}." if found.option.has_price else f"{words}; its price is not known."


def _choices(offered: Sequence[str], chosen: str, *, unit: str = "") -> list[Choice]:
    """The values of a select, with the chosen one at the end where it is not offered. Nothing where there is no such option."""
    if not offered:
        return []
    rows = [Choice(value, f"{value}{unit}", value == chosen) for value in offered]
    if chosen not in offered:
        rows.append(Choice(chosen, f"{chosen}{unit}" if chosen else "choose", chosen=True, offered=False))
    return rows


def counted(wanted: Wanted) -> int:
    """For how many clips prices are said; for one where there are more than a batch may have."""
    return wanted.count if wanted.count <= MOST else 1


def too_many(count: int) -> str:
    """The sentence for more clips than one batch may have."""
    return f"This would be {count:,} clips; a batch has at most {MOST:,}."


FIELDS = {"images": "references", "video": "source"}  # a brief's field -> the form's, where they differ
