"""The request limit of a connection."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.routing.pace import LATE, allowance, free_at, strain

START = datetime(2026, 11, 20, tzinfo=UTC)


@given(st.integers(1, 600), st.lists(st.tuples(st.floats(0.05, 5), st.integers(0, 500), st.floats(0, LATE)), max_size=120))
def test_no_minute_at_the_provider_ever_holds_more_than_the_limit(per_minute: int, asks: list[tuple[float, int, float]]):
    now, paced, arrived = START, None, []
    for pause, wanted, late in asks:
        now += timedelta(seconds=pause)
        granted, paced = allowance(now=now, paced_until=paced, per_minute=per_minute, wanted=wanted)
        assert 0 <= granted <= wanted
        arrived += [now + timedelta(seconds=late)] * granted
    for start in set(arrived):
        assert sum(start <= moment < start + timedelta(seconds=60) for moment in arrived) <= per_minute


@pytest.mark.parametrize("per_minute", [1, 20, 60, 300])
def test_whoever_asks_at_every_moment_that_allows_it_has_no_more_than_the_limit_in_61_seconds(per_minute: int):
    now, paced, sent = START, None, []
    while now < START + timedelta(minutes=3):
        granted, paced = allowance(now=now, paced_until=paced, per_minute=per_minute, wanted=1000)
        sent += [now] * granted
        now = free_at(now=now, paced_until=paced, per_minute=per_minute)

    window = timedelta(seconds=60 + LATE)
    assert max(sum(start <= moment < start + window for moment in sent) for start in set(sent)) <= per_minute


@pytest.mark.parametrize("per_minute", [1, 60, 6000])
def test_a_clock_that_was_ahead_stops_nothing_for_longer_than_the_limit_itself_could(per_minute: int):
    ahead = START + timedelta(hours=1)
    assert free_at(now=START, paced_until=ahead, per_minute=per_minute) == START
    granted, until = allowance(now=START, paced_until=ahead, per_minute=per_minute, wanted=10**6)
    assert (granted > 0, until <= START + timedelta(seconds=122)) == (True, True)
    a_little = START + timedelta(seconds=50)  # another machine's, whose clock is not wrong
    assert free_at(now=START, paced_until=a_little, per_minute=6000) > START


def test_a_connection_that_rested_may_call_at_once():
    granted, until = allowance(now=START, paced_until=START - timedelta(hours=1), per_minute=60, wanted=1)
    assert granted == 1
    assert START < until <= START + timedelta(seconds=2)


@pytest.mark.parametrize(("per_minute", "share"), [(20, 0.85), (60, 0.94), (5_000, 0.96)])
def test_a_busy_connection_is_used_to_most_of_its_limit(per_minute: int, share: float):
    now, paced, sent = START, None, 0
    while now < START + timedelta(minutes=10):
        granted, paced = allowance(now=now, paced_until=paced, per_minute=per_minute, wanted=1000)
        sent += granted
        now += timedelta(seconds=0.3)
    assert sent / 10 >= share * per_minute


@pytest.mark.parametrize("per_minute", [1, 20, 60, 600])
def test_the_moment_that_is_named_for_the_next_request_is_the_first_one_that_allows_it(per_minute: int):
    _, until = allowance(now=START, paced_until=None, per_minute=per_minute, wanted=1000)
    free = free_at(now=START, paced_until=until, per_minute=per_minute)
    assert free > START
    assert allowance(now=free, paced_until=until, per_minute=per_minute, wanted=1)[0] == 1
    assert allowance(now=free - timedelta(milliseconds=1), paced_until=until, per_minute=per_minute, wanted=1)[0] == 0
    assert free_at(now=START, paced_until=None, per_minute=per_minute) == START


@given(st.integers(1, 600), st.integers(0, 100))
def test_the_strain_of_a_limit_is_none_at_rest_and_whole_when_the_next_request_must_wait(per_minute: int, wanted: int):
    assert strain(now=START, paced_until=None, per_minute=per_minute) == 0
    granted, paced = allowance(now=START, paced_until=None, per_minute=per_minute, wanted=wanted)
    more, _ = allowance(now=START, paced_until=paced, per_minute=per_minute, wanted=1)

    taken = strain(now=START, paced_until=paced, per_minute=per_minute)

    assert 0 <= taken <= 1
    assert (taken == 1) == (more == 0)
    assert (taken == 0) == (granted == 0)
