"""Several real processes at the same account, on the database that the tests are configured for."""

import json
import os
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connection

from studio.accounts.models import User
from studio.credits import allowances, batch, carrying, ledger
from studio.credits.limit_actions import add_allowance, set_budget, set_cap
from studio.credits.models import Account, Entry, Hold, Portion, Tally, Waiver
from studio.credits.periods import today
from studio.projects.models import Project
from tests.long_run import LONG
from tests.time_limits import scaled

pytestmark = pytest.mark.django_db(transaction=True)
C = 1_000
PROCESSES, SECONDS = (8, 10) if LONG else (3, 2)  # of everything at once


def together(*commands: list[str]) -> Counter[str]:
    """Let one process a command begin together, and add up what they say."""
    name = str(connection.settings_dict["NAME"])
    address = f"sqlite:///{name}" if connection.vendor == "sqlite" else urlunsplit(urlsplit(settings.DATABASE_URL)._replace(path=f"/{name}"))
    environment = {**os.environ, "STUDIO_DATABASE_URL": address}
    environment.pop("COVERAGE_PROCESS_CONFIG", None)  # whose lines are counted is half as fast, and seldom at once with the others
    command = [sys.executable, "-m", "tests.credits.hands"]
    done = subprocess.run(
        command,
        input=json.dumps(commands) + "\n",
        capture_output=True,
        cwd=settings.BASE_DIR,
        env=environment,
        text=True,
        timeout=scaled(60),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(said) == len(commands)
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


def test_fifty_holds_at_once_under_a_cap_for_ten_give_exactly_ten(alice):
    ledger.grant(alice, 100 * C, key="start", reason="Start", actor=None)
    set_cap(alice, credits_a_day=10 * C, jobs_at_once=None, by=None)

    said = together(*(["hold", alice.email, str(C), *(f"p{process}-{number}" for number in range(10))] for process in range(5)))

    assert said == {"moved": 10, "OverCap": 40}
    assert ledger.verify() == []


def test_a_movement_that_several_processes_carry_out_beside_orders_and_grants_moves_everybody_once(alice, dave):
    people = User.objects.bulk_create(User(email=f"p{number:03d}@example.org") for number in range(900))
    crowd = list(User.objects.filter(pk__in=[one.pk for one in people]))
    ledger.grant(alice, 50 * C, key="start", reason="Start", actor=None)
    seen = batch.plan([*crowd, alice], "grant", 7 * C).seen
    movement, _ = carrying.start([*crowd, alice], "grant", 7 * C, key=uuid4(), seen=seen, reason="Reshoots", by=dave)

    said = together(*(["carry"] for _ in range(3)), ["anything", "1", "80", alice.email])

    movement.refresh_from_db()
    assert said["ends"] >= 1
    assert not movement.is_running
    assert movement.moved + movement.left_out.count() == 901
    assert set(movement.left_out.values_list("user", "why")) <= {(alice.pk, carrying.ELSEWHERE)}
    assert Entry.objects.filter(reference__startswith=f"{movement.key}.").count() == movement.moved
    assert set(Account.objects.filter(user__in=crowd).values_list("balance", flat=True)) == {7 * C}
    assert ledger.verify() == []


def test_everything_at_once_by_several_processes_keeps_books_budgets_and_caps(alice, bob, carol, tide, capsys):
    for user in (alice, bob, carol):
        ledger.grant(user, 50 * C, key=f"start {user.pk}", reason="Start", actor=None)
    Project.objects.create(code="MOON", name="Moon")
    set_budget(tide, amount=9_999, period="month", hard=True, by=None)
    set_cap(bob, credits_a_day=None, jobs_at_once=3, by=None)
    allowance = add_allowance(person=None, role="member", amount=777, period="day", keeps=111, starts_on=today(), by=None)
    people = list(User.objects.filter(role="member"))
    assert all(allowances.give(allowance, user, today() - timedelta(days=1)) for user in people)

    said = together(*(["everything", str(seed), str(SECONDS), alice.email, bob.email, carol.email] for seed in range(PROCESSES)))

    with capsys.disabled():
        sys.stdout.write(f"\n{connection.vendor}: {said.total()} operations\n" + "".join(f"  {act} {said[act]}\n" for act in sorted(said)))
    assert ledger.verify() == []
    assert sum(Tally.objects.filter(project=tide).order_by("starts_on").values_list("held", "spent").first() or ()) <= 9_999
    assert Account.objects.get(user=bob).holding <= 3
    assert Portion.objects.filter(closed_at=None).count() == len(people)
    assert Portion.objects.exclude(closed_at=None).count() == len(people)
    assert Entry.objects.filter(kind="grant", reference__startswith="allowance:").count() == 2 * len(people)
    assert not Waiver.objects.exclude(used_by=None).exclude(user=alice).exists()
    assert not [kind for kind in said if "LedgerError" in kind]
