"""The clips: real, playable, of the right size and length, different for each prompt; and how they get drawn."""

import base64
import io
import os
import struct
import time
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import av
import numpy as np
import pytest
from django.conf import settings as current
from django.utils import timezone
from django_q import tasks
from django_q.models import OrmQ
from PIL import Image, ImageFont
from redis.exceptions import ConnectionError as BrokerAway

from studio.routing.models import Connection
from studio.sandbox import lettering, render, scenes
from studio.sandbox.files import folder
from studio.sandbox.models import Fault, Kind, RemoteJob
from studio.sandbox.sizes import pixels
from tests.sandbox.asking import KEY, accepted, after, told


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The queue's edge: what was put into it."""
    asked: list[str] = []
    monkeypatch.setattr(tasks, "async_task", lambda _name, remote_id: asked.append(remote_id))
    return asked


def frames_of(path: Path) -> tuple[list[np.ndarray], float]:
    """Every picture of a file, and its length in seconds."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert stream.duration is not None
        assert stream.time_base is not None
        return [frame.to_ndarray(format="gray") for frame in container.decode(video=0)], float(stream.duration * stream.time_base)


def drawn_clip(
    prompt: str = "A calm sea at dusk", *, aspect_ratio: str = "16:9", resolution: str = "480p", seconds: int = 1, **fields: object
) -> Path:
    path = folder() / f"{abs(hash((prompt, aspect_ratio)))}.mp4"
    job = RemoteJob(provider="xai", remote_id="r", prompt=prompt, aspect_ratio=aspect_ratio, resolution=resolution, seconds=seconds, **fields)
    render.draw(job, path, take=0)
    return path


@pytest.mark.parametrize(
    ("aspect_ratio", "resolution", "size"),
    [
        ("16:9", "480p", (848, 480)),
        ("9:16", "720p", (720, 1280)),
        ("1:1", "480p", (480, 480)),
        ("2:3", "480p", (480, 720)),
        ("16:9", "1080p", (1920, 1080)),
    ],
)
def test_a_clip_has_the_size_and_length_of_its_brief(aspect_ratio, resolution, size):
    seconds = 2 if resolution == "480p" else 1
    pictures, length = frames_of(drawn_clip(aspect_ratio=aspect_ratio, resolution=resolution, seconds=seconds))
    assert pictures[0].shape == size[::-1]
    assert length == pytest.approx(seconds, abs=0.1)
    assert len(pictures) == 24 * seconds


@pytest.mark.parametrize("aspect_ratio", ["16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3"])
@pytest.mark.parametrize("resolution", ["480p", "720p", "1080p"])
def test_every_size_is_even_and_in_proportion(aspect_ratio, resolution):
    width, height = pixels(aspect_ratio, resolution)
    across, down = (int(part) for part in aspect_ratio.split(":"))
    assert (width % 2, height % 2) == (0, 0)
    assert width / height == pytest.approx(across / down, rel=0.01)


def test_a_clip_starts_playing_before_it_is_all_there():
    content = drawn_clip().read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    assert b"no provider was asked" in content


def test_two_prompts_look_different_and_one_always_the_same():
    sea, again, other = (frames_of(drawn_clip(prompt))[0][0] for prompt in ("Waves at dusk", "Waves at dusk", "Waves at dawn"))
    assert np.abs(sea.astype(int) - again).mean() == 0
    assert np.abs(sea.astype(int) - other).mean() > 2


def test_a_clip_moves():
    pictures, _ = frames_of(drawn_clip(seconds=2))
    assert np.abs(pictures[0].astype(int) - pictures[-1]).mean() > 0.5


@pytest.mark.parametrize("name", scenes.SCENES)
def test_every_scene_is_a_picture_that_is_neither_black_nor_white(name):
    painting = scenes.paint(scenes.WORDS[name][0], 80, 60)
    for moment in (0.0, 3.0, 29.9):
        picture = painting(moment)
        assert picture.shape == (60, 80, 3)
        assert np.isfinite(picture).all()
        assert 8 < picture.mean() < 247
        assert picture.std() > 4


def test_words_choose_the_scene_and_takes_differ():
    assert scenes._named("An Aurora, over the snow.") == "aurora"
    assert scenes._named("A fox") is None
    first, second = (scenes.paint("A fox", 40, 30, take=take)(0.0) for take in (0, 1))
    assert np.abs(first - second).mean() > 1


@pytest.mark.parametrize(
    "prompt", ["", "море и небо", "海辺の夕日", "🦊 " * 40, "a" * 3000, "word " * 900, "\ud800", "مرحبا بالعالم", "two\nlines\t"]
)
def test_no_prompt_stops_a_clip(prompt):
    for size in ((848, 480), (480, 848), (480, 480)):
        planes = np.full((size[1] * 3 // 2, size[0]), 90, dtype=np.uint8)
        for words in lettering.lettering(prompt, "SANDBOX · xAI", width=size[0], height=size[1]):
            words.on(planes)
        assert (planes != 90).any()


def test_a_prompt_is_wrapped_to_three_lines_with_an_ellipsis():
    font = ImageFont.load_default(20)
    lines = lettering.wrapped("A long slow walk along the shore " * 20, font, width=400)
    assert len(lines) == 3
    assert lines[-1].endswith("…")
    assert all(font.getlength(line) <= 400 for line in lines)
    assert lettering.wrapped("Short", font, width=400) == ["Short"]
    assert lettering.wrapped("x" * 60, font, width=100)[0].startswith("xx")


def test_letters_beyond_latin_are_drawn_without_a_font_that_knows_them(monkeypatch):
    truetype = ImageFont.truetype

    def missing(font: Any, *args: Any, **options: Any) -> Any:
        if isinstance(font, str):  # Pillow's own font comes from memory
            raise OSError("cannot open resource")
        return truetype(font, *args, **options)

    monkeypatch.setattr(ImageFont, "truetype", missing)
    assert lettering.lettering("море", "SANDBOX", width=200, height=200)


def picture(colour: tuple[int, int, int], size: tuple[int, int] = (320, 200)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return file.getvalue()


def data_url(content: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


def test_a_reference_image_is_the_backdrop():
    job = accepted("xai", image={"url": data_url(picture((250, 250, 250)))})
    assert len(str(job.request)) < 300
    render.render(job.remote_id)
    pictures, _ = frames_of(folder() / job.file_names()[0])
    assert pictures[0][200:260].mean() > 225


@pytest.mark.parametrize(
    "url", ["data:image/png;base64,?", data_url(b"no picture"), data_url(picture((1, 2, 3), (6000, 5100))), "https://example.org/a.png"]
)
def test_a_reference_that_cannot_be_used_is_left_out(url):
    caller = Connection(provider="xai", label="Sandbox", sandbox=True)  # large bodies are taken from callers with a known key
    caller.set_key(KEY)
    caller.save()
    assert render._backdrop(accepted("xai", image={"url": url})) is None


def test_a_reference_of_this_installation_is_fetched(live_server, settings):
    settings.SANDBOX_URL = live_server.url
    (folder() / accepted("xai").file_names()[0]).write_bytes(picture((1, 2, 3)))  # a file that this installation serves, whatever its name
    address = f"{live_server.url}{urlsplit(RemoteJob.objects.get().video_urls()[0]).path}"
    backdrop = render._backdrop(accepted("xai", image={"url": address}))
    assert backdrop is not None
    assert backdrop.size == (320, 200)
    assert render._backdrop(accepted("xai", image={"url": f"{live_server.url}/sandbox/files/nothing.mp4"})) is None


def test_a_reference_that_cannot_be_fetched_is_left_out(settings):
    settings.SANDBOX_URL = "http://127.0.0.1:1"
    assert render._backdrop(accepted("xai", image={"url": "http://127.0.0.1:1/a.png"})) is None


def test_rendering_finishes_the_job(asked):
    job = after(accepted("grokimagine"), 1.01)
    RemoteJob.objects.update(seconds=1, resolution="480p")
    render.render(job.remote_id)
    assert told(job)["data"]["status"] == "completed"
    for name in job.file_names():
        assert len(frames_of(folder() / name)[0]) == 24
    assert [path.suffix for path in folder().iterdir()] == [".mp4", ".mp4"]


def names_in(path: Path) -> bytes:
    """What the last box of an MP4 holds."""
    content, at = path.read_bytes(), 0
    while at < len(content):
        size, kind = struct.unpack_from(">I4s", content, at)
        last, at = (kind, content[at + 8 : at + size]), at + size
    assert (last[0], at) == (b"free", len(content))
    return last[1]


def test_at_a_high_speed_one_film_serves_every_job_of_its_shape(asked, settings, django_capture_on_commit_callbacks):
    settings.SANDBOX_SPEED = 50
    with django_capture_on_commit_callbacks(execute=True):
        first = accepted("xai", duration=2)
    assert asked == [first.remote_id]
    render.render(first.remote_id)
    with django_capture_on_commit_callbacks(execute=True):
        second, both = accepted("xai", duration=2, prompt="Another"), accepted("grokimagine")
    assert second.rendered_at == second.created_at  # no drawing, no task
    assert asked == [first.remote_id, both.remote_id]  # a shape that is not drawn yet
    render.render(both.remote_id)
    files = [folder() / name for job in (first, second, both) for name in job.file_names()]
    assert len({path.read_bytes() for path in files}) == 4
    assert [names_in(path).decode() for path in files] == [path.stem for path in files]
    assert [len(frames_of(path)[0]) for path in files] == [48, 48, 144, 144]
    assert not [path for path in folder().iterdir() if path.suffix != ".mp4"]


def test_the_film_of_a_shape_is_the_same_whichever_job_it_was_drawn_for(asked, settings):
    settings.SANDBOX_SPEED = 50
    drawn = []
    for provider in ("xai", "comet"):
        render.render(accepted(provider, duration=6, resolution="480p").remote_id)
        (film,) = folder().glob("shape-*")
        drawn.append(film.read_bytes())
        film.unlink()
    assert drawn[0] == drawn[1]


def test_jobs_that_waited_for_the_film_are_copied_when_they_are_looked_at(asked, settings):
    settings.SANDBOX_SPEED = 50
    waiting, other = after(accepted("xai"), 1.01), accepted("xai")
    assert told(waiting)["status"] == "pending"
    render.render(other.remote_id)
    assert told(waiting)["video"]["url"] == waiting.video_urls()[0]
    assert (folder() / waiting.file_names()[0]).exists()


def test_at_the_usual_speed_every_job_has_a_film_of_its_own(asked, settings):
    settings.SANDBOX_SPEED = 19
    render.render(accepted("xai").remote_id)
    assert not list(folder().glob("shape-*"))
    assert accepted("xai").rendered_at is None


def test_a_job_without_a_video_gets_no_copy(asked, settings):
    settings.SANDBOX_SPEED = 50
    render.render(accepted("xai").remote_id)
    Fault.objects.create(kind=Kind.FAILURE)
    assert not (folder() / accepted("xai").file_names()[0]).exists()


def test_drawing_twice_does_no_harm(asked):
    job = accepted("xai")
    render.render(job.remote_id)
    changed = (folder() / job.file_names()[0]).stat().st_mtime_ns
    RemoteJob.objects.update(rendered_at=None)
    render.render(job.remote_id)
    render.render(job.remote_id)
    render.render("nothing-of-this-name")
    assert (folder() / job.file_names()[0]).stat().st_mtime_ns == changed


def test_a_drawing_that_breaks_leaves_nothing_behind(monkeypatch):
    def full(self: Path, target: Path) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "replace", full)
    job = accepted("xai")
    with pytest.raises(OSError, match="no space"):
        render.render(job.remote_id)
    assert list(folder().iterdir()) == []
    assert RemoteJob.objects.get().rendered_at is None


def test_a_clip_is_gone_after_a_day(asked):
    old, fresh = folder() / "old.mp4", folder() / "fresh.mp4"
    for path in (old, fresh):
        path.write_bytes(b"x")
    os.utime(old, (time.time() - 25 * 3600,) * 2)
    render.render(accepted("xai").remote_id)
    assert (old.exists(), fresh.exists()) == (False, True)


def test_an_accepted_job_is_put_into_the_queue_when_it_is_saved(asked, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        job = accepted("xai")
        assert asked == []
    assert asked == [job.remote_id]


def test_a_job_without_a_video_is_not_drawn(asked, django_capture_on_commit_callbacks):
    Fault.objects.create(kind=Kind.FAILURE)
    with django_capture_on_commit_callbacks(execute=True):
        told(accepted("comet"))
    assert asked == []


def test_two_are_drawn_at_once_and_each_that_is_through_fetches_the_next(asked):
    jobs = [accepted("xai") for _ in "1234"]
    for job in jobs:
        render.ask(job)
    assert asked == [job.remote_id for job in jobs[:2]]
    render.render(jobs[0].remote_id)
    assert asked == [job.remote_id for job in jobs[:3]]


def test_a_drawing_that_somebody_else_made_still_fetches_the_next(asked):
    first, second = accepted("xai"), accepted("xai")
    RemoteJob.objects.filter(pk=first.pk).update(rendered_at=timezone.now())
    render.render(first.remote_id)
    assert asked == [second.remote_id]


def test_two_who_ask_for_one_job_at_once_make_one_task(asked):
    job = accepted("xai")
    seen_by_another = RemoteJob.objects.get(pk=job.pk)
    render.ask(job)
    render.ask(seen_by_another)
    assert asked == [job.remote_id]


def test_a_look_at_a_job_that_is_overdue_asks_again(asked):
    job = accepted("comet")
    told(job)
    told(job)
    assert asked == [job.remote_id]
    RemoteJob.objects.update(render_asked_at=timezone.now() - timedelta(seconds=21))
    told(job)
    assert asked == [job.remote_id] * 2


def test_a_queue_that_is_away_does_not_refuse_a_job(monkeypatch, django_capture_on_commit_callbacks):
    def away(*args: object) -> None:
        raise BrokerAway("no broker")

    monkeypatch.setattr(tasks, "async_task", away)
    with django_capture_on_commit_callbacks(execute=True):
        job = accepted("xai")
    assert job.rendered_at is None


def test_the_queue_gets_the_name_of_the_task():
    if current.BROKER_URL:
        pytest.skip("looks into the database's own queue")
    render.ask(accepted("xai"))
    assert OrmQ.objects.get().func() == "studio.sandbox.render.render"
