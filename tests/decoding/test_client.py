"""Each limit of a child bites, each end of one is told apart, and nothing of ours is in it or stays behind."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings as ours
from PIL import Image
from pytest_django.fixtures import Settings

from studio.decoding import client, memory_budget, temporary
from studio.decoding.client import decode
from studio.decoding.errors import DecoderBusy, Undecodable
from studio.decoding.limits import Limits
from tests.decoding import hostile
from tests.time_limits import eventually

ROOT = Path(__file__).parent.parent.parent
PLENTY = Limits(cpu=60, clock=120, memory=900, output=200)
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems do not limit addresses, and have no /proc")


def decoded(content: bytes, limits: Limits = PLENTY, task: str = "reference", **words: Any) -> dict[str, object]:
    """What a child tells of this file."""
    with temporary.file() as source, temporary.file() as made:
        source.write(content)
        return decode(task, source, made, limits=limits, **words)


@pytest.fixture(scope="module")
def slow() -> bytes:
    """A picture that takes some seconds of a processor."""
    return hostile.flat_png(6000, 5500, colour=6)


@pytest.fixture(scope="module")
def endless() -> bytes:
    """A picture that takes minutes."""
    return hostile.jpeg_of_scans(50_000, side=4000)


def children() -> list[int]:
    """The processes of this process's host that decode now."""
    program = client.host().program
    if program is None:
        return []
    return [int(number) for number in Path(f"/proc/{program.pid}/task/{program.pid}/children").read_text().split()]


Begin = Callable[[bytes], "Future[dict[str, object]]"]


@pytest.fixture
def at_work() -> Iterator[Begin]:
    """Begin to decode a picture in a thread, and wait until its child is there."""
    with ThreadPoolExecutor(4) as threads:

        def begin(content: bytes) -> "Future[dict[str, object]]":
            before = set(children())
            future = threads.submit(decoded, content)
            assert eventually(lambda: bool(set(children()) - before), within=10)
            return future

        yield begin


# limits


def test_a_picture_within_its_limits_is_decoded():
    told = decoded(hostile.flat_png(300, 200))

    assert told == {"suffix": "png", "content_type": "image/png", "width": 300, "height": 200}


def test_processor_time_is_limited(slow: bytes):
    with pytest.raises(Undecodable, match="far more time"):
        decoded(slow, replace(PLENTY, cpu=1))


def test_memory_is_limited():
    with pytest.raises(Undecodable, match="far more memory"):
        decoded(hostile.flat_png(4000, 4000), replace(PLENTY, memory=40))


def test_time_by_the_clock_is_limited_and_says_nothing_of_the_file(slow: bytes):
    began = time.monotonic()
    with pytest.raises(DecoderBusy):
        decoded(slow, replace(PLENTY, clock=0.3))

    assert time.monotonic() - began < 10
    assert children() == []


def test_what_is_written_is_limited():
    noise = io.BytesIO()
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (1000, 1000, 3), dtype=np.uint8)).save(noise, "PNG")

    with pytest.raises(Undecodable, match="far more memory"):
        decoded(noise.getvalue(), replace(PLENTY, output=1))


@pytest.mark.parametrize("samples", [1_000_000, 50_000_000])
def test_a_film_that_gets_past_the_header_checks_is_stopped_by_the_limits(samples: int):
    content = hostile.lying_mp4(samples)

    began = time.monotonic()
    with pytest.raises(Undecodable):
        decoded(content, Limits(cpu=5, clock=60, memory=400, output=10), "film", size=len(content))
    assert time.monotonic() - began < 30


# ends


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT])
def test_a_decoder_that_dies_over_a_file_refuses_it(at_work: Begin, endless: bytes, number: signal.Signals):
    future = at_work(endless)
    os.kill(children()[0], number)

    with pytest.raises(Undecodable, match="the decoder stopped over it"):
        future.result()


def test_a_child_that_the_system_ends_says_nothing_of_the_file(at_work: Begin, endless: bytes):
    future = at_work(endless)
    os.kill(children()[0], signal.SIGKILL)

    with pytest.raises(DecoderBusy):
        future.result()


def test_a_host_that_was_ended_takes_its_child_along_and_is_started_again(at_work: Begin, endless: bytes):
    future, (child,) = at_work(endless), children()
    program = client.host().program
    assert program
    program.kill()

    with pytest.raises(DecoderBusy):
        future.result()
    assert eventually(lambda: not Path(f"/proc/{child}").exists(), within=10)
    assert decoded(hostile.flat_png(30, 20))["width"] == 30


def test_a_host_that_hangs_is_ended(slow: bytes, monkeypatch: pytest.MonkeyPatch):
    decoded(hostile.flat_png(30, 20))
    monkeypatch.setattr(client, "SLACK", 0.0)
    monkeypatch.setattr(client, "LISTEN", 0.05)
    program = client.host().program
    assert program
    listening = threading.Event()

    def stop() -> None:
        if not listening.is_set():
            listening.set()
            os.kill(program.pid, signal.SIGSTOP)

    with temporary.file() as source, temporary.file() as made:
        source.write(slow)
        with pytest.raises(DecoderBusy):
            decode("reference", source, made, limits=replace(PLENTY, clock=0.5), alive=stop)
    assert program.poll() is not None


# turns


def test_two_files_of_a_process_are_decoded_at_once_and_no_more(at_work: Begin, slow: bytes, settings: Settings):
    settings.DECODING_PATIENCE = 0.2
    futures = [at_work(slow), at_work(slow)]

    with pytest.raises(DecoderBusy):
        decoded(hostile.flat_png(30, 20))
    assert len(children()) <= 2
    assert [future.result()["width"] for future in futures] == [4096, 4096]


def test_who_would_have_to_wait_behind_others_is_turned_away_at_once(settings: Settings):
    settings.DECODING_PATIENCE, settings.DECODING_WAITING = 60.0, 0
    with pytest.raises(DecoderBusy, match="busy with other pictures and videos"):
        decoded(hostile.flat_png(30, 20))


def test_the_memory_of_all_processes_is_one_budget(settings: Settings):
    settings.DECODING_PATIENCE = 0.1
    with memory_budget.taken(memory_budget.whole() - memory_budget.SLOT):
        with pytest.raises(DecoderBusy), memory_budget.taken(2 * memory_budget.SLOT):
            pass
        with memory_budget.taken(memory_budget.SLOT):
            pass
        with memory_budget.taken(memory_budget.SMALL - 1):
            pass
    with memory_budget.taken(memory_budget.whole()):
        pass


def test_what_never_fits_is_refused():
    with pytest.raises(Undecodable), memory_budget.taken(memory_budget.whole() + 1):
        pass


def test_a_lock_of_a_process_that_was_ended_is_free():
    folder = Path(ours.DATA_DIR)
    program = (
        "import sys, time, django; from django.conf import settings; from pathlib import Path;"
        f"settings.configure(DATA_DIR=Path({str(folder)!r}), DECODING_MEMORY_MB=450, DECODING_PATIENCE=5.0);"
        "from studio.decoding import memory_budget as m; c = m.taken(m.whole()); c.__enter__(); print('held', flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        holder.kill()
        holder.wait()
        with memory_budget.taken(memory_budget.whole()):
            pass


# what is in a child, and what stays


def memory_of(pid: int) -> bytes:
    """What a process has written into its memory."""
    found = bytearray()
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, rights, *_ = line.split()
            start, end = (int(place, 16) for place in span.split("-"))
            if rights.startswith("rw") and "[v" not in line and end - start < 200_000_000:
                memory.seek(start)
                found += memory.read(end - start)
    return bytes(found)


def test_a_child_knows_no_secret(at_work: Begin, endless: bytes, monkeypatch: pytest.MonkeyPatch):
    client.host().end()
    monkeypatch.setenv("STUDIO_ONE_MORE_SECRET", "a-secret-of-the-environment")
    future = at_work(endless)
    (child,) = children()

    environment, memory = Path(f"/proc/{child}/environ").read_bytes(), memory_of(child)
    files = {str(place.readlink()) for place in Path(f"/proc/{child}/fd").iterdir()}

    assert b"STUDIO" not in environment
    assert b"studio.decoding" in memory
    assert not [secret for secret in (ours.SECRET_KEY, "a-secret-of-the-environment", *ours.FIELD_KEYS) if secret.encode() in memory]
    assert not [name for name in files if "sqlite" in name]
    client.host().end()
    with pytest.raises(DecoderBusy):
        future.result()


def test_a_process_that_is_ended_leaves_no_child(endless: bytes, tmp_path: Path):
    picture = tmp_path / "picture.jpg"
    picture.write_bytes(endless)
    program = (
        "from django.conf import settings; from pathlib import Path;"
        f"settings.configure(DATA_DIR=Path({str(tmp_path)!r}), DECODING_MEMORY_MB=450, DECODING_PATIENCE=5.0, DECODING_WAITING=2);"
        "from studio.decoding import client, temporary; from studio.decoding.limits import Limits;"
        "tell = lambda: print(client.host().program.pid, flush=True);"
        f"client.LISTEN = 0.01; client.decode('reference', open({str(picture)!r}, 'rb'), temporary.file(), limits=Limits(60, 120, 900, 200), alive=tell)"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE) as web:
        assert web.stdout
        host = int(web.stdout.readline())
        found = Path(f"/proc/{host}/task/{host}/children")
        assert eventually(lambda: bool(found.read_text()), within=10)
        (child,) = map(int, found.read_text().split())
        web.kill()
        web.wait()

        assert eventually(lambda: not is_running(host) and not is_running(child), within=10)


def is_running(pid: int) -> bool:
    """Whether this process works; one that only waits to be read by who started it does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False
