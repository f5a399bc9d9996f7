"""grokimagineapi.com: one price whatever is asked, and several videos from one job. Facts from its only page, grokimagineapi.com/docs.

Beware of look-alikes (grok5imagine.com, midsync.dev): they are other APIs.
"""

from dataclasses import dataclass, field

import httpx

from studio.providers import reading
from studio.providers.contract import Brief, Capability, Cause, Dialect, Flow, Operation, Phase, Report, insist_on

NAME = "GrokImagine"
BASE_URL = "https://grokimagineapi.com"
KEY_HINT = "The bearer token of your grokimagineapi.com account"
USAGE_UNIT = "consumed_credits"  # a number; 40 a generation, about 0.01 USD each
OK = 200

# The page shows the mode `fun` and the ratio `1:1` without listing the others. These are what the Grok Imagine app and a related service offer
# (inferred); what the provider does not know it refuses with 400, which costs nothing.
CAPABILITIES = (
    Capability(
        model="",
        label="Grok Imagine",
        modes=("fun", "normal", "spicy"),
        aspect_ratios=("16:9", "9:16", "1:1", "3:2", "2:3"),
        images=(0, 7),
    ),
)

# Only `completed` is documented; the others are expected.
PHASES = {
    "pending": Phase.QUEUED,
    "processing": Phase.RUNNING,
    "completed": Phase.SUCCEEDED,
    "failed": Phase.FAILED,
}

CAUSES_BY_STATUS = {401: Cause.WRONG_KEY, 402: Cause.OUT_OF_BALANCE}
CAUSES_BY_WORDS = {
    "file type not supported": Cause.INPUT_REFUSED,
    "insufficient credit": Cause.OUT_OF_BALANCE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GrokImagine:
    """One access to grokimagineapi.com."""

    key: str = field(repr=False)
    base_url: str = BASE_URL

    def submit(self, brief: Brief, *, callback_url: str = "", reference: str = "") -> Flow:  # noqa: ARG002 - it documents neither
        """Ask for videos: one job may give several."""
        insist_on(brief, Operation.GENERATE, name=NAME)
        answer = yield httpx.Request("POST", f"{self.base_url}/v1/generate", headers=self._headers(), json=_wanted(brief))
        return _accepted(answer)

    def check(self, remote_id: str) -> Flow:
        """Ask how the job stands."""
        answer = yield httpx.Request("GET", f"{self.base_url}/v1/status", headers=self._headers(), params={"task_id": remote_id})
        return _standing(answer, remote_id)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}", "Accept": "application/json"}


def _wanted(brief: Brief) -> dict[str, str | list[str]]:
    """The body of POST /v1/generate. The page types `images` as a string and shows a list: the example is believed."""
    wanted: dict[str, str | list[str]] = {
        "mode": brief.mode,
        "prompt": brief.prompt,
        "images": list(brief.images),
        "ratio": brief.aspect_ratio,
    }
    return {name: value for name, value in wanted.items() if value}


def _accepted(answer: httpx.Response) -> Report:
    """The report of a submission."""
    body = reading.fields(answer)
    status, said = _status(answer, body), reading.text(body.get("message"))
    remote_id = reading.identifier(reading.inside(body.get("data")).get("task_id"))
    if answer.is_success and remote_id:
        return Report(phase=Phase.QUEUED, remote_id=remote_id)
    raise reading.turned_away(answer, name=NAME, said=said, cause=_cause(status, said) or Cause.INPUT_REFUSED, status=status)


def _standing(answer: httpx.Response, remote_id: str) -> Report:
    """The report of GET /v1/status. A reason in `data.error_message` ends a job that neither runs nor gave a video."""
    body = reading.fields(answer)
    data, status = reading.inside(body.get("data")), _status(answer, body)
    word, wrong = reading.text(data.get("status")), reading.text(data.get("error_message"))
    videos = reading.links(data.get("response"))
    if not answer.is_success or status != OK or not (word or wrong or videos):
        said = reading.text(body.get("message"))
        raise reading.no_verdict(answer, name=NAME, said=said, cause=_cause(status, said), status=status)
    reading.same_job(data.get("task_id"), remote_id, name=NAME)
    phase, spent = reading.phase_of(word, PHASES), reading.usage(data.get("consumed_credits"), USAGE_UNIT)
    if phase is Phase.FAILED or (wrong and not videos and phase not in {Phase.QUEUED, Phase.RUNNING}):
        return Report(phase=Phase.FAILED, remote_id=remote_id, usage=spent, cause=_cause(OK, wrong) or Cause.PROVIDER_FAILED, message=wrong)
    return reading.standing(phase, remote_id, name=NAME, word=word, videos=videos, spent=spent)


def _status(answer: httpx.Response, body: dict[str, reading.Json]) -> int:
    """The status that counts: the body's `code` mirrors the HTTP status, and where they differ an error in either is an error."""
    code = reading.text(body.get("code"), longest=3)
    return int(code) if answer.is_success and code.isascii() and code.isdecimal() else answer.status_code


def _cause(status: int, said: str) -> Cause | None:
    """Why, as far as words or status tell; the words know more."""
    return reading.cause_in(said, CAUSES_BY_WORDS) or CAUSES_BY_STATUS.get(status)


DIALECTS = (Dialect(key="", label="grokimagineapi.com/docs", access=GrokImagine, capabilities=CAPABILITIES, usage_unit=USAGE_UNIT),)
