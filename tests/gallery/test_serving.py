"""How bytes leave: every form of Range and condition that RFC 9110 knows, and the names that files are saved under."""

import os
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from studio.gallery.serving import CHUNK, Parcel, Span, Unsatisfiable, disposition, send, span_of, telling_name

pytestmark = pytest.mark.django_db  # an answer's end is told to the database's connections

CONTENT = bytes(range(100))
SHA = "ab" * 32
ETAG = f'"{SHA}"'


@pytest.fixture
def parcel() -> Parcel:
    """A hundred bytes in the storage."""
    return Parcel(default_storage.save("clips/TIDE/one.mp4", ContentFile(CONTENT)), SHA)


def ask(parcel: Parcel, *, method: str = "GET", **headers: str) -> HttpResponseBase:
    return send(RequestFactory().generic(method, "/", headers={name.replace("_", "-"): value for name, value in headers.items()}), parcel)


def body(answer: HttpResponseBase) -> bytes:
    content = b"".join(answer) if isinstance(answer, StreamingHttpResponse | HttpResponse) else b""
    answer.close()
    return content


@pytest.mark.parametrize(
    ("wanted", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-49", 0, 49),
        ("bytes=10-19", 10, 19),
        ("bytes=99-99", 99, 99),
        ("bytes=0-", 0, 99),
        ("bytes=50-", 50, 99),
        ("bytes=90-1000", 90, 99),
        ("bytes=-1", 99, 99),
        ("bytes=-10", 90, 99),
        ("bytes=-1000", 0, 99),
        ("Bytes=3-4", 3, 4),
        ("bytes= 3-4 ", 3, 4),
    ],
)
def test_one_range_gets_exactly_that_part(parcel: Parcel, wanted: str, first: int, last: int):
    answer = ask(parcel, Range=wanted)

    assert answer.status_code == HTTPStatus.PARTIAL_CONTENT
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/100"
    assert answer.headers["Content-Length"] == str(last - first + 1)
    assert body(answer) == CONTENT[first : last + 1]


@pytest.mark.parametrize("wanted", ["bytes=100-", "bytes=100-200", "bytes=1000-1001", "bytes=-0"])
def test_a_range_beyond_the_file_is_refused_with_its_size(parcel: Parcel, wanted: str):
    answer = ask(parcel, Range=wanted)

    assert answer.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
    assert answer.headers["Content-Range"] == "bytes */100"
    assert body(answer) == b""


@pytest.mark.parametrize(
    "wanted",
    ["", "bytes", "bytes=", "bytes=-", "bytes=5", "bytes=5-4", "bytes=a-b", "bytes=--5", "bytes=1-2-3", "bytes=+1-2", "lines=0-5", "0-5",
     "bytes=0-1,5-6", "bytes=0-1, -5", "bytes=١-٢", "bytes=" + "9" * 40 + "-"],
)  # fmt: skip
def test_what_is_no_single_range_gets_everything(parcel: Parcel, wanted: str):
    answer = ask(parcel, Range=wanted)

    assert answer.status_code == HTTPStatus.OK
    assert "Content-Range" not in answer.headers
    assert body(answer) == CONTENT


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        (ETAG, HTTPStatus.PARTIAL_CONTENT),
        (f"  {ETAG} ", HTTPStatus.PARTIAL_CONTENT),
        ('"other"', HTTPStatus.OK),
        (f"W/{ETAG}", HTTPStatus.OK),
        ("Fri, 20 Nov 2026 10:00:00 GMT", HTTPStatus.OK),
        ("", HTTPStatus.OK),
    ],
)
def test_if_range_must_name_this_very_file(parcel: Parcel, condition: str, status: HTTPStatus):
    answer = ask(parcel, Range="bytes=0-9", If_Range=condition)

    assert answer.status_code == status
    assert body(answer) == (CONTENT[:10] if status == HTTPStatus.PARTIAL_CONTENT else CONTENT)


@pytest.mark.parametrize("condition", [ETAG, f'"other", {ETAG}', f"W/{ETAG}", "*"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_browser_that_has_it_is_told_so(parcel: Parcel, condition: str, method: str):
    answer = ask(parcel, method=method, If_None_Match=condition, Range="bytes=0-9")

    assert answer.status_code == HTTPStatus.NOT_MODIFIED
    assert answer.headers["ETag"] == ETAG
    assert body(answer) == b""


def test_a_browser_that_has_another_version_gets_this_one(parcel: Parcel):
    answer = ask(parcel, If_None_Match='"other"')

    assert answer.status_code == HTTPStatus.OK
    assert body(answer) == CONTENT


def test_who_wants_another_version_only_gets_nothing(parcel: Parcel):
    assert ask(parcel, If_Match='"other"').status_code == HTTPStatus.PRECONDITION_FAILED


@pytest.mark.parametrize(
    ("headers", "status", "content"),
    [
        ({"If_None_Match": '"other"', "Range": "bytes=0-9"}, HTTPStatus.PARTIAL_CONTENT, CONTENT[:10]),
        ({"If_Match": ETAG, "Range": "bytes=0-9"}, HTTPStatus.PARTIAL_CONTENT, CONTENT[:10]),
        ({"If_Match": "*", "Range": "bytes=0-9"}, HTTPStatus.PARTIAL_CONTENT, CONTENT[:10]),
        ({"If_Match": f"W/{ETAG}", "Range": "bytes=0-9"}, HTTPStatus.PRECONDITION_FAILED, b""),  # If-Match compares strongly
        ({"If_Match": ETAG, "If_None_Match": ETAG}, HTTPStatus.NOT_MODIFIED, b""),
        ({"If_Match": '"other"', "If_None_Match": ETAG, "Range": "bytes=0-9"}, HTTPStatus.PRECONDITION_FAILED, b""),  # If-Match is asked first
        ({"If_Range": '"other"', "Range": "bytes=100-"}, HTTPStatus.OK, CONTENT),  # before it is asked whether the range can be had
        ({"If_Range": ETAG, "Range": "bytes=100-"}, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, b""),
        ({"If_Range": ETAG}, HTTPStatus.OK, CONTENT),  # means nothing without Range
        ({"If_Modified_Since": "Fri, 20 Nov 2026 10:00:00 GMT"}, HTTPStatus.OK, CONTENT),  # no file of ours has a date
        ({"If_None_Match": '"other"', "If_Modified_Since": "Fri, 20 Nov 2099 10:00:00 GMT"}, HTTPStatus.OK, CONTENT),
        ({"Range": "bytes=0-9, 90-"}, HTTPStatus.OK, CONTENT),  # several ranges may be answered with everything
        ({"Range": "bytes=0-9,"}, HTTPStatus.OK, CONTENT),
        ({"Range": "bytes = 0-9"}, HTTPStatus.OK, CONTENT),
        ({"Range": "seconds=0-9"}, HTTPStatus.OK, CONTENT),  # an unknown unit is ignored
        ({"Range": "none"}, HTTPStatus.OK, CONTENT),
    ],
)
def test_conditions_are_asked_in_their_order(parcel: Parcel, headers: dict[str, str], status: HTTPStatus, content: bytes):
    answer = ask(parcel, **headers)

    assert (answer.status_code, body(answer)) == (status, content)
    assert ("Content-Range" in answer.headers) == (status in {HTTPStatus.PARTIAL_CONTENT, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE})


def test_head_tells_the_size_and_ignores_ranges(parcel: Parcel):
    answer = ask(parcel, method="HEAD", Range="bytes=0-9")

    assert answer.status_code == HTTPStatus.OK
    assert answer.headers["Content-Length"] == "100"
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert body(answer) == b""


def test_the_bytes_are_private_and_are_what_they_say(parcel: Parcel):
    answer = ask(parcel)
    answer.close()

    assert answer.headers["Content-Type"] == "video/mp4"
    assert answer.headers["Cache-Control"] == "private, max-age=300, must-revalidate"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer.headers["Content-Disposition"] == "inline"
    assert answer.headers["ETag"] == ETAG


def test_a_large_file_goes_out_in_small_pieces():
    name = default_storage.save("clips/TIDE/large.mp4", ContentFile(b"x" * (3 * CHUNK + 5)))
    answer = ask(Parcel(name, SHA))
    assert isinstance(answer, StreamingHttpResponse)

    pieces = [len(piece) for piece in _pieces(answer)]
    answer.close()

    assert pieces == [CHUNK, CHUNK, CHUNK, 5]


def _pieces(answer: StreamingHttpResponse) -> Iterator[bytes]:
    for piece in answer:
        assert isinstance(piece, bytes)
        yield piece


@pytest.mark.parametrize(("wanted", "start", "length"), [("", 0, 100), ("bytes=10-19", 10, 10), ("bytes=-5", 95, 5)])
def test_the_web_server_may_take_the_file_itself_at_the_right_place(parcel: Parcel, wanted: str, start: int, length: int):
    """As `wsgi.file_wrapper` of PEP 3333 does: by its descriptor, or by reading until nothing comes."""
    answer = ask(parcel, Range=wanted)
    file = answer.file_to_stream  # type: ignore[attr-defined]

    assert os.lseek(file.fileno(), 0, os.SEEK_CUR) == start
    assert b"".join(iter(lambda: file.read(7), b"")) == CONTENT[start : start + length]
    assert answer.headers["Content-Length"] == str(length)
    answer.close()


def test_an_answer_that_nobody_reads_leaves_no_file_open(parcel: Parcel):
    ask(parcel).close()  # an open file would be a ResourceWarning, which is an error here


def test_a_file_that_shrinks_while_it_is_sent_ends_early(parcel: Parcel, tmp_path: Path):
    answer = ask(parcel)
    (tmp_path / "media" / str(parcel.name)).write_bytes(b"short")

    assert body(answer) == b"short"


@pytest.mark.parametrize("name", ["clips/TIDE/gone.mp4", "", None])
def test_a_file_that_the_storage_does_not_have_is_not_found(name: str | None):
    with pytest.raises(Http404):
        ask(Parcel(name, SHA))


def test_a_file_of_unknown_content_has_no_validator():
    answer = ask(Parcel(default_storage.save("references/a.png", ContentFile(b"a")), ""))

    assert "ETag" not in answer.headers
    assert body(answer) == b"a"


# --- a web server in front ------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def in_front(settings: Settings) -> None:
    """A web server that sends our files when it is told."""
    settings.ACCEL_REDIRECT = "/protected/"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("wanted", ["", "bytes=0-9", "bytes=100-", "bytes=0-1,5-6"])
def test_the_server_in_front_sends_the_file_and_reads_the_range(parcel: Parcel, in_front: None, wanted: str, method: str):
    answer = ask(parcel, method=method, Range=wanted)

    assert (answer.status_code, body(answer)) == (HTTPStatus.OK, b"")
    assert answer.headers["X-Accel-Redirect"] == "/protected/clips/TIDE/one.mp4"
    assert (answer.headers["ETag"], answer.headers["Content-Type"], answer.headers["Cache-Control"]) == (
        ETAG,
        "video/mp4",
        "private, max-age=300, must-revalidate",
    )
    assert not {"Content-Range", "Accept-Ranges"} & set(answer.headers)  # nginx's own


def test_conditions_are_still_ours(parcel: Parcel, in_front: None):
    known, other = ask(parcel, If_None_Match=ETAG), ask(parcel, If_Match='"other"')

    assert (known.status_code, other.status_code) == (HTTPStatus.NOT_MODIFIED, HTTPStatus.PRECONDITION_FAILED)
    assert "X-Accel-Redirect" not in {**known.headers, **other.headers}


def test_who_insists_on_this_version_gets_it_from_us(parcel: Parcel, in_front: None):
    """nginx would compare with a validator of its own, and refuse."""
    answer = ask(parcel, If_Match=ETAG, Range="bytes=0-9")

    assert (answer.status_code, body(answer)) == (HTTPStatus.PARTIAL_CONTENT, CONTENT[:10])


def test_a_file_that_is_gone_is_not_asked_of_the_server_in_front(in_front: None):
    with pytest.raises(Http404):
        ask(Parcel("clips/TIDE/gone.mp4", SHA))


def test_no_name_leaves_the_path_that_is_handed_over(in_front: None):
    name = default_storage.save("clips/a b%2e?#é.mp4", ContentFile(CONTENT))

    answer = ask(Parcel(name, SHA, save_as="TIDE-047.mp4"))

    assert answer.headers["X-Accel-Redirect"] == f"/protected/{quote(name)}"
    assert unquote(answer.headers["X-Accel-Redirect"]) == f"/protected/{name}"
    assert answer.headers["Content-Disposition"].startswith("attachment; ")


@given(header=st.text(max_size=40) | st.from_regex(r"bytes=\d{0,3}-\d{0,3}", fullmatch=True), size=st.integers(0, 200))
def test_any_header_gives_a_part_of_the_file_or_nothing(header: str, size: int):
    try:
        span = span_of(header, size)
    except Unsatisfiable:
        return

    assert span is None or (span.start >= 0 and span.length >= 1 and span.start + span.length <= size)


def test_an_empty_file_has_no_satisfiable_range():
    with pytest.raises(Unsatisfiable):
        span_of("bytes=-5", 0)
    with pytest.raises(Unsatisfiable):
        span_of("bytes=0-", 0)
    assert span_of("bytes=0-0", 1) == Span(0, 1)


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("Slow dolly toward the glass", "TIDE-047 slow dolly toward the glass.mp4"),
        ("Slow dolly toward the glass bottle on wet black sand, tide drawing back", "TIDE-047 slow dolly toward the glass bottle on wet black.mp4"),
        ('../../etc/passwd "quoted"\r\nX: y', "TIDE-047 etc passwd quoted X y.mp4"),
        ("Ein Fuß über dem Meer", "TIDE-047 ein Fuß über dem Meer.mp4"),
        ("東京の夜", "TIDE-047 東京の夜.mp4"),
        ("…", "TIDE-047.mp4"),
        ("", "TIDE-047.mp4"),
    ],
)
def test_a_download_is_called_by_its_code_and_first_words(prompt: str, name: str):
    assert telling_name("TIDE-047", prompt, "mp4") == name


def test_a_name_is_given_in_both_forms():
    assert disposition("TIDE-047 ein Fuß.mp4") == "attachment; filename=\"TIDE-047 ein Fu.mp4\"; filename*=UTF-8''TIDE-047%20ein%20Fu%C3%9F.mp4"


@given(st.text())
def test_no_prompt_breaks_out_of_the_header(prompt: str):
    header = disposition(telling_name("TIDE-047", prompt, "mp4"))

    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2
    assert header.endswith(".mp4")
