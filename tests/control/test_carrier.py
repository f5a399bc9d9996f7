"""Slow readers cost no thread: one thread serves pages while many people take their time over a file."""

import http.client
import os
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from studio.control import carrier
from studio.control.carrier import Carrier, Load
from tests.installation import Installation
from tests.time_limits import eventually, scaled

LARGE = 40_000_000


def page(port: int) -> bytes:
    with suppress(OSError):
        return fetched(port, "/page")
    return b""


def fetched(port: int, path: str, **headers: str) -> bytes:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=scaled(20))
    try:
        line.request("GET", path, headers=headers)
        return line.getresponse().read()
    finally:
        line.close()


@pytest.fixture(scope="module")
def content() -> bytes:
    return bytes(range(251)) * (LARGE // 251)  # no power of two, so that a wrong place shows


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> Iterator[int]:
    """gunicorn as we configure it, with one process and one thread."""
    folder = tmp_path_factory.mktemp("carrier")
    (folder / "large").write_bytes(content)
    server = Installation(folder, STUDIO_WEB_WORKERS="1", STUDIO_WEB_THREADS="1", LARGE=str(folder / "large"))
    process = server.spawn(sys.executable, "-m", "gunicorn", "-c", "python:studio.control.serving", "tests.control.wsgi_files")
    try:
        eventually(lambda: page(server.port) == b"page", within=30)
        yield server.port
    finally:
        process.terminate()
        process.wait(scaled(20))


def slow_reader(port: int) -> socket.socket:
    """Somebody who asked for the file and has seen the headers, and no more."""
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.settimeout(20)
    line.connect(("127.0.0.1", port))
    line.sendall(b"GET /large HTTP/1.1\r\nHost: studio\r\n\r\n")
    assert b"200 OK" in line.recv(64)
    return line


def test_one_thread_serves_pages_while_many_read_slowly(port: int):
    readers = [slow_reader(port) for _ in range(20)]

    assert [page(port) for _ in range(3)] == [b"page"] * 3

    for reader in readers:
        reader.close()
    assert page(port) == b"page"  # nor is it lost to those who left


def test_the_bytes_are_those_of_the_file_and_the_connection_goes_on(port: int, content: bytes):
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=scaled(20))
    for path, expected in (
        ("/large", content),
        ("/part", content[1_000_000:1_500_000]),
        ("/page", b"page"),
        ("/small", content[:100]),
        ("/large", content),
    ):
        line.request("GET", path)
        assert line.getresponse().read() == expected
    line.close()


def test_who_asks_for_an_end_gets_the_whole_file_first(port: int, content: bytes):
    assert fetched(port, "/large", Connection="close") == content


def test_head_sends_nothing_and_the_connection_goes_on(port: int):
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=scaled(20))
    line.request("HEAD", "/large")
    assert line.getresponse().read() == b""
    line.request("GET", "/page")
    assert line.getresponse().read() == b"page"
    line.close()


def test_a_file_that_is_shorter_than_promised_ends_the_connection(port: int):
    with pytest.raises(http.client.IncompleteRead):
        fetched(port, "/more")
    assert page(port) == b"page"


# --- answers that come later


def who_waits(port: int) -> socket.socket:
    """Somebody who was promised an answer and has seen its headers."""
    line = socket.socket()
    line.settimeout(20)
    line.connect(("127.0.0.1", port))
    line.sendall(b"GET /later HTTP/1.1\r\nHost: studio\r\n\r\n")
    said = b""
    while b"\r\n\r\n" not in said:
        said += line.recv(400)
    assert said.startswith(b"HTTP/1.1 200")
    assert said.endswith(b"\r\n\r\n")
    return line


def test_many_wait_for_their_answer_while_one_thread_serves_pages(port: int):
    waiting = [who_waits(port) for _ in range(20)]

    assert [page(port) for _ in range(3)] == [b"page"] * 3
    assert fetched(port, "/tell") == b"020"
    assert [line.recv(10) for line in waiting] == [b"1"] * 20

    for line in waiting:  # and each connection goes on
        line.sendall(b"GET /page HTTP/1.1\r\nHost: studio\r\nConnection: close\r\n\r\n")
        assert line.makefile("rb").read().endswith(b"page")
        line.close()


def test_who_hangs_up_is_not_waited_for(port: int):
    stays, leaves = who_waits(port), who_waits(port)
    leaves.close()

    assert page(port) == b"page"  # by then the server has heard of it
    assert fetched(port, "/tell") == b"001"
    assert stays.recv(10) == b"1"
    assert page(port) == b"page"
    stays.close()


def test_a_promise_before_a_failure_is_taken_back(port: int):
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=scaled(20))
    line.request("GET", "/broken")
    assert line.getresponse().read() == b"broken"
    line.request("GET", "/page")
    assert line.getresponse().read() == b"page"
    assert fetched(port, "/tell") == b"000"
    line.close()


def test_when_too_many_wait_the_next_is_answered_at_once(port: int):
    waiting = [who_waits(port) for _ in range(carrier.MOST_HELD)]

    assert fetched(port, "/later") == b"-"

    assert fetched(port, "/tell") == b"%03d" % carrier.MOST_HELD
    for line in waiting:
        assert line.recv(10) == b"1"
        line.close()


def test_a_server_that_ends_does_not_wait_for_promises(tmp_path: Path):
    server = Installation(tmp_path, STUDIO_WEB_WORKERS="1", STUDIO_WEB_THREADS="1", LARGE=str(tmp_path / "large"))
    process = server.spawn(sys.executable, "-m", "gunicorn", "-c", "python:studio.control.serving", "tests.control.wsgi_files")
    eventually(lambda: page(server.port) == b"page", within=30)
    with who_waits(server.port) as waiting:
        process.terminate()

        assert waiting.recv(10) == b""
    process.wait(scaled(20))


# --- one load -------------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def load_of(path: Path, *, left: int) -> Load:
    path.write_bytes(b"x" * left)
    return Load(os.open(path, os.O_RDONLY), 0, left)


class Ending:
    """Hears how a load ended."""

    def __init__(self) -> None:
        self.heard, self.whole = threading.Event(), False

    def __call__(self, whole: bool) -> None:
        self.whole = whole
        self.heard.set()


def is_open(descriptor: int) -> bool:
    with suppress(OSError):
        return bool(os.fstat(descriptor))
    return False


@pytest.fixture(scope="module")
def carriers() -> Carrier:
    started = Carrier()
    started.start()
    return started


def test_a_load_arrives_whole_and_its_file_is_closed(carriers: Carrier, tmp_path: Path, pair: tuple[socket.socket, socket.socket]):
    load, ending = load_of(tmp_path / "file", left=1000), Ending()
    carriers.carry(load, pair[0], then=ending)

    assert ending.heard.wait(scaled(10))
    assert (ending.whole, pair[1].recv(2000), is_open(load.file)) == (True, b"x" * 1000, False)


def test_a_reader_who_left_ends_the_load(carriers: Carrier, tmp_path: Path, pair: tuple[socket.socket, socket.socket]):
    load, ending = load_of(tmp_path / "file", left=3_000_000), Ending()
    pair[1].close()
    carriers.carry(load, pair[0], then=ending)

    assert ending.heard.wait(scaled(10))
    assert (ending.whole, is_open(load.file)) == (False, False)


def test_a_connection_that_is_closed_already_ends_the_load(carriers: Carrier, tmp_path: Path, pair: tuple[socket.socket, socket.socket]):
    load, ending = load_of(tmp_path / "file", left=1000), Ending()
    pair[0].close()
    carriers.carry(load, pair[0], then=ending)

    assert ending.heard.wait(scaled(10))
    assert (ending.whole, is_open(load.file)) == (False, False)


def test_who_takes_nothing_for_long_is_let_go(
    carriers: Carrier, tmp_path: Path, pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(carrier, "PATIENCE", 0.01)
    load, ending = load_of(tmp_path / "file", left=3_000_000), Ending()
    carriers.carry(load, pair[0], then=ending)

    assert ending.heard.wait(scaled(10))
    assert (ending.whole, is_open(load.file)) == (False, False)
