"""The ledger with a million entries: the check of its books in under a minute, its pages with the queries and about the time of a small one.

And ten thousand people in one movement. STUDIO_BENCH_ENTRIES makes the ledger smaller, for a first look.
"""

import os
import time
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from uuid import uuid4

from django.db import connection
from django.db.models import F
from django.utils import timezone

from studio.accounts.models import User
from studio.credits import batch, carrying, ledger, spend
from studio.credits.models import Account, Entry, Hold, Spending, Tally
from studio.credits.periods import EVER, today
from studio.projects.models import Project
from tests.bench.conftest import project_of, timed
from tests.conftest import person, signed_in

MANY, FEW, PEOPLE, DAYS = int(os.environ.get("STUDIO_BENCH_ENTRIES", "1000000")), 10, 50, 250
CROWD = 10_000
TEAM = ("/credits/ledger/", "/credits/people/", "/credits/spend/", "/credits/overview/")
COPIES = """
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %s)
    INSERT INTO credits_hold (reference, account_id, amount, state, charged, reason, project_id, provider, day, created_at, ended_at)
    SELECT reference || '-' || i, account_id, amount, state, charged, reason, project_id, provider, day, created_at, ended_at
    FROM credits_hold, n WHERE account_id = %s AND n.i < %s
"""
CHARGES = """
    INSERT INTO credits_entry (account_id, kind, reference, amount, owed, reason, project_id, provider, at)
    SELECT account_id, 'charge', reference, -charged, 0, reason, project_id, provider, created_at FROM credits_hold WHERE account_id = %s
"""


def charge_many(user: User, project: Project, count: int, *, days: int) -> None:
    """A grant and `count` charges of 1 millicredit each, as many on each of the last days, right in every figure."""
    account, now, times = ledger.account_of(user), timezone.now(), count // days
    of_day = [(today() - timedelta(days=number), now - timedelta(days=number)) for number in range(days)]
    closed = {"account": account, "project": project, "provider": "xai", "amount": 1, "charged": 1, "state": "settled", "ended_at": now}
    Hold.objects.bulk_create(Hold(reference=f"{user.pk}-{day}", day=day, created_at=at, **closed) for day, at in of_day)
    Entry.objects.create(account=account, kind="grant", reference=f"start {user.pk}", amount=2 * count, reason="Start")
    with connection.cursor() as cursor:
        cursor.execute(COPIES, [times, account.pk, times])
        cursor.execute(CHARGES, [account.pk])
    Account.objects.filter(pk=account.pk).update(balance=F("balance") + 2 * count - days * times)
    spent = {"account": account, "project": project, "provider": "xai", "charged": times, "charges": times}
    Spending.objects.bulk_create(Spending(day=spend.day_of(at), **spent) for _, at in of_day)
    Tally.objects.bulk_create(Tally(account=account, starts_on=day, ends_on=day + timedelta(days=1), spent=times) for day, _ in of_day)


def tally_project(project: Project) -> None:
    """What the holds of a project come to, by month and in all."""
    months: dict[date, int] = {}
    for day in Hold.objects.filter(project=project).values_list("day", flat=True).iterator():
        months[day.replace(day=1)] = months.get(day.replace(day=1), 0) + 1
    rows = [
        Tally(project=project, starts_on=first, ends_on=(first + timedelta(days=31)).replace(day=1), spent=spent) for first, spent in months.items()
    ]
    Tally.objects.bulk_create([*rows, Tally(project=project, starts_on=EVER.starts_on, ends_on=EVER.ends_on, spent=sum(months.values()))])


def test_a_million_entries_against_ten(alice: User, dave: User, say: Callable[[str], None]):
    bob = person("bob@example.org")
    small, large = project_of("SMALL", bob), project_of("LARGE", alice)
    charge_many(bob, small, FEW, days=2)
    crew = [person(f"person{number}@example.org") for number in range(PEOPLE)]
    for one in crew:
        ledger.grant(one, 1, key=f"first {one.pk}", reason="Start", actor=None)  # a page of people and of entries is as long before as after
    before = {page: timed(partial(signed_in(dave).get, page), times=5) for page in TEAM}
    charge_many(alice, large, MANY // 2, days=DAYS)
    for one in crew:
        charge_many(one, large, MANY // 2 // PEOPLE, days=DAYS)
    for project in (small, large):
        tally_project(project)

    started = time.perf_counter()
    assert ledger.verify() == []
    seconds = time.perf_counter() - started
    say(f"\nverify of {Entry.objects.count():,} entries and {Hold.objects.count():,} holds: {seconds:.1f} s")

    few, few_queries = timed(lambda: signed_in(bob).get("/credits/"), times=5)
    many, many_queries = timed(lambda: signed_in(alice).get("/credits/"), times=5)
    say(f"\na ledger of {MANY // 2:,} entries against {FEW}: {many:.1f} / {few:.1f} ms = {many / few:.2f}; queries {many_queries} / {few_queries}")
    assert many_queries == few_queries
    for page, (short, short_queries) in before.items():
        long, long_queries = timed(partial(signed_in(dave).get, page), times=5)
        say(f"{page} of the team: {long:.1f} / {short:.1f} ms = {long / short:.2f}; queries {long_queries} / {short_queries}")
    held, held_queries = timed(lambda: hold_and_end(alice, large), times=9)
    fresh, fresh_queries = timed(lambda: hold_and_end(bob, small), times=9)
    say(f"\nhold and release there: {held:.1f} / {fresh:.1f} ms = {held / fresh:.2f}; queries {held_queries} / {fresh_queries}")
    assert held_queries == fresh_queries
    limits, _ = timed(lambda: signed_in(dave).get("/credits/limits/"), times=5)
    say(f"\nthe page of limits beside it: {limits:.1f} ms")


def hold_and_end(user: User, project: Project) -> None:
    """One order that is taken back."""
    reference = f"bench {time.perf_counter_ns()}"
    ledger.hold(user, 1, reference=reference, project=project)
    ledger.release(reference)


def test_ten_thousand_people_in_one_movement(dave: User, say: Callable[[str], None]):
    User.objects.bulk_create((User(email=f"crew{number}@example.org") for number in range(CROWD)), batch_size=500)
    people = list(User.objects.filter(email__startswith="crew"))
    started = time.perf_counter()
    seen = batch.plan(people, "grant", 1_000).seen
    planned = time.perf_counter() - started

    movement, _ = carrying.start(people, "grant", 1_000, key=uuid4(), seen=seen, reason="Bench", by=dave)
    parts: list[float] = []
    ended = False
    while not ended:
        before = time.perf_counter()
        ended = carrying.carry_on(movement.pk, seconds=0)
        parts.append(time.perf_counter() - before)

    say(
        f"\na movement of {CROWD:,} people: planned in {planned:.2f} s, carried out in {sum(parts):.2f} s, the longest part {max(parts) * 1000:.0f} ms"
    )
    assert Account.objects.filter(balance=1_000).count() == CROWD
    assert parts[-1] < 3 * parts[0] + 0.1  # the last part costs about what the first one did
