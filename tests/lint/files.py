"""What every rule of the linter shares: the files, their text, and how a finding is written.

A rule is a generator function: it takes one file and yields one finding for each mistake. A finding names the place and says what
to do instead. A module lists its rules in RULES, by the pattern of the files that they read. Nothing here needs Django or pytest.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class SourceFile:
    """A file's text and its path from the root, with slashes."""

    root: Path
    path: str
    text: str

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    def on(self, line: int, message: str) -> str:
        """The finding for a line, which is counted from 1."""
        return f"{self.path}:{line}: {message}"

    def at(self, offset: int, message: str) -> str:
        """The finding for a position in the text."""
        return self.on(self.text.count("\n", 0, offset) + 1, message)


Rule = Callable[[SourceFile], Iterator[str]]
Rules = Mapping[str, tuple[Rule, ...]]


@cache
def files(root: Path, pattern: str) -> tuple[SourceFile, ...]:
    """The files that match a glob pattern, in order. Each is read once: some rules compare one file with all others."""
    return tuple(SourceFile(root, path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")) for path in sorted(root.glob(pattern)))


def forbidden(file: SourceFile, table: Iterable[tuple[str, str]]) -> Iterator[str]:
    """A finding for each match of a table's patterns. The table's second column says what to write instead."""
    for pattern, instead in table:
        for match in re.finditer(pattern, file.text):
            yield file.at(match.start(), f"{match[0]}: {instead}")
