"""The studio's real processes beside a benchmark, on the test database: the worker as an operator starts it, and the web."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import httpx
from django.db import connection as database

from tests.installation import ROOT, free_port
from tests.time_limits import eventually


def environment(folder: Path, served: str, **more: str) -> dict[str, str]:
    """Settings for a process on this test's database that may reach the served provider."""
    name = str(database.settings_dict["NAME"])
    server = os.environ.get("STUDIO_DATABASE_URL", "")
    address = f"sqlite:///{name}" if database.vendor == "sqlite" else urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    return {
        **{key: value for key, value in os.environ.items() if not key.startswith("DJANGO_")},
        "STUDIO_DATABASE_URL": address,
        "STUDIO_DATA_DIR": str(folder),
        "STUDIO_CLUSTER_NAME": f"bench-{uuid4().hex[:8]}",
        "STUDIO_ALLOW_PRIVATE_HOSTS": served,
        "STUDIO_SANDBOX": "0",
        "STUDIO_LOG_LEVEL": "ERROR",
        **more,
    }


@contextmanager
def working(folder: Path, served: str, **more: str) -> Iterator[dict[str, str]]:
    """`manage.py work`, until the block ends; its environment."""
    own = environment(folder, served, **more)
    (folder / "static").mkdir(exist_ok=True)
    process = subprocess.Popen([sys.executable, "manage.py", "work"], cwd=ROOT, env=own)
    try:
        yield own
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


@contextmanager
def clustered(own: dict[str, str]) -> Iterator[None]:
    """The bare cluster of django-q2 with the worker's settings, and nothing that feeds it, until the block ends."""
    process = subprocess.Popen([sys.executable, "manage.py", "qcluster"], cwd=ROOT, env=own)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


@contextmanager
def web(own: dict[str, str]) -> Iterator[str]:
    """The web server of the same installation, until the block ends; its address. It feeds the same queue."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "-c", "python:studio.control.serving", "studio.wsgi"]
    process = subprocess.Popen(command, cwd=ROOT, env={**own, "PORT": str(port)})
    address = f"http://127.0.0.1:{port}"
    try:
        eventually(lambda: _lives(address), within=30)
        yield address
    finally:
        process.terminate()
        process.wait(30)


def _lives(address: str) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(f"{address}/healthz", timeout=5, trust_env=False).is_success
    return False


def workers(own: dict[str, str]) -> dict[int, tuple[float, float]]:
    """The processes of the cluster: RSS and PSS in MB, by process id."""
    group = int((Path(own["STUDIO_DATA_DIR"]) / f"cluster-{own['STUDIO_CLUSTER_NAME']}.pid").read_text())
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if os.getpgid(int(entry.name)) == group:
                figures = dict(line.split(":") for line in (entry / "smaps_rollup").read_text().splitlines()[1:])
                found[int(entry.name)] = (int(figures["Rss"].split()[0]) / 1000, int(figures["Pss"].split()[0]) / 1000)
    return found
