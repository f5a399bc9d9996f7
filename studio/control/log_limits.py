"""Errors that repeat many times a second are logged once a minute. Knows no Django: settings name it before there is any.

While a disk is full or a database is away every retry fails in the same way, and the log often lies on that very disk.
"""

import logging
import threading
import time

from studio import disk

EVERY = 60.0  # seconds between two lines of one kind
MOST_KINDS = 500  # that are remembered
AWAY = frozenset({"OperationalError", "InterfaceError", "InternalError"})  # what databases raise while they cannot be asked, by name


class Repeated(logging.Filter):
    """Lets an error through once a minute, and then says how often it came meanwhile. Records without an exception are never held back.

    While the disk is full the traceback says nothing that its own sentence does not: it is left out.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._kinds: dict[tuple[str, ...], tuple[float, int]] = {}  # when it was last let through, and how often it was held back since

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this record is logged."""
        error = record.exc_info[1] if record.exc_info else None
        if error is None:
            return True
        trouble = disk.trouble_of(error)
        # Which row or address it was changes with every retry, and does not matter while nothing can be written at all
        words = str(record.msg) if trouble or type(error).__name__ in AWAY else record.getMessage()
        held_back = self._held_back((record.name, words, type(error).__name__, str(error)))
        if held_back is None:
            return False
        said = record.getMessage()
        if trouble:
            said, record.exc_info, record.exc_text = f"{said}: {trouble} ({type(error).__name__}: {error})", None, None
        record.msg, record.args = f"{said} [{held_back} more of these within a minute]" if held_back else said, ()
        return True

    def _held_back(self, kind: tuple[str, ...]) -> int | None:
        """How many of this kind were held back before this one, which is let through; None where this one is held back too."""
        now = time.monotonic()
        with self._lock:
            last, count = self._kinds.get(kind, (None, 0))
            if last is not None and now - last < EVERY:
                self._kinds[kind] = (last, count + 1)
                return None
            if len(self._kinds) >= MOST_KINDS:
                self._kinds.clear()
            self._kinds[kind] = (now, 0)
            return count
