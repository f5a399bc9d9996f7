"""`manage.py credits`: what a script can do with credits, and what it is told."""

import csv
import os
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from studio.accounts.models import AuditEvent, User
from studio.accounts.sheets import MARK, safe_cell
from studio.credits.exports import COLUMNS
from studio.credits.ledger import account_of, hold, settle
from studio.credits.limit_actions import add_allowance
from studio.credits.models import Account
from tests.control.conftest import Command, refused
from tests.installation import with_tables


def balance(user: User) -> int:
    return account_of(user).balance


def test_credits_are_granted_to_somebody_however_the_address_is_written(command: Command, alice: User):
    printed = command("credits", "grant", "Alice@Example.org", "1,000.5", "--reason", "For the trailer")

    assert printed == "Granted 1,000.5 credits. alice@example.org has 1,000.5.\n"
    assert balance(alice) == 1_000_500
    event = AuditEvent.objects.get()
    assert (event.action, event.actor, event.reason) == ("credits.granted", None, "For the trailer")


def test_credits_that_are_free_are_taken_back(command: Command, alice: User):
    command("credits", "grant", alice.email, "100", "--reason", "For the trailer")

    assert command("credits", "take", alice.email, "40", "--reason", "Too many") == "Took 40 credits. alice@example.org has 60.\n"


def test_a_key_that_is_given_twice_moves_once(command: Command, alice: User):
    words = ("credits", "grant", alice.email, "100", "--reason", "November", "--key", "allowance-2026-11")
    command(*words)

    assert command(*words) == "Moved before, not again: 100 credits. alice@example.org has 100.\n"
    assert balance(alice) == 100_000


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("grant", "nobody@example.org", "5", "--reason", "x"), "Nobody has the e-mail address nobody@example.org."),
        (("grant", "alice@example.org", "many", "--reason", "x"), "Use digits only"),
        (("grant", "alice@example.org", "0", "--reason", "x"), "more than 0"),
        (("take", "alice@example.org", "−5", "--reason", "x"), "more than 0"),
        (("grant", "alice@example.org", "5"), "required: --reason"),
        (("grant", "alice@example.org", "5", "--reason", " "), "A reason has 1 to 300 characters."),
        (("grant", "alice@example.org", "38,5", "--reason", "x"), "A comma separates thousands"),
        (("grant", "alice@example.org", "0.0001", "--reason", "x"), "at most 3 decimals"),
        (("grant", "alice@example.org", "99999999999", "--reason", "x"), "At most 1,000,000,000 credits"),
        (("grant", "alice@example.org", "5", "--reason", "x" * 301), "A reason has 1 to 300 characters."),
        (("grant", "alice@example.org", "5", "--reason", "x", "--key", "k" * 81), "1 to 80 characters, not 81"),
        (("take", "alice@example.org", "5", "--reason", "x"), "alice@example.org has 0 credits that can be taken; the rest is held or not there."),
        (("statement", "nobody@example.org"), "Nobody has the e-mail address"),
        (("statement", "alice@example.org", "--newest", "-3"), "-3 is not a number of movements, such as 50."),
        (("statement", "alice@example.org", "--newest", "many"), "many is not a number of movements"),
    ],
)
def test_what_cannot_be_done_is_said_and_moves_nothing(words: tuple[str, ...], complaint: str, command: Command, alice: User):
    with refused(complaint):
        command("credits", *words)

    assert balance(alice) == 0


def test_somebody_who_left_is_given_nothing_but_may_be_taken_from(command: Command, alice: User):
    command("credits", "grant", alice.email, "100", "--reason", "Start")
    alice.last_login = timezone.now()
    alice.is_active = False
    alice.save()

    with refused("alice@example.org is no longer active and cannot be given credits."):
        command("credits", "grant", alice.email, "5", "--reason", "x")

    assert command("credits", "take", alice.email, "100", "--reason", "Left") == "Took 100 credits. alice@example.org has 0.\n"


def test_a_terminal_obeys_nothing_that_people_wrote(command: Command, alice: User):
    command("credits", "grant", alice.email, "5", "--reason", "Asked for: \x1b[2Jall is well\rno")

    printed = command("credits", "statement", alice.email)

    assert "\x1b" not in printed
    assert "\r" not in printed
    assert "all is well" in printed


def test_a_reader_who_has_read_enough_is_no_trouble(alice: User, settings: Settings):
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "manage.py", "credits", "export", "2026-11-01", "2026-11-30"]
    environment = {**os.environ, "STUDIO_LOCAL": "1", "STUDIO_DATA_DIR": str(settings.DATA_DIR)}
    environment.pop("STUDIO_DATABASE_URL", None)
    shutil.copyfile(with_tables(""), settings.DATA_DIR / "studio.sqlite3")
    ended = subprocess.run(command, cwd=settings.BASE_DIR, env=environment, stdout=writer, stderr=subprocess.PIPE, check=False, text=True)
    os.close(writer)

    assert (ended.returncode, ended.stderr) == (1, "")


def test_a_statement_tells_the_balance_what_is_held_and_every_movement(command: Command, alice: User):
    command("credits", "grant", alice.email, "100", "--reason", "For the trailer")
    command("credits", "take", alice.email, "10", "--reason", "Too many")
    hold(alice, 5_000, reference="TIDE-001")

    lines = command("credits", "statement", alice.email).splitlines()

    assert lines[0] == "alice@example.org: 90 credits, of which 5 are held."
    assert lines[1].endswith("−10  Too many")
    assert lines[2].endswith("100  For the trailer")
    assert len(command("credits", "statement", alice.email, "--newest", "1").splitlines()) == 2


def test_clean_books_are_called_clean_with_their_counts(command: Command, alice: User):
    command("credits", "grant", alice.email, "100", "--reason", "For the trailer")

    assert command("credits", "verify") == "Clean: 1 entries and 0 holds, 0 of them open.\n"


def test_books_that_do_not_add_up_are_an_error(command: Command, alice: User):
    command("credits", "grant", alice.email, "100", "--reason", "For the trailer")
    Account.objects.update(balance=99_000)

    with refused("1 violation"):
        command("credits", "verify")


def test_a_hold_for_nothing_is_an_error_too(command: Command, alice: User):
    command("credits", "grant", alice.email, "100", "--reason", "For the trailer")
    hold(alice, 5_000, reference="nothing")

    with refused("1 violation"):
        command("credits", "verify")


def test_entries_of_some_days_are_exported_whole_and_exact(command: Command, alice: User, tmp_path: Path):
    command("credits", "grant", alice.email, "1,000.5", "--reason", "=HYPERLINK(1)")
    hold(alice, 250_000, reference="clip", reason="TIDE-001")
    settle("clip", 1)
    file = tmp_path / "entries.csv"

    assert command("credits", "export", "2000-01-01", "2100-01-01", "--to", str(file)) == f"2 entries in {file}.\n"
    rows = list(csv.reader(file.read_text(encoding="utf-8").splitlines()))
    assert [row[1:6] + row[8:9] for row in rows] == [
        ["person", "kind", "credits", "balance", "owed", "reason"],
        ["alice@example.org", "grant", "1000.500", "1000.500", "0.000", "'=HYPERLINK(1)"],
        ["alice@example.org", "charge", "-0.001", "-0.001", "0.000", "TIDE-001"],
    ]
    with refused("cannot be written: File exists"):
        command("credits", "export", "2000-01-01", "2100-01-01", "--to", str(file))
    assert command("credits", "export", "2000-01-01", "2000-01-02").strip() == MARK + ",".join(f'"{name}"' for name in COLUMNS)


@pytest.mark.parametrize(
    ("first", "last", "complaint"),
    [("2026-11-02", "2026-11-01", "The last day is before the first."), ("yesterday", "2026-11-01", "yesterday is not a day such as 2026-11-01.")],
)
def test_an_export_of_no_days_is_refused(command: Command, db: None, first: str, last: str, complaint: str):
    with refused(complaint):
        command("credits", "export", first, last)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-x", "@SUM(A1)", " =1", "|cmd", "%0A", "＝1"])
def test_a_cell_that_a_spreadsheet_would_run_is_made_text(text: str):
    assert safe_cell(text) == f"'{text}"
    assert [safe_cell(value) for value in ("TIDE-001", "a=b", "", -5, None)] == ["TIDE-001", "a=b", "", "-5", ""]


def test_allowances_are_listed_and_run_once(command: Command, alice: User):
    add_allowance(person=None, role="member", amount=100_000, period="month", keeps=20_000, starts_on=date(2026, 1, 1), by=None)

    assert command("credits", "allowance", "list").endswith("Members: 100 credits a month, keeps up to 20, from 2026-01-01\n")
    assert command("credits", "allowance", "run") == "1 portions were given or closed.\n"
    assert command("credits", "allowance", "run") == "0 portions were given or closed.\n"
    assert balance(alice) == 100_000
