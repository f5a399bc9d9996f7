"""Saved clips with real bytes in the storage, without a worker."""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from studio.accounts.models import User
from studio.gallery.comments import Voice
from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt, Clip, Job
from studio.projects.models import Project
from studio.routing.models import Connection

VIDEO = bytes(range(256)) * 4  # serving never looks inside
MakeClip = Callable[..., Clip]


@pytest.fixture
def koi(mallory: User) -> Project:
    """Mallory's own project, of which nobody else knows."""
    project = Project.objects.create(code="KOI", name="Koi", created_by=mallory)
    project.memberships.create(user=mallory, role="owner")
    return project


@pytest.fixture
def make_clip(alice: User, tide: Project, xai: Connection) -> MakeClip:
    """Hangs one more clip on a project's wall; the newest unless told otherwise."""
    now = timezone.now()
    made: list[Clip] = []

    def make(
        *,
        project: Project = tide,
        prompt: str = "Slow dolly toward the glass",
        saved: bool = True,
        age: timedelta | None = None,
        author: User = alice,
    ) -> Clip:
        number = Job.objects.filter(project=project).count() + 1
        job = Job.objects.create(
            project=project, number=number, author=author, connection=xai, prompt=prompt, state=State.DONE, due=None, charged=38_000,
            aspect_ratio="16:9", duration=8, resolution="720p", model="grok-imagine-video",
        )  # fmt: skip
        moment: datetime = now - age if age is not None else now - timedelta(hours=1) + timedelta(seconds=len(made))
        attempt = Attempt.objects.create(
            job=job,
            connection=xai,
            sent_at=moment - timedelta(seconds=94),
            ended_at=moment,
            outcome=State.DONE,
            estimate=38_000,
            charged=38_000,
            usage_amount="3800000000",
            usage_unit="cost_in_usd_ticks",
        )
        clip = Clip(job=job, attempt=attempt, project=project, position=0)
        if saved:
            for field, suffix, content in (
                (clip.file, ".mp4", VIDEO),
                (clip.poster, "-poster.webp", b"poster"),
                (clip.sheet, "-sheet.webp", b"sheet"),
            ):
                field.name = default_storage.save(f"clips/{project.code}/{clip.pk}{suffix}", ContentFile(content))
            clip.sha256, clip.bytes = hashlib.sha256(VIDEO).hexdigest(), len(VIDEO)
            clip.width, clip.height, clip.milliseconds, clip.sheet_frames, clip.saved_at = 1280, 720, 8040, 12, moment
        clip.save()
        made.append(clip)
        return clip

    return make


@pytest.fixture
def clip(make_clip: MakeClip) -> Clip:
    return make_clip()


@pytest.fixture
def maker(alice: User, tide: Project) -> Voice:
    return Voice(alice, may_say=True)


@pytest.fixture
def owner(bob: User, tide: Project) -> Voice:
    return Voice(bob, may_say=True, may_clear=True)


@pytest.fixture
def viewer(carol: User, tide: Project) -> Voice:
    return Voice(carol, may_say=False)
