"""Times in a clip as editors read them: minutes, seconds and frames, as static/js/timecode.js has them too. Pure.

A comment's milliseconds lie in the middle of its frame, so no rounding ever moves it to the next one.
"""

SLACK = 1_000  # millionths of a frame: a time that was rounded down to a millisecond at a frame's very beginning still belongs to it


def timecode(milliseconds: int, frame_rate: int) -> str:
    """3,521 ms at 24,000 frames in a thousand seconds → "0:03:12". Where the rate is not known (0): hundredths, "0:03.52"."""
    if not frame_rate:
        seconds, hundredths = divmod(milliseconds // 10, 100)
        return f"{seconds // 60}:{seconds % 60:02d}.{hundredths:02d}"
    in_a_second = max(1, round(frame_rate / 1000))
    seconds, frame = divmod((milliseconds * frame_rate + SLACK) // 1_000_000, in_a_second)
    return f"{seconds // 60}:{seconds % 60:02d}:{frame:02d}"
