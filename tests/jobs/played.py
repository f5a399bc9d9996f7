"""A provider played over real HTTP on loopback: it speaks xAI's protocol, and AceData's with its list, and does what a test scripted, lies included."""

import json
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.time_limits import eventually


@dataclass(frozen=True)
class Reply:
    """One answer. With `vanish` the connection closes without one, after the request was read."""

    status: int = 200
    body: object = None
    headers: dict[str, str] = field(default_factory=dict)
    vanish: bool = False
    short_by: int = 0  # bytes of the declared length that never come

    def encoded(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


VANISH = Reply(vanish=True)


@dataclass
class Made:
    """Something that it took on: when (Unix seconds), and as what."""

    at: float
    body: dict[str, object]


def attempt_in(body: dict[str, object]) -> str:
    """The attempt that a request names: in `user`, or in the address of its callback."""
    return str(body.get("user") or str(body.get("callback_url") or "///").split("/")[-3])


@dataclass
class PlayedProvider:
    """What the server does and what it saw. Scripts are used up from the front; after that, all goes well."""

    film: bytes
    address: str = ""
    submits: list[dict[str, object]] = field(default_factory=list)
    answered: dict[str, list[Reply]] = field(default_factory=lambda: defaultdict(list))  # what each attempt was told
    made: dict[str, "Made"] = field(default_factory=dict)  # everything that it took on, though its answer got lost
    looks: list[str] = field(default_factory=list)
    downloads: list[str] = field(default_factory=list)
    on_submit: list[Reply] = field(default_factory=list)
    on_look: list[Reply] = field(default_factory=list)
    on_download: list[Reply] = field(default_factory=list)
    keys_at_downloads: list[str | None] = field(default_factory=list)
    usage: object = 500_000_000
    keeps_files: bool = False  # whether it has a file store, as xAI has
    deleted: list[str] = field(default_factory=list)  # files, by their ids
    on_files: list[Reply] = field(default_factory=list)  # to anything that is asked of the file store, but for contents
    before_answering: Callable[[str, dict[str, object]], None] | None = None  # called with the id and the request of what it takes on
    connections: int = 0  # that are open

    def wait_until_idle(self) -> None:
        """Wait until everything that was sent is dealt with, for a client whose connections are all closed.

        On a busy machine a request may lie in the socket while its client is long dead. The server accepts connections in their order: once it has closed
        a new one, it knows of all before it.
        """
        host, port = self.address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as last:
            last.shutdown(socket.SHUT_WR)
            last.recv(1)
        eventually(lambda: self.connections == 0, within=10, every=0.005)

    def submit(self, body: dict[str, object]) -> Reply:
        self.submits.append(body)
        remote_id = f"remote-{len(self.submits)}"
        reply = self.on_submit.pop(0) if self.on_submit else Reply(body={"request_id": remote_id, "task_id": remote_id})
        self.answered[attempt_in(body)].append(reply)
        if reply.vanish or reply.short_by or remote_id in str(reply.body):
            self.made[remote_id] = Made(time.time(), body)
            if self.before_answering:
                self.before_answering(remote_id, body)
        return reply

    def look(self, remote_id: str) -> Reply:
        self.looks.append(remote_id)
        return self.on_look.pop(0) if self.on_look else self.finished(remote_id)

    def finished(self, remote_id: str, **usage: object) -> Reply:
        video: dict[str, object] = {"url": f"{self.address}/files/{remote_id}.mp4", "duration": 1, "respect_moderation": True}
        if name := self.kept_files().get(f"file-{remote_id}"):
            video["file_output"] = {"file_id": f"file-{remote_id}", "filename": name, "expires_at": None}
        figures = usage or {"cost_in_usd_ticks": self.usage}
        return Reply(body={"status": "done", "video": video, "model": "grok-imagine-video", "usage": figures, "progress": 100})

    def tell(self, asked: dict[str, object]) -> Reply:
        """AceData's tasks: one by its id, several by their ids, or all of a time."""
        if asked.get("action") == "retrieve":
            self.looks.append(str(asked["id"]))
            return self.on_look.pop(0) if self.on_look else Reply(body=self._task(str(asked["id"])))
        ids = asked.get("ids")
        if isinstance(ids, list):
            self.looks += ids
            return self.on_look.pop(0) if self.on_look else Reply(body={"items": [task for one in ids if (task := self._task(one))]})
        return Reply(body={"items": [self._task(one) for one in self.made]})

    def _task(self, remote_id: str) -> dict[str, object] | None:
        """One task of AceData's, done; None for one that it never took on."""
        if remote_id not in self.made:
            return None
        made = self.made[remote_id]
        video = {"id": f"grok:{remote_id}", "video_url": f"{self.address}/files/{remote_id}.mp4", "state": "succeeded"}
        response = {"success": True, "task_id": remote_id, "data": [video]}
        return {"id": remote_id, "request": made.body, "created_at": made.at, "finished_at": made.at + 1, "response": response}

    def get(self, path: str, key: str | None) -> Reply:
        if path.startswith("/files?"):
            return self.list_files()
        if path.endswith("/content"):
            return self.content(path, key)
        return self.download(path, key) if path.startswith("/files/") else self.look(path.rsplit("/", 1)[1])

    def kept_files(self) -> dict[str, str]:
        """The names of the files in its store, by their ids."""
        asked = {f"file-{remote_id}": made.body.get("storage_options") for remote_id, made in self.made.items()}
        names = {file_id: str(options["filename"]) for file_id, options in asked.items() if isinstance(options, dict)}
        return {file_id: name for file_id, name in names.items() if self.keeps_files and file_id not in self.deleted}

    def list_files(self) -> Reply:
        entries = [{"id": file_id, "filename": name, "created_at": time.time()} for file_id, name in self.kept_files().items()]
        return self.on_files.pop(0) if self.on_files else Reply(body={"data": entries})

    def delete_file(self, file_id: str) -> Reply:
        if self.on_files:
            return self.on_files.pop(0)
        if file_id not in self.kept_files():
            return Reply(404, {"code": "not-found", "error": "no"})
        self.deleted.append(file_id)
        return Reply(body={"id": file_id, "deleted": True})

    def content(self, path: str, key: str | None) -> Reply:
        if path.split("/")[2] not in self.kept_files():
            return Reply(404, {"code": "not-found", "error": "no"})
        return self.download(path, key)

    def download(self, path: str, key: str | None) -> Reply:
        self.downloads.append(path)
        self.keys_at_downloads.append(key)
        return self.on_download.pop(0) if self.on_download else Reply(body=self.film, headers={"Content-Type": "video/mp4"})


PENDING = Reply(202, {"status": "pending", "progress": 1})


@contextmanager
def playing(film: bytes) -> Iterator[PlayedProvider]:
    """The provider, listening until the block ends."""
    provider = PlayedProvider(film)
    server = _server(provider)
    provider.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _server(provider: PlayedProvider) -> ThreadingHTTPServer:
    lock = threading.Lock()

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def process_request(self, request: Any, client_address: Any) -> None:
            with lock:
                provider.connections += 1
            super().process_request(request, client_address)

        def process_request_thread(self, request: Any, client_address: Any) -> None:
            try:
                super().process_request_thread(request, client_address)
            finally:
                with lock:
                    provider.connections -= 1

    return Server(("127.0.0.1", 0), _handler(provider))


def _handler(provider: PlayedProvider) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._answer(provider.tell(body) if self.path.endswith("/tasks") else provider.submit(body))

        def do_GET(self) -> None:
            self._answer(provider.get(self.path, self.headers.get("Authorization")))

        def do_DELETE(self) -> None:
            self._answer(provider.delete_file(self.path.rsplit("/", 1)[1]))

        def _answer(self, reply: Reply) -> None:
            if reply.vanish:
                self.close_connection = True
                return
            body = reply.encoded()
            self.send_response(reply.status)
            for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) - reply.short_by])
            self.close_connection = bool(reply.short_by)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    return Handler
