"""What every provider is asked and what every provider answers.

Plain Python: knows no Django, no database and no socket. A provider is a frozen dataclass of pure flows (see README.md here):

    submit(brief, callback_url, reference) ─┐ yield httpx.Request ──> wire.py ──> provider
    check(remote_id)                       ─┘ sent  httpx.Response <──  …    <──
                                              return Report, or raise a ProviderError

Some can do more, in the same way: `check_many` (Batches), `find` (Lists), `find_file` (StoresFiles), `balance` (TellsBalance).

    ProviderError          sorted by what to do next
    ├── Refused            a clear no: never send this again
    ├── NotNow             it certainly did nothing: ask again later
    │   └── Unreached      it was never reached: nothing left us
    ├── Unanswered         it may have acted: never repeat a paid call
    │   └── Unreadable     it answered, we do not understand: as Unanswered, and tell the operator
    │       └── AboutAnother   it answered about a job that is not ours
    └── Forged             a callback that the provider did not send
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

import httpx

ASPECT_RATIOS = ("16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3")
RESOLUTIONS = ("480p", "720p", "1080p")
KEPT_DAYS = 7  # for which a stored copy is asked for: as long as an order in doubt is looked for


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
    NOT_PERMITTED = "not_permitted"  # our account there may not do this, whatever the brief: another connection may, and an admin can ask for it


class Operation(StrEnum):
    """What is asked for: a new clip, a changed one, or more of one."""

    GENERATE = "generate"
    EDIT = "edit"
    EXTEND = "extend"


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """What a person wants, as a provider is asked for it.

    `duration` is whole seconds; of an extension it is the length of the added part. None, or an empty string, means that the provider has no such
    option or its own default holds. `images` are public https URLs or `data:` URLs, in order; `video` is one such URL of the clip to edit or extend,
    and `video_seconds` how long that clip is. `sound` is False for a clip without sound, None where the provider's own default holds.
    """

    prompt: str
    aspect_ratio: str = ""
    duration: int | None = None
    resolution: str = ""
    model: str = ""
    mode: str = ""
    images: tuple[str, ...] = ()
    operation: Operation = Operation.GENERATE
    video: str = ""
    video_seconds: float = 0.0
    sound: bool | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Reported usage: the figure exactly as the provider wrote it, and its unit (`quota`, `consumed_credits`, `cost_in_usd_ticks`)."""

    amount: str
    unit: str


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file in a provider's own file store: its id there, and the name that we had chosen for it."""

    file_id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One answer, read.

    A submit's report always has a `remote_id`. `progress` is 0 to 100 where the provider gives one, never our guess. `videos` are URLs, one or more
    when SUCCEEDED. `seems_over` is set where the job runs by its word and yet the answer names a clip, or where it is over by its word and the answer
    names none that we can read: it is looked at a few times more, not until its deadline. `stored` is the copy in the provider's file store. `cause` and `message` (the provider's own words) say why when FAILED. `alert` is set when the answer held something that no
    document knows, for the operator. `callback_url` is the one that the job was asked with, where the answer repeats it: it proves whose job it is.
    """

    phase: Phase
    remote_id: str = ""
    progress: int | None = None
    videos: tuple[str, ...] = ()
    usage: Usage | None = None
    cause: Cause | None = None
    message: str = ""
    alert: str = ""
    callback_url: str = ""
    seems_over: bool = False
    stored: StoredFile | None = None

    def taken_as_made(self) -> "Report":
        """The same for a job whose clips are named, as that of one that is through: whether they are clips is seen when they are downloaded."""
        return replace(self, phase=Phase.SUCCEEDED, seems_over=False)


@dataclass(frozen=True, slots=True)
class Found:
    """A job that a provider's own list shows. `created_at` is when it was made, or begun where the list says only that. `callback_url` is the one that the job was asked with, which names our attempt for certain; "" if the
    list does not show it, and then it only matches by its brief.
    """

    remote_id: str
    created_at: datetime
    callback_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What a provider's own list showed: the orders that may be ours, or the file that is; how many entries it named in how many answers, and whether
    all of the time was read.
    """

    found: tuple[Found, ...] = ()
    file: StoredFile | None = None
    read: int = 0
    requests: int = 1
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class Balance:
    """What is left at the provider, exactly as written, and its unit for people (`USD`, `credits`)."""

    amount: str
    unit: str


class ProviderError(Exception):
    """The base of the tree above. `message` is for people, `mend` what an operator can do about it, or ""; as a text it is both.

    `answer` is the raw body (bounded, never a key) for the attempt's record.
    """

    def __init__(self, message: str, *, answer: str = "", mend: str = "") -> None:
        """Keep what to tell people apart from what to record."""
        super().__init__(f"{message} {mend}".strip())
        self.message = message
        self.answer = answer
        self.mend = mend


class Refused(ProviderError):
    """A clear no. While submitting nothing was made, unless `usage` says that it was charged all the same."""

    def __init__(self, message: str, *, cause: Cause, usage: Usage | None = None, answer: str = "") -> None:
        """Add who is at fault and what it cost."""
        super().__init__(message, answer=answer)
        self.cause = cause
        self.usage = usage


class NotNow(ProviderError):
    """It certainly did nothing. Ask again after `retry_after` seconds, or when we see fit if that is None."""

    def __init__(self, message: str, *, retry_after: float | None = None, answer: str = "", mend: str = "") -> None:
        """Add when to ask again."""
        super().__init__(message, answer=answer, mend=mend)
        self.retry_after = retry_after


class Unreached(NotNow):
    """No connection was made, so nothing was sent. Who asked us to wait has answered; who is unreached may be ill."""


class Unanswered(ProviderError):
    """It may have acted. A paid call is never repeated after this."""


class Unreadable(Unanswered):
    """It answered something that no document explains."""


class AboutAnother(Unreadable):
    """It answered about another job than the one that was asked about: its clips and its costs are not ours."""


class Forged(ProviderError):
    """A callback that the provider did not send."""


Flow = Generator[httpx.Request, httpx.Response, Report]
ManyFlow = Generator[httpx.Request, httpx.Response, dict[str, Report]]
FindFlow = Generator[httpx.Request, httpx.Response, Listing]  # asks once for each page
DeleteFlow = Generator[httpx.Request, httpx.Response, None]
BalanceFlow = Generator[httpx.Request, httpx.Response, Balance]


class Provider(Protocol):
    """What each provider file offers. `key` and `base_url` (no trailing slash) come from the connection."""

    @property
    def key(self) -> str:
        """The API key."""

    @property
    def base_url(self) -> str:
        """Scheme, host and path prefix, without a trailing slash."""

    def submit(self, brief: Brief, *, callback_url: str = "", reference: str = "") -> Flow:
        """Ask for a video. Paid: the driver sends it once. `reference` is our own name for it, for providers with a field that can carry one."""

    def check(self, remote_id: str) -> Flow:
        """Ask how the job stands. Free: may be repeated."""


@runtime_checkable
class Batches(Provider, Protocol):
    """A provider that tells of many jobs in one answer."""

    @property
    def most_at_once(self) -> int:
        """How many jobs one question may name."""

    def check_many(self, remote_ids: Sequence[str]) -> ManyFlow:
        """Ask how several jobs stand, at most `most_at_once`. A job that the answer does not speak of is left out of the reports."""


@runtime_checkable
class Lists(Provider, Protocol):
    """A provider that lists its jobs, so that a submission whose answer was lost can be found again."""

    def find(self, brief: Brief, *, since: datetime, until: datetime) -> FindFlow:
        """The jobs made between two moments (UTC) that were asked for with this brief: as many pages of the list as there are, within reason."""


@runtime_checkable
class StoresFiles(Provider, Protocol):
    """A provider that keeps a copy of what it makes in a file store, under a name that we choose: so a lost submission is found by that name."""

    def storing(self, name: str) -> Provider:
        """The same access, which asks with each submission that its clip be kept under this name, for KEPT_DAYS and for nobody else."""

    def find_file(self, name: str, *, since: datetime) -> FindFlow:
        """The file of exactly this name, stored since then (UTC). Free."""

    def file_request(self, file_id: str) -> httpx.Request:
        """What to ask for a file's content. It carries the key."""

    def delete_file(self, file_id: str) -> DeleteFlow:
        """Delete a file; one that is not there counts as deleted. Free."""


@runtime_checkable
class TellsBalance(Provider, Protocol):
    """A provider that says what is left of our balance there."""

    def balance(self) -> BalanceFlow:
        """Ask what is left. Free."""


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
    resolutions_with_references: tuple[str, ...] = ()  # where several images leave fewer of them; empty for all
    data_urls: bool = False  # images may travel inside the request; otherwise they need an address that the provider can reach
    video_data_urls: bool = False  # the same for the clip to edit or extend
    prompt_limit: int | None = None  # characters; None where no document gives one
    callbacks: bool = False
    sound: bool = False  # whether a clip without sound can be asked for
    edits_up_to: float | None = None  # seconds of the longest clip that it edits; None where it edits none
    extends: tuple[int, int] | None = None  # shortest and longest part that it adds, whole seconds; None where it extends none
    extends_from: tuple[float, float] = (0.0, 0.0)  # shortest and longest clip that it extends, seconds as ordered: see fitting.py
    charges_refusals: bool = False  # whether it bills a result that its filter refused, though it reports no usage
    usual_seconds: int = 90  # a sensible prior for how long a job takes, until this installation has its own history


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One way in which a provider's documents describe it; an admin chooses it where the newest pages are not what the provider does.

    `key` is "" for the newest documents, `label` says for an admin which ones they are, `access` makes a Provider from `key` and `base_url`, and
    `usage_unit` is "" where nothing is reported.
    """

    key: str
    label: str
    access: Callable[..., Provider]
    capabilities: tuple[Capability, ...]
    usage_unit: str


def insist_on(brief: Brief, *operations: Operation, name: str) -> None:
    """Raise Refused for an operation that a provider does not have: it must never be paid for a new clip where a changed one was wanted."""
    if brief.operation not in operations:
        raise Refused(f"{name} cannot {brief.operation} clips.", cause=Cause.INPUT_REFUSED)
