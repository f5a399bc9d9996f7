"""How long a job takes, as a rule of its brief."""

import pytest

from studio.sandbox.timeline import making


def usual(seconds: int, resolution: str, *, speed: float = 1.0) -> float:
    """Seconds that such a job takes on average: ids shift it by 10 % at most."""
    taken = [making(str(number), seconds=seconds, resolution=resolution, speed=speed).total_seconds() for number in range(200)]
    mean = sum(taken) / len(taken)
    assert 0.88 * mean < min(taken) < max(taken) < 1.12 * mean
    return mean


def test_the_usual_clip_takes_six_seconds_and_the_longest_twelve():
    assert usual(8, "720p") == pytest.approx(6, rel=0.02)
    assert usual(30, "1080p") == pytest.approx(12, rel=0.02)


def test_longer_clips_and_more_pixels_take_longer():
    by_length = [usual(seconds, "720p") for seconds in (1, 6, 8, 15, 30)]
    by_size = [usual(8, resolution) for resolution in ("480p", "720p", "1080p")]
    assert by_length == sorted(by_length)
    assert by_size == sorted(by_size)
    assert len({*by_length, *by_size}) == 7  # the usual one is in both


def test_speed_divides_it():
    assert usual(8, "720p", speed=50) == pytest.approx(0.12, rel=0.02)


def test_one_id_always_takes_the_same():
    assert len({making("an id", seconds=8, resolution="720p", speed=1) for _ in "123"}) == 1
