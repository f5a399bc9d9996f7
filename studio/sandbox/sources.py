"""The clip that an edit or an extension starts from: what it is like, as far as the sandbox can know."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from studio.sandbox.files import owner
from studio.sandbox.intake import Malformed

LARGEST = "720p"  # the result of an edit is capped there


@dataclass(frozen=True, slots=True)
class Source:
    """A clip's shape. The default stands for every clip that the sandbox did not make itself: it does not fetch one to find out."""

    seconds: int = 5
    aspect_ratio: str = "16:9"
    resolution: str = LARGEST


def of(body: Mapping[str, Any]) -> Source:
    """The clip that `video` names, as `{url}` or `{file_id}`. Raises Malformed."""
    video = body.get("video")
    given = [value for name in ("url", "file_id") if isinstance(value := video.get(name), str) and value] if isinstance(video, dict) else []
    if len(given) != 1:
        raise Malformed("video must be an object with either a url or a file_id")
    job = None if given[0].startswith("data:") else owner(PurePosixPath(urlsplit(given[0]).path.replace("\x00", "")).stem)
    if job is None:
        return Source()
    return Source(job.seconds, job.aspect_ratio, LARGEST if job.resolution == "1080p" else job.resolution)
