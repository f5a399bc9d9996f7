"""Caps, budgets and waivers, each as a short story."""

import pytest
from django.utils import timezone

from studio.accounts.models import AuditEvent, User
from studio.credits import ledger
from studio.credits.limit_actions import clear_budget, give_waiver, set_budget, set_cap, set_own_cap, withdraw_waiver
from studio.credits.limits import soft_notice
from studio.credits.models import Account, Entry, Hold, Tally, Waiver
from studio.projects.models import Project
from tests.credits.conftest import SetClock

C = 1_000


@pytest.fixture
def rich(alice: User, bob: User) -> User:
    """Alice with 1,000 credits, as Bob has; nothing of what follows is stopped for want of credits."""
    for user in (alice, bob):
        ledger.grant(user, 1_000 * C, key=user.email, reason="Start", actor=None)
    return alice


@pytest.fixture(autouse=True)
def _books(db: None):
    yield
    assert ledger.verify() == []


def refused(user: User, credits_asked: int, **more: object) -> ledger.CannotHold:
    """Why this cannot be held; and that nothing was written."""
    before = [list(model.objects.order_by("pk").values()) for model in (Account, Hold, Entry, Tally, Waiver, AuditEvent)]
    with pytest.raises(ledger.CannotHold) as refusal:
        ledger.hold(user, credits_asked * C, reference="refused", **more)  # type: ignore[arg-type]
    assert before == [list(model.objects.order_by("pk").values()) for model in (Account, Hold, Entry, Tally, Waiver, AuditEvent)]
    return refusal.value


def test_a_charge_tells_what_it_was_for(rich: User, tide: Project):
    ledger.hold(rich, 10 * C, reference="a", project=tide, provider="xai")
    ledger.settle("a", 12 * C)

    assert Entry.objects.values_list("project__code", "provider", "amount").get(kind="charge") == ("TIDE", "xai", -12 * C)


def test_credits_a_day_end_with_the_day_to_the_millicredit(rich: User, clock: SetClock, settings):
    settings.TIME_ZONE = "Europe/Berlin"
    clock("2026-10-25 22:59")  # the last minute of the day that has 25 hours
    set_cap(rich, credits_a_day=10 * C, jobs_at_once=None, by=None)
    ledger.hold(rich, 10 * C - 1, reference="a")
    ledger.hold(rich, 1, reference="b")

    lack = refused(rich, 1)
    assert isinstance(lack, ledger.OverCap)
    assert (lack.needed, lack.left, str(lack.whole_again)) == (1 * C, 0, "2026-10-26")
    assert str(lack) == "This needs 1 credits; 0 are left of the 10 a day that are your cap. They are whole again on 26 October."

    clock("2026-10-25 23:00")
    assert ledger.hold(rich, 10 * C, reference="c")


def test_what_comes_back_can_be_ordered_again_on_its_day_and_what_it_cost_counts(rich: User):
    set_cap(rich, credits_a_day=10 * C, jobs_at_once=None, by=None)
    ledger.hold(rich, 6 * C, reference="a")
    ledger.hold(rich, 4 * C, reference="b")
    ledger.release("a")
    ledger.settle("b", 5 * C)  # dearer than thought

    assert refused(rich, 6).left == 5 * C
    assert ledger.hold(rich, 5 * C, reference="c")


def test_an_order_of_yesterday_ends_on_its_own_day(rich: User, clock: SetClock):
    clock("2026-11-26 12:00")
    ledger.hold(rich, 8 * C, reference="a")
    set_cap(rich, credits_a_day=10 * C, jobs_at_once=None, by=None)
    clock("2026-11-27 12:00")
    ledger.hold(rich, 10 * C, reference="b")
    ledger.settle("a", 9 * C)

    assert list(Tally.objects.order_by("starts_on").values_list("held", "spent")) == [(0, 9 * C), (10 * C, 0)]


def test_jobs_at_once_are_open_holds(rich: User):
    set_cap(rich, credits_a_day=None, jobs_at_once=2, by=None)
    ledger.hold(rich, 0, reference="a")
    ledger.hold(rich, C, reference="b")

    assert str(refused(rich, 1)) == "2 of your clips are in progress, and your cap is 2 at once. Order again when one has ended."
    ledger.release("a")
    assert ledger.hold(rich, C, reference="c")


def test_the_lower_of_two_caps_counts_and_says_whose_it_is(rich: User):
    set_cap(rich, credits_a_day=20 * C, jobs_at_once=3, by=None)
    set_own_cap(rich, credits_a_day=5 * C, jobs_at_once=1)

    assert "a day that you set as your own cap" in str(refused(rich, 6))
    ledger.hold(rich, C, reference="a")
    assert "the cap that you set for yourself is 1 at once" in str(refused(rich, 1))
    set_own_cap(rich, credits_a_day=None, jobs_at_once=None)
    assert "20 a day that are your cap" in str(refused(rich, 20))


def test_a_hard_budget_is_shared_by_all_and_whole_again_next_month(rich: User, bob: User, tide: Project, clock: SetClock):
    clock("2026-11-30 12:00")
    set_budget(tide, amount=100 * C, period="month", hard=True, by=None)
    ledger.hold(rich, 60 * C, reference="a", project=tide)
    ledger.hold(bob, 40 * C - 1, reference="b", project=tide)

    lack = refused(bob, 1, project=tide)
    assert isinstance(lack, ledger.OverBudget)
    assert (lack.needed, lack.left, str(lack.whole_again)) == (C, 1, "2026-12-01")
    assert str(lack) == "This needs 1 credits; 0.001 are left of TIDE’s budget of 100 for November. It is whole again on 1 December."
    assert ledger.hold(bob, C, reference="elsewhere")
    clock("2026-12-01 00:00")
    assert ledger.hold(bob, 100 * C, reference="c", project=tide)


def test_a_budget_in_all_knows_what_came_before_it(rich: User, tide: Project, clock: SetClock):
    clock("2026-01-10 12:00")
    ledger.hold(rich, 60 * C, reference="a", project=tide)
    ledger.settle("a", 70 * C)
    clock("2026-11-26 12:00")
    set_budget(tide, amount=100 * C, period="all", hard=True, by=None)

    lack = refused(rich, 31, project=tide)
    assert (lack.left, lack.whole_again) == (30 * C, None)
    assert str(lack).endswith("budget of 100 in all. A credit manager can raise it.")


def test_a_soft_budget_lets_orders_through_and_says_so(rich: User, tide: Project, clock: SetClock):
    clock("2026-11-26 12:00")
    set_budget(tide, amount=10 * C, period="month", hard=False, by=None)
    ledger.hold(rich, 10 * C, reference="a", project=tide)
    assert soft_notice(tide) == ""
    ledger.hold(rich, 5 * C, reference="b", project=tide)

    assert soft_notice(tide) == "TIDE’s budget of 10 credits for November is exceeded: 15 are held or spent. Orders still go through."
    clear_budget(tide, by=None)
    assert soft_notice(tide) == ""


def test_a_waiver_lets_one_order_through_and_is_used_up(rich: User, tide: Project, ada: User):
    set_budget(tide, amount=0, period="all", hard=True, by=ada)
    give_waiver(rich, project=tide, lifts="budget", reason="The client pays", by=ada)

    assert ledger.hold(rich, C, reference="a", project=tide)
    assert Waiver.objects.get().used_by == Hold.objects.get(reference="a")
    assert AuditEvent.objects.values_list("actor__email", "reason").get(action="waiver.used") == (rich.email, "The client pays")
    assert isinstance(refused(rich, 1, project=tide), ledger.OverBudget)


def test_one_waiver_of_both_is_enough_for_a_cap_and_a_budget(rich: User, tide: Project, ada: User):
    set_budget(tide, amount=0, period="month", hard=True, by=ada)
    set_cap(rich, credits_a_day=0, jobs_at_once=0, by=ada)
    give_waiver(rich, project=None, lifts="both", reason="Once", by=ada)

    assert ledger.hold(rich, C, reference="a", project=tide)
    assert Waiver.objects.filter(used_by__reference="a").count() == 1


def test_a_waiver_that_does_not_fit_or_was_withdrawn_lifts_nothing(rich: User, bob: User, tide: Project, ada: User):
    other = Project.objects.create(code="MOON", name="Moon")
    set_budget(tide, amount=0, period="month", hard=True, by=ada)
    give_waiver(rich, project=None, lifts="cap", reason="A cap", by=ada)
    give_waiver(rich, project=other, lifts="both", reason="Elsewhere", by=ada)
    give_waiver(bob, project=None, lifts="both", reason="Somebody else", by=ada)
    gone = give_waiver(rich, project=tide, lifts="both", reason="Withdrawn", by=ada)

    assert withdraw_waiver(gone, by=ada)
    assert not withdraw_waiver(gone, by=ada)
    refused(rich, 1, project=tide)


def test_an_order_that_passes_by_itself_uses_no_waiver_and_one_that_fails_uses_none_up(rich: User, tide: Project, ada: User):
    give_waiver(rich, project=None, lifts="both", reason="Once", by=ada)
    ledger.hold(rich, C, reference="a", project=tide)
    set_cap(rich, credits_a_day=C, jobs_at_once=None, by=ada)

    assert isinstance(refused(rich, 1_000), ledger.Insufficient)
    assert Waiver.objects.get().is_open


def test_every_change_of_a_limit_is_recorded_with_what_was_before(alice: User, tide: Project, dave: User):
    set_budget(tide, amount=10 * C, period="month", hard=True, by=dave)
    set_budget(tide, amount=20 * C, period="month", hard=True, by=dave)
    assert not set_budget(tide, amount=20 * C, period="month", hard=True, by=dave)
    clear_budget(tide, by=dave)
    set_cap(alice, credits_a_day=C, jobs_at_once=None, by=dave)
    set_own_cap(alice, credits_a_day=None, jobs_at_once=1)

    told = [(row.action, row.actor and row.actor.email, row.before, row.after) for row in AuditEvent.objects.order_by("pk")]
    ten, twenty = ({"amount": amount * C, "period": "month", "hard": True} for amount in (10, 20))
    nothing, own_nothing = {"credits_a_day": None, "jobs_at_once": None}, {"own_credits_a_day": None, "own_jobs_at_once": None}
    assert told == [
        ("budget.set", dave.email, None, ten),
        ("budget.set", dave.email, ten, twenty),
        ("budget.cleared", dave.email, twenty, None),
        ("cap.set", dave.email, nothing, {**nothing, "credits_a_day": C}),
        ("cap.own_set", alice.email, own_nothing, {**own_nothing, "own_jobs_at_once": 1}),
    ]


def test_the_day_of_a_hold_is_the_teams_also_while_somebody_elsewhere_is_signed_in(rich: User, clock: SetClock, settings):
    settings.TIME_ZONE = "Europe/Berlin"
    clock("2026-11-26 23:30")
    with timezone.override("America/Los_Angeles"):
        ledger.hold(rich, C, reference="a")

    assert Hold.objects.get().day.isoformat() == "2026-11-27"
