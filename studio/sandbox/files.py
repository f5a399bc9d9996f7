"""The sandbox's videos: where they lie, and the address that serves them without a key, as the providers' delivery hosts do."""

import hashlib
from collections.abc import Iterator
from errno import ECONNRESET
from pathlib import Path

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.views.decorators.http import require_safe

from studio.sandbox import faults
from studio.sandbox.models import Kind, Moment, RemoteJob

CHUNK = 65_536  # bytes


def folder() -> Path:
    """Where the sandbox keeps its files; made when it is not there yet."""
    path = Path(settings.DATA_DIR) / "sandbox"
    path.mkdir(parents=True, exist_ok=True)
    return path


@login_not_required
@require_safe
def video(_request: HttpRequest, name: str) -> HttpResponseBase:
    """One video; 404 when there is none, 403 or 404 when its link expired, and whatever a fault of downloads puts in its place."""
    job = owner(name)
    path = folder() / f"{name}.mp4"
    if job is None or not path.is_file():
        return HttpResponse("Not found", status=404, content_type="text/plain")
    if job.has(Kind.EXPIRED_LINK):
        return HttpResponse("The link has expired", status=403 if job.odd else 404, content_type="text/plain")
    return served(job, path)


def served(job: RemoteJob, path: Path) -> HttpResponseBase:
    """A video that is there, or whatever a fault of downloads puts in its place."""
    met = faults.Waiting(job.provider, Moment.DOWNLOAD).take([Kind.SERVER_ERROR, Kind.RESET, Kind.TRUNCATED])
    if met == Kind.SERVER_ERROR:
        return HttpResponse("Bad gateway", status=502, content_type="text/plain")
    size = path.stat().st_size
    response: StreamingHttpResponse = (
        StreamingHttpResponse(_beginning(path, 0 if met == Kind.RESET else size // 2), content_type="video/mp4")
        if met or job.has(Kind.TRUNCATED)
        else FileResponse(path.open("rb"), content_type="video/mp4")
    )
    response.headers["Content-Length"] = str(size)
    response.headers["ETag"] = f'"{hashlib.sha256(f"{path.stem} {size}".encode()).hexdigest()[:32]}"'
    response.headers["Cache-Control"] = "public, max-age=14400"
    return response


def owner(name: str) -> RemoteJob | None:
    """The job that a video belongs to: its name is the id, with the number of the take where there are several."""
    candidates = [name, name.rpartition("-")[0]]
    return next((job for job in RemoteJob.objects.filter(remote_id__in=candidates) if f"{name}.mp4" in job.file_names()), None)


def _beginning(path: Path, length: int) -> Iterator[bytes]:
    """The first bytes of a file, and then a broken connection."""
    with path.open("rb") as file:
        for start in range(0, length, CHUNK):
            yield file.read(min(CHUNK, length - start))
    raise ConnectionResetError(ECONNRESET, "the sandbox cuts this video off on purpose")
