"""What a card says about a job: the words, the figures and the picture for each state. Pure; knows no database and no clock of its own.

Two rules stand above the rest. A number that the provider did not give is never shown as one. Money is held, spent, returned or in doubt, and a
card that ended badly says who pays.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from studio.credits.figures import credits_text
from studio.jobs import expiry, waiting
from studio.jobs.lifecycle import State
from studio.jobs.line import Spot
from studio.jobs.models import Attempt, Cause, Clip, Job, Reference
from studio.jobs.waiting import sentence
from studio.providers.contract import Operation
from studio.routing.models import Breaker

IN_FLIGHT = frozenset({State.QUEUED, State.PAUSED, State.SENDING, State.RENDERING, State.SAVING})
NEEDS_YOU = frozenset({State.FAILED, State.IN_DOUBT})
LONGEST_FETCH = 300  # seconds for which a worker may be at it
ALMOST = 0.95  # how far a playhead goes on the usual time alone
NEAR = 0.8  # of the usual time: from here on a change may come any second
SOON = 3.0  # seconds until a queued job goes out: near a change
UPRIGHT = 1.25  # width to height: below it a clip is shown whole over its own blur
EDIT, RETRY, AGAIN, TWICE = "Edit prompt", "Try again", "Order again", "Order again (it may cost twice)"

# cause -> what happened, why in our words ({said}: the provider's or our own message), and what one can do
CAUSES: dict[str, tuple[str, str, str]] = {
    Cause.INPUT_REFUSED: ("Refused by {name}", "{said}", EDIT),
    Cause.MODERATED: ("Refused by the model’s filter", "{said} Other words may pass.", EDIT),
    Cause.PROVIDER_FAILED: ("{name} could not make it", "{said}", RETRY),
    Cause.WRONG_KEY: ("{name} refused our key", "{said} An admin can enter it again under Connections.", RETRY),
    Cause.OUT_OF_BALANCE: ("{name} is out of balance", "The team’s account there is used up. {said} An admin can fill it.", RETRY),
    Cause.NOT_PERMITTED: ("Not available to our account at {name}", "{said} The prompt is fine; another connection may take it.", RETRY),
    Cause.EXPIRED: ("{name}’s link has expired", "It was made, and could not be copied in time. {said}", RETRY),
    Cause.DOWNLOAD_FAILED: ("The clip could not be saved", "It was made, and its file could not be copied. {said}", RETRY),
    Cause.UNANSWERED: ("In doubt", "Sent, but {name} did not answer. To avoid paying twice we have not sent it again.", TWICE),
    Cause.OVERDUE: ("In doubt", "Accepted by {name}, and not finished in any usual time. We do not send it again, to avoid paying twice.", TWICE),
    Cause.NO_CLIP_NAMED: ("In doubt", "{said} We do not send it again, to avoid paying twice.", TWICE),
    Cause.NOT_NOW: ("{name} did not take it", "It asked us to wait, and then it was too late. {said}", RETRY),
    Cause.UNREACHED: ("{name} could not be reached", "{said}", RETRY),
    Cause.NEVER_MADE: ("It was never made", "Nobody at {name} had heard of it. {said}", RETRY),
    Cause.WRITTEN_OFF: ("Written off", "It was sent, and nobody could find out what became of it. {said}", AGAIN),
    Cause.OUR_FAULT: ("Something went wrong here", "The fault is ours. {said}", RETRY),
}
NOWHERE = Spot()
THEIR_WORDS = {Cause.MODERATED, Cause.PROVIDER_FAILED, Cause.OUT_OF_BALANCE}


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a job did not become a clip: what, why, who pays, and what to do first. `doing` says what we do about it, where we do something."""

    title: str
    text: str
    money: str
    action: str
    doing: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A card's words. `share` is where its playhead stands (0 to 1); `percent` only as the provider reported it.

    `is_soon` says that a queued job goes out any second. `elapsed` and `usual` are seconds, for words that tick on in the browser; None where nothing ticks. `again` says why this is another try.
    """

    phase: str = ""
    detail: str = ""
    share: float = 0.0
    percent: int | None = None
    elapsed: float | None = None
    usual: float | None = None
    trouble: Trouble | None = None
    again: str = ""
    is_soon: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One job as a board shows it. `clips` are those that people have, `gone` those in the trash or deleted, `picture` its first reference image that we keep.

    `may_rescue` says that a clip that was made and not saved can be fetched again, for nothing. `is_new` says that it ended since its viewer last looked,
    `is_mine` that they ordered it, `leads` that it stands where a page begins.
    """

    job: Job
    said: Said
    provider: str
    cost: str
    clips: tuple[Clip, ...] = ()
    gone: tuple[Clip, ...] = ()
    picture: Reference | None = None
    is_new: bool = False
    is_mine: bool = False
    may_make: bool = False
    may_cancel: bool = False
    may_retry: bool = False
    may_rescue: bool = False
    leads: bool = False

    @property
    def loading(self) -> str:
        """How its pictures are fetched: those that a page begins with at once, the others as one comes near them."""
        return "fetchpriority=high" if self.leads else "loading=lazy"

    template = "jobs/_card.html"

    @property
    def state(self) -> str:
        """The job's state."""
        return self.job.state

    @property
    def number(self) -> int:
        """Its place on the board."""
        return self.job.number

    @property
    def code(self) -> str:
        """The shot code."""
        return self.job.code

    @property
    def is_near(self) -> bool:
        """Whether a change may come any second."""
        if self.job.state in {State.SENDING, State.SAVING} or self.said.is_soon:
            return True
        return self.said.elapsed is not None and self.said.elapsed >= NEAR * (self.said.usual or 0)

    @property
    def is_in_flight(self) -> bool:
        """Whether it is on its way."""
        return self.job.state in IN_FLIGHT

    @property
    def is_held_up(self) -> bool:
        """Whether a queued job waits for more than its turn."""
        return self.said.phase in waiting.HELD_UP

    @property
    def offers_retry(self) -> bool:
        """Whether trying the same brief again is the first thing to do, for this person. What can be fetched for nothing is not paid again."""
        return self.may_retry and not self.may_rescue and self.said.trouble is not None and self.said.trouble.action == RETRY

    @property
    def is_terse(self) -> bool:
        """Whether its other buttons leave room for no more than a sign."""
        return self.offers_retry or self.may_rescue or self.puts_back == TWICE

    @property
    def puts_back(self) -> str:
        """The button that puts the brief back into the composer; empty where there is none."""
        if self.said.trouble is None or not self.may_make:
            return ""
        action = self.said.trouble.action
        return action if action != RETRY else EDIT if self.may_retry else AGAIN

    @property
    def p(self) -> str:
        """Where the playhead stands, as CSS writes it."""
        return f"{self.said.share:.3f}"

    @property
    def clip(self) -> Clip | None:
        """The first clip."""
        return self.clips[0] if self.clips else None

    @property
    def open_comments(self) -> int:
        """How much is said about its clips and not resolved."""
        return sum(clip.open_comments for clip in self.clips)

    @property
    def is_trashed(self) -> bool:
        """Whether some of what it made can still be taken out of the trash."""
        return any(clip.erased_at is None for clip in self.gone)

    @property
    def gone_words(self) -> str:
        """What became of the clips of a done job that people do not have any more."""
        if not self.gone:
            return "The file is not here any more"
        return "In the trash" if self.is_trashed else self.gone[0].trashed_why or "Deleted"

    @property
    def is_upright(self) -> bool:
        """Whether the clip is too tall for a stage that crops."""
        return self.clip is not None and self.clip.height > 0 and self.clip.width / self.clip.height < UPRIGHT

    @property
    def is_wide(self) -> bool:
        """Whether the frame of the brief is broader than a stage is."""
        width, _, height = self.job.aspect_ratio.partition(":")
        return not (width.isdigit() and height.isdigit()) or int(width) > int(height)

    @property
    def changes(self) -> str:
        """What it does to which clip: "Edit of TIDE-047", "6 s more of TIDE-047"; empty for a new clip."""
        if self.job.operation == Operation.GENERATE:
            return ""
        of = f" of {self.job.source.code}" if self.job.source else ""
        return f"Edit{of}" if self.job.operation == Operation.EDIT else f"{self.job.duration or 'Some'} s more{of}"

    @property
    def hue(self) -> int:
        """A colour of its own, 0 to 359 degrees, for a frame that has no picture yet."""
        return (self.job.number * 47 + sum(map(ord, self.job.prompt[:40]))) % 360


def provider_of(job: Job) -> str:
    """The provider's name for people."""
    return waiting.name_of(job.connection)


def said(
    job: Job,
    *,
    now: datetime,
    usual: float,
    spot: Spot = NOWHERE,
    attempts: Sequence[Attempt] = (),
    paused: Breaker | None = None,
    clips: Sequence[Clip] = (),
) -> Said:
    """The words for a job as it stands. `usual` is in seconds, `attempts` are all of its, oldest first, with their connections; `clips` saved or not.

    `spot` is its place in line; `paused` the breaker that stops its connection or its model there.
    """
    attempt = attempts[-1] if attempts else None
    match State(job.state):
        case State.QUEUED | State.PAUSED | State.SENDING:
            told = _not_there_yet(job, now=now, spot=spot, paused=paused)
        case State.RENDERING:
            told = _rendering(job, now=now, usual=usual, since=(attempt.accepted_at if attempt else None) or job.created_at)
        case State.SAVING:
            told = Said(phase="Saving", detail=job.message or "copying it into our own storage", share=ALMOST)
        case State.IN_DOUBT:
            return Said(trouble=replace(trouble(job), doing=waiting.doubt_text(job, attempt, now=now)))
        case State.FAILED:
            return Said(trouble=replace(trouble(job), doing=rescue_text(attempts, missing(job, clips), now=now)))
        case State.DONE | State.CANCELLED:
            return Said(detail=job.message)
    return replace(told, again=another_try(attempts))


def missing(job: Job, clips: Sequence[Clip]) -> list[Clip]:
    """Those of a job's clips that were made and, now that it is over, are not ours, nor given up."""
    return [clip for clip in clips if clip.saved_at is None and clip.lost_at is None] if not job.is_live else []


def rescue_text(attempts: Sequence[Attempt], lost: Sequence[Clip], *, now: datetime) -> str:
    """Where the missing clips of a job still lie, for how long, and when they are fetched again; empty where none is missing."""
    keys = {clip.attempt_id for clip in lost}
    attempt = next((one for one in reversed(attempts) if one.pk in keys), None)
    if attempt is None:
        return ""
    told = expiry.clock_of(attempt, now=now).words
    if attempt.rescue_due is None:
        return told
    wait = attempt.rescue_due - now
    return f"{told} {'It is being fetched.' if wait.total_seconds() < LONGEST_FETCH else f'It is fetched again in {expiry.span(wait)}.'}"


def another_try(attempts: Sequence[Attempt]) -> str:
    """What became of the try before, and who makes this one; empty for a first one."""
    if len(attempts) < 2:  # noqa: PLR2004 - the last and one before it
        return ""
    before, now = attempts[-2], attempts[-1]
    what = CAUSES[before.cause][0].format(name=waiting.name_of(before.connection)) if before.cause in CAUSES else "It did not work"
    return f"{what}. Now {now.connection.label}." if before.connection_id != now.connection_id else f"{what}. This is try {len(attempts)}."


def _not_there_yet(job: Job, *, now: datetime, spot: Spot, paused: Breaker | None) -> Said:
    """For a job that its provider does not have: in line, held back by a person, or going out."""
    if job.state == State.SENDING:
        return Said(phase="Sending", detail=f"{credits_text(job.estimate)} credits held" if job.estimate else "price not known")
    if job.state == State.PAUSED:
        held = f"Its {credits_text(job.estimate)} credits stay held." if job.estimate else "Nothing is held for it."
        return Said(phase="Paused", detail=f"{sentence(job.message)} {held}")
    wait = waiting.queued(job, now=now, spot=spot, paused=paused)
    soon = wait.phase not in waiting.HELD_UP and spot.starts_in is not None and spot.starts_in <= SOON
    return Said(phase=wait.phase, detail=wait.detail, is_soon=soon)


def cost(job: Job) -> str:
    """What the job's money is doing, in two words."""
    if job.state in IN_FLIGHT or job.state == State.IN_DOUBT:
        return f"{credits_text(job.estimate)} held" if job.estimate else "price not known"
    if job.charged:
        return f"{'about ' if job.charge_is_estimate else ''}{credits_text(job.charged)} spent"
    if job.state == State.DONE:
        return "nothing spent"
    return f"{credits_text(job.estimate)} returned" if job.estimate else "nothing held"


def trouble(job: Job) -> Trouble:
    """What a card that failed or is in doubt says."""
    name = provider_of(job)
    title, text, action = CAUSES.get(job.cause) or CAUSES[Cause.UNANSWERED if job.state == State.IN_DOUBT else Cause.OUR_FAULT]
    title = title.format(name=name)
    spoken = " ".join(text.format(name=name, said=_quoted(job, name, named="{name}" in text or name in title)).split())
    return Trouble(title, spoken, money(job), action)


def _quoted(job: Job, name: str, *, named: bool) -> str:
    """The job's message; the provider's own words as said by it, whose name stands there once (`named`: already)."""
    message = sentence(job.message)
    words = message.removeprefix(f"{name}: ")
    if not message or (words == message and job.cause not in THEIR_WORDS):
        return message
    return f"{'It' if named else name} says: {words}"


def money(job: Job) -> str:
    """Who pays for a job that became no clip, in a sentence."""
    held = f"{credits_text(job.estimate)} credits"
    if job.state == State.IN_DOUBT:
        return f"{held} stay held: about the most it can cost. If it was not made, they return." if job.estimate else "Nothing is held for it."
    if job.charged:
        about, silent = ("About ", " and does not say how much") if job.charge_is_estimate else ("", "")
        return f"{about}{credits_text(job.charged)} credits were spent: {provider_of(job)} charges for the try{silent}."
    if job.cause in {Cause.EXPIRED, Cause.DOWNLOAD_FAILED, Cause.OUR_FAULT, Cause.WRITTEN_OFF}:
        return f"The house pays; your {held} were returned."
    return f"Nothing was charged; {held} were returned." if job.estimate else "Nothing was charged."


def time_left(elapsed: float, usual: float) -> str:
    """For a provider that reports progress: about how long it will still take, by its usual time."""
    left = usual - elapsed
    return f"about {duration(left)} left" if left >= 1 else f"longer than usual, {duration(elapsed)} so far"


def time_so_far(elapsed: float, usual: float) -> str:
    """For a provider that reports no progress: the usual time and the time since it was accepted."""
    return f"usually {duration(usual)}, {duration(elapsed)} so far"


def duration(seconds: float) -> str:
    """94 → "1 min 34 s"."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes and rest else f"{minutes} min" if minutes else f"{rest} s"


def _rendering(job: Job, *, now: datetime, usual: float, since: datetime) -> Said:
    elapsed = max(0.0, (now - since).total_seconds())
    if job.progress is None:
        share, words = min(ALMOST, elapsed / max(usual, 1.0)), time_so_far(elapsed, usual)
    else:
        share, words = job.progress / 100, time_left(elapsed, usual)
    return Said(phase="Rendering", detail=job.message or words, share=share, percent=job.progress, elapsed=elapsed, usual=usual)
