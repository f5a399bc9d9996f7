"""What a card says about a job: the words, the figures and the picture for each state. Pure; knows no database and no clock of its own.

Two rules stand above the rest. A number that the provider did not give is never shown as one. Money is held, spent, returned or in doubt, and a
card that ended badly says who pays.
"""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from studio.credits.figures import credits_text
from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt, Cause, Clip, Job, Reference
from studio.providers.registry import PROVIDERS

IN_FLIGHT = frozenset({State.QUEUED, State.SENDING, State.RENDERING, State.SAVING})
NEEDS_YOU = frozenset({State.FAILED, State.IN_DOUBT})
ALMOST = 0.95  # how far a playhead goes on the usual time alone
NEAR = 0.8  # of the usual time: from here on a change may come any second
FRONT = 12  # places in line that are counted; their cards follow every change of the board
UPRIGHT = 1.25  # width to height: below it a clip is shown whole over its own blur
EDIT, AGAIN = "Edit prompt", "Order again"

# cause -> what happened, why in our words ({said}: the provider's or our own message), and what one can do
CAUSES: dict[str, tuple[str, str, str]] = {
    Cause.INPUT_REFUSED: ("Refused by {name}", "{said}", EDIT),
    Cause.MODERATED: ("Refused by the model’s filter", "{said} Other words may pass.", EDIT),
    Cause.PROVIDER_FAILED: ("{name} could not make it", "{said}", AGAIN),
    Cause.WRONG_KEY: ("{name} refused our key", "{said} An admin can enter it again under Connections.", AGAIN),
    Cause.OUT_OF_BALANCE: ("{name} is out of balance", "The team’s account there is used up. {said} An admin can fill it.", AGAIN),
    Cause.EXPIRED: ("{name}’s link has expired", "It was made, and could not be copied in time. {said}", AGAIN),
    Cause.DOWNLOAD_FAILED: ("The clip could not be saved", "It was made, and its file could not be copied. {said}", AGAIN),
    Cause.UNANSWERED: ("In doubt", "Sent, but {name} did not answer. To avoid paying twice we have not sent it again.", ""),
    Cause.OVERDUE: ("In doubt", "Accepted by {name}, and not finished in any usual time. We do not send it again, to avoid paying twice.", ""),
    Cause.OUR_FAULT: ("Something went wrong here", "The fault is ours. {said}", AGAIN),
}
THEIR_WORDS = {Cause.MODERATED, Cause.PROVIDER_FAILED, Cause.OUT_OF_BALANCE}


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a job did not become a clip: what, why, who pays, and the button that puts its brief back (empty: nothing to do for its author)."""

    title: str
    text: str
    money: str
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A card's words. `share` is where its playhead stands (0 to 1); `percent` only as the provider reported it.

    `elapsed` and `usual` are seconds, for words that tick on in the browser; None where nothing ticks.
    """

    phase: str = ""
    detail: str = ""
    share: float = 0.0
    percent: int | None = None
    elapsed: float | None = None
    usual: float | None = None
    trouble: Trouble | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One job as a board shows it. `clips` are the saved ones, `picture` its first reference image that we keep."""

    job: Job
    said: Said
    provider: str
    cost: str
    clips: tuple[Clip, ...] = ()
    picture: Reference | None = None
    may_make: bool = False
    may_cancel: bool = False

    @property
    def state(self) -> str:
        """The job's state."""
        return self.job.state

    @property
    def is_near(self) -> bool:
        """Whether a change may come any second."""
        if self.job.state in {State.SENDING, State.SAVING}:
            return True
        return self.said.elapsed is not None and self.said.elapsed >= NEAR * (self.said.usual or 0)

    @property
    def is_in_flight(self) -> bool:
        """Whether it is on its way."""
        return self.job.state in IN_FLIGHT

    @property
    def is_held_up(self) -> bool:
        """Whether a queued job waits for more than its turn."""
        return self.said.phase in {"Waiting", "Paused"}

    @property
    def p(self) -> str:
        """Where the playhead stands, as CSS writes it."""
        return f"{self.said.share:.3f}"

    @property
    def clip(self) -> Clip | None:
        """The first clip."""
        return self.clips[0] if self.clips else None

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
    def hue(self) -> int:
        """A colour of its own, 0 to 359 degrees, for a frame that has no picture yet."""
        return (self.job.number * 47 + sum(map(ord, self.job.prompt[:40]))) % 360


def provider_of(job: Job) -> str:
    """The provider's name for people."""
    kind = PROVIDERS.get(job.connection.provider)
    return kind.name if kind else job.connection.provider


def said(job: Job, *, now: datetime, usual: float, place: int = 0, attempt: Attempt | None = None) -> Said:
    """The words for a job as it stands. `usual` is in seconds; `place` in its connection's line counts from 1, and is 0 where it is not known."""
    match State(job.state):
        case State.QUEUED:
            return _queued(job, now=now, place=place)
        case State.SENDING:
            return Said(phase="Sending", detail=f"{credits_text(job.estimate)} credits held" if job.estimate else "price not known")
        case State.RENDERING:
            return _rendering(job, now=now, usual=usual, since=(attempt.accepted_at if attempt else None) or job.created_at)
        case State.SAVING:
            return Said(phase="Saving", detail=job.message or "copying it into our own storage", share=ALMOST)
        case State.FAILED | State.IN_DOUBT:
            return Said(trouble=trouble(job))
        case State.DONE | State.CANCELLED:
            return Said(detail=job.message)


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
    message = _sentence(job.message)
    words = f"{name} says: {message.removeprefix(f'{name}: ')}" if message and job.cause in THEIR_WORDS else message
    spoken = " ".join(text.format(name=name, said=words).split())
    return Trouble(title.format(name=name), spoken, money(job), action)


def money(job: Job) -> str:
    """Who pays for a job that became no clip, in a sentence."""
    held = f"{credits_text(job.estimate)} credits"
    if job.state == State.IN_DOUBT:
        return f"{held} stay on hold." if job.estimate else "Nothing is held for it."
    if job.charged:
        return f"{credits_text(job.charged)} credits were spent: {provider_of(job)} charges for the try."
    if job.cause in {Cause.EXPIRED, Cause.DOWNLOAD_FAILED, Cause.OUR_FAULT}:
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


def _queued(job: Job, *, now: datetime, place: int) -> Said:
    if not job.connection.enabled:
        reason = _sentence(job.connection.paused_reason)
        return Said(phase="Paused", detail=" ".join(f"{job.connection.label} is switched off. {reason}".split()))
    if job.cause == Cause.NOT_NOW and job.due and job.due > now:
        return Said(phase="Waiting", detail=f"{provider_of(job)} asked us to wait. Tries again at {timezone.localtime(job.due):%H:%M:%S}.")
    if job.cause and job.cause != Cause.NOT_NOW:
        return Said(phase="Waiting", detail=_sentence(job.message))
    if place > 1:
        before = f"about {place - 1}" if place <= FRONT else "many"
        return Said(phase="In line", detail=f"{before} before it at {job.connection.label}")
    return Said(phase="Next in line", detail=f"when {job.connection.label} has room")


def _rendering(job: Job, *, now: datetime, usual: float, since: datetime) -> Said:
    elapsed = max(0.0, (now - since).total_seconds())
    if job.progress is None:
        share, words = min(ALMOST, elapsed / max(usual, 1.0)), time_so_far(elapsed, usual)
    else:
        share, words = job.progress / 100, time_left(elapsed, usual)
    return Said(phase="Rendering", detail=job.message or words, share=share, percent=job.progress, elapsed=elapsed, usual=usual)


def _sentence(message: str) -> str:
    """A message that ends as a sentence does."""
    text = message.strip()
    return text if not text or text[-1] in ".!?…”\"'" else f"{text}."
