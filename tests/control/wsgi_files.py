"""A WSGI app for a server of its own: a large file, a small one, and a page. The file's path comes in the environment."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/page":
        start_response("200 OK", [("Content-Length", "4")])
        return [b"page"]
    path = Path(os.environ["LARGE"])
    start, length = {"/small": (0, 100), "/part": (1_000_000, 500_000), "/more": (0, path.stat().st_size + 1)}.get(
        environ["PATH_INFO"], (0, path.stat().st_size)
    )
    file = path.open("rb")
    file.seek(start)
    start_response("200 OK", [("Content-Length", str(length))])
    wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](file)
    return wrapped
