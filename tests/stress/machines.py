"""The processes of an installation, started and ended one by one: the web server, workers with their clusters, and people inside."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from studio.jobs.supervisor import GRACE
from tests.installation import ROOT, Installation
from tests.time_limits import eventually, scaled

WORKERS = 4  # of each cluster, which is the default


class Inside:
    """A process inside the installation that answers calls; see inside.py."""

    def __init__(self, studio: Installation) -> None:
        command = [sys.executable, "manage.py", "shell", "-v", "0", "-c", "from tests.stress.inside import serve; serve()"]
        self.process = subprocess.Popen(command, cwd=ROOT, env=studio.environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.turn = threading.Lock()

    def call(self, name: str, **given: object) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with self.turn:
            self.process.stdin.write(json.dumps([name, given]) + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        assert answer, f"{name} ended the process inside"
        return json.loads(answer)

    def close(self) -> None:
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()
        self.process.wait(scaled(30))


class Web:
    """The web server, sandbox included."""

    def __init__(self, studio: Installation) -> None:
        self.studio = studio
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self.process = self.studio.spawn(sys.executable, "-m", "gunicorn", "-c", "python:studio.control.serving", "studio.wsgi")
        eventually(self._answers, within=60)

    def _answers(self) -> bool:
        with suppress(URLError, OSError), urlopen(f"{self.studio.address}/healthz", timeout=5) as answer:  # noqa: S310 - our own
            return bool(answer.status == 200)
        return False

    def stop(self) -> None:
        assert self.process is not None
        self.process.terminate()
        self.process.wait(scaled(30))

    def restart(self) -> None:
        self.stop()
        self.start()

    def kill_one(self, chance: random.Random) -> None:
        """One of its worker processes dies with all requests that it was answering."""
        assert self.process is not None
        if children := children_of(self.process.pid):
            struck(chance.choice(children), signal.SIGKILL)


class Worker:
    """One `manage.py work` with the cluster under it."""

    def __init__(self, studio: Installation, name: str) -> None:
        self.studio, self.name = studio, name
        self.supervisor: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self.supervisor = self.studio.spawn(sys.executable, "manage.py", "work", STUDIO_CLUSTER_NAME=self.name)

    def stop(self) -> None:
        if self.supervisor is not None:
            self.supervisor.terminate()
            self.supervisor.wait(GRACE + scaled(30))

    def restart(self, number: signal.Signals) -> None:
        """The supervisor ends with this signal, and somebody starts it again."""
        assert self.supervisor is not None
        struck(self.supervisor.pid, number)
        self.supervisor.wait(GRACE + scaled(30))
        self.start()

    def group(self) -> int:
        """The process group of the cluster; 0 while there is none."""
        try:
            group = int((self.studio.folder / f"cluster-{self.name}.pid").read_text())
        except (FileNotFoundError, ValueError):
            return 0
        return group if Path(f"/proc/{group}").exists() else 0

    def member(self, role: str, chance: random.Random) -> int:
        """The process in this role, or 0. A cluster starts its workers first, then the monitor, then the pusher."""
        main = self.group()
        sentinels = children_of(main) if main else []
        if role == "main" or not sentinels:
            return main if role == "main" else 0
        if role == "sentinel":
            return sentinels[0]
        members = sorted(children_of(sentinels[0]))
        if len(members) < WORKERS + 2:
            return 0
        places = {"monitor": WORKERS, "pusher": WORKERS + 1}
        return chance.choice(members[:WORKERS]) if role == "worker" else members[places[role]]


def children_of(parent: int) -> list[int]:
    """The living children of a process."""
    try:
        tasks = list(Path(f"/proc/{parent}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return []


def struck(pid: int, number: signal.Signals) -> bool:
    """Whether the signal reached the process; there is none with the number 0."""
    with suppress(ProcessLookupError):
        if pid == 0:
            return False
        os.kill(pid, number)
        return True
    return False


def stalled(pid: int, seconds: float) -> bool:
    """Whether there was such a process; it stands still for a while."""
    if not struck(pid, signal.SIGSTOP):
        return False
    time.sleep(seconds)  # waits for other processes, never for our own code
    struck(pid, signal.SIGCONT)
    return True


@contextmanager
def people(studio: Installation, count: int) -> Iterator[list[Inside]]:
    """So many processes inside."""
    made = [Inside(studio) for _ in range(count)]
    try:
        yield made
    finally:
        for one in made:
            one.close()
