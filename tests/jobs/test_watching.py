"""When a job is looked at."""

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.jobs.watching import CLOSEST, after_trouble, called_plan, first_look, in_doubt, is_overdue, next_look, plan, prior

chances = st.floats(0, 1)
times = st.lists(st.floats(0.5, 900), min_size=1, max_size=50).map(lambda found: tuple(sorted(found)))


def watched(finish: float, ages: tuple[float, ...], chance: float = 0.5) -> tuple[int, float]:
    """How many looks a job cost that was over at `finish`, and how long nobody knew."""
    age, looks = first_look(ages, chance=chance), 1
    while age < finish:
        age, looks = age + next_look(age, ages, chance=chance), looks + 1
    return looks, age - finish


@given(times)
def test_a_plan_climbs_and_its_last_look_comes_when_all_should_be_over(took: tuple[float, ...]):
    ages = plan(took)
    assert all(late - early >= CLOSEST for early, late in pairwise(ages))
    assert ages[-1] > took[-1]


@given(times, st.floats(0, 1_000), chances)
def test_the_next_look_is_never_at_once_and_never_too_far_away(took: tuple[float, ...], age: float, chance: float):
    wait = next_look(age, plan(took), chance=chance)
    assert CLOSEST <= wait <= 1.2 * max(10.0, plan(took)[-1]) + 1e-6


def test_nobody_looks_while_nothing_can_be_ready():
    assert first_look(plan((100.0, 104.0, 108.0)), chance=0.5) > 90


def test_close_to_the_usual_time_the_looks_are_close():
    ages = plan(tuple(100.0 + step for step in range(10)))
    gaps = [late - early for early, late in pairwise(ages)]
    assert max(gaps) < 2


@pytest.mark.parametrize("usual", [30, 60, 105, 180])
def test_a_plan_costs_no_more_than_a_look_every_five_seconds_and_waits_no_longer_than_one_every_second(usual: int):
    dice = Random(usual)
    history = tuple(sorted(usual * dice.uniform(0.9, 1.1) for _ in range(50)))
    found = [watched(usual * dice.uniform(0.9, 1.1), plan(history), dice.random()) for _ in range(500)]
    assert sum(looks for looks, _ in found) / 500 <= usual / 5 + 1
    assert sorted(wait for _, wait in found)[250] <= 0.55


def test_looks_that_cost_little_are_made_more_often():
    dear, cheap = plan(prior(90.0)), plan(prior(90.0), 20.0)
    assert len(cheap) > 2 * len(dear)


def test_where_callbacks_come_hardly_anybody_looks():
    assert called_plan((20.0, 30.0))[0] > 30
    assert len(called_plan((20.0, 30.0))) == 3


@given(st.integers(0, 10_000), chances)
def test_trouble_is_met_with_longer_waits_up_to_about_a_minute(tries: int, chance: float):
    assert after_trouble(tries, chance=chance) <= 72.1
    assert after_trouble(tries + 1, chance=chance) >= after_trouble(tries, chance=chance)


def test_a_job_in_doubt_is_looked_at_ever_more_seldom_and_given_up_after_a_week():
    waits = [in_doubt(age, chance=0.5) for age in (10, 600, 6_000, 86_400)]
    assert waits == [30, 120, 900, 900]
    assert in_doubt(8 * 86_400, chance=0.5) is None


def test_nobody_waits_for_ever():
    assert not is_overdue(599, usual=6)
    assert is_overdue(601, usual=6)
    assert not is_overdue(1_700, usual=90)
    assert is_overdue(1_801, usual=90)
