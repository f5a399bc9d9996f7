"""Has one file decoded by a child process: waits for its turn, asks this process's host, and sorts how it ended. Never decodes anything itself."""

import atexit
import errno
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from django.conf import settings

from studio.decoding import memory_budget
from studio.decoding.errors import DecoderBusy, Undecodable
from studio.decoding.limits import Limits

log = logging.getLogger(__name__)
KEPT_NAMES = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "COVERAGE_PROCESS_CONFIG")  # of our environment, for the host
ROOT = Path(__file__).resolve().parent.parent.parent
START_WITHIN = 60.0  # seconds for the host to load the decoders, on a busy machine
SLACK = 10.0  # seconds beyond a file's deadline after which the host itself is taken to hang
MOST_ANSWER = 65_536  # bytes
AT_ONCE = 2  # files of one process
LISTEN = 1.0  # seconds between two calls of `alive`
TOO_MUCH_TIME = "This file takes far more time to decode than its kind should. Save it again and use that."
TOO_MUCH_MEMORY = "This file needs far more memory to decode than its kind should. Save it again and use that."
DEAD = "This file cannot be decoded: the decoder stopped over it. Save it again and use that."


class _HostGone(Exception):
    """The host does not answer, or its end is closed."""


class _Host:
    """The host of this process, started when it is first needed. Threads may share it."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.lock = threading.Lock()
        self.turns = threading.BoundedSemaphore(AT_ONCE)
        self.waiting = 0
        self.program: subprocess.Popen[bytes] | None = None
        self.control: socket.socket | None = None

    def ask(self, request: bytes, descriptors: list[int]) -> None:
        """Hand the request over. Raises _HostGone."""
        with self.lock:
            try:
                control = self._started()
                socket.send_fds(control, [request], descriptors)
                if control.recv(1) != b"+":
                    raise _HostGone
            except (OSError, _HostGone) as error:
                self._end()
                raise _HostGone from error

    def end(self) -> None:
        """End the host and its children; the next request starts another."""
        with self.lock:
            self._end()

    def _started(self) -> socket.socket:
        if self.control is None:
            ours, theirs = socket.socketpair()
            with theirs:
                self.program = subprocess.Popen(
                    [sys.executable, "-m", "studio.decoding.host"],
                    cwd=ROOT,
                    env=_environment(),
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    start_new_session=True,
                )
            ours.settimeout(START_WITHIN)
            self.control = ours
        return self.control

    def _end(self) -> None:
        if self.control is not None:
            self.control.close()
            self.control = None
        if self.program is not None:
            self.program.kill()
            self.program.wait()
            self.program = None


_host = _Host()
atexit.register(lambda: host().end())


def host() -> _Host:
    """Return this process's own: a fork of another has none yet."""
    global _host  # noqa: PLW0603 - one for each process
    if _host.pid != os.getpid():
        _host = _Host()
    return _host


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in KEPT_NAMES if name in os.environ}
    return kept | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def decode(
    task: str, source: IO[bytes], output: IO[bytes], *, limits: Limits, memory: int = 0, alive: Callable[[], object] = bool, **words: object
) -> dict[str, Any]:
    """What the task tells of this file; what it made is in `output`, which stands at its start. Both are files with a descriptor.

    `memory` is in bytes: it is taken from what all processes of this machine share. `alive` is called at least once and every second meanwhile. Raises Undecodable, DecoderBusy, or OSError where our own disk fails.
    """
    with _turn(host()), memory_budget.taken(memory):
        end = _run(task, source, output, limits=limits, alive=alive, words=words)
    _rewind(output)
    return _sorted_out(task, end)


@contextmanager
def _turn(mine: _Host) -> Iterator[None]:
    """One of this process's turns. Others wait for one, a few of them and not for long, since each holds a thread of the web server."""
    with mine.lock:
        if mine.waiting >= settings.DECODING_WAITING:
            raise DecoderBusy
        mine.waiting += 1
    try:
        is_ours = mine.turns.acquire(timeout=settings.DECODING_PATIENCE)
    finally:
        with mine.lock:
            mine.waiting -= 1
    if not is_ours:
        raise DecoderBusy
    try:
        yield
    finally:
        mine.turns.release()


def _run(task: str, source: IO[bytes], output: IO[bytes], *, limits: Limits, alive: Callable[[], object], words: dict[str, object]) -> dict[str, Any]:
    """The child's answer and how it ended, together. A host that has died meanwhile is started once more."""
    request = json.dumps({"task": task, "limits": asdict(limits), "words": words}).encode()
    source.flush()
    for _ in range(2):
        _rewind(source)
        ours, theirs = socket.socketpair()
        with ours:
            try:
                with theirs:
                    host().ask(request, [theirs.fileno(), source.fileno(), output.fileno()])
            except _HostGone:
                continue
            return _listen(ours, until=time.monotonic() + limits.clock + SLACK, alive=alive)
    log.error("the host of the decoders does not start")
    raise DecoderBusy


def _rewind(file: IO[bytes]) -> None:
    """Go to its start, in Python and in the system: the child shares its position, and Python keeps its own while that is in its buffer."""
    file.seek(0)
    os.lseek(file.fileno(), 0, os.SEEK_SET)


def _listen(ours: socket.socket, *, until: float, alive: Callable[[], object]) -> dict[str, Any]:
    """Both lines. Raises DecoderBusy where the host does not end its child."""
    heard = b""
    ours.settimeout(LISTEN)
    while len(heard) <= MOST_ANSWER:
        try:
            part = ours.recv(MOST_ANSWER)
        except TimeoutError:
            alive()
            if time.monotonic() > until:
                host().end()
                log.exception("the host of the decoders hung and was ended")
                raise DecoderBusy from None
            continue
        if not part:
            break
        heard += part
        alive()
    lines = [json.loads(line) for line in heard.splitlines() if line]
    if not lines or "code" not in lines[-1]:  # the host itself was ended, with all its children
        raise DecoderBusy
    return {**(lines[0] if len(lines) > 1 else {}), **lines[-1]}


def _sorted_out(task: str, end: dict[str, Any]) -> dict[str, Any]:
    """What the task told; otherwise the error that says what to do next."""
    if "told" in end:
        return dict(end["told"])
    if "refused" in end:
        raise Undecodable(end["refused"])
    if "exhausted" in end:
        raise Undecodable(TOO_MUCH_MEMORY)
    if end.get("errno"):
        if end["errno"] == errno.EFBIG:
            raise Undecodable(TOO_MUCH_MEMORY)
        raise OSError(end["errno"], os.strerror(end["errno"]))
    log.warning("decoding a file (%s) ended so: %s", task, end)
    if end["is_late"] or end["code"] == -signal.SIGKILL:  # by the clock, or by a system without memory: the file may be good
        raise DecoderBusy
    raise Undecodable(TOO_MUCH_TIME if end["code"] == -signal.SIGXCPU else DEAD)
