"""When to look at a job again. Pure; all figures in seconds.

A plan is made from how long such orders took here before: a list of ages at which to look. Few looks while nothing can be ready, closer ones
where it usually is. How many are worth making is a budget: what asking every five seconds would spend. Where they lie follows the theory of
inspection: their density goes with the square root of the chance that it ends just now.
"""

from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

STEADY = 5.0  # the interval of the plain poll whose number of requests is the budget
SHARE = 0.9  # of that budget; the rest is for what takes longer than ever before
CALLED = 3.0  # looks for a job whose end a callback tells: in case it gets lost
CLOSEST = 0.3  # between two looks; what is due is seen five times a second
LONGEST = 10.0  # between looks at what takes longer than it ever did, until it is far too late
SMEAR = 0.05  # of a time: the next one will not be quite like it
LEAST_SMEAR = 0.4
CELLS = 480  # of the grid on which a plan is reckoned: coarser than CLOSEST it would leave looks out
# Shares of the usual time, where this installation has no history of its own: a fifth to twice as much, half of them below it, and so close that no
# time between is left out. What documents call usual says little about a short clip or a small one.
PRIOR = (*(0.2 ** (1 - step / 14) for step in range(14)), *(2.0 ** (step / 14) for step in range(15)))
SPREAD = 0.2  # of a delay, so that jobs do not fall into step after an outage
PATIENCE = 20  # times the usual, and then a job that still renders is in doubt
LEAST_PATIENCE = 600.0  # a busy machine draws the sandbox's clips slowly, and a real provider has slow hours
DOUBT_LOOKS = (30.0, 900.0)  # shortest and longest wait between looks at a job in doubt
DOUBT_GIVEN_UP = 7 * 86_400.0  # since it was sent: from then on only a person or a callback says more


def prior(usual: float) -> tuple[float, ...]:
    """Times to plan with while there are none."""
    return tuple(usual * share for share in PRIOR)


@lru_cache(maxsize=512)
def plan(times: tuple[float, ...], worth: float = 1.0) -> tuple[float, ...]:
    """The ages at which to look at an order whose like took `times` (ascending, at least one). `worth` multiplies the budget of looks."""
    half = [max(LEAST_SMEAR, SMEAR * time) for time in times]
    end = max(time + width for time, width in zip(times, half, strict=True))
    edges = [end * cell / CELLS for cell in range(CELLS + 1)]
    over = [sum(_share_over(edge, time, width) for time, width in zip(times, half, strict=True)) / (len(times) + 0.5) for edge in edges]
    density = [((late - early) / (1 - early)) ** 0.5 for early, late in pairwise(over)]
    expected = sum(here * (1 - early) for here, early in zip(density, over, strict=False))
    budget = max(CALLED, SHARE * worth * sum(times) / len(times) / STEADY)
    return _ages(edges, [budget * here / expected for here in density])


def called_plan(times: tuple[float, ...]) -> tuple[float, ...]:
    """The same where callbacks are known to come: a few looks, from the time on when it should long be over."""
    latest = times[-1]
    return tuple(latest * (1.1 + 0.4 * number) for number in range(int(CALLED)))


def first_look(ages: Sequence[float], *, chance: float) -> float:
    """How long after its acceptance to look first. `chance` is 0 to 1."""
    return next_look(0.0, ages, chance=chance)


def next_look(age: float, ages: Sequence[float], *, chance: float) -> float:
    """How long until the next look at a job accepted `age` seconds ago; past the plan's end a tenth of its age, within bounds."""
    place = bisect_right(ages, age + CLOSEST / 2)
    if place == len(ages):
        return _spread(min(LONGEST, max(1.0, age / 10)), chance)
    gap = ages[place] - (ages[place - 1] if place else 0.0)
    return max(CLOSEST, ages[place] - age + SPREAD * min(gap, ages[place] - age) * (chance - 0.5))


def after_trouble(tries: int, *, chance: float) -> float:
    """How long to wait after the `tries`-th step in a row that did not work."""
    return _spread(min(60.0, 2.0 ** min(tries, 6)), chance)


def in_doubt(age: float, *, chance: float) -> float | None:
    """How long until the next look at a job in doubt that was sent `age` seconds ago; None when looking on makes no sense."""
    if age > DOUBT_GIVEN_UP:
        return None
    least, most = DOUBT_LOOKS
    return _spread(min(most, max(least, age / 5)), chance)


def is_overdue(age: float, usual: float) -> bool:
    """Whether a job accepted `age` seconds ago has waited longer than anybody should."""
    return age > max(LEAST_PATIENCE, PATIENCE * usual)


def _share_over(age: float, time: float, width: float) -> float:
    """How much of one smeared time lies before `age`: 0 to 1."""
    return min(1.0, max(0.0, (age - time + width) / (2 * width)))


def _ages(edges: Sequence[float], looks: Sequence[float]) -> tuple[float, ...]:
    """Where the running sum of looks passes each whole number, not closer than CLOSEST; the last one where nothing should be left."""
    ages: list[float] = []
    passed = 0.0
    for edge, more in zip(edges[1:], looks, strict=True):
        if int(passed + more) > int(passed) and (not ages or edge - ages[-1] >= CLOSEST):
            ages.append(edge)
        passed += more
    return (*(age for age in ages if age <= edges[-1] - CLOSEST), edges[-1])


def _spread(delay: float, chance: float) -> float:
    return delay * (1 - SPREAD + 2 * SPREAD * chance)
