"""Asks the played providers in the words of their documents, and lets their time pass."""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from studio.sandbox.models import Fault, RemoteJob

KEY = "sandbox-key-0001"
BEARER = {"Authorization": f"Bearer {KEY}"}


@dataclass(frozen=True, slots=True)
class Api:
    """How one provider is asked."""

    submit_path: str
    check_path: str
    headers: dict[str, str]
    body: dict[str, Any]
    check_body: bool = False
    id_keys: tuple[str, ...] = field(default=("request_id",))


APIS = {
    "ttapi": Api(
        "/sandbox/ttapi/grok/generations",
        "/sandbox/ttapi/grok/fetch?jobId={id}",
        {"TT-API-KEY": KEY},
        {"prompt": "A calm sea", "video_length": "2", "resolution_name": "480p", "aspect_ratio": "16:9"},
        id_keys=("jobId", "job_id"),
    ),
    "grokimagine": Api(
        "/sandbox/grokimagine/v1/generate",
        "/sandbox/grokimagine/v1/status?task_id={id}",
        BEARER,
        {"prompt": "A calm sea", "mode": "fun", "ratio": "1:1"},
        id_keys=("task_id",),
    ),
    "acedata": Api(
        "/sandbox/acedata/grok/videos",
        "/sandbox/acedata/grok/tasks",
        BEARER,
        {"prompt": "A calm sea", "duration": 6, "resolution": "480p", "async": True},
        check_body=True,
        id_keys=("task_id",),
    ),
    "comet": Api(
        "/sandbox/comet/grok/v1/videos/generations",
        "/sandbox/comet/grok/v1/videos/{id}",
        BEARER,
        {"prompt": "A calm sea", "model": "grok-imagine-video", "duration": 2, "resolution": "720p"},
    ),
    "xai": Api(
        "/sandbox/xai/v1/videos/generations",
        "/sandbox/xai/v1/videos/{id}",
        BEARER,
        {"prompt": "A calm sea", "model": "grok-imagine-video", "duration": 1, "resolution": "480p"},
    ),
}


def submit(provider: str, *, key: str | None = None, **changes: Any) -> Any:
    """The test client's answer to a valid submission with these fields changed; a field of None is left out."""
    api = APIS[provider]
    body = {name: value for name, value in (api.body | changes).items() if value is not None}
    return Client().post(api.submit_path, body, content_type="application/json", headers=with_key(api.headers, key))


def check(provider: str, remote_id: str, *, key: str | None = None) -> Any:
    """The test client's answer to a look at a job."""
    api = APIS[provider]
    headers = with_key(api.headers, key)
    if api.check_body:
        return Client().post(api.check_path, {"id": remote_id, "action": "retrieve"}, content_type="application/json", headers=headers)
    return Client().get(api.check_path.format(id=remote_id), headers=headers)


def with_key(headers: dict[str, str], key: str | None) -> dict[str, str]:
    """The headers with another key; none at all for an empty one."""
    if key is None:
        return headers
    return {name: value.replace(KEY, key) for name, value in headers.items()} if key else {}


def accepted(provider: str, **changes: Any) -> RemoteJob:
    """Submit, insist that it was accepted, and give the job."""
    answer = submit(provider, **changes)
    assert answer.status_code == 200, answer.content
    body = json.loads(answer.content)
    data = body.get("data", body)
    return RemoteJob.objects.get(remote_id=next(data[name] for name in APIS[provider].id_keys if name in data))


def after(job: RemoteJob, share: float) -> RemoteJob:
    """Let so much of the job's whole time have passed since it was accepted. It becomes a long one, so that a slow machine changes nothing."""
    job.making = timedelta(hours=1)
    passed = job.making * share
    now = timezone.now()
    job.created_at = now - passed
    if job.callback_at is not None:
        job.callback_at = now - (passed - job.making) - timedelta(milliseconds=1)
    job.save()
    return job


def drawn(job: RemoteJob) -> RemoteJob:
    """Say that its videos are drawn, without drawing them."""
    job.rendered_at = timezone.now()
    job.save()
    return job


def finished(provider: str, **changes: Any) -> RemoteJob:
    """A job of this provider that is through and drawn."""
    return after(drawn(accepted(provider, **changes)), 1.01)


def told(job: RemoteJob) -> Any:
    """The JSON of a look at the job."""
    return check(job.provider, job.remote_id).json()


def goes_wrong(kind: str, provider: str = "", *, left: int | None = None, moment: str = "") -> Fault:
    """A fault that is on from now on, `left` times or for ever."""
    return Fault.objects.create(provider=provider, kind=kind, left=left, moment=moment)
