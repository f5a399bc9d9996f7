"""A provider played over real HTTP on loopback: it speaks xAI's protocol and does what a test scripted, lies included."""

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


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
class PlayedProvider:
    """What the server does and what it saw. Scripts are used up from the front; after that, all goes well."""

    film: bytes
    address: str = ""
    submits: list[dict[str, object]] = field(default_factory=list)
    answered: dict[str, list[Reply]] = field(default_factory=lambda: defaultdict(list))  # what each prompt was told
    looks: list[str] = field(default_factory=list)
    downloads: list[str] = field(default_factory=list)
    on_submit: list[Reply] = field(default_factory=list)
    on_look: list[Reply] = field(default_factory=list)
    on_download: list[Reply] = field(default_factory=list)
    keys_at_downloads: list[str | None] = field(default_factory=list)
    usage: object = 500_000_000

    def submit(self, body: dict[str, object]) -> Reply:
        self.submits.append(body)
        reply = self.on_submit.pop(0) if self.on_submit else Reply(body={"request_id": f"remote-{len(self.submits)}"})
        self.answered[str(body["prompt"])].append(reply)
        return reply

    def look(self, remote_id: str) -> Reply:
        self.looks.append(remote_id)
        return self.on_look.pop(0) if self.on_look else self.finished(remote_id)

    def finished(self, remote_id: str, **usage: object) -> Reply:
        video = {"url": f"{self.address}/files/{remote_id}.mp4", "duration": 1, "respect_moderation": True}
        figures = usage or {"cost_in_usd_ticks": self.usage}
        return Reply(body={"status": "done", "video": video, "model": "grok-imagine-video", "usage": figures, "progress": 100})

    def download(self, path: str, key: str | None) -> Reply:
        self.downloads.append(path)
        self.keys_at_downloads.append(key)
        return self.on_download.pop(0) if self.on_download else Reply(body=self.film, headers={"Content-Type": "video/mp4"})


PENDING = Reply(202, {"status": "pending", "progress": 1})


@contextmanager
def playing(film: bytes) -> Iterator[PlayedProvider]:
    """The provider, listening until the block ends."""
    provider = PlayedProvider(film)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(provider))
    server.daemon_threads = True
    provider.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(provider: PlayedProvider) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._answer(provider.submit(body))

        def do_GET(self) -> None:
            if self.path.startswith("/files/"):
                self._answer(provider.download(self.path, self.headers.get("Authorization")))
            else:
                self._answer(provider.look(self.path.rsplit("/", 1)[1]))

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
