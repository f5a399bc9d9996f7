"""Spending by day: counted with each end of a hold, filled in for what was before, and never different from the ledger."""

from datetime import UTC, date, datetime, timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from studio.credits import ledger, monthly, spend
from studio.credits.models import Entry, Hold, Spending
from studio.credits.periods import Period, span_of, today
from studio.credits.ranges import named
from studio.projects.models import Project
from tests.conftest import person

C = 1_000


def charge(user, amount: int, reference: str, *, project: Project | None = None, provider: str = "xai") -> None:
    ledger.hold(user, amount, reference=reference, project=project, provider=provider)
    ledger.settle(reference, amount)


def counted() -> list[tuple[object, ...]]:
    return list(Spending.objects.order_by("pk").values_list("day", "project__code", "provider", "charged", "charges", "returned", "returns"))


def test_charges_of_a_day_are_one_row_by_project_and_provider(alice, tide):
    ledger.grant(alice, 1_000 * C, key="start", reason="Start", actor=None)

    charge(alice, 40 * C, "1", project=tide)
    charge(alice, 2 * C, "2", project=tide)
    charge(alice, 5 * C, "3", provider="comet")
    ledger.hold(alice, 7 * C, reference="4", project=tide, provider="xai")
    ledger.release("4")

    assert counted() == [(today(), "TIDE", "xai", 42 * C, 2, 7 * C, 1), (today(), None, "comet", 5 * C, 1, 0, 0)]
    assert ledger.verify() == []


def test_asking_twice_counts_once(alice):
    ledger.grant(alice, 100 * C, key="start", reason="Start", actor=None)
    charge(alice, 40 * C, "1")

    assert not ledger.settle("1", 40 * C)

    assert [row[3:5] for row in counted()] == [(40 * C, 1)]


def test_a_hold_that_cost_nothing_came_back_whole(alice):
    ledger.grant(alice, 100 * C, key="start", reason="Start", actor=None)
    ledger.hold(alice, 40 * C, reference="1")
    ledger.settle("1", 0)

    assert [row[3:] for row in counted()] == [(0, 0, 40 * C, 1)]
    assert ledger.verify() == []


def test_what_is_thrown_away_is_not_counted(alice):
    ledger.grant(alice, 100 * C, key="start", reason="Start", actor=None)
    ledger.hold(alice, 40 * C, reference="1")
    with transaction.atomic():
        ledger.settle("1", 40 * C)
        transaction.set_rollback(True)

    assert counted() == []


@pytest.mark.parametrize(("column", "more"), [("charged", 1), ("charges", 1), ("returned", 5), ("returns", 2)])
def test_verify_finds_a_row_that_is_not_the_sum_of_the_ledger(alice, column, more):
    ledger.grant(alice, 100 * C, key="start", reason="Start", actor=None)
    charge(alice, 40 * C, "1")
    Spending.objects.update(**{column: getattr(Spending.objects.get(), column) + more})

    [violation] = ledger.verify()

    assert "reports count" in violation


def test_verify_finds_a_charge_that_was_not_counted(alice):
    ledger.grant(alice, 100 * C, key="start", reason="Start", actor=None)
    charge(alice, 40 * C, "1")
    Spending.objects.all().delete()

    [violation] = ledger.verify()

    assert "the ledger has 40 in 1" in violation


def test_a_day_is_the_teams_and_not_the_readers(alice, settings: Settings):
    settings.TIME_ZONE = "Pacific/Auckland"
    timezone.get_default_timezone.cache_clear()  # type: ignore[attr-defined]
    try:
        late = datetime(2026, 10, 31, 12, 30, tzinfo=UTC)  # half past one on 1 November in Auckland
        with timezone.override("America/New_York"):
            assert spend.day_of(late) == date(2026, 11, 1)
    finally:
        timezone.get_default_timezone.cache_clear()  # type: ignore[attr-defined]


def test_the_migration_counts_what_was_before_exactly_as_the_ledger_does(alice, bob, tide):
    for user in (alice, bob):
        ledger.grant(user, 1_000 * C, key=f"start {user}", reason="Start", actor=None)
        for number in range(4):
            charge(user, (number + 1) * C, f"{user}{number}", project=tide if number % 2 else None, provider=("xai", "comet")[number // 2])
        ledger.hold(user, 9 * C, reference=f"{user} back", project=tide)
        ledger.release(f"{user} back")
        ledger.hold(user, 9 * C, reference=f"{user} open", project=tide)
    before = sorted(map(repr, counted()))
    migration = import_module("studio.credits.migrations.0005_count_spending")

    migration.forget(apps, None)
    assert counted() == []
    migration.fill(apps, None)

    assert sorted(map(repr, counted())) == before
    assert ledger.verify() == []


def test_the_last_thirty_days_of_many_people_are_one_query(alice, bob, django_assert_num_queries):
    for user in (alice, bob):
        ledger.grant(user, 100 * C, key=f"start {user}", reason="Start", actor=None)
        charge(user, 4 * C, f"{user}")
    Spending.objects.filter(account__user=bob).update(day=today() - timedelta(days=29))

    with django_assert_num_queries(1):
        days = spend.lately([alice.pk, bob.pk])

    assert (days[alice.pk][-1], days[bob.pk][0]) == (4 * C, 4 * C)
    assert sum(days[alice.pk]) == sum(days[bob.pk]) == 4 * C


# Statements: what there was and what moved make what there is

MOVES = st.lists(
    st.tuples(
        st.sampled_from(["grant", "adjust", "lapse", "charge", "return"]),
        st.integers(0, 1),  # whose
        st.integers(1, 90_000),
        st.integers(0, 70),  # days ago
        st.booleans(),  # for Tidewater, or for no project
    ),
    max_size=14,
)


def at(moment: datetime, key: str) -> None:
    """What has just been written under this key happened at this moment."""
    Entry.objects.filter(reference=key).update(at=moment)


def play(users, tide: Project, moves) -> None:
    """Every movement on its day. Each charge has a provider of its own, so that its row can be moved to its day alone."""
    for number, (kind, whose, amount, ago, project) in enumerate(moves):
        user, key, moment = users[whose], f"m{number}", timezone.now() - timedelta(days=ago)
        if kind == "grant":
            ledger.grant(user, amount, key=key, reason="More", actor=None)
        elif kind == "adjust":
            ledger.adjust(user, amount, key=key, reason="Mend", actor=None)
        elif kind == "lapse":
            ledger.lapse(user, amount, key=key, reason="Unused")
        elif ledger.account_of(user).free >= amount // 2:
            ledger.hold(user, amount // 2, reference=key, project=tide if project else None, provider=key)
            _ = ledger.settle(key, amount) if kind == "charge" else ledger.release(key)
            Spending.objects.filter(provider=key).update(day=spend.day_of(moment))
        at(moment, key)


@given(moves=MOVES)
def test_opening_and_movements_make_the_closing_balance_over_any_books(moves, db):
    with transaction.atomic():
        users = [person(f"a{number}@example.org") for number in range(2)]
        tide = Project.objects.create(code="TIDE", name="Tidewater")
        for number, user in enumerate(users):
            ledger.grant(user, 50_000, key=f"start{number}", reason="Start", actor=None)
            at(timezone.now() - timedelta(days=40), f"start{number}")
        play(users, tide, moves)
        now = span_of(Period.MONTH, today())
        months = [span_of(Period.MONTH, now.starts_on - timedelta(days=1)), now]
        told = [monthly.of_person(users[0], month) for month in months]
        team = [monthly.of_team(month) for month in months]
        project = [monthly.of_project(tide, month) for month in months]

        for statements in (told, team, project):
            assert statements[0].closing == statements[1].opening
        assert told[1].closing == ledger.account_of(users[0]).shown
        assert team[1].closing == sum(ledger.account_of(user).shown for user in users)
        assert project[1].closing == sum(hold.charged for hold in Hold.objects.filter(project=tide))
        transaction.set_rollback(True)


def test_a_month_begins_at_the_teams_midnight(alice, settings: Settings):
    settings.TIME_ZONE = "Pacific/Auckland"
    timezone.get_default_timezone.cache_clear()  # type: ignore[attr-defined]
    try:
        for key, moment in (("before", datetime(2026, 9, 30, 10, 59, tzinfo=UTC)), ("after", datetime(2026, 9, 30, 11, 0, tzinfo=UTC))):
            ledger.grant(alice, C, key=key, reason=key, actor=None)
            at(moment, key)
        statement = monthly.of_person(alice, span_of(Period.MONTH, date(2026, 10, 1)))
    finally:
        timezone.get_default_timezone.cache_clear()  # type: ignore[attr-defined]

    assert statement.opening == C  # Auckland is thirteen hours ahead: its October begins at eleven of the day before
    assert [line.what for group in statement.groups for line in group.lines] == ["after"]


def test_many_grants_of_a_month_end_in_one_line_that_holds_the_rest(alice):
    for number in range(monthly.LINES + 3):
        ledger.grant(alice, C, key=f"g{number}", reason="More", actor=None)

    [group] = monthly.of_person(alice, span_of(Period.MONTH, today())).groups

    assert (group.lines[-1].what, group.lines[-1].amount, len(group.lines)) == ("and 3 more", 3 * C, monthly.LINES + 1)
    assert (group.number, group.total) == (monthly.LINES + 3, (monthly.LINES + 3) * C)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="plans are told in SQLite's words")
def test_no_report_reads_the_whole_table(alice):
    day = today()
    questions = [
        spend.within(named("month", day)).filter(charged__gt=0),
        Spending.objects.filter(project=1, day__gte=day),
        Spending.objects.filter(account=1, day__gte=day),
    ]
    for question in questions:
        assert "SCAN" not in question.explain()
