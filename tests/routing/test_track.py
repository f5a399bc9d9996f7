"""What is remembered of how orders fared."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.providers.contract import Brief, Operation
from studio.routing import track
from studio.routing.models import Connection, Track
from studio.routing.track import DONE, DOUBT, FAILED, KEPT, MODERATED, Sample

KIND = track.kind_of(Brief(prompt="p", model="m:x", duration=8, resolution="720p"))


def test_what_decides_how_long_it_takes_makes_the_kind():
    assert KIND == "m:x·generate·720p·8"
    assert track.kind_of(Brief(prompt="p", model="m", operation=Operation.EDIT)) == "m·edit··"
    assert (track.model_of(KIND), track.whole_of(KIND), track.is_whole("m·edit"), track.is_whole(KIND)) == ("m:x", "m:x·generate", True, False)


@pytest.mark.django_db
def test_the_newest_fifty_of_a_kind_are_kept_and_also_counted_for_the_model(xai: Connection):
    for number in range(KEPT + 5):
        track.record(xai.pk, KIND, Sample(float(number), DONE, seconds=number))
    rows = {row.kind: row.samples for row in Track.objects.all()}
    assert {kind: (len(samples), samples[-1][0]) for kind, samples in rows.items()} == {KIND: (KEPT, 54.0), "m:x·generate": (KEPT, 54.0)}


def test_what_the_filter_refused_says_nothing_about_health():
    samples = [Sample(0, outcome) for outcome in (DONE, DONE, MODERATED, MODERATED, FAILED, DOUBT)]
    assert track.success_rate(samples) == 0.5
    assert track.success_rate(samples[2:4]) is None


def test_drift_is_what_was_charged_for_each_credit_of_the_estimates():
    assert track.drift([Sample(0, DONE, ratio=1.0), Sample(0, DONE, ratio=1.5), Sample(0, FAILED)]) == 1.25
    assert track.drift([]) is None


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50))
def test_ninety_five_of_a_hundred_were_no_slower_than_the_slow_time(seconds: list[float]):
    slow = track.slow(seconds)
    assert slow is not None
    assert sum(one <= slow for one in seconds) >= 0.95 * len(seconds)
    assert (track.usual([]), track.slow([])) == (None, None)
