"""A whole installation of its own: web, worker and sandbox as an operator starts them, with a database and files of their own."""

import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg

from studio.jobs.cluster import die_with_parent
from studio.jobs.supervisor import GRACE
from tests.time_limits import eventually, scaled

ROOT = Path(__file__).parent.parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Installation:
    """One running installation. `lines` is what it printed."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.folder = folder
        self.lines: list[str] = []
        self.process: subprocess.Popen[str] | None = None
        self._asked: subprocess.Popen[str] | None = None
        self._one_asks = threading.Lock()
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("STUDIO_", "DJANGO_"))},
            "STUDIO_LOCAL": "1",
            "STUDIO_DATA_DIR": str(folder),
            "STUDIO_CLUSTER_NAME": f"test-{uuid4().hex[:8]}",
            "PORT": str(self.port),
            "PYTHONUNBUFFERED": "1",
            **settings,
        }
        for name in ("STUDIO_DATABASE_URL", "STUDIO_BROKER_URL"):
            if name in os.environ:
                self.environment[name] = os.environ[name]

    def manage(self, *arguments: str, check: bool = True) -> str:
        """What a management command printed."""
        done = subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False)
        if check and done.returncode:
            raise AssertionError(f"manage.py {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def ask(self, code: str) -> str:
        """What a line of Python prints inside the installation."""
        with self._one_asks:
            if self._asked is None or self._asked.poll() is not None:
                command = [sys.executable, "-m", "tests.asked"]
                self._asked = subprocess.Popen(
                    command,
                    cwd=ROOT,
                    env=self.environment,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    preexec_fn=die_with_parent,  # noqa: PLW1509 - it calls one function of the C library
                )
            assert self._asked.stdin
            assert self._asked.stdout
            self._asked.stdin.write(json.dumps(code) + "\n")
            self._asked.stdin.flush()
            went_well, told = json.loads(self._asked.stdout.readline() or '[false, "it died"]')
        assert went_well, f"{code}\n{told}"
        return str(told).strip()

    def end_asking(self) -> None:
        """Nobody asks any more."""
        if self._asked is not None:
            self._asked.communicate(timeout=scaled(20))
            self._asked = None

    def start(self) -> None:
        self.lines.clear()  # of an earlier start, which would be taken for this one's
        # From the test's own thread: the signal comes when the thread that started the process is gone.
        self.process = self.spawn(sys.executable, "manage.py", "run", preexec_fn=die_with_parent)
        eventually(lambda: any("The studio runs at" in line for line in self.lines) or self._died(), within=90)

    def spawn(self, *command: str, preexec_fn: Callable[[], None] | None = None, **settings: str) -> "subprocess.Popen[str]":
        """One more process of this installation, in a group of its own; what it prints becomes `lines` too."""
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**self.environment, **settings},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=preexec_fn,  # noqa: PLW1509 - die_with_parent calls one function of the C library
        )
        threading.Thread(target=self._listen, args=(process,), daemon=True).start()
        return process

    def sign_in_link(self) -> str:
        """A fresh one, of the first admin. What was printed at the start holds none, because it is no terminal."""
        found: list[str] = re.findall(r"https?://\S+/in/\S+", self.manage("sign_in_link"))
        return found[-1]

    def stop(self) -> int:
        """Its exit code after a Ctrl-C."""
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(GRACE + scaled(30))
        self.process = None
        return code

    def cluster_pids(self, name: str = "") -> list[int]:
        """The processes of its cluster (or of the one of this name, where it has several), main process first."""
        group = int((self.folder / f"cluster-{name or self.environment['STUDIO_CLUSTER_NAME']}.pid").read_text())
        return sorted(pid for pid in (int(entry.name) for entry in Path("/proc").glob("[0-9]*")) if _group_of(pid) == group)

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                self.lines.append(line.rstrip())

    def _died(self) -> str:
        if self.process is not None and self.process.poll() is not None:
            raise AssertionError("it stopped while starting:\n" + "\n".join(self.lines))
        return ""


def _group_of(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None


@contextmanager
def installed(folder: Path, **settings: str) -> Iterator[Installation]:
    """A running installation; on PostgreSQL with a database of its own."""
    with not_started(folder, **settings) as installation:
        installation.start()
        try:
            yield installation
        finally:
            installation.stop()


@contextmanager
def not_started(folder: Path, **settings: str) -> Iterator[Installation]:
    """The same before anything of it runs: whoever wants its parts one by one starts and ends them."""
    with _own_database(folder) as database:
        installation = Installation(folder, **settings)
        if database:
            installation.environment["STUDIO_DATABASE_URL"] = database
        try:
            yield installation
        finally:
            installation.end_asking()


@contextmanager
def _own_database(folder: Path) -> Iterator[str]:
    """The address of a PostgreSQL database, empty on SQLite; in either, every table is there, since making them takes longer than most stories."""
    server = os.environ.get("STUDIO_DATABASE_URL", "")
    if not server.startswith("postgres"):
        shutil.copyfile(with_tables(""), folder / "studio.sqlite3")
        yield ""
        return
    name = f"studio_{uuid4().hex[:12]}"
    template = with_tables(server)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    try:
        yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def with_tables(server: str) -> str:
    """A database in which this code's migrations have run, made once: the name of one at this server, or the path of a SQLite file."""
    digest = hashlib.sha256(
        b"".join(path.read_bytes() for path in sorted([*ROOT.glob("studio/*/migrations/*.py"), *ROOT.glob("studio/gallery/triggers*")]))
    )
    own = Path(tempfile.gettempdir()) / f"studio-tests-{os.getuid()}"
    own.mkdir(parents=True, exist_ok=True)
    name, file = f"tables_{digest.hexdigest()[:12]}", own / f"tables-{digest.hexdigest()[:12]}.sqlite3"
    with (own / "tables.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not server:
            if not file.exists():
                with tempfile.TemporaryDirectory(dir=own) as folder:
                    _migrate(Path(folder), "")
                    with closing(sqlite3.connect(f"{folder}/studio.sqlite3")) as database:
                        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                    Path(f"{folder}/studio.sqlite3").rename(file)
            return str(file)
        with psycopg.connect(server, autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                connection.execute(f'CREATE DATABASE "{name}_new"')
                with tempfile.TemporaryDirectory(dir=own) as folder:
                    _migrate(Path(folder), urlunsplit(urlsplit(server)._replace(path=f"/{name}_new")))
                connection.execute(f'ALTER DATABASE "{name}_new" RENAME TO "{name}"')
        return name


def _migrate(folder: Path, database: str) -> None:
    installation = Installation(folder)
    if database:
        installation.environment["STUDIO_DATABASE_URL"] = database
    installation.manage("migrate", "-v", "0")
