"""CometAPI: xAI's video API behind a gateway of the new-api family. Facts from apidoc.cometapi.com.

Two shapes of result are documented and neither page says which is live, so both are read:

    wrapped    {"code":"success","data":{"status":"SUCCESS","fail_reason":<the video's URL>,"data":{…xAI's body…}}}
    flat       {…xAI's body…}, or only {"request_id"} while it is not ready

In both, xAI's own body (xai_body.py) is the truth; the wrapper's word counts only where that body is silent.
"""

from dataclasses import dataclass, field
from urllib.parse import quote

import httpx

from studio.providers import reading, xai_body
from studio.providers.contract import (
    ASPECT_RATIOS,
    Balance,
    BalanceFlow,
    Brief,
    Capability,
    Cause,
    Dialect,
    Flow,
    Operation,
    Phase,
    Refused,
    Report,
    insist_on,
)

NAME = "CometAPI"
BASE_URL = "https://api.cometapi.com"
BALANCE_URL = "https://query.cometapi.com"  # a host of its own, for which the key travels in the address
KEY_HINT = "The sk-… key from the CometAPI console"
KEEPS_HOURS = 24.0  # it passes xAI's own temporary link through, which is good for so long
USAGE_UNIT = xai_body.USAGE_UNIT  # xAI's figure; whether it equals Comet's own charge is not documented

CAPABILITIES = (
    # Edits take a clip of about 8.7 s at most. No page of Comet's offers extensions.
    Capability(
        model="grok-imagine-video",
        label="Grok Imagine",
        aspect_ratios=ASPECT_RATIOS,
        durations=(1, 15),
        resolutions=("480p", "720p"),
        images=(0, 1),
        data_urls=True,
        video_data_urls=True,
        edits_up_to=8.7,
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
    "model_not_found": Cause.NOT_PERMITTED,  # no channel for the model in our account's group: the brief is not to blame
    "insufficient_user_quota": Cause.OUT_OF_BALANCE,
}
CAUSES_BY_STATUS = {401: Cause.WRONG_KEY, 402: Cause.OUT_OF_BALANCE, 403: Cause.NOT_PERMITTED}
CAUSES_BY_WORDS = {
    "quota is not enough": Cause.OUT_OF_BALANCE,
    "invalid token": Cause.WRONG_KEY,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comet:
    """One access to CometAPI."""

    key: str = field(repr=False)
    base_url: str = BASE_URL

    def submit(self, brief: Brief, *, callback_url: str = "", reference: str = "") -> Flow:  # noqa: ARG002 - no callback is documented
        """Ask for a video. `reference` travels as `user`."""
        insist_on(brief, Operation.GENERATE, Operation.EDIT, name=NAME)
        edits = brief.operation is Operation.EDIT
        wanted = xai_body.edited_clip(brief, user=reference) if edits else xai_body.new_clip(brief, user=reference)
        url = f"{self.base_url}/grok/v1/videos/{'edits' if edits else 'generations'}"
        answer = yield httpx.Request("POST", url, headers=self._headers(), json=wanted)
        return _accepted(answer)

    def check(self, remote_id: str) -> Flow:
        """Ask how the job stands."""
        answer = yield httpx.Request("GET", f"{self.base_url}/grok/v1/videos/{quote(remote_id, safe='')}", headers=self._headers())
        return _standing(answer, remote_id)

    def balance(self) -> BalanceFlow:
        """Ask what is left. A base URL of one's own is asked itself, so that the key goes to no other host than the one that was named."""
        host = BALANCE_URL if self.base_url == BASE_URL else self.base_url
        answer = yield httpx.Request("GET", f"{host}/user/quota", headers={"Accept": "application/json"}, params={"key": self.key})
        return _left(answer)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}", "Accept": "application/json"}


def _accepted(answer: httpx.Response) -> Report:
    """The report of a submission."""
    body = reading.fields(answer)
    code, said = _error(body)
    remote_id = reading.identifier(body.get("request_id"))
    if answer.is_success and remote_id:
        return Report(phase=Phase.QUEUED, remote_id=remote_id)
    if refusal := reading.by_word(code, REFUSALS):
        raise Refused(f"{NAME}: {said or code}", cause=_cause(answer.status_code, code, said) or refusal)
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
    reading.same_job(body.get("request_id"), remote_id, name=NAME)
    if body.get("status") or body.get("video"):
        return xai_body.told(body, remote_id, name=NAME)
    if body.get("request_id") and not body.get("error"):
        return Report(phase=Phase.QUEUED, remote_id=remote_id)
    code, said = _error(body)
    raise reading.no_verdict(answer, name=NAME, said=said or code, cause=_cause(answer.status_code, code, said))


def _wrapped(wrapper: dict[str, reading.Json], remote_id: str) -> Report:
    """The report of a wrapped result. On success `fail_reason` holds the video's URL, so it is a reason only beside FAILURE."""
    inner = reading.inside(wrapper.get("data"))
    told = xai_body.told(inner, remote_id, name=NAME)
    if told.phase is Phase.FAILED or (told.phase is Phase.SUCCEEDED and inner.get("status")):
        return told
    word = reading.text(wrapper.get("status"))
    phase = reading.phase_of(word, WRAPPER_PHASES)
    if phase in {Phase.SUCCEEDED, None} and told.videos and not inner.get("status"):  # the body is silent, and the wrapper counts
        return reading.standing(phase, remote_id, name=NAME, word=word, videos=told.videos, spent=told.usage, progress=told.progress)
    if phase is Phase.FAILED:
        why = reading.text(wrapper.get("fail_reason"))
        return Report(phase=phase, remote_id=remote_id, usage=told.usage, cause=xai_body.cause_of("", why), message=why)
    alert = told.alert if inner.get("status") else ""  # before the end, an empty inner body is nothing to report
    if phase is Phase.SUCCEEDED:
        alert = alert or reading.no_video(NAME, word)
    if phase is None:
        alert = alert or reading.unknown_word(NAME, word)
    return Report(
        phase=phase if phase is Phase.QUEUED else Phase.RUNNING,
        remote_id=remote_id,
        progress=reading.percent(wrapper.get("progress")),
        videos=told.videos,
        usage=told.usage,
        alert=alert or (f"{NAME} says “{word[:60]}” and yet names a video." if told.videos else ""),
        seems_over=phase is Phase.SUCCEEDED or bool(told.videos) or (bool(inner.get("status")) and told.seems_over),
    )


def _ended_by_error(answer: httpx.Response, body: dict[str, reading.Json], remote_id: str) -> Report:
    """The report of a look that was answered with an error: the filter's refusal of the result arrives like that at xAI, and is charged."""
    code, said = _error(body)
    cause = _cause(answer.status_code, code, said)
    if answer.is_client_error and cause is Cause.MODERATED:
        return Report(phase=Phase.FAILED, remote_id=remote_id, usage=xai_body.spent(body), cause=cause, message=said)
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
    return reading.cause_in(said, CAUSES_BY_WORDS) or reading.by_word(code, REFUSALS) or CAUSES_BY_STATUS.get(status)


def _left(answer: httpx.Response) -> Balance:
    """What is left, in USD.

    `total_quota` is what is left of the account and not what was ever paid in: the page does not say which, but the gateway family and public clients
    read it so (inferred). A key with a limit of its own leaves no more than that.
    """
    body = reading.fields(answer)
    account = reading.figure(body.get("total_quota"))
    if not answer.is_success or account is None:
        code, said = _error(body)
        raise reading.no_verdict(answer, name=NAME, said=said or code, cause=_cause(answer.status_code, code, said))
    keys = [reading.inside(key) for key in reading.listed(body.get("keys"))]
    limit = reading.figure(keys[0].get("remain_quota")) if len(keys) == 1 else None  # of several nobody can tell which one is ours
    left = account if limit is None or limit < 0 else min(account, limit)  # a key without a limit has -1
    return Balance(f"{left:f}", "USD")


DIALECTS = (Dialect(key="", label="apidoc.cometapi.com, either envelope", access=Comet, capabilities=CAPABILITIES, usage_unit=USAGE_UNIT),)
