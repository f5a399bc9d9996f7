"""A bucket played over real HTTP on loopback: puts, parts, ranges, and signatures that are reckoned anew. Path addressing, no TLS."""

import hashlib
import hmac
import re
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

KEY, SECRET, REGION = "AKIAPLAYED", "s3cr3t/with+signs@", "eu-central-1"


@dataclass
class PlayedBucket:
    """What it holds and what it saw. `refuse` is an error that it answers everything with, as its status and its code."""

    address: str = ""
    objects: dict[str, bytes] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    parts: dict[str, dict[int, bytes]] = field(default_factory=lambda: defaultdict(dict))
    asked: list[str] = field(default_factory=list)
    access_lists: list[str | None] = field(default_factory=list)
    refuse: tuple[int, str] | None = None

    @property
    def url(self) -> str:
        """As STUDIO_STORAGE_URL."""
        return f"s3://{KEY}:s3cr3t%2Fwith%2Bsigns%40@clips?region={REGION}&endpoint={self.address}&prefix=studio"


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    bucket: PlayedBucket

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Silence."""

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = urlsplit(self.path)
        key, query = (
            parts.path.removeprefix("/clips").removeprefix("/"),
            {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()},
        )
        self.bucket.asked.append(f"{self.command} {key}")
        if self.bucket.refuse:
            self._error(*self.bucket.refuse)
        elif not self._may(query, parts.query):
            self._error(403, "SignatureDoesNotMatch")
        else:
            {"PUT": self._put, "POST": self._post, "DELETE": self._delete}.get(self.command, self._get)(key, query, body)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _any  # noqa: N815 - the base class's names

    def _may(self, query: dict[str, str], raw: str) -> bool:
        if "X-Amz-Signature" not in query:
            return f"Credential={KEY}/" in self.headers.get("Authorization", "")
        made = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        over = datetime.now(UTC) > made + timedelta(seconds=int(query["X-Amz-Expires"]))
        return not over and hmac.compare_digest(query["X-Amz-Signature"], self._signature(query, raw))

    def _signature(self, query: dict[str, str], raw: str) -> str:
        """AWS's Signature Version 4 of this request, for query parameters."""
        pairs = "&".join(sorted(pair for pair in raw.split("&") if not pair.startswith("X-Amz-Signature=")))
        request = "\n".join([self.command, urlsplit(self.path).path, pairs, f"host:{self.headers['Host']}", "", "host", "UNSIGNED-PAYLOAD"])
        scope = query["X-Amz-Credential"].removeprefix(f"{KEY}/")
        to_sign = "\n".join(["AWS4-HMAC-SHA256", query["X-Amz-Date"], scope, hashlib.sha256(request.encode()).hexdigest()])
        key = f"AWS4{SECRET}".encode()
        for step in scope.split("/"):
            key = hmac.digest(key, step.encode(), "sha256")
        return hmac.digest(key, to_sign.encode(), "sha256").hex()

    def _put(self, key: str, query: dict[str, str], body: bytes) -> None:
        if "partNumber" in query:
            self.bucket.parts[query["uploadId"]][int(query["partNumber"])] = body
        else:
            self._keep(key, body)
        self._answer(200, b"", {"ETag": f'"{hashlib.md5(body).hexdigest()}"'})  # noqa: S324 - S3's own

    def _post(self, key: str, query: dict[str, str], body: bytes) -> None:
        if "uploads" in query:
            self.bucket.types[key] = self.headers["Content-Type"]
            self.bucket.access_lists.append(self.headers.get("x-amz-acl"))
            xml = f"<InitiateMultipartUploadResult><UploadId>{len(self.bucket.asked)}</UploadId></InitiateMultipartUploadResult>"
            self._answer(200, xml.encode(), {})
            return
        parts = self.bucket.parts.pop(query["uploadId"])
        self.bucket.objects[key] = b"".join(parts[number] for number in sorted(parts))
        self._answer(200, b"<CompleteMultipartUploadResult/>", {})

    def _keep(self, key: str, body: bytes) -> None:
        self.bucket.objects[key], self.bucket.types[key] = body, self.headers["Content-Type"]
        self.bucket.access_lists.append(self.headers.get("x-amz-acl"))

    def _delete(self, key: str, query: dict[str, str], body: bytes) -> None:
        self.bucket.objects.pop(key, None)
        self._answer(204, b"", {})

    def _list(self, prefix: str) -> None:
        """What lies directly there, and the folders, each once."""
        below = sorted(key.removeprefix(prefix) for key in self.bucket.objects if key.startswith(prefix))
        folders = "".join(
            f"<CommonPrefixes><Prefix>{prefix}{one}/</Prefix></CommonPrefixes>" for one in sorted({key.split("/")[0] for key in below if "/" in key})
        )
        files = "".join(f"<Contents><Key>{prefix}{key}</Key></Contents>" for key in below if "/" not in key)
        self._answer(200, f"<ListBucketResult><IsTruncated>false</IsTruncated>{files}{folders}</ListBucketResult>".encode(), {})

    def _get(self, key: str, query: dict[str, str], body: bytes) -> None:
        if not key and "prefix" in query:
            self._list(query["prefix"])
            return
        if key not in self.bucket.objects:
            self._error(404, "NoSuchKey")
            return
        content = self.bucket.objects[key]
        told = {"Content-Type": query.get("response-content-type", self.bucket.types[key])}
        told |= {name: query[f"response-{name.lower()}"] for name in ("Content-Disposition", "Cache-Control") if f"response-{name.lower()}" in query}
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if wanted is None:
            self._answer(200, content, told)
            return
        first, last = int(wanted[1]), min(int(wanted[2] or len(content)), len(content) - 1)
        self._answer(206, content[first : last + 1], {**told, "Content-Range": f"bytes {first}-{last}/{len(content)}"})

    def _error(self, status: int, code: str) -> None:
        self._answer(status, f"<Error><Code>{code}</Code></Error>".encode(), {"Content-Type": "application/xml"})

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@contextmanager
def playing_bucket() -> Iterator[PlayedBucket]:
    """The bucket `clips`, listening until the block ends."""
    bucket = PlayedBucket()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"bucket": bucket}))
    server.daemon_threads = True
    bucket.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield bucket
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
