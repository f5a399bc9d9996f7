"""What counts as a video that is ours and plays, and what is drawn from it."""

import io
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.stream import VideoStream
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage
from PIL import Image
from pytest_django.fixtures import Settings

from studio.decoding import films
from studio.decoding.errors import Undecodable
from studio.jobs import media
from studio.jobs.media import NotAVideo, probe_and_draw, store
from studio.jobs.models import Attempt, Clip, Job
from studio.projects.models import Project

Paint = Callable[[int], np.ndarray]


def noise(number: int) -> np.ndarray:
    """A picture that does not compress to nothing, so that half a file is half a film."""
    return np.random.default_rng(number).integers(0, 255, (54, 96, 3), dtype=np.uint8)


def red_above_blue(number: int) -> np.ndarray:
    picture = np.zeros((54, 96, 3), dtype=np.uint8)
    picture[:27, :, 0], picture[27:, :, 2] = 255, 255
    return picture


def film(
    path: Path,
    paint: Paint = noise,
    *,
    frames: int = 24,
    kind: str = "mp4",
    codec: str = "libx264",
    sound: bool = False,
    pictures: bool = True,
    in_front: bool = False,
) -> Path:
    """A real film of 12 frames a second; `in_front` puts an MP4's index before its frames, as providers do."""
    with av.open(str(path), "w", format=kind, options={"movflags": "+faststart"} if in_front else {}) as container:
        video = container.add_stream(codec, rate=Fraction(12)) if pictures else None
        audio = container.add_stream("aac", rate=44_100) if sound else None
        if isinstance(video, VideoStream):
            height, width, _ = paint(0).shape
            video.width, video.height, video.pix_fmt = width, height, "yuv420p"
            for number in range(frames):
                container.mux(video.encode(av.VideoFrame.from_ndarray(paint(number), format="rgb24")))
            container.mux(video.encode())
        if audio is not None:
            for number in range(86):
                silence = av.AudioFrame.from_ndarray(np.zeros((2, 1024), dtype=np.float32), format="fltp", layout="stereo")
                silence.sample_rate, silence.pts = 44_100, number * 1024
                container.mux(audio.encode(silence))
            container.mux(audio.encode())
    return path


def drawn_here(path: Path) -> tuple[dict[str, object], bytes]:
    """What a child tells and makes of a film, in this process, so that a test can change what it takes for long."""
    made = io.BytesIO()
    with path.open("rb") as file:
        return films.probe_and_draw(file, made, size=path.stat().st_size), made.getvalue()


def opened(content: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(content))
    assert picture.format == "WEBP"
    return picture.convert("RGB")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "film.mp4"


def test_a_film_is_measured_and_drawn(path: Path):
    shown = probe_and_draw(film(path, sound=True))

    assert (shown.width, shown.height, shown.milliseconds, shown.sheet_frames, shown.suffix) == (96, 54, 2000, 12, "mp4")
    assert shown.frame_rate == 12_000
    assert opened(shown.poster).size == (96, 54)
    assert opened(shown.sheet).size == (12 * 96, 54)


def test_an_upright_film_stays_upright(path: Path):
    shown = probe_and_draw(film(path, lambda number: noise(number).transpose(1, 0, 2)))

    assert (shown.width, shown.height) == (54, 96)
    assert opened(shown.poster).size == (54, 96)


def turned(path: Path) -> Path:
    """The film with a display matrix that turns it by a quarter, clockwise, as a telephone held sideways writes it."""
    content = bytearray(path.read_bytes())
    matrix = content.index(b"tkhd") + 4 + 40  # version 0 of the track header: its matrix follows 40 bytes of other fields
    quarter = [0, 65536, 0, -65536 & 0xFFFFFFFF, 0, 0, 54 << 16, 0, 0x40000000]
    content[matrix : matrix + 36] = b"".join(number.to_bytes(4, "big") for number in quarter)
    path.write_bytes(content)
    return path


def test_a_large_film_recorded_sideways_gives_an_upright_poster(path: Path):
    shown = probe_and_draw(turned(film(path, lambda _: np.full((1080, 1920, 3), 90, dtype=np.uint8), frames=1)))

    assert (shown.width, shown.height) == (1080, 1920)
    assert opened(shown.poster).size == (720, 1280)
    assert opened(shown.sheet).size == (240, 427)


def test_a_film_recorded_sideways_is_shown_the_right_way_up(path: Path):
    turned(film(path, red_above_blue))

    shown = probe_and_draw(path)

    poster = opened(shown.poster)
    assert (shown.width, shown.height) == poster.size == (54, 96)
    left, right = poster.getpixel((10, 48)), poster.getpixel((44, 48))
    assert isinstance(left, tuple)
    assert isinstance(right, tuple)
    assert left[2] > 180 > left[0]  # what was below is now at the left
    assert right[0] > 180 > right[2]


def test_a_large_film_gives_a_small_poster_and_a_small_sheet(path: Path):
    shown = probe_and_draw(film(path, lambda _: np.full((1080, 1920, 3), 90, dtype=np.uint8), frames=2))

    assert opened(shown.poster).size == (960, 540)
    assert opened(shown.sheet).size == (2 * 240, 135)


def test_the_poster_is_no_black_first_frame(path: Path):
    black = np.zeros((54, 96, 3), dtype=np.uint8)

    shown = probe_and_draw(film(path, lambda number: noise(1) if number == 9 else black))

    assert np.asarray(opened(shown.poster)).std() > 20


def test_a_single_frame_is_a_film_too(path: Path):
    shown = probe_and_draw(film(path, frames=1))

    assert (shown.sheet_frames, shown.milliseconds) == (1, 83)


def test_whoever_waits_for_a_film_says_that_it_goes_on(path: Path):
    heard: list[bool] = []
    probe_and_draw(film(path, frames=60), alive=lambda: heard.append(True))
    assert heard


def test_a_long_film_is_sampled_and_not_decoded_whole(path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(films, "SHORT", 20)

    told, _ = drawn_here(film(path, frames=60))

    assert (told["milliseconds"], told["sheet_frames"]) == (5000, 12)


def test_pixels_that_are_not_square_are_shown_as_meant(path: Path):
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=Fraction(12))
        video.width, video.height, video.pix_fmt = 96, 54, "yuv420p"
        video.codec_context.sample_aspect_ratio = Fraction(2)
        for number in range(3):
            container.mux(video.encode(av.VideoFrame.from_ndarray(noise(number), format="rgb24")))
        container.mux(video.encode())

    shown = probe_and_draw(path)

    assert (shown.width, shown.height) == opened(shown.poster).size == (192, 54)


def timed(path: Path, moments: list[int], paint: Paint, *, preset: str = "ultrafast") -> Path:
    """A film whose frames come at these moments, in tenths of a second."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=Fraction(10), options={"preset": preset, "g": "50"})
        height, width, _ = paint(0).shape
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        video.time_base = video.codec_context.time_base = Fraction(1, 10)
        for number, moment in enumerate(moments):
            frame = av.VideoFrame.from_ndarray(paint(number), format="rgb24")
            frame.pts, frame.time_base = moment, Fraction(1, 10)
            container.mux(video.encode(frame))
        container.mux(video.encode())
    return path


def greys(sheet: bytes, cells: int) -> list[int]:
    """How bright each cell of a sheet is."""
    picture = np.asarray(opened(sheet).convert("L"))
    return [int(cell.mean()) for cell in np.array_split(picture, cells, axis=1)]


def test_a_film_of_uneven_pace_is_sampled_by_its_time_and_not_by_its_frames(path: Path):
    """Ten frames within the first second, then a white one that stays for eleven."""
    moments = [*range(10), 10, 119]

    shown = probe_and_draw(timed(path, moments, lambda number: np.full((54, 96, 3), 255 if number >= 10 else 0, dtype=np.uint8)))

    first, *others = greys(shown.sheet, 12)
    assert (shown.milliseconds, shown.sheet_frames) == (12_000, 12)
    assert first < 30
    assert min(others) > 220


def test_an_hour_is_sampled_by_seeking(path: Path):
    """A frame a second, each a little brighter than the one before: the sheet shows the whole hour, from a fraction of its frames."""
    timed(path, [10 * second for second in range(3600)], lambda number: np.full((16, 16, 3), number * 255 // 3600, dtype=np.uint8))
    decoded: list[float] = []

    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        count = films._count(container, stream)
        decoded = [frame.time or 0.0 for frame in films._frames(container, stream, count)]
        assert count.packets > films.SHORT
    shown = probe_and_draw(path)

    assert 3_500_000 < shown.milliseconds <= films.MOST_MILLISECONDS
    assert decoded == pytest.approx([150 + 300 * number for number in range(12)], abs=51)
    assert greys(shown.sheet, 12) == sorted(greys(shown.sheet, 12))
    assert greys(shown.sheet, 12)[-1] > 200


def test_frames_of_8k_are_drawn_small(path: Path):
    picture = np.full((4320, 7680, 3), 90, dtype=np.uint8)

    shown = probe_and_draw(timed(path, [0], lambda _: picture))

    assert (shown.width, shown.height) == (7680, 4320)
    assert opened(shown.poster).size == (960, 540)


def test_large_frames_are_not_all_decoded(path: Path, monkeypatch: pytest.MonkeyPatch):
    """Short, but of so many pixels that decoding all would take minutes: key frames are enough."""
    monkeypatch.setattr(films, "SMALL", 54 * 96 * 100)

    told, made = drawn_here(timed(path, list(range(120)), lambda number: np.full((54, 96, 3), number * 2, dtype=np.uint8)))

    assert len(set(greys(made[int(str(told["poster"])) :], 12))) == 3  # its key frames: 0, 5 and 10 s


def test_webm_keeps_its_own_suffix(path: Path):
    shown = probe_and_draw(film(path, kind="webm", codec="libvpx"))

    assert (shown.suffix, shown.milliseconds, shown.frame_rate) == ("webm", 2000, 12_000)


def test_a_cover_picture_is_no_film(path: Path):
    """One provider packs a JPEG cover as a second video stream."""
    with_cover = path.with_name("cover.mp4")
    cover = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(cover, "JPEG")
    film(path)
    with av.open(str(path)) as source, av.open(str(with_cover), "w") as target:
        copy = target.add_stream_from_template(source.streams.video[0])
        picture = target.add_stream("mjpeg", rate=1)
        picture.width, picture.height, picture.pix_fmt = 64, 64, "yuvj420p"
        picture.disposition = av.stream.Disposition.attached_pic
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = copy
                target.mux(packet)
        still = av.Packet(cover.getvalue())
        still.stream = picture
        target.mux(still)

    shown = probe_and_draw(with_cover)

    assert (shown.width, shown.height, shown.milliseconds) == (96, 54, 2000)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"<!doctype html><title>Not found</title>", "web page"),
        (b"\n<HTML><body>", "web page"),
        (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "web page"),
        (b'{"error": "expired"}', "text"),
        (b"\x00" * 5000, "not a video"),
        (bytes(range(256)) * 40, "not a video"),
        (b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom", "not a video"),
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:10\nfile:///etc/passwd\n", "not a video"),
    ],
)
def test_what_is_no_video_says_what_it_is(path: Path, content: bytes, told: str):
    path.write_bytes(content)

    with pytest.raises(NotAVideo, match=told):
        probe_and_draw(path)


def test_sound_alone_is_no_film(path: Path):
    with pytest.raises(NotAVideo, match="only sound"):
        probe_and_draw(film(path, pictures=False, sound=True))


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8, 0.99])
def test_a_film_cut_off_is_incomplete_though_it_opens(path: Path, share: float):
    content = film(path, frames=60, sound=True, in_front=True).read_bytes()
    path.write_bytes(content[: int(len(content) * share)])

    with pytest.raises(NotAVideo, match="incomplete"):
        probe_and_draw(path)


def test_a_film_without_its_index_is_incomplete(path: Path):
    content = film(path).read_bytes()
    path.write_bytes(content[: len(content) // 2])

    with pytest.raises(NotAVideo, match="incomplete"):
        probe_and_draw(path)


def test_a_webm_cut_off_is_incomplete(path: Path):
    content = film(path, frames=60, kind="webm", codec="libvpx").read_bytes()
    path.write_bytes(content[: len(content) // 2])

    with pytest.raises(NotAVideo, match=r"incomplete: \d\.\d of 5\.0 s"):
        probe_and_draw(path)


def test_a_film_whose_frames_are_rubbish_is_damaged(path: Path):
    content = bytearray(film(path, frames=60).read_bytes())
    start = content.index(b"mdat") + 4
    end = content.index(b"moov") - 4
    content[start:end] = bytes(end - start)
    path.write_bytes(content)

    with pytest.raises(NotAVideo, match=r"damaged|no picture|incomplete"):
        probe_and_draw(path)


def test_one_damaged_frame_does_not_lose_a_film(path: Path):
    content = bytearray(film(path, frames=60).read_bytes())
    middle = content.index(b"mdat") + (content.index(b"moov") - content.index(b"mdat")) // 2
    content[middle : middle + 200] = bytes(200)
    path.write_bytes(content)

    assert probe_and_draw(path).milliseconds == 5000


@pytest.mark.parametrize(("kind", "codec", "told"), [("mp4", "mpeg4", "mpeg4, which browsers do not play"), ("avi", "mpeg4", "not a video")])
def test_only_what_browsers_play_is_decoded(path: Path, kind: str, codec: str, told: str):
    with pytest.raises(NotAVideo, match=told):
        probe_and_draw(film(path, kind=kind, codec=codec))


def test_frames_that_would_fill_the_memory_are_not_decoded(path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(films, "MOST_PIXELS", 5000)

    with pytest.raises(Undecodable, match="96 × 54"):
        drawn_here(film(path))


def test_a_film_of_hours_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(films, "MOST_MILLISECONDS", 1000)

    with pytest.raises(Undecodable, match="too long"):
        drawn_here(film(path))


# keeping it


@pytest.fixture
def clip(ordered: Callable[..., Job], tide: Project) -> Clip:
    job = ordered()
    return Clip.objects.create(job=job, attempt=Attempt.objects.get(job=job), project=tide, position=0)


def stored_files(settings: Settings) -> list[str]:
    return sorted(str(file.relative_to(settings.MEDIA_ROOT)) for file in Path(settings.MEDIA_ROOT).rglob("*") if file.is_file())


def test_a_stored_clip_has_its_file_and_its_pictures(clip: Clip, path: Path, settings: Settings):
    store(clip, film(path))

    stem = f"clips/TIDE/{clip.pk}"
    assert stored_files(settings) == [f"{stem}-poster.webp", f"{stem}-sheet.webp", f"{stem}.mp4"]
    assert Path(clip.file.path).read_bytes() == path.read_bytes()
    assert (clip.bytes, clip.width, clip.height, clip.milliseconds, clip.sheet_frames) == (path.stat().st_size, 96, 54, 2000, 12)
    assert (clip.frame_rate, len(clip.sha256)) == (12_000, 64)
    assert Clip.objects.get(pk=clip.pk).file.name == ""  # the worker saves the row


def test_storing_twice_leaves_one_clip(clip: Clip, path: Path, settings: Settings):
    store(clip, film(path))
    before = stored_files(settings)
    Path(settings.MEDIA_ROOT, f"clips/TIDE/{clip.pk}.mp4").write_bytes(b"a part that a killed worker left")

    store(clip, path)

    assert stored_files(settings) == before
    assert Path(clip.file.path).read_bytes() == path.read_bytes()


def test_what_is_no_video_is_not_kept(clip: Clip, path: Path, settings: Settings):
    path.write_bytes(b"<html>")

    with pytest.raises(NotAVideo):
        store(clip, path)

    assert stored_files(settings) == []
    assert not clip.file


class Hurried(FileSystemStorage):
    """A storage in which somebody else always writes the same name first."""

    def delete(self, name: str) -> None:
        super().delete(name)
        if "_" not in name:
            super().save(name, ContentFile(b"12345"))


def test_who_comes_second_leaves_no_orphan(tmp_path: Path):
    storage = Hurried(tmp_path)

    assert media._put(storage, "a.mp4", ContentFile(b"54321"), size=5) == "a.mp4"

    assert [file.name for file in tmp_path.iterdir()] == ["a.mp4"]


def test_a_storage_that_keeps_a_part_only_is_trouble(tmp_path: Path):
    with pytest.raises(OSError, match="not whole"):
        media._put(FileSystemStorage(tmp_path), "a.mp4", ContentFile(b"54321"), size=6)
