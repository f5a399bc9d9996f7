"""What our management commands print: nothing that a terminal obeys, whoever wrote it."""

import io
import re
import subprocess
import sys
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command, get_commands, load_command_class
from django.utils import timezone

from studio import command_line
from studio.accounts.models import AuditEvent, User
from studio.commands import PlainOutput, StudioCommand
from studio.credits.actions import give
from studio.credits.models import Allowance
from studio.projects.models import Project
from studio.routing.models import Connection
from tests.control.conftest import working as working  # noqa: PLC0414 - a fixture

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202elrow\u2066"
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
OURS = sorted(name for name, app in get_commands().items() if str(app).startswith("studio"))


def printed(*words: str) -> str:
    """Everything that a command says, whether it ends well or not."""
    out = io.StringIO()
    try:
        call_command(*words, stdout=out, stderr=out)
    except CommandError as error:
        PlainOutput(out).write(str(error))  # as run_from_argv does
    except SystemExit:
        pass
    return out.getvalue()


@pytest.fixture
def hostile_rows(ada: User, alice: User, xai: Connection, tide: Project) -> None:
    """Names, labels and reasons as they could be kept before forms cleaned them."""
    User.objects.update(name=f"N{EVIL}")
    give(alice, 5_000, key="one", reason=f"R{EVIL}\nsecond line", by=ada)
    Connection.objects.filter(pk=xai.pk).update(label=f"L{EVIL}", paused_reason=f"P{EVIL}", enabled=False)
    Project.objects.update(name=f"T{EVIL}")
    Allowance.objects.create(user=alice, amount=1_000, period="month", starts_on=timezone.now().date() + timedelta(days=40))
    AuditEvent.record("project.renamed", f"S{EVIL}", actor=ada)


@pytest.mark.parametrize("name", OURS)
def test_every_command_of_ours_prints_through_the_same_base(name: str):
    command = load_command_class(get_commands()[name], name)

    assert isinstance(command, StudioCommand)
    assert isinstance(command.stdout, PlainOutput)
    assert isinstance(command.stderr, PlainOutput)


@pytest.mark.usefixtures("hostile_rows")
@pytest.mark.parametrize(
    ("words", "seen"),
    [
        ("credits statement alice@example.org", "R\\x1b]0;owned\\x07"),
        ("credits allowance list", "a month"),
        ("credits verify", "Clean"),
        ("connection list", "L\\x1b]0"),
        ("connection on nothing", "L\\x1b]0"),
        ("connection check nothing", "L\\x1b]0"),
        ("audit verify", "as it was written"),
        ("recheck", "0 clips"),
        ("doctor", "."),
        ("smoke", "is on"),
        ("sign_in_link nobody@example.org", "nobody@example.org"),
    ],
)
def test_rows_with_control_characters_are_printed_as_numbers(words: str, seen: str):
    said = printed(*words.split())

    assert seen in said
    assert not OBEYED.search(said)


@pytest.mark.usefixtures("hostile_rows", "working")
def test_a_connection_that_smoke_cannot_use_is_named_without_escapes(xai: Connection):
    Connection.objects.filter(pk=xai.pk).update(enabled=True, provider="xai")

    said = printed("smoke", "--seconds", "0")

    assert "L\\x1b]0;owned" in said
    assert not OBEYED.search(said)


@pytest.mark.usefixtures("hostile_rows")
def test_a_statement_has_one_line_for_each_movement():
    assert len(printed("credits", "statement", "alice@example.org").splitlines()) == 2


@pytest.mark.usefixtures("hostile_rows")
def test_an_export_keeps_the_mark_and_line_ends_of_csv():
    today = timezone.now().date().isoformat()

    said = printed("credits", "export", today, today)

    assert said.startswith("\ufeff")
    assert "\\ufeff" not in said
    assert said.endswith("\r\n")
    assert not OBEYED.search(said.replace("\r\n", ""))


class Speaking(StudioCommand):
    """Says what it is told to, in every way a command can."""

    def handle(self, *args: object, **options: object) -> str:
        self.stdout.write(self.style.SUCCESS(f"out {EVIL}"))
        self.stderr.write(f"err {EVIL}")
        return f"returned {EVIL}"


def test_colours_are_the_commands_own_and_no_text_brings_any():
    out, err = io.StringIO(), io.StringIO()

    call_command(Speaking(force_color=True), stdout=out, stderr=err, skip_checks=True)
    PlainOutput(out).write("mine", lambda text: f"\x1b[1m{text}\x1b[0m")

    *said, mine, reset = out.getvalue().splitlines()
    assert [mine, reset] == ["\x1b[1mmine", "\x1b[0m"]
    assert [line[:4] for line in said] == ["out ", "retu"]
    assert not OBEYED.search("".join(said) + err.getvalue().strip())


def test_the_error_that_ends_a_command_is_printed_without_escapes(capsys: pytest.CaptureFixture[str]):
    error = ValueError(f"row {EVIL}")

    command_line.show(ValueError, error, None)

    assert "ValueError: row \\x1b]0;owned" in capsys.readouterr().err


def test_a_command_error_on_a_terminal_is_printed_without_escapes(tmp_path: Path):
    root = Path(__file__).parent.parent
    ran = subprocess.run(
        [sys.executable, "manage.py", "connection", "add", f"nobody{EVIL}", "--label", uuid.uuid4().hex, "--key-env", "PATH"],
        cwd=root,
        env={"STUDIO_LOCAL": "1", "STUDIO_DATA_DIR": str(tmp_path), "PATH": "/bin"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 1
    assert "There is no provider nobody\\x1b]0;owned" in ran.stderr
    assert not OBEYED.search(ran.stderr)
