"""`make run` as real processes: it starts everything, stops everything, and leaves nothing behind even if it is killed."""

import os
import signal
from pathlib import Path
from urllib.request import urlopen

from tests.installation import Installation, installed
from tests.time_limits import eventually


def descendants(pid: int) -> set[int]:
    """A process and all that it started, and they."""
    children: dict[int, set[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        children.setdefault(parent, set()).add(int(entry.name))
    found = {pid}
    while more := {child for parent in found for child in children.get(parent, ())} - found:
        found |= more
    return found


def is_alive(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def main_pid(studio: Installation) -> int:
    assert studio.process is not None
    return studio.process.pid


def test_it_starts_everything_says_where_and_stops_everything(tmp_path: Path):
    with installed(tmp_path) as studio:
        with urlopen(studio.sign_in_link().replace("localhost", "127.0.0.1")) as page:  # noqa: S310 - our own
            assert page.status == 200
        eventually(lambda: len(studio.cluster_pids()) > 3, within=20)
        family = descendants(main_pid(studio))
        assert len(family) > 8
        assert "already runs from" in studio.manage("run", check=False)

        code = studio.stop()

    assert code == 0
    assert studio.lines[-1] == "Stopped."
    assert not [pid for pid in family if is_alive(pid)]


def test_a_launcher_that_is_killed_outright_leaves_nothing_behind(tmp_path: Path):
    with installed(tmp_path) as studio:
        eventually(lambda: len(studio.cluster_pids()) > 3, within=20)
        family = descendants(main_pid(studio))

        os.kill(main_pid(studio), signal.SIGKILL)

        eventually(lambda: not [pid for pid in family if is_alive(pid)] and "gone", within=40)
        assert studio.process is not None
        studio.process.wait()
        studio.process = None
