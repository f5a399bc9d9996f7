"""The ledger by worked examples. Amounts in whole credits, times 1,000."""

from collections.abc import Callable

import pytest
from django.db import transaction

from studio.accounts.models import User
from studio.credits import ledger
from studio.credits.models import Account, Entry, Hold

C = 1_000


def given(user: User, amount: int, key: str = "first") -> None:
    ledger.grant(user, amount, key=key, reason="A start", actor=None)


def standing(user: User) -> tuple[int, int, int]:
    """Balance, held and owed in credits, after asking whether the books are right."""
    assert ledger.verify() == []
    account = Account.objects.get(user=user)
    return account.balance // C, account.held // C, account.owed // C


def test_a_clip_is_held_then_settled_and_the_rest_comes_back(alice):
    given(alice, 100 * C)

    assert ledger.hold(alice, 40 * C, reference="clip", reason="TIDE-001")
    assert standing(alice) == (100, 40, 0)
    assert ledger.settle("clip", 30 * C)

    assert standing(alice) == (70, 0, 0)
    charge = Entry.objects.get(kind="charge")
    assert (charge.amount, charge.owed, charge.reference, charge.reason) == (-30 * C, 0, "clip", "TIDE-001")
    assert Hold.objects.get().state == "settled"
    assert Hold.objects.get().charged == 30 * C


def test_a_failed_clip_gives_its_hold_back_and_leaves_no_entry(alice):
    given(alice, 100 * C)
    ledger.hold(alice, 40 * C, reference="clip")

    assert ledger.release("clip")

    assert standing(alice) == (100, 0, 0)
    assert not Entry.objects.filter(kind="charge").exists()


def test_asking_twice_moves_nothing_and_says_so(alice):
    given(alice, 100 * C)
    ledger.hold(alice, 10 * C, reference="spent")
    ledger.hold(alice, 10 * C, reference="returned")
    ledger.settle("spent", 7 * C)
    ledger.release("returned")
    ledger.adjust(alice, -3 * C, key="mend", reason="A mistake", actor=None)
    version = Account.objects.get().version

    assert not ledger.grant(alice, 100 * C, key="first", reason="A start", actor=None)
    assert not ledger.hold(alice, 10 * C, reference="spent")
    assert not ledger.settle("spent", 7 * C)
    assert not ledger.release("returned")
    assert not ledger.adjust(alice, -3 * C, key="mend", reason="A mistake", actor=None)

    assert standing(alice) == (90, 0, 0)
    assert Account.objects.get().version == version


def test_the_same_key_with_other_content_is_a_conflict(alice, bob):
    given(alice, 100 * C)
    given(bob, 100 * C, key="bob")
    ledger.hold(alice, 10 * C, reference="spent")
    ledger.hold(alice, 10 * C, reference="returned")
    ledger.settle("spent", 7 * C)
    ledger.release("returned")

    for again in (
        lambda: given(alice, 99 * C),
        lambda: given(bob, 100 * C),
        lambda: ledger.hold(alice, 11 * C, reference="spent"),
        lambda: ledger.hold(bob, 10 * C, reference="spent"),
        lambda: ledger.settle("spent", 8 * C),
        lambda: ledger.release("spent"),
        lambda: ledger.settle("returned", 1 * C),
    ):
        with pytest.raises(ledger.Conflict):
            again()

    assert standing(alice) == (93, 0, 0)
    assert standing(bob) == (100, 0, 0)


def test_a_hold_can_never_take_what_is_not_there(alice):
    given(alice, 50 * C)
    ledger.hold(alice, 30 * C, reference="one")

    with pytest.raises(ledger.Insufficient) as refusal:
        ledger.hold(alice, 25 * C, reference="two")

    assert (refusal.value.needed, refusal.value.free, refusal.value.missing) == (25 * C, 20 * C, 5 * C)
    assert str(refusal.value) == "This needs 25 credits; 20 can be spent. 5 are missing."
    assert standing(alice) == (50, 30, 0)
    assert not Hold.objects.filter(reference="two").exists()


def test_somebody_without_credits_is_told_how_many_are_missing(alice):
    with pytest.raises(ledger.Insufficient) as refusal:
        ledger.hold(alice, 25 * C, reference="clip")

    assert refusal.value.missing == 25 * C


def test_a_charge_above_its_hold_takes_what_is_free_first(alice):
    given(alice, 100 * C)
    ledger.hold(alice, 40 * C, reference="clip")

    ledger.settle("clip", 60 * C)

    assert standing(alice) == (40, 0, 0)


def test_what_neither_hold_nor_balance_can_give_is_owed_and_other_holds_stay_whole(alice):
    given(alice, 100 * C)
    ledger.hold(alice, 40 * C, reference="dear")
    ledger.hold(alice, 50 * C, reference="other")

    ledger.settle("dear", 65 * C)  # 40 held, 10 free, 15 owed

    assert standing(alice) == (50, 50, 15)
    assert Account.objects.get().shown == 35 * C
    entry = Entry.objects.get(kind="charge")
    assert (entry.amount, entry.owed, entry.change) == (-50 * C, 15 * C, -65 * C)


def test_nothing_not_even_a_hold_of_nothing_is_put_aside_while_something_is_owed(alice):
    given(alice, 10 * C)
    ledger.hold(alice, 10 * C, reference="dear")
    ledger.settle("dear", 25 * C)

    with pytest.raises(ledger.Insufficient) as refusal:
        ledger.hold(alice, 0, reference="next")

    assert (refusal.value.free, refusal.value.missing) == (0, 15 * C)
    assert standing(alice) == (0, 0, 15)


def test_a_grant_repays_what_is_owed_before_it_can_be_spent(alice):
    given(alice, 10 * C)
    ledger.hold(alice, 10 * C, reference="dear")
    ledger.settle("dear", 25 * C)

    given(alice, 10 * C, key="second")
    assert standing(alice) == (0, 0, 5)
    ledger.adjust(alice, 20 * C, key="third", reason="Sorry", actor=None)

    assert standing(alice) == (15, 0, 0)
    assert [(row.amount // C, row.owed // C) for row in Entry.objects.order_by("pk")] == [(10, 0), (-10, 15), (0, -10), (15, -5)]
    assert not ledger.grant(alice, 10 * C, key="second", reason="A start", actor=None)


@pytest.mark.parametrize(("end", "left"), [("release", (35, 0, 0)), ("settle", (25, 0, 0))])
def test_what_comes_back_from_a_hold_repays_what_is_owed(alice, end, left):
    given(alice, 100 * C)
    ledger.hold(alice, 50 * C, reference="dear")
    ledger.hold(alice, 50 * C, reference="other")
    ledger.settle("dear", 65 * C)
    assert standing(alice) == (50, 50, 15)

    if end == "release":
        ledger.release("other")
    else:
        ledger.settle("other", 10 * C)

    assert standing(alice) == left  # she can order again, though nobody granted anything
    repaid = Entry.objects.get(kind="repay")
    assert (repaid.reference, repaid.amount, repaid.owed, repaid.change) == ("other", -15 * C, -15 * C, 0)


def test_an_unknown_price_holds_nothing_and_is_charged_from_what_is_free(alice):
    given(alice, 100 * C)

    assert ledger.hold(alice, 0, reference="unknown")
    assert ledger.settle("unknown", 12 * C)

    assert standing(alice) == (88, 0, 0)


def test_a_clip_that_cost_nothing_is_settled_without_an_entry(alice):
    given(alice, 100 * C)
    ledger.hold(alice, 10 * C, reference="free")

    assert ledger.settle("free", 0)

    assert standing(alice) == (100, 0, 0)
    assert Hold.objects.get().state == "settled"
    assert not ledger.settle("free", 0)
    with pytest.raises(ledger.Conflict):
        ledger.release("free")


def test_credits_that_are_held_cannot_be_taken_away(alice):
    given(alice, 100 * C)
    ledger.hold(alice, 60 * C, reference="clip")

    with pytest.raises(ledger.Insufficient) as refusal:
        ledger.adjust(alice, -41 * C, key="take", reason="Mistake", actor=None)
    assert (refusal.value.free, refusal.value.missing) == (40 * C, 1 * C)
    assert ledger.adjust(alice, -40 * C, key="take", reason="Mistake", actor=None)

    assert standing(alice) == (60, 60, 0)


def test_a_hold_that_nobody_made_cannot_end(db):
    with pytest.raises(ledger.NothingHeld):
        ledger.settle("nothing", 1)
    with pytest.raises(ledger.NothingHeld):
        ledger.release("nothing")


def test_the_callers_transaction_takes_the_ledger_with_it(alice):
    given(alice, 100 * C)

    def order_that_dies() -> None:
        with transaction.atomic():
            ledger.hold(alice, 40 * C, reference="clip")
            ledger.settle("clip", 30 * C)
            raise InterruptedError

    with pytest.raises(InterruptedError):
        order_that_dies()

    assert standing(alice) == (100, 0, 0)
    assert not Hold.objects.exists()


def test_a_refused_hold_leaves_the_callers_transaction_usable(alice):
    given(alice, 10 * C)

    with transaction.atomic():
        with pytest.raises(ledger.Insufficient):
            ledger.hold(alice, 40 * C, reference="clip")
        ledger.hold(alice, 5 * C, reference="smaller")
        assert not ledger.hold(alice, 5 * C, reference="smaller")

    assert standing(alice) == (10, 5, 0)


def test_every_change_raises_the_accounts_version(alice):
    versions = []
    changes: list[Callable[[], object]] = [
        lambda: ledger.grant(alice, 100 * C, key="first", reason="A start", actor=None),
        lambda: ledger.hold(alice, 10 * C, reference="a"),
        lambda: ledger.settle("a", 5 * C),
        lambda: ledger.hold(alice, 10 * C, reference="b"),
        lambda: ledger.release("b"),
        lambda: ledger.adjust(alice, -1 * C, key="c", reason="Mend", actor=None),
    ]
    for change in changes:
        change()
        versions.append(Account.objects.get().version)

    assert versions == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("amount", [1.5, True, "10", None])
def test_credits_move_in_whole_millicredits_only(alice, amount):
    with pytest.raises(TypeError):
        ledger.grant(alice, amount, key="k", reason="r", actor=None)


def test_amounts_out_of_range_are_refused_before_anything_moves(alice):
    wrongs: list[Callable[[], object]] = [
        lambda: ledger.grant(alice, 0, key="k", reason="r", actor=None),
        lambda: ledger.grant(alice, -5, key="k", reason="r", actor=None),
        lambda: ledger.grant(alice, 10**18, key="k", reason="r", actor=None),
        lambda: ledger.adjust(alice, 0, key="k", reason="r", actor=None),
        lambda: ledger.adjust(alice, -(10**18), key="k", reason="r", actor=None),
        lambda: ledger.hold(alice, -1, reference="r"),
        lambda: ledger.settle("r", -1),
        lambda: ledger.grant(alice, 5, key="", reason="r", actor=None),
        lambda: ledger.grant(alice, 5, key="k" * 81, reason="r", actor=None),
        lambda: ledger.grant(alice, 5, key="k", reason="  ", actor=None),
        lambda: ledger.grant(alice, 5, key="k", reason="r" * 301, actor=None),
    ]
    for wrong in wrongs:
        with pytest.raises(ValueError, match=r"out of range|adjusts nothing|characters"):
            wrong()

    assert not Entry.objects.exists()


def test_looking_at_an_account_makes_it_once(alice):
    first, second = ledger.account_of(alice), ledger.account_of(alice)

    assert first == second
    assert (first.balance, first.held, first.owed, first.free, first.shown) == (0, 0, 0, 0, 0)
    assert str(first) == f"account of {alice.pk}"


def test_a_movement_costs_the_same_whatever_the_ledger_holds(alice, django_assert_num_queries):
    given(alice, 1_000 * C)
    for number in range(100):
        ledger.hold(alice, 1 * C, reference=f"old-{number}")
        ledger.settle(f"old-{number}", 1 * C)

    savepoints = 2  # one atomic block of ours inside the test's own
    with django_assert_num_queries(5 + savepoints):
        ledger.hold(alice, 1 * C, reference="new")
    with django_assert_num_queries(8 + savepoints):
        ledger.settle("new", 1 * C)
