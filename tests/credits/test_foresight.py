"""What is said before an order is what the ledger does: sentence for sentence, whatever limits there are."""

import random

import pytest

from studio.accounts.models import User
from studio.credits import ledger
from studio.credits.foresight import Foresight, foresee
from studio.credits.limit_actions import give_waiver, set_budget, set_cap, set_own_cap
from studio.credits.limits import lacking
from studio.credits.models import Hold, Tally, Waiver
from studio.projects.models import Project
from tests.credits.conftest import SetClock

C = 1_000


@pytest.fixture
def rich(alice: User) -> User:
    ledger.grant(alice, 1_000 * C, key="start", reason="Start", actor=None)
    return alice


def foreseen(user: User, project: Project, credits_asked: int) -> Foresight:
    return foresee(user, ledger.account_of(user), credits_asked * C, project=project)


@pytest.mark.parametrize("seed", range(40))
def test_whatever_limits_there_are_an_order_ends_as_it_was_foretold(rich: User, bob: User, tide: Project, seed: int):
    dice = random.Random(seed)
    amount = dice.choice([0, 1, 5, 10, 40])
    for number in range(dice.randrange(4)):  # what was ordered before any limit
        ledger.hold(rich, dice.choice([0, 5, 20]) * C, reference=f"before {number}", project=dice.choice([tide, None]))
        if dice.random() < 0.5:
            ledger.settle(f"before {number}", dice.choice([0, 5, 30]) * C)
    maybe = [None, None, 0, 1, 2, 10, 40, 10_000]
    day, times, own_day, own_times = (dice.choice(maybe) for _ in range(4))
    set_cap(rich, credits_a_day=None if day is None else day * C, jobs_at_once=times, by=bob)
    set_own_cap(rich, credits_a_day=None if own_day is None else own_day * C, jobs_at_once=own_times)
    if dice.random() < 0.7:
        set_budget(tide, amount=dice.choice([0, 1, 20, 60]) * C, period=dice.choice(["month", "all"]), hard=dice.random() < 0.7, by=bob)
    for _ in range(dice.randrange(3)):
        give_waiver(rich, project=dice.choice([tide, None]), lifts=dice.choice(["cap", "budget", "both"]), reason="Once", by=bob)

    told = foreseen(rich, tide, amount)
    assert lacking(ledger.account_of(rich), amount * C) is None

    if told.stop and not told.passes:
        with pytest.raises(ledger.CannotHold) as refusal:
            ledger.hold(rich, amount * C, reference="order", project=tide)
        assert (str(refusal.value), type(refusal.value)) == (str(told.stop), type(told.stop))
        assert vars(refusal.value) == vars(told.stop)
    else:
        assert ledger.hold(rich, amount * C, reference="order", project=tide)
        assert Waiver.objects.exclude(used_by=None).exists() is told.passes
    assert ledger.verify() == []


def test_looking_writes_nothing_and_costs_the_same_questions_however_much_was_ordered(rich, tide, bob, django_assert_num_queries):
    set_cap(rich, credits_a_day=10 * C, jobs_at_once=None, by=bob)
    set_budget(tide, amount=100 * C, period="month", hard=True, by=bob)
    account = ledger.account_of(rich)
    with django_assert_num_queries(3):
        foresee(rich, account, 5 * C, project=tide)
    for number in range(5):
        ledger.hold(rich, 2 * C, reference=f"{number}", project=tide)
        give_waiver(rich, project=None, lifts="budget", reason=f"{number}", by=bob)
    before = [Hold.objects.count(), Tally.objects.count(), Waiver.objects.filter(used_by=None).count()]
    account = ledger.account_of(rich)

    with django_assert_num_queries(4):  # and the waivers, because something stops it
        told = foresee(rich, account, 5 * C, project=tide)

    assert "0 are left of the 10 a day that are your cap" in str(told.stop)
    assert not told.passes
    assert [Hold.objects.count(), Tally.objects.count(), Waiver.objects.filter(used_by=None).count()] == before


def test_a_soft_budget_says_what_this_order_would_make_of_it(rich: User, tide: Project, bob: User, clock: SetClock):
    clock("2026-11-20 12:00")
    set_budget(tide, amount=50 * C, period="month", hard=False, by=bob)
    ledger.hold(rich, 40 * C, reference="a", project=tide)

    assert foreseen(rich, tide, 10) == Foresight()
    assert foreseen(rich, tide, 11).notice == (
        "With this order TIDE’s budget of 50 credits for November is exceeded: 51 would be held or spent. It still goes through."
    )
    ledger.hold(rich, 11 * C, reference="b", project=tide)
    assert foreseen(rich, tide, 1).notice == "TIDE’s budget of 50 credits for November is exceeded: 51 are held or spent. Orders still go through."


def test_yesterdays_orders_and_another_persons_or_projects_do_not_count(rich: User, bob: User, tide: Project, clock: SetClock):
    moon = Project.objects.create(code="MOON", name="Moon")
    ledger.grant(bob, 100 * C, key="b", reason="Start", actor=None)
    set_cap(rich, credits_a_day=10 * C, jobs_at_once=None, by=bob)
    set_budget(tide, amount=30 * C, period="all", hard=True, by=bob)
    clock("2026-11-19 12:00")
    ledger.hold(rich, 10 * C, reference="a", project=moon)
    clock("2026-11-20 12:00")
    ledger.hold(bob, 25 * C, reference="b", project=tide)

    assert foreseen(rich, tide, 5).stop is None
    assert "5 are left of TIDE’s budget of 30 in all" in str(foreseen(rich, tide, 6).stop)
