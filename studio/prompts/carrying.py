"""Prompts as files: JSON and CSV out, and both in again. What goes out comes in exactly, every version; what people write by hand comes in too.

A JSON file is {"prompts": [{name, where, tags, archived, versions: [...]}]}. A CSV file has a line for each version; lines with one `id` are one
prompt, a line without one is a prompt of its own. Nothing is stored here.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from studio.accounts.sheets import from_cell
from studio.prompts import encodings

MOST_BYTES = 10_000_000
MOST_ROWS = 20_000
COLUMNS = (
    *("id", "name", "where", "tags", "archived", "version", "labels", "text", "defaults", "choices"),
    *("aspect_ratio", "duration", "resolution", "silent", "note", "author", "created"),
)
OTHER_NAMES = {
    "prompt": "text",
    "title": "name",
    "ratio": "aspect_ratio",
    "seconds": "duration",
    "project": "where",
    "tag": "tags",
    "label": "labels",
}
VERSION_FIELDS = COLUMNS[COLUMNS.index("labels") :]

Row = dict[str, object]  # a version with its prompt's facts, as a file says them; `line` says where


class Unreadable(Exception):
    """The file as a whole cannot be read. Its text is a sentence for the person who sent it."""


class Undecided(Exception):
    """The file is in an old encoding, which a person has to choose."""


@dataclass(frozen=True, slots=True)
class Read:
    """What a file says. `notice` is what the person must know about how it was read."""

    rows: list[Row]
    notice: str = ""


# ───────── out ─────────


def csv_row(row: Mapping[str, object]) -> list[object]:
    """A version as a line, lists separated by commas, tables as JSON."""
    return [_flat(name, row[name]) for name in COLUMNS]


def _flat(name: str, value: object) -> object:
    if name in {"defaults", "choices"}:
        return json.dumps(value, ensure_ascii=False) if value else ""
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else ""
    return value


def json_lines(rows: Iterable[Mapping[str, object]]) -> Iterator[str]:
    """A JSON file of these versions, which come prompt by prompt, piece by piece."""
    yield '{"format": "studio prompts", "prompts": ['
    last: object = None
    for number, row in enumerate(rows):
        version = {name: row[name] for name in VERSION_FIELDS}
        if number == 0 or row["id"] != last:
            facts = {name: row[name] for name in ("name", "where", "tags", "archived")}
            yield ("]},\n" if number else "\n") + json.dumps(facts, ensure_ascii=False)[:-1] + ', "versions": [\n  '
            last = row["id"]
        else:
            yield ",\n  "
        yield json.dumps(version, ensure_ascii=False)
    yield ("]}" if last is not None else "") + "\n]}\n"


# ───────── in ─────────


def read(name: str, data: bytes, *, encoding: str = "") -> Read:
    """The rows of a file, JSON by its first character or CSV. `encoding` is the one that its person chose. Raises Unreadable, Undecided."""
    if len(data) > MOST_BYTES:
        raise Unreadable(f"The file has {len(data) / 1e6:.1f} MB; the most is {MOST_BYTES // 1_000_000} MB.")
    text, notice = decoded(data, encoding)
    if not text.strip():
        raise Unreadable("The file is empty.")
    is_json = text.lstrip()[:1] in {"{", "["} or name.lower().endswith(".json")
    rows = list(islice(from_json(text) if is_json else from_csv(text), MOST_ROWS + 1))
    if len(rows) > MOST_ROWS:
        raise Unreadable(f"The file has more than {MOST_ROWS:,} rows. Cut it into several.")
    if not rows:
        raise Unreadable("There is no prompt in the file.")
    return Read(rows, notice)


def decoded(data: bytes, encoding: str) -> tuple[str, str]:
    """The file's text, and a notice of the encoding that its person chose, if it is no Unicode. Raises Unreadable, Undecided."""
    if encodings.is_spreadsheet(data):
        raise Unreadable("This is no text but a spreadsheet's own file. Save the table as CSV in UTF-8 and send that.")
    try:
        text = encodings.unicode_of(data)
    except UnicodeDecodeError as error:
        raise Unreadable("The file breaks off, or is no text. Save it again as UTF-8.") from error
    if text is not None:
        return text, ""
    if encodings.is_binary(data) or not any(encodings.text_in(data, codec) is not None for codec in encodings.NAMES):
        raise Unreadable("This is no text. Save the table as CSV in UTF-8 and send that.")
    chosen = encodings.text_in(data, encoding)
    if chosen is None:
        raise Undecided
    return chosen, f"It is read as {encodings.NAMES[encoding]}, as you chose."


def from_csv(text: str) -> Iterator[Row]:
    """The lines of a CSV file whose first one names its columns; commas, semicolons or tabs between them. Raises Unreadable."""
    table = lines(text)
    header = [_column(cell) for _, cells in islice(table, 1) for cell in cells]
    if "text" not in header:
        raise Unreadable("The first line must name the columns, one of them “text”.")
    for line, cells in table:
        row: Row = dict(zip(header, cells, strict=False))
        yield {**row, "line": f"Line {line}"}


def lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """The lines of a CSV file that have anything in them, each with its number in the file, from 1; the first is the header. Raises Unreadable."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    lead, separator = 0, ""
    if declared := re.match(r"sep=(.)\n", text):
        lead, separator = 1, declared[1]
        text = text[declared.end() :]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator or _separator(text), strict=False)
    start = 1
    try:
        for cells in reader:
            line, start = start, reader.line_num + 1
            if line == 1 or any(cell.strip() for cell in cells):
                yield line + lead, list(map(from_cell, cells))
    except csv.Error as error:
        raise Unreadable(f"Line {reader.line_num + lead} cannot be read: {error}.") from error


def _separator(text: str) -> str:
    """What stands most often between the names of the first line."""
    first = re.sub(r'"[^"]*"', "", text.split("\n", 1)[0])
    return max((",", ";", "\t"), key=first.count)


def _column(cell: str) -> str:
    name = cell.strip().lower().replace(" ", "_")
    return OTHER_NAMES.get(name, name)


def from_json(text: str) -> Iterator[Row]:
    """The versions of a JSON file, ours or a plain list of prompts. Raises Unreadable."""
    try:
        told = json.loads(text)
    except (ValueError, RecursionError) as error:
        place = f" at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise Unreadable(f"This is no JSON: it cannot be read{place}.") from error
    prompts = told.get("prompts") if isinstance(told, dict) else told
    if not isinstance(prompts, list):
        raise Unreadable("A JSON file must have a list named “prompts”.")
    for number, prompt in enumerate(prompts, 1):
        yield from _of_prompt(number, prompt)


def _of_prompt(number: int, prompt: object) -> Iterator[Row]:
    if not isinstance(prompt, dict):
        yield {"line": f"Prompt {number}", "wrong": "It is no table of fields."}
        return
    versions = prompt.get("versions", [prompt])
    if not isinstance(versions, list) or not versions:
        yield {"line": f"Prompt {number}", "wrong": "Its versions are no list, or an empty one."}
        return
    facts: Row = {_column(str(name)): value for name, value in prompt.items() if name != "versions"}
    for turn, version in enumerate(versions, 1):
        line = f"Prompt {number}, version {turn}" if len(versions) > 1 else f"Prompt {number}"
        if isinstance(version, dict):
            said: Row = {_column(str(name)): value for name, value in version.items()}
            yield {**facts, **said, "id": f"#{number}", "line": line}
        else:
            yield {"line": line, "wrong": "It is no table of fields."}


def words(value: object) -> Sequence[str]:
    """A list of words out of a list, or out of text with commas."""
    parts = value if isinstance(value, list) else str(value or "").split(",")
    return [text for part in parts if (text := str(part).strip())]


def table(value: object) -> dict[str, object] | None:
    """A table out of a table, or out of its JSON; None if it is neither."""
    if value in (None, ""):
        return {}
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, dict) else None
