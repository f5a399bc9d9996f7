"""Tells those who asked for it that a job is through, as TTAPI (`hook_url`) and AceData (`callback_url`) do: one POST with JSON, unsigned.

The supervisor puts `studio.sandbox.callbacks.deliver_due` into the queue about once a second while `due` says so.
"""

import json
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import httpx
from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from studio.sandbox import acedata, ttapi
from studio.sandbox.models import Kind, RemoteJob
from studio.sandbox.render import is_ours
from studio.sandbox.timeline import Stage, Standing, standing

logger = logging.getLogger(__name__)

AT_ONCE = 50  # jobs in one delivery
SENDERS = 10  # threads, which touch no database
PATIENCE = 2.0  # seconds for one POST, so that a whole delivery to nobody takes ten
FOREIGN = "https://videos.example.net/not-yours.mp4"

Letter = tuple[RemoteJob, str]  # whose it is, and its JSON

BODIES: dict[str, Callable[[RemoteJob, Standing], dict[str, Any]]] = {"ttapi": ttapi.report, "acedata": acedata.result}


def _waiting() -> QuerySet[RemoteJob]:
    """Jobs that are through and have not told it often enough, and those for which somebody else tells it. One whose video is not drawn yet is not
    through.
    """
    through = Q(rendered_at__isnull=False) | Q(outcome_fault__in=[Kind.FAILURE, Kind.MODERATION_RESULT])
    forged = Q(callback_fault=Kind.CALLBACK_FORGED, callbacks_left=2)
    return RemoteJob.objects.filter(through | forged, callback_at__lte=timezone.now(), callbacks_left__gt=0)


def due() -> bool:
    """Whether a callback should be sent now. One indexed read."""
    return bool(settings.SANDBOX) and _waiting().exists()


def deliver_due() -> int:
    """Send what is due, each at most once (twice where the fault says so); how many were sent. Run by the queue; twice does no harm."""
    with transaction.atomic():  # one commit for all claims
        letters = [letter for job in _waiting().order_by("callback_at", "pk")[:AT_ONCE] for letter in _claim(job)]
    if not letters:
        return 0
    with httpx.Client(timeout=PATIENCE, trust_env=False) as client, ThreadPoolExecutor(SENDERS) as senders:
        return sum(senders.map(partial(_post, client), letters))


def _claim(job: RemoteJob) -> list[Letter]:
    """What this job sends now. Who claims it sends it, so nobody else sends the same; it is lost with the process that dies in between."""
    count = job.callbacks_left
    forged = job.has(Kind.CALLBACK_FORGED) and count > 1
    then = {"callbacks_left": 1, "callback_at": job.ends_at} if forged else {"callbacks_left": 0}
    if not RemoteJob.objects.filter(pk=job.pk, callbacks_left=count).update(**then):
        return []
    if not is_ours(job.callback_url):
        logger.warning("the sandbox calls back to this installation only, so %s tells nobody", job)
        return []
    if forged:
        return [(job, json.dumps(_forged(job)))]
    return [(job, json.dumps(BODIES[job.provider](job, standing(job, timezone.now()))))] * count


def _forged(job: RemoteJob) -> dict[str, Any]:
    """What somebody would send who knows the address: a success with a clip of theirs, and a cost that empties an account."""
    honest = json.dumps(BODIES[job.provider](job, Standing(Stage.DONE, 100)))
    body: dict[str, Any] = json.loads(honest.replace(job.video_urls()[0], FOREIGN))
    if isinstance(body["data"], dict):  # TTAPI's; AceData's bodies tell no cost
        body["data"]["quota"] = "1000000000"
    return body


def _post(client: httpx.Client, letter: Letter) -> bool:
    """Whether the callback was sent. Nobody knows whether the real providers try again; the sandbox does not."""
    job, content = letter
    try:
        client.post(job.callback_url, content=content, headers={"Content-Type": "application/json"})
    except (httpx.HTTPError, httpx.InvalidURL):
        logger.warning("the callback of %s did not get through", job, exc_info=True)
        return False
    return True
