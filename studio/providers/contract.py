"""What every provider is asked and what every provider answers.

Plain Python: knows no Django, no database and no socket. A provider is a frozen dataclass of pure flows (see README.md here):

    submit(brief, callback_url) ─┐ yield httpx.Request ──> wire.py ──> provider
    check(remote_id)            ─┘ sent  httpx.Response <──  …    <──
                                   return Report, or raise a ProviderError

    ProviderError          sorted by what to do next
    ├── Refused            a clear no: never send this again
    ├── NotNow             it certainly did nothing: ask again later
    ├── Unanswered         it may have acted: never repeat a paid call
    │   └── Unreadable     it answered, we do not understand: as Unanswered, and tell the operator
    └── Forged             a callback that the provider did not send
"""

from collections.abc import Generator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import httpx

ASPECT_RATIOS = ("16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3")
RESOLUTIONS = ("480p", "720p", "1080p")


class Phase(StrEnum):
    """Where a remote job stands, in our words."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Cause(StrEnum):
    """Why something ended badly: decides who pays and what a card offers next."""

    INPUT_REFUSED = "input_refused"  # the brief cannot be done there: change it
    MODERATED = "moderated"  # the model's filter: final, and never the provider's ill health
    PROVIDER_FAILED = "provider_failed"
    WRONG_KEY = "wrong_key"  # our key is refused: an admin's matter
    OUT_OF_BALANCE = "out_of_balance"  # our balance *at the provider* is used up: an admin's matter
    EXPIRED = "expired"  # it was made, and its link is gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """What a person wants, as a provider is asked for it.

    `duration` is whole seconds. None, or an empty string, means that the provider has no such option or its own default holds.
    `images` are public https URLs or `data:` URLs, in order.
    """

    prompt: str
    aspect_ratio: str = ""
    duration: int | None = None
    resolution: str = ""
    model: str = ""
    mode: str = ""
    images: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """Reported usage: the figure exactly as the provider wrote it, and its unit (`quota`, `consumed_credits`, `cost_in_usd_ticks`)."""

    amount: str
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One answer, read.

    A submit's report always has a `remote_id`. `progress` is 0 to 100 where the provider gives one, never our guess. `videos` are URLs, one or more
    when SUCCEEDED. `cause` and `message` (the provider's own words) say why when FAILED. `alert` is set when the answer held something that no
    document knows, for the operator.
    """

    phase: Phase
    remote_id: str = ""
    progress: int | None = None
    videos: tuple[str, ...] = ()
    usage: Usage | None = None
    cause: Cause | None = None
    message: str = ""
    alert: str = ""


class ProviderError(Exception):
    """The base of the tree above. `message` is for people; `answer` is the raw body (bounded, never a key) for the attempt's record."""

    def __init__(self, message: str, *, answer: str = "") -> None:
        """Keep what to tell people apart from what to record."""
        super().__init__(message)
        self.message = message
        self.answer = answer


class Refused(ProviderError):
    """A clear no. While submitting nothing was made, unless `usage` says that it was charged all the same."""

    def __init__(self, message: str, *, cause: Cause, usage: Usage | None = None, answer: str = "") -> None:
        """Add who is at fault and what it cost."""
        super().__init__(message, answer=answer)
        self.cause = cause
        self.usage = usage


class NotNow(ProviderError):
    """It certainly did nothing. Ask again after `retry_after` seconds, or when we see fit if that is None."""

    def __init__(self, message: str, *, retry_after: float | None = None, answer: str = "") -> None:
        """Add when to ask again."""
        super().__init__(message, answer=answer)
        self.retry_after = retry_after


class Unanswered(ProviderError):
    """It may have acted. A paid call is never repeated after this."""


class Unreadable(Unanswered):
    """It answered something that no document explains."""


class Forged(ProviderError):
    """A callback that the provider did not send."""


Flow = Generator[httpx.Request, httpx.Response, Report]


class Provider(Protocol):
    """What each provider file offers. `key` and `base_url` (no trailing slash) come from the connection."""

    @property
    def key(self) -> str:
        """The API key."""

    @property
    def base_url(self) -> str:
        """Scheme, host and path prefix, without a trailing slash."""

    def submit(self, brief: Brief, *, callback_url: str = "") -> Flow:
        """Ask for a video. Paid: the driver sends it once."""

    def check(self, remote_id: str) -> Flow:
        """Ask how the job stands. Free: may be repeated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """What one model (or mode) of a provider can do, with the source of the fact in the provider's file.

    Empty `aspect_ratios` or `resolutions`, or `durations` of None, mean that the provider has no such option.
    """

    model: str
    label: str
    modes: tuple[str, ...] = ()
    aspect_ratios: tuple[str, ...] = ()
    durations: tuple[int, int] | None = None  # shortest and longest, whole seconds
    resolutions: tuple[str, ...] = ()
    images: tuple[int, int] = (0, 0)  # fewest and most reference images
    longest_with_references: int | None = None  # seconds, where several images shorten the longest duration
    data_urls: bool = False  # images may travel inside the request; otherwise they need an address that the provider can reach
    prompt_limit: int | None = None  # characters; None where no document gives one
    callbacks: bool = False
    usual_seconds: int = 90  # a sensible prior for how long a job takes, until this installation has its own history


def why_not(can: Capability, brief: Brief) -> dict[str, str]:
    """Every reason why this model cannot do this brief, by the brief's field; empty when it can."""
    reasons: dict[str, str] = {}
    if can.prompt_limit is not None and len(brief.prompt) > can.prompt_limit:
        reasons["prompt"] = f"{can.label} takes at most {can.prompt_limit:,} characters; this has {len(brief.prompt):,}."
    if can.aspect_ratios and brief.aspect_ratio not in can.aspect_ratios:
        reasons["aspect_ratio"] = f"{can.label} makes {_listed(can.aspect_ratios)}, not {brief.aspect_ratio or 'an unnamed ratio'}."
    if wanted := _duration_wanted(can, brief):
        reasons["duration"] = wanted
    if can.resolutions and brief.resolution not in can.resolutions:
        reasons["resolution"] = f"{can.label} makes {_listed(can.resolutions)}, not {brief.resolution or 'an unnamed resolution'}."
    if can.modes and brief.mode not in can.modes:
        reasons["mode"] = f"{can.label} knows the modes {_listed(can.modes)}, not {brief.mode or 'an empty one'}."
    fewest, most = can.images
    if not fewest <= len(brief.images) <= most:
        reasons["images"] = _images_wanted(can, len(brief.images))
    elif not can.data_urls and any(image.startswith("data:") for image in brief.images):
        reasons["images"] = f"{can.label} fetches reference images itself, and this installation has no public address to fetch them from."
    return reasons


def _duration_wanted(can: Capability, brief: Brief) -> str:
    """The sentence that says how long a model can make it; "" when the brief's length is one of those."""
    given, longest = brief.duration or 0, can.longest_with_references
    if can.durations and not can.durations[0] <= given <= can.durations[1]:
        return f"{can.label} makes {can.durations[0]} to {can.durations[1]} s, not {given} s."
    if longest and len(brief.images) > 1 and given > longest:
        return f"{can.label} makes at most {longest} s from several reference images, not {given} s."
    return ""


def _images_wanted(can: Capability, given: int) -> str:
    """The sentence that says how many reference images a model takes."""
    fewest, most = can.images
    if most == 0:
        return f"{can.label} takes no reference images; this has {given}."
    if fewest == most:
        return f"{can.label} needs exactly {fewest} reference image{'s' if fewest > 1 else ''}; this has {given}."
    if given < fewest:
        return f"{can.label} needs at least {fewest} reference image{'s' if fewest > 1 else ''}; this has {given}."
    return f"{can.label} takes at most {most} reference image{'s' if most > 1 else ''}; this has {given}."


def _listed(words: tuple[str, ...]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
