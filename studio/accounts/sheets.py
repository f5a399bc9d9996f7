"""CSV files as spreadsheets open them: UTF-8 with its mark, no cell that is taken for a formula, streamed line by line."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence

from django.http import StreamingHttpResponse
from django.utils.text import get_valid_filename

FORMULA = re.compile(r"\s*[=+\-@|%\t\r\n＝＋－＠]")  # how a spreadsheet's formula may begin, in any of their spellings
NUMBER = re.compile(r"-?\d+(\.\d+)?")
MARK = "\ufeff"  # without it Excel takes UTF-8 for something else


class _Line:
    """What csv.writer writes to: it hands the line back."""

    def write(self, line: str) -> str:
        return line


def sheet(name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> StreamingHttpResponse:
    """The answer that is saved as `name`.csv. Its length does not matter: a row is written when the one before has left."""
    answer = StreamingHttpResponse(_lines(header, rows), content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{get_valid_filename(name)}.csv"'
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


def _lines(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    return sheet_lines(header, ([safe_cell(cell) for cell in row] for row in rows))


def sheet_lines(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines of a file whose cells are safe already."""
    writer = csv.writer(_Line())
    yield MARK + str(writer.writerow(header))
    for row in rows:
        yield str(writer.writerow(row))


def safe_cell(value: object) -> str:
    """A cell of a CSV file that no spreadsheet takes for a formula: text that begins like one gets an apostrophe. Numbers stay numbers."""
    text = "" if value is None else str(value)
    return f"'{text}" if FORMULA.match(text) and not NUMBER.fullmatch(text) else text
