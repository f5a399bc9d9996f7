"""`manage.py credits`: what a script can do with credits, and what it is told."""

import pytest

from studio.accounts.models import AuditEvent, User
from studio.credits.ledger import account_of, hold
from studio.credits.models import Account
from tests.control.conftest import Command, refused


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
        (("take", "alice@example.org", "5", "--reason", "x"), "5 are missing"),
        (("statement", "nobody@example.org"), "Nobody has the e-mail address"),
    ],
)
def test_what_cannot_be_done_is_said_and_moves_nothing(words: tuple[str, ...], complaint: str, command: Command, alice: User):
    with refused(complaint):
        command("credits", *words)

    assert balance(alice) == 0


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
