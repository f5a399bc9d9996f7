"""xAI's own API, played: 202 while pending, 400 for a wrong key, ticks for money.

Odd jobs answer 202 with a body and moderation as a charged 400; even ones answer 202 without a body and moderation as `done` without a URL.
"""

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpResponse, HttpResponseBase, JsonResponse

from studio.sandbox import copies, intake, sources, ticks
from studio.sandbox.models import Kind, Operation, RemoteJob
from studio.sandbox.timeline import Stage, Standing

PROVIDER = "xai"
RATIOS = ("1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3")
LONGEST_PROMPT = 4096  # characters
MOST_REFERENCES = 7
EDITS_AND_EXTENDS = "grok-imagine-video"  # no other model does
LONGEST_EDIT = 8.7  # seconds of input
EXTENDED = (2, 15)  # shortest and longest input, seconds, by the documents; the SDK says 30
ADDED = (2, 10)  # seconds that an extension adds
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


@intake.submissions(PROVIDER)
def generations(visit: intake.Visit) -> HttpResponseBase:
    """POST /v1/videos/generations."""
    return _submission(visit, wanted)


@intake.submissions(PROVIDER)
def edits(visit: intake.Visit) -> HttpResponseBase:
    """POST /v1/videos/edits."""
    return _submission(visit, edit_wanted)


@intake.submissions(PROVIDER)
def extensions(visit: intake.Visit) -> HttpResponseBase:
    """POST /v1/videos/extensions."""
    return _submission(visit, extension_wanted)


def _submission(visit: intake.Visit, read: Callable[[Mapping[str, Any]], intake.Wanted]) -> HttpResponseBase:
    response = _taken(visit, read)
    for name, value in (_retention(visit) | _limits()).items():
        response.headers[name] = value
    return response


def _taken(visit: intake.Visit, read: Callable[[Mapping[str, Any]], intake.Wanted]) -> HttpResponseBase:
    """The answer to a submission that `read` checks."""
    if answer := stopped(visit):
        return answer
    if visit.request.content_type != "application/json":
        return _json(_error(415, "invalid-argument", "Expected request with `Content-Type: application/json`"))
    try:
        asked = read(intake.body_of(visit))
        copies.check_options(asked.request)
        if _keeps_nothing(visit):
            raise intake.Malformed("Zero Data Retention teams must provide output.upload_url for video generation.")
    except intake.Malformed as error:
        return _json(_error(400, "invalid-argument", str(error)))
    if no := intake.turned_down(visit, ANSWERS):
        return no
    job = intake.accept(visit, asked, remote_id=str(uuid.uuid4()), key=intake.bearer(visit.request))
    return intake.hindered(job) or JsonResponse({"request_id": job.remote_id})


@intake.looks(PROVIDER)
def video(visit: intake.Visit, request_id: str) -> HttpResponseBase:
    """GET /v1/videos/{request_id}."""
    response = _video(visit, request_id)
    for name, value in _retention(visit).items():
        response.headers[name] = value
    return response


def _video(visit: intake.Visit, request_id: str) -> HttpResponseBase:
    if answer := stopped(visit):
        return answer
    seen = intake.look(visit, request_id)
    if seen is None:
        return _json(_error(404, "not-found", "Failed to read static file."))
    job, at = seen
    if at.stage == Stage.MODERATED and job.odd:
        return _json((400, {"code": "Client specified an invalid argument", "error": MODERATED, "usage": {"cost_in_usd_ticks": told(job)}}))
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
    if at.stage == Stage.EXPIRED:  # the body is not documented; it was made, so it is charged
        video = {"duration": job.seconds, "respect_moderation": True}
        return {"status": "expired", "video": video, "model": ticks.resolved(job.model), "usage": {"cost_in_usd_ticks": told(job)}}
    fine = at.stage == Stage.DONE
    return {
        "status": "done",
        "video": {
            "url": job.video_urls()[0] if fine else "",
            "duration": job.seconds,
            "respect_moderation": fine,
            **(copies.output(job) if fine else {}),
        },
        "model": ticks.resolved(job.model),
        "usage": {"cost_in_usd_ticks": told(job)},
        "progress": 100,
    }


def told(job: RemoteJob) -> Any:
    """The figure that its answers give for the cost."""
    return job.told_usage(charged(job))


def charged(job: RemoteJob) -> int:
    """What the job cost, ticks. A moderated result is charged like any other; of an extension the added part is."""
    images = bool(job.request.get("image")) + len(job.request.get("reference_images") or [])
    made = job.seconds - job.source_seconds if job.operation == Operation.EXTEND else job.seconds
    return ticks.cost(job.model, job.resolution, seconds=made, images=images, source_seconds=job.source_seconds)


def wanted(body: Mapping[str, Any]) -> intake.Wanted:
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


def edit_wanted(body: Mapping[str, Any]) -> intake.Wanted:
    """An edit, checked: the result is as long and as large as its input. Raises Malformed."""
    model = intake.one_of(body, "model", [EDITS_AND_EXTENDS], EDITS_AND_EXTENDS)
    prompt = intake.word(body, "prompt", required=True)
    source = sources.of(body)
    if source.seconds > LONGEST_EDIT:
        raise intake.Malformed(f"The video must not be longer than {LONGEST_EDIT} seconds")
    return intake.Wanted(
        prompt=prompt,
        aspect_ratio=source.aspect_ratio,
        resolution=source.resolution,
        seconds=source.seconds,
        source_seconds=source.seconds,
        operation=Operation.EDIT,
        model=model,
        request=body,
    )


def extension_wanted(body: Mapping[str, Any], *, lengths: tuple[int, int] = EXTENDED, added: tuple[int, int] = ADDED) -> intake.Wanted:
    """An extension, checked: the result is the input, whose length is within `lengths`, with the `added` seconds. Raises Malformed."""
    model = intake.one_of(body, "model", [EDITS_AND_EXTENDS], EDITS_AND_EXTENDS)
    prompt = intake.word(body, "prompt", required=True)
    if "user" in body:
        raise intake.Malformed("Unknown field: user")
    source = sources.of(body)
    shortest, longest = lengths
    if not shortest <= source.seconds <= longest:
        raise intake.Malformed(f"The video must be between {shortest} and {longest} seconds long")
    return intake.Wanted(
        prompt=prompt,
        aspect_ratio=source.aspect_ratio,
        resolution=source.resolution,
        seconds=source.seconds + intake.whole(body, "duration", *added, default=6),
        source_seconds=source.seconds,
        operation=Operation.EXTEND,
        model=model,
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


def _keeps_nothing(visit: intake.Visit) -> bool:
    """Whether the key's team has Zero Data Retention, which a key says that begins so."""
    return intake.bearer(visit.request).startswith("zdr")


def _retention(visit: intake.Visit) -> dict[str, str]:
    """The headers that say what xAI keeps."""
    nothing = _keeps_nothing(visit)
    return {"X-Zero-Data-Retention": "true" if nothing else "false", "X-Data-Retention": "zdr" if nothing else "general"}


def stopped(visit: intake.Visit) -> HttpResponseBase | None:
    """The answer that comes before the request is read: no key (401), a wrong one (400), or a fault."""
    key = intake.bearer(visit.request)
    if not key:
        return _json(_error(401, "unauthenticated", "No API key was provided."))
    if intake.is_wrong(key):
        wrong = "Incorrect API key provided. You can obtain an API key from https://console.x.ai."
        return _json(_error(400, "invalid-argument", wrong))
    return intake.trouble(visit, ANSWERS)


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
