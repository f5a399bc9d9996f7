"""The request limit of a connection."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from studio.routing.pace import allowance

START = datetime(2026, 11, 20, tzinfo=UTC)


@given(st.integers(1, 600), st.lists(st.tuples(st.floats(0.05, 5), st.integers(0, 500)), max_size=120))
def test_no_minute_ever_holds_more_than_the_limit(per_minute: int, asks: list[tuple[float, int]]):
    now, paced, sent = START, None, []
    for pause, wanted in asks:
        now += timedelta(seconds=pause)
        granted, paced = allowance(now=now, paced_until=paced, per_minute=per_minute, wanted=wanted)
        assert 0 <= granted <= wanted
        sent += [now] * granted
    for start in set(sent):
        assert sum(start <= moment < start + timedelta(seconds=60) for moment in sent) <= per_minute


def test_a_connection_that_rested_may_call_at_once():
    granted, until = allowance(now=START, paced_until=START - timedelta(hours=1), per_minute=60, wanted=1)
    assert granted == 1
    assert START < until <= START + timedelta(seconds=2)


def test_a_busy_connection_is_used_to_most_of_its_limit():
    now, paced, sent = START, None, 0
    while now < START + timedelta(minutes=10):
        granted, paced = allowance(now=now, paced_until=paced, per_minute=100, wanted=1000)
        sent += granted
        now += timedelta(seconds=1)
    assert sent / 10 >= 85
