"""Files: a hundred people who watch over slow lines while another asks for a page, the memory of the web processes, and what a clip costs to check and draw."""

import os
import selectors
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import httpx
import numpy as np
import pytest

from studio.jobs.media import probe_and_draw
from tests.installation import Installation, installed

VIEWERS = 100
LARGE = 200_000_000  # bytes
CLIP = """
from uuid import uuid4
from pathlib import Path
from django.conf import settings
from django.utils import timezone
from studio.accounts.models import User
from studio.jobs.models import Attempt, Clip, Job
from studio.projects.models import Project
from studio.routing.models import Connection
from tests.browser.seed import session_key
admin, project, connection = User.objects.filter(role="admin").first(), Project.objects.get(code="DEMO"), Connection.objects.first()
job = Job.objects.create(project=project, number=1, author=admin, connection=connection, prompt="A long take", state="done", due=None, aspect_ratio="16:9", duration=8, resolution="720p", model="grok-imagine-video")
attempt = Attempt.objects.create(job=job, connection=connection, ended_at=timezone.now(), outcome="done")
clip = Clip.objects.create(job=job, attempt=attempt, project=project, position=0, file=f"clips/DEMO/{uuid4()}.mp4", sha256="ab" * 32, bytes=%d, width=1280, height=720, milliseconds=8000, saved_at=timezone.now())
path = Path(settings.MEDIA_ROOT, clip.file.name)
path.parent.mkdir(parents=True, exist_ok=True)
with path.open("wb") as file: file.truncate(%d)
print(session_key(admin), clip.pk)
""" % (LARGE, LARGE)  # noqa: UP031 - braces are the code's


class Watched:
    """A running installation with one large clip, and somebody who is signed in."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        key, clip = installation.ask(CLIP).splitlines()[-1].split()
        self.cookie, self.path = f"sessionid={key}", f"/p/DEMO/clips/{clip}/video/"

    def page(self, times: int = 15) -> float:
        """The median milliseconds of the Studio page."""
        with httpx.Client(base_url=self.installation.address, headers={"Cookie": self.cookie}, trust_env=False, timeout=60) as browser:
            runs = []
            for _ in range(times):
                start = time.perf_counter()
                assert browser.get("/p/DEMO/").status_code == 200
                runs.append((time.perf_counter() - start) * 1000)
        return statistics.median(runs)

    def viewer(self) -> socket.socket:
        """A line on which the whole clip was asked for."""
        line = socket.socket()
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
        line.connect(("127.0.0.1", self.installation.port))
        line.sendall(
            f"GET {self.path} HTTP/1.1\r\nHost: 127.0.0.1:{self.installation.port}\r\nCookie: {self.cookie}\r\nRange: bytes=0-\r\n\r\n".encode()
        )
        return line

    def memory(self) -> int:
        """Resident bytes of all web processes."""
        return sum(_resident(pid) for pid in _children_called("gunicorn", self.installation.port))


def _children_called(word: str, port: int) -> list[int]:
    """The processes whose command line holds the word and whose environment names the port."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if word.encode() in (entry / "cmdline").read_bytes() and f"PORT={port}\0".encode() in (entry / "environ").read_bytes():
                found.append(int(entry.name))
        except OSError:  # gone, or not ours
            continue
    return found


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def watching(watched: Watched) -> Iterator[list[int]]:
    """A hundred viewers who read 16 KB a second each until the block ends. The list tells how many bytes each has."""
    lines, over = [watched.viewer() for _ in range(VIEWERS)], threading.Event()
    read = [0] * VIEWERS

    def sip() -> None:
        with selectors.DefaultSelector() as ready:
            for number, line in enumerate(lines):
                line.setblocking(False)
                ready.register(line, selectors.EVENT_READ, number)
            while not over.wait(0.25):
                for key, _ in ready.select(0):
                    read[key.data] += len(lines[key.data].recv(4096))

    reader = threading.Thread(target=sip)
    reader.start()
    try:
        yield read
    finally:
        over.set()
        reader.join()
        for line in lines:
            line.close()


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with installed(tmp_path_factory.mktemp("files")) as running:
        yield Watched(running)


def test_a_page_beside_a_hundred_viewers_against_one_without(watched: Watched, say: Callable[[str], None]):
    watched.page()
    alone = watched.page()
    with watching(watched) as read:
        time.sleep(2)  # until all of them are being served
        beside = watched.page()
        served = sum(1 for amount in read if amount > 0)
    say(
        f"\na page beside {VIEWERS} slow viewers against one without: {beside:.1f} / {alone:.1f} ms = {beside / alone:.2f}; {served} of them are served"
    )
    assert served == VIEWERS


def test_memory_after_two_hundred_megabytes_against_before(watched: Watched, say: Callable[[str], None]):
    watched.page()
    before, most = watched.memory(), 0
    with httpx.Client(base_url=watched.installation.address, headers={"Cookie": watched.cookie}, trust_env=False, timeout=120) as browser:
        for wanted in ("bytes=0-", "bytes=100000000-", "bytes=0-199999999"):
            with browser.stream("GET", watched.path, headers={"Range": wanted}) as answer:
                assert answer.status_code == 206
                for place, _ in enumerate(answer.iter_raw(1 << 20)):
                    most = max(most, watched.memory()) if place % 50 == 0 else most
    after = watched.memory()
    say(f"\nmemory of the web processes after 500 MB of one clip against before: {after / before:.3f}; at most {most / before:.3f} meanwhile")
    assert before > 0


def test_a_clip_of_ten_seconds_is_checked_and_drawn_against_its_playing_time(tmp_path: Path, say: Callable[[str], None]):
    path, rate = tmp_path / "clip.mp4", 24
    scene = np.kron(np.random.default_rng(1).integers(0, 255, (45, 80, 3), dtype=np.uint8), np.ones((16, 16, 1), dtype=np.uint8))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(rate), options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        for number in range(10 * rate):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.roll(scene, (number * 2, number * 5), (0, 1)), format="rgb24")))
        container.mux(stream.encode())
    runs = []
    for _ in range(5):
        start = time.perf_counter()
        film = probe_and_draw(path)
        runs.append(time.perf_counter() - start)
    taken = statistics.median(runs)
    say(
        f"\nprobe, poster and scrub sheet of 10 s of 720p ({path.stat().st_size / 1e6:.1f} MB) against its playing time: {taken:.2f} / 10 s = {taken / 10:.3f}"
    )
    assert (film.milliseconds, film.sheet_frames) == (10_000, 12)
