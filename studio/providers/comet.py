"""CometAPI: xAI's video API behind a gateway of the new-api family. Facts from apidoc.cometapi.com.

Two shapes of result are documented and neither page says which is live, so both are read:

    wrapped    {"code":"success","data":{"status":"SUCCESS","fail_reason":<the video's URL>,"data":{…xAI's body…}}}
    flat       {…xAI's body…}, or only {"request_id"} while it is not ready

In both, xAI's own body is the truth; the wrapper's word counts only where that body is silent.
"""

from dataclasses import dataclass, field
from urllib.parse import quote

import httpx

from studio.providers import reading
from studio.providers.contract import ASPECT_RATIOS, Brief, Capability, Cause, Flow, Phase, Refused, Report

NAME = "CometAPI"
BASE_URL = "https://api.cometapi.com"
KEY_HINT = "The sk-… key from the CometAPI console"
USAGE_UNIT = "cost_in_usd_ticks"  # xAI's figure, 10^-10 USD; whether it equals Comet's own charge is not documented
DEFAULT_SECONDS = 8  # a later page bills an omitted duration as 8 s, an older one as 1 s: never omitted

CAPABILITIES = (
    Capability(
        model="grok-imagine-video",
        label="Grok Imagine",
        aspect_ratios=ASPECT_RATIOS,
        durations=(1, 15),
        resolutions=("480p", "720p"),
        images=(0, 1),
        data_urls=True,
        usual_seconds=150,
    ),
    # The newest page: from an image only.
    Capability(
        model="grok-imagine-video-1.5",
        label="Grok Imagine 1.5",
        aspect_ratios=ASPECT_RATIOS,
        durations=(1, 15),
        resolutions=("480p", "720p", "1080p"),
        images=(1, 1),
        data_urls=True,
        usual_seconds=150,
    ),
)

PHASES = {
    "queued": Phase.QUEUED,
    "pending": Phase.RUNNING,
    "processing": Phase.RUNNING,
    "done": Phase.SUCCEEDED,
    "failed": Phase.FAILED,
    "expired": Phase.FAILED,
}
# The wrapper's words, from the gateway family whose envelope it is (QuantumNous/new-api).
WRAPPER_PHASES = {
    "NOT_START": Phase.QUEUED,
    "SUBMITTED": Phase.QUEUED,
    "QUEUED": Phase.QUEUED,
    "IN_PROGRESS": Phase.RUNNING,
    "UNKNOWN": Phase.RUNNING,
    "SUCCESS": Phase.SUCCEEDED,
    "FAILURE": Phase.FAILED,
}

# These codes say what happened whatever the status beside them: Comet answers a malformed request with 500, and a model without a channel
# with 503. Neither went upstream.
REFUSALS = {
    "invalid_request": Cause.INPUT_REFUSED,
    "model_not_found": Cause.INPUT_REFUSED,
    "insufficient_user_quota": Cause.OUT_OF_BALANCE,
}
CAUSES_BY_STATUS = {401: Cause.WRONG_KEY, 402: Cause.OUT_OF_BALANCE}
CAUSES_BY_WORDS = {
    "quota is not enough": Cause.OUT_OF_BALANCE,
    "invalid token": Cause.WRONG_KEY,
}
# `error.code` of xAI's body in a result.
RESULT_CAUSES = {"invalid_argument": Cause.INPUT_REFUSED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comet:
    """One access to CometAPI."""

    key: str = field(repr=False)
    base_url: str = BASE_URL

    def submit(self, brief: Brief, *, callback_url: str = "") -> Flow:  # noqa: ARG002 - no callback is documented
        """Ask for a video."""
        answer = yield httpx.Request("POST", f"{self.base_url}/grok/v1/videos/generations", headers=self._headers(), json=_wanted(brief))
        return _accepted(answer)

    def check(self, remote_id: str) -> Flow:
        """Ask how the job stands."""
        answer = yield httpx.Request("GET", f"{self.base_url}/grok/v1/videos/{quote(remote_id, safe='')}", headers=self._headers())
        return _standing(answer, remote_id)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}", "Accept": "application/json"}


def _wanted(brief: Brief) -> dict[str, str | int | dict[str, str]]:
    """The body of POST /grok/v1/videos/generations. It takes one image, as its capabilities say."""
    wanted: dict[str, str | int | dict[str, str]] = {
        "prompt": brief.prompt,
        "model": brief.model,
        "duration": brief.duration or DEFAULT_SECONDS,
        "aspect_ratio": brief.aspect_ratio,
        "resolution": brief.resolution,
        "image": {"url": brief.images[0]} if brief.images else {},
    }
    return {name: value for name, value in wanted.items() if value}


def _accepted(answer: httpx.Response) -> Report:
    """The report of a submission."""
    body = reading.fields(answer)
    code, said = _error(body)
    remote_id = reading.identifier(body.get("request_id"))
    if answer.is_success and remote_id:
        return Report(phase=Phase.QUEUED, remote_id=remote_id)
    if code in REFUSALS:
        raise Refused(f"{NAME}: {said or code}", cause=_cause(answer.status_code, code, said) or REFUSALS[code])
    cause = _cause(answer.status_code, code, said) or Cause.INPUT_REFUSED
    raise reading.turned_away(answer, name=NAME, said=said or code, cause=cause)


def _standing(answer: httpx.Response, remote_id: str) -> Report:
    """The report of GET /grok/v1/videos/{id}, in either shape."""
    body = reading.fields(answer)
    wrapper = reading.inside(body.get("data"))
    if not answer.is_success:
        return _ended_by_error(answer, body, remote_id)
    if wrapper:
        return _wrapped(wrapper, remote_id)
    if body.get("status"):
        return _told(body, remote_id)
    if body.get("request_id") and not body.get("error"):
        return Report(phase=Phase.QUEUED, remote_id=remote_id)
    code, said = _error(body)
    raise reading.no_verdict(answer, name=NAME, said=said or code, cause=_cause(answer.status_code, code, said))


def _wrapped(wrapper: dict[str, reading.Json], remote_id: str) -> Report:
    """The report of a wrapped result. On success `fail_reason` holds the video's URL, so it is a reason only beside FAILURE."""
    inner = reading.inside(wrapper.get("data"))
    told = _told(inner, remote_id)
    if told.phase in {Phase.SUCCEEDED, Phase.FAILED}:
        return told
    word = reading.text(wrapper.get("status"))
    phase = WRAPPER_PHASES.get(word)
    if phase is Phase.FAILED:
        why = reading.text(wrapper.get("fail_reason"))
        return Report(phase=phase, remote_id=remote_id, usage=told.usage, cause=_result_cause("", why), message=why)
    alert = told.alert if inner.get("status") else ""  # before the end, an empty inner body is nothing to report
    if phase is Phase.SUCCEEDED:
        alert = alert or reading.no_video(NAME, word)
    if phase is None:
        alert = alert or reading.unknown_word(NAME, word)
    return Report(
        phase=phase if phase is Phase.QUEUED else Phase.RUNNING,
        remote_id=remote_id,
        progress=reading.percent(wrapper.get("progress")),
        usage=told.usage,
        alert=alert,
    )


def _told(inner: dict[str, reading.Json], remote_id: str) -> Report:
    """The report of xAI's own body."""
    word, video = reading.text(inner.get("status")), reading.inside(inner.get("video"))
    phase, videos = PHASES.get(word), reading.links(video.get("url"))
    spent = reading.usage(reading.inside(inner.get("usage")).get(USAGE_UNIT), USAGE_UNIT)
    progress = reading.percent(inner.get("progress"))
    if phase is Phase.FAILED:
        code, said = _error(inner)
        cause = Cause.EXPIRED if word == "expired" else _result_cause(code, said)
        return Report(phase=phase, remote_id=remote_id, usage=spent, cause=cause, message=said or code)
    if phase is Phase.SUCCEEDED and video.get("respect_moderation") is False:
        return Report(phase=Phase.FAILED, remote_id=remote_id, usage=spent, cause=Cause.MODERATED, message=_error(inner)[1])
    if phase is Phase.SUCCEEDED and videos:
        return Report(phase=phase, remote_id=remote_id, progress=progress, videos=videos, usage=spent)
    if phase is Phase.SUCCEEDED:
        return reading.still_running(remote_id, alert=reading.no_video(NAME, word), spent=spent)
    if phase is None:
        return reading.still_running(remote_id, alert=reading.unknown_word(NAME, word), spent=spent, progress=progress)
    return Report(phase=phase, remote_id=remote_id, progress=progress, usage=spent)


def _ended_by_error(answer: httpx.Response, body: dict[str, reading.Json], remote_id: str) -> Report:
    """The report of a look that was answered with an error: the filter's refusal of the result arrives like that at xAI, and is charged."""
    code, said = _error(body)
    spent = reading.usage(reading.inside(body.get("usage")).get(USAGE_UNIT), USAGE_UNIT)
    cause = _cause(answer.status_code, code, said)
    if answer.is_client_error and cause is Cause.MODERATED:
        return Report(phase=Phase.FAILED, remote_id=remote_id, usage=spent, cause=cause, message=said)
    raise reading.no_verdict(answer, name=NAME, said=said or code, cause=cause)


def _error(body: dict[str, reading.Json]) -> tuple[str, str]:
    """Code and words of an error: inside `error`, or beside each other at the top, as this family's task routes do."""
    error = body.get("error")
    if isinstance(error, str):
        return reading.text(body.get("code")), reading.text(error)
    found = reading.inside(error) or body
    return reading.text(found.get("code")), reading.text(found.get("message"))


def _cause(status: int, code: str, said: str) -> Cause | None:
    """Why, as far as words, code or status tell; the words know most."""
    return reading.cause_in(said, CAUSES_BY_WORDS) or REFUSALS.get(code) or CAUSES_BY_STATUS.get(status)


def _result_cause(code: str, said: str) -> Cause:
    """Why a job failed that had been accepted."""
    return reading.cause_in(said, {}) or RESULT_CAUSES.get(code, Cause.PROVIDER_FAILED)
