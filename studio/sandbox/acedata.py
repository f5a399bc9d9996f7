"""AceData Cloud, played: blocks unless told otherwise, and its tasks have no status.

Odd jobs fail with `success: false`, even ones with `success: true` around a failed item; odd ones answer a submission with the short shape, and a
client that takes `application/x-ndjson` with two lines.
"""

import json
import time
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils import timezone

from studio.sandbox import intake
from studio.sandbox.models import Kind, RemoteJob
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
    "grok-imagine-video-1.5-fast": (6, 30),  # the names of a guide between the two
    "grok-imagine-video-1.5": (1, 15),
}
LINES = "application/x-ndjson"
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


@intake.submissions(PROVIDER)
def videos(visit: intake.Visit) -> HttpResponseBase:
    """POST /grok/videos: the id at once with `async` or `callback_url`, else the finished video after a wait."""
    if stopped := _stopped(visit):
        return stopped
    try:
        body = intake.body_of(visit)
        wanted = _wanted(body)
    except intake.Malformed as error:
        return _json(_error(400, "bad_request", str(error)))
    if no := intake.turned_down(visit, ANSWERS):
        return no
    job = intake.accept(visit, wanted, remote_id=str(uuid.uuid4()), key=intake.bearer(visit.request))
    if hindered := intake.hindered(job):
        return hindered
    at_once = body.get("async") is True or wanted.callback_url
    status, answer = _taken(job) if at_once else held(job, limit=HOLD)
    return _in_lines(job, answer, status) if LINES in visit.request.headers.get("Accept", "") else JsonResponse(answer, status=status)


def _taken(job: RemoteJob) -> intake.Answer:
    """The answer of a submission that is not waited for."""
    return 200, {"task_id": job.remote_id} | ({} if job.odd else {"success": True, "trace_id": _trace(job)})


def _in_lines(job: RemoteJob, answer: Mapping[str, Any], status: int) -> HttpResponse:
    """An answer as lines of JSON, for odd jobs after a first one with the id. How several lines look is not documented."""
    lines = [{"task_id": job.remote_id}, answer] if job.odd else [answer]
    return HttpResponse("".join(f"{json.dumps(line)}\n" for line in lines), status=status, content_type=LINES)


def held(job: RemoteJob, *, limit: float) -> intake.Answer:
    """The answer of a synchronous submission: the result, or 504 after `limit` seconds. The task goes on, and its id is lost to the client."""
    until = time.monotonic() + limit
    while True:
        job.refresh_from_db()
        job, at = intake.standing_of(job)
        if at.is_final:
            return 200, result(job, at)
        if time.monotonic() >= until:
            return _error(504, "timeout", "The upstream timed out.")
        time.sleep(BEAT)


@intake.looks(PROVIDER, methods=("POST",))
def tasks(visit: intake.Visit) -> HttpResponseBase:
    """POST /grok/tasks: one task by `id`, or several by `ids` or by time."""
    if stopped := _stopped(visit):
        return stopped
    try:
        body = intake.body_of(visit)
        if intake.one_of(body, "action", ("retrieve", "retrieve_batch"), "retrieve") == "retrieve_batch":
            return _batch(visit, body)
        seen = intake.mistaken(visit, intake.look(visit, intake.word(body, "id")))
    except intake.Malformed as error:
        return _json(_error(400, "bad_request", str(error)))
    if seen is None:
        return JsonResponse(None, safe=False)
    job, at = seen
    return JsonResponse(_task(job, at), headers={"x-trace-id": _trace(job)})


def _batch(visit: intake.Visit, body: Mapping[str, Any]) -> HttpResponse:
    """The account's own tasks among `ids`; without them its newest, by the undocumented `created_at_min` and `created_at_max` (Unix seconds), `limit`
    and `offset`. Raises Malformed.
    """
    mine = RemoteJob.objects.filter(provider=PROVIDER, key_hash=intake.hash_of(intake.bearer(visit.request)))
    if "ids" in body:
        ids = intake.strings(body, "ids")
        if len(ids) > BATCH:
            raise intake.Malformed(f"At most {BATCH} ids can be retrieved at once.")
        known = mine.in_bulk([remote_id.replace("\x00", "") for remote_id in ids], field_name="remote_id")
        jobs = [known[remote_id] for remote_id in dict.fromkeys(ids) if remote_id in known]
    else:
        for name, lookup in (("created_at_min", "created_at__gte"), ("created_at_max", "created_at__lte")):
            if isinstance(bound := body.get(name), int | float):
                mine = mine.filter(**{lookup: _moment(bound)})
        first, limit = intake.whole(body, "offset", 0, 1_000_000, default=0), intake.whole(body, "limit", 1, BATCH, default=BATCH)
        jobs = list(mine.order_by("-created_at", "-pk")[first : first + limit])
    items = [_task(*intake.standing_of(job)) for job in jobs]
    return JsonResponse({"items": items, "count": len(items)})


def _moment(seconds: float) -> datetime:
    """A time from Unix seconds. Raises Malformed for one that no calendar has."""
    try:
        return datetime.fromtimestamp(seconds, tz=timezone.get_default_timezone())
    except (ValueError, OverflowError, OSError) as error:
        raise intake.Malformed("The time is out of range.") from error


def _task(job: RemoteJob, at: Standing) -> dict[str, Any]:
    """One task: no status; `response`, `finished_at` and `elapsed` appear when it is through."""
    task: dict[str, Any] = {"id": job.remote_id, "type": "videos", "request": job.request, "created_at": round(job.created_at.timestamp(), 3)}
    task["response"] = {} if job.odd else None  # both are documented; without the field AceData's own SDK takes an echoed image for the result
    if at.stage != Stage.QUEUED:
        task["started_at"] = f"{job.created_at:%Y-%m-%dT%H:%M:%SZ}" if job.odd else round(job.created_at.timestamp())
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


def _stopped(visit: intake.Visit) -> HttpResponseBase | None:
    """The answer that comes before the request is read: no key (400), a wrong one (401), or a fault."""
    key = intake.bearer(visit.request)
    if not key:
        return _json(_error(400, "no_token", "No token was given."))
    if intake.is_wrong(key):
        return _json(_error(401, "invalid_token", "The specified token is invalid or wrong."))
    return intake.trouble(visit, ANSWERS)


@intake.api
def no_api(_request: HttpRequest, path: str) -> HttpResponse:
    """Every path that AceData does not have."""
    return _json(_error(404, "no_api", f"The path {path} is not registered."))


def _json(answer: intake.Answer) -> HttpResponse:
    return JsonResponse(answer[1], status=answer[0])
