"""A WSGI app for a server of its own: a large file, a small one, a page, and an answer that comes once it is told. The file's path comes in the environment."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

PROMISED: list["Future[bytes]"] = []


def later(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """`/later` is promised, `/tell` keeps every promise, `/broken` promises and then fails."""
    if environ["PATH_INFO"] == "/tell":
        told = [promise for promise in PROMISED if not promise.done()]
        for promise in told:
            promise.set_result(b"1")
        PROMISED.clear()
        start_response("200 OK", [("Content-Length", "3")])
        return [b"%03d" % len(told)]
    if promise := environ["studio.later"]():
        PROMISED.append(promise)
    if environ["PATH_INFO"] == "/broken":
        start_response("500 Oh", [("Content-Length", "6")])
        return [b"broken"]
    start_response("200 OK", [("Content-Length", "1")])
    return [b"-"]


class BareFile:
    """A file as an app may give it: it is read and closed, and has a descriptor. Nothing else."""

    def __init__(self, path: Path, start: int) -> None:
        file = path.open("rb")
        file.seek(start)
        self.read, self.close, self.fileno = file.read, file.close, file.fileno


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/page":
        start_response("200 OK", [("Content-Length", "4")])
        return [b"page"]
    if environ["PATH_INFO"] in {"/later", "/tell", "/broken"}:
        return later(environ, start_response)
    path = Path(os.environ["LARGE"])
    start, length = {"/small": (0, 100), "/part": (1_000_000, 500_000), "/more": (0, path.stat().st_size + 1)}.get(
        environ["PATH_INFO"], (0, path.stat().st_size)
    )
    start_response("200 OK", [("Content-Length", str(length))])
    wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](BareFile(path, start))
    return wrapped
