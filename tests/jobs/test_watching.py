"""When a job is looked at."""

from hypothesis import given
from hypothesis import strategies as st

from studio.jobs.watching import after_trouble, first_look, is_overdue, next_look

chances = st.floats(0, 1)


@given(st.floats(0.1, 600), chances)
def test_the_first_look_waits_for_about_half_the_usual_time(usual: float, chance: float):
    half = max(1.0, usual / 2)
    assert 0.79 * half <= first_look(usual, chance=chance) <= 1.21 * half


@given(st.floats(0, 100_000), chances)
def test_later_looks_come_every_one_to_ten_seconds(age: float, chance: float):
    assert 0.79 <= next_look(age, chance=chance) <= 12.1


@given(st.integers(0, 10_000), chances)
def test_trouble_is_met_with_longer_waits_up_to_about_a_minute(tries: int, chance: float):
    assert after_trouble(tries, chance=chance) <= 72.1
    assert after_trouble(tries + 1, chance=chance) >= after_trouble(tries, chance=chance)


def test_nobody_waits_for_ever():
    assert not is_overdue(599, usual=6)
    assert is_overdue(601, usual=6)
    assert not is_overdue(1_700, usual=90)
    assert is_overdue(1_801, usual=90)
