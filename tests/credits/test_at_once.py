"""Several real processes at the same account, on the database that the tests are configured for."""

import json
import os
import subprocess
import sys
from collections import Counter
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings
from django.db import connection

from studio.accounts.models import User
from studio.credits import ledger
from studio.credits.models import Account, Entry, Hold

pytestmark = pytest.mark.django_db(transaction=True)
C = 1_000


def together(*commands: list[str]) -> Counter[str]:
    """Start one process a command, let them begin together, and add up what they say."""
    name = str(connection.settings_dict["NAME"])
    address = f"sqlite:///{name}" if connection.vendor == "sqlite" else urlunsplit(urlsplit(settings.DATABASE_URL)._replace(path=f"/{name}"))
    environment = {**os.environ, "STUDIO_DATABASE_URL": address}
    environment.pop("COVERAGE_PROCESS_START", None)
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.credits.hands", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=settings.BASE_DIR,
            env=environment,
            text=True,
        )
        for command in commands
    ]
    try:
        for process in started:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        said = [json.loads(process.communicate("go\n", timeout=60)[0]) for process in started]
    finally:
        for process in started:
            process.kill()
            process.wait()
    return sum((Counter(words) for words in said), Counter())


def test_fifty_holds_at_once_with_credits_for_ten_give_exactly_ten(alice):
    ledger.grant(alice, 10 * C, key="start", reason="Start", actor=None)

    said = together(*(["hold", alice.email, str(C), *(f"p{process}-{number}" for number in range(10))] for process in range(5)))

    assert said == {"moved": 10, "Insufficient": 40}
    assert Hold.objects.count() == 10
    account = Account.objects.get()
    assert (account.balance, account.held) == (10 * C, 10 * C)
    assert ledger.verify() == []


def test_one_reference_held_and_settled_by_many_at_once_moves_once(alice):
    ledger.grant(alice, 10 * C, key="start", reason="Start", actor=None)

    held = together(*(["hold", alice.email, str(C), *["clip"] * 6] for _ in range(4)))
    settled = together(*(["settle", str(C), *["clip"] * 6] for _ in range(4)))

    assert held == settled == {"moved": 1, "repeated": 23}
    assert Entry.objects.filter(kind="charge").count() == 1
    assert Account.objects.get().balance == 9 * C
    assert ledger.verify() == []


def test_a_first_hold_of_many_makes_one_account(alice):
    said = together(*(["hold", alice.email, "0", *(f"p{process}-{number}" for number in range(5))] for process in range(4)))

    assert said == {"moved": 20}
    assert Account.objects.count() == 1
    assert ledger.verify() == []


def test_random_movements_of_several_processes_keep_the_books(alice, bob):
    for user in (alice, bob):
        ledger.grant(user, 2 * C, key=f"start {user.pk}", reason="Start", actor=None)

    said = together(*(["anything", str(seed), "150", alice.email, bob.email] for seed in range(4)))

    assert said.total() == 600
    assert said["moved"] > 30
    assert said["repeated"] + said["Conflict"] > 10
    assert User.objects.count() == 2
    assert ledger.verify() == []
