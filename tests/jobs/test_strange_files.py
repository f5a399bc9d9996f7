"""Whatever a provider delivers as a video: the job ends in a clear state with a sentence on its card, and the next one is saved as if nothing had been."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from studio.accounts.models import User
from studio.credits.models import Account
from studio.jobs.lifecycle import State
from studio.jobs.models import Clip, Job
from studio.jobs.saving import MOST_TRIES
from tests.jobs.conftest import work_through
from tests.jobs.played import PlayedProvider
from tests.jobs.test_media import film as a_film
from tests.jobs.test_media import noise, timed, turned

Make = Callable[[Path], bytes]


def cut_off(path: Path) -> bytes:
    content = a_film(path, in_front=True).read_bytes()
    return content[: len(content) // 2]


def over_an_hour(path: Path) -> bytes:
    return timed(path, [0, 10 * 3700], noise).read_bytes()


def of_absurd_size(path: Path) -> bytes:
    """A header that promises frames of 65,000 pixels a side."""
    content = bytearray(a_film(path, frames=2).read_bytes())
    sample = content.index(b"avc1", content.index(b"stsd")) + 4 + 24
    content[sample : sample + 4] = (65_000).to_bytes(2, "big") * 2
    return bytes(content)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        pytest.param(lambda _: b"", "empty", id="zero bytes"),
        pytest.param(lambda _: b"\x00" * 4096, "not a video", id="rubbish"),
        pytest.param(lambda _: b"<html>Not found", "web page", id="a web page"),
        pytest.param(lambda path: a_film(path, pictures=False, sound=True).read_bytes(), "only sound", id="audio only"),
        pytest.param(cut_off, "incomplete", id="truncated"),
        pytest.param(over_an_hour, "too long: 62 min", id="over an hour"),
    ],
)
def test_what_is_no_clip_ends_with_a_sentence_and_costs_nothing(
    make: Make, told: str, ordered: Callable[..., Job], played: PlayedProvider, tmp_path: Path, film: bytes, as_alice: Client, alice: User
):
    played.film = make(tmp_path / "strange.mp4")
    job = work_through(ordered(), rounds=MOST_TRIES + 4)
    card = as_alice.get(reverse("job", args=["TIDE", job.number])).content.decode()
    played.film = film
    following = work_through(ordered())

    assert (job.state, job.charged, Account.objects.get(user=alice).held) == (State.FAILED, 0, 0)
    assert told in job.message
    assert escape(job.message) in card
    assert following.state == State.DONE


@pytest.mark.parametrize(
    ("make", "size", "milliseconds"),
    [
        pytest.param(lambda path: turned(a_film(path)).read_bytes(), (54, 96), 2000, id="rotated"),
        pytest.param(lambda path: timed(path, [0, 1, 2, 3, 50, 99], noise).read_bytes(), (96, 54), 10_000, id="variable frame rate"),
        pytest.param(lambda path: a_film(path, frames=1).read_bytes(), (96, 54), 83, id="one frame"),
        pytest.param(lambda path: a_film(path, kind="webm", codec="libvpx").read_bytes(), (96, 54), 2000, id="webm"),
    ],
)
def test_what_is_unusual_and_plays_is_saved(
    make: Make, size: tuple[int, int], milliseconds: int, ordered: Callable[..., Job], played: PlayedProvider, tmp_path: Path
):
    played.film = make(tmp_path / "unusual.mp4")

    job = work_through(ordered())

    assert (job.state, job.message) == (State.DONE, "")
    clip = Clip.objects.get(job=job)
    assert ((clip.width, clip.height), clip.milliseconds) == (size, milliseconds)


def test_a_header_that_lies_about_the_size_of_its_frames_fills_no_memory(ordered: Callable[..., Job], played: PlayedProvider, tmp_path: Path):
    played.film = of_absurd_size(tmp_path / "absurd.mp4")

    job = work_through(ordered())

    assert job.state == State.DONE
    assert Clip.objects.get(job=job).height == 54
