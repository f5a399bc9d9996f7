"""What a child can be asked to do with a file: each takes the file, where to write, and words; what it returns goes out as JSON. Raises Undecodable."""

from collections.abc import Callable
from typing import Any

from studio.decoding import films, frames, pictures, titles

TASKS: dict[str, Callable[..., dict[str, object]]] = {
    "reference": pictures.reference,
    "smaller_poster": pictures.smaller_poster,
    "card": pictures.card,
    "bare_card": pictures.bare_card,
    "film": films.probe_and_draw,
    "frame_rate": films.frame_rate,
    "frame": frames.frame,
    "titled": titles.titled,
}


def done(name: str, source: Any, output: Any, words: dict[str, Any]) -> dict[str, object]:
    """What the task tells of its file."""
    return TASKS[name](source, output, **words)
