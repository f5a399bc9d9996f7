"""grokimagineapi.com, played: several videos from one task, and failures inside a `code: 200` envelope."""

import time
import uuid
from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse, HttpResponseBase, JsonResponse

from studio.sandbox import intake
from studio.sandbox.models import Kind, RemoteJob
from studio.sandbox.timeline import Stage, Standing

PROVIDER = "grokimagine"
MODES = ("fun", "normal", "spicy")
RATIOS = ("1:1", "16:9", "2:3", "3:2", "9:16")
PER_MINUTE = 100  # of the free tier
CREDITS = 40  # for one generation, whatever its options
MODERATED = "Inappropriate content, please try another prompt."

STATUSES = {
    Stage.QUEUED: "pending",
    Stage.RUNNING: "processing",
    Stage.STRANGE: "simmering",
    Stage.DONE: "completed",
    Stage.FAILED: "failed",
    Stage.MODERATED: "failed",
}


def _error(code: int, message: str, error: str) -> intake.Answer:
    return code, {"code": code, "message": message, "error": error}


ANSWERS: dict[Kind, intake.Answer] = {
    Kind.RATE_LIMIT: _error(429, "Too many requests", "RATE_LIMIT_EXCEEDED"),
    Kind.SERVER_ERROR: _error(500, "Internal server error", "INTERNAL_ERROR"),
    Kind.REFUSAL: _error(400, "Invalid request: File type not supported", "INVALID_REQUEST"),
    Kind.MODERATION_SUBMIT: _error(400, MODERATED, "INVALID_REQUEST"),
    Kind.BALANCE: _error(402, "Insufficient credits", "INSUFFICIENT_CREDITS"),
}


@intake.submissions(PROVIDER)
def generate(visit: intake.Visit) -> HttpResponseBase:
    """POST /v1/generate."""
    return _with_limits(_generate(visit))


def _generate(visit: intake.Visit) -> HttpResponseBase:
    if stopped := _stopped(visit):
        return stopped
    try:
        wanted = _wanted(intake.body_of(visit))
    except intake.Malformed as error:
        return _json(_error(400, f"Invalid request: {error}", "INVALID_REQUEST"))
    if no := intake.turned_down(visit, ANSWERS):
        return no
    job = intake.accept(visit, wanted, remote_id=f"task_{uuid.uuid4().hex}", key=intake.bearer(visit.request))
    return intake.hindered(job) or JsonResponse({"code": 200, "message": "success", "data": {"task_id": job.remote_id}})


@intake.looks(PROVIDER)
def status(visit: intake.Visit) -> HttpResponseBase:
    """GET /v1/status?task_id=."""
    return _with_limits(_status(visit))


def _status(visit: intake.Visit) -> HttpResponseBase:
    if stopped := _stopped(visit):
        return stopped
    seen = intake.mistaken(visit, intake.look(visit, visit.request.GET.get("task_id", "")))
    if seen is None:
        return _json(_error(400, "Invalid request: The task does not exist", "INVALID_REQUEST"))
    return JsonResponse({"code": 200, "message": "success", "data": _task(*seen)})


def _task(job: RemoteJob, at: Standing) -> dict[str, Any]:
    """`data` of a status answer; `response` is null until there are videos."""
    done = at.stage == Stage.DONE
    words = {Stage.FAILED: "grok imagine build failed", Stage.MODERATED: MODERATED}
    return {
        "consumed_credits": job.told_usage(CREDITS) if done else 0,
        "created_at": f"{job.created_at:%Y-%m-%dT%H:%M:%SZ}",
        "status": STATUSES[at.stage],
        "task_id": job.remote_id,
        "error_message": words.get(at.stage),
        "request": {name: job.request[name] for name in ("mode", "prompt", "ratio") if name in job.request},
        "response": job.video_urls() if done else None,
    }


def _wanted(body: Mapping[str, Any]) -> intake.Wanted:
    """The submission, checked. There is no option for duration or resolution: six seconds at 480p, two takes. Raises Malformed."""
    if not body.get("prompt"):
        raise intake.Malformed("The prompt parameter is required")
    intake.one_of(body, "mode", MODES, "normal")
    images = body.get("images")
    return intake.Wanted(
        prompt=intake.word(body, "prompt"),
        aspect_ratio=intake.one_of(body, "ratio", RATIOS, "1:1"),
        resolution="480p",
        seconds=6,
        takes=2,
        images=(images,) if isinstance(images, str) and images else intake.strings(body, "images"),
        request=body,
    )


def _stopped(visit: intake.Visit) -> HttpResponseBase | None:
    """The answer that comes before the request is read: a wrong key, or a fault."""
    key = intake.bearer(visit.request)
    if not key or intake.is_wrong(key):
        return _json(_error(401, "Unauthorized", "UNAUTHORIZED"))
    return intake.trouble(visit, ANSWERS)


def _json(answer: intake.Answer) -> HttpResponse:
    return JsonResponse(answer[1], status=answer[0])


def _with_limits(response: HttpResponseBase) -> HttpResponseBase:
    """The documented headers. The unit of Reset is unknown; here it is Unix seconds."""
    response.headers["X-RateLimit-Remaining"] = str(max(0, PER_MINUTE - RemoteJob.lately(PROVIDER)))
    response.headers["X-RateLimit-Reset"] = str(int(time.time()) // 60 * 60 + 60)
    return response
