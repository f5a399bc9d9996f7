"""Data of one browser test, made inside the running installation that the tests of a process share: people, a project, clips with real files.

Each function prints JSON for the test outside, which calls it through `Installation.ask`. Nothing here is named twice, so tests may run in any order.
"""

import json
import tempfile
from datetime import timedelta
from fractions import Fraction
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from uuid import uuid4

import av
import numpy as np
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.utils import timezone

from studio.accounts.models import User
from studio.credits import ledger
from studio.credits.models import CreditRequest
from studio.jobs import media
from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt, Clip
from studio.projects.models import Membership, Project
from studio.routing.models import Breaker, Connection
from studio.sandbox.models import Fault
from tests.jobs.rows import job_row

CAST = {  # name: role in the installation, role in the project
    "ada": ("admin", None),
    "alice": ("member", "maker"),
    "bob": ("member", "owner"),
    "carol": ("member", "viewer"),
    "dave": ("credit_manager", None),
}
CREDITS = 1_000_000  # millicredits of each of them
FRAMES_PER_SECOND = 24


def begin() -> None:
    """A project of this test's own with the cast in it; prints its code, its name and the session key of each.

    What the installation has only once (faults of the sandbox, connections, open requests for credits) is as after the first start, whatever an
    interrupted test left behind.
    """
    Fault.objects.all().delete()
    Breaker.objects.all().delete()
    CreditRequest.objects.filter(state=CreditRequest.State.OPEN).delete()
    Connection.objects.update(enabled=True, not_before=None, send_not_before=None, paced_until=None)
    code = f"T{uuid4().hex[:6].upper()}"
    people = {name: person(f"{name}.{code.lower()}@example.org", name=name.capitalize(), role=role) for name, (role, _) in CAST.items()}
    project = Project.objects.create(code=code, name=f"Tidewater {code}", created_by=people["bob"])
    for name, (_, role) in CAST.items():
        if role:
            Membership.objects.create(project=project, user=people[name], role=role)
    print(json.dumps({"code": code, "name": project.name, "keys": {name: session_key(one) for name, one in people.items()}}))  # noqa: T201 - read outside


def person(email: str, *, name: str, role: str = "member", credits: int = CREDITS, password: str | None = None) -> User:  # noqa: A002 - the domain's word
    """Somebody new, with so many millicredits."""
    user = User.objects.create_user(email, name=name, role=role, password=password)
    if credits:
        ledger.grant(user, credits, key=email, reason="for a test", actor=None)
    return user


def session_key(user: User) -> str:
    """The key of a new session of this person, for a cookie."""
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session.update({SESSION_KEY: str(user.pk), BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0]})
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return str(session.session_key)


def clips(code: str, count: int, *, seconds: int = 1, author: str = "alice", prompt: str = "A clip to decide about") -> None:
    """So many finished jobs with one clip each in this project, with real files; prints the clips' ids, newest first."""
    project, xai = Project.objects.get(code=code), Connection.objects.get(provider="xai", sandbox=True)
    user = User.objects.get(email=f"{author}.{code.lower()}@example.org")
    made = []
    for number in range(count):
        job = job_row(project, user, xai, State.DONE, clips=0, prompt=prompt, duration=seconds, resolution="480p")
        attempt = Attempt.objects.get(job=job)
        clip = Clip(job=job, attempt=attempt, project=project, position=0)
        with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
            file.write(film(seconds))
            file.flush()
            media.store(clip, Path(file.name))
        clip.saved_at = clip.checked_at = timezone.now() - timedelta(seconds=count - number)
        clip.save()
        made.append(str(clip.pk))
    print(json.dumps(made[::-1]))  # noqa: T201 - read outside


@lru_cache
def film(seconds: int) -> bytes:
    """An H.264 film in an MP4 that changes with every frame."""
    with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
        with av.open(file.name, "w", format="mp4", options={"movflags": "+faststart"}) as out:
            stream = out.add_stream("libx264", rate=Fraction(FRAMES_PER_SECOND), options={"preset": "ultrafast"})
            stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
            rows, columns = np.mgrid[0:180, 0:320]
            for number in range(FRAMES_PER_SECOND * seconds):
                picture = np.stack([(columns + 5 * number) % 256, (rows + 3 * number) % 256, np.full_like(rows, 90)], axis=-1).astype(np.uint8)
                out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            out.mux(stream.encode())
        return Path(file.name).read_bytes()
