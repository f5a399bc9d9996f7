"""The folding as functions of the database, so that triggers and generated columns can use it: Python's own on SQLite, the same rules as SQL on PostgreSQL.

studio_fold(text)   folding.fold
studio_grams(text)  folding.grams, as the index takes them
studio_words(text)  folding.words, as the index takes them
"""

import hashlib
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from studio.text_search import folding
from studio.text_search.folding import LETTERS, Token

# FTS5's tokenizer "ascii" takes every character beyond ASCII as part of a token, and of ASCII letters and digits alone. So the others are written as private ones.
WRITTEN = {code: chr(0xE100 + code) for code in range(128) if not chr(code).isalnum()}


def register(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Give a new connection to SQLite the functions."""
    if connection.vendor == "sqlite":
        connection.connection.create_function("studio_fold", 1, _fold, deterministic=True)
        connection.connection.create_function("studio_grams", 1, _grams, deterministic=True)
        connection.connection.create_function("studio_words", 1, _words, deterministic=True)


def _fold(text: str | None) -> str:
    return folding.fold(text or "")


def _grams(text: str | None) -> str:
    return " ".join(map(written, folding.grams(text or "")))


def _words(text: str | None) -> str:
    return " ".join(folding.words(text or ""))


def written(token: str) -> str:
    """A token as it stands in FTS5's index."""
    return token.translate(WRITTEN)


def match(tokens: Iterable[Token]) -> str:
    """What FTS5 is asked for: all of these tokens."""
    return " AND ".join(f'"{written(token.text)}"{" *" if token.is_beginning else ""}' for token in tokens)


def tsquery(tokens: Iterable[Token]) -> str:
    """What a tsvector is asked for: all of these tokens."""
    quoted = ((token.text.replace("\\", "\\\\").replace("'", "''"), token.is_beginning) for token in tokens)
    return " & ".join(f"'{text}'{':*' if is_beginning else ''}" for text, is_beginning in quoted)


def create(cursor: CursorWrapper) -> None:
    """Set up PostgreSQL's functions, in the place of another release's."""
    for statement in statements(_collation(cursor)):
        cursor.execute(statement)


def digest(vendor: str) -> str:
    """What changes when a text is folded or taken apart otherwise, as by another release: then indexes have to be made anew."""
    rules = Path(__file__).with_name("functions_postgresql.sql") if vendor == "postgresql" else Path(folding.__file__)
    said = rules.read_text(encoding="utf-8") + repr(sorted(_parts("").items())) + (unicodedata.unidata_version if vendor == "sqlite" else "")
    return hashlib.sha256(said.encode()).hexdigest()[:8]


def statements(collation: str) -> list[str]:
    """The functions in SQL. `collation` is PostgreSQL's that knows the letters of every language."""
    text = Path(__file__).with_name("functions_postgresql.sql").read_text(encoding="utf-8")
    for name, value in _parts(collation).items():
        text = text.replace(f"{{{{{name}}}}}", value)
    return [statement for statement in text.split("\n\n") if statement.strip()]


def _collation(cursor: CursorWrapper) -> str:
    """PostgreSQL's collation that knows the letters of every language; the database's own where it was built without ICU."""
    cursor.execute("SELECT 1 FROM pg_collation WHERE collname = 'und-x-icu'")
    return "und-x-icu" if cursor.fetchone() else "default"


def _parts(collation: str) -> dict[str, str]:
    """What is filled into the SQL."""
    single = {letter: plain for letter, plain in LETTERS.items() if len(plain) == 1}
    lowered = "lower(regexp_replace(normalize(said, NFKD) COLLATE \"{{collation}}\", '[{{dropped}}]+', '', 'g'))"
    for letter, plain in LETTERS.items():
        lowered = lowered if letter in single else f"replace({lowered}, '{letter}', '{plain}')"
    quoted = "".join(single.values()).replace("'", "''")
    return {
        "lowered": f"translate({lowered}, '{''.join(single)}', '{quoted}')",
        "collation": collation,
        "dropped": _class(folding.DROPPED),
        "spaces": _class(folding.SPACES),
        "spaceless": _class(folding.SPACELESS),
        "between words": _class(folding.SEPARATORS, folding.SPACELESS),
        "longest text": str(folding.LONGEST_TEXT),
        "longest word": str(folding.LONGEST_WORD),
    }


def _class(*tables: str) -> str:
    """The inside of a class of characters, for PostgreSQL's regular expressions. It stores no NUL."""
    return "".join(f"\\U{max(first, 1):08x}-\\U{last:08x}" for table in tables for first, last in folding.ranges(table))
