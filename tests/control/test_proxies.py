"""docs/nginx.conf and docs/Caddyfile, run by the real programs: what they take, what they pass on, and whom they end."""

import json
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from django.test import Client

from studio.accounts.models import User
from studio.control.body_limits import FILES as WITH_FILES
from studio.control.body_limits import FORM, LARGEST
from studio.jobs.bell import HOLD
from tests.proxies import FILES, HOST, PROGRAMS, Proxy, connect, is_ended, is_installed
from tests.time_limits import eventually, scaled

MANY = 200
OFFICE = 200  # people behind one address
HOST_LINE = f"Host: {HOST}\r\n".encode()
LOGIN, ORDER, IMPORT = "/accounts/login/", "/p/TIDE/jobs/", "/prompts/import/"


MOST = 50_000_000  # bytes of a body that the backend reads


class Handler(BaseHTTPRequestHandler):
    """Answers with the headers that arrived, or with how many bytes did."""

    protocol_version = "HTTP/1.1"
    server: "Backend"

    def handle(self) -> None:
        with suppress(ConnectionError):  # the proxy hung up, as its client did
            super().handle()

    def do_GET(self) -> None:
        self.answer(200, json.dumps({name.lower(): self.headers.get_all(name) for name in self.headers}).encode())

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"] or 0)
        self.server.seen.append((self.path, length))
        if length > MOST:
            self.close_connection = True
            self.answer(413, b"from the studio")
            self.connection.shutdown(socket.SHUT_WR)
        taken = self.read_body(length)
        if length <= MOST:
            self.answer(200, b"%d" % taken)

    def read_body(self, length: int) -> int:
        taken = 0
        with suppress(OSError):
            while taken < length and (piece := self.rfile.read1(min(length - taken, 65_536))):
                taken += len(piece)
        return taken

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


class Backend(ThreadingHTTPServer):
    """A server in the studio's place: notes path and declared length of each form once its head is there, and refuses what is too large by its head."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[tuple[str, int]] = []


@pytest.fixture
def backend() -> Iterator[Backend]:
    with Backend() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def number_in(text: str, expression: str) -> int:
    found = re.search(expression, text)
    assert found, expression
    return int(found[1])


def needs(program: str) -> None:
    if not is_installed(program):
        pytest.skip(f"{program} is not installed: apt-get install nginx caddy, or make proxies")


def read_answer(line: socket.socket, answer: bytes = b"") -> tuple[int, str, bytes]:
    """Status, head and body of one answer with a Content-Length, which begins with these bytes."""
    while b"\r\n\r\n" not in answer:
        piece = line.recv(4096)
        assert piece, answer
        answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    found = re.search(rb"(?i)content-length: (\d+)", head)
    assert found, head
    while len(body) < int(found[1]):
        body += line.recv(65_536)
    return int(head.split()[1]), head.decode(), body


def asked(port: int, head: str, **headers: str) -> tuple[int, str, bytes]:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    with closing(connect(port)) as line:
        line.sendall(f"{head} HTTP/1.1\r\nHost: {HOST}\r\n{lines}\r\n".encode())
        return read_answer(line)


def sent(port: int, path: str, length: int, *, most: int | None = None) -> tuple[int, bytes]:
    """What a form of so many bytes is answered, of which `most` are sent, or as many until the answer comes."""
    with closing(connect(port)) as line:
        line.sendall(f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {length}\r\n\r\n".encode())
        patience, left, answer = line.gettimeout(), length if most is None else most, b""
        with suppress(OSError):  # it was refused
            while left and not answer:
                left -= line.send(b"x" * min(left, 65_536))
                line.settimeout(0)
                with suppress(ssl.SSLWantReadError):
                    answer = line.recv(4096)
                line.settimeout(patience)
        status, _, body = read_answer(line, answer)
        return status, body


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_answer_that_is_held_back_is_waited_for(program: str):
    assert number_in(FILES[program].read_text(), r"(?:proxy_read_timeout|response_header_timeout) +(\d+)s") > HOLD


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_strangers_say_of_themselves_is_replaced(program: str, backend: Backend, tmp_path: Path):
    needs(program)
    proxy = Proxy(program, tmp_path, backend.server_port)
    with proxy.running():
        status, _, body = asked(proxy.port, "GET /", X_Forwarded_For="198.51.100.1", X_Forwarded_Proto="http")

    headers = json.loads(body)
    assert status == 200
    assert (headers["x-forwarded-for"], headers["x-forwarded-proto"], headers["host"]) == (["127.0.0.1"], ["https"], [HOST])
    assert "accept-encoding" not in headers  # the proxy asks for nothing that the client did not


@pytest.mark.parametrize("program", PROGRAMS)
def test_forms_pass_up_to_the_studios_limit_and_nothing_larger_is_passed_on(program: str, backend: Backend, tmp_path: Path):
    needs(program)
    proxy = Proxy(program, tmp_path, backend.server_port)
    with proxy.running():
        assert sent(proxy.port, LOGIN, FORM) == (200, b"%d" % FORM)
        assert sent(proxy.port, IMPORT, FORM + WITH_FILES["prompts_import"])[0] == 200
        if program == "nginx":  # Caddy counts while it passes on
            backend.seen.clear()
            assert sent(proxy.port, LOGIN, int(1.3 * FORM), most=10)[0] == 413
            assert sent(proxy.port, ORDER, int(1.2 * LARGEST), most=10)[0] == 413
            assert backend.seen == []
        else:
            assert sent(proxy.port, LOGIN, 4_000_000)[0] in {413, 502}


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_studio_refuses_a_large_file_before_the_proxy_has_stored_it(program: str, backend: Backend, tmp_path: Path):
    needs(program)
    proxy = Proxy(program, tmp_path, backend.server_port)
    with proxy.running():
        assert sent(proxy.port, ORDER, 380_000_000, most=100_000_000) == (413, b"from the studio")

        assert [path for path in proxy.bodies.rglob("*") if path.is_file()] == []


# Caddy passes a form on as it comes, and the studio ends it: test_receiving.py
SLOW = [*((program, slow) for program in PROGRAMS for slow in ("no byte", "a part of a head")), ("nginx", "a part of a form")]


@pytest.mark.parametrize(("program", "slow"), SLOW)
def test_many_slow_strangers_are_ended_and_pages_are_answered_meanwhile(slow: str, program: str, backend: Backend, tmp_path: Path):
    needs(program)
    patience = int(scaled(5))
    names = ("client_header_timeout", "client_body_timeout") if program == "nginx" else ("read_header",)
    proxy = Proxy(program, tmp_path, backend.server_port, {f"{name} 15s": f"{name} {patience}s" for name in names})
    begun = {
        "no byte": b"",
        "a part of a head": b"GET / HTTP/1.1\r\nHost: st",
        "a part of a form": f"POST {LOGIN} HTTP/1.1\r\n".encode() + HOST_LINE + b"Content-Length: 100\r\n\r\nx",
    }
    with proxy.running(), ExitStack() as lines:
        strangers = []
        for _ in range(MANY):
            line = lines.enter_context(closing(connect(proxy.port)))
            line.sendall(begun[slow])
            strangers.append(line)

        assert [asked(proxy.port, "GET /")[0] for _ in range(5)] == [200] * 5
        assert not any(is_ended(line) for line in strangers[-20:])
        assert backend.seen == []  # no stranger's request got to the studio
        eventually(lambda: all(is_ended(line) for line in strangers), within=patience + 5)
        assert asked(proxy.port, "GET /")[0] == 200


def test_nginx_lets_an_office_behind_one_address_sign_in_within_a_minute_and_watch_its_boards(client: Client, alice: User):
    config = FILES["nginx"].read_text()
    rate, at_once, burst = (number_in(config, words) for words in (r"rate=(\d+)r/s", r"limit_conn studio_connections (\d+)", r"burst=(\d+)"))
    door = client.get(LOGIN).text
    client.force_login(alice)
    start = client.get("/").text
    files = {path for page in (door, start) for path in re.findall(r'(?:src|href)="(/static/[^"]+)"', page)}
    requests = 4 + len(files)  # the start, the sign-in form, what it is sent to, the start again

    assert 60 * rate + burst >= OFFICE * requests
    assert at_once >= 2 * OFFICE  # each open board is a request that waits, and each person asks for something besides


def test_nginx_answers_429_to_one_address_that_asks_too_often(backend: Backend, tmp_path: Path):
    needs("nginx")
    proxy = Proxy("nginx", tmp_path, backend.server_port, {"rate=150r/s": "rate=1r/s", "burst=600": "burst=5"})
    with proxy.running(), closing(connect(proxy.port)) as line:
        statuses = []
        for _ in range(20):
            line.sendall(b"GET / HTTP/1.1\r\n" + HOST_LINE + b"\r\n")
            statuses.append(read_answer(line)[0])

    assert statuses[:6] == [200] * 6
    assert statuses[6:].count(429) >= 14 - scaled(2)


def test_nginx_answers_429_to_one_address_with_too_many_requests_at_a_time(backend: Backend, tmp_path: Path):
    needs("nginx")
    proxy = Proxy("nginx", tmp_path, backend.server_port, {"studio_connections 500": "studio_connections 3"})
    with proxy.running(), ExitStack() as lines:
        for _ in range(3):
            line = lines.enter_context(closing(connect(proxy.port)))
            line.sendall(f"POST {ORDER} HTTP/1.1\r\n".encode() + HOST_LINE + b"Content-Length: 100\r\n\r\nx")
        eventually(lambda: len(backend.seen) == 3, within=10)

        assert asked(proxy.port, "GET /")[0] == 429
