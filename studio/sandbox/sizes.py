"""How many pixels a clip has. Plain numbers; the documents of xAI and CometAPI give 480x480, 848x480, 1280x720, 720x1280 and 1920x1080."""

SHORT_SIDE = {"480p": 480, "720p": 720, "1080p": 1080}


def pixels(aspect_ratio: str, resolution: str) -> tuple[int, int]:
    """Width and height, both even."""
    short = SHORT_SIDE[resolution]
    across, down = (int(part) for part in aspect_ratio.split(":"))
    long = short * max(across, down) // min(across, down) // 8 * 8
    return (long, short) if across >= down else (short, long)
