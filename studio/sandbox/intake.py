"""What the five played APIs share: reading a request, meeting a fault, and accepting a job. Knows no provider's words."""

import base64
import binascii
import hashlib
import json
import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from errno import ECONNRESET
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from studio.sandbox import faults, render, timeline
from studio.sandbox.files import folder
from studio.sandbox.models import Kind, Moment, RemoteJob

logger = logging.getLogger(__name__)

LARGEST_REQUEST = 40_000_000  # bytes; reference images may travel inside
RETRY_AFTER = 2  # seconds
LATE = 5  # a late callback comes after this many times the job's whole time
SUBMIT_TROUBLE = (Kind.REFUSAL, Kind.MODERATION_SUBMIT, Kind.BALANCE)

Answer = tuple[int, Mapping[str, Any]]  # HTTP status and JSON body
View = Callable[..., HttpResponseBase]


class Malformed(ValueError):
    """The body is not a JSON object that anybody could store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a valid submission asks for, in common words."""

    prompt: str
    aspect_ratio: str
    resolution: str
    seconds: int
    request: Mapping[str, Any]
    model: str = ""
    takes: int = 1
    images: tuple[str, ...] = field(default=())
    callback_url: str = ""


def api(view: View) -> View:
    """An open door: a provider's API asks for its own key, not for a session."""
    return csrf_exempt(login_not_required(view))


def bearer(request: HttpRequest) -> str:
    """The key of `Authorization: Bearer`, or an empty string."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def hash_of(key: str) -> str:
    """What is kept in a key's place."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def is_wrong(key: str) -> bool:
    """Every key opens the sandbox, except one that says that it is wrong."""
    return key.startswith("wrong")


def body_of(request: HttpRequest) -> dict[str, Any]:
    """The request's JSON object. Raises Malformed. Not `request.body`: that refuses what a reference image weighs."""
    try:
        body = json.loads(request.read(LARGEST_REQUEST) or b"{}")
        # Neither a lone surrogate nor NUL can be stored by every database.
        storable = b"\\u0000" not in json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise Malformed("The body is not JSON.") from error
    if not isinstance(body, dict) or not storable:
        raise Malformed("The body is not a JSON object.")
    return body


def word(body: Mapping[str, Any], name: str, *, required: bool = False) -> str:
    """A string field, or an empty string where it is absent or null. Raises Malformed."""
    value = body.get(name)
    if value is None or value == "":
        if required:
            raise Malformed(f"{name} is required")
        return ""
    if not isinstance(value, str):
        raise Malformed(f"{name} must be a string")
    return value


def one_of(body: Mapping[str, Any], name: str, choices: Collection[str], default: str) -> str:
    """A string field with one of these values; the default where it is absent or null. Raises Malformed."""
    value = word(body, name) or default
    if value not in choices:
        raise Malformed(f"{name} must be one of {', '.join(choices)}")
    return value


def strings(body: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """A field that holds a list of strings; empty where it is absent or null. Raises Malformed."""
    value = body.get(name)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        raise Malformed(f"{name} must be an array of strings")
    return tuple(value)


def whole(body: Mapping[str, Any], name: str, least: int, most: int, *, default: int) -> int:
    """An integer field within its range; the default where it is absent or null. Raises Malformed."""
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool):
        raise Malformed(f"{name} must be an integer")
    if not least <= value <= most:
        raise Malformed(f"{name} must be between {least} and {most}")
    return value


def trouble(provider: str, answers: Mapping[Kind, Answer], *, moment: Moment) -> HttpResponse | None:
    """The answer that a fault of the request itself puts in the place of ours, or None."""
    kinds = [kind for kind in (Kind.RATE_LIMIT, Kind.QUEUE_FULL, Kind.SERVER_ERROR) if kind in answers]
    kind = faults.take(provider, [*kinds, Kind.HTML], moment=moment)
    if kind is None:
        return None
    if kind == Kind.HTML:
        return html_page("Just a moment")
    headers = {"Retry-After": str(RETRY_AFTER)} if kind == Kind.RATE_LIMIT else {}
    return _answered(answers[kind], headers)


def turned_down(provider: str, answers: Mapping[Kind, Answer]) -> HttpResponse | None:
    """The no that a fault gives to a valid submission, or None."""
    kind = faults.take(provider, SUBMIT_TROUBLE)
    return None if kind is None else _answered(answers[kind], {})


def _answered(answer: Answer, headers: dict[str, str]) -> HttpResponse:
    status, body = answer
    return JsonResponse(body, status=status, headers=headers)


def html_page(title: str, *, status: int = 200) -> HttpResponse:
    """A web page where a program expects JSON."""
    page = f"<!doctype html><html lang=en><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return HttpResponse(page, status=status)


def accept(request: HttpRequest, wanted: Wanted, *, provider: str, remote_id: str, key: str) -> RemoteJob:
    """Take the job on: one row, saved, with everything that will go wrong already decided; its video is drawn by the queue."""
    now = timezone.now()
    making = timeline.making(remote_id, settings.SANDBOX_SPEED)
    job = RemoteJob(
        provider=provider,
        remote_id=remote_id,
        created_at=now,
        making=making,
        serial=RemoteJob.objects.filter(provider=provider).count() + 1,
        outcome_fault=faults.take(provider, faults.OUTCOMES) or "",
        link_fault=faults.take(provider, faults.LINKS) or "",
        callback_fault=(faults.take(provider, faults.CALLBACKS) or "") if wanted.callback_url else "",
        key_hash=hash_of(key),
        origin=request.build_absolute_uri("/").rstrip("/"),
        request={name: _shortened(value) for name, value in wanted.request.items()},
        prompt=wanted.prompt,
        model=wanted.model,
        aspect_ratio=wanted.aspect_ratio,
        resolution=wanted.resolution,
        seconds=wanted.seconds,
        takes=wanted.takes,
        backdrop=_backdrop(remote_id, wanted.images),
    )
    if wanted.callback_url and not job.has(Kind.CALLBACK_MISSING):
        job.callback_url = wanted.callback_url
        job.callback_at = now + making * (LATE if job.has(Kind.CALLBACK_LATE) else 1)
        job.callbacks_left = 2 if job.has(Kind.CALLBACK_DOUBLED) else 1
    job.save()
    if job.makes_videos:
        transaction.on_commit(partial(render.ask, job))
    return job


def _shortened(value: Any) -> Any:
    """A field of the request without the weight of its data URLs."""
    if isinstance(value, str) and value.startswith("data:"):
        return value[:48] + "…"
    if isinstance(value, list):
        return [_shortened(item) for item in value]
    if isinstance(value, dict):
        return {name: _shortened(item) for name, item in value.items()}
    return value


def _backdrop(remote_id: str, images: tuple[str, ...]) -> str:
    """Where the first reference image can be found when the video is drawn: saved here when it came inside, else its address."""
    if not images:
        return ""
    head, _, data = images[0].partition(",")
    if not head.startswith("data:"):
        return images[0]
    try:
        content = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        logger.info("the reference image of %s is not base64", remote_id)
        return ""
    name = f"{remote_id}.reference"
    (folder() / name).write_bytes(content)
    return name


def lost(job: RemoteJob) -> StreamingHttpResponse | None:
    """For the fault of that kind: an answer that breaks off after its first byte, when the job is accepted and saved. Else None.

    It declares no length, so the development server closes the connection and the client reads half a JSON text; gunicorn resets the connection.
    """
    if faults.take(job.provider, [Kind.LOST_ANSWER]) is None:
        return None

    def broken() -> Iterator[bytes]:
        yield b"{"
        raise ConnectionResetError(ECONNRESET, "the sandbox loses this answer on purpose")

    return StreamingHttpResponse(broken(), content_type="application/json")


def look(provider: str, remote_id: str) -> tuple[RemoteJob, timeline.Standing] | None:
    """The job and where it stands now, or None when this provider has no such job."""
    job = RemoteJob.objects.filter(provider=provider, remote_id=remote_id.replace("\x00", "")).first()  # PostgreSQL takes no NUL
    if job is None:
        return None
    render.ask_again(job)
    return job, timeline.standing(job, timezone.now())
