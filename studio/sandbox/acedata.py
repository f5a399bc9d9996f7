"""AceData Cloud, played: blocks unless told otherwise, and its tasks have no status.

Odd jobs fail with `success: false`, even ones with `success: true` around a failed item; odd ones answer a submission with the short shape.
"""

import time
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_POST

from studio.sandbox import intake
from studio.sandbox.models import Kind, Moment, RemoteJob
from studio.sandbox.timeline import Stage, Standing

PROVIDER = "acedata"
RATIOS = ("1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3")
RESOLUTIONS = ("480p", "720p", "1080p")
FAST = "grok-imagine-video-1.5-fast:reverse"
DURATIONS = {  # shortest and longest, seconds
    FAST: (6, 30),
    "grok-imagine-video:reverse": (1, 15),
    "grok-imagine-video:official": (1, 15),
    "grok-imagine-video-1.5:official": (1, 15),
    "grok-imagine-video": (1, 15),
    "grok-imagine-video-1.5-preview": (1, 15),
}
NEEDS_IMAGE = ("grok-imagine-video-1.5:official", "grok-imagine-video-1.5-preview")
BATCH = 50  # ids in one question
HOLD = 30.0  # seconds that a synchronous submission is held before it is answered 504
BEAT = 0.25  # seconds between two looks while it is held

MODERATED = {"code": "forbidden", "message": "The content was rejected by moderation."}
FAILED = {"code": "api_error", "message": "Internal server error."}


def _error(status: int, code: str, message: str) -> intake.Answer:
    return status, {"error": {"code": code, "message": message}, "trace_id": str(uuid.uuid4())}


ANSWERS: dict[Kind, intake.Answer] = {
    Kind.RATE_LIMIT: _error(429, "too_many_requests", "Too many requests, please try again later."),
    Kind.SERVER_ERROR: _error(500, "api_error", "Internal server error."),
    Kind.REFUSAL: _error(400, "bad_request", "The request is invalid."),
    Kind.MODERATION_SUBMIT: _error(403, MODERATED["code"], MODERATED["message"]),
    Kind.BALANCE: _error(403, "used_up", "Your balance is not sufficient for current request, please buy more in Ace Data Cloud."),
}


@intake.api
@require_POST
def videos(request: HttpRequest) -> HttpResponseBase:
    """POST /grok/videos: the id at once with `async` or `callback_url`, else the finished video after a wait."""
    if stopped := _stopped(request, Moment.SUBMIT):
        return stopped
    try:
        body = intake.body_of(request)
        wanted = _wanted(body)
    except intake.Malformed as error:
        return _json(_error(400, "bad_request", str(error)))
    if no := intake.turned_down(PROVIDER, ANSWERS):
        return no
    job = intake.accept(request, wanted, provider=PROVIDER, remote_id=str(uuid.uuid4()), key=intake.bearer(request))
    if lost := intake.lost(job):
        return lost
    if body.get("async") is True or wanted.callback_url:
        return JsonResponse({"task_id": job.remote_id} if job.odd else {"success": True, "task_id": job.remote_id, "trace_id": _trace(job)})
    return held(job, limit=HOLD)


def held(job: RemoteJob, *, limit: float) -> HttpResponse:
    """The answer of a synchronous submission: the result, or 504 after `limit` seconds. The task goes on, and its id is lost to the client."""
    until = time.monotonic() + limit
    while True:
        seen = intake.look(PROVIDER, job.remote_id)
        if seen is not None and seen[1].is_final:
            return JsonResponse(result(*seen))
        if time.monotonic() >= until:
            return _json(_error(504, "timeout", "The upstream timed out."))
        time.sleep(BEAT)


@intake.api
@require_POST
def tasks(request: HttpRequest) -> HttpResponseBase:
    """POST /grok/tasks: one task by `id`, or several by `ids` or by time."""
    if stopped := _stopped(request, Moment.CHECK):
        return stopped
    try:
        body = intake.body_of(request)
        if intake.one_of(body, "action", ("retrieve", "retrieve_batch"), "retrieve") == "retrieve_batch":
            return _batch(request, body)
        seen = intake.look(PROVIDER, intake.word(body, "id"))
    except intake.Malformed as error:
        return _json(_error(400, "bad_request", str(error)))
    if seen is None:
        return JsonResponse(None, safe=False)
    job, at = seen
    return JsonResponse(_task(job, at), headers={"x-trace-id": _trace(job)})


def _batch(request: HttpRequest, body: Mapping[str, Any]) -> HttpResponse:
    """Tasks by id; without ids the account's newest, between the undocumented `created_at_min` and `created_at_max` (Unix seconds)."""
    ids = intake.strings(body, "ids")
    if "ids" not in body:
        mine = RemoteJob.objects.filter(provider=PROVIDER, key_hash=intake.hash_of(intake.bearer(request)))
        for name, lookup in (("created_at_min", "created_at__gte"), ("created_at_max", "created_at__lte")):
            if isinstance(limit := body.get(name), int | float):
                mine = mine.filter(**{lookup: _moment(limit)})
        ids = tuple(mine.order_by("-created_at").values_list("remote_id", flat=True)[:BATCH])
    seen = [look for look in (intake.look(PROVIDER, remote_id) for remote_id in ids[:BATCH]) if look is not None]
    return JsonResponse({"items": [_task(*look) for look in seen], "count": len(seen)})


def _moment(seconds: float) -> datetime:
    """A time from Unix seconds. Raises Malformed for one that no calendar has."""
    try:
        return datetime.fromtimestamp(seconds, tz=timezone.get_default_timezone())
    except (ValueError, OverflowError, OSError) as error:
        raise intake.Malformed("The time is out of range.") from error


def _task(job: RemoteJob, at: Standing) -> dict[str, Any]:
    """One task: no status; `response`, `finished_at` and `elapsed` appear when it is through."""
    task: dict[str, Any] = {"id": job.remote_id, "type": "videos", "request": job.request, "created_at": round(job.created_at.timestamp(), 3)}
    if at.stage != Stage.QUEUED:
        task["started_at"] = f"{job.created_at:%Y-%m-%dT%H:%M:%SZ}"
    if at.stage == Stage.STRANGE:
        task["response"] = _around(job, [{"id": _item_id(job), "video_url": None, "state": "simmering"}])
    if at.is_final:
        task |= {"response": result(job, at), "finished_at": round(job.ends_at.timestamp(), 3), "elapsed": round(job.making.total_seconds(), 3)}
    return task


def result(job: RemoteJob, at: Standing) -> dict[str, Any]:
    """The synchronous body of a finished task, which is also its `response` and the callback's body. Bears no cost."""
    if at.stage == Stage.DONE:
        return _around(job, [{"id": _item_id(job), "video_url": job.video_urls()[0], "state": "succeeded"}])
    if at.stage == Stage.FAILED and not job.odd:
        return _around(job, [{"id": _item_id(job), "video_url": None, "state": "failed"}])
    error = MODERATED if at.stage == Stage.MODERATED else FAILED
    return {"success": False, "task_id": job.remote_id, "trace_id": _trace(job), "error": error}


def _around(job: RemoteJob, data: list[dict[str, Any]]) -> dict[str, Any]:
    return {"success": True, "task_id": job.remote_id, "trace_id": _trace(job), "data": data}


def _item_id(job: RemoteJob) -> str:
    """`<model>:<uuid>`, where the model's name may hold a colon of its own."""
    return f"{job.model}:{uuid.uuid5(uuid.NAMESPACE_URL, job.remote_id)}"


def _trace(job: RemoteJob) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, job.remote_id))


def _wanted(body: Mapping[str, Any]) -> intake.Wanted:
    """The submission, checked by the current specification. Raises Malformed."""
    model = intake.one_of(body, "model", DURATIONS, FAST)
    image = intake.word(body, "image_url")
    if model in NEEDS_IMAGE and not image:
        raise intake.Malformed("image_url is required for this model.")
    if not image and not body.get("prompt"):
        raise intake.Malformed("prompt is required for text-to-video.")
    least, most = DURATIONS[model]
    return intake.Wanted(
        prompt=intake.word(body, "prompt"),
        aspect_ratio=intake.one_of(body, "aspect_ratio", RATIOS, "16:9"),
        resolution=intake.one_of(body, "resolution", RESOLUTIONS, "480p"),
        seconds=intake.whole(body, "duration", least, most, default=6),
        model=model,
        images=((image,) if image else ()) + intake.strings(body, "reference_image_urls"),
        callback_url=intake.word(body, "callback_url"),
        request=body,
    )


def _stopped(request: HttpRequest, moment: Moment) -> HttpResponse | None:
    """The answer that comes before the request is read: no key (400), a wrong one (401), or a fault."""
    key = intake.bearer(request)
    if not key:
        return _json(_error(400, "no_token", "No token was given."))
    if intake.is_wrong(key):
        return _json(_error(401, "invalid_token", "The specified token is invalid or wrong."))
    return intake.trouble(PROVIDER, ANSWERS, moment=moment)


@intake.api
def no_api(_request: HttpRequest, path: str) -> HttpResponse:
    """Every path that AceData does not have."""
    return _json(_error(404, "no_api", f"The path {path} is not registered."))


def _json(answer: intake.Answer) -> HttpResponse:
    return JsonResponse(answer[1], status=answer[0])
