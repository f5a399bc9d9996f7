"""A provider on a real socket: reads a whole request, counts it, and then does what the test's script says, good or bad."""

import asyncio
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

Script = Callable[["Line"], Awaitable[None]]


class Line:
    """One connection, as seen by a script."""

    def __init__(self, loopback: "Loopback", writer: asyncio.StreamWriter) -> None:
        self.loopback, self.writer = loopback, writer

    async def say(self, words: bytes) -> None:
        self.writer.write(words)
        await self.writer.drain()

    async def answer(self, body: bytes, *, status: str = "200 OK", headers: str = "") -> None:
        await self.say(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body)

    async def hold(self) -> None:
        """Say nothing until the test is over."""
        await self.loopback.over.wait()

    def reset(self) -> None:
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    def close(self) -> None:
        self.writer.close()


class Loopback:
    """Runs on a port of 127.0.0.1; `requests` holds what it was sent, `connections` how often it was connected."""

    def __init__(self, script: Script, *, tls: ssl.SSLContext | None = None) -> None:
        self.script, self.tls = script, tls
        self.requests: list[bytes] = []
        self.connections = 0
        self.over = asyncio.Event()
        self.lines: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.tls)
        self.port = self.server.sockets[0].getsockname()[1]
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.host}"
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.over.set()
        self.server.close()
        await self.server.wait_closed()
        await asyncio.gather(*self.lines, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.lines.add(task)
        self.connections += 1
        line = Line(self, writer)
        try:
            while not writer.is_closing() and not self.over.is_set():
                self.requests.append(await request(reader))
                await self.script(line)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the other side hung up
        finally:
            writer.close()


async def request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    return head + await reader.readexactly(length)
