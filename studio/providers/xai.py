"""xAI's own API. Facts from docs.x.ai (REST reference, both copies), xAI's SDK, and one recorded run of 10 Aug 2026.

Three things surprise here: a look at a running job is answered 202, perhaps without a body; a wrong key is a 400, not a 401; and a look may be
answered 4xx because the *result* was refused by the filter, which is charged.
"""

from dataclasses import dataclass, field
from urllib.parse import quote

import httpx

from studio.providers import reading
from studio.providers.contract import ASPECT_RATIOS, Brief, Capability, Cause, Flow, Phase, Refused, Report, Usage

NAME = "xAI"
BASE_URL = "https://api.x.ai/v1"
KEY_HINT = "The xai-… key from console.x.ai"
USAGE_UNIT = "cost_in_usd_ticks"  # 10^-10 USD: 100,000,000 ticks are a cent
DEFAULT_SECONDS = 8  # documented; sent all the same, because the length decides the price
RUNNING = 202
PROMPT_LIMIT = 4096  # characters

CAPABILITIES = (
    # Several images are references: up to seven, at most 720p and, as several clients clamp it, ten seconds [vercel/ai, CLIProxyAPI].
    Capability(
        model="grok-imagine-video",
        label="Grok Imagine",
        aspect_ratios=ASPECT_RATIOS,
        durations=(1, 15),
        resolutions=("480p", "720p"),
        images=(0, 7),
        longest_with_references=10,
        data_urls=True,
        prompt_limit=PROMPT_LIMIT,
        usual_seconds=150,
    ),
    # 1080p is made by this one alone, and not from references.
    Capability(
        model="grok-imagine-video-1.5",
        label="Grok Imagine 1.5",
        aspect_ratios=ASPECT_RATIOS,
        durations=(1, 15),
        resolutions=("480p", "720p", "1080p"),
        images=(0, 1),
        data_urls=True,
        prompt_limit=PROMPT_LIMIT,
        usual_seconds=150,
    ),
    # The price list names 480p only, and no page says what else it can.
    Capability(
        model="grok-imagine-video-1.5-lite",
        label="Grok Imagine 1.5 lite",
        aspect_ratios=ASPECT_RATIOS,
        durations=(1, 15),
        resolutions=("480p",),
        images=(0, 1),
        data_urls=True,
        prompt_limit=PROMPT_LIMIT,
        usual_seconds=150,
    ),
)

PHASES = {
    "pending": Phase.RUNNING,
    "done": Phase.SUCCEEDED,
    "failed": Phase.FAILED,
    "expired": Phase.FAILED,
}

CAUSES_BY_STATUS = {401: Cause.WRONG_KEY, 402: Cause.OUT_OF_BALANCE}
CAUSES_BY_WORDS = {
    "incorrect api key": Cause.WRONG_KEY,  # HTTP 400
    "used all available credits": Cause.OUT_OF_BALANCE,  # HTTP 403, and seen as 429
    "monthly spending limit": Cause.OUT_OF_BALANCE,
}
# `error.code` of a result: underscores here, hyphens in HTTP errors.
RESULT_CAUSES = {"invalid_argument": Cause.INPUT_REFUSED}


@dataclass(frozen=True, slots=True, kw_only=True)
class XAI:
    """One access to xAI."""

    key: str = field(repr=False)
    base_url: str = BASE_URL

    def submit(self, brief: Brief, *, callback_url: str = "") -> Flow:  # noqa: ARG002 - no callback is documented
        """Ask for a video."""
        answer = yield httpx.Request("POST", f"{self.base_url}/videos/generations", headers=self._headers(), json=_wanted(brief))
        return _accepted(answer)

    def check(self, remote_id: str) -> Flow:
        """Ask how the job stands."""
        answer = yield httpx.Request("GET", f"{self.base_url}/videos/{quote(remote_id, safe='')}", headers=self._headers())
        return _standing(answer, remote_id)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}", "Accept": "application/json"}


def _wanted(brief: Brief) -> dict[str, str | int | dict[str, str] | list[dict[str, str]]]:
    """The body of POST /videos/generations. One image is the picture to animate, several are references; both together are refused."""
    images = [{"url": image} for image in brief.images]
    wanted: dict[str, str | int | dict[str, str] | list[dict[str, str]]] = {
        "prompt": brief.prompt,
        "model": brief.model,
        "aspect_ratio": brief.aspect_ratio,
        "duration": brief.duration or DEFAULT_SECONDS,
        "resolution": brief.resolution,
        "image": images[0] if len(images) == 1 else {},
        "reference_images": images if len(images) > 1 else [],
    }
    return {name: value for name, value in wanted.items() if value}


def _accepted(answer: httpx.Response) -> Report:
    """The report of a submission."""
    body = reading.fields(answer)
    code, said = _error(body)
    remote_id = reading.identifier(body.get("request_id"))
    if answer.is_success and remote_id:
        return Report(phase=Phase.QUEUED, remote_id=remote_id)
    cause = _cause(answer.status_code, said) or Cause.INPUT_REFUSED
    if answer.is_client_error and cause in {Cause.OUT_OF_BALANCE, Cause.MODERATED}:  # also as 429, where waiting would not help
        raise Refused(f"{NAME}: {said}", cause=cause, usage=_spent(body))
    raise reading.turned_away(answer, name=NAME, said=said or code, cause=cause)


def _standing(answer: httpx.Response, remote_id: str) -> Report:
    """The report of GET /videos/{id}."""
    body = reading.fields(answer)
    if answer.is_success and (body.get("status") or body.get("video")):
        return _told(body, remote_id)
    if answer.status_code == RUNNING:
        return reading.still_running(remote_id, progress=reading.percent(body.get("progress")))
    code, said = _error(body)
    cause = _cause(answer.status_code, said)
    if _is_about_the_result(answer, cause, _spent(body)):
        return Report(phase=Phase.FAILED, remote_id=remote_id, usage=_spent(body), cause=cause or Cause.PROVIDER_FAILED, message=said or code)
    raise reading.no_verdict(answer, name=NAME, said=said or code, cause=cause)


def _is_about_the_result(answer: httpx.Response, cause: Cause | None, spent: Usage | None) -> bool:
    """Whether a 4xx is the job's own end rather than a complaint about the look: it has the filter's words, or says what the job cost."""
    about_the_look = cause is Cause.WRONG_KEY or answer.status_code == reading.TOO_MANY_REQUESTS
    return answer.is_client_error and not about_the_look and (cause is Cause.MODERATED or spent is not None)


def _told(body: dict[str, reading.Json], remote_id: str) -> Report:
    """The report of a body about the job. An early version of the API left the status out of a finished one."""
    video = reading.inside(body.get("video"))
    word, videos = reading.text(body.get("status")), reading.links(video.get("url"))
    phase = PHASES.get(word) if word else Phase.SUCCEEDED
    spent, progress = _spent(body), reading.percent(body.get("progress"))
    if phase is Phase.FAILED:
        code, said = _error(body)
        cause = Cause.EXPIRED if word == "expired" else _result_cause(code, said)
        return Report(phase=phase, remote_id=remote_id, usage=spent, cause=cause, message=said or code)
    if phase is Phase.SUCCEEDED and video.get("respect_moderation") is False:
        return Report(phase=Phase.FAILED, remote_id=remote_id, usage=spent, cause=Cause.MODERATED, message=_error(body)[1])
    if phase is Phase.SUCCEEDED and videos:
        return Report(phase=phase, remote_id=remote_id, progress=progress, videos=videos, usage=spent)
    if phase is Phase.SUCCEEDED:
        return reading.still_running(remote_id, alert=reading.no_video(NAME, word or "done"), spent=spent)
    if phase is None:
        return reading.still_running(remote_id, alert=reading.unknown_word(NAME, word), spent=spent, progress=progress)
    return Report(phase=phase, remote_id=remote_id, progress=progress, usage=spent)


def _error(body: dict[str, reading.Json]) -> tuple[str, str]:
    """Code and words of an error: `{"code","error"}` over HTTP, `{"error":{"code","message"}}` in a result, `{"error"}` alone in older answers."""
    error = body.get("error")
    if isinstance(error, str):
        return reading.text(body.get("code")), reading.text(error)
    return reading.text(reading.inside(error).get("code")), reading.text(reading.inside(error).get("message"))


def _spent(body: dict[str, reading.Json]) -> Usage | None:
    return reading.usage(reading.inside(body.get("usage")).get(USAGE_UNIT), USAGE_UNIT)


def _cause(status: int, said: str) -> Cause | None:
    """Why, as far as words or status tell; the words know more."""
    return reading.cause_in(said, CAUSES_BY_WORDS) or CAUSES_BY_STATUS.get(status)


def _result_cause(code: str, said: str) -> Cause:
    """Why a job failed that had been accepted."""
    return reading.cause_in(said, {}) or RESULT_CAUSES.get(code, Cause.PROVIDER_FAILED)
