"""Tells those who asked for it that a job is through, as TTAPI (`hook_url`) and AceData (`callback_url`) do: one POST with JSON, unsigned.

The supervisor puts `studio.sandbox.callbacks.deliver_due` into the queue about once a second while `due` says so.
"""

import json
import logging
from collections.abc import Callable
from typing import Any

import httpx
from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from studio.sandbox import acedata, ttapi
from studio.sandbox.models import Kind, RemoteJob
from studio.sandbox.render import is_ours
from studio.sandbox.timeline import Standing, standing

logger = logging.getLogger(__name__)

AT_ONCE = 50  # jobs in one delivery
PATIENCE = 3.0  # seconds for one POST

BODIES: dict[str, Callable[[RemoteJob, Standing], dict[str, Any]]] = {"ttapi": ttapi.report, "acedata": acedata.result}


def _waiting() -> QuerySet[RemoteJob]:
    """Jobs that are through and have not told it often enough. One whose video is not drawn yet is not through."""
    through = Q(rendered_at__isnull=False) | Q(outcome_fault__in=[Kind.FAILURE, Kind.MODERATION_RESULT])
    return RemoteJob.objects.filter(through, callback_at__lte=timezone.now(), callbacks_left__gt=0)


def due() -> bool:
    """Whether a callback should be sent now. One indexed read."""
    return bool(settings.SANDBOX) and _waiting().exists()


def deliver_due() -> int:
    """Send what is due, each at most once (twice where the fault says so); how many were sent. Run by the queue; twice does no harm."""
    return sum(_deliver(job) for job in _waiting().order_by("callback_at")[:AT_ONCE])


def _deliver(job: RemoteJob) -> int:
    """How many callbacks this job sent now. It is claimed before it is sent, so nobody else sends the same."""
    count = job.callbacks_left
    if not RemoteJob.objects.filter(pk=job.pk, callbacks_left=count).update(callbacks_left=F("callbacks_left") - count):
        return 0
    if not is_ours(job.callback_url):
        logger.warning("the sandbox calls back to this installation only, so %s tells nobody", job)
        return 0
    content = json.dumps(BODIES[job.provider](job, standing(job, timezone.now())))
    return sum(_post(job, content) for _ in range(count))


def _post(job: RemoteJob, content: str) -> bool:
    """Whether the callback was sent. Nobody knows whether the real providers try again; the sandbox does not."""
    try:
        httpx.post(job.callback_url, content=content, headers={"Content-Type": "application/json"}, timeout=PATIENCE, trust_env=False)
    except (httpx.HTTPError, httpx.InvalidURL):
        logger.warning("the callback of %s did not get through", job, exc_info=True)
        return False
    return True
