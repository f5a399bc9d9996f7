"""AceData Cloud: always asked asynchronously, read through its task list. Facts from docs.acedata.cloud and AceDataCloud's public repositories.

Without `async` the submission would hang until the video is ready, and our own timeout would lose the id of a paid job.
A task has no status of its own: it runs until it holds a `response`, and that response may hold a failure. A body may be x-ndjson, several objects
one after the other; what stands in which of them is not documented, so the last one that has the fields counts.

    ""           the current specification: five models with the upstream in their names, 1080p, up to 30 s
    "interim"    a guide in between: the names without the upstream
    "v1"         the first specification: two models, 480p and 720p, up to 15 s
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import ClassVar

import httpx

from studio.providers import reading
from studio.providers.contract import (
    ASPECT_RATIOS,
    Brief,
    Capability,
    Cause,
    Dialect,
    FindFlow,
    Flow,
    Found,
    Listing,
    ManyFlow,
    NotNow,
    Operation,
    Phase,
    ProviderError,
    Refused,
    Report,
    insist_on,
)

NAME = "AceData"
BASE_URL = "https://api.acedata.cloud"
KEY_HINT = "The API token from platform.acedata.cloud"
USAGE_UNIT = ""  # neither endpoint returns a cost: the price book says what it cost
MOST_PAGES = 20  # of the list, each of MOST_AT_ONCE tasks, that one search reads
LONGEST_QUEUE = timedelta(minutes=30)  # between a submission and the beginning of its task
MOST_AT_ONCE = 50  # ids in one question; the vendor's own recommendation [AceDataCloud/MCPs]
DEFAULT_SECONDS = 6  # the current default (it was 8); sent all the same, because the length decides the price

# The vendor's own UI allows 6 to 30 s for the fast model and 1 to 15 s for the others, and up to four references [AceDataCloud/Nexior].
# 1080p stands in the schema for all; xAI makes it with 1.5 alone. The suffix names the upstream: a reverse-engineered or the official one, which
# bills what content review refuses, while other failures are free [AceDataCloud/APIs grok/docs @77a7991; Skills].
CAPABILITIES = (
    Capability(
        model="grok-imagine-video-1.5-fast:reverse",
        label="Grok Imagine 1.5 fast",
        aspect_ratios=ASPECT_RATIOS,
        durations=(6, 30),
        resolutions=("480p", "720p", "1080p"),
        images=(0, 4),
        callbacks=True,
    ),
    Capability(
        model="grok-imagine-video:reverse",
        label="Grok Imagine (reverse)",
        aspect_ratios=ASPECT_RATIOS,
        durations=(1, 15),
        resolutions=("480p", "720p"),
        images=(0, 4),
        callbacks=True,
    ),
    Capability(
        model="grok-imagine-video:official",
        label="Grok Imagine (official)",
        aspect_ratios=ASPECT_RATIOS,
        durations=(1, 15),
        resolutions=("480p", "720p"),
        images=(0, 4),
        callbacks=True,
        charges_refusals=True,
    ),
    Capability(
        model="grok-imagine-video-1.5:official",
        label="Grok Imagine 1.5 (official)",
        aspect_ratios=ASPECT_RATIOS,
        durations=(1, 15),
        resolutions=("480p", "720p", "1080p"),
        images=(1, 1),
        callbacks=True,
        charges_refusals=True,
    ),
    Capability(
        model="grok-imagine-video",
        label="Grok Imagine",
        aspect_ratios=ASPECT_RATIOS,
        durations=(1, 15),
        resolutions=("480p", "720p"),
        images=(0, 4),
        callbacks=True,
    ),
)
# What the interim names can do is inferred from the current ones.
_FAST, _, _, _WITH_IMAGE, _PLAIN = CAPABILITIES
CAPABILITIES_INTERIM = (
    replace(_FAST, model="grok-imagine-video-1.5-fast"),
    replace(_WITH_IMAGE, model="grok-imagine-video-1.5", label="Grok Imagine 1.5", charges_refusals=False),
)
CAPABILITIES_V1 = (
    _PLAIN,
    replace(
        _WITH_IMAGE, model="grok-imagine-video-1.5-preview", label="Grok Imagine 1.5 preview", resolutions=("480p", "720p"), charges_refusals=False
    ),
)
NEEDS_IMAGE_URL = frozenset({"grok-imagine-video-1.5:official", "grok-imagine-video-1.5", "grok-imagine-video-1.5-preview"})

# `state` of each video inside a response.
PHASES = {
    "pending": Phase.RUNNING,
    "succeeded": Phase.SUCCEEDED,
    "failed": Phase.FAILED,
}

# `error.code`, in HTTP errors and in the results of tasks [docs responses.mdx, OpenAPI grok.json]. HTTP statuses are not used: `no_token` is a 400,
# and `token_mismatched` a 400 on one page and a 401 on another.
CAUSES = {
    "no_token": Cause.WRONG_KEY,
    "token_mismatched": Cause.WRONG_KEY,
    "invalid_token": Cause.WRONG_KEY,
    "token_expired": Cause.WRONG_KEY,
    "disabled": Cause.WRONG_KEY,
    "used_up": Cause.OUT_OF_BALANCE,
    "forbidden": Cause.MODERATED,
    "bad_request": Cause.INPUT_REFUSED,
    "content_too_large": Cause.INPUT_REFUSED,
    "api_not_implemented": Cause.INPUT_REFUSED,
    "no_api": Cause.INPUT_REFUSED,
}
CAUSES_BY_STATUS = {401: Cause.WRONG_KEY, 402: Cause.OUT_OF_BALANCE}  # for a body that names no code
ECHOED = ("prompt", "model", "duration", "resolution", "aspect_ratio")  # fields by which a task in the list is known again
FOR_NOW = frozenset(map(reading.plain_word, ("too_many_requests", "busy")))


@dataclass(frozen=True, slots=True, kw_only=True)
class AceData:
    """One access to AceData Cloud."""

    most_at_once: ClassVar[int] = MOST_AT_ONCE
    key: str = field(repr=False)
    base_url: str = BASE_URL

    def submit(self, brief: Brief, *, callback_url: str = "", reference: str = "") -> Flow:  # noqa: ARG002 - no field carries a reference
        """Ask for a video. `callback_url` hears the end of the task; calls are unsigned, so they are only a hint."""
        insist_on(brief, Operation.GENERATE, name=NAME)
        answer = yield httpx.Request("POST", f"{self.base_url}/grok/videos", headers=self._headers(), json=_wanted(brief, callback_url))
        return _accepted(answer)

    def check(self, remote_id: str) -> Flow:
        """Ask how the task stands."""
        answer = yield self._question({"id": remote_id, "action": "retrieve"})
        return _standing(answer, remote_id)

    def check_many(self, remote_ids: Sequence[str]) -> ManyFlow:
        """Ask how several tasks stand. They come in any order, others may be among them, and what `count` says is not believed."""
        answer = yield self._question({"ids": list(remote_ids), "action": "retrieve_batch"})
        tasks = {_id(task): task for task in _items(answer)}
        return {remote_id: _told(tasks[remote_id], remote_id) for remote_id in remote_ids if remote_id in tasks}

    def find(self, brief: Brief, *, since: datetime, until: datetime) -> FindFlow:
        """The tasks of a time that were asked for with this brief, page by page until one is short, or older than that time.

        The limits of time and the offset are not documented (the vendor's own web app sends them), so the times in the answer decide, and a list that
        begins again from its top is not read twice.
        """
        span = {"created_at_min": since.timestamp(), "created_at_max": until.timestamp()}
        tasks: list[dict[str, reading.Json]] = []
        for page in range(1, MOST_PAGES + 1):
            offset = {"offset": len(tasks)} if tasks else {}
            answer = yield self._question({"action": "retrieve_batch", **span, "limit": MOST_AT_ONCE, **offset})
            items = _items(answer)
            is_new = not {_id(task) for task in items} <= {_id(task) for task in tasks}
            tasks += items if is_new else []
            is_whole = len(items) < MOST_AT_ONCE or _all_older(items, since)
            if is_whole or not is_new or page == MOST_PAGES:
                break
        found = (_found(task, brief, since, until) for task in tasks)
        return Listing(found=tuple(task for task in found if task), read=len(tasks), requests=page, is_whole=is_whole)

    def _question(self, asked: dict[str, str | float | list[str]]) -> httpx.Request:
        return httpx.Request("POST", f"{self.base_url}/grok/tasks", headers=self._headers(), json=asked)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}", "Accept": "application/json"}


def _wanted(brief: Brief, callback_url: str) -> dict[str, str | int | list[str]]:
    """The body of POST /grok/videos. One image is the picture to animate, several are references, unless the model insists on `image_url`."""
    first = brief.images[:1] if len(brief.images) == 1 or brief.model in NEEDS_IMAGE_URL else ()
    wanted: dict[str, str | int | list[str]] = {
        "prompt": brief.prompt,
        "model": brief.model,
        "image_url": "".join(first),
        "reference_image_urls": list(brief.images[len(first) :]),
        "aspect_ratio": brief.aspect_ratio,
        "resolution": brief.resolution,
        "duration": brief.duration or DEFAULT_SECONDS,
        "callback_url": callback_url,
        "async": True,
    }
    return {name: value for name, value in wanted.items() if value}


def _accepted(answer: httpx.Response) -> Report:
    """The report of a submission: `{"task_id"}` or `{"success":true,"task_id"}`, both are documented."""
    body = reading.last_fields(answer, "task_id", "error")
    code, said = _error(body)
    remote_id = reading.identifier(body.get("task_id"))
    if answer.is_success and remote_id:
        return Report(phase=Phase.QUEUED, remote_id=remote_id)
    cause = _cause(code, said) or CAUSES_BY_STATUS.get(answer.status_code)
    if reading.plain_word(code) in FOR_NOW and not answer.is_server_error:
        raise NotNow(f"{NAME}: {said or code}", retry_after=reading.retry_after(answer.headers))
    if answer.is_success and cause:
        raise Refused(f"{NAME}: {said or code}", cause=cause)
    raise reading.turned_away(answer, name=NAME, said=said or code, cause=cause or Cause.INPUT_REFUSED)


def _standing(answer: httpx.Response, remote_id: str) -> Report:
    """The report of POST /grok/tasks about one task. An id that it does not know is answered with a bare `null`."""
    task = reading.last_fields(answer, "response", "id")
    if not answer.is_success or not (task.get("id") or task.get("response")):
        raise _no_verdict(answer, task)
    reading.same_job(task.get("id"), remote_id, name=NAME)
    return _told(task, remote_id)


def _items(answer: httpx.Response) -> list[dict[str, reading.Json]]:
    """The tasks in a batch answer."""
    body = reading.last_fields(answer, "items")
    items = body.get("items")
    if not answer.is_success or not isinstance(items, list):
        raise _no_verdict(answer, body)
    return [reading.inside(item) for item in items]


def _no_verdict(answer: httpx.Response, body: dict[str, reading.Json]) -> ProviderError:
    """The error for an answer that speaks of no task."""
    code, said = _error(body)
    if answer.is_success and answer.content.strip() == b"null":
        return NotNow(f"{NAME} does not know this task, or not yet.")
    return reading.no_verdict(answer, name=NAME, said=said or code, cause=_cause(code, said) or CAUSES_BY_STATUS.get(answer.status_code))


def _id(task: dict[str, reading.Json]) -> str:
    return reading.identifier(task.get("id"))


def _all_older(items: list[dict[str, reading.Json]], since: datetime) -> bool:
    """Whether a list that ignores the limits of time, newest first, has left the time behind."""
    return all((made := reading.moment(task.get("created_at"))) is not None and made < since for task in items)


def _found(task: dict[str, reading.Json], brief: Brief, since: datetime, until: datetime) -> Found | None:
    """A task of the list, if its echo of our request is what we send for this brief; the address of its callback tells the rest.

    The newest page of documents shows a task without `created_at`: then it is known by when it began, which may be long after it was asked for.
    """
    echo, wanted, remote_id = reading.inside(task.get("request")), _wanted(brief, ""), _id(task)
    created_at, started_at = reading.moment(task.get("created_at")), reading.moment(task.get("started_at"))
    made_at, latest = (created_at, until) if created_at else (started_at, until + LONGEST_QUEUE)
    same = all(echo.get(name) in ((str(wanted[name]),) if name in wanted else (None, "")) for name in ECHOED)
    if not (same and remote_id and made_at and since <= made_at <= latest):
        return None
    return Found(remote_id, made_at, reading.text(echo.get("callback_url"), longest=reading.LONGEST_LINK))


def _told(task: dict[str, reading.Json], remote_id: str) -> Report:
    """The report of one task, with the callback address that its echo of our request repeats."""
    asked_with = reading.text(reading.inside(task.get("request")).get("callback_url"), longest=reading.LONGEST_LINK)
    return replace(_verdict(task, remote_id), callback_url=asked_with)


def _verdict(task: dict[str, reading.Json], remote_id: str) -> Report:
    """How one task stands."""
    response = reading.inside(task.get("response"))
    if not response:
        ended = task.get("finished_at") or task.get("response")
        alert = f"{NAME} says that the task is finished, but gives no response that can be read." if ended else ""
        return replace(reading.still_running(remote_id, alert=alert), seems_over=bool(ended))
    if response.get("success") is False or response.get("error"):
        code, said = _error(response)
        return Report(phase=Phase.FAILED, remote_id=remote_id, cause=_cause(code, said) or Cause.PROVIDER_FAILED, message=said or code)
    return _made(reading.listed(response.get("data")), remote_id)


def _made(items: list[reading.Json], remote_id: str) -> Report:
    """The report of the videos in a response. `success: true` above them promises nothing: each has a state of its own."""
    videos = [reading.inside(item) for item in items]
    states = [_state(video) for video in videos]
    if not states or None in states or not {Phase.SUCCEEDED, Phase.FAILED}.issuperset(states):
        return _not_over(videos, states, remote_id)
    made = [video for video, state in zip(videos, states, strict=True) if state is Phase.SUCCEEDED]
    if not made:
        code, said = next((error for error in map(_error, videos) if any(error)), ("", ""))
        return Report(phase=Phase.FAILED, remote_id=remote_id, cause=_cause(code, said) or Cause.PROVIDER_FAILED, message=said or code)
    urls = _urls(made)
    report = reading.standing(Phase.SUCCEEDED, remote_id, name=NAME, word="succeeded", videos=urls)
    strange = [word for video in made if (word := reading.text(video.get("state"))) and reading.phase_of(word, PHASES) is None]
    if urls and (strange or len(urls) < len(videos)):
        alert = reading.unknown_word(NAME, strange[0]) if strange else f"{NAME} made {len(urls)} of {len(videos)} videos."
        return replace(report, alert=alert)
    return report


def _not_over(videos: list[dict[str, reading.Json]], states: list[Phase | None], remote_id: str) -> Report:
    """The report of videos of which one runs, or is in a state that nobody knows, or of none at all."""
    if not states:
        return reading.standing(Phase.SUCCEEDED, remote_id, name=NAME, word="success", videos=())
    unknown = "".join(reading.text(video.get("state")) for video, state in zip(videos, states, strict=True) if state is None)
    if None in states:
        return reading.still_running(remote_id, alert=reading.unknown_word(NAME, unknown))
    return reading.standing(Phase.RUNNING, remote_id, name=NAME, word="pending", videos=_urls(videos) if len(videos) == 1 else ())


def _urls(videos: list[dict[str, reading.Json]]) -> tuple[str, ...]:
    return tuple(url for video in videos[: reading.MOST_LINKS] for url in reading.links(video.get("video_url")))


def _state(video: dict[str, reading.Json]) -> Phase | None:
    """Where one video stands; one with an address and no state, or one that nobody knows, is there."""
    state = reading.phase_of(reading.text(video.get("state")), PHASES)
    return Phase.SUCCEEDED if state is None and reading.links(video.get("video_url")) else state


def _error(body: dict[str, reading.Json]) -> tuple[str, str]:
    """Code and words of `error`, which is an object, and sometimes a bare string."""
    error = body.get("error")
    if isinstance(error, str):
        return "", reading.text(error)
    return reading.text(reading.inside(error).get("code")), reading.text(reading.inside(error).get("message"))


def _cause(code: str, said: str) -> Cause | None:
    """Why, as far as words or code tell. The filter's words first: an upstream refusal arrives as a plain `api_error`."""
    return reading.cause_in(said, {}) or reading.by_word(code, CAUSES)


DIALECTS = (
    Dialect(key="", label="Current specification: five models, 1080p, up to 30 s", access=AceData, capabilities=CAPABILITIES, usage_unit=USAGE_UNIT),
    Dialect(
        key="interim",
        label="Guide in between: names without an upstream",
        access=AceData,
        capabilities=CAPABILITIES_INTERIM,
        usage_unit=USAGE_UNIT,
    ),
    Dialect(key="v1", label="First specification: two models, 720p, up to 15 s", access=AceData, capabilities=CAPABILITIES_V1, usage_unit=USAGE_UNIT),
)
