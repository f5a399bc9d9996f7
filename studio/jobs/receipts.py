"""The story of a job: what happened when, and what it cost and why. Pure; the rows come from the caller."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from studio.credits.figures import credits_text
from studio.jobs.cards import CAUSES, provider_of
from studio.jobs.lifecycle import State, is_final
from studio.jobs.models import Attempt, Job, JobEvent


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


def timeline(job: Job, events: Iterable[JobEvent]) -> list[Step]:
    """The events in words, oldest first."""
    return [_step(job, event, first=place == 0) for place, event in enumerate(events)]


def _step(job: Job, event: JobEvent, *, first: bool) -> Step:
    name = provider_of(job)
    words = {
        State.QUEUED: f"Ordered by {job.author}" if first else f"{name} asked us to wait",
        State.SENDING: f"Sent to {job.connection.label}",
        State.RENDERING: f"Accepted by {name}",
        State.SAVING: f"Made by {name}, being copied into our storage",
        State.DONE: "Ready",
        State.IN_DOUBT: "In doubt",
        State.CANCELLED: "Cancelled",
        State.FAILED: CAUSES[event.cause][0].format(name=name) if event.cause in CAUSES else "Failed",
    }
    tones = {State.FAILED: "bad", State.IN_DOUBT: "warn"}
    return Step(event.at, words[State(event.state)], event.message, tones.get(State(event.state), ""))


def receipt(job: Job, attempts: Sequence[Attempt]) -> list[Line]:
    """Every step of the job's money: estimate, hold, reported usage with its rate, charge, and what came back."""
    lines = [_estimate(job), *(_reported(attempt) for attempt in attempts if attempt.usage_unit)]
    if not is_final(State(job.state)):
        return [*lines, _held(job)]
    charged = job.charged or 0
    lines.append(Line("Spent", f"{credits_text(charged)} credits", _why_charged(job, attempts)))
    if job.estimate > charged:
        lines.append(Line("Returned", f"{credits_text(job.estimate - charged)} credits", "what was held and not spent"))
    elif charged > job.estimate:
        over = credits_text(charged - job.estimate)
        lines.append(Line("Above the hold", f"{over} credits", "the provider’s figure is the truth; it was taken from the balance, or is owed"))
    return lines


def _estimate(job: Job) -> Line:
    return Line("Estimate", f"{credits_text(job.estimate)} credits" if job.estimate else "not known", job.estimate_basis)


def _held(job: Job) -> Line:
    if job.state == State.IN_DOUBT:
        return Line(
            "Held", f"{credits_text(job.estimate)} credits", "until it is known what became of it: spent if it was made, returned if it was not"
        )
    return Line("Held", f"{credits_text(job.estimate)} credits", "put aside since the order; spent or returned when it ends")


def _reported(attempt: Attempt) -> Line:
    if attempt.rate_millicredits is None or attempt.rate_per_units is None:
        return Line(
            "Reported usage", f"{attempt.usage_amount} {attempt.usage_unit}", "exactly as the provider wrote it; nobody has set a rate for it"
        )
    units = "1 unit" if attempt.rate_per_units == 1 else f"{attempt.rate_per_units:,} units"
    rate = f"{units} = {credits_text(attempt.rate_millicredits)} credits when it was sent"
    return Line("Reported usage", f"{attempt.usage_amount} {attempt.usage_unit}", f"exactly as the provider wrote it; {rate}")


def _why_charged(job: Job, attempts: Sequence[Attempt]) -> str:
    if not job.charged:
        return "nothing is charged for a job without a clip" if job.state != State.DONE else ""
    if job.charge_is_estimate:
        return f"the estimate: {provider_of(job)} reported no usage that can be priced"
    return "reported usage × rate" if any(attempt.usage_unit for attempt in attempts) else ""
