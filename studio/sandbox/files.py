"""The sandbox's videos: where they lie, and the address that serves them without a key, as the providers' delivery hosts do."""

import hashlib
from collections.abc import Iterator
from errno import ECONNRESET
from pathlib import Path

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.views.decorators.http import require_safe

from studio.sandbox.models import Kind, RemoteJob

CHUNK = 65_536  # bytes


def folder() -> Path:
    """Where the sandbox keeps its files; made when it is not there yet."""
    path = Path(settings.DATA_DIR) / "sandbox"
    path.mkdir(parents=True, exist_ok=True)
    return path


@login_not_required
@require_safe
def video(_request: HttpRequest, name: str) -> HttpResponseBase:
    """One video; 404 when there is none, 403 or 404 when its link expired."""
    job = _owner(name)
    path = folder() / f"{name}.mp4"
    if job is None or not path.is_file():
        return HttpResponse("Not found", status=404, content_type="text/plain")
    if job.has(Kind.EXPIRED_LINK):
        return HttpResponse("The link has expired", status=403 if job.odd else 404, content_type="text/plain")
    size = path.stat().st_size
    response: StreamingHttpResponse = (
        StreamingHttpResponse(_half(path, size), content_type="video/mp4")
        if job.has(Kind.TRUNCATED)
        else FileResponse(path.open("rb"), content_type="video/mp4")
    )
    response.headers["Content-Length"] = str(size)
    response.headers["ETag"] = f'"{hashlib.sha256(f"{name} {size}".encode()).hexdigest()[:32]}"'
    response.headers["Cache-Control"] = "public, max-age=14400"
    return response


def _owner(name: str) -> RemoteJob | None:
    """The job that a video belongs to: its name is the id, with the number of the take where there are several."""
    candidates = [name, name.rpartition("-")[0]]
    return next((job for job in RemoteJob.objects.filter(remote_id__in=candidates) if f"{name}.mp4" in job.file_names()), None)


def _half(path: Path, size: int) -> Iterator[bytes]:
    """The first half of a file, and then a broken connection."""
    with path.open("rb") as file:
        for start in range(0, size // 2, CHUNK):
            yield file.read(min(CHUNK, size // 2 - start))
    raise ConnectionResetError(ECONNRESET, "the sandbox cuts this video off on purpose")
