"""Clients that are slow, or send too much, hold no thread: one thread answers everybody else meanwhile."""

import hashlib
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from studio.control.receiving import GRACE, HEAD_TIME
from tests.installation import Installation
from tests.time_limits import eventually, scaled

MANY = 200
HOST = b"Host: studio\r\n"
PAGE = b"GET /page HTTP/1.1\r\n" + HOST + b"\r\n"
PERSON = HOST + b"Cookie: person\r\n"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """gunicorn as we configure it, with one process and one thread."""
    server = Installation(tmp_path_factory.mktemp("receiving"), STUDIO_WEB_WORKERS="1", STUDIO_WEB_THREADS="1")
    process = server.spawn(sys.executable, "-m", "gunicorn", "-c", "python:studio.control.serving", "tests.control.wsgi_bodies")
    try:
        eventually(lambda: is_answered(server.port), within=30)
        yield server.port
    finally:
        process.terminate()
        process.wait(scaled(20))


def connect(port: int, *, buffer: int = 0) -> socket.socket:
    line = socket.socket()
    if buffer:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    line.settimeout(scaled(30))
    try:
        line.connect(("127.0.0.1", port))
    except OSError:
        line.close()
        raise
    return line


def sent(port: int, data: bytes) -> bytes:
    """Everything that is answered until the server ends the connection."""
    with connect(port) as line:
        line.sendall(data)
        answer = b""
        with suppress(ConnectionError):
            while piece := line.recv(65_536):
                answer += piece
        return answer


def is_answered(port: int) -> bool:
    with suppress(OSError):
        return sent(port, b"GET /page HTTP/1.1\r\nConnection: close\r\n" + HOST + b"\r\n").endswith(b"\r\n\r\npage")
    return False


def read_answer(line: socket.socket) -> bytes:
    """One answer with a Content-Length: status line and body."""
    answer = b""
    while b"\r\n\r\n" not in answer:
        piece = line.recv(1)
        assert piece, answer
        answer += piece
    length = int(answer.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    body = b""
    while len(body) < length:
        body += line.recv(length - len(body))
    return answer.split(b"\r\n")[0] + b" " + body


SLOW: dict[str, bytes] = {
    "no byte": b"",
    "a part of a head": b"GET /page HTTP/1.1\r\nHost: st",
    "a part of a body": b"POST /login HTTP/1.1\r\n" + HOST + b"Content-Length: 100\r\n\r\nx",
    "a part of a large body": b"POST /login HTTP/1.1\r\n" + PERSON + b"Content-Length: 1000000\r\n\r\nx",
    "a part of a chunked body": b"POST /login HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
    "100-continue and nothing": b"POST /login HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 100\r\n\r\n",
    "a long answer, not read": b"GET /much HTTP/1.1\r\n" + HOST + b"\r\n",
    "many answers, none read": (b"GET /huge-page HTTP/1.1\r\n" + HOST + b"\r\n") * 5,
}


@pytest.mark.parametrize("slow", SLOW)
def test_many_slow_strangers_hold_no_thread(slow: str, port: int):
    with ExitStack() as lines:
        for _ in range(MANY if "read" not in slow else 40):
            line = lines.enter_context(connect(port, buffer=4096))
            line.sendall(SLOW[slow])

        assert [is_answered(port) for _ in range(5)] == [True] * 5


def test_when_all_places_are_taken_newcomers_get_the_oldest_of_those_that_wait(port: int):
    with ExitStack() as lines:
        first = lines.enter_context(connect(port))
        first.sendall(PAGE)
        assert read_answer(first).endswith(b"page")  # and stays open
        for _ in range(450):
            lines.enter_context(connect(port)).sendall(PAGE[:10])

        assert [is_answered(port) for _ in range(5)] == [True] * 5
        assert first.recv(1) == b""


def test_a_head_that_trickles_ends_though_it_never_stands_still_and_so_does_a_body(port: int):
    begin = time.monotonic()
    with connect(port) as head, connect(port) as body:
        head.sendall(b"GET /page HTTP/1.1\r\nX-Slow: ")
        body.sendall(b"POST /login HTTP/1.1\r\n" + HOST + b"Content-Length: 60000\r\n\r\n")
        said = {head: b"", body: b""}
        while not all(said.values()) and time.monotonic() - begin < scaled(3 * (HEAD_TIME + GRACE)):
            for line in (head, body):
                line.settimeout(0.1)
                with suppress(TimeoutError, ConnectionError):
                    line.send(b"x")
                    said[line] = said[line] or line.recv(100)

    assert {answer.split(b"\r\n")[0] for answer in said.values()} == {b"HTTP/1.1 408 Request Timeout"}


def test_bodies_arrive_whole_however_they_come(port: int):
    large = os.urandom(3_000_000)
    for body in (b"a=1", large[:70_000], large):
        told = f"POST {len(body)} {len(body)} {hashlib.sha256(body).hexdigest()[:8]}".encode()
        head = b"POST /x HTTP/1.1\r\n" + PERSON + b"Connection: close\r\n"
        assert sent(port, head + b"Content-Length: %d\r\n\r\n" % len(body) + body).endswith(told)
        chunks = b"".join(b"%x;a=b\r\n%b\r\n" % (len(body[at : at + 50_000]), body[at : at + 50_000]) for at in range(0, len(body), 50_000))
        assert sent(port, head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\nX-Sum: 1\r\n\r\n").endswith(told)


def test_whoever_expects_100_hears_it_before_the_body_and_a_refusal_instead(port: int):
    with connect(port) as line:
        line.sendall(b"POST /x HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        assert line.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        line.sendall(b"a=1")
        assert read_answer(line).startswith(b"HTTP/1.1 200 OK POST 3 3")
    with connect(port) as line:
        line.sendall(b"POST /x HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 70000\r\n\r\n")
        assert read_answer(line) == b"HTTP/1.1 413 Too Large too large"


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 900000000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n" + b"10000\r\n%b\r\n" % (b"x" * 65_536) * 3]
)
@pytest.mark.parametrize("who", [HOST, PERSON, None])
def test_a_body_that_is_too_large_is_refused_before_it_is_there(who: bytes | None, framing: bytes, port: int):
    if who == PERSON and b"chunked" in framing:
        framing += b"10000\r\n%b\r\n" % (b"x" * 65_536) * 80
    path = b"/limit-fails" if who is None else b"/x"
    answer = sent(port, b"POST " + path + b" HTTP/1.1\r\n" + (who or HOST) + framing)

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"Connection: close" in answer


def test_a_large_body_is_not_begun_again_where_the_app_did_not_read_it(port: int):
    body = b"POST /x HTTP/1.1\r\n\r\n" * 3_000
    with connect(port) as line:
        line.sendall(b"POST /unread HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % len(body) + body + PAGE)
        assert [read_answer(line), read_answer(line)] == [b"HTTP/1.1 200 OK page"] * 2


def test_requests_that_come_together_are_answered_one_after_another(port: int):
    with connect(port) as line:
        line.sendall(b"\r\n" + PAGE + b"POST /x HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\n\r\na=1" + PAGE * 30)
        answers = [read_answer(line) for _ in range(32)]

    assert answers[1].startswith(b"HTTP/1.1 200 OK POST 3 3")
    assert answers[:1] + answers[2:] == [b"HTTP/1.1 200 OK page"] * 31


SMUGGLED = b"GET /smuggled HTTP/1.1\r\n" + HOST + b"\r\n"
WRONG: dict[str, bytes] = {
    "both lengths": b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "both, the other way round": b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "two lengths": b"Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd",
    "different lengths": b"Content-Length: 4\r\nContent-Length: 0\r\n\r\nabcd",
    "a list of lengths": b"Content-Length: 4, 4\r\n\r\nabcd",
    "a signed length": b"Content-Length: +4\r\n\r\nabcd",
    "a hexadecimal length": b"Content-Length: 0x4\r\n\r\nabcd",
    "a negative length": b"Content-Length: -1\r\n\r\n",
    "a space before the colon": b"Content-Length : 4\r\n\r\nabcd",
    "a folded line": b"X: a\r\n Content-Length: 4\r\n\r\n",
    "chunked twice": b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "chunked, not last": b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "an unknown coding": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a bare LF in the head": b"X: a\nContent-Length: 4\r\n\r\nabcd",
    "a bare LF at the end": b"\n\n",
    "a bare LF after a chunk's size": b"Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n",
    "a bare LF after a chunk": b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n",
    "a signed chunk": b"Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n",
    "a chunk of 0x5": b"Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
    "a negative chunk": b"Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
    "a chunk without a size": b"Transfer-Encoding: chunked\r\n\r\n\r\nhello\r\n0\r\n\r\n",
    "an endless size": b"Transfer-Encoding: chunked\r\n\r\n" + b"0" * 9_000 + b"\r\n",
    "a forbidden trailer": b"Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 4\r\n\r\n",
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_request_of_doubtful_length_is_refused_and_nothing_after_it_is_answered(wrong: str, port: int):
    answer = sent(port, b"POST /x HTTP/1.1\r\n" + HOST + WRONG[wrong] + SMUGGLED)

    assert answer.count(b"HTTP/1.1 ") == 1
    assert answer.split()[1] in {b"400", b"501"}


def test_nothing_that_follows_a_chunked_body_is_read_as_a_request(port: int):
    answer = sent(port, b"POST /x HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n3\r\na=1\r\n0\r\n\r\n" + SMUGGLED)

    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"POST 3 3" in answer
    assert b"Connection: close" in answer


@pytest.mark.parametrize(
    "head", [b"GET /page HTTP/1.1\r\n" + b"".join(b"X-%d: %b\r\n" % (n, b"y" * 4_000) for n in range(20)), b"GET /" + b"y" * 70_000]
)
def test_a_head_that_is_too_large_is_refused(head: bytes, port: int):
    assert sent(port, head + b"\r\n\r\n").split()[1] in {b"431", b"414"}


def test_http_1_0_is_answered_once_and_ends(port: int):
    assert sent(port, b"GET /page HTTP/1.0\r\n\r\n" + PAGE).count(b"HTTP/1.") == 1


def test_a_client_that_ends_its_side_gets_its_answer(port: int):
    with connect(port) as line:
        line.sendall(PAGE)
        line.shutdown(socket.SHUT_WR)
        assert read_answer(line) == b"HTTP/1.1 200 OK page"


def test_an_answer_arrives_whole_at_a_reader_who_takes_it_late(port: int):
    with connect(port, buffer=4096) as line:
        line.sendall(b"GET /huge-page HTTP/1.1\r\n" + HOST + b"\r\n" + PAGE)
        assert is_answered(port)
        assert read_answer(line) == b"HTTP/1.1 200 OK " + b"h" * 4_000_000
        assert read_answer(line) == b"HTTP/1.1 200 OK page"
