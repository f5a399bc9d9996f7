"""The worker's hands: one event loop and one wire for a process, and the discipline by which answers become rows.

The loop only runs while calls are out; every answer is written down by ordinary code between its runs, so the database never waits for the network.
Knows no job: what an answer means is said by whoever started the call.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from typing import TypeVar

from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections
from django.db import connection as database
from redis.exceptions import RedisError

from studio.database import AWAY
from studio.providers.contract import Listing
from studio.providers.wire import Answer, Patience, Wire

log = logging.getLogger(__name__)
T = TypeVar("T")
Outcome = Answer | Mapping[str, Answer] | Listing | BaseException
Write = Callable[[Outcome], None]
Task = asyncio.Task[Answer] | asyncio.Task[dict[str, Answer]] | asyncio.Task[Listing]

BROKER_AWAY = (DatabaseError, InterfaceError, OSError, RedisError)  # what the queue raises while it cannot be reached
PAUSE = 0.5  # seconds between tries to write an answer down when no call is out
MOST_PAUSES = 90
NAP = 0.1  # seconds between two looks beside the calls
DOWNLOADING = Patience(read=30.0, total=100.0)  # of one try; what it brought is kept for the next one


class Unwritten(Exception):
    """An answer came, and a fault of ours kept it from being written down. It is written down in the answer's place."""


class Calls:
    """The calls that are out, each with what is to be done with its answer."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Nothing is out yet."""
        self._loop = loop
        self._out: dict[Task, Write] = {}
        self._over: asyncio.Queue[Task] = asyncio.Queue()
        self.unwritten: deque[tuple[Write, Outcome]] = deque()

    def __len__(self) -> int:
        return len(self._out)

    def start(self, call: Coroutine[None, None, Answer | dict[str, Answer] | Listing], write: Write) -> Task:
        """Begin a call. It runs only while somebody waits for it."""
        task: Task = self._loop.create_task(call)  # type: ignore[assignment]  # one of the three
        self._out[task] = write
        task.add_done_callback(self._over.put_nowait)  # not asyncio.wait, which asks every call again each time one ends
        return task

    async def ended(self) -> list[tuple[Write, Outcome]]:
        """Those that have ended, in that order. Waits for one, but not long: there is work beside them."""
        if not self._out:
            await asyncio.sleep(PAUSE)
            return []
        try:
            async with asyncio.timeout(NAP):
                tasks = [await self._over.get()]
        except TimeoutError:
            return []
        while not self._over.empty():
            tasks.append(self._over.get_nowait())
        return [(self._out.pop(task), task.exception() or task.result()) for task in tasks]


class Hands:
    """One event loop and one wire for a worker process: connections to providers survive from sweep to sweep."""

    def __init__(self) -> None:
        """Nothing is opened yet."""
        self.loop = asyncio.new_event_loop()
        self.wire = Wire(allowed_hosts=allowed_hosts(), downloading=DOWNLOADING)

    def calls(self) -> Calls:
        """A fresh set of calls on this loop."""
        return Calls(self.loop)

    def finish(self, calls: Calls, meanwhile: Callable[[], None], *, within: float | None = None) -> bool:
        """Wait for every call and write each down as it ends; False once `within` seconds are over and some are still out.

        Calls are never cut off: a paid one without an answer would be in doubt. No answer is lost to what goes wrong with another, nor to a database that
        is away for less than 45 s. `meanwhile` runs between the waits.
        """
        unwritten, pauses = calls.unwritten, 0
        end = None if within is None else time.monotonic() + within
        while calls or (unwritten and pauses < MOST_PAUSES):
            if end is not None and time.monotonic() > end:
                return False
            pauses += not calls
            unwritten.extend(self.run(calls.ended()))
            while unwritten and _written(*unwritten[0]):
                unwritten.popleft()
            unwritten.rotate(-1)  # after a failure another one is first: one that always fails must not bar the rest
            try:
                meanwhile()
            except Exception:
                log.exception("nothing could be done beside the calls")
        for _, outcome in unwritten:
            log.error("never written down: %s", _named(outcome))
        unwritten.clear()
        return True

    def run(self, call: Coroutine[None, None, T]) -> T:
        """The result of one coroutine."""
        return self.loop.run_until_complete(call)

    def run_long(self, call: Coroutine[None, None, T], *, alive: Callable[[], None]) -> T:
        """The same for one that may take minutes: `alive` is called every second, or the supervisor would take this cluster for dead."""
        task = self.loop.create_task(call)
        while not task.done():
            self.run(_a_second_of(task))
            alive()
        return task.result()

    def close(self) -> None:
        """End the connections and the loop."""
        self.run(self.wire.close())
        self.loop.close()


def breathe() -> None:
    """Let others write: SQLite's lock is no queue, and a greedy writer would starve the web."""
    if database.vendor == "sqlite":
        time.sleep(0.002)


def _written(write: Write, outcome: Outcome) -> bool:
    """Whether this answer is done with; False when the database is away, and it must be tried again. Writing one down twice changes nothing."""
    try:
        write(outcome)
    except AWAY:
        log.exception("not written down yet: %s", _named(outcome))
        close_old_connections()
        return False
    except Exception as error:
        log.exception("a fault of ours: %s", _named(outcome))
        return isinstance(outcome, Unwritten) or _written(write, Unwritten(str(error)))
    return True


def _named(outcome: Outcome) -> str:
    """What an operator needs to find a paid job again."""
    return f"the answer for {outcome.report.remote_id}" if isinstance(outcome, Answer) else repr(outcome)[:300]


async def _a_second_of(task: asyncio.Task[T]) -> None:
    await asyncio.wait([task], timeout=1.0)


def allowed_hosts() -> frozenset[str]:
    """Private addresses that the operator allowed, and our own sandbox."""
    sandbox = {settings.SANDBOX_URL.split("://", 1)[1]} if settings.SANDBOX else set()
    return settings.ALLOW_PRIVATE_HOSTS | sandbox


_hands: Hands | None = None


def hands() -> Hands:
    """The pair that this process works with, made on first use: django-q forks, and a loop must not cross a fork."""
    global _hands  # noqa: PLW0603 - one a process is the point
    if _hands is None or _hands.loop.is_closed():
        _hands = Hands()
    return _hands


def hand_over(pair: Hands) -> None:
    """Leave this pair to a thread that goes on with its calls, and closes it: the next call of `hands` makes a new one."""
    global _hands  # noqa: PLW0603 - as above
    if _hands is pair:
        _hands = None


def let_go() -> None:
    """Close this process's hands, if it has any; the next call makes new ones."""
    global _hands  # noqa: PLW0603 - as above
    if _hands is not None and not _hands.loop.is_closed():
        _hands.close()
    _hands = None
