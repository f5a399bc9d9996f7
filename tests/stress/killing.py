"""A worker that dies at a chosen line, and the choice of lines.

`traced` lists the lines of the watched files that a piece of work runs through. The long run dies at each of them, the sample
once in each of half the functions: a quarter of them on SQLite, another quarter on PostgreSQL. The run's seed chooses which half.
"""

import asyncio
import random
import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any
from zlib import crc32

from django.db import connection as database

from studio.jobs import hands
from tests.long_run import LONG


class Killed(BaseException):
    """The worker's process is gone."""


@dataclass(frozen=True, order=True)
class Line:
    """A line of ours that ran."""

    file: str
    function: str
    number: int

    def __str__(self) -> str:
        return f"{self.file}:{self.number}, in {self.function}"


class Killer:
    """Raises Killed at the n-th line that runs in the watched files, counted from 1; `died_at` says where, and is None if the work ended before."""

    def __init__(self, at: int, *, files: Collection[str]) -> None:
        self.at = at
        self.files = files
        self.lines: list[Line] = []
        self.died_at: Line | None = None

    def __enter__(self) -> "Killer":
        self.before = sys.gettrace()
        sys.settrace(self._enter_frame)
        return self

    def __exit__(self, *error: object) -> None:
        sys.settrace(self.before)

    def _enter_frame(self, frame: FrameType, event: str, arg: Any) -> Any:
        return self._line if frame.f_code.co_filename in self.files and not self.died_at else None

    def _line(self, frame: FrameType, event: str, arg: Any) -> Any:
        if event != "line" or self.died_at:
            return self._line
        code = frame.f_code
        self.lines.append(Line(Path(code.co_filename).name, code.co_qualname, frame.f_lineno))
        if len(self.lines) == self.at:
            self.died_at = self.lines[-1]
            raise Killed(str(self.died_at))
        return self._line


NEVER = -1  # a line that no work reaches
PARTS = 20 if LONG else 1  # tests that share a run's lines: each has a database of its own, and checks all the books after each death
HANDS = 20 if LONG else 4  # into which the lines are dealt; the sample takes one on SQLite and another one on PostgreSQL


def files_of(*modules: ModuleType) -> frozenset[str]:
    return frozenset(str(Path(module.__file__)) for module in modules if module.__file__)


def traced(work: Callable[[], object], *, files: Collection[str]) -> list[Line]:
    """The lines of these files that the work runs through, in order."""
    with Killer(NEVER, files=files) as killer:
        work()
    return killer.lines


def chosen(ran: dict[str, list[Line]], *, seed: int, part: int) -> Iterator[tuple[str, int]]:
    """Where to die in this part of the run: which piece of work, and at which of the lines that it ran, counted from 1.

    The long run takes each line of each piece of work. The sample takes one line of each function in one piece of work, for a quarter of the functions. Of a
    line that ran several times the seed chooses the turn. A line's hand depends on the line alone: another part may see more lines, such as those that
    run once in a process.
    """
    places = [(name, place, line) for name, lines in ran.items() for place, line in enumerate(lines, start=1)]
    random.Random(seed).shuffle(places)
    kinds = {(name, line) if LONG else ("", replace(line, number=0)): (name, place) for name, place, line in places}
    hand = part if LONG else seed % 2 * 2 + int(database.vendor == "postgresql")
    return (kinds[kind] for kind in sorted(kinds) if crc32(repr(kind).encode()) % HANDS == hand)


def until_killed(work: Callable[[], object], at: int, *, files: Collection[str]) -> Line | None:
    """Where the worker died; None if it finished before. What it leaves is what the end of its process leaves."""
    with Killer(at, files=files) as killer:
        try:
            work()
        except Killed:
            lose_database()
            lose_connections()
    return killer.died_at


def lose_database() -> None:
    """What the end of a process does to its transaction: the connection drops, nothing of it is kept. (Our own end may even skip a block's exit.)"""
    if database.connection is not None:
        database.connection.close()
    database.connect()


def lose_connections() -> None:
    """What the end of a process does to its HTTP connections; the next process opens its own."""
    loop = hands.hands().loop
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.wait(left))
    hands.let_go()
