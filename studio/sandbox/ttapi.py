"""TTAPI, played. Odd jobs answer `jobId`, even ones `job_id`; strings stay strings.

Its Official route speaks almost as xAI does. The page for its new clips was never found, so they are taken as xAI takes them; extensions are taken by
the limits of their own page. Both routes tell of every job, however it was asked for.
"""

import uuid
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponseBase, JsonResponse

from studio.sandbox import intake, ticks, xai
from studio.sandbox.models import Kind, Operation, RemoteJob
from studio.sandbox.timeline import Stage, Standing

PROVIDER = "ttapi"
RATIOS = ("2:3", "3:2", "1:1", "9:16", "16:9")
RESOLUTIONS = ("480p", "720p")
MODELS = {"grok-imagine-1.0-video": 30, "grok-imagine-video-1.5-preview": 15}  # and the longest clip, seconds
ONE_IMAGE = "grok-imagine-video-1.5-preview"  # needs exactly one
MODERATED = "prompt violation"
QUOTA_PER_USD = 100
EXTENDED = (1, 15)  # shortest and longest clip that is extended, seconds; no page names a shortest one
ADDED = (1, 10)  # seconds that an extension adds

STATUSES = {
    Stage.QUEUED: "PENDING_QUEUE",
    Stage.RUNNING: "ON_QUEUE",
    Stage.STRANGE: "WARMING_UP",
    Stage.DONE: "SUCCESS",
    Stage.FAILED: "FAILED",
    Stage.MODERATED: "FAILED",
}

SHAPED_AS_XAI = {
    Stage.QUEUED: "processing",
    Stage.RUNNING: "processing",
    Stage.STRANGE: "warming_up",
    Stage.DONE: "done",
    Stage.FAILED: "failed",
    Stage.MODERATED: "failed",
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


@intake.submissions(PROVIDER)
def generations(visit: intake.Visit) -> HttpResponseBase:
    """POST /grok/generations."""
    return _submission(visit, _wanted, _accepted)


@intake.submissions(PROVIDER)
def shaped_generations(visit: intake.Visit) -> HttpResponseBase:
    """POST /grok/v1/videos/generations."""
    return _submission(visit, xai.wanted, _shaped_accepted)


@intake.submissions(PROVIDER)
def shaped_extensions(visit: intake.Visit) -> HttpResponseBase:
    """POST /grok/v1/videos/extensions."""
    return _submission(visit, partial(xai.extension_wanted, lengths=EXTENDED, added=ADDED), _shaped_accepted)


def _submission(
    visit: intake.Visit, read: Callable[[Mapping[str, Any]], intake.Wanted], answer: Callable[[RemoteJob], dict[str, Any]]
) -> HttpResponseBase:
    """The answer to a submission that `read` checks."""
    if stopped := _stopped(visit):
        return stopped
    try:
        wanted = read(intake.body_of(visit))
    except intake.Malformed as error:
        return JsonResponse(_failed(f"Parameter error: {error}"), status=400)
    if no := intake.turned_down(visit, ANSWERS):
        return no
    job = intake.accept(visit, wanted, remote_id=str(uuid.uuid4()), key=_key(visit.request))
    return intake.hindered(job) or JsonResponse(answer(job))


@intake.looks(PROVIDER, methods=("GET", "POST"))
def fetch(visit: intake.Visit) -> HttpResponseBase:
    """GET /grok/fetch?jobId=, or the id in a JSON body, as older pages have it."""
    if stopped := _stopped(visit):
        return stopped
    try:
        remote_id = visit.request.GET.get("jobId") or str(intake.body_of(visit).get("jobId", ""))
    except intake.Malformed:
        remote_id = ""
    seen = intake.mistaken(visit, intake.look(visit, remote_id))
    if seen is None:
        return JsonResponse(_failed("The job does not exist"), status=404)
    return JsonResponse(report(*seen))


@intake.looks(PROVIDER)
def shaped_video(visit: intake.Visit, request_id: str) -> HttpResponseBase:
    """GET /grok/v1/videos/{request_id}: xAI's body but for a status word and the spelling of the cost."""
    if stopped := _stopped(visit):
        return stopped
    seen = intake.look(visit, request_id)
    if seen is None:
        return JsonResponse(_failed("The job does not exist"), status=404)
    return JsonResponse(_shaped(*seen))


def _shaped(job: RemoteJob, at: Standing) -> dict[str, Any]:
    """The body of the Official route."""
    body: dict[str, Any] = {"status": SHAPED_AS_XAI[at.stage], "model": ticks.resolved(job.model)}
    if at.stage == Stage.DONE:
        made = job.seconds - job.source_seconds if job.operation == Operation.EXTEND else job.seconds
        cost = job.told_usage(int(quota(made, job.resolution)) * ticks.USD // QUOTA_PER_USD)
        video = {"url": job.video_urls()[0], "duration": job.seconds, "respect_moderation": True}
        return body | {"video": video, "usage": {"cost_in_usd_tocks": cost}, "progress": 100}
    if at.is_final:
        decent = at.stage != Stage.MODERATED
        error = {"code": "internal_error", "message": "task failed" if decent else MODERATED}
        return body | {"video": {"duration": 0, "respect_moderation": decent}, "error": error}
    return body | {"progress": at.progress}


def _shaped_accepted(job: RemoteJob) -> dict[str, Any]:
    """The answer of a submission to the Official route."""
    return {"request_id": job.remote_id}


def _accepted(job: RemoteJob) -> dict[str, Any]:
    """The answer of a submission, with the id under either documented name."""
    return {"status": "SUCCESS", "message": "success", "data": {"jobId" if job.odd else "job_id": job.remote_id}}


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
        "quota": job.told_usage(quota(job.seconds, job.resolution)),
        "finishTime": f"{job.ends_at:%Y-%m-%d %H:%M:%S}",
        "hookUrl": job.request.get("hook_url"),
    }


def quota(seconds: int, resolution: str) -> str:
    """What a clip costs, 100 quota to the US dollar, rounded up: 30 s at 720p are the documented 9; 480p is taken at two thirds of that."""
    tenths = seconds * (2 if resolution == "480p" else 3)
    return str(-(-tenths // 10))


def _key(request: HttpRequest) -> str:
    return request.headers.get("TT-API-KEY", "").strip()


def _stopped(visit: intake.Visit) -> HttpResponseBase | None:
    """The answer that comes before the request is read: a wrong key, or a fault."""
    key = _key(visit.request)
    if not key or intake.is_wrong(key):
        return JsonResponse({"status": "FAILED", "message": "Wrong TT-API-KEY or email is not activated."}, status=401)
    return intake.trouble(visit, ANSWERS)


def _wanted(body: Mapping[str, Any]) -> intake.Wanted:
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
