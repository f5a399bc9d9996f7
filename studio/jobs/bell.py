"""Rings for boards that wait: their answers are held back until something is newer than what they show, and one thread of a process looks for all of them.

    the page    asks for news with its tag, and asks for the changes once it is told that there are some
    wait        takes the promise of an answer that the server gave
    _watch      two queries each time, however many wait; sleeps while nobody does

It knows no HTTP and decides nothing about who may see what: whoever is rung asks as anybody does. A database that cannot be asked rings for all of
them, so that they find out by themselves.
"""

import logging
import threading
import time
from collections.abc import Collection, Mapping
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass

from django.db import Error, connection

from studio.jobs.board import Tag, tags_of

LOOK_EVERY = 0.25  # seconds
HOLD = 45.0  # seconds: many proxies end an answer that says nothing for 60
NEWS, NONE = b"1", b"0"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Waiting:
    """One open board: whose project and viewer, what its page has seen, and where its answer goes. `until` is by the monotonic clock."""

    project: str
    user: int
    seen: Tag
    answer: "Future[bytes]"
    until: float

    def is_over(self, now: Mapping[tuple[str, int], Tag], clock: float) -> bytes:
        """What to answer: that there are news, that there were none, or nothing yet."""
        if now.get((self.project, self.user)) != self.seen:
            return NEWS
        return NONE if clock >= self.until else b""


class Bell:
    """All boards that wait at this process. Safe from any thread."""

    def __init__(self) -> None:
        self._waiting: set[Waiting] = set()
        self._some = threading.Condition()
        self._thread: threading.Thread | None = None

    def wait(self, project: str, user: int, seen: Tag, answer: "Future[bytes]") -> None:
        """Answer `NEWS` once this project's board or this viewer's account is newer than `seen`, or `NONE` after `HOLD` seconds."""
        with self._some:
            self._waiting.add(Waiting(project, user, seen, answer, time.monotonic() + HOLD))
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._watch, name="bell", daemon=True)
                self._thread.start()
            self._some.notify()

    def _watch(self) -> None:
        while True:
            with self._some:
                self._waiting = {one for one in self._waiting if not one.answer.done()}  # who was rung, and who left
                if not self._waiting:
                    connection.close()  # of this thread: nobody may come for hours
                    self._some.wait()
                waiting = list(self._waiting)
            try:
                ring(waiting)
            except Exception:  # this thread looks after every board of the process
                logger.exception("Boards that wait for news could not be looked after.")
            time.sleep(LOOK_EVERY)


def ring(waiting: Collection[Waiting]) -> None:
    """Answer those for whom it is over. Two queries."""
    try:
        now = tags_of({(one.project, one.user) for one in waiting})
    except Error:
        logger.exception("Boards that wait for news cannot be looked after; they are told to ask.")
        connection.close()
        now = {}
    clock = time.monotonic()
    for one in waiting:
        if over := one.is_over(now, clock):
            with suppress(InvalidStateError):  # they left just now
                one.answer.set_result(over)


bell = Bell()
