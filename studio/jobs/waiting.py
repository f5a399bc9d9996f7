"""What a job waits for, in words: its turn, its provider, a limit, or to come out of doubt. Pure; knows no database and no clock of its own."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from studio.jobs.line import Spot
from studio.jobs.models import Attempt, Cause, Job
from studio.leases import LONGEST_REST, holds
from studio.providers.registry import PROVIDERS, lists_orders
from studio.routing.models import Breaker, Connection
from studio.routing.pace import free_at

FRONT = 12  # places in line that are counted; their cards follow every change of the board
PAUSED, WAITING, IN_LINE, NEXT = "Paused", "Waiting", "In line", "Next in line"
HELD_UP = frozenset({PAUSED, WAITING})  # by more than others that come first
TOLD_BY_PROVIDER = frozenset({Cause.NOT_NOW, Cause.UNREACHED})
SOON = 60.0  # seconds; a moment nearer than this is not worth a clock time
SHORTEST_PACE = timedelta(seconds=1)  # the limit spaces all orders a little; only what a person would notice is said

WHY_PAUSED: dict[str, str] = {
    Cause.OUT_OF_BALANCE: "The team’s account at {name} is used up; your credits are not the reason.",
    Cause.WRONG_KEY: "{name} refuses the team’s key.",
    Cause.UNREACHED: "{name} could not be reached several times.",
    Cause.UNANSWERED: "{name} did not answer several orders.",
}


@dataclass(frozen=True, slots=True)
class Wait:
    """A phase in a few words, and why."""

    phase: str
    detail: str


def name_of(connection: Connection) -> str:
    """The name of a connection's provider, for people."""
    kind = PROVIDERS.get(connection.provider)
    return kind.name if kind else connection.provider


def queued(job: Job, *, now: datetime, spot: Spot, paused: Breaker | None) -> Wait:
    """Why a queued job was not sent yet: the strongest reason there is. `paused` is the breaker that stops its connection or its model there."""
    connection, name = job.connection, name_of(job.connection)
    if not connection.enabled:
        return Wait(PAUSED, " ".join(f"{connection.label} is switched off. {sentence(connection.paused_reason)}".split()))
    if paused is not None:
        return Wait(PAUSED, paused_text(name, paused, now=now))
    if words := _asked_to_wait(job, name, now):
        return Wait(WAITING, words)
    if job.cause and job.cause not in TOLD_BY_PROVIDER:
        return Wait(WAITING, sentence(job.message))
    pace = free_at(now=now, paced_until=connection.paced_until, per_minute=connection.requests_per_minute)
    if pace - now > SHORTEST_PACE:
        return Wait(WAITING, f"{connection.label} takes {connection.requests_per_minute} requests a minute. Goes on at {_clock(pace)}.")
    return _in_line(connection.label, spot, now)


def _in_line(label: str, spot: Spot, now: datetime) -> Wait:
    if spot.place <= 1:
        return Wait(NEXT, starts_text(spot.starts_in, now) or f"when {label} has room")
    if spot.place > FRONT:
        return Wait(IN_LINE, f"many before it at {label}")
    start = starts_text(spot.starts_in, now)
    return Wait(IN_LINE, f"{spot.place - 1} before it at {label}" + (f", {start}" if start else ""))


def starts_text(seconds: float | None, now: datetime) -> str:
    """About when it is sent, in words that stay true while a card is looked at; empty where nobody can tell."""
    if seconds is None:
        return ""
    return "starts within a minute" if seconds < SOON else f"starts at about {timezone.localtime(now + timedelta(seconds=seconds)):%H:%M}"


def _asked_to_wait(job: Job, name: str, now: datetime) -> str:
    """That and until when the provider wants no order, or cannot be reached; "" when it may be sent."""
    own = job.due if job.cause in TOLD_BY_PROVIDER else None
    waits = (own, job.connection.not_before, job.connection.send_not_before)
    moments = [moment for moment in waits if moment and holds(moment, now=now, lasts=LONGEST_REST)]
    if not moments:
        return ""
    until = _clock(max(moments))
    if job.cause == Cause.UNREACHED:
        return f"{name} cannot be reached. The next try is at {until}."
    if job.cause == Cause.NOT_NOW:
        return f"{name} asked us to wait. Goes out at {until}."
    return f"Orders to {name} wait until {until}."


def paused_text(name: str, breaker: Breaker, *, now: datetime) -> str:
    """Why a breaker holds orders up, and when one of them is let through."""
    why = WHY_PAUSED.get(breaker.cause, "Several clips in a row failed there.").format(name=name)
    if breaker.open_until is None or breaker.open_until <= now:
        return f"{why} One order is trying whether it works again."
    return f"{why} One order is tried at {_clock(breaker.open_until)}."


def doubt_text(job: Job, attempt: Attempt | None, *, now: datetime) -> str:
    """What is done about a job in doubt, when next, and who else can settle it."""
    name = name_of(job.connection)
    return f"{_being_done(job, attempt, name, now)} An admin or a credit manager can settle it too."


def _being_done(job: Job, attempt: Attempt | None, name: str, now: datetime) -> str:
    when = "" if job.due is None else "now" if job.due <= now else f"at {timezone.localtime(job.due):%H:%M}"
    calls = _will_call(attempt)
    if when and attempt and (attempt.remote_id or attempt.proposed_id):
        return f"We go on asking {name}, next {when}."
    if when and attempt and lists_orders(job.connection.provider, attempt.dialect):
        return f"We look for it in {name}’s own list {when}" + (", and listen for its callback." if calls else ".")
    if when and attempt and attempt.stored_as:
        return f"We look for its clip in {name}’s file store {when}."
    if calls:
        return f"If it is made, {name}’s callback tells us."
    return f"{name} cannot be asked about it without its id there."


def _will_call(attempt: Attempt | None) -> bool:
    """Whether the provider was given an address to call when it is over."""
    return attempt is not None and attempt.asked_callback


def sentence(message: str) -> str:
    """A message that ends as a sentence does."""
    text = message.strip()
    return text if not text or text[-1] in ".!?…”\"'" else f"{text}."


def _clock(moment: datetime) -> str:
    return f"{timezone.localtime(moment):%H:%M:%S}"
