"""What the storm counts, of any number of events: a short storm may have had no doubt at all."""

import pytest

from tests.stress.reckoning import after_doubt

DOUBT, DONE, FAILED = ("A", "in_doubt", "lost"), ("A", "saved", ""), ("A", "failed", "timeout")
OTHER = ("B", "in_doubt", "lost")


@pytest.mark.parametrize(
    ("events", "counted"),
    [
        ([], {}),
        ([DONE], {}),
        ([DOUBT], {"lost → still in doubt": 1}),
        ([DOUBT, DONE], {"lost → saved": 1}),
        ([DOUBT, FAILED, OTHER], {"lost → failed timeout": 1, "lost → still in doubt": 1}),
        ([DOUBT, OTHER, DONE], {"lost → still in doubt": 2}),
    ],
)
def test_each_doubt_is_counted_with_what_followed_in_its_own_job(events: list[tuple[object, str, str]], counted: dict[str, int]):
    assert after_doubt(events) == counted
