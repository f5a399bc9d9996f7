"""A WSGI app for a server of its own: tells what it got, and answers with much. Takes 64 KB from strangers, and 5 MB from whoever sends a cookie."""

import hashlib
from collections.abc import Callable, Iterable
from typing import Any

LARGE = 5_000_000


class Application:
    """With the two attributes that the server reads."""

    body_folder = None

    @staticmethod
    def body_limit(environ: dict[str, Any]) -> int:
        """By the cookie; at one path it fails."""
        if environ["PATH_INFO"] == "/limit-fails":
            raise RuntimeError("no limit today")
        return LARGE if environ.get("HTTP_COOKIE") == "person" else 65_536

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer `/page`, `/much` (20 MB in pieces), `/unread`, or with the length and digest of what was sent."""
        path = environ["PATH_INFO"]
        if path == "/much":
            start_response("200 OK", [("Content-Type", "text/plain")])
            return (b"m" * 100_000 for _ in range(200))
        if path == "/huge-page":
            start_response("200 OK", [("Content-Length", "4000000")])
            return [b"h" * 4_000_000]
        text = b"page"
        if path not in {"/page", "/unread"}:
            try:
                length = int(environ.get("CONTENT_LENGTH") or 0)
                body = environ["wsgi.input"].read(length)
                text = f"{environ['REQUEST_METHOD']} {length} {len(body)} {hashlib.sha256(body).hexdigest()[:8]}".encode()
            except OSError:
                start_response("413 Too Large", [("Content-Length", "9")])
                return [b"too large"]
        start_response("200 OK", [("Content-Length", str(len(text)))])
        return [text]


application = Application()
