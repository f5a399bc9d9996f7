"""TTAPI: Grok video as a queue of tasks. Facts from docs.ttapi.io (pages of March 2026 and newer); they disagree, so all spellings are read.

A submission may be turned down with HTTP 200 and status FAILED. Numbers travel as strings in both directions.
"""

from dataclasses import dataclass, field

import httpx

from studio.providers import reading
from studio.providers.contract import Brief, Capability, Cause, Flow, NotNow, Phase, Refused, Report

NAME = "TTAPI"
BASE_URL = "https://api.ttapi.io"  # https://api.ttapi.org is the same, nearer to some
KEY_HINT = "The TT-API-KEY from the TTAPI dashboard"
USAGE_UNIT = "quota"  # 100 quota = 1 USD [docs billing]
DEFAULT_SECONDS = 10  # documented; sent all the same, because the length decides the price
QUEUE_FULL = 499  # "queue exhausted": too many of our tasks at once [docs response codes]

# The newest page lists both models; older pages have neither the field nor 480p. No page gives a greatest number of images:
# seven is the limit of the model behind it (xAI).
CAPABILITIES = (
    Capability(
        model="grok-imagine-1.0-video",
        label="Grok Imagine 1.0",
        aspect_ratios=("16:9", "9:16", "1:1", "3:2", "2:3"),
        durations=(1, 30),
        resolutions=("480p", "720p"),
        images=(0, 7),
        callbacks=True,
    ),
    Capability(
        model="grok-imagine-video-1.5-preview",
        label="Grok Imagine 1.5 preview",
        aspect_ratios=("16:9", "9:16", "1:1", "3:2", "2:3"),
        durations=(1, 15),
        resolutions=("480p", "720p"),
        images=(1, 1),
        callbacks=True,
    ),
)

PHASES = {
    "PENDING_QUEUE": Phase.QUEUED,
    "ON_QUEUE": Phase.RUNNING,
    "SUCCESS": Phase.SUCCEEDED,
    "FAILED": Phase.FAILED,
}

# 403 is "account blocked" on an older status page.
CAUSES_BY_STATUS = {401: Cause.WRONG_KEY, 402: Cause.OUT_OF_BALANCE, 403: Cause.WRONG_KEY}
CAUSES_BY_WORDS = {
    "wrong tt-api-key": Cause.WRONG_KEY,
    "insufficient quota": Cause.OUT_OF_BALANCE,
    "insufficient balance": Cause.OUT_OF_BALANCE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TTAPI:
    """One access to TTAPI."""

    key: str = field(repr=False)
    base_url: str = BASE_URL

    def submit(self, brief: Brief, *, callback_url: str = "") -> Flow:
        """Ask for a video. `callback_url` hears the end of the job; the body it is sent is unsigned, so it is only a hint."""
        answer = yield httpx.Request("POST", f"{self.base_url}/grok/generations", headers=self._headers(), json=_wanted(brief, callback_url))
        return _accepted(answer)

    def check(self, remote_id: str) -> Flow:
        """Ask how the job stands. The id goes into the query: an old page puts it into a body, which proxies drop from a GET."""
        answer = yield httpx.Request("GET", f"{self.base_url}/grok/fetch", headers=self._headers(), params={"jobId": remote_id})
        return _standing(answer, remote_id)

    def _headers(self) -> dict[str, str]:
        return {"TT-API-KEY": self.key, "Accept": "application/json"}


def _wanted(brief: Brief, callback_url: str) -> dict[str, str | list[str]]:
    """The body of POST /grok/generations. `video_length` is a string of seconds; whether a number is taken is not documented."""
    wanted: dict[str, str | list[str]] = {
        "prompt": brief.prompt,
        "model": brief.model,
        "aspect_ratio": brief.aspect_ratio,
        "video_length": str(brief.duration or DEFAULT_SECONDS),
        "resolution_name": brief.resolution,
        "refer_images": list(brief.images),
        "hook_url": callback_url,
    }
    return {name: value for name, value in wanted.items() if value}


def _accepted(answer: httpx.Response) -> Report:
    """The report of a submission. The id is `data.job_id` on one page and `data.jobId` on another; an id means a job, whatever stands beside it."""
    body = reading.fields(answer)
    data, said = reading.inside(body.get("data")), reading.text(body.get("message"))
    remote_id = reading.identifier(data.get("jobId")) or reading.identifier(data.get("job_id"))
    cause = _cause(answer.status_code, said) or Cause.INPUT_REFUSED
    if answer.is_success and remote_id:
        return Report(phase=Phase.QUEUED, remote_id=remote_id)
    if answer.is_success and body.get("status") == "FAILED":
        raise Refused(f"{NAME}: {said or 'refused without a word of why'}", cause=cause)
    if answer.status_code == QUEUE_FULL:
        raise NotNow(f"{NAME}: {said or 'its queue is full'}", retry_after=reading.retry_after(answer.headers))
    raise reading.turned_away(answer, name=NAME, said=said, cause=cause)


def _standing(answer: httpx.Response, remote_id: str) -> Report:
    """The report of GET /grok/fetch."""
    body = reading.fields(answer)
    data, said = reading.inside(body.get("data")), reading.text(body.get("message"))
    word = reading.text(body.get("status"))
    cause = _cause(answer.status_code, said)
    if not answer.is_success or not word or cause is Cause.WRONG_KEY:
        raise reading.no_verdict(answer, name=NAME, said=said, cause=cause)
    reading.same_job(body.get("jobId"), remote_id, name=NAME)
    spent, videos = reading.usage(data.get("quota"), USAGE_UNIT), reading.links(data.get("videoUrl"))
    match PHASES.get(word):
        case None:
            return reading.still_running(remote_id, alert=reading.unknown_word(NAME, word), spent=spent)
        case Phase.FAILED:
            return Report(phase=Phase.FAILED, remote_id=remote_id, usage=spent, cause=cause or Cause.PROVIDER_FAILED, message=said)
        case Phase.SUCCEEDED if not videos:
            return reading.still_running(remote_id, alert=reading.no_video(NAME, word), spent=spent)
        case Phase.SUCCEEDED:
            return Report(phase=Phase.SUCCEEDED, remote_id=remote_id, videos=videos, usage=spent)
        case phase:
            return Report(phase=phase, remote_id=remote_id, usage=spent)


def _cause(status: int, said: str) -> Cause | None:
    """Why, as far as words or status tell; the words know more."""
    return reading.cause_in(said, CAUSES_BY_WORDS) or CAUSES_BY_STATUS.get(status)
