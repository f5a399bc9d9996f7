"""A provider in a process of its own: it plays xAI's and AceData's routes with given finish times, counts what it is asked, and calls back.

Every connection has a first part of the path to itself, its `name`, so that one server serves many. Fast, because it must not be what is measured.
Runs as `python -m tests.bench.served PORT FILM`; `serving()` starts it, `Served` talks to it.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import httpx

from tests.installation import ROOT, free_port
from tests.time_limits import eventually

CALLING: set[asyncio.Task[None]] = set()  # a loop keeps no task alive by itself
STATUSES = {200: b"OK", 202: b"Accepted", 404: b"Not Found"}


@dataclass
class Scene:
    """What one connection is told, and what was seen there. Times in Unix seconds."""

    finishes: dict[str, float] = field(default_factory=dict)
    delay: float = 0.0  # seconds until an answer
    arrivals: list[float] = field(default_factory=list)
    submitted: list[str] = field(default_factory=list)  # the prompts, in order
    calls: Counter[str] = field(default_factory=Counter)  # callbacks, by the status that answered them


class Played(asyncio.Protocol):
    """One connection of a client."""

    scenes: ClassVar[defaultdict[str, Scene]] = defaultdict(Scene)
    numbers = count(1)
    film = b""
    address = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.line, self.unread = transport, b""

    def data_received(self, data: bytes) -> None:
        self.unread += data
        while (end := self.unread.find(b"\r\n\r\n")) >= 0:
            head = self.unread[:end]
            place = head.lower().find(b"content-length:")
            length = int(head[place + 15 :].split(b"\r\n", 1)[0]) if place >= 0 else 0
            if len(self.unread) < end + 4 + length:
                return
            body, self.unread = self.unread[end + 4 : end + 4 + length], self.unread[end + 4 + length :]
            method, path, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
            self._answer(method, path, body)

    def _answer(self, method: str, path: str, body: bytes) -> None:
        _, name, *rest = path.split("/")
        if name == "tell":
            self._send(200, tell(self.scenes, json.loads(body)))
            return
        if rest[0] == "seen":
            self._send(200, json.dumps(vars(self.scenes[name])).encode())
            return
        if rest[0] == "files":
            self._send(200, self.film)
            return
        scene = self.scenes[name]
        scene.arrivals.append(time.time())
        status, told = self._told(scene, name, method, rest, body)
        answer = json.dumps(told).encode()
        if scene.delay:
            asyncio.get_running_loop().call_later(scene.delay, self._send, status, answer)
        else:
            self._send(status, answer)

    def _told(self, scene: Scene, name: str, method: str, rest: list[str], body: bytes) -> tuple[int, object]:
        if method == "GET":
            return xai(self.address, name, scene.finishes.get(rest[-1]))
        asked = json.loads(body)
        if rest == ["grok", "tasks"]:
            ids = asked.get("ids") or [asked["id"]]
            tasks = [acedata(self.address, name, one, scene.finishes.get(one)) for one in ids]
            return 200, {"items": tasks, "count": len(tasks)} if "ids" in asked else tasks[0]
        key = f"{name}-{next(self.numbers)}"
        scene.submitted.append(asked["prompt"])
        scene.finishes[key] = time.time()
        return 200, {"request_id": key}

    def _send(self, status: int, body: bytes) -> None:
        if not self.line.is_closing():
            head = b"HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (status, STATUSES[status], len(body))
            self.line.write(head + body)


def xai(address: str, name: str, finish: float | None) -> tuple[int, object]:
    """xAI's answer to a look."""
    if finish is None:
        return 404, {"error": "Not found"}
    if finish > time.time():
        return 202, {"status": "pending"}
    video = {"url": f"{address}/{name}/files/clip.mp4", "duration": 1, "respect_moderation": True}
    return 200, {"status": "done", "video": video, "model": "grok-imagine-video", "usage": {"cost_in_usd_ticks": 500_000_000}, "progress": 100}


def acedata(address: str, name: str, key: str, finish: float | None) -> object:
    """AceData's answer about one task."""
    task = {"id": key, "type": "videos_generation", "request": {"prompt": "A glass bottle on wet black sand"}}
    if finish is None or finish > time.time():
        return task
    videos = [{"id": key, "state": "succeeded", "video_url": f"{address}/{name}/files/clip.mp4"}]
    return {**task, "response": {"success": True, "task_id": key, "data": videos}}


def tell(scenes: Mapping[str, Scene], told: dict[str, Any]) -> bytes:
    """Take in what shall be played at one connection: finish times, and whom to call then."""
    scene, loop = scenes[told["name"]], asyncio.get_running_loop()
    scene.delay = told["delay"]
    scene.finishes.update(told["finishes"])
    for key, address in told["callbacks"].items():
        wait = max(0.0, scene.finishes[key] - time.time())
        loop.call_later(wait, partial(_call_back_soon, scene, key, address))
    return b"{}"


def _call_back_soon(scene: Scene, key: str, address: str) -> None:
    task = asyncio.get_running_loop().create_task(call_back(scene, key, address))
    CALLING.add(task)
    task.add_done_callback(CALLING.discard)


async def call_back(scene: Scene, key: str, address: str) -> None:
    """POST to where the end of this job wants to be told."""
    host, _, path = address.removeprefix("http://").partition("/")
    name, _, port = host.partition(":")
    body = json.dumps({"task_id": key, "success": True}).encode()
    reader, writer = await asyncio.open_connection(name, int(port))
    writer.write(f"POST /{path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    scene.calls[(await reader.readline()).split()[1].decode()] += 1
    writer.close()


class Served:
    """The running server, as a benchmark sees it."""

    def __init__(self, port: int) -> None:
        self.host = f"127.0.0.1:{port}"
        self.address = f"http://{self.host}"

    def tell(self, name: str, *, finishes: Mapping[str, float] | None = None, callbacks: Mapping[str, str] | None = None, delay: float = 0.0) -> None:
        """Play these jobs at a connection; `callbacks` are addresses by job."""
        told = {"name": name, "finishes": dict(finishes or {}), "callbacks": dict(callbacks or {}), "delay": delay}
        httpx.post(f"{self.address}/tell", json=told, timeout=30, trust_env=False)

    def seen(self, name: str) -> Scene:
        """What was seen at a connection so far."""
        return Scene(**httpx.get(f"{self.address}/{name}/seen", timeout=30, trust_env=False).json())


@contextmanager
def serving(film: Path) -> Iterator[Served]:
    """The provider, listening until the block ends."""
    served = Served(free_port())
    process = subprocess.Popen([sys.executable, "-m", "tests.bench.served", served.host.split(":")[1], str(film)], cwd=ROOT)
    try:
        eventually(lambda: _answers(served), within=20)
        yield served
    finally:
        process.terminate()
        process.wait(10)


def _answers(served: Served) -> bool:
    with suppress(httpx.TransportError):
        served.tell("nobody")
        return True
    return False


async def main(port: int, film: Path) -> None:
    """Listen until the process is ended."""
    Played.film, Played.address = film.read_bytes(), f"http://127.0.0.1:{port}"
    server = await asyncio.get_running_loop().create_server(Played, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2])))
