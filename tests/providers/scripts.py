"""What a played provider does with a line, and a wire that leads to it."""

import socket
from typing import Protocol, cast

from studio.providers.contract import (
    Batches,
    Brief,
    Lists,
    Provider,
    TellsBalance,
)
from studio.providers.registry import make
from studio.providers.wire import FOR_LOOKING, FOR_SUBMITTING, Patience, Wire
from tests.providers.loopback import Line, Loopback, Script

KEY = "xai-key/of-alice"
BRIEF = Brief(prompt="a calm sea", duration=8)
ACCEPTED = b'{"request_id":"r-1"}'
HASTY = Patience(read=0.2)


async def accepts(line: Line) -> None:
    await line.answer(ACCEPTED, headers="X-RateLimit-Remaining: 7\r\nX-RateLimit-Reset: 30\r\n")


async def closes(line: Line) -> None:
    line.close()


async def resets(line: Line) -> None:
    line.reset()


async def holds(line: Line) -> None:
    await line.hold()


async def says_half_the_headers(line: Line) -> None:
    await line.say(b"HTTP/1.1 200 OK\r\nContent-Le")
    line.close()


async def says_half_the_body(line: Line) -> None:
    await line.say(b'HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{"request_id"')
    line.close()


async def holds_after_half_the_body(line: Line) -> None:
    await line.say(b'HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{"request_id"')
    await line.hold()


async def shows_a_page(line: Line) -> None:
    await line.answer(b"<!doctype html>", headers="Content-Type: text/html\r\n")


async def forgets_the_id(line: Line) -> None:
    await line.answer(b"{}")


async def fails_as_a_gateway(line: Line) -> None:
    await line.answer(b"", status="502 Bad Gateway")


async def redirects(line: Line) -> None:
    await line.answer(b"", status="307 Temporary Redirect", headers=f"Location: {line.loopback.url}/again\r\n")


async def speaks_no_http(line: Line) -> None:
    await line.say(b"220 mail.example ESMTP\r\n")
    line.close()


async def talks_too_much(line: Line) -> None:
    await line.answer(b" " * (1024 * 1024 + 1))


async def talks_without_end(line: Line) -> None:
    await line.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        await line.say(b"10000\r\n" + b" " * 0x10000 + b"\r\n")


async def refuses(line: Line) -> None:
    await line.answer(b'{"code":"invalid-argument","error":"Duration must be between 1 and 15 seconds"}', status="400 Bad Request")


async def asks_to_wait(line: Line) -> None:
    await line.answer(b"{}", status="429 Too Many Requests", headers="Retry-After: 4\r\n")


MAY_HAVE_ACTED = [closes, resets, holds, says_half_the_headers, says_half_the_body, holds_after_half_the_body, fails_as_a_gateway, speaks_no_http]
MAY_HAVE_ACTED += [talks_too_much, talks_without_end]
SILENT = [holds, holds_after_half_the_body]
NOT_UNDERSTOOD = [shows_a_page, forgets_the_id, redirects]


class Lister(Batches, Lists, Protocol):
    """What AceData is."""


def acedata(provider: Loopback) -> Lister:
    found = make("acedata", KEY, provider.url)
    assert isinstance(found, Batches)
    assert isinstance(found, Lists)
    return cast("Lister", found)


def comet(provider: Loopback, *, key: str = KEY) -> TellsBalance:
    found = make("comet", key, provider.url)
    assert isinstance(found, TellsBalance)
    return found


def reporting(body: bytes, *, status: str = "200 OK", headers: str = "") -> Script:
    async def script(line: Line) -> None:
        await line.answer(body, status=status, headers=headers)

    return script


def xai(provider: Loopback) -> Provider:
    return make("xai", KEY, provider.url)


def wire_to(provider: Loopback, *, submitting: Patience = FOR_SUBMITTING, looking: Patience = FOR_LOOKING) -> Wire:
    return Wire(allowed_hosts={provider.host}, submitting=submitting, looking=looking)


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
