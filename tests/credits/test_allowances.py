"""Allowances: given once a period, and what is not used lapses."""

import pytest

from studio.accounts.models import AuditEvent, User
from studio.credits import allowances, ledger
from studio.credits.limit_actions import AlreadyOne, add_allowance, change_allowance, switch_allowance
from studio.credits.models import Allowance, Entry, Portion
from studio.credits.periods import today
from tests.conftest import person
from tests.credits.conftest import SetClock

C = 1_000


@pytest.fixture(autouse=True)
def _books(db: None):
    yield
    assert ledger.verify() == []


@pytest.fixture
def november(clock: SetClock) -> SetClock:
    clock("2026-11-10 12:00")
    return clock


def allow(user: User | None = None, role: str = "", *, amount: int = 100, period: str = "month", keeps: int = 0) -> Allowance:
    return add_allowance(person=user, role=role, amount=amount * C, period=period, keeps=keeps * C, starts_on=today(), by=None)


def test_what_goes_wrong_with_one_person_stops_nobody_else(november: SetClock, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch):
    """Everybody of a role is given theirs in one round, and a round begins anew each minute."""
    allow(alice)
    allow(bob)
    give = ledger.grant

    def failing(user: User, *given: object, **how: object) -> bool:
        if user == alice:
            raise ValueError("a fault of ours")
        return give(user, *given, **how)  # type: ignore[arg-type]

    with monkeypatch.context() as broken:
        broken.setattr(ledger, "grant", failing)
        assert allowances.due() == 1
    assert (shown(alice), shown(bob)) == (0, 100)
    assert allowances.due() == 1
    assert shown(alice) == 100
    november("2026-12-01 12:00")
    with monkeypatch.context() as broken:
        broken.setattr(ledger, "lapse", failing)
        allowances.due()
    assert shown(bob) == 100


def test_a_portion_that_another_worker_gave_under_other_terms_is_left_alone(november: SetClock, alice: User):
    allowance = allow(alice)
    reference = f"allowance:{allowance.pk}:{alice.pk}:2026-11"
    ledger.grant(alice, 1, key=reference, reason="By another hand", actor=None)
    assert not allowances.give(allowance, alice, today())


def shown(user: User) -> int:
    return ledger.account_of(user).shown // C


def spend(user: User, reference: str, amount: int) -> None:
    ledger.hold(user, amount * C, reference=reference)
    ledger.settle(reference, amount * C)


def test_everybody_of_a_role_is_given_theirs_once_however_often_the_worker_looks(alice, bob, dave, november):
    allow(role="member")

    assert allowances.due() == 2
    assert allowances.due() == 0
    assert (shown(alice), shown(bob), shown(dave)) == (100, 100, 0)
    entry = Entry.objects.get(account__user=alice)
    assert (entry.reference, entry.reason) == (f"allowance:{Allowance.objects.get().pk}:{alice.pk}:2026-11", "Allowance for November 2026")


def test_somebody_who_joins_is_given_the_whole_amount(alice, november):
    allow(role="member")
    allowances.due()
    november("2026-11-29 12:00")
    newcomer = person("newcomer@example.org")

    assert allowances.due() == 1
    assert shown(newcomer) == 100


def test_what_was_not_used_lapses_and_the_next_is_given(alice, november):
    allow(alice)
    allowances.due()
    spend(alice, "a", 30)
    november("2026-12-01 00:00")
    allowances.due()

    assert shown(alice) == 100
    told = list(Entry.objects.order_by("pk").values_list("kind", "amount", "reason"))
    assert told[-2:] == [("lapse", -70 * C, "Not used in November 2026"), ("grant", 100 * C, "Allowance for December 2026")]


def test_what_is_kept_is_carried_over_up_to_its_limit(alice, november):
    allow(alice, keeps=50)
    allowances.due()
    spend(alice, "a", 30)  # 70 left: 50 stay
    november("2026-12-01 00:00")
    allowances.due()
    assert shown(alice) == 150
    spend(alice, "b", 120)  # of 150: 30 left, all stay
    november("2027-01-01 00:00")
    allowances.due()

    assert shown(alice) == 130
    assert list(Portion.objects.order_by("pk").values_list("carried", "lapsed", "kept")) == [(0, 20 * C, 50 * C), (50 * C, 0, 30 * C), (30 * C, 0, 0)]


def test_credits_granted_by_hand_never_lapse(alice, november):
    ledger.grant(alice, 40 * C, key="hand", reason="By hand", actor=None)
    allow(alice)
    allowances.due()
    spend(alice, "a", 30)  # counts against the allowance first
    november("2026-12-01 00:00")
    switch_allowance(Allowance.objects.get(), on=False, by=None)
    allowances.due()

    assert shown(alice) == 40


def test_what_is_held_never_lapses_and_counts_as_ordered(alice, november):
    allow(alice)
    allowances.due()
    ledger.hold(alice, 80 * C, reference="a")
    november("2026-12-01 00:00")
    allowances.due()

    assert Entry.objects.get(kind="lapse").amount == -20 * C
    ledger.settle("a", 80 * C)
    assert shown(alice) == 100


def test_what_repaid_a_debt_of_before_was_used(alice, november):
    november("2026-10-31 12:00")
    ledger.hold(alice, 0, reference="a")
    ledger.settle("a", 60 * C)
    november("2026-11-01 00:00")
    allow(alice)
    allowances.due()
    ledger.grant(alice, 500 * C, key="hand", reason="By hand", actor=None)
    november("2026-12-01 00:00")
    allowances.due()

    assert Entry.objects.get(kind="lapse").amount == -40 * C


def test_periods_that_passed_while_no_worker_ran_are_skipped(alice, november):
    allow(alice, amount=10, period="day", keeps=5)
    allowances.due()
    november("2026-11-14 08:00")
    allowances.due()
    allowances.due()

    assert [str(day) for day in Portion.objects.order_by("pk").values_list("starts_on", flat=True)] == ["2026-11-10", "2026-11-14"]
    assert shown(alice) == 15  # the 5 that were kept are Alice's, and are carried on by nothing
    assert list(Portion.objects.order_by("pk").values_list("carried", "kept")) == [(0, 5 * C), (0, 0)]


def test_ones_own_allowance_stands_in_place_of_the_roles_from_the_next_period(alice, bob, november):
    allow(role="member", period="week")
    allowances.due()
    allow(alice, amount=7, period="week")
    allowances.due()
    assert shown(alice) == 100
    november("2026-11-16 00:00")
    allowances.due()

    assert (shown(alice), shown(bob)) == (7, 100)


def test_a_change_counts_from_the_next_period_and_is_recorded(alice, november):
    allowance = allow(alice)
    allowances.due()
    change_allowance(allowance, amount=5 * C, period="day", keeps=0, starts_on=today(), by=None)
    allowances.due()
    assert shown(alice) == 100
    november("2026-12-01 12:00")
    allowances.due()

    assert shown(alice) == 5
    told = AuditEvent.objects.values_list("before__amount", "after__amount", "before__period", "after__period").get(action="allowance.changed")
    assert told == (100 * C, 5 * C, "month", "day")


@pytest.mark.parametrize("change", [{"is_active": False}, {"role": "admin"}])
def test_who_left_or_has_another_role_is_given_nothing_more(alice, november, change):
    allow(role="member")
    allowances.due()
    User.objects.filter(pk=alice.pk).update(**change)
    november("2026-12-01 12:00")
    allowances.due()

    assert shown(alice) == 0


def test_an_allowance_begins_on_its_day(alice, november):
    allowance = allow(alice)
    Allowance.objects.update(starts_on="2026-11-20")
    assert allowances.due() == 0
    november("2026-11-20 00:00")

    assert allowances.due() == 1
    assert Portion.objects.get().allowance == allowance


def test_two_allowances_at_once_are_refused(alice, november):
    first = allow(alice)
    with pytest.raises(AlreadyOne, match=r"alice@example\.org has an allowance"):
        allow(alice)
    switch_allowance(first, on=False, by=None)
    allow(alice, amount=5)

    with pytest.raises(AlreadyOne):
        switch_allowance(first, on=True, by=None)


def test_a_month_ends_at_the_teams_midnight_in_the_night_of_a_clock_change(alice, clock: SetClock, settings):
    settings.TIME_ZONE = "America/New_York"
    clock("2026-10-20 12:00")
    allow(alice)
    allowances.due()
    clock("2026-11-01 03:59")
    assert allowances.due() == 0
    clock("2026-11-01 04:00")

    assert allowances.due() == 2
