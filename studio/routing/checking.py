"""Whether a connection works, asked without paying: one look at a job that cannot exist.

The answer says more than yes or no: a provider that complains about the *job* has accepted the key and the path.

    no answer at all ............ unreachable          a web page, a redirect, a path it does not know ... wrong path
    it refuses the key .......... wrong key            busy, or in trouble itself ....................... unclear
    Zero Data Retention ......... keeps nothing        anything else .................................... accepted
"""

import asyncio
import json
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus

import httpx
from django.conf import settings

from studio.providers.contract import Brief, Flow, Provider, ProviderError, Report
from studio.providers.registry import make
from studio.providers.wire import Patience, Wire
from studio.routing.models import Connection, KeyUnreadable

NOBODYS_JOB = "00000000-0000-0000-0000-000000000000"
PATIENCE = Patience(connect=3.0, read=4.0, pool=1.0, total=5.0)  # a person waits for it
NO_CLIPS = "its team has Zero Data Retention: such a team gets its clips only at an address of its own storage, which this version cannot give."
REFUSED_KEY = "refuses our key"  # how reading.no_verdict begins to say it, whatever the provider's own words and status are
NO_SUCH_PATH = ("no_api", "not registered", "invalid url", "no route", "cannot get", "cannot post", "method not allowed")
LOST = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED})


class Found(StrEnum):
    """What the question found out."""

    ACCEPTED = "accepted"
    WRONG_KEY = "wrong_key"
    WRONG_PATH = "wrong_path"
    UNREACHABLE = "unreachable"
    UNCLEAR = "unclear"
    KEEPS_NOTHING = "keeps_nothing"  # its team gets no clips that we could fetch


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found, and a sentence for the person who asked. The sentence never holds a key."""

    found: Found
    words: str

    @property
    def is_good(self) -> bool:
        """Whether jobs can be sent."""
        return self.found is Found.ACCEPTED


def check(connection: Connection, *, allowed_hosts: Collection[str], patience: Patience = PATIENCE) -> Verdict:
    """Ask the connection's provider, within `patience`; never raises for what a provider, a network or a key can be. Sends nothing that is paid."""
    provider = entry(connection)
    if isinstance(provider, Verdict):
        return provider
    overheard = Overheard(provider)
    try:
        asyncio.run(_ask(overheard, allowed_hosts, patience))
    except ProviderError as error:
        return judged(overheard.answer, error.message, mend=error.mend)
    return judged(overheard.answer, "")


def entry(connection: Connection) -> Provider | Verdict:
    """The access to the connection's provider, or why it cannot even be asked."""
    if connection.sandbox and not settings.SANDBOX:
        return Verdict(Found.UNREACHABLE, "The sandbox is off in this installation (STUDIO_SANDBOX), so nothing can be sent there.")
    try:
        provider = make(connection.provider, connection.key, connection.address, connection.dialect)
    except KeyUnreadable as error:
        return Verdict(Found.WRONG_KEY, str(error))
    return provider if provider.key else Verdict(Found.WRONG_KEY, "There is no key yet. Enter one.")


async def _ask(provider: Provider, allowed_hosts: Collection[str], patience: Patience) -> None:
    async with Wire(allowed_hosts=allowed_hosts, looking=patience) as wire:
        await wire.check(provider, NOBODYS_JOB)


class Overheard:
    """A provider whose looks are listened to: the report alone does not tell a wrong path from a job that is not there."""

    def __init__(self, provider: Provider) -> None:
        self.key, self.base_url = provider.key, provider.base_url
        self.answer: httpx.Response | None = None
        self._provider = provider

    def submit(self, brief: Brief, *, callback_url: str = "", reference: str = "") -> Flow:
        """The provider's own."""
        return self._provider.submit(brief, callback_url=callback_url, reference=reference)

    def check(self, remote_id: str) -> Flow:
        """The provider's own, with the answer kept."""
        flow = self._provider.check(remote_id)
        self.answer = yield next(flow)
        return _report(flow, self.answer)


def _report(flow: Flow, answer: httpx.Response) -> Report:
    """What the provider's flow makes of its answer."""
    try:
        flow.send(answer)
    except StopIteration as end:
        report: Report = end.value
        return report
    raise ValueError("a look is one request")


def judged(answer: httpx.Response | None, said: str, *, mend: str = "") -> Verdict:
    """What an answer means; `said` is the provider's error in words, empty where it gave a report, `mend` what an operator can do about it. Pure."""
    if answer is None:
        return Verdict(Found.UNREACHABLE, f"{said} {mend}".strip())
    host, status = answer.request.url.host, answer.status_code
    if REFUSED_KEY in said or status == HTTPStatus.UNAUTHORIZED:
        return Verdict(Found.WRONG_KEY, f"{host} answers, but refuses the key. {_quoted(said)}".strip())
    if _is_lost(answer):
        return Verdict(Found.WRONG_PATH, f"{host} answers, but knows no such path ({status}). Check the path of the base URL.")
    if answer.headers.get("X-Zero-Data-Retention", "").casefold() == "true":
        return Verdict(Found.KEEPS_NOTHING, f"{host} accepts the key, but {NO_CLIPS} Use a key of a team without it.")
    if why := _unclear(answer):
        return Verdict(Found.UNCLEAR, f"{host} {why}")
    return Verdict(Found.ACCEPTED, f"{host} answers and accepts the key.")


def _unclear(answer: httpx.Response) -> str:
    """Why an answer says nothing about the connection; an empty string when all is well."""
    status = answer.status_code
    if status == HTTPStatus.PAYMENT_REQUIRED:
        return "accepts the key, but the account there is out of balance."
    if status == HTTPStatus.FORBIDDEN and not _body(answer):
        return f"keeps us out ({status}) and does not say why."
    if status == HTTPStatus.TOO_MANY_REQUESTS or answer.is_server_error:
        trouble = "asks us to wait" if status == HTTPStatus.TOO_MANY_REQUESTS else "is in trouble itself"
        return f"answers, but {trouble} ({status}). The key was not judged; try again later."
    return ""


def _is_lost(answer: httpx.Response) -> bool:
    """Whether something answered that is not this API: a redirect, a web page, or a router that has no such path."""
    if answer.is_server_error:  # a web page of a gateway in trouble
        return False
    if answer.is_redirect or "html" in answer.headers.get("Content-Type", "").lower() or answer.content.lstrip()[:1] == b"<":
        return answer.status_code not in {HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS}
    body = _body(answer)
    words = json.dumps(body).casefold()
    if any(word in words for word in NO_SUCH_PATH):
        return answer.is_client_error
    # a 404 with a body of the API's own is about the job; routers answer with nothing, or with just `detail` (FastAPI) or `path` (Spring)
    return answer.status_code in LOST and (not body or set(body) == {"detail"} or "path" in body)


def _body(answer: httpx.Response) -> dict[str, object]:
    """The JSON object of an answer; empty for anything else."""
    try:
        body = json.loads(answer.content)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _quoted(said: str) -> str:
    """The provider's own words, without ours in front."""
    words = said.partition(": ")[2].strip()
    return f"It says: {words}" if words and not words.isdigit() else ""
