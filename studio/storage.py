"""Where files are kept, and who sends them: STUDIO_STORAGE_URL taken apart. A wrong one stops the start with a sentence that repeats none of it, because it may hold a key.

(empty)                                                                      the folder `media` in the data folder
file:///srv/clips                                                            another folder
s3://KEY:SECRET@bucket?region=eu-central-1&prefix=studio                     a bucket at Amazon
s3://KEY:SECRET@bucket?endpoint=https://minio.lan:9000&public=https://files.example.org    one elsewhere, which browsers reach by another address
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
REGION = re.compile(r"[a-z0-9-]{1,40}")
PREFIX = re.compile(r"\w[\w.-]*(/\w[\w.-]*)*", re.ASCII)
SAID = {"region", "endpoint", "public", "prefix", "addressing"}  # what may stand behind the question mark


@dataclass(frozen=True, slots=True)
class Place:
    """A storage as Django's STORAGES names it. `origin` is where browsers fetch files themselves; empty where we send them. `folder` is empty for a bucket."""

    backend: str
    options: dict[str, Any] = field(repr=False)
    folder: Path | None = None
    origin: str = ""


def place_of(address: str, *, default: Path) -> Place:
    """The storage that this address names. Raises ImproperlyConfigured."""
    try:
        parts = urlsplit(address)
        said = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
        host = parts.hostname or ""  # raises where a secret was not quoted
    except ValueError:
        raise _wrong("cannot be read. Write / in a key as %2F, + as %2B and @ as %40") from None
    if not address:
        return _folder(default)
    if parts.scheme == "file":
        return _folder(_path(parts))
    if parts.scheme == "s3":
        return _bucket(parts, host, said)
    raise _wrong("must start with file: or s3:")


def internal_location(path: str, files: Place) -> str:
    """The path under which the web server in front finds our files (STUDIO_ACCEL_REDIRECT), or an empty string. Raises ImproperlyConfigured."""
    if path and not re.fullmatch(r"/[\w/-]*\w/", path, re.ASCII):
        raise ImproperlyConfigured(f"STUDIO_ACCEL_REDIRECT is {path!r}; it takes a path such as /protected/.")
    if path and files.folder is None:
        raise ImproperlyConfigured("STUDIO_ACCEL_REDIRECT is for files in a folder, but STUDIO_STORAGE_URL names a bucket. Leave one of them out.")
    return path


def _wrong(what: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"STUDIO_STORAGE_URL {what}.")


def _folder(path: Path) -> Place:
    return Place("django.core.files.storage.FileSystemStorage", {"location": path}, folder=path)


def _path(parts: SplitResult) -> Path:
    path = Path(unquote(parts.path))
    if parts.netloc or parts.query or not path.is_absolute() or path == Path("/"):
        raise _wrong("names no folder. It looks like file:///srv/clips, with three slashes")
    return path


def _bucket(parts: SplitResult, host: str, said: dict[str, str]) -> Place:
    if "@" in parts.path or parts.port is not None or parts.path.strip("/"):
        raise _wrong("cannot be read. It looks like s3://KEY:SECRET@bucket?region=…; write / in a key as %2F, and a folder as prefix=")
    if not BUCKET.fullmatch(host):
        raise _wrong("names no bucket. It looks like s3://KEY:SECRET@bucket?region=…")
    if bool(parts.username) != bool(parts.password):
        raise _wrong("has a key without its secret, or the other way round. Leave both out to use the machine's own role")
    if others := sorted(set(said) - SAID):
        raise _wrong(f"says {others[0]!r}, which is unknown. Known are {', '.join(sorted(SAID))}")
    _check(said)
    endpoint = _server(said, "endpoint") or f"https://s3.{said['region']}.amazonaws.com"
    public = _server(said, "public") or endpoint
    addressing = said.get("addressing") or ("path" if "endpoint" in said or "." in host else "virtual")
    scheme, _, server = public.partition("://")
    options = {
        "bucket_name": host,
        "access_key": unquote(parts.username) if parts.username else None,
        "secret_key": unquote(parts.password) if parts.password else None,
        "region_name": said.get("region", "us-east-1"),
        "endpoint_url": endpoint,
        "public": public,
        "addressing": addressing,
        "location": said.get("prefix", "").strip("/"),
    }
    return Place("studio.jobs.bucket.Bucket", options, origin=public if addressing == "path" else f"{scheme}://{host}.{server}")


def _check(said: dict[str, str]) -> None:
    """Raise ImproperlyConfigured for what the words behind the question mark cannot be."""
    if "endpoint" not in said and "region" not in said:
        raise _wrong("needs region=, such as region=eu-central-1, or the endpoint= of another provider")
    if "region" in said and not REGION.fullmatch(said["region"]):
        raise _wrong("has a region that is none")
    if said.get("addressing", "path") not in {"path", "virtual"}:
        raise _wrong("has an addressing that is neither path nor virtual")
    if said.get("prefix", "").strip("/") and not PREFIX.fullmatch(said["prefix"].strip("/")):
        raise _wrong("has a prefix with something other than letters, digits, dots, dashes and slashes")


def _server(said: dict[str, str], name: str) -> str:
    """The address of a server: scheme, host and port."""
    address = said.get(name, "").rstrip("/")
    if not address and name not in said:
        return ""
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.path or parts.query or parts.fragment:
        raise _wrong(f"has {name}= without the address of a server. It looks like {name}=https://s3.example.org")
    return address
