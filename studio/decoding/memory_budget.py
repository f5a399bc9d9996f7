"""The memory that decoding may take on this machine, shared by all processes of ours: slots of 50 MB, each a file that its holder has locked.

Whoever needs several slots first takes the queue's lock, then one slot after the other as they become free, so that two never wait for each other. A lock
is free again when its holder ends, however it ends.
"""

import fcntl
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from django.conf import settings

from studio.decoding.errors import DecoderBusy, Undecodable

SLOT = 50_000_000  # bytes
SMALL = 15_000_000  # bytes: what needs less takes no slot
LOOK_EVERY = 0.02  # seconds


def whole() -> int:
    """Bytes of the budget."""
    return int(settings.DECODING_MEMORY_MB) * 1_000_000


@contextmanager
def taken(memory: int) -> Iterator[None]:
    """So many bytes belong to us meanwhile. Raises DecoderBusy where others hold too many for too long, Undecodable where there are never so many."""
    if memory > whole():
        raise Undecodable("This picture needs more memory to decode than one file may. Make it smaller and upload that.")
    if memory < SMALL:
        yield
        return
    folder = Path(settings.DATA_DIR) / "decoding"
    folder.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + settings.DECODING_PATIENCE
    places = [folder / f"slot-{number}" for number in range(max(1, whole() // SLOT))]
    with ExitStack() as held:
        with ExitStack() as queue:
            _wait_for(1, [folder / "queue"], queue, until)
            _wait_for(min(len(places), -(-memory // SLOT)), places, held, until)
        yield


def _wait_for(wanted: int, places: list[Path], held: ExitStack, until: float) -> None:
    """Lock so many of these files, and keep those that could be had. Raises DecoderBusy."""
    free = list(places)
    while True:
        for place in list(free):
            if not wanted:
                return
            if file := _locked(place):
                held.enter_context(file)
                free.remove(place)
                wanted -= 1
        if not wanted:
            return
        if time.monotonic() > until:
            raise DecoderBusy
        time.sleep(LOOK_EVERY)


def _locked(place: Path) -> IO[bytes] | None:
    file = place.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file
