"""xAI's Files, played: a private copy of each clip whose order had `storage_options`, until it is deleted or its time is over (copies.py)."""

import re
from collections.abc import Iterator

from django.http import HttpResponseBase, JsonResponse
from django.utils import timezone

from studio.sandbox import copies, files, intake, render, timeline, xai
from studio.sandbox.models import RemoteJob
from studio.sandbox.timeline import Stage

BY_NAME = re.compile(r'name = "([^"]*)"')  # the filter as the SDK writes it; other forms are refused
NOT_FOUND: intake.Answer = (404, {"code": "not-found", "error": "The file does not exist."})


@intake.looks(xai.PROVIDER)
def listed(visit: intake.Visit) -> HttpResponseBase:
    """GET /v1/files: the account's own, by creation; `filter`, `limit`, `order` and `pagination_token`."""
    if answer := xai.stopped(visit):
        return answer
    asked = visit.request.GET
    name = BY_NAME.fullmatch(asked["filter"]) if "filter" in asked else None
    limit, start = asked.get("limit", "100"), asked.get("pagination_token", "0")
    if ("filter" in asked and name is None) or not (limit.isdecimal() and start.isdecimal() and 0 < int(limit) <= 100):  # noqa: PLR2004 - a page
        return JsonResponse({"code": "invalid-argument", "error": "The query cannot be understood."}, status=400)
    found = [job for job in _kept(visit) if name is None or copies.name(job) == name[1]]
    found = found if asked.get("order") == "desc" else found[::-1]
    end = int(start) + int(limit)
    page = {"data": [copies.entry(job) for job in found[int(start) : end]]}
    return JsonResponse(page | ({"pagination_token": str(end)} if end < len(found) else {}))


@intake.looks(xai.PROVIDER, methods=("GET", "DELETE"))
def one(visit: intake.Visit, file_id: str) -> HttpResponseBase:
    """GET or DELETE /v1/files/{file_id}."""
    if answer := xai.stopped(visit):
        return answer
    job = _find(visit, file_id)
    if job is None:
        return JsonResponse(NOT_FOUND[1], status=NOT_FOUND[0])
    if visit.request.method == "GET":
        return JsonResponse(copies.entry(job))
    RemoteJob.objects.filter(pk=job.pk).update(file_deleted_at=timezone.now())
    return JsonResponse({"id": file_id, "deleted": True})


@intake.looks(xai.PROVIDER)
def content(visit: intake.Visit, file_id: str) -> HttpResponseBase:
    """GET /v1/files/{file_id}/content, with the key."""
    if answer := xai.stopped(visit):
        return answer
    job = _find(visit, file_id)
    path = files.folder() / job.file_names()[0] if job else None
    if job is None or path is None or not path.is_file():
        return JsonResponse(NOT_FOUND[1], status=NOT_FOUND[0])
    return files.served(job, path)


def _kept(visit: intake.Visit) -> Iterator[RemoteJob]:
    """The jobs of this account whose copies are there now, the newest first.

    A drawing lost with its worker is asked for again: whoever lost a job's id can ask for nothing but its copy.
    """
    now = timezone.now()
    mine = RemoteJob.objects.filter(provider=xai.PROVIDER, key_hash=intake.hash_of(intake.bearer(visit.request)), file_deleted_at=None)
    for job in mine.order_by("-created_at", "-pk"):
        if "file_output" in copies.output(job):
            render.ask_again(job)
        ends = copies.ends(job)
        if "file_output" in copies.output(job) and timeline.standing(job, now).stage == Stage.DONE and (ends is None or ends > now):
            yield job


def _find(visit: intake.Visit, file_id: str) -> RemoteJob | None:
    return next((job for job in _kept(visit) if copies.file_id(job) == file_id), None)
