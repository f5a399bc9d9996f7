"""What the five played APIs share: reading a request, meeting a fault, and accepting a job. Knows no provider's words.

@submissions(PROVIDER) ─┐                ┌─ accept ──> RemoteJob ──> hindered or the provider's answer
@looks(PROVIDER)       ─┴─> Visit ──> view ─ trouble, turned_down, Malformed ──> TurnedAway, when it was a submission
"""

import base64
import binascii
import hashlib
import json
import logging
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from errno import ECONNRESET
from functools import cached_property, partial, wraps
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from studio.plain_text import lines
from studio.sandbox import faults, render, timeline
from studio.sandbox.files import folder
from studio.sandbox.models import Kind, Moment, Operation, RemoteJob, TurnedAway

logger = logging.getLogger(__name__)

LARGEST_REQUEST = 40_000_000  # bytes; reference images may travel inside
RETRY_AFTER = 2  # seconds
SLOW = 3.0  # seconds that a slow answer takes longer; every client waits so long
# After how much of a job's whole time its callback comes, where not at its end. A forged one is followed by the true one.
CALLED_AT: dict[str, float] = {Kind.CALLBACK_LATE: 5, Kind.CALLBACK_FORGED: 0.3}
TROUBLE = (Kind.RATE_LIMIT, Kind.QUEUE_FULL, Kind.SERVER_ERROR, Kind.HTML, Kind.RESET)
SUBMIT_TROUBLE = (Kind.REFUSAL, Kind.MODERATION_SUBMIT, Kind.BALANCE)

Answer = tuple[int, Mapping[str, Any]]  # HTTP status and JSON body
View = Callable[..., HttpResponseBase]
Seen = tuple[RemoteJob, timeline.Standing]


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
    operation: Operation = Operation.GENERATE
    source_seconds: int = 0  # of the clip that is edited or extended
    takes: int = 1
    images: tuple[str, ...] = field(default=())
    callback_url: str = ""


class Visit:
    """One request at a played provider: its body and the faults that it can meet, each read once, and what came of it."""

    def __init__(self, request: HttpRequest, provider: str, moment: Moment) -> None:
        """Nothing is read yet."""
        self.request, self.provider, self.moment = request, provider, moment
        self.job: RemoteJob | None = None  # that was accepted
        self.met: Kind | None = None  # the fault that came in its way

    @cached_property
    def raw(self) -> bytes:
        """The body. Not `request.body`: that refuses what a reference image weighs."""
        return self.request.read(LARGEST_REQUEST)

    @cached_property
    def _waiting(self) -> faults.Waiting:
        return faults.Waiting(self.provider, self.moment)

    def meet(self, *kinds: Kind) -> Kind | None:
        """The fault of one of these kinds that happens to this request, or None."""
        self.met = self._waiting.take(kinds)
        return self.met


def api(view: View) -> View:
    """An open door: a provider's API asks for its own key, not for a session."""
    return csrf_exempt(login_not_required(view))


def submissions(provider: str) -> Callable[[View], View]:
    """A view that takes paid submissions, given a `Visit`. What it turns away is remembered, as `accept` remembers what it takes on."""

    def opened(take: View) -> View:
        @wraps(take)
        def view(request: HttpRequest) -> HttpResponseBase:
            visit = Visit(request, provider, Moment.SUBMIT)
            answer = take(visit)
            if visit.job is None:
                status = 0 if visit.met == Kind.RESET else answer.status_code
                TurnedAway.objects.create(provider=provider, status=status, kind=visit.met or "", request=_as_received(visit))
            return answer

        return api(require_http_methods(["POST"])(view))

    return opened


def looks(provider: str, *, methods: Collection[str] = ("GET",)) -> Callable[[View], View]:
    """A view that answers questions about jobs, given a `Visit`."""

    def opened(tell: View) -> View:
        @wraps(tell)
        def view(request: HttpRequest, **path: str) -> HttpResponseBase:
            return tell(Visit(request, provider, Moment.CHECK), **path)

        return api(require_http_methods(list(methods))(view))

    return opened


def _as_received(visit: Visit) -> dict[str, Any]:
    """The body of a request as it is kept; empty when nobody could read it."""
    try:
        return _kept(body_of(visit))
    except Malformed:
        return {}


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


def body_of(visit: Visit) -> dict[str, Any]:
    """The request's JSON object. Raises Malformed."""
    try:
        body = json.loads(visit.raw or b"{}")
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


def trouble(visit: Visit, answers: Mapping[Kind, Answer]) -> HttpResponseBase | None:
    """The answer that a fault of the request itself puts in the place of ours, or None."""
    kind = visit.meet(*TROUBLE)
    if kind is None:
        return None
    if kind == Kind.RESET:
        return _broken_off(b"")
    if kind == Kind.HTML:
        return html_page("Just a moment")
    headers = {"Retry-After": str(RETRY_AFTER)} if kind == Kind.RATE_LIMIT else {}
    return _answered(answers[kind], headers)


def turned_down(visit: Visit, answers: Mapping[Kind, Answer]) -> HttpResponse | None:
    """The no that a fault gives to a valid submission, or None."""
    kind = visit.meet(*SUBMIT_TROUBLE)
    return None if kind is None else _answered(answers[kind], {})


def _answered(answer: Answer, headers: dict[str, str]) -> HttpResponse:
    status, body = answer
    return JsonResponse(body, status=status, headers=headers)


def html_page(title: str, *, status: int = 200) -> HttpResponse:
    """A web page where a program expects JSON."""
    page = f"<!doctype html><html lang=en><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return HttpResponse(page, status=status)


def accept(visit: Visit, wanted: Wanted, *, remote_id: str, key: str) -> RemoteJob:
    """Take the job on: one row, saved, with everything that will go wrong already decided; its video is drawn by the queue."""
    now = timezone.now()
    job = RemoteJob(
        provider=visit.provider,
        remote_id=remote_id,
        created_at=now,
        making=timeline.making(remote_id, seconds=wanted.seconds, resolution=wanted.resolution, speed=settings.SANDBOX_SPEED),
        serial=RemoteJob.next_serial(visit.provider),
        outcome_fault=visit.meet(*faults.OUTCOMES) or "",
        answer_fault=visit.meet(*faults.ANSWERS) or "",
        link_fault=visit.meet(*faults.LINKS) or "",
        callback_fault=(visit.meet(*faults.CALLBACKS) or "") if wanted.callback_url else "",
        key_hash=hash_of(key),
        origin=visit.request.build_absolute_uri("/").rstrip("/"),
        request=_kept(wanted.request),
        prompt=lines(wanted.prompt),
        model=wanted.model,
        operation=wanted.operation,
        source_seconds=wanted.source_seconds,
        aspect_ratio=wanted.aspect_ratio,
        resolution=wanted.resolution,
        seconds=wanted.seconds,
        takes=wanted.takes,
        backdrop=_backdrop(remote_id, wanted.images),
    )
    if wanted.callback_url and not job.has(Kind.CALLBACK_MISSING):
        job.callback_url = wanted.callback_url
        job.callback_at = now + job.making * CALLED_AT.get(job.callback_fault, 1)
        job.callbacks_left = 2 if job.has(Kind.CALLBACK_DOUBLED) or job.has(Kind.CALLBACK_FORGED) else 1
    if render.copied(job):
        job.rendered_at = now
    job.save(force_insert=True)
    visit.job = job
    if job.makes_videos and job.rendered_at is None:
        transaction.on_commit(partial(render.ask, job))
    return job


def _kept(request: Mapping[str, Any]) -> dict[str, Any]:
    """A request as it is remembered: an operator reads it, on a page and in a terminal."""
    return {lines(name): _shortened(value) for name, value in request.items()}


def _shortened(value: Any) -> Any:
    """A field of the request without the weight of its data URLs, and without characters that nobody sees."""
    if isinstance(value, str):
        return value[:48] + "…" if value.startswith("data:") else lines(value)
    if isinstance(value, list):
        return [_shortened(item) for item in value]
    if isinstance(value, dict):
        return {lines(name): _shortened(item) for name, item in value.items()}
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


def hindered(job: RemoteJob) -> StreamingHttpResponse | None:
    """What comes in the way of the answer to a job that is accepted and saved: half an answer where it gets lost, a pause where it is slow, else None."""
    if job.has(Kind.SLOW_ANSWER):
        time.sleep(SLOW)
    return _broken_off(b"{") if job.has(Kind.LOST_ANSWER) else None


def _broken_off(beginning: bytes) -> StreamingHttpResponse:
    """An answer that breaks off after its beginning; before its first byte when that is empty.

    It declares no length, so the development server closes the connection and the client reads half a JSON text; gunicorn resets the connection.
    """

    def broken() -> Iterator[bytes]:
        if beginning:
            yield beginning
        raise ConnectionResetError(ECONNRESET, "the sandbox loses this answer on purpose")

    return StreamingHttpResponse(broken(), content_type="application/json")


def look(visit: Visit, remote_id: str) -> Seen | None:
    """The job and where it stands now, or None when this provider has no such job. One query, unless its video is overdue."""
    job = RemoteJob.objects.filter(provider=visit.provider, remote_id=remote_id.replace("\x00", "")).first()  # PostgreSQL takes no NUL
    return None if job is None else standing_of(job)


def standing_of(job: RemoteJob) -> Seen:
    """The job and where it stands now; somebody looks, so its video is asked for again when it is overdue."""
    render.ask_again(job)
    return job, timeline.standing(job, timezone.now())


def mistaken(visit: Visit, seen: Seen | None) -> Seen | None:
    """For the fault of that kind: the provider's newest other job, or none of ours, in the place of the one that was asked about. Else what was seen."""
    if seen is None or visit.meet(Kind.WRONG_ID) is None:
        return seen
    asked, at = seen
    other = RemoteJob.objects.filter(provider=visit.provider).exclude(pk=asked.pk).order_by("-serial").first()
    if other is not None:
        return standing_of(other)
    asked.remote_id = str(uuid.uuid5(uuid.NAMESPACE_OID, asked.remote_id))
    return asked, at
