"""Time limits for tests that wait for real processes and browsers, scaled to the speed that this machine has right now.

A limit is chosen for an idle machine. A slow or busy one gets proportionally longer, so that only a product that never gets there fails.
"""

import os
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
REFERENCE = 0.06  # seconds that _work() takes on an idle core of the machine for which the limits were chosen
MOST = 20.0  # times a limit, whatever was measured: a product that hangs must fail within the time of a CI run
FRESH = 5.0  # seconds for which a measurement counts
_measured: tuple[float, float] = (-FRESH, 1.0)  # when, and the slowness


def slowness() -> float:
    """How many times slower than the reference this machine is for one more process, between 1 and MOST.

    The larger of two measurements: a fixed piece of work (the speed of a core and the share of it that we get) and the load per core over the last
    minute (which also tells of a load that has just ended, and slowed down what we waited for).
    """
    global _measured  # noqa: PLW0603 - a cache of one number
    now = time.monotonic()
    if now - _measured[0] > FRESH:
        load = os.getloadavg()[0] / (os.cpu_count() or 1)
        _measured = time.monotonic(), min(MOST, max(1.0, core_slowness(), load))
    return _measured[1]


def core_slowness() -> float:
    """How many times slower than the reference one core is at this moment for this process."""
    return _work() / REFERENCE


def scaled(seconds: float) -> float:
    """A limit of so many seconds on an idle machine, as long as this one needs it."""
    return seconds * slowness()


def milliseconds(seconds: float) -> float:
    """The same for Playwright, which counts in milliseconds."""
    return scaled(seconds) * 1000


def eventually(ask: Callable[[], T], *, within: float, every: float = 0.1) -> T:
    """The first true answer, or an error that shows the last one. `within` counts seconds of an idle machine."""
    began = time.monotonic()
    while True:
        if answer := ask():
            return answer
        waited = time.monotonic() - began
        if waited > within and waited > scaled(within):
            raise AssertionError(f"not within {within:g} s, scaled to {scaled(within):.0f} s: {answer!r}")
        time.sleep(every)  # waits for other processes, never for our own code


def _work() -> float:
    """The wall-clock seconds of a fixed piece of work, long enough to be interrupted on a busy machine."""
    began, total = time.perf_counter(), 0
    for number in range(1_500_000):
        total += number & 7
    return time.perf_counter() - began
