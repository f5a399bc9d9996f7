"""CSV files as spreadsheets open them: UTF-8 with its mark, no cell that is taken for a formula, streamed line by line. The one writer of them all."""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain

from django.http import StreamingHttpResponse
from django.utils.text import get_valid_filename

FORMULA = re.compile(r"\s*[=+\-@|%\t\r\n＝＋－＠]")  # how a spreadsheet's formula may begin, in any of their spellings
NUMBER = re.compile(r"-?\d+(\.\d+)?")
MARK = "\ufeff"  # without it Excel takes UTF-8 for something else


class _Line:
    """What csv.writer writes to: it hands the line back."""

    def write(self, line: str) -> str:
        return line


def sheet(
    name: str, header: Sequence[str], rows: Iterable[Sequence[object]], *, cell: Callable[[object], str] | None = None
) -> StreamingHttpResponse:
    """The answer that is saved as `name`.csv. Its length does not matter: a row is written when the one before has left. `cell` as for `sheet_lines`."""
    answer = StreamingHttpResponse(sheet_lines(header, rows, cell=cell), content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{get_valid_filename(name)}.csv"'
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


def sheet_lines(header: Sequence[str], rows: Iterable[Sequence[object]], *, cell: Callable[[object], str] | None = None) -> Iterator[str]:
    """The lines of a file, the first with the mark; each ends with a carriage return and a line feed. `cell` writes a value so that it can be read back
    exactly; it has to guard against formulas as `safe_cell` does, which is used without it.
    """
    writer, safe = csv.writer(_Line()), cell or safe_cell
    mark = MARK
    for row in chain([header], rows):
        yield mark + str(writer.writerow([safe(value) for value in row]))
        mark = ""


def safe_cell(value: object) -> str:
    """A cell of a CSV file that no spreadsheet takes for a formula: text that begins like one gets an apostrophe. Numbers stay numbers."""
    text = "" if value is None else str(value)
    return f"'{text}" if FORMULA.match(text) and not NUMBER.fullmatch(text) else text
