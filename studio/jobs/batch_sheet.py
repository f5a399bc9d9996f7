"""A batch out of a CSV file: its columns get a meaning, its lines become rows, and a line that cannot be ordered says why. Nothing is stored here.

A column is the prompt, the value of a variable, a choice of the brief, the number of takes, or left out. What a line says nothing about is as the
composer had it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from studio import plain_text
from studio.jobs.batch_models import REASON_LENGTH, BatchRow
from studio.jobs.batch_plan import Judge, row_of
from studio.jobs.composer import MOST, too_many
from studio.jobs.wanted import LONGEST, Wanted
from studio.plain_text import one_line
from studio.prompts import carrying, variables
from studio.prompts.carrying import Unreadable
from studio.prompts.importing import Wrong, flag_of, whole_of
from studio.prompts.uploads import Upload
from studio.routing.models import Connection

MOST_BYTES = carrying.MOST_BYTES
MOST_COLUMNS = 60
PROMPT, TAKES, VALUE = "prompt", "takes", "value:"
CHOICES = {
    PROMPT: "Prompt",
    "aspect_ratio": "Aspect ratio",
    "duration": "Duration in seconds",
    "resolution": "Resolution",
    "silent": "No sound, yes or no",
    "connection": "Connection",
    TAKES: "Takes",
}
OTHER_NAMES = {"text": PROMPT, "ratio": "aspect_ratio", "aspect": "aspect_ratio", "seconds": "duration", "length": "duration", "count": TAKES}


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a file holds: the names of its columns, and its lines with their numbers in it. `notice` is what the person must know about how it was read.

    `upload` is what the file waits under, if its encoding was chosen and may be chosen again.
    """

    name: str
    header: list[str]
    lines: list[tuple[int, list[str]]]
    notice: str = ""
    upload: str = ""

    def as_kept(self) -> dict[str, object]:
        """As JSON keeps it."""
        return {"name": self.name, "header": self.header, "lines": self.lines, "notice": self.notice, "upload": self.upload}

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> "Sheet":
        """The sheet that was kept."""
        return cls(kept["name"], kept["header"], [(line, cells) for line, cells in kept["lines"]], kept["notice"], kept.get("upload", ""))


@dataclass(frozen=True, slots=True)
class Column:
    """One column as the page asks about it: its name, its first cell that is not empty, and what it means."""

    name: str
    example: str
    means: str


def read(upload: Upload) -> Sheet:
    """The sheet in a CSV file of any usual encoding and separator. Raises Unreadable, Undecided."""
    data = upload.data
    if len(data) > MOST_BYTES:
        raise Unreadable(f"The file has more than {MOST_BYTES // 1_000_000} MB, which is the most.")
    text, notice = carrying.decoded(data, upload.encoding)
    if not text.strip():
        raise Unreadable("The file is empty.")
    if "\x00" in text:
        raise Unreadable("This is no text. Save the table as CSV and send that.")
    table = carrying.lines(text)
    header = [one_line(cell) for _, cells in islice(table, 1) for cell in cells]
    if len(header) > MOST_COLUMNS:
        raise Unreadable(f"The first line names {len(header)} columns; the most is {MOST_COLUMNS}.")
    lines = [(line, [plain_text.lines(cell) for cell in cells[: len(header)]]) for line, cells in islice(table, MOST)]
    if more := sum(1 for _ in table):
        raise Unreadable(f"The file has {MOST + more:,} lines. {too_many(MOST + more)} Cut it into several.")
    if not lines:
        raise Unreadable("There is no line below the one that names the columns.")
    return Sheet(upload.name, header, lines, notice, upload.key)


def guessed(sheet: Sheet, template: str) -> list[str]:
    """What each column seems to mean, by its name; a meaning is given once. Empty for a column that is left out."""
    names = {name.casefold(): f"{VALUE}{name}" for name in variables.find(template)}
    found: list[str] = []
    for title in sheet.header:
        plain = title.casefold().replace(" ", "_").replace("-", "_")
        means = names.get(title.casefold()) or (plain if plain in CHOICES else OTHER_NAMES.get(plain, ""))
        found.append("" if means in found else means)
    return found


def meanings(template: str) -> dict[str, str]:
    """What a column can mean, with its words."""
    return {"": "Leave out", **{f"{VALUE}{name}": f"{{{{{name}}}}}" for name in variables.find(template)}, **CHOICES}


def chosen(sheet: Sheet, template: str, given: Sequence[str]) -> list[str]:
    """The meanings that a form gives its columns; what is none is left out, and of two columns with one meaning the first has it."""
    known, found = meanings(template), list[str]()
    for _, means in zip(sheet.header, [*given, *[""] * len(sheet.header)], strict=False):
        found.append(means if means in known and means not in found else "")
    return found


def columns_of(sheet: Sheet, means: Sequence[str]) -> list[Column]:
    """The columns as a page asks about them."""
    examples = [next((cells[at] for _, cells in sheet.lines if at < len(cells) and cells[at].strip()), "") for at in range(len(sheet.header))]
    return [Column(*told) for told in zip(sheet.header, examples, means, strict=True)]


def count_of(sheet: Sheet, means: Sequence[str]) -> int:
    """How many clips the lines want together, before any row is built."""
    return sum(_takes(dict(zip(means, cells, strict=False))) for _, cells in sheet.lines)


def rows_of(sheet: Sheet, means: Sequence[str], wanted: Wanted, judge: Judge) -> list[BatchRow]:
    """A row for each take of each line, good or bad; none at all for more clips than a batch may have."""
    if count_of(sheet, means) > MOST:
        return []
    found: list[BatchRow] = []
    for line, cells in sheet.lines:
        told = dict(zip(means, cells, strict=False))
        found += _of_line(line, told, _by_name(sheet.header, cells), wanted, judge, _takes(told))
    return found


def _of_line(line: int, told: dict[str, str], named: dict[str, str], wanted: Wanted, judge: Judge, takes: int) -> Iterable[BatchRow]:
    """The rows of one line: as many as it wants takes, or one that says what is wrong."""
    try:
        said = _said(told, wanted, judge)
    except Wrong as wrong:
        return [BatchRow(line=line, prompt=told.get(PROMPT, ""), refusal=str(wrong)[:REASON_LENGTH])]
    own = {name: cell for name, cell in named.items() if name not in variables.find(wanted.prompt)}  # the template's have columns that were chosen
    values = {**wanted.values, **own, **{key[len(VALUE) :]: value for key, value in told.items() if key.startswith(VALUE)}}
    asked = {name: values.get(name, "") for name in variables.find(said.prompt)}
    first = row_of(judge, said, asked, line=line)
    if first.refusal:
        return [first]
    return [_copy(first) for _ in range(takes)]


def _copy(row: BatchRow) -> BatchRow:
    return BatchRow(line=row.line, connection=row.connection, wish=row.wish, prompt=row.prompt)


def _said(told: dict[str, str], wanted: Wanted, judge: Judge) -> Wanted:
    """The composer's brief with what this line says of its own. Raises Wrong."""
    cells = {name: cell.strip() for name, cell in told.items()}
    _whole(cells, TAKES, least=1)
    changed: dict[str, Any] = {name: read_cell(cells[name], judge) for name, read_cell in READERS.items() if cells.get(name)}
    if "connection" in changed and changed["connection"] != wanted.connection:
        changed |= {"model": "", "mode": ""}  # they belong to the composer's
    said = replace(wanted, **changed)
    found = judge.option(said)
    return replace(said, model=found.can.model) if found and not said.model else said


def _prompt(cell: str, _: Judge) -> str:
    return cell.replace("\r\n", "\n")


def _ratio(cell: str, _: Judge) -> str:
    return cell.replace(" ", "").replace("x", ":").replace("/", ":")[:8]


def _seconds(cell: str, _: Judge) -> int | None:
    return _whole({"duration": cell.lower().removesuffix("s").strip()}, "duration", least=1)


def _resolution(cell: str, _: Judge) -> str:
    return cell.lower().removesuffix("p")[:7] + "p"


def _silent(cell: str, _: Judge) -> bool:
    return flag_of({"silent": cell}, "silent")


def _connection(cell: str, judge: Judge) -> int:
    return named(cell, judge.connections.values()).pk


READERS: dict[str, Callable[[str, Judge], Any]] = {
    PROMPT: _prompt,
    "aspect_ratio": _ratio,
    "duration": _seconds,
    "resolution": _resolution,
    "silent": _silent,
    "connection": _connection,
}


def named(label: str, connections: Iterable[Connection]) -> Connection:
    """The one connection of that name that takes orders. Raises Wrong."""
    rows = list(connections)
    fit = [row for row in rows if label.casefold() in {row.label.casefold(), row.provider}]
    if len(fit) != 1:
        known = ", ".join(row.label for row in rows[:6]) or "none"
        raise Wrong(f"“{label[:40]}” names {'no' if not fit else 'more than one'} connection that takes orders; there are: {known}.")
    return fit[0]


def _whole(cells: Mapping[str, str], name: str, *, least: int) -> int | None:
    """The whole number in a cell; None where it is empty. Raises Wrong."""
    try:
        number = whole_of({name: cells.get(name, "")}, name)
    except Wrong as wrong:
        raise Wrong(f"{str(wrong).removesuffix('.').removesuffix(' of seconds')}, in {name}.") from wrong
    if number is not None and not least <= number <= (LONGEST if name != TAKES else MOST):
        raise Wrong(f"{number} is out of range, in {name}.")
    return number


def _takes(told: Mapping[str, str]) -> int:
    """How many takes a line wants; 1 where it says nothing that can be read."""
    written = told.get(TAKES, "").strip()
    return max(1, int(written)) if written.isascii() and written.isdecimal() and len(written) <= 9 else 1  # noqa: PLR2004 - digits


def _by_name(header: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    """The cells by what their columns are called, for variables that only a line's own prompt has."""
    return {name: cell for title, cell in zip(header, cells, strict=False) if (name := variables.name_of(title)) and cell.strip()}


def template_lines(wanted: Wanted) -> Iterator[list[object]]:
    """The lines below the header of a template to fill in: one, as the composer has it, where nothing in it is missing."""
    names = variables.find(wanted.prompt)
    values = [wanted.values.get(name, (wanted.version.defaults if wanted.version else {}).get(name, "")) for name in names]
    first = values if names else [wanted.prompt.strip()]
    if all(first):
        yield [*first, wanted.aspect_ratio, wanted.duration, wanted.resolution, "1"]


def template_header(wanted: Wanted) -> list[str]:
    """The columns of that template: its variables, or the prompt where it has none, and the choices that a line may change."""
    return [*(variables.find(wanted.prompt) or [PROMPT]), "aspect_ratio", "duration", "resolution", TAKES]
