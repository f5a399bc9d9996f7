"""What people do to the composer that nobody planned for: it is refused in words, or taken as it is, and nothing that was typed is lost."""

import io
import re
import tracemalloc
from html import unescape
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from studio.accounts.models import User
from studio.credits import ledger
from studio.jobs.models import Draft, Job, Reference
from studio.projects.models import Project
from studio.routing.models import Connection
from tests.jobs.rows import HTMX, form

ARABIC = "منارة في الضباب، دفعة بطيئة للأمام"
FAMILY = "👩‍👩‍👧‍👦 a family of kites 🪁, naïve café, שלום \u200fmixed\u200e"
HUGE = 200_000_000  # bytes


@pytest.fixture
def funded(alice: User) -> User:
    ledger.grant(alice, 1_000_000, key="fixture", reason="for the test", actor=None)
    return alice


def test_a_prompt_of_twelve_thousand_characters_is_refused_with_its_length_and_stands_there_as_typed(
    as_alice: Client, funded: User, tide: Project, xai: Connection
):
    words = "tide & <foam> " * 857 + "xx"
    answer = as_alice.post("/p/TIDE/jobs/", form(xai, prompt=words, duration="6"), headers=HTMX)
    page = unescape(answer.content.decode())
    assert len(words) == 12_000
    assert answer.status_code == 422
    assert "10,000" in page
    assert page.count("10,000") == 1, "said once"
    assert words.strip() in page
    assert "<foam>" not in answer.content.decode()
    assert 'value="6" selected' in page
    assert not Job.objects.exists()


@pytest.mark.parametrize("words", [ARABIC, FAMILY, "line one\r\nline two\n\n" + FAMILY])
def test_writing_of_every_kind_is_ordered_kept_and_shown_as_it_was_typed(as_alice: Client, funded: User, tide: Project, xai: Connection, words: str):
    draft = {**form(xai, prompt=words), "draft_version": "0"}
    assert as_alice.post("/p/TIDE/draft/", draft).status_code == 200
    assert Draft.objects.exists()
    answer = as_alice.post("/p/TIDE/jobs/", form(xai, prompt=words), headers=HTMX)
    assert answer.status_code == 200
    assert Job.objects.get().prompt == words.replace("\r\n", "\n")
    page = unescape(as_alice.get("/p/TIDE/").content.decode())
    assert words.splitlines()[0] in page
    assert 'dir="auto"' in page


@pytest.mark.parametrize(
    ("name", "content", "kind", "told"),
    [
        ("IMG_2041.HEIC", b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "image/heic", "HEIC"),
        ("logo.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "image/svg+xml", "SVG"),
        ("photo.jpg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/jpeg", "SVG"),
        ("empty.png", b"", "image/png", ""),
    ],
)
def test_a_file_that_is_no_picture_for_us_is_named_and_the_order_with_its_words_stays(
    as_alice: Client, funded: User, tide: Project, xai: Connection, name: str, content: bytes, kind: str, told: str
):
    alone = as_alice.post("/p/TIDE/references/", {"file": SimpleUploadedFile(name, content, kind)})
    assert alone.status_code == 422
    assert told in unescape(alone.content.decode())
    if not content:
        return
    # Without scripts it comes with the order itself.
    answer = as_alice.post("/p/TIDE/jobs/", form(xai, prompt="A kite over dunes", upload=SimpleUploadedFile(name, content, kind)), headers=HTMX)
    page = unescape(answer.content.decode())
    assert answer.status_code == 422
    assert told in page
    assert "A kite over dunes" in page
    assert not Job.objects.exists()
    assert not Reference.objects.exists()


class Endless(io.RawIOBase):
    """A request's body that is made as it is read: a form with one file of so many bytes."""

    def __init__(self, head: bytes, size: int, tail: bytes) -> None:
        self.parts, self.left = [head, tail], size
        self.length = len(head) + size + len(tail)

    def read(self, size: int = -1) -> bytes:
        if self.parts and len(self.parts) == 2:
            return self.parts.pop(0)
        if self.left:
            given = min(self.left, size if size > 0 else 65_536)
            self.left -= given
            return b"\x89" * given
        return self.parts.pop(0) if self.parts else b""


def test_two_hundred_megabytes_are_refused_in_words_and_never_held_in_memory(as_alice: Client, tide: Project):
    line = uuid4().hex
    head = f'--{line}\r\nContent-Disposition: form-data; name="file"; filename="film.png"\r\nContent-Type: image/png\r\n\r\n'.encode()
    body = Endless(head, HUGE, f"\r\n--{line}--\r\n".encode())
    as_request = {"REQUEST_METHOD": "POST", "PATH_INFO": "/p/TIDE/references/", "wsgi.input": body}
    tracemalloc.start()
    answer = as_alice.request(**as_request, CONTENT_LENGTH=str(body.length), CONTENT_TYPE=f"multipart/form-data; boundary={line}")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert answer.status_code == 413, "before anything is read"
    assert re.search(r"\d+ MB", unescape(answer.content.decode()))
    assert peak < 40_000_000
    assert not Reference.objects.exists()
