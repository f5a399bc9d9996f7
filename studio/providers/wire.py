"""The only module that asks providers: carries a flow's request out and its answer back.

Knows no provider. What it knows is which failures happened before anything was sent:

    a paid submission           sent once, on a fresh connection     never sent ─> Unreached     anything else ─> Unanswered
    a look, a list, a balance   free, on pooled connections          any failure ─> NotNow
    a download                  see download.py
"""

import asyncio
import html
import json
import re
import zlib
from collections.abc import Callable, Collection, Generator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import quote

import httpx

from studio.providers import reading, sockets
from studio.providers.contract import (
    AboutAnother,
    Balance,
    Batches,
    Brief,
    Cause,
    Listing,
    Lists,
    NotNow,
    Provider,
    ProviderError,
    Refused,
    Report,
    StoresFiles,
    TellsBalance,
    Unanswered,
    Unreached,
    Unreadable,
)
from studio.providers.download import Download, DownloadError, DownloadFailed, DownloadUnfinished, LinkExpired, download
from studio.providers.sockets import Patience, TooLong

# What the rest of the product needs of this package's sockets, in one place.
__all__ = [
    "FOR_DOWNLOADING",
    "FOR_LOOKING",
    "FOR_SUBMITTING",
    "LONGEST_RECORD",
    "Answer",
    "Download",
    "DownloadError",
    "DownloadFailed",
    "DownloadUnfinished",
    "LinkExpired",
    "Pace",
    "Patience",
    "Wire",
    "key_trouble",
    "recorded",
    "without_key",
]

Told = TypeVar("Told")

LONGEST_ANSWER = 1024 * 1024  # bytes
LONGEST_RECORD = 16 * 1024  # characters of an answer that are kept with an attempt
LEAST_CUT = 12  # characters at the start of a key that give it away
CONNECTIONS_PER_POOL = 5  # a pool walks all its connections, squared, for every request (docs/decisions.md)
MOST_QUESTIONS = 40  # of one free flow, such as the pages of a list
POOLS = 40  # so that a sweep of 200 jobs looks at all of them at once

FOR_SUBMITTING = Patience(read=60.0, total=75.0)  # the worker's lease for sending must be longer
FOR_LOOKING = Patience()
FOR_DOWNLOADING = Patience(read=30.0, total=300.0)

ABOUT_THE_BYTES = frozenset({b"content-encoding", b"content-length", b"transfer-encoding"})  # headers that no longer fit a body that we have read

# What echoes of our own request may hold: the address of a callback carries the attempt's token.
# Fields that some document knows, and, whatever the field, any address of the door for callbacks (studio/urls.py), as JSON and addresses write it.
SLASH = r"(?:/|\\/|%2F)"
DOOR = re.compile(rf"https?(?::|%3A){SLASH}{{2}}[^\s\"<>]*?{SLASH}hooks{SLASH}[^\s\"<>]*", re.IGNORECASE)
CALLBACK_ADDRESS = re.compile(r'("(?:hookUrl|hook_url|callback_url|callbackUrl)"\s*:\s*")(?:[^"\\]|\\.)*"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """What an answer said about the rate limit: how many requests are left, and in how many seconds it is whole again. None where it is silent."""

    remaining: int | None = None
    reset: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A report with what it was read from. `raw` is the body for the attempt's record: no key, no callback address, at most 16 Ki characters."""

    report: Report
    status: int
    raw: str
    pace: Pace


class Wire:
    """All exchanges of one sweep or task, on one event loop.

    `allowed_hosts` are the hosts ("studio.lan" or "127.0.0.1:8000") that may be private and may be asked without TLS; see guard.py.

        async with Wire(allowed_hosts=settings.ALLOW_PRIVATE_HOSTS) as wire:
            answer = await wire.submit(provider, brief, callback_url=url)
    """

    def __init__(
        self,
        *,
        allowed_hosts: Collection[str] = (),
        submitting: Patience = FOR_SUBMITTING,
        looking: Patience = FOR_LOOKING,
        downloading: Patience = FOR_DOWNLOADING,
    ) -> None:
        """Open nothing yet: connections are made when they are needed."""
        self._allowed_hosts = frozenset(allowed_hosts)
        self._submitting, self._looking, self._downloading = submitting, looking, downloading
        self._pools = [sockets.Line(CONNECTIONS_PER_POOL, self._allowed_hosts) for _ in range(POOLS)]
        self._out = [0] * POOLS  # requests that are out, by pool

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """End all connections; for a wire that outlives one block."""
        for pool in self._pools:
            await pool.aclose()

    async def submit(
        self, provider: Provider, brief: Brief, *, callback_url: str = "", reference: str = "", left: Callable[[], None] | None = None
    ) -> Answer:
        """Ask for a video, once. Raises a ProviderError; after Unanswered nobody knows whether it was made, so it must not be asked again.

        `left` is called when the whole request has left.
        """
        if wrong := key_trouble(provider.key):
            raise Refused(wrong, cause=Cause.WRONG_KEY)
        flow = provider.submit(brief, callback_url=callback_url, reference=reference)
        request = self._opening(flow, provider)
        opened = sockets.Opened(request.url, left)
        try:
            async with sockets.Line(1, self._allowed_hosts) as fresh:  # the other side may have closed a pooled one, which looks like a lost answer
                response = await self._exchange(fresh, request, self._submitting, opened=opened)
        except Exception as error:
            said, mend = _words(error, provider)
            if isinstance(error, sockets.NEVER_SENT) or not opened.is_open:
                raise Unreached(f"{request.url.host} could not be reached, so nothing was sent: {said}.", mend=mend) from error
            raise Unanswered(f"It was sent to {request.url.host}, but no whole answer came back: {said}.", mend=mend) from error
        return _answer(_read(flow, response, provider), response, provider)

    async def check(self, provider: Provider, remote_id: str) -> Answer:
        """Ask how a job stands. Raises a ProviderError, which says nothing about the job: look again later."""
        try:
            report, response = await self._asked(provider.check(remote_id), provider)
        except AboutAnother:
            raise
        except Unreadable as error:  # an answer that names a clip is not looked at until the deadline as if the job ran
            unread = httpx.Response(httpx.codes.OK, text=error.answer)
            report = reading.with_stray_clip(reading.still_running(remote_id, alert=error.message), unread)
            if not report.seems_over:
                raise
            return Answer(report=report, status=unread.status_code, raw=error.answer, pace=Pace())
        return _answer(reading.with_stray_clip(report, response), response, provider)

    async def check_many(self, provider: Batches, remote_ids: Sequence[str]) -> dict[str, Answer]:
        """Ask how several jobs stand, in one request. Jobs that the answer does not speak of are left out. Raises as `check`."""
        reports, response = await self._asked(provider.check_many(remote_ids), provider)
        about = _parts_by_id(response.content)
        return {one: _answer(_checked(report, about.get(one)), response, provider, about=about.get(one)) for one, report in reports.items()}

    async def find(self, provider: Lists, brief: Brief, *, since: datetime, until: datetime) -> Listing:
        """The jobs that the provider's own list shows for this brief, on as many pages as the flow asks for. Raises as `check`."""
        listing, _ = await self._asked(provider.find(brief, since=since, until=until), provider)
        return listing

    async def find_file(self, provider: StoresFiles, name: str, *, since: datetime) -> Listing:
        """The file of this name in the provider's store, if it is there. Raises as `check`."""
        listing, _ = await self._asked(provider.find_file(name, since=since), provider)
        return listing

    async def delete_file(self, provider: StoresFiles, file_id: str) -> None:
        """Delete a file in the provider's store. Raises as `check`."""
        await self._asked(provider.delete_file(file_id), provider)

    async def download_file(self, provider: StoresFiles, file_id: str, file: Path, *, limit: int) -> Download:
        """Copy a file of the provider's store into `file`, with the key, which goes to the provider's own host alone. Raises as `download`."""
        if wrong := key_trouble(provider.key):
            raise DownloadFailed(wrong)
        asked = provider.file_request(file_id)
        own = {"Authorization": asked.headers["Authorization"]}
        return await download(str(asked.url), file, limit=limit, patience=self._downloading, allowed_hosts=self._allowed_hosts, own=own)

    async def balance(self, provider: TellsBalance) -> Balance:
        """What is left of our balance at the provider. Raises as `check`."""
        left, _ = await self._asked(provider.balance(), provider)
        return left

    async def download(self, url: str, file: Path, *, limit: int, seconds: float | None = None) -> Download:
        """Copy what a URL gives into `file`, at most `limit` bytes, within `seconds` if they are fewer than usual. What arrives goes on next time.

        Raises a DownloadError, or OSError from our own disk.
        """
        usual = self._downloading
        patience = usual if seconds is None else replace(usual, total=min(seconds, usual.total))
        return await download(url, file, limit=limit, patience=patience, allowed_hosts=self._allowed_hosts)

    async def _asked(self, flow: Generator[httpx.Request, httpx.Response, Told], provider: Provider) -> tuple[Told, httpx.Response]:
        """What a free question was answered, and the answer. Raises NotNow or Unreadable."""
        if wrong := key_trouble(provider.key):
            raise NotNow(wrong)
        request = self._opening(flow, provider)
        for _ in range(MOST_QUESTIONS):
            response = await self._answered(request, provider)
            told = _read_on(flow, response, provider)
            if not isinstance(told, httpx.Request):
                return told, response
            request = told
        raise Unreadable(f"{request.url.host} was asked {MOST_QUESTIONS} times and its answers had no end.")

    async def _answered(self, request: httpx.Request, provider: Provider) -> httpx.Response:
        """The answer to one free question. Raises NotNow."""
        place = self._roomiest()
        self._out[place] += 1
        try:
            return await self._exchange(self._pools[place], request, self._looking)
        except Exception as error:
            said, mend = _words(error, provider)
            raise NotNow(f"{request.url.host} gave no answer: {said}.", mend=mend) from error
        finally:
            self._out[place] -= 1

    def _roomiest(self) -> int:
        """The first pool with a free connection, so that few requests keep to few connections, which stay open; all alike where there is none."""
        return min(range(POOLS), key=lambda place: self._out[place] // CONNECTIONS_PER_POOL)

    def _opening(self, flow: Generator[httpx.Request, httpx.Response, Told], provider: Provider) -> httpx.Request:
        """A flow's request, if it may be sent at all. What goes wrong here goes wrong before anything is sent."""
        try:
            request = next(flow)
            sockets.admit(request.url, self._allowed_hosts)
        except ProviderError:
            raise
        except Exception as error:
            said, mend = _words(error, provider)
            raise NotNow(f"The request could not be sent: {said}.", mend=mend) from error
        return request

    async def _exchange(
        self, line: sockets.Line, request: httpx.Request, patience: Patience, *, opened: sockets.Opened | None = None
    ) -> httpx.Response:
        """One request, one whole answer of at most 1 MiB. Raises httpcore's errors, TimeoutError, TooLong or zlib.error."""
        async with asyncio.timeout(patience.total), sockets.sent(line, request, patience, opened=opened) as response:
            body = b"".join([part async for part in sockets.parts(response, LONGEST_ANSWER)])
            if sockets.is_packed(response):
                body = _unpacked(body)
            headers = [(name, value) for name, value in response.headers if name.lower() not in ABOUT_THE_BYTES]
            return httpx.Response(response.status, headers=headers, content=body, request=request)


def key_trouble(key: str) -> str:
    """Why a key cannot travel in a header, in words for an admin that do not repeat it; "" when it can."""
    if not key:
        return "This connection has no key."
    if not re.fullmatch(r"[!-~]+", key):
        return "This connection's key holds spaces or characters that no key has. Enter it again."
    return ""


def without_key(words: str, key: str) -> str:
    """The words with the key struck out: some providers repeat a key that they refuse, and pages of gateways repeat whole requests.

    Struck out are the key as it is and as JSON, HTML and addresses write it, whole or cut off: words are shortened before they come here.
    """
    written = (key, json.dumps(key)[1:-1], key.replace("/", "\\/"), html.escape(key), quote(key, safe=""))
    for form in dict.fromkeys(written):
        if form and form[:LEAST_CUT] in words:
            for length in range(len(form), min(len(form), LEAST_CUT) - 1, -1):
                words = words.replace(form[:length], "[key]")
    return words


def recorded(body: bytes, key: str) -> str:
    """An answer as it is kept with an attempt. Secrets go first, so that none is cut in half and left."""
    words = reading.storable(body.decode("utf-8", "replace"))
    return without_secrets(CALLBACK_ADDRESS.sub(r'\1[removed]"', words), key)[:LONGEST_RECORD]


def without_secrets(words: str, key: str) -> str:
    """The words with the key and every address of our door for callbacks struck out."""
    return without_key(DOOR.sub("[removed]", words), key)


def _read(flow: Generator[httpx.Request, httpx.Response, Told], response: httpx.Response, provider: Provider) -> Told:
    """What the flow makes of the answer to a paid request, after which nothing more is sent."""
    told = _read_on(flow, response, provider)
    if isinstance(told, httpx.Request):
        raise Unreadable("The answer led to a second request, which is not sent.", answer=recorded(response.content, provider.key))
    return told


def _read_on(flow: Generator[httpx.Request, httpx.Response, Told], response: httpx.Response, provider: Provider) -> Told | httpx.Request:
    """What the flow makes of the answer, or the next thing that it asks. Its errors get the answer to keep, and secrets are struck out of both."""
    raw = recorded(response.content, provider.key)
    try:
        return flow.send(response)
    except StopIteration as end:
        told: Told = end.value
        return told
    except ProviderError as error:
        error.answer, error.message = raw, without_secrets(error.message, provider.key)
        error.args = (error.message,)  # an answer was read, so there is nothing to mend here
        raise
    except Exception as error:
        raise Unreadable(f"The answer could not be read: {_words(error, provider)[0]}.", answer=raw) from error


def _answer(report: Report, response: httpx.Response, provider: Provider, *, about: bytes | None = None) -> Answer:
    """A report with what is kept of its answer: all of it, or the part `about` this job. Secrets are struck out of both."""
    report = replace(report, message=without_secrets(report.message, provider.key), alert=without_secrets(report.alert, provider.key))
    pace = Pace(remaining=reading.requests_left(response.headers), reset=reading.reset_after(response.headers))
    raw = recorded(response.content if about is None else about, provider.key)
    return Answer(report=report, status=response.status_code, raw=raw, pace=pace)


def _checked(report: Report, about: bytes | None) -> Report:
    """A report of many, against the part of the answer that is about it."""
    return report if about is None else reading.with_stray_clip(report, httpx.Response(httpx.codes.OK, content=about))


def _parts_by_id(body: bytes) -> dict[str, bytes]:
    """The objects that stand in a list of an answer about many jobs, by their `id`; spelled anew, which a record may be."""
    try:
        lists = [value for value in json.loads(body).values() if isinstance(value, list)]
        objects = [item for items in lists for item in items if isinstance(item, dict)]
        return {str(item.get("id")): json.dumps(item, ensure_ascii=False).encode("utf-8", "replace") for item in objects}
    except (ValueError, RecursionError, AttributeError):  # not JSON, nested without end, or no object: then the whole body is kept
        return {}


def _words(error: Exception, provider: Provider) -> tuple[str, str]:
    said, mend = sockets.in_words(error)
    return without_key(said, provider.key), mend


def _unpacked(body: bytes) -> bytes:
    """A gzip or zlib body, unpacked to at most 1 MiB. A gateway that packs unasked must not cost us the id of a paid job."""
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)
    plain = unpacker.decompress(body, LONGEST_ANSWER)
    if not unpacker.eof:
        raise TooLong(f"Unpacked, it has more than {LONGEST_ANSWER:,} bytes, or is cut.")
    return plain
