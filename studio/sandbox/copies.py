"""What a played xAI job's copy in Files is: asked for by `storage_options`, named, and gone after its time. Pure but for the file's size.

A copy is no row of its own: it follows from its job, as everything here does. Facts from docs.x.ai ("Imagine", "Files") and xAI's SDK 1.19.0.
"""

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from studio.sandbox import files, intake
from studio.sandbox.models import Kind, RemoteJob

SHORTEST, LONGEST = 3600, 2_592_000  # seconds for which a copy can be kept
LONGEST_NAME = 255  # characters


def check_options(body: Mapping[str, Any]) -> None:
    """Raise Malformed for a wish to store that xAI would refuse."""
    options = body.get("storage_options")
    if options is None:
        return
    if not isinstance(options, dict) or set(options) - {"filename", "expires_after", "public_url"}:
        raise intake.Malformed("storage_options must be an object of filename, expires_after and public_url")
    if len(intake.word(options, "filename", required=True)) > LONGEST_NAME:
        raise intake.Malformed("storage_options.filename is too long")
    if options.get("expires_after") is not None:
        intake.whole(options, "expires_after", SHORTEST, LONGEST, default=SHORTEST)


def output(job: RemoteJob) -> dict[str, Any]:
    """What the body of a finished job says about its copy; empty where none was asked for."""
    if not job.request.get("storage_options"):
        return {}
    if job.has(Kind.STORAGE_ERROR):
        return {"storage_error": "The file could not be stored."}
    end = ends(job)
    return {
        "file_output": {"file_id": file_id(job), "filename": name(job), "expires_at": round(end.timestamp()) if end else None, "public_url": None}
    }


def file_id(job: RemoteJob) -> str:
    """The copy's id."""
    return f"file_{uuid.uuid5(uuid.NAMESPACE_URL, job.remote_id)}"


def name(job: RemoteJob) -> str:
    """The name that was asked for."""
    return str(job.request["storage_options"]["filename"])


def ends(job: RemoteJob) -> datetime | None:
    """When the copy goes by itself; None for never."""
    seconds = job.request["storage_options"].get("expires_after")
    return None if seconds is None else job.ends_at + timedelta(seconds=seconds)


def entry(job: RemoteJob) -> dict[str, Any]:
    """The copy as a list shows it."""
    end = ends(job)
    path = files.folder() / job.file_names()[0]
    return {
        "id": file_id(job),
        "object": "file",
        "filename": name(job),
        "bytes": path.stat().st_size if path.is_file() else 0,
        "created_at": round(job.ends_at.timestamp()),
        "expires_at": round(end.timestamp()) if end else None,
    }
