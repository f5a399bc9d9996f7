"""Times in a clip, as the page and the file of notes write them."""

import pytest

from studio.gallery.timecodes import timecode


@pytest.mark.parametrize(
    ("milliseconds", "rate", "said"),
    [
        (0, 24_000, "0:00:00"),
        (3_521, 24_000, "0:03:12"),
        (41, 24_000, "0:00:00"),
        (42, 24_000, "0:00:01"),
        (1_000, 24_000, "0:01:00"),
        (1_000, 23_976, "0:00:23"),  # editors count frames: the 24th of 23.976 a second is not over yet
        (61_500, 25_000, "1:01:12"),
        (8_040, 29_970, "0:08:00"),
        (500, 400, "0:00:00"),
        (3_529, 0, "0:03.52"),
        (61_000, 0, "1:01.00"),
    ],
)
def test_a_time_is_said_in_minutes_seconds_and_frames(milliseconds: int, rate: int, said: str):
    assert timecode(milliseconds, rate) == said


@pytest.mark.parametrize("rate", [23_976, 24_000, 25_000, 29_970, 30_000, 59_940, 60_000])
def test_the_middle_of_a_frame_is_in_that_frame_whatever_the_rate(rate: int):
    in_a_second = round(rate / 1000)
    for frame in range(600):
        middle = round((frame + 0.5) / rate * 1_000_000)
        assert timecode(middle, rate).endswith(f":{frame % in_a_second:02d}")
