"""CometAPI, played: xAI's body in a wrapper. Odd jobs answer in the old envelope, even ones in the new, flat one.

Its balance is asked of another host in reality; here it has its path beside the others.
"""

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponsePermanentRedirect, JsonResponse

from studio.sandbox import intake, ticks, xai
from studio.sandbox.models import BARREN, Kind, Operation, RemoteJob
from studio.sandbox.timeline import Stage, Standing

PROVIDER = "comet"
RATIOS = ("1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3")
PAID_IN = 1_000.0  # US dollars that every key has had
TOKEN = "sandbox"  # noqa: S105 - the name of a key, not a key
ACTIONS = {Operation.GENERATE: "VIDEO_GENERATION", Operation.EDIT: "VIDEO_EDIT"}  # the second is inferred

OLD = {
    Stage.QUEUED: "NOT_START",
    Stage.RUNNING: "IN_PROGRESS",
    Stage.STRANGE: "SIMMERING",
    Stage.DONE: "SUCCESS",
    Stage.FAILED: "FAILURE",
    Stage.MODERATED: "FAILURE",
    Stage.EXPIRED: "FAILURE",
}
NEW = {Stage.RUNNING: "processing", Stage.STRANGE: "simmering"}  # the rest is xAI's; a queued job is its bare id


def _error(status: int, code: str, message: str) -> intake.Answer:
    text = f"{message} (request id: {uuid.uuid4().hex})"
    return status, {"error": {"message": text, "type": "comet_api_error", "param": "", "code": code}}


ANSWERS: dict[Kind, intake.Answer] = {
    Kind.RATE_LIMIT: _error(429, "", "rate limit exceeded"),
    Kind.SERVER_ERROR: _error(503, "", "upstream error"),
    Kind.REFUSAL: _error(500, "invalid_request", "the request is invalid"),
    Kind.MODERATION_SUBMIT: _error(400, "invalid_request", "Prompt rejected by content moderation."),
    Kind.BALANCE: _error(403, "insufficient_user_quota", "user quota is not enough"),
}


@intake.submissions(PROVIDER)
def generations(visit: intake.Visit) -> HttpResponseBase:
    """POST /grok/v1/videos/generations."""
    return _submission(visit, _wanted)


@intake.submissions(PROVIDER)
def edits(visit: intake.Visit) -> HttpResponseBase:
    """POST /grok/v1/videos/edits."""
    return _submission(visit, xai.edit_wanted)


def _submission(visit: intake.Visit, read: Callable[[Mapping[str, Any]], intake.Wanted]) -> HttpResponseBase:
    """The answer to a submission that `read` checks."""
    if stopped := _stopped(visit):
        return stopped
    try:
        body = intake.body_of(visit)
        if not body.get("prompt"):
            return _json(_error(500, "invalid_request", "field prompt is required"))
        wanted = read(body)
    except intake.Malformed as error:
        return _json(_error(400, "invalid_request", str(error)))
    if wanted.model not in {*ticks.PER_SECOND, *ticks.ALIASES}:
        return _json(_error(503, "model_not_found", f"no available channel for group default and model {wanted.model} (distributor)"))
    if no := intake.turned_down(visit, ANSWERS):
        return no
    job = intake.accept(visit, wanted, remote_id=str(uuid.uuid4()), key=intake.bearer(visit.request))
    return intake.hindered(job) or JsonResponse({"request_id": job.remote_id})


@intake.looks(PROVIDER)
def video(visit: intake.Visit, request_id: str) -> HttpResponseBase:
    """GET /grok/v1/videos/{request_id}."""
    if stopped := _stopped(visit):
        return stopped
    seen = intake.mistaken(visit, intake.look(visit, request_id))
    if seen is None:
        return JsonResponse({"code": "task_not_exist", "message": "task_not_exist", "data": None}, status=400)
    job, at = seen
    return JsonResponse(_wrapped(job, at) if job.odd else _flat(job, at))


@intake.looks(PROVIDER)
def balance(visit: intake.Visit) -> HttpResponseBase:
    """GET /user/quota?key=[&start_date=&end_date=]: what a key has left and has used, in US dollars."""
    asked = visit.request.GET
    key = asked.get("key", "")
    if not key or intake.is_wrong(key):
        return _json(_error(401, "", "invalid token"))
    if stopped := intake.trouble(visit, ANSWERS):
        return stopped
    jobs = RemoteJob.objects.filter(provider=PROVIDER, key_hash=intake.hash_of(key)).order_by("created_at")
    costs = [(f"{job.created_at:%Y-%m-%d}", charged(job) / ticks.USD) for job in jobs]
    used = round(sum(cost for _, cost in costs), 6)
    return JsonResponse(
        {
            "username": "sandbox",
            "total_quota": round(PAID_IN - used, 6),
            "total_used_quota": used,
            "request_count": len(costs),
            "keys": [{"name": TOKEN, "remain_quota": -1, "used_quota": used}],
            "daily_quota": _daily(costs, asked.get("start_date") or "", asked.get("end_date") or "9999"),
        }
    )


def _daily(costs: list[tuple[str, float]], first: str, last: str) -> dict[str, list[dict[str, Any]]]:
    """What each day between two (YYYY-MM-DD, both inclusive) used, by name of the key."""
    by_day: dict[str, list[float]] = {}
    for day, cost in costs:
        if first <= day <= last:
            by_day.setdefault(day, []).append(cost)
    return {day: [{"token_name": TOKEN, "quota_used": round(sum(spent), 6), "request_count": len(spent)}] for day, spent in by_day.items()}


def charged(job: RemoteJob) -> int:
    """What the job costs its key, ticks: nothing when it fails by itself or never ends; a moderated result is charged, as at xAI."""
    free = job.outcome_fault in BARREN and not (job.has(Kind.MODERATION_RESULT) or job.has(Kind.EXPIRED))
    return 0 if free else xai.charged(job)


def _wrapped(job: RemoteJob, at: Standing) -> dict[str, Any]:
    """The old envelope: `code` is a word, `progress` a string, `start_time` 0, and `fail_reason` holds the URL of a success."""
    done = at.stage == Stage.DONE
    reasons = {Stage.FAILED: "Video generation failed.", Stage.MODERATED: xai.MODERATED, Stage.EXPIRED: "The content expired."}
    data = {
        "task_id": job.remote_id,
        "action": ACTIONS[Operation(job.operation)],
        "status": OLD[at.stage],
        "fail_reason": job.video_urls()[0] if done else reasons.get(at.stage, ""),
        "submit_time": int(job.created_at.timestamp()),
        "start_time": 0,
        "finish_time": int(job.ends_at.timestamp()) if at.is_final else 0,
        "progress": f"{100 if at.is_final else at.progress}%",
        "data": xai.body(job, at) if at.stage != Stage.QUEUED else None,
    }
    return {"code": "success", "message": "", "data": data}


def _flat(job: RemoteJob, at: Standing) -> dict[str, Any]:
    """The new envelope: the id alone while queued, then xAI's fields."""
    if at.stage == Stage.QUEUED:
        return {"request_id": job.remote_id}
    flat = {"request_id": job.remote_id} | xai.body(job, at)
    return flat | ({"status": NEW[at.stage]} if at.stage in NEW else {})


def _wanted(body: Mapping[str, Any]) -> intake.Wanted:
    """The submission, checked. Eight seconds where no duration is given, as the later page bills it. Raises Malformed."""
    model = intake.word(body, "model") or "grok-imagine-video"
    prices = ticks.PER_SECOND.get(ticks.resolved(model), ticks.PER_SECOND["grok-imagine-video-1.5"])
    image = body.get("image")
    if image is not None and not (isinstance(image, dict) and isinstance(image.get("url"), str)):
        raise intake.Malformed("image must be an object with a url")
    return intake.Wanted(
        prompt=intake.word(body, "prompt"),
        aspect_ratio=intake.one_of(body, "aspect_ratio", RATIOS, "16:9"),
        resolution=intake.one_of(body, "resolution", prices, "480p"),
        seconds=intake.whole(body, "duration", 1, 15, default=8),
        model=model,
        images=(image["url"],) if image else (),
        request=body,
    )


def _stopped(visit: intake.Visit) -> HttpResponseBase | None:
    """The answer that comes before the request is read: a wrong key, or a fault."""
    key = intake.bearer(visit.request)
    if not key or intake.is_wrong(key):
        return _json(_error(401, "", "invalid token"))
    return intake.trouble(visit, ANSWERS)


@intake.api
def wrong_path(request: HttpRequest, path: str = "") -> HttpResponse:
    """Every path that CometAPI does not have: its web site, after a redirect for those who only look."""
    if path and request.method == "GET":
        return HttpResponsePermanentRedirect("/sandbox/comet/")
    return intake.html_page("CometAPI")


def _json(answer: intake.Answer) -> HttpResponse:
    return JsonResponse(answer[1], status=answer[0])
