"""The story of a job: what happened when, and what it cost and why, try by try. Pure; the rows come from the caller."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from studio.credits.figures import credits_text
from studio.jobs.cards import CAUSES
from studio.jobs.lifecycle import State, is_final
from studio.jobs.models import Attempt, Cause, Job, JobEvent
from studio.jobs.waiting import TOLD_BY_PROVIDER, name_of
from studio.routing.models import Connection

HOUSE_PAYS = frozenset({Cause.EXPIRED, Cause.DOWNLOAD_FAILED, Cause.OUR_FAULT, Cause.WRITTEN_OFF})


@dataclass(frozen=True, slots=True)
class Step:
    """One moment of a job's life. `tone` is empty, warn or bad."""

    at: datetime
    title: str
    text: str
    tone: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a receipt: a figure with its word, and why."""

    word: str
    figure: str
    why: str


@dataclass(frozen=True, slots=True)
class Part:
    """One attempt's money. `end` says why it ended, empty while it lives; `tone` is empty, warn or bad."""

    attempt: Attempt
    end: str
    tone: str
    lines: list[Line]


@dataclass(frozen=True, slots=True)
class Receipt:
    """Every step of a job's money: by attempt, and all of it together where there are several."""

    parts: list[Part]
    total: list[Line]


def timeline(job: Job, events: Iterable[JobEvent], attempts: Sequence[Attempt]) -> list[Step]:
    """The events in words, oldest first, each with the connection that the job was at then."""
    steps, turn, before_it = [], 0, ""
    for place, event in enumerate(events):
        goes_on = before_it == State.PAUSED
        before_it = event.state
        if goes_on and event.state == State.QUEUED:
            steps.append(Step(event.at, "Goes on", event.message, ""))
            continue
        another = place > 0 and event.state == State.QUEUED and event.cause not in TOLD_BY_PROVIDER
        turn += another
        here = attempts[min(turn, len(attempts) - 1)].connection if attempts else job.connection
        before = attempts[min(turn, len(attempts)) - 1].connection if another and attempts else here
        steps += _another_try(event, before, here) if another else [_step(job, event, here, first=place == 0)]
    return steps


def _another_try(event: JobEvent, before: Connection, here: Connection) -> list[Step]:
    """The steps of an event that put the job back in line for another attempt: by a person, or by its policy after a failure."""
    if not event.cause:
        return [Step(event.at, event.message or "Tried again", f"at {here.label}", "")]
    failure = Step(event.at, CAUSES[event.cause][0].format(name=name_of(before)), event.message, "bad")
    return [failure, Step(event.at, f"Another try at {here.label}", "as its author had chosen for a failure", "")]


def _step(job: Job, event: JobEvent, connection: Connection, *, first: bool) -> Step:
    name = name_of(connection)
    words = {
        State.QUEUED: f"Ordered by {job.author}"
        if first
        else f"{name} could not be reached"
        if event.cause == Cause.UNREACHED
        else f"{name} asked us to wait",
        State.PAUSED: "Paused",
        State.SENDING: f"Sent to {connection.label}",
        State.RENDERING: f"Accepted by {name}",
        State.SAVING: f"Made by {name}, being copied into our storage",
        State.DONE: "Ready",
        State.IN_DOUBT: "In doubt",
        State.CANCELLED: "Cancelled",
        State.FAILED: CAUSES[event.cause][0].format(name=name) if event.cause in CAUSES else "Failed",
    }
    tones = {State.FAILED: "bad", State.IN_DOUBT: "warn"}
    return Step(event.at, words[State(event.state)], event.message, tones.get(State(event.state), ""))


def receipt(job: Job, attempts: Sequence[Attempt]) -> Receipt:
    """What each attempt held, what its provider reported, what was charged for it and what came back; then the whole."""
    parts = [_part(job, attempt) for attempt in attempts]
    return Receipt(parts, _total(job, attempts) if len(attempts) > 1 else [])


def _part(job: Job, attempt: Attempt) -> Part:
    lines = [_estimate(attempt), *_payer(job, attempt)]
    if attempt.usage_unit:
        lines.append(_reported(attempt))
    if attempt.ended_at is None:
        doubt = job.state == State.IN_DOUBT
        return Part(attempt, "In doubt" if doubt else "", "warn" if doubt else "", [*lines, _held(attempt, doubt=doubt)])
    return Part(attempt, _end(attempt), "bad" if attempt.outcome == State.FAILED else "", [*lines, *_settled(attempt)])


def _end(attempt: Attempt) -> str:
    """Why it ended, in a few words."""
    if attempt.outcome == State.FAILED:
        return CAUSES[attempt.cause][0].format(name=name_of(attempt.connection)) if attempt.cause in CAUSES else "Failed"
    return "Ready" if attempt.outcome == State.DONE else "Cancelled"


def _estimate(attempt: Attempt) -> Line:
    return Line("Estimate", f"{credits_text(attempt.estimate)} credits" if attempt.estimate else "not known", attempt.estimate_basis)


def _payer(job: Job, attempt: Attempt) -> list[Line]:
    """Whose credits it spends; attempts from before that was kept spent the author's."""
    if attempt.payer is None:
        return []
    why = "who ordered it" if attempt.payer_id == job.author_id else "who tried it again; its author paid nothing for this try"
    return [Line("Paid by", str(attempt.payer), why)]


def _held(attempt: Attempt, *, doubt: bool) -> Line:
    figure = f"{credits_text(attempt.estimate)} credits"
    if doubt:
        return Line("Held", figure, "in doubt: spent if it was made, returned if it was not, and nothing else until that is known")
    return Line("Held", figure, "put aside for this try; spent or returned when it ends")


def _settled(attempt: Attempt) -> list[Line]:
    """What became of an ended attempt's hold."""
    charged = attempt.charged or 0
    spent = Line("Spent" if charged else "Nothing charged", f"{credits_text(charged)} credits", _why_charged(attempt))
    if attempt.estimate > charged:
        back = "what was held for this try" if not charged else "what was held and not spent"
        return [spent, Line("Returned", f"{credits_text(attempt.estimate - charged)} credits", back)]
    if charged > attempt.estimate:
        why = "the provider’s figure is the truth; it was taken from the balance, or is owed"
        return [spent, Line("Above the hold", f"{credits_text(charged - attempt.estimate)} credits", why)]
    return [spent]


def _reported(attempt: Attempt) -> Line:
    figure = f"{attempt.usage_amount} {attempt.usage_unit}"
    if attempt.rate_millicredits is None or attempt.rate_per_units is None:
        return Line("Reported usage", figure, "exactly as the provider wrote it; nobody has set a rate for it")
    units = "1 unit" if attempt.rate_per_units == 1 else f"{attempt.rate_per_units:,} units"
    worth = credits_text(attempt.rate_millicredits)
    rate = f"{units} = {worth} {'credit' if worth == '1' else 'credits'} when it was sent"
    return Line("Reported usage", figure, f"exactly as the provider wrote it; {rate}")


def _why_charged(attempt: Attempt) -> str:
    name = name_of(attempt.connection)
    if attempt.outcome == State.CANCELLED:
        return "it was never sent"
    if attempt.outcome == State.FAILED and not attempt.charged:
        written_off = "written off: " if attempt.cause == Cause.WRITTEN_OFF else ""
        return f"{written_off}the house pays" if attempt.cause in HOUSE_PAYS or attempt.usage_unit else "nothing is charged for a try without a clip"
    if attempt.outcome == State.FAILED:
        return f"reported usage × rate: {name} charges for a try that the model’s filter refuses"
    if attempt.charge_is_estimate:
        return f"the estimate: {name} reported no usage that can be priced"
    return "reported usage × rate" if attempt.usage_unit else ""


def _total(job: Job, attempts: Sequence[Attempt]) -> list[Line]:
    spent = sum(attempt.charged or 0 for attempt in attempts)
    tries = f"for {len(attempts)} tries"
    if is_final(State(job.state)):
        return [Line("Spent in all", f"{credits_text(spent)} credits", tries)]
    held = sum(attempt.estimate for attempt in attempts if attempt.ended_at is None)
    return [Line("Spent so far", f"{credits_text(spent)} credits", tries), Line("Held now", f"{credits_text(held)} credits", "")]
