"""Runs the web server and the worker as children, and ends both with whichever stops first. Used by `manage.py run`.

Each child leads a session of its own, so Ctrl-C reaches only us; we tell the children, wait, and end what is left of their groups. If we are killed
outright, Linux tells the children for us.
"""

import errno
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO

from studio import disk
from studio.jobs import cluster, supervisor

LOOK_EVERY = 0.2  # seconds
START_WITHIN = 600.0  # seconds until the web server answers: a busy machine may need minutes, and a server that ended is noticed at once
SLOW = 60.0  # seconds until people are told that the start takes long
STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class CannotStart(Exception):
    """Something is in the way. Its text says what, and what to do."""


@dataclass(frozen=True, slots=True)
class Part:
    """One child: its name for people, its command, and the seconds it may take to stop."""

    name: str
    command: list[str]
    grace: float


def parts() -> list[Part]:
    """What the studio consists of."""
    python = sys.executable
    return [
        Part("web server", [python, "-m", "gunicorn", "-c", "python:studio.control.serving", "studio.wsgi"], 10.0),
        Part("worker", [python, "manage.py", "work"], supervisor.GRACE + 5.0),
    ]


def claim_folder(data_dir: Path) -> IO[str]:
    """An open file that nobody else in this folder holds; it is free again when we end, however we end. Raises CannotStart."""
    try:
        file = (data_dir / "run.lock").open("w")
    except OSError as error:
        trouble = disk.trouble_of(error)
        why = disk.explained(trouble, [data_dir]) if trouble else f"{data_dir} cannot be used: {error.strerror}."
        raise CannotStart(why) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise CannotStart(f"The studio already runs from {data_dir}. Stop it first, or name another folder in STUDIO_DATA_DIR.") from None
    return file


def claim_port(host: str, port: int) -> None:
    """Nothing, if the port is free. Raises CannotStart."""
    try:
        with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
            return
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CannotStart(f"Port {port} is taken by another program. Choose another one: PORT={port + 1} make run") from error
        raise CannotStart(f"The web server cannot listen on {host}, port {port}: {os.strerror(error.errno or 0)}.") from error


class Launcher:
    """Starts the parts, watches them, and stops them.

    The web server must answer within `patience` seconds; after `slow` seconds people are told that it is still starting.
    """

    def __init__(self, wanted: list[Part], *, folder: Path, environment: dict[str, str], patience: float = START_WITHIN, slow: float = SLOW) -> None:
        self.wanted, self.folder, self.environment, self.patience, self.slow = wanted, folder, environment, patience, slow
        self.children: list[tuple[Part, subprocess.Popen[bytes]]] = []
        self.told_to_stop = False

    def run(self, *, is_ready: Callable[[], bool], when_ready: Callable[[], None]) -> str:
        """Why it ended: an empty string when somebody asked for it, else a sentence. All children are gone then."""
        for number in STOP:
            signal.signal(number, self._told)
        try:
            for part in self.wanted:
                self.children.append((part, self._started(part)))
            return self._until_ready(is_ready, when_ready) or self._until_the_end()
        finally:
            self._end()

    def _told(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signal module's form
        self.told_to_stop = True

    def _started(self, part: Part) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - our own programs
            part.command,
            cwd=self.folder,
            env=self.environment,
            start_new_session=True,
            preexec_fn=cluster.die_with_parent,  # noqa: PLW1509 - we have one thread
        )

    def _until_ready(self, is_ready: Callable[[], bool], when_ready: Callable[[], None]) -> str:
        began, said = time.monotonic(), False
        while not (self.told_to_stop or is_ready()):
            if fallen := self._fallen():
                return fallen
            waited = time.monotonic() - began
            if waited > self.patience:
                return f"The web server did not answer within {self.patience:.0f} s."
            if waited > self.slow and not said:
                print(f"The web server has not answered for {self.slow:.0f} s. It is still starting.", file=sys.stderr)  # noqa: T201 - a person is looking
                said = True
            time.sleep(LOOK_EVERY)
        if not self.told_to_stop:
            when_ready()
        return ""

    def _until_the_end(self) -> str:
        while not self.told_to_stop:
            if fallen := self._fallen():
                return fallen
            time.sleep(LOOK_EVERY)
        return ""

    def _fallen(self) -> str:
        """The sentence about a child that stopped by itself."""
        ended = next(((part, child.returncode) for part, child in self.children if child.poll() is not None), None)
        return f"The {ended[0].name} stopped by itself (exit code {ended[1]}), so everything was stopped." if ended else ""

    def _end(self) -> None:
        """SIGTERM to each child, its time to finish, then the end of its group; and of a cluster that a fallen worker left behind."""
        for _, child in self.children:
            child.terminate()
        for part, child in self.children:
            try:
                child.wait(part.grace)
            except subprocess.TimeoutExpired:
                print(f"The {part.name} did not stop within {part.grace:.0f} s and was killed.", file=sys.stderr)  # noqa: T201 - a person is looking
            cluster.end_group(child.pid)
            child.wait()
        for group in cluster.orphans(of=cluster.mark()):
            cluster.end_group(group)
