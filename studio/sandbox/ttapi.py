"""TTAPI, played. Odd jobs answer `jobId`, even ones `job_id`; strings stay strings."""

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.views.decorators.http import require_http_methods, require_POST

from studio.sandbox import intake
from studio.sandbox.models import Kind, Moment, RemoteJob
from studio.sandbox.timeline import Stage, Standing

PROVIDER = "ttapi"
RATIOS = ("2:3", "3:2", "1:1", "9:16", "16:9")
RESOLUTIONS = ("480p", "720p")
MODELS = {"grok-imagine-1.0-video": 30, "grok-imagine-video-1.5-preview": 15}  # and the longest clip, seconds
ONE_IMAGE = "grok-imagine-video-1.5-preview"  # needs exactly one
MODERATED = "prompt violation"

STATUSES = {
    Stage.QUEUED: "PENDING_QUEUE",
    Stage.RUNNING: "ON_QUEUE",
    Stage.STRANGE: "WARMING_UP",
    Stage.DONE: "SUCCESS",
    Stage.FAILED: "FAILED",
    Stage.MODERATED: "FAILED",
}


def _failed(message: str) -> dict[str, Any]:
    return {"status": "FAILED", "message": message, "data": None}


ANSWERS: dict[Kind, intake.Answer] = {
    Kind.RATE_LIMIT: (429, _failed("Requests are too frequent")),
    Kind.QUEUE_FULL: (499, _failed("Queue exhausted")),
    Kind.SERVER_ERROR: (500, _failed("Server error")),
    Kind.REFUSAL: (400, _failed("Parameter error")),
    Kind.MODERATION_SUBMIT: (400, _failed(MODERATED)),
    Kind.BALANCE: (402, _failed("insufficient quota")),
}


@intake.api
@require_POST
def generations(request: HttpRequest) -> HttpResponseBase:
    """POST /grok/generations."""
    if stopped := _stopped(request, Moment.SUBMIT):
        return stopped
    try:
        wanted = _wanted(intake.body_of(request))
    except intake.Malformed as error:
        return JsonResponse(_failed(f"Parameter error: {error}"), status=400)
    if no := intake.turned_down(PROVIDER, ANSWERS):
        return no
    job = intake.accept(request, wanted, provider=PROVIDER, remote_id=str(uuid.uuid4()), key=_key(request))
    data = {"jobId" if job.odd else "job_id": job.remote_id}
    return intake.lost(job) or JsonResponse({"status": "SUCCESS", "message": "success", "data": data})


@intake.api
@require_http_methods(["GET", "POST"])
def fetch(request: HttpRequest) -> HttpResponseBase:
    """GET /grok/fetch?jobId=, or the id in a JSON body, as older pages have it."""
    if stopped := _stopped(request, Moment.CHECK):
        return stopped
    try:
        remote_id = request.GET.get("jobId") or str(intake.body_of(request).get("jobId", ""))
    except intake.Malformed:
        remote_id = ""
    seen = intake.look(PROVIDER, remote_id)
    if seen is None:
        return JsonResponse(_failed("The job does not exist"), status=404)
    return JsonResponse(report(*seen))


def report(job: RemoteJob, at: Standing) -> dict[str, Any]:
    """The body of fetch, which is also the body of the callback."""
    body: dict[str, Any] = {"status": STATUSES[at.stage], "message": "", "jobId": job.remote_id, "data": None}
    if at.stage == Stage.DONE:
        body |= {"message": "success", "data": _result(job)}
    elif at.stage == Stage.FAILED:
        body["message"] = "task failed"
    elif at.stage == Stage.MODERATED:
        body["message"] = MODERATED
    return body


def _result(job: RemoteJob) -> dict[str, Any]:
    """`data` of a finished job: camelCase, figures as strings, one reference image though several were sent."""
    images = job.request.get("refer_images") or [None]
    return {
        "videoId": f"video_{uuid.UUID(job.remote_id).hex[:24]}",
        "prompt": job.prompt,
        "aspectRatio": job.aspect_ratio,
        "videoLength": str(job.seconds),
        "resolutionName": job.resolution,
        "referImage": images[0],
        "videoUrl": job.video_urls()[0],
        "quota": quota(job.seconds, job.resolution),
        "finishTime": f"{job.ends_at:%Y-%m-%d %H:%M:%S}",
        "hookUrl": job.request.get("hook_url"),
    }


def quota(seconds: int, resolution: str) -> str:
    """What a clip costs, 100 quota to the US dollar, rounded up: 30 s at 720p are the documented 9; 480p is taken at two thirds of that."""
    tenths = seconds * (3 if resolution == "720p" else 2)
    return str(-(-tenths // 10))


def _key(request: HttpRequest) -> str:
    return request.headers.get("TT-API-KEY", "").strip()


def _stopped(request: HttpRequest, moment: Moment) -> HttpResponse | None:
    """The answer that comes before the request is read: a wrong key, or a fault."""
    if not _key(request) or intake.is_wrong(_key(request)):
        return JsonResponse({"status": "FAILED", "message": "Wrong TT-API-KEY or email is not activated."}, status=401)
    return intake.trouble(PROVIDER, ANSWERS, moment=moment)


def _wanted(body: dict[str, Any]) -> intake.Wanted:
    """The submission, checked by the newest documented rules. Raises Malformed."""
    model = body.get("model", "grok-imagine-1.0-video")
    if model not in MODELS:
        raise intake.Malformed("model is not supported")
    length = body.get("video_length", "10")
    if not isinstance(length, str) or not length.isdecimal() or not 1 <= int(length) <= MODELS[model]:
        raise intake.Malformed(f"video_length must be a string from 1 to {MODELS[model]}")
    images = intake.strings(body, "refer_images")
    if model == ONE_IMAGE and len(images) != 1:
        raise intake.Malformed("refer_images must hold exactly one image for this model")
    return intake.Wanted(
        prompt=intake.word(body, "prompt", required=True),
        aspect_ratio=intake.one_of(body, "aspect_ratio", RATIOS, "16:9"),
        resolution=intake.one_of(body, "resolution_name", RESOLUTIONS, "720p"),
        seconds=int(length),
        model=model,
        images=images,
        callback_url=intake.word(body, "hook_url"),
        request=body,
    )
