"""Going on from a clip's frame: the exact one, upright, once; what stands in the way is said; and what the composer makes of it."""

import io
from fractions import Fraction
from http import HTTPStatus
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.stream import VideoStream
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.http import QueryDict
from django.test import Client
from django.urls import reverse
from PIL import Image
from pytest_django import DjangoAssertNumQueries

from studio.accounts.models import User
from studio.decoding import temporary
from studio.jobs import drafts
from studio.jobs.frames import NoFrame, continue_from, write_frame
from studio.jobs.lifecycle import State
from studio.jobs.models import Clip, Draft, Job, Reference
from studio.jobs.wanted import changes_of
from studio.projects.door import Pass
from studio.projects.models import Project
from studio.providers.contract import Operation
from studio.routing.models import Connection
from tests.conftest import signed_in
from tests.jobs.rows import HTMX, job_row
from tests.jobs.test_media import red_above_blue

RATE = 12  # frames a second
STEP = 9  # of grey from one frame to the next
MS = 1000 / RATE


def greys(number: int) -> np.ndarray:
    """A picture whose brightness is its number."""
    return np.full((54, 96, 3), 10 + STEP * number, dtype=np.uint8)


def film(path: Path, paint=greys, *, frames: int = 24, far: bool = True) -> bytes:
    """A film with frames that lean on later ones; its only key frame is the first one where `far`."""
    with av.open(str(path), "w", format="mp4") as container:
        video = container.add_stream("libx264", rate=Fraction(RATE), options={"bf": "2", "g": "250" if far else "5"})
        assert isinstance(video, VideoStream)
        height, width, _ = paint(0).shape
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        for number in range(frames):
            container.mux(video.encode(av.VideoFrame.from_ndarray(paint(number), format="rgb24")))
        container.mux(video.encode())
    return path.read_bytes()


def holding(clip: Clip, content: bytes, *, milliseconds: int = 2000) -> Clip:
    """The clip with these bytes behind it."""
    clip.file.name = default_storage.save(f"clips/{clip.pk}.mp4", ContentFile(content))
    clip.milliseconds = milliseconds
    clip.save()
    return clip


def frame_of(clip: Clip, *, moment: int) -> Image.Image:
    """The picture that is shown at this moment."""
    with temporary.file() as made:
        write_frame(clip, made, moment=moment)
        return Image.open(io.BytesIO(made.read()))


def number_of(clip: Clip, moment: int) -> int:
    """Which frame of a grey film is shown at this moment."""
    grey = np.asarray(frame_of(clip, moment=moment).convert("L"))[27, 48]
    return round((int(grey) - 10) / STEP)


@pytest.fixture
def clip(tide: Project, alice: User, xai: Connection, tmp_path: Path) -> Clip:
    """A clip of 24 grey frames."""
    job = job_row(tide, alice, xai, State.DONE, aspect_ratio="9:16")
    return holding(job.clips.get(), film(tmp_path / "film.mp4"))


def take(person: User, clip: Clip, moment: object, **headers: str):
    return signed_in(person).post(reverse("clip_frame", args=["TIDE", clip.pk]), {"moment": moment}, headers=headers)


# the frame


@pytest.mark.parametrize("far", [True, False])
def test_the_frame_is_the_one_that_the_player_shows(clip: Clip, tmp_path: Path, far: bool):
    holding(clip, film(tmp_path / "again.mp4", far=far))

    for number in (0, 1, 4, 5, 6, 11, 23):
        begins = round(number * MS)  # as a browser tells it, in whole milliseconds
        assert [number_of(clip, begins), number_of(clip, begins + 40)] == [number, number]


@pytest.mark.parametrize(("moment", "number"), [(-5, 0), (0, 0), (2000, 23), (999_999, 23)])
def test_a_moment_outside_is_the_first_or_the_last_frame(clip: Clip, moment: int, number: int):
    reference = continue_from(clip, clip.job.author, moment=moment)

    assert number_of(clip, max(0, moment)) == number
    assert reference.moment in {0, 2000}


def test_a_film_recorded_sideways_gives_an_upright_frame(clip: Clip, tmp_path: Path):
    content = bytearray(film(tmp_path / "turned.mp4", red_above_blue))
    matrix = content.index(b"tkhd") + 4 + 40
    quarter = [0, 65536, 0, -65536 & 0xFFFFFFFF, 0, 0, 54 << 16, 0, 0x40000000]  # clockwise
    content[matrix : matrix + 36] = b"".join(number.to_bytes(4, "big") for number in quarter)

    picture = frame_of(holding(clip, bytes(content)), moment=500)

    left, right = picture.getpixel((10, 48)), picture.getpixel((44, 48))
    assert picture.size == (54, 96)
    assert isinstance(left, tuple)
    assert isinstance(right, tuple)
    assert left[2] > 180 > left[0]
    assert right[0] > 180 > right[2]


def test_the_same_frame_twice_is_one_reference(clip: Clip, alice: User, bob: User):
    first = continue_from(clip, alice, moment=500)
    again = continue_from(clip, bob, moment=501)
    other = continue_from(clip, alice, moment=900)

    assert first == again != other
    assert (first.clip, first.moment, first.owner, first.width, first.height) == (clip, 500, alice, 96, 54)
    assert first.content_type == "image/jpeg"
    assert Reference.objects.count() == 2


@pytest.mark.parametrize(("content", "told"), [(b"", "cannot be read"), (b"<html>", "cannot be decoded"), (None, "is gone from our storage")])
def test_what_gives_no_frame_says_why(clip: Clip, content: bytes | None, told: str):
    if content is None:
        default_storage.delete(str(clip.file.name))
    else:
        holding(clip, content)

    with pytest.raises(NoFrame, match=told):
        frame_of(clip, moment=0)


# the way into the Studio


def test_a_frame_leads_to_a_new_brief_that_holds_it(clip: Clip, alice: User):
    answer = take(alice, clip, 500)
    reference = Reference.objects.get()

    assert answer.headers["Location"] == f"/p/TIDE/?frame={reference.pk}#composer"
    page = signed_in(alice).get(answer.headers["Location"]).content.decode()
    assert f'name="references" value="{reference.pk}"' in page
    assert '<option value="9:16" selected' in page  # the clip's own shape


def test_the_old_draft_stays_within_reach(clip: Clip, alice: User, tide: Project):
    entry = Pass(alice, tide, "maker")
    drafts.keep(entry, QueryDict("prompt=A+heron+at+dawn&connection=1"), seen=0)

    page = signed_in(alice).get(take(alice, clip, 500).headers["Location"]).content.decode()

    assert 'data-aside="A heron at dawn"' in page
    assert 'name="draft_version" autocomplete="off" value="1"' in page
    assert Draft.objects.get().fields != ""


def test_the_composer_gets_a_thumbnail_or_a_sentence(clip: Clip, alice: User):
    thumbnail = take(alice, clip, 500, **HTMX)
    default_storage.delete(str(clip.file.name))
    trouble = take(alice, clip, 500, **HTMX)

    assert f'name="references" value="{Reference.objects.get().pk}"' in thumbnail.content.decode()
    assert trouble.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "is gone from our storage" in trouble.content.decode()


@pytest.mark.parametrize("moment", ["", "x", "-1", "99999999999"])
def test_a_moment_that_is_none_is_said(clip: Clip, alice: User, moment: str):
    assert take(alice, clip, moment, **HTMX).status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert take(alice, clip, moment).headers["Location"] == reverse("clip", args=["TIDE", clip.pk])
    assert not Reference.objects.exists()


def test_frames_are_for_makers_of_the_project(clip: Clip, carol: User, mallory: User, alice: User):
    assert take(carol, clip, 0).status_code == HTTPStatus.FORBIDDEN
    assert take(mallory, clip, 0).status_code == HTTPStatus.NOT_FOUND
    Clip.objects.filter(pk=clip.pk).update(saved_at=None)
    assert take(alice, clip, 0).status_code == HTTPStatus.NOT_FOUND


def test_a_foreign_frame_begins_nothing(clip: Clip, alice: User, mallory: User):
    koi = Project.objects.create(code="KOI", name="Koi", created_by=mallory)
    koi.memberships.create(user=mallory, role="owner")
    reference = continue_from(clip, alice, moment=0)

    page = signed_in(mallory).get(reverse("studio", args=["KOI"]), {"frame": str(reference.pk)}).content.decode()

    assert str(reference.pk) not in page


def test_clips_to_choose_from_come_by_the_page_and_cost_the_same(
    as_alice: Client, tide: Project, alice: User, xai: Connection, django_assert_max_num_queries: DjangoAssertNumQueries
):
    made = [str(job_row(tide, alice, xai).clips.get().pk) for _ in range(26)]

    with django_assert_max_num_queries(6):
        first = as_alice.get(reverse("frames", args=["TIDE"])).content.decode()
    last = made[2]
    second = as_alice.get(reverse("frames", args=["TIDE"]), {"before": last}).content.decode()

    assert first.count("data-frames-clip") == 24
    assert f"?before={last}" in first
    assert [key in second for key in made[:3]] == [True, True, False]


# what a connection can change


def test_only_what_a_connection_can_do_is_offered(clip: Clip, xai: Connection):
    assert changes_of(clip) == {Operation.EDIT, Operation.EXTEND}

    clip.milliseconds = 15_042  # of 15 s that were ordered: the last frame ends later
    assert changes_of(clip) == {Operation.EXTEND}
    clip.milliseconds = 8_742
    assert changes_of(clip) == {Operation.EXTEND}
    clip.milliseconds = 60_000
    assert changes_of(clip) == set()
    Job.objects.update(state=State.DONE)
    Connection.objects.update(enabled=False)
    clip.milliseconds = 4_000
    assert changes_of(clip) == set()
