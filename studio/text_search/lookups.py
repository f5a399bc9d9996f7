"""What queries ask: `containing` for rows that hold a text, and two lookups for columns without an index.

    containing(User.objects.all(), "анна")          rows with this in one of their model's `search_fields`
    Job.objects.filter(prompt__has="море")          read row by row: for few rows
    Connection.objects.filter(label__same="Büro")   the same text, whatever its capitals and accents

A model that lists `search_fields` has an index of grams (indexes.py); Django's own `icontains` and the like differ between the databases and are not used.
"""

from typing import Any, TypeVar

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import CharField, Field, Lookup, Q, QuerySet, TextField
from django.db.models.expressions import Col
from django.db.models.sql.compiler import SQLCompiler

from studio.text_search.folding import GRAM, asked_grams, fold
from studio.text_search.functions import match, tsquery

Rows = TypeVar("Rows", bound=QuerySet[Any])
Sql = tuple[str, tuple[Any, ...]]


class Folded(Lookup):
    """A comparison of folded text, which the database folds for each row."""

    prepare_rhs = False

    def sides(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...], str]:
        """The folded column with its parameters, and the folded text."""
        left, params = self.process_lhs(compiler, connection)
        return f"studio_fold({left})", tuple(params), fold(str(self.rhs))


class Has(Folded):
    """Whether the column has this text in it."""

    lookup_name = "has"

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Sql:
        """The position of the text, which is above 0."""
        left, params, text = self.sides(compiler, connection)
        return f"{'instr' if connection.vendor == 'sqlite' else 'strpos'}({left}, %s) > 0", (*params, text)


class Same(Folded):
    """Whether the column is this text."""

    lookup_name = "same"

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Sql:
        """Both folded."""
        left, params, text = self.sides(compiler, connection)
        return f"{left} = %s", (*params, text)


class InIndex(Lookup):
    """Whether the index of grams has the row of this primary key for this text."""

    lookup_name = "in_index"
    prepare_rhs = False

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Sql:
        """The index's own question about the row."""
        if not isinstance(self.lhs, Col):
            raise TypeError("Only a query's own primary key is in an index.")
        tokens = asked_grams(str(self.rhs))
        if connection.vendor == "sqlite":
            left, params = self.process_lhs(compiler, connection)
            table = connection.ops.quote_name(f"{self.lhs.target.model._meta.db_table}_search")  # noqa: SLF001 - where Django tells a model's table
            return f"{left} IN (SELECT rowid FROM {table} WHERE {table} MATCH %s)", (*params, match(tokens))  # noqa: S608 - a table of ours
        return f"{compiler.quote_name_unless_alias(self.lhs.alias)}.search_grams @@ %s::tsquery", (tsquery(tokens),)


for field in (CharField, TextField):
    field.register_lookup(Has)
    field.register_lookup(Same)
Field.register_lookup(InIndex)


def containing(rows: Rows, typed: str, *columns: str) -> Rows:
    """Those of these rows that contain the text in one of these columns, or of the model's `search_fields`. All for nothing typed, none for nothing to look for."""
    folded = fold(typed)
    if not folded:
        return rows.none() if typed.strip() else rows
    searched: tuple[str, ...] = rows.model.search_fields
    found = rows.filter(pk__in_index=folded)
    if (
        len(folded) <= GRAM and not columns and not (" " in folded and searched[1:])
    ):  # the grams say it exactly, unless they lead from column to column
        return found
    holds = Q()
    for column in columns or searched:
        holds |= Q(**{f"{column}__has": folded})
    return found.filter(holds)
