"""Every management command prints under any locale: a sign that its charset does not have is replaced, and the command does its work."""

import importlib
import io
import os
import pkgutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

import studio
from studio import command_line
from studio.accounts.models import User
from studio.credits import ledger
from studio.projects.models import Project
from studio.routing.models import Connection
from tests.control.conftest import KEY

ROOT = Path(__file__).parent.parent.parent
CHARSETS = ("ascii", "latin-1", "cp1251", "utf-8")
# The plugin for templates' variables fails Django's own checks, which would be all that a command prints: they are skipped.
# How each command is called here: so that it prints what people named. Those that run until they are stopped print their help.
CALLS: dict[str, list[list[str]]] = {
    "audit": [["verify"]],
    "backup": [["{folder}/studio-{charset}.tar"]],
    "connection": [["list"], ["off", "Город • 東京"], ["check", "Город • 東京"], ["add", "x", "--label", "Ω", "--key-env", "NOTHING"]],
    "credits": [["statement", "alice@example.org"], ["verify"], ["export", "2026-01-01", "2030-01-01"], ["allowance", "list"], ["statement", "жук@example.org"]],
    "doctor": [[]],
    "recheck": [[], ["--project", "Ж"]],
    "run": [["--help"]],
    "setup": [["--help"]],
    "sign_in_link": [["alice@example.org"], ["жук@example.org"]],
    "smoke": [["--help"], ["--connection", "東京"]],
    "work": [["--help"]],
}  # fmt: skip


def commands() -> set[str]:
    """The management commands of all our apps."""
    found = set()
    for app in pkgutil.iter_modules(studio.__path__):
        folder = Path(studio.__path__[0]) / app.name / "management" / "commands"
        found |= {name for _, name, _ in pkgutil.iter_modules([str(folder)])} if folder.is_dir() else set()
    return found


def test_every_command_is_called_below():
    assert set(CALLS) == commands()


@pytest.fixture
def _people_and_their_words(transactional_db: None, tide: Project, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(name="Алиса 東京 🎬")
    ledger.grant(alice, 38_500, key="one", reason="Для фильма — 東京 🎬", actor=None)
    ledger.hold(alice, 1_500, reference="two", reason="TIDE-001")
    ledger.settle("two", 1_500)
    connection = Connection(provider="xai", label="Город • 東京", base_url="https://127.0.0.1")
    connection.set_key(KEY)
    connection.save()


@pytest.mark.usefixtures("_people_and_their_words")
@pytest.mark.parametrize("charset", CHARSETS)
@pytest.mark.parametrize("command", CALLS)
def test_a_command_prints_under_any_locale(command: str, charset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for words in CALLS[command]:
        printed = io.TextIOWrapper(io.BytesIO(), encoding=charset)
        monkeypatch.setattr(sys, "stdout", printed)
        monkeypatch.setattr(sys, "stderr", printed)
        with suppress(SystemExit):  # its help, or a sentence about what it could not do
            command_line.run(["manage.py", command, "--skip-checks", *(word.format(folder=tmp_path, charset=charset) for word in words)])
        printed.flush()
        assert printed.buffer.getvalue() or words == ["allowance", "list"], words


def test_every_program_of_the_command_line_goes_through_the_one_place():
    manage = (Path(studio.__path__[0]).parent / "manage.py").read_text()

    assert "command_line" in manage
    assert importlib.import_module("studio.command_line").run.__doc__


def test_a_reader_that_has_enough_ends_a_command_without_a_traceback(tmp_path: Path):
    environment = {"PATH": os.environ["PATH"], "STUDIO_LOCAL": "1", "STUDIO_DATA_DIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [sys.executable, "manage.py", "help"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as command:
        assert command.stdout
        assert command.stderr
        command.stdout.close()
        assert command.stderr.read() == ""

    assert command.returncode == 1
