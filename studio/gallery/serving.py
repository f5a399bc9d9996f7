"""Files from our storage over HTTP: ranges, conditions, names. Decides nothing about who may have them.

    a bucket                     302 to a link of its own, which works for minutes
    STUDIO_ACCEL_REDIRECT        the web server in front sends the file, ranges and all
    else                         we do, because Django's FileResponse answers no Range: nobody could seek, and Safari would not play

RFC 9110, sections 13 and 14:

    no Range, a malformed one, several ranges, or If-Range that differs   200, everything
    one range that touches the file                                       206, that part
    one range beyond it                                                   416, with the size
    If-None-Match that matches                                            304
"""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable
from urllib.parse import quote

from django.conf import settings
from django.core.files import File
from django.core.files.storage import storages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, StreamingHttpResponse
from django.utils.cache import get_conditional_response

from studio.plain_text import normalized, one_line

CHUNK = 1 << 18  # bytes in memory at once
ONE_RANGE = re.compile(r"bytes=[ \t]*(\d{0,18})-(\d{0,18})[ \t]*", re.ASCII | re.IGNORECASE)
TYPES = {"mp4": "video/mp4", "webm": "video/webm", "webp": "image/webp", "png": "image/png", "jpg": "image/jpeg", "zip": "application/zip"}
MINUTES = 300  # seconds that a browser shows private bytes without asking: who leaves a project loses its pictures after them
NOT_AT_ALL = 0  # for what its person may lose at any moment: a revoked link, a project left
LONGEST_NAME = 48  # characters of a prompt in a file's name


class Unsatisfiable(Exception):
    """The range lies beyond the file."""


@runtime_checkable
class Linking(Protocol):
    """A storage whose files a browser can fetch from itself (studio.jobs.bucket.Bucket)."""

    def link(self, name: str, *, method: str, kind: str, disposition: str, cache: str) -> str:
        """An address that works for minutes, and answers with these headers."""
        ...


@dataclass(frozen=True, slots=True)
class Span:
    """Some bytes of a file: `length` of them from `start`."""

    start: int
    length: int

    def within(self, size: int) -> str:
        """Its Content-Range."""
        return f"bytes {self.start}-{self.start + self.length - 1}/{size}"


@dataclass(frozen=True, slots=True)
class Parcel:
    """A file of ours, ready to be sent: its name in the storage, the SHA-256 of what it was made from, and what a browser should call it
    (empty: show it).
    """

    name: str | None
    sha256: str
    seconds: int = MINUTES  # that a browser may keep it without asking; NOT_AT_ALL: it keeps nothing
    save_as: str = ""


def cache_control(seconds: int) -> str:
    """The Cache-Control of bytes that a browser may keep so long, whoever sends them: we, the web server in front, or a bucket. No shared cache ever may."""
    if seconds == NOT_AT_ALL:
        return "private, no-store"
    return f"private, max-age={seconds}, must-revalidate"


def suffix_of(name: str | None) -> str:
    """How a file of ours ends, without the dot: "mp4"."""
    return str(name).rpartition(".")[2]


def span_of(header: str, size: int) -> Span | None:
    """The one range that this header asks of a file of `size` bytes; None when it is to be ignored. Raises Unsatisfiable."""
    match = ONE_RANGE.fullmatch(header)
    if match is None or match[1] == match[2] == "":
        return None
    if match[1] == "":
        return _last(int(match[2]), size)
    start = int(match[1])
    end = int(match[2]) if match[2] else size - 1
    if match[2] and end < start:
        return None
    if start >= size:
        raise Unsatisfiable
    return Span(start, min(end, size - 1) - start + 1)


def _last(length: int, size: int) -> Span:
    """The last `length` bytes, or all where there are fewer."""
    if length == 0 or size == 0:
        raise Unsatisfiable
    return Span(max(0, size - length), min(length, size))


def send(request: HttpRequest, parcel: Parcel) -> HttpResponseBase:
    """The answer to a browser's GET or HEAD for this file. Http404 when we have none, or the storage has lost it; a bucket is not asked."""
    storage = storages["default"]
    if not isinstance(storage, Linking) or not parcel.name:
        return deliver(request, parcel)
    said = {"kind": kind_of(parcel.name), "disposition": _disposition(parcel), "cache": cache_control(parcel.seconds)}
    answer = HttpResponseRedirect(storage.link(parcel.name, method=str(request.method), **said))
    answer.headers["Cache-Control"] = cache_control(NOT_AT_ALL)  # the link is for this person, and for now
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


def deliver(request: HttpRequest, parcel: Parcel) -> HttpResponseBase:
    """The same without ever sending anybody elsewhere, for programs that may not follow. Read in chunks while it is sent."""
    if not parcel.name:
        raise Http404
    try:
        size = storages["default"].size(parcel.name)
    except FileNotFoundError as error:
        raise Http404 from error
    etag = f'"{parcel.sha256}"' if parcel.sha256 else None
    answer: HttpResponseBase | None = get_conditional_response(request, etag=etag) if etag else None
    if answer is None:
        left = settings.ACCEL_REDIRECT and "If-Match" not in request.headers  # which nginx would compare with its own validator, and refuse
        answer = _left_to_the_server(parcel.name) if left else _answer(request, parcel.name, size=size, etag=etag)
    return _labelled(answer, parcel, etag)


def _left_to_the_server(name: str) -> HttpResponse:
    """What tells the web server in front which file to send. It reads Range and If-Range itself."""
    return HttpResponse(content_type=kind_of(name), headers={"X-Accel-Redirect": quote(f"{settings.ACCEL_REDIRECT}{name}")})


def not_made(kind: str) -> StreamingHttpResponse:
    """The answer to HEAD for a file of this kind that GET would make first. It says no length: nobody knows it yet, and RFC 9110 (8.6) asks for none."""
    return StreamingHttpResponse((), content_type=kind)


def kind_of(name: str | None) -> str:
    """Its Content-Type."""
    return TYPES[suffix_of(name)]


def _answer(request: HttpRequest, name: str, *, size: int, etag: str | None) -> HttpResponseBase:
    """200, 206 or 416."""
    try:
        span = _wanted(request, size=size, etag=etag)
    except Unsatisfiable:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    part = span or Span(0, size)
    answer: HttpResponseBase
    if request.method == "HEAD":
        answer = HttpResponse(content_type=kind_of(name))
    else:
        answer = _Streamed(_Part(storages["default"].open(name), part), content_type=kind_of(name))
    answer.headers["Content-Length"] = str(part.length)
    if span:
        answer.status_code = 206
        answer.headers["Content-Range"] = span.within(size)
    return answer


def _wanted(request: HttpRequest, *, size: int, etag: str | None) -> Span | None:
    """The range that counts. Only GET has ranges, and a condition that does not hold asks for everything."""
    header = request.headers.get("Range", "")
    condition = request.headers.get("If-Range")
    if request.method != "GET" or not header or (condition is not None and condition.strip() != etag):
        return None
    return span_of(header, size)


class _Part:
    """These bytes of an open file, as a file that ends with them. Has `close`, which is called when the answer ends, even before its first chunk."""

    def __init__(self, file: "File[bytes]", part: Span) -> None:
        self._file = file
        self._left = part.length
        self.close = file.close
        file.seek(part.start)

    def read(self, size: int = CHUNK) -> bytes:
        """The next bytes, at most so many; none at the end."""
        chunk: bytes = self._file.read(min(size, self._left))
        self._left -= len(chunk)
        return chunk

    def fileno(self) -> int:
        """The descriptor, which stands at the first byte. Raises UnsupportedOperation where the storage has none."""
        return int(self._file.fileno())

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self.read():
            yield chunk


class _Streamed(StreamingHttpResponse):
    """Names the file that it streams, so that the web server can have the kernel send it (`wsgi.file_wrapper`)."""

    block_size = CHUNK

    def __init__(self, part: _Part, *, content_type: str) -> None:
        super().__init__(part, content_type=content_type)
        self.file_to_stream = part


def _labelled(answer: HttpResponseBase, parcel: Parcel, etag: str | None) -> HttpResponseBase:
    """The headers that every answer about a file carries."""
    if "X-Accel-Redirect" not in answer.headers:  # nginx says it itself
        answer.headers["Accept-Ranges"] = "bytes"
    answer.headers["Cache-Control"] = cache_control(parcel.seconds)
    answer.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Content-Disposition"] = _disposition(parcel)
    if etag:
        answer.headers["ETag"] = etag
    return answer


def _disposition(parcel: Parcel) -> str:
    return disposition(parcel.save_as) if parcel.save_as else "inline"


def disposition(name: str) -> str:
    """Content-Disposition for saving under this name, in both forms of RFC 6266: plain ASCII for old readers, UTF-8 for the rest."""
    name = one_line(name)
    plain = normalized("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r"\s+", " ", re.sub(r'["\\%;]', "", plain)).strip()
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def telling_name(code: str, prompt: str, suffix: str) -> str:
    """What a downloaded clip is called: "TIDE-047 slow dolly toward the glass.mp4". Safe on every system."""
    words = re.sub(r"[^\w\s'-]|_", " ", normalized("NFC", prompt)).split()
    told = textwrap.shorten(" ".join(words), LONGEST_NAME, placeholder="").strip(" -'")
    return f"{code} {told[:1].lower()}{told[1:]}".strip() + f".{suffix}"
