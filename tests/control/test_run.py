"""`make run`: it says why it cannot start, where it runs, and leaves nothing behind."""

import os
import runpy
import signal
import socket
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from studio.accounts.models import AccessLink, User
from studio.control import launcher
from studio.control.healthcheck import web_answers
from studio.control.launcher import Launcher, Part
from studio.control.management.commands.run import Command
from studio.jobs import supervisor
from tests.control.conftest import Command as Run
from tests.control.conftest import refused
from tests.installation import free_port

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]
STUBBORN = [sys.executable, "-c", "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"]
FALLEN = [sys.executable, "-c", "raise SystemExit(3)"]


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """A launcher takes the signals of its process; the tests take them back."""
    before = {number: signal.getsignal(number) for number in launcher.STOP}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def started(tmp_path: Path, *parts: Part, patience: float = 60.0, slow: float = 60.0) -> Launcher:
    return Launcher(list(parts), folder=tmp_path, environment=dict(os.environ), patience=patience, slow=slow)


def nobody_left(studio: Launcher) -> bool:
    return all(child.poll() is not None for _, child in studio.children)


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_taken_port_is_said_with_the_way_round_it(command: Run, settings: Settings, taken: int):
    settings.PORT = taken

    with refused(f"Port {taken} is taken by another program. Choose another one: PORT={taken + 1} make run"):
        command("run")


def test_an_address_that_is_not_this_machines_is_said(settings: Settings, command: Run):
    settings.BIND = "192.0.2.1"

    with refused("The web server cannot listen on 192.0.2.1, port"):
        command("run")


def test_a_second_start_from_one_folder_is_refused(command: Run, settings: Settings, tmp_path: Path):
    with launcher.claim_folder(tmp_path), refused("The studio already runs from"):
        command("run")


def test_a_free_port_is_free_again_after_it_was_looked_at():
    port = free_port()

    launcher.claim_port("127.0.0.1", port)
    launcher.claim_port("127.0.0.1", port)

    assert not web_answers("127.0.0.1", port)


def test_a_part_that_stops_by_itself_stops_the_others_and_is_named(tmp_path: Path):
    studio = started(tmp_path, Part("web server", SLEEPER, 5), Part("worker", FALLEN, 5))

    trouble = studio.run(is_ready=lambda: True, when_ready=lambda: None)

    assert trouble == "The worker stopped by itself (exit code 3), so everything was stopped."
    assert nobody_left(studio)


def test_a_part_that_falls_while_starting_is_named_and_no_address_is_printed(tmp_path: Path):
    said: list[str] = []
    studio = started(tmp_path, Part("web server", FALLEN, 5))

    trouble = studio.run(is_ready=lambda: False, when_ready=lambda: said.append("ready"))

    assert trouble.startswith("The web server stopped by itself (exit code 3)")
    assert said == []


def test_a_web_server_that_never_answers_is_given_up(tmp_path: Path):
    studio = started(tmp_path, Part("web server", SLEEPER, 5), patience=0.0)

    assert studio.run(is_ready=lambda: False, when_ready=lambda: None) == "The web server did not answer within 0 s."
    assert nobody_left(studio)


def test_a_web_server_that_starts_slowly_is_waited_for_and_people_are_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    studio = started(tmp_path, Part("web server", SLEEPER, 5), slow=0.0)
    answers = iter([False, False, False, True])

    trouble = studio.run(is_ready=lambda: next(answers), when_ready=lambda: os.kill(os.getpid(), signal.SIGTERM))

    assert trouble == ""
    assert capsys.readouterr().err == "The web server has not answered for 0 s. It is still starting.\n"


@pytest.mark.parametrize("number", launcher.STOP)
def test_a_signal_stops_everything_and_is_no_trouble(number: signal.Signals, tmp_path: Path):
    studio = started(tmp_path, Part("web server", SLEEPER, 5), Part("worker", SLEEPER, 5))

    assert studio.run(is_ready=lambda: True, when_ready=lambda: os.kill(os.getpid(), number)) == ""
    assert nobody_left(studio)


def test_a_part_that_does_not_stop_in_its_time_is_killed(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    studio = started(tmp_path, Part("worker", STUBBORN, 0.2))
    heard = ""

    def is_deaf() -> bool:
        nonlocal heard
        heard += capfd.readouterr().out
        return "deaf" in heard

    studio.run(is_ready=is_deaf, when_ready=lambda: os.kill(os.getpid(), signal.SIGTERM))

    assert "The worker did not stop within 0 s and was killed." in capfd.readouterr().err
    assert nobody_left(studio)


def test_a_terminal_is_told_where_it_runs_with_a_link_that_signs_the_admin_in_once(ada: User, settings: Settings):
    settings.SITE_URL = "http://testserver"
    reader, writer = os.openpty()
    with os.fdopen(writer, "w") as terminal:
        Command(stdout=terminal)._say_where()
        printed = os.read(reader, 4096).decode().replace("\r\n", "\n")
    os.close(reader)

    assert "The studio runs at http://testserver\nSign in as ada@example.org, once, with http://testserver/in/" in printed
    assert AccessLink.objects.get().user == ada


def test_a_log_gets_no_link_but_the_command_that_makes_one(ada: User, settings: Settings):
    printed = StringIO()

    Command(stdout=printed)._say_where()

    assert "/in/" not in printed.getvalue()
    assert "To sign in as ada@example.org, make a link that works once: python manage.py sign_in_link" in printed.getvalue()
    assert not AccessLink.objects.exists()


def test_without_an_admin_it_only_says_where_it_runs(db: None):
    printed = StringIO()

    Command(stdout=printed)._say_where()

    assert "The studio runs at" in printed.getvalue()
    assert "Sign in" not in printed.getvalue()


def test_the_parts_are_gunicorn_and_the_worker_with_their_times_to_stop():
    assert [(part.name, part.command[-1], part.grace) for part in launcher.parts()] == [
        ("web server", "studio.wsgi", 10),
        ("worker", "work", supervisor.GRACE + 5),
    ]


@pytest.mark.parametrize(
    ("environment", "bind"), [({}, "127.0.0.1:8000"), ({"PORT": "81"}, "127.0.0.1:81"), ({"STUDIO_PORT": "82", "STUDIO_BIND": "::1"}, "[::1]:82")]
)
def test_gunicorn_listens_where_the_settings_say(environment: dict[str, str], bind: str, monkeypatch: pytest.MonkeyPatch):
    for name in ("PORT", "STUDIO_PORT", "STUDIO_BIND"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert runpy.run_module("studio.control.serving")["bind"] == bind
