"""xAI's own API. Facts from docs.x.ai (REST reference, both copies), xAI's SDK, and one recorded run of 10 Aug 2026.

Three things surprise here: a look at a running job is answered 202, perhaps without a body; a wrong key is a 400, not a 401; and a look may be
answered 4xx because the *result* was refused by the filter, which is charged. The bodies stand in xai_body.py.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import quote

import httpx

from studio.providers import reading, xai_body
from studio.providers.contract import (
    ASPECT_RATIOS,
    Brief,
    Capability,
    Cause,
    DeleteFlow,
    Dialect,
    FindFlow,
    Flow,
    Listing,
    Operation,
    Phase,
    Provider,
    ProviderError,
    Refused,
    Report,
    StoredFile,
    Usage,
)

NAME = "xAI"
BASE_URL = "https://api.x.ai/v1"
KEY_HINT = "The xai-… key from console.x.ai"
KEEPS_HOURS = 24.0  # xai-org/xai-sdk-python src/xai_sdk/video.py:84; the documents only say that links are temporary
USAGE_UNIT = xai_body.USAGE_UNIT
RUNNING = 202
PROMPT_LIMIT = 4096  # characters
FILES_A_PAGE = 100
MOST_PAGES = 10
FILTER_REFUSED = frozenset({400, 404, 422})

# Silence: `generate_audio`, for all models [docs.x.ai "Video Generation", Sept 2026].
CAPABILITIES = (
    # Several images are references: up to seven, at most 720p and, as several clients clamp it, ten seconds [vercel/ai, CLIProxyAPI].
    # It alone edits and extends. Where the SDK is more generous than the reference (1 to 10 s added to 2 to 30 s), the reference is believed.
    Capability(
        model="grok-imagine-video",
        label="Grok Imagine",
        aspect_ratios=ASPECT_RATIOS,
        durations=(1, 15),
        resolutions=("480p", "720p"),
        images=(0, 7),
        longest_with_references=10,
        data_urls=True,
        video_data_urls=True,
        prompt_limit=PROMPT_LIMIT,
        sound=True,
        edits_up_to=8.7,
        extends=(2, 10),
        extends_from=(2.0, 15.0),
        usual_seconds=150,
    ),
    # Up to seven references, for up to 15 s and at 720p at most; 1080p from words or one picture [docs.x.ai "Video Generation", Sept 2026; TanStack/ai#1352].
    Capability(
        model="grok-imagine-video-1.5",
        label="Grok Imagine 1.5",
        aspect_ratios=ASPECT_RATIOS,
        durations=(1, 15),
        resolutions=("480p", "720p", "1080p"),
        images=(0, 7),
        resolutions_with_references=("480p", "720p"),
        data_urls=True,
        prompt_limit=PROMPT_LIMIT,
        sound=True,
        usual_seconds=150,
    ),
    # Its 1080p is an enlarged 720p. Several references were refused in a client's test [Comfy-Org nodes, docs.x.ai, Sept 2026].
    Capability(
        model="grok-imagine-video-1.5-lite",
        label="Grok Imagine 1.5 lite",
        aspect_ratios=ASPECT_RATIOS,
        durations=(1, 15),
        resolutions=("480p", "720p", "1080p"),
        images=(0, 1),
        data_urls=True,
        prompt_limit=PROMPT_LIMIT,
        sound=True,
        usual_seconds=150,
    ),
)

# 403: the key or its team may not do this, unless the words say that a balance is used up or that the filter is down [Wei-Shaw/sub2api#4665].
CAUSES_BY_STATUS = {401: Cause.WRONG_KEY, 402: Cause.OUT_OF_BALANCE, 403: Cause.NOT_PERMITTED}
CAUSES_BY_WORDS = {
    "incorrect api key": Cause.WRONG_KEY,  # HTTP 400
    "api key is currently blocked": Cause.WRONG_KEY,
    "storage_options": Cause.NOT_PERMITTED,  # a gateway or a team without Files: the switch of the connection mends it
    "zero data retention": Cause.NOT_PERMITTED,  # HTTP 400: such a team must name an address of its own storage [phuryn/grok-build-vscode#100]
    "used all available credits": Cause.OUT_OF_BALANCE,  # HTTP 403, and seen as 429
    "monthly spending limit": Cause.OUT_OF_BALANCE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class XAI:
    """One access to xAI."""

    key: str = field(repr=False)
    base_url: str = BASE_URL
    store_as: str = ""

    def submit(self, brief: Brief, *, callback_url: str = "", reference: str = "") -> Flow:  # noqa: ARG002 - no callback is documented
        """Ask for a video. `reference` travels as `user`, except with an extension, which has no such field."""
        match brief.operation:
            case Operation.GENERATE:
                path, wanted = "generations", xai_body.new_clip(brief, user=reference)
            case Operation.EDIT:
                path, wanted = "edits", xai_body.edited_clip(brief, user=reference)
            case Operation.EXTEND:
                path, wanted = "extensions", xai_body.longer_clip(brief)
        wanted |= xai_body.kept_as(self.store_as)
        answer = yield httpx.Request("POST", f"{self.base_url}/videos/{path}", headers=self._headers(), json=wanted)
        return _accepted(answer)

    def check(self, remote_id: str) -> Flow:
        """Ask how the job stands."""
        answer = yield httpx.Request("GET", f"{self.base_url}/videos/{quote(remote_id, safe='')}", headers=self._headers())
        return _standing(answer, remote_id)

    def storing(self, name: str) -> Provider:
        """The same access, which has its clips kept in xAI's Files under this name."""
        return replace(self, store_as=name)

    def find_file(self, name: str, *, since: datetime) -> FindFlow:
        """The file of that name: by a filter, whose form differs between the SDK and a public client, and else in the list, newest first.

        A filter that is refused or finds nothing is not believed: names are compared here.
        """
        answer = yield self._files({"filter": f'name = "{name}"'})
        read, requests = 0, 1
        if answer.is_success and (file := _named(_entries(answer), name)):
            return Listing(file=file, read=1)
        if not answer.is_success and answer.status_code not in FILTER_REFUSED:
            raise _no_files(answer)
        page: dict[str, str] = {}
        for _ in range(MOST_PAGES):
            answer = yield self._files(page)
            files, requests = _entries(answer), requests + 1
            read += len(files)
            if file := _named(files, name):
                return Listing(file=file, read=read, requests=requests)
            token = reading.text(reading.fields(answer).get("pagination_token"), longest=reading.LONGEST_LINK)
            if not token or not files or all((made := reading.moment(entry.get("created_at"))) and made < since for entry in files):
                return Listing(read=read, requests=requests)
            page = {"pagination_token": token}
        return Listing(read=read, requests=requests, is_whole=False)

    def file_request(self, file_id: str) -> httpx.Request:
        """GET /files/{id}/content."""
        return httpx.Request("GET", f"{self.base_url}/files/{quote(file_id, safe='')}/content", headers=self._headers())

    def delete_file(self, file_id: str) -> DeleteFlow:
        """DELETE /files/{id}."""
        answer = yield httpx.Request("DELETE", f"{self.base_url}/files/{quote(file_id, safe='')}", headers=self._headers())
        if not answer.is_success and answer.status_code != httpx.codes.NOT_FOUND:
            raise _no_files(answer)

    def _files(self, more: dict[str, str]) -> httpx.Request:
        asked = {"limit": str(FILES_A_PAGE), "order": "desc", "sort_by": "created_at", **more}
        return httpx.Request("GET", f"{self.base_url}/files", headers=self._headers(), params=asked)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}", "Accept": "application/json"}


def _entries(answer: httpx.Response) -> list[dict[str, reading.Json]]:
    """The files of a list. Raises NotNow or Unreadable for what is no list."""
    body = reading.fields(answer)
    if not answer.is_success or not isinstance(body.get("data"), list):
        raise _no_files(answer)
    return [reading.inside(entry) for entry in reading.listed(body.get("data"))]


def _named(files: list[dict[str, reading.Json]], name: str) -> StoredFile | None:
    """The file with exactly this name, which no other attempt has."""
    return next((file for file in map(xai_body.stored, files) if file and file.name == name), None)


def _no_files(answer: httpx.Response) -> ProviderError:
    """The error for an answer that tells nothing about files."""
    code, said = xai_body.error(reading.fields(answer))
    return reading.no_verdict(answer, name=NAME, said=said or code, cause=_cause(answer.status_code, said))


def _accepted(answer: httpx.Response) -> Report:
    """The report of a submission."""
    body = reading.fields(answer)
    code, said = xai_body.error(body)
    remote_id = reading.identifier(body.get("request_id"))
    if answer.is_success and remote_id:
        return Report(phase=Phase.QUEUED, remote_id=remote_id)
    cause = _cause(answer.status_code, said) or Cause.INPUT_REFUSED
    if answer.is_client_error and cause in {Cause.OUT_OF_BALANCE, Cause.MODERATED}:  # also as 429, where waiting would not help
        raise Refused(f"{NAME}: {said}", cause=cause, usage=xai_body.spent(body))
    raise reading.turned_away(answer, name=NAME, said=said or code, cause=cause)


def _standing(answer: httpx.Response, remote_id: str) -> Report:
    """The report of GET /videos/{id}."""
    body = reading.fields(answer)
    if answer.is_success and (body.get("status") or body.get("video")):
        return xai_body.told(body, remote_id, name=NAME)
    if answer.status_code == RUNNING:
        return reading.still_running(remote_id, progress=reading.percent(body.get("progress")))
    code, said = xai_body.error(body)
    cause = _cause(answer.status_code, said)
    if _is_about_the_result(answer, cause, xai_body.spent(body)):
        return Report(phase=Phase.FAILED, remote_id=remote_id, usage=xai_body.spent(body), cause=cause or Cause.PROVIDER_FAILED, message=said or code)
    raise reading.no_verdict(answer, name=NAME, said=said or code, cause=cause)


def _is_about_the_result(answer: httpx.Response, cause: Cause | None, spent: Usage | None) -> bool:
    """Whether a 4xx is the job's own end rather than a complaint about the look: it has the filter's words, or says what the job cost."""
    about_the_look = cause is Cause.WRONG_KEY or answer.status_code == reading.TOO_MANY_REQUESTS
    return answer.is_client_error and not about_the_look and (cause is Cause.MODERATED or spent is not None)


def _cause(status: int, said: str) -> Cause | None:
    """Why, as far as words or status tell; the words know more."""
    return reading.cause_in(said, CAUSES_BY_WORDS) or CAUSES_BY_STATUS.get(status)


DIALECTS = (Dialect(key="", label="docs.x.ai, newest reference", access=XAI, capabilities=CAPABILITIES, usage_unit=USAGE_UNIT),)
