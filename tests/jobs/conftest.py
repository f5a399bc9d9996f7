"""A provider of our own on loopback, a connection to it, and time that passes when a test says so."""

import io
from collections.abc import Callable, Iterator
from datetime import timedelta
from fractions import Fraction
from uuid import uuid4

import av
import numpy as np
import pytest
from django.db.models import F
from pytest_django.fixtures import Settings

from studio.accounts.models import User
from studio.credits import ledger
from studio.jobs import hands, timing
from studio.jobs.actions import Order, order
from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt, Job
from studio.jobs.saving import save
from studio.jobs.worker import sweep
from studio.projects.models import Project
from studio.providers.contract import Brief
from studio.routing.models import Breaker, Connection
from tests.jobs.played import PlayedProvider, playing

BRIEF = Brief(prompt="A glass bottle on wet black sand", aspect_ratio="16:9", duration=1, resolution="480p", model="grok-imagine-video")


@pytest.fixture(scope="session")
def film() -> bytes:
    """A real second of H.264 in an MP4, small."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=Fraction(12))
        stream.width, stream.height, stream.pix_fmt = 96, 54, "yuv420p"
        for number in range(12):
            picture = np.full((54, 96, 3), number * 20, dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return file.getvalue()


@pytest.fixture
def played(film: bytes, settings: Settings) -> Iterator[PlayedProvider]:
    """The scripted provider; the worker may reach it, and starts with fresh hands."""
    with playing(film) as provider:
        settings.ALLOW_PRIVATE_HOSTS = frozenset({provider.address.removeprefix("http://")})
        hands.let_go()
        timing.forget()
        yield provider
        hands.let_go()


@pytest.fixture
def connection(played: PlayedProvider, db: None) -> Connection:
    connection = Connection(provider="xai", label="xAI", base_url=played.address, requests_per_minute=6000)
    connection.set_key("xai-secret-key-0001")
    connection.save()
    return connection


@pytest.fixture
def funded(alice: User) -> User:
    """Alice, with 1,000 credits."""
    ledger.grant(alice, 1_000_000, key="fixture", reason="for the test", actor=None)
    return alice


@pytest.fixture
def ordered(funded: User, tide: Project, connection: Connection) -> Callable[..., Job]:
    """Orders a job as Alice."""

    def ordered(brief: Brief = BRIEF, author: User = funded) -> Job:
        return order(author=author, project=tide, what=Order(connection=connection, brief=brief), order_key=uuid4())

    return ordered


def pass_time(seconds: float) -> None:
    """Let time pass: everything that waits for a moment is that much nearer to it."""
    step = timedelta(seconds=seconds)
    Job.objects.exclude(due=None).update(due=F("due") - step)
    Job.objects.exclude(lease_until=None).update(lease_until=F("lease_until") - step)
    Attempt.objects.exclude(accepted_at=None).update(accepted_at=F("accepted_at") - step)
    Connection.objects.exclude(lease_until=None).update(lease_until=F("lease_until") - step)
    Connection.objects.exclude(not_before=None).update(not_before=F("not_before") - step)
    Connection.objects.exclude(send_not_before=None).update(send_not_before=F("send_not_before") - step)
    Breaker.objects.exclude(open_until=None).update(open_until=F("open_until") - step)
    Attempt.objects.exclude(sent_at=None).update(sent_at=F("sent_at") - step)
    Job.objects.exclude(looked_at=None).update(looked_at=F("looked_at") - step)
    Connection.objects.exclude(paced_until=None).update(paced_until=F("paced_until") - step)


def work_through(job: Job, *, rounds: int = 12, pause: float = 100.0) -> Job:
    """Let the worker do what is due, and time pass, until the job is final or in doubt."""
    for _ in range(rounds):
        sweep(job.connection_id)
        save(str(job.pk))
        job.refresh_from_db()
        if job.state in {State.DONE, State.FAILED, State.CANCELLED, State.IN_DOUBT}:
            break
        pass_time(pause)
    return job
