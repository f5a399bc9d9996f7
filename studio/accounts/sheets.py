"""CSV files as spreadsheets open them: UTF-8 with its mark, no cell that is taken for a formula, streamed line by line. The one writer of them all."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from django.http import StreamingHttpResponse
from django.utils.text import get_valid_filename

from studio import plain_text

FORMULA = re.compile(r"\s*[=+\-@|%\t\r\n＝＋－＠]")  # how a spreadsheet's formula may begin, in any of their spellings
BEGINS = r"['\"\s]*[=+\-@|%＝＋－＠]"  # the same after quotes, which a reader of other separators takes away
AT_START = re.compile(rf"{BEGINS}|['\"]*[\t\r\n]")
ESCAPED = re.compile(rf"'(?:{AT_START.pattern})")
CELL_ENDS = r"[;|\t\r\n]"  # where a spreadsheet of another country cuts a cell in two, even between quotes
GUARD = re.compile(rf"({CELL_ENDS})(?={BEGINS})")
GUARDED = re.compile(rf"({CELL_ENDS})'(?={BEGINS})")
NUMBER = re.compile(r"-?\d+(\.\d+)?")
MARK = "\ufeff"  # without it Excel takes UTF-8 for something else


class _Line:
    """What csv.writer writes to: it hands the line back."""

    def write(self, line: str) -> str:
        return line


def sheet(name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> StreamingHttpResponse:
    """The answer that is saved as `name`.csv. Its length does not matter: a row is written when the one before has left."""
    answer = StreamingHttpResponse(sheet_lines(header, rows), content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{get_valid_filename(name)}.csv"'
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


def sheet_lines(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """The lines of a file, the first with the mark; each ends with a carriage return and a line feed. Every cell, headings too, is a `safe_cell`."""
    writer = csv.writer(_Line(), quoting=csv.QUOTE_ALL)
    mark = MARK
    for row in chain([header], rows):
        yield mark + str(writer.writerow([safe_cell(value) for value in row]))
        mark = ""


def safe_cell(value: object) -> str:
    """A cell that no spreadsheet takes for a formula, without control characters; `from_cell` turns it back. Numbers stay numbers.

    An apostrophe stands before a formula, also where a spreadsheet begins another cell because its list separator is not the comma.
    """
    text = plain_text.lines("" if value is None else str(value))
    if NUMBER.fullmatch(text):
        return text
    guarded = GUARD.sub(r"\1'", text)
    return f"'{guarded}" if AT_START.match(guarded) else guarded


def from_cell(cell: str) -> str:
    """The text that `safe_cell` was given."""
    return GUARDED.sub(r"\1", cell[1:] if ESCAPED.match(cell) else cell)
