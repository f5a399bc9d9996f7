"""The whole studio behind its own server: what it takes from strangers and from people, before it has received it."""

import http.client
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.control.test_receiving import connect, sent
from tests.installation import Installation
from tests.time_limits import eventually, scaled

HUGE = b"Content-Length: 400000000\r\nContent-Type: multipart/form-data; boundary=x\r\n\r\n"
HOST = b"Host: localhost\r\n"


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """With one process and one thread."""
    server = Installation(tmp_path_factory.mktemp("bodies"), STUDIO_WEB_WORKERS="1", STUDIO_WEB_THREADS="1")
    server.manage("setup")
    process = server.spawn(sys.executable, "-m", "gunicorn", "-c", "python:studio.control.serving", "studio.wsgi")
    try:
        eventually(lambda: is_alive(server.port), within=60)
        yield server
    finally:
        process.terminate()
        process.wait(scaled(20))


def is_alive(port: int) -> bool:
    try:
        return sent(port, b"GET /healthz HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n").endswith(b"ok\n")
    except OSError:
        return False


def cookie_of_a_person(studio: Installation) -> str:
    """The session that the first admin gets by a sign-in link."""
    path = "/" + studio.sign_in_link().split("/", 3)[3]
    line = http.client.HTTPConnection("127.0.0.1", studio.port, timeout=scaled(30))
    line.request("GET", path, headers={"Host": "localhost"})
    page = line.getresponse()
    token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', page.read().decode())
    assert token
    cookies = "; ".join(value.split(";")[0] for name, value in page.getheaders() if name == "Set-Cookie")
    headers = {"Host": "localhost", "Cookie": cookies, "Content-Type": "application/x-www-form-urlencoded"}
    line.request("POST", path, f"csrfmiddlewaretoken={token[1]}", headers=headers)
    answer = line.getresponse()
    answer.read()
    line.close()
    return "; ".join(value.split(";")[0] for name, value in answer.getheaders() if name == "Set-Cookie")


def test_a_stranger_is_refused_before_a_byte_of_the_body_is_received(studio: Installation):
    for path in ("accounts/login", "p/TIDE/jobs/1/upload", "p/TIDE/jobs", "prompts/import", "nothing/here"):
        answer = sent(studio.port, f"POST /{path}/ HTTP/1.1\r\n".encode() + HOST + b"Cookie: sessionid=made-up\r\n" + HUGE)
        assert answer.split()[1] in {b"413", b"404"}, path
        assert b"Connection: close" in answer
    assert "takes at most 65 KB" in sent(studio.port, b"POST /accounts/login/ HTTP/1.1\r\n" + HOST + HUGE).decode()


def test_a_chunked_form_of_a_stranger_is_counted(studio: Installation):
    chunks = b"10000\r\n%b\r\n" % (b"x" * 65_536) * 4
    answer = sent(studio.port, b"POST /accounts/login/ HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n" + chunks)
    assert answer.split()[1] == b"413"


def test_a_person_may_begin_a_large_upload_where_a_page_takes_one(studio: Installation):
    cookie = f"Cookie: {cookie_of_a_person(studio)}\r\n".encode()
    expecting = HOST + cookie + b"Expect: 100-continue\r\n" + HUGE
    with connect(studio.port) as line:
        line.sendall(b"POST /p/TIDE/jobs/1/upload/ HTTP/1.1\r\n" + expecting)
        assert line.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert is_alive(studio.port)
    with connect(studio.port) as line:
        line.sendall(b"POST /prompts/import/ HTTP/1.1\r\n" + expecting)
        assert line.recv(100).startswith(b"HTTP/1.1 413 ")
    assert not [path for path in Path(studio.environment["STUDIO_DATA_DIR"]).rglob("temporary/*") if path.stat().st_size]
