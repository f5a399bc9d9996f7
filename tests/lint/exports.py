"""A rule for files that leave the studio: studio/accounts/sheets.py writes every CSV, with one mark, one guard and one line end."""

from collections.abc import Iterator

from tests.lint.files import Rules, SourceFile, forbidden

WRITER = "studio/accounts/sheets.py"
OTHER_WRITERS = (
    (r"\bcsv\.(?:writer|DictWriter)\b", "write it with sheet or sheet_lines of studio/accounts/sheets.py"),
    (r"[\"']text/(?:csv|tab-separated-values)", "answer with sheet of studio/accounts/sheets.py"),
)


def every_csv_has_one_writer(file: SourceFile) -> Iterator[str]:
    if file.path != WRITER:
        yield from forbidden(file, OTHER_WRITERS)


RULES: Rules = {"studio/**/*.py": (every_csv_has_one_writer,)}
