"""xAI's own API, played: 202 while pending, 400 for a wrong key, ticks for money.

Odd jobs answer 202 with a body and moderation as a charged 400; even ones answer 202 without a body and moderation as `done` without a URL.
"""

import uuid
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.views.decorators.http import require_GET, require_POST

from studio.sandbox import intake, ticks
from studio.sandbox.models import Kind, Moment, RemoteJob
from studio.sandbox.timeline import Stage, Standing

PROVIDER = "xai"
RATIOS = ("1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3")
LONGEST_PROMPT = 4096  # characters
MOST_REFERENCES = 7
RETENTION = {"X-Zero-Data-Retention": "false", "X-Data-Retention": "general"}
MODERATED = "Generated video rejected by content moderation."


def _error(status: int, code: str, error: str) -> intake.Answer:
    return status, {"code": code, "error": error}


ANSWERS: dict[Kind, intake.Answer] = {
    Kind.RATE_LIMIT: _error(429, "resource-exhausted", "Too many requests for team sandbox. Requests per Second (actual/limit): 2/1."),
    Kind.SERVER_ERROR: _error(503, "unavailable", "Service temporarily unavailable."),
    Kind.REFUSAL: _error(400, "invalid-argument", "The request is invalid."),
    Kind.MODERATION_SUBMIT: _error(400, "invalid-argument", "Prompt rejected by content moderation."),
    Kind.BALANCE: _error(
        403,
        "The caller does not have permission to execute the specified operation",
        "Your team sandbox has either used all available credits or reached its monthly spending limit.",
    ),
}


@intake.api
@require_POST
def generations(request: HttpRequest) -> HttpResponseBase:
    """POST /v1/videos/generations."""
    response = _generations(request)
    for name, value in (RETENTION | _limits()).items():
        response.headers[name] = value
    return response


def _generations(request: HttpRequest) -> HttpResponseBase:
    if stopped := _stopped(request, Moment.SUBMIT):
        return stopped
    if request.content_type != "application/json":
        return _json(_error(415, "invalid-argument", "Expected request with `Content-Type: application/json`"))
    try:
        wanted = _wanted(intake.body_of(request))
    except intake.Malformed as error:
        return _json(_error(400, "invalid-argument", str(error)))
    if no := intake.turned_down(PROVIDER, ANSWERS):
        return no
    job = intake.accept(request, wanted, provider=PROVIDER, remote_id=str(uuid.uuid4()), key=intake.bearer(request))
    return intake.lost(job) or JsonResponse({"request_id": job.remote_id})


@intake.api
@require_GET
def video(request: HttpRequest, request_id: str) -> HttpResponseBase:
    """GET /v1/videos/{request_id}."""
    response = _video(request, request_id)
    for name, value in RETENTION.items():
        response.headers[name] = value
    return response


def _video(request: HttpRequest, request_id: str) -> HttpResponse:
    if stopped := _stopped(request, Moment.CHECK):
        return stopped
    seen = intake.look(PROVIDER, request_id)
    if seen is None:
        return _json(_error(404, "not-found", "Failed to read static file."))
    job, at = seen
    if at.stage == Stage.MODERATED and job.odd:
        return _json((400, {"code": "Client specified an invalid argument", "error": MODERATED, "usage": {"cost_in_usd_ticks": charged(job)}}))
    if not at.is_final and not job.odd and at.stage != Stage.STRANGE:
        return HttpResponse(status=202, content_type="application/json")
    return JsonResponse(body(job, at), status=200 if at.is_final else 202)


def body(job: RemoteJob, at: Standing) -> dict[str, Any]:
    """The JSON of a status answer; CometAPI wraps the same."""
    if at.stage == Stage.FAILED:
        error = {"code": "internal_error", "message": "Video generation failed."}
        return {"status": "failed", "video": {"duration": 0, "respect_moderation": True}, "model": "", "error": error}
    if not at.is_final:
        return {"status": "simmering" if at.stage == Stage.STRANGE else "pending", "progress": max(1, at.progress)}
    fine = at.stage == Stage.DONE
    return {
        "status": "done",
        "video": {"url": job.video_urls()[0] if fine else "", "duration": job.seconds, "respect_moderation": fine},
        "model": ticks.resolved(job.model),
        "usage": {"cost_in_usd_ticks": charged(job)},
        "progress": 100,
    }


def charged(job: RemoteJob) -> int:
    """What the job cost, ticks. A moderated result is charged like any other."""
    images = bool(job.request.get("image")) + len(job.request.get("reference_images") or [])
    return ticks.cost(job.model, job.resolution, seconds=job.seconds, images=images)


def _wanted(body: Mapping[str, Any]) -> intake.Wanted:
    """The submission, checked. Raises Malformed with xAI's words where they are known."""
    model = intake.one_of(body, "model", [*ticks.PER_SECOND, *ticks.ALIASES], "grok-imagine-video")
    prompt = intake.word(body, "prompt")
    if len(prompt) > LONGEST_PROMPT:
        raise intake.Malformed(f"Prompt length exceeds the maximum of {LONGEST_PROMPT} characters.")
    images = _images(body)
    if not prompt and not body.get("image"):
        raise intake.Malformed("Prompt is required.")
    resolution = intake.one_of(body, "resolution", ticks.PER_SECOND[ticks.resolved(model)], "480p")
    if resolution == "1080p" and body.get("reference_images"):
        raise intake.Malformed("Reference-to-video is limited to 720p.")
    return intake.Wanted(
        prompt=prompt,
        aspect_ratio=intake.one_of(body, "aspect_ratio", RATIOS, "16:9"),
        resolution=resolution,
        seconds=_seconds(body),
        model=model,
        images=images,
        request=body,
    )


def _seconds(body: Mapping[str, Any]) -> int:
    """`duration`, or its alias `seconds`: an integer or a string that holds one."""
    value = body.get("duration", body.get("seconds"))
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    try:
        return intake.whole({"duration": value}, "duration", 1, 15, default=8)
    except intake.Malformed as error:
        raise intake.Malformed("Duration must be between 1 and 15 seconds") from error


def _images(body: Mapping[str, Any]) -> tuple[str, ...]:
    """The addresses of `image` or `reference_images`, which exclude each other."""
    given = body.get("reference_images") or []
    if not isinstance(given, list) or len(given) > MOST_REFERENCES:
        raise intake.Malformed(f"reference_images must be an array of at most {MOST_REFERENCES} images")
    if body.get("image") and given:
        raise intake.Malformed("image and reference_images cannot be used together")
    return tuple(_url(image) for image in ([body["image"]] if body.get("image") else given))


def _url(image: object) -> str:
    """The address within `{url}`, for which `image_url` is accepted too."""
    if isinstance(image, dict) and isinstance(url := image.get("url") or image.get("image_url"), str):
        return url
    raise intake.Malformed("An image must be an object with a url")


def _stopped(request: HttpRequest, moment: Moment) -> HttpResponse | None:
    """The answer that comes before the request is read: no key (401), a wrong one (400), or a fault."""
    key = intake.bearer(request)
    if not key:
        return _json(_error(401, "unauthenticated", "No API key was provided."))
    if intake.is_wrong(key):
        wrong = "Incorrect API key provided. You can obtain an API key from https://console.x.ai."
        return _json(_error(400, "invalid-argument", wrong))
    return intake.trouble(PROVIDER, ANSWERS, moment=moment)


def _json(answer: intake.Answer) -> HttpResponse:
    return JsonResponse(answer[1], status=answer[0])


def _limits() -> dict[str, str]:
    """The headers of a recorded submission; answers to GET do not carry them."""
    return {
        "X-Ratelimit-Limit-Requests": "300",
        "X-Ratelimit-Remaining-Requests": str(max(0, 300 - RemoteJob.lately(PROVIDER))),
        "X-Request-Id": str(uuid.uuid4()),
        "Traceparent": f"00-{uuid.uuid4().hex}-{uuid.uuid4().hex[:16]}-00",
    }
