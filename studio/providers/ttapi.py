"""TTAPI: Grok video as a queue of tasks. Facts from docs.ttapi.io (pages of March 2026 and newer); they disagree, so all spellings are read.

A submission may be turned down with HTTP 200 and status FAILED. Numbers travel as strings in both directions.

    ""              POST /grok/generations               GET /grok/fetch              the newest pages
    "march-2026"    the same without `model`, 10 to 30 s, 720p only                   the pages of March 2026
    "xai-shaped"    POST /grok/v1/videos/generations     GET /grok/v1/videos/{id}     TTAPI calls it "Official"; the paths of both POSTs are inferred
                    POST /grok/v1/videos/extensions

The page of the extensions [docs.ttapi.io/api/en/grok/video-extensions] names `prompt`, `model`, `duration` (1 to 10 s, 6 by default) and `video` as a URL, a data
URL or a `file_id`, of a clip of at most 15 s. It names no shortest clip and says that xAI's rules hold: xAI documents 2 s. No page about edits was found.
"""

from dataclasses import dataclass, field
from functools import partial
from urllib.parse import quote

import httpx

from studio.providers import reading, xai_body
from studio.providers.contract import ASPECT_RATIOS, Brief, Capability, Cause, Dialect, Flow, NotNow, Operation, Phase, Refused, Report, insist_on

NAME = "TTAPI"
BASE_URL = "https://api.ttapi.io"  # https://api.ttapi.org is the same, nearer to some
KEY_HINT = "The TT-API-KEY from the TTAPI dashboard"
USAGE_UNIT = "quota"  # 100 quota = 1 USD [docs billing]
USAGE_UNIT_XAI_SHAPED = "cost_in_usd_tocks"  # spelled so there
DEFAULT_SECONDS = 10  # documented; sent all the same, because the length decides the price
QUEUE_FULL = 499  # "queue exhausted": too many of our tasks at once [docs response codes]

RATIOS = ("16:9", "9:16", "1:1", "3:2", "2:3")

# The newest page lists both models; older pages have neither the field nor 480p. No page gives a greatest number of images:
# seven is the limit of the model behind it (xAI).
CAPABILITIES = (
    Capability(
        model="grok-imagine-1.0-video",
        label="Grok Imagine 1.0",
        aspect_ratios=RATIOS,
        durations=(1, 30),
        resolutions=("480p", "720p"),
        images=(0, 7),
        callbacks=True,
    ),
    Capability(
        model="grok-imagine-video-1.5-preview",
        label="Grok Imagine 1.5 preview",
        aspect_ratios=RATIOS,
        durations=(1, 15),
        resolutions=("480p", "720p"),
        images=(1, 1),
        callbacks=True,
    ),
)
# The pages of March 2026 have no field for a model.
CAPABILITIES_MARCH_2026 = (
    Capability(model="", label="Grok Imagine", aspect_ratios=RATIOS, durations=(10, 30), resolutions=("720p",), images=(0, 7), callbacks=True),
)
# Of new clips the pages show no more than this model's name in an answer; what xAI's model of that name can do is inferred. No page says that pictures may be
# data URLs. The extension is documented, see above.
CAPABILITIES_XAI_SHAPED = (
    Capability(
        model="grok-imagine-video",
        label="Grok Imagine",
        aspect_ratios=ASPECT_RATIOS,
        durations=(1, 15),
        resolutions=("480p", "720p"),
        images=(0, 1),
        video_data_urls=True,
        extends=(1, 10),
        extends_from=(2.0, 15.0),
        charges_refusals=True,  # tries that the filter refused are charged [docs.ttapi.io/api/en/grok/video-extensions, the only page that says so]
        usual_seconds=150,
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
    names_model: bool = True

    def submit(self, brief: Brief, *, callback_url: str = "", reference: str = "") -> Flow:  # noqa: ARG002 - no field carries a reference
        """Ask for a video. `callback_url` hears the end of the job; the body it is sent is unsigned, so it is only a hint."""
        insist_on(brief, Operation.GENERATE, name=NAME)
        wanted = _wanted(brief, brief.model if self.names_model else "", callback_url)
        answer = yield httpx.Request("POST", f"{self.base_url}/grok/generations", headers=_headers(self.key), json=wanted)
        return _accepted(answer)

    def check(self, remote_id: str) -> Flow:
        """Ask how the job stands. The id goes into the query: an old page puts it into a body, which proxies drop from a GET."""
        answer = yield httpx.Request("GET", f"{self.base_url}/grok/fetch", headers=_headers(self.key), params={"jobId": remote_id})
        return _standing(answer, remote_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class XAIShaped:
    """One access to TTAPI's Official route."""

    key: str = field(repr=False)
    base_url: str = BASE_URL

    def submit(self, brief: Brief, *, callback_url: str = "", reference: str = "") -> Flow:  # noqa: ARG002 - no callback is documented
        """Ask for a video. `reference` travels as `user`, as in xAI's body, except with an extension, which has no such field."""
        insist_on(brief, Operation.GENERATE, Operation.EXTEND, name=NAME)
        if brief.operation is Operation.EXTEND:
            path, wanted = "extensions", xai_body.longer_clip(brief)
        else:
            path, wanted = "generations", xai_body.new_clip(brief, user=reference)
        answer = yield httpx.Request("POST", f"{self.base_url}/grok/v1/videos/{path}", headers=_headers(self.key), json=wanted)
        return _accepted(answer)

    def check(self, remote_id: str) -> Flow:
        """Ask how the job stands."""
        answer = yield httpx.Request("GET", f"{self.base_url}/grok/v1/videos/{quote(remote_id, safe='')}", headers=_headers(self.key))
        return _standing_xai_shaped(answer, remote_id)


def _headers(key: str) -> dict[str, str]:
    return {"TT-API-KEY": key, "Accept": "application/json"}


def _wanted(brief: Brief, model: str, callback_url: str) -> dict[str, str | list[str]]:
    """The body of POST /grok/generations. `video_length` is a string of seconds; whether a number is taken is not documented."""
    wanted: dict[str, str | list[str]] = {
        "prompt": brief.prompt,
        "model": model,
        "aspect_ratio": brief.aspect_ratio,
        "video_length": str(brief.duration or DEFAULT_SECONDS),
        "resolution_name": brief.resolution,
        "refer_images": list(brief.images),
        "hook_url": callback_url,
    }
    return {name: value for name, value in wanted.items() if value}


def _accepted(answer: httpx.Response) -> Report:
    """The report of a submission. An id means a job, whatever stands beside it.

    The id is `data.job_id` on one page, `data.jobId` on another, and `request_id` on the Official route.
    """
    body = reading.fields(answer)
    data, said = reading.inside(body.get("data")), _said(body)
    remote_id = next(filter(None, map(reading.identifier, (data.get("jobId"), data.get("job_id"), body.get("request_id")))), "")
    cause = _cause(answer.status_code, said) or Cause.INPUT_REFUSED
    if answer.is_success and remote_id:
        return Report(phase=Phase.QUEUED, remote_id=remote_id)
    if answer.is_success and reading.phase_of(reading.text(body.get("status")), PHASES) is Phase.FAILED:
        raise Refused(f"{NAME}: {said or 'refused without a word of why'}", cause=cause)
    if answer.status_code == QUEUE_FULL:
        raise NotNow(f"{NAME}: {said or 'its queue is full'}", retry_after=reading.retry_after(answer.headers))
    raise reading.turned_away(answer, name=NAME, said=said, cause=cause)


def _standing(answer: httpx.Response, remote_id: str) -> Report:
    """The report of GET /grok/fetch."""
    body = reading.fields(answer)
    data, said = reading.inside(body.get("data")), reading.text(body.get("message"))
    word, videos = reading.text(body.get("status")), reading.links(data.get("videoUrl"))
    cause = _cause(answer.status_code, said)
    if not answer.is_success or not (word or videos) or cause is Cause.WRONG_KEY:
        raise reading.no_verdict(answer, name=NAME, said=said, cause=cause)
    reading.same_job(body.get("jobId"), remote_id, name=NAME)
    spent, phase = reading.usage(data.get("quota"), USAGE_UNIT), reading.phase_of(word, PHASES)
    if phase is Phase.FAILED:
        return Report(phase=Phase.FAILED, remote_id=remote_id, usage=spent, cause=cause or Cause.PROVIDER_FAILED, message=said)
    asked_with = reading.text(data.get("hookUrl"), longest=reading.LONGEST_LINK) if videos else ""
    return reading.standing(phase, remote_id, name=NAME, word=word, videos=videos, spent=spent, callback_url=asked_with)


def _standing_xai_shaped(answer: httpx.Response, remote_id: str) -> Report:
    """The report of GET /grok/v1/videos/{id}: xAI's body. TTAPI's own envelope, which has words beside its status, is a complaint about the look."""
    body = reading.fields(answer)
    said, is_envelope = _said(body), "message" in body and not {"video", "error", "usage"} & set(body)
    if not answer.is_success or is_envelope or not (reading.text(body.get("status")) or body.get("video")):
        raise reading.no_verdict(answer, name=NAME, said=said, cause=_cause(answer.status_code, said))
    return xai_body.told(body, remote_id, name=NAME, unit=USAGE_UNIT_XAI_SHAPED)


def _said(body: dict[str, reading.Json]) -> str:
    """The words of an answer: `message`, or on the Official route whatever xAI's shape calls an error."""
    return reading.text(body.get("message")) or xai_body.error(body)[1]


def _cause(status: int, said: str) -> Cause | None:
    """Why, as far as words or status tell; the words know more."""
    return reading.cause_in(said, CAUSES_BY_WORDS) or CAUSES_BY_STATUS.get(status)


DIALECTS = (
    Dialect(key="", label="Newest pages: two models, 1 to 30 s", access=TTAPI, capabilities=CAPABILITIES, usage_unit=USAGE_UNIT),
    Dialect(
        key="march-2026",
        label="Pages of March 2026: no model, 10 to 30 s, 720p",
        access=partial(TTAPI, names_model=False),
        capabilities=CAPABILITIES_MARCH_2026,
        usage_unit=USAGE_UNIT,
    ),
    Dialect(
        key="xai-shaped",
        label="Official route in xAI's shape, /grok/v1/videos: extends clips",
        access=XAIShaped,
        capabilities=CAPABILITIES_XAI_SHAPED,
        usage_unit=USAGE_UNIT_XAI_SHAPED,
    ),
)
