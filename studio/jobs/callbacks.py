"""The one door for what providers tell us unasked. Whatever it says is never believed: it makes us look now, and no more.

The address carries an attempt and its secret token. The body is read only for the id that the provider gave the job, and only where we lost that id;
even then the provider must confirm it when asked with our own key. Everything wrong gets the same 404.
"""

import hmac
import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from http import HTTPStatus
from uuid import UUID

from django.contrib.auth.decorators import login_not_required
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from django_q.tasks import async_task

from studio.jobs import late
from studio.jobs.hands import BROKER_AWAY
from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt, Job
from studio.jobs.sending import token_hash
from studio.providers.reading import identifier
from studio.routing.models import Connection

log = logging.getLogger(__name__)
LARGEST = 64 * 1024  # bytes
AGAIN = timedelta(seconds=2)  # a repeated callback changes nothing for so long
ID_NAMES = ("jobId", "job_id", "task_id", "request_id", "id")  # TTAPI, AceData, and how the others would call it


@csrf_exempt  # a provider has no session; the token in the address is its proof
@login_not_required
@never_cache
@require_POST
def hook(request: HttpRequest, attempt: UUID, token: str) -> HttpResponse:
    """204 for the token of this attempt, whatever the body says; 413 for a body that no provider sends; 404 for everything else."""
    found = Attempt.objects.select_related("job").filter(pk=attempt).first()
    known = found.callback_token_hash if found else ""
    if not hmac.compare_digest(token_hash(token), known) or found is None:
        return HttpResponse(status=HTTPStatus.NOT_FOUND)
    if _declared(request) > LARGEST:
        return HttpResponse(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    heard(found, _id_in(request.read(LARGEST)))
    return HttpResponse(status=HTTPStatus.NO_CONTENT)


def heard(attempt: Attempt, proposed: str) -> bool:
    """Whether this callback makes us look now: the attempt lives, and none came within the last two seconds."""
    now = timezone.now()
    quiet = Q(called_at=None) | Q(called_at__lt=now - AGAIN)
    if attempt.ended_at is not None:
        return _heard_late(attempt, proposed)
    if Attempt.objects.filter(quiet, pk=attempt.pk, ended_at=None).update(called_at=now) != 1:
        return False
    if proposed and attempt.remote_id is None:
        Attempt.objects.filter(pk=attempt.pk, remote_id=None).update(proposed_id=proposed)
    Connection.objects.filter(pk=attempt.connection_id).update(called_at=now, calls_missed=0)
    woken = Job.objects.filter(pk=attempt.job_id, state__in=[State.RENDERING, State.IN_DOUBT]).update(due=now)
    if woken:
        _hurry(attempt.connection_id)
    return woken == 1


def _heard_late(attempt: Attempt, proposed: str) -> bool:
    """Whether this callback makes us ask about an attempt that a person had ended without knowing what the provider did."""
    if proposed and attempt.remote_id is None:
        Attempt.objects.filter(pk=attempt.pk, remote_id=None, cause__in=late.BY_A_PERSON).update(proposed_id=proposed)
    return late.watch(attempt, since=timezone.now())


def _hurry(connection_id: int) -> None:
    """Ask the queue to look at once. The row says it too, so a broker that is away costs a second and no job."""
    try:
        async_task("studio.jobs.worker.sweep", connection_id)
    except BROKER_AWAY:
        log.warning("the queue cannot be reached; the supervisor will look", exc_info=True)


def _declared(request: HttpRequest) -> int:
    length = request.headers.get("Content-Length", "")
    return int(length) if length.isascii() and length.isdecimal() else 0


def _id_in(body: bytes) -> str:
    """The provider's id for the job, if the body is JSON that names one at its top or under `data`; else an empty string."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    return next((word for place in _objects(told) for name in ID_NAMES if (word := identifier(place.get(name)))), "")


def _objects(told: object) -> Iterator[dict[str, str]]:
    if isinstance(told, dict):
        yield told
        if isinstance(told.get("data"), dict):
            yield told["data"]
