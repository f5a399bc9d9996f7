"""The indexes of grams of every model that lists `search_fields`: they let `containing` find a part of a text without reading all rows.

    SQLite       a table `<table>_search` of FTS5, written by three triggers
    PostgreSQL   a generated column `search_grams` with a GIN index

They are no part of a migration: SQLite drops a table's triggers when Django rebuilds the table for a new column, and PostgreSQL alters no column that a
generated one is made from. So those of an app go before its migrations run and come back afterwards. A name with the digest of all of this says
by which rules an index was made: another release's is made anew. Rows are read one after another, so memory does not grow with the table.
"""

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from django.apps import apps
from django.db import connections, transaction
from django.db.backends.utils import CursorWrapper

from studio.text_search import functions

TRIGGERS = ("in", "out", "anew")


@dataclass(frozen=True, slots=True)
class SearchIndex:
    """One table, its primary key, and the columns whose text is found."""

    app: str
    table: str
    key: str
    columns: tuple[str, ...]

    def text(self, row: str = "") -> str:
        """What is indexed, as SQL; `row` is NEW or OLD in a trigger."""
        return " || ' ' || ".join(f"{row}{'.' if row else ''}{column}" for column in self.columns)

    def statements(self, vendor: str) -> list[str]:
        """What makes the index, whole, in this database."""
        name = self.name(vendor)
        return [statement.replace("{name}", name) for statement in self._made(vendor)]

    def name(self, vendor: str) -> str:
        """What the index is called, or each trigger's name begins with, if it was made by the rules of this release."""
        return f"{self.table}_search_{hashlib.sha256(f'{self._made(vendor)}{functions.digest(vendor)}'.encode()).hexdigest()[:8]}"

    def _made(self, vendor: str) -> list[str]:
        return _sqlite(self) if vendor == "sqlite" else _postgresql(self)


def declared() -> Iterator[SearchIndex]:
    """One for each model with `search_fields`."""
    for model in apps.get_models():
        names: tuple[str, ...] = getattr(model, "search_fields", ())
        if names:
            meta = model._meta  # noqa: SLF001 - where Django tells a model's table and columns
            columns = tuple(str(meta.get_field(name).column) for name in names)  # type: ignore[union-attr]  # they are columns
            yield SearchIndex(meta.app_label, meta.db_table, str(meta.pk.column), columns)


def take_down(using: str, labels: Collection[str]) -> None:
    """No index of these apps is in the way of a migration."""
    with transaction.atomic(using), connections[using].cursor() as cursor:
        for index in _present(using, cursor):
            if index.app in labels:
                _drop(cursor, index)


def put_up(using: str) -> None:
    """Every index stands, by the rules of this release; what stands so already is left alone. All of it, or nothing was changed."""
    vendor = connections[using].vendor
    with transaction.atomic(using), connections[using].cursor() as cursor:
        missing = [index for index in _present(using, cursor) if not _stands(cursor, index)]
        for index in missing:
            _drop(cursor, index)
        if vendor == "postgresql" and (missing or not _has_functions(cursor)):
            functions.create(cursor)
        for index in missing:
            for statement in index.statements(vendor):
                cursor.execute(statement)


def _present(using: str, cursor: CursorWrapper) -> list[SearchIndex]:
    """Those whose table is there: not all are while migrations go only so far."""
    tables = set(connections[using].introspection.table_names(cursor))
    return [index for index in declared() if index.table in tables]


def _stands(cursor: CursorWrapper, index: SearchIndex) -> bool:
    vendor = cursor.db.vendor
    name = index.name(vendor)
    if vendor == "sqlite":
        cursor.execute("SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND name IN (%s, %s, %s)", [f"{name}_{what}" for what in TRIGGERS])
        return bool(cursor.fetchone()[0] == len(TRIGGERS))
    cursor.execute("SELECT count(*) FROM pg_indexes WHERE schemaname = current_schema() AND indexname = %s", [name])
    return bool(cursor.fetchone()[0])


def _has_functions(cursor: CursorWrapper) -> bool:
    cursor.execute("SELECT to_regproc('studio_words') IS NOT NULL")
    return bool(cursor.fetchone()[0])


def _drop(cursor: CursorWrapper, index: SearchIndex) -> None:
    if cursor.db.vendor == "postgresql":
        cursor.execute(f'ALTER TABLE "{index.table}" DROP COLUMN IF EXISTS search_grams')
        return
    cursor.execute(
        "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s AND instr(name, %s) = 1", [index.table, f"{index.table}_search_"]
    )
    for (name,) in cursor.fetchall():
        cursor.execute(f'DROP TRIGGER "{name}"')
    cursor.execute(f'DROP TABLE IF EXISTS "{index.table}_search"')


def _postgresql(index: SearchIndex) -> list[str]:
    return [
        f'ALTER TABLE "{index.table}" ADD COLUMN search_grams tsvector GENERATED ALWAYS AS (studio_grams({index.text()})) STORED',
        f'CREATE INDEX "{{name}}" ON "{index.table}" USING gin (search_grams) WITH (fastupdate = off)',
    ]


def _sqlite(index: SearchIndex) -> list[str]:
    table, key = index.table, index.key
    remove = f'INSERT INTO "{table}_search"("{table}_search", rowid, grams) VALUES (\'delete\', OLD.{key}, studio_grams({index.text("OLD")}));'  # noqa: S608 - names of ours
    add = f'INSERT INTO "{table}_search"(rowid, grams) VALUES (NEW.{key}, studio_grams({index.text("NEW")}));'  # noqa: S608 - names of ours
    columns = ", ".join((key, *index.columns))
    changed = f"({', '.join(f'OLD.{name}' for name in (key, *index.columns))}) IS NOT ({', '.join(f'NEW.{name}' for name in (key, *index.columns))})"
    return [
        f"CREATE VIRTUAL TABLE \"{table}_search\" USING fts5(grams, content='', detail='none', columnsize=0, prefix='1 2', tokenize='ascii')",
        f'INSERT INTO "{table}_search"(rowid, grams) SELECT {key}, studio_grams({index.text()}) FROM "{table}" ORDER BY {key}',  # noqa: S608 - names of ours
        f'CREATE TRIGGER "{{name}}_in" AFTER INSERT ON "{table}" BEGIN {add} END',
        f'CREATE TRIGGER "{{name}}_out" AFTER DELETE ON "{table}" BEGIN {remove} END',
        f'CREATE TRIGGER "{{name}}_anew" AFTER UPDATE OF {columns} ON "{table}" WHEN {changed} BEGIN {remove} {add} END',
    ]
