"""Rate limits that all processes share: exact under any number at once, never flushed, bounded in rows."""

import random
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from django.db import connection, transaction
from hypothesis import given
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from studio.rates import Rate, parse_rates
from studio.shared_state import counters
from studio.shared_state.counters import bucket, give_back, now, seconds_to_wait, spend, used_now
from studio.shared_state.models import Counter

pytestmark = pytest.mark.django_db
HOUR = 3600
START = 1_000 * HOUR  # the beginning of a window


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The time in seconds, which a test sets."""
    at = [START]
    monkeypatch.setattr("time.time", lambda: at[0])
    return at


def test_what_is_within_a_limit_is_counted_and_what_is_over_it_is_not(clock: list[int]):
    rates = parse_rates("3/h")
    assert [spend("orders", rates, key="alice") for _ in range(3)] == [0, 0, 0]
    assert spend("orders", rates, key="alice") > 0
    assert spend("orders", rates, key="bob") == 0
    assert spend("searches", rates, key="alice") == 0
    assert Counter.objects.get(name="orders", key="alice").used == 3


def test_an_amount_counts_whole_or_not_at_all(clock: list[int]):
    rates = parse_rates("1000000000000/d")
    assert spend("bytes", rates, key="alice", amount=999_999_999_999) == 0
    assert spend("bytes", rates, key="alice", amount=2) > 0
    assert spend("bytes", rates, key="alice", amount=1) == 0


@pytest.mark.parametrize("limit", [1, 24_855, 24_856, 596_523, 596_524, 5_000_000_000, 2**60 // 86_400])
def test_a_limit_of_any_size_holds_in_both_windows(clock: list[int], limit: int):
    """On both sides of where its product with the seconds leaves 32 bits."""
    for unit in "hd":
        rates = parse_rates(f"{limit}/{unit}")
        assert spend("bytes", rates, key=unit, amount=limit) == 0
        assert spend("bytes", rates, key=unit) > 0
        clock[0] += rates[0].seconds
        assert spend("bytes", rates, key=unit, amount=limit) > 0


def test_more_than_the_limit_at_once_is_refused_and_counts_nothing(clock: list[int]):
    assert spend("bytes", parse_rates("10/h"), key="alice", amount=11) == HOUR
    assert spend("bytes", parse_rates("10/h"), key="alice", amount=2**70) == HOUR
    assert not Counter.objects.filter(used__gt=0).exists()


def test_of_two_rates_the_stricter_one_decides_and_the_other_counts_nothing(clock: list[int]):
    rates = parse_rates("2/m, 3/h")
    assert [spend("orders", rates, key="alice") > 0 for _ in range(3)] == [False, False, True]
    assert list(Counter.objects.order_by("seconds").values_list("used", flat=True)) == [2, 2]


def test_the_wait_that_is_said_is_enough_and_not_longer_than_the_limit(clock: list[int]):
    rates = parse_rates("3/h")
    for _ in range(3):
        spend("orders", rates, key="alice")
        clock[0] += 600
    wait = spend("orders", rates, key="alice")
    assert 0 < wait <= 2 * HOUR
    clock[0] += wait - 1
    assert spend("orders", rates, key="alice") > 0
    clock[0] += 1
    assert spend("orders", rates, key="alice") == 0


def test_a_limit_does_not_start_again_from_nothing_when_its_hour_ends(clock: list[int]):
    rates = parse_rates("10/h")
    clock[0] += HOUR - 1
    assert [spend("orders", rates, key="alice") for _ in range(10)] == [0] * 10
    clock[0] += 2
    assert spend("orders", rates, key="alice") > 0


def test_a_process_whose_clock_is_a_moment_behind_forgets_nothing(clock: list[int]):
    rates = parse_rates("10/h")
    clock[0] += HOUR - 1
    assert spend("orders", rates, key="alice", amount=5) == 0
    clock[0] += 2
    assert spend("orders", rates, key="alice", amount=5) == 0
    for step in (-2, 2, -2, 2):
        clock[0] += step
        assert spend("orders", rates, key="alice") > 0


def test_a_clock_that_was_set_back_forgets_nothing(clock: list[int]):
    rates = parse_rates("2/h")
    spend("orders", rates, key="alice", amount=2)
    clock[0] -= 5 * HOUR
    assert spend("orders", rates, key="alice") > 0
    clock[0] += 3 * HOUR
    assert spend("orders", rates, key="alice") == 0


def test_what_was_given_back_can_be_used_again(clock: list[int]):
    rates = parse_rates("1/h")
    assert spend("orders", rates, key="alice") == 0
    give_back("orders", rates, key="alice", counted_at=now())
    give_back("orders", rates, key="alice", counted_at=now())  # never below nothing
    assert spend("orders", rates, key="alice") == 0
    assert seconds_to_wait("orders", rates, key="alice") > 0


@pytest.mark.parametrize("moves", [True, False])
def test_what_was_counted_in_the_window_before_is_given_back_too(clock: list[int], moves: bool):
    rates = parse_rates("4/h")
    clock[0] += HOUR - 1
    counted_at = now()
    assert spend("orders", rates, key="alice", amount=4) == 0
    clock[0] += 2
    assert used_now("orders", rates[0], key="alice") == 4
    if moves:
        assert spend("orders", rates, key="alice") > 0
    give_back("orders", rates, key="alice", amount=3, counted_at=counted_at)
    assert used_now("orders", rates[0], key="alice") == 1
    assert [spend("orders", rates, key="alice") for _ in range(3)] == [0] * 3
    assert spend("orders", rates, key="alice") > 0


def test_what_was_counted_two_windows_ago_gives_nothing_back(clock: list[int]):
    rates = parse_rates("4/h")
    counted_at = now()
    spend("orders", rates, key="alice", amount=4)
    clock[0] += 2 * HOUR
    spend("orders", rates, key="alice", amount=4)
    give_back("orders", rates, key="alice", amount=4, counted_at=counted_at)
    assert spend("orders", rates, key="alice") > 0


@given(st.lists(st.tuples(st.integers(0, 900), st.integers(1, 4)), max_size=40))
def test_no_order_of_uses_gets_twice_the_limit_into_any_hour(uses: list[tuple[int, int]]):
    """Two windows weigh what lies behind by its part, so at worst what was spent in one moment counts by half at the end of its hour."""
    with pytest.MonkeyPatch.context() as patch, transaction.atomic():
        at, taken, rates = [START], list[tuple[int, int]](), parse_rates("10/h")
        patch.setattr("time.time", lambda: at[0])
        for later, amount in uses:
            at[0] += later
            if spend("orders", rates, key="alice", amount=amount) == 0:
                taken.append((at[0], amount))
        transaction.set_rollback(True)
    for moment, _ in taken:
        assert sum(amount for when, amount in taken if moment - HOUR < when <= moment) < 20
        window = moment // HOUR
        assert sum(amount for when, amount in taken if when // HOUR == window) <= 10


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_exactly_as_many_as_allowed_are_let_through():
    rates = parse_rates("10/m, 15/h")

    def one(_: int) -> int:
        try:
            return spend("orders", rates, key="alice")
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(one, range(26)))
    assert answers.count(0) == 10
    assert dict(Counter.objects.values_list("seconds", "used")) == {60: 10, HOUR: 10}


@pytest.mark.django_db(transaction=True)
def test_nobody_is_refused_while_there_is_room_however_many_begin_at_once():
    rates = parse_rates("8/h")

    def one(number: int) -> int:
        try:
            return spend("orders", rates, key=f"{number // 8}")
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(one, range(160)))
    assert answers == [0] * 160


def test_strangers_keys_share_a_bounded_number_of_rows_and_cannot_be_aimed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(counters, "BUCKETS", 8)
    for number in range(200):
        spend("resets", parse_rates("1000/h"), key=bucket(f"made-up-{number}@example.org"))
    assert Counter.objects.count() == 8
    assert sum(Counter.objects.values_list("used", flat=True)) == 200


def test_the_buckets_of_another_installation_are_others(settings: Settings):
    before = [bucket(f"{number}") for number in range(5)]
    settings.SECRET_KEY = "another"
    assert before != [bucket(f"{number}") for number in range(5)]


def test_rows_are_deleted_once_they_say_nothing_and_not_before(clock: list[int]):
    spend("orders", parse_rates("1/m"), key="alice")
    spend("orders", parse_rates("1/h"), key="alice")
    clock[0] += 2 * 60
    counters.delete_expired()
    assert list(Counter.objects.values_list("seconds", flat=True)) == [HOUR]


@pytest.mark.parametrize("text", ["30", "0/m", "30/", "30/x", "-1/m", "1/0m", "³/m", "9" * 16 + "/d", "999999999999999/d"])
def test_what_is_no_rate_is_refused(text: str):
    with pytest.raises(ValueError, match=r"is no rate|too large"):
        Rate.parse(text)


def test_rates_are_read_and_ordered_by_their_time():
    assert parse_rates("100/12h,30/m , 5/s") == (Rate(5, 1), Rate(30, 60), Rate(100, 12 * HOUR))
    assert parse_rates("") == ()
    dice = random.Random(1)
    for _ in range(5):
        rates = [f"{dice.randint(1, 9)}/{unit}" for unit in "hmds"]
        assert all(a.seconds <= b.seconds for a, b in pairwise(parse_rates(",".join(rates))))
