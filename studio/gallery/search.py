"""Finding clips by words: one question for both databases. Every word must be there; the last one may be the beginning of a word.

What is typed never reaches a query language: it is folded and taken apart (text_search/folding.py), and each token is put in quotes. Capitals and accents do
not count. Scripts without spaces (Chinese, Japanese, Thai) and signs such as 🎬 are found anywhere. A shot code such as TIDE-047 is one word.

    SQLite       FTS5, which yields its finds by row number, newest first, and stops where the page ends
    PostgreSQL   a GIN index over a tsvector
Both hold the project of each clip as a word that cannot be typed, so that a word which is common elsewhere costs nothing here.
"""

import re
from collections.abc import Collection, Iterable
from uuid import UUID

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, QuerySet, Value
from django.db.models.expressions import RawSQL
from django.db.models.fields import TextField
from django.db.models.functions import Concat
from django.db.models.lookups import Lookup
from django.db.models.sql.compiler import SQLCompiler

from studio.gallery.hanging import Hanging
from studio.gallery.models import Comment
from studio.jobs.models import Clip
from studio.text_search import folding
from studio.text_search.folding import Token
from studio.text_search.functions import match, tsquery

MOST_WORDS = 12
MOST_COMMENTS = 500  # of a clip that are searched, the newest
MOST_SAID = 50_000  # characters of comments and titles that are searched
SHOT = re.compile(r"\b([a-z][a-z0-9]{1,7})-0*([0-9]{1,9})[a-z]?(?![\w])", re.IGNORECASE)
PROJECT = "\ue000"  # begins a project's own word in SQLite


class Match(Lookup):
    """SQLite's MATCH."""

    lookup_name = "match"

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[str | int, ...]]:
        """The two sides with MATCH between them."""
        left, left_params = self.process_lhs(compiler, connection)
        right, right_params = self.process_rhs(compiler, connection)
        return f"{left} MATCH {right}", (*left_params, *right_params)


TextField.register_lookup(Match)


def tokens_of(typed: str) -> list[Token]:
    """What the index is asked for; nothing where only punctuation was typed."""
    return folding.asked_words(_plain(typed), MOST_WORDS)


def found(hangings: QuerySet[Hanging], typed: str, projects: Collection[int]) -> QuerySet[Hanging]:
    """Those of these rows in which all words stand, which are of these projects. All where nothing was typed, none where nothing can be searched for."""
    tokens = tokens_of(typed)
    if not tokens:
        return hangings.none() if typed.strip() else hangings
    if connection.vendor == "sqlite":
        # The plus keeps SQLite from walking a project's index once for every find: it looks each one up by its place.
        holes = ", ".join(["%s"] * len(projects))
        here = RawSQL(f'+"gallery_hanging"."project_id" IN ({holes})', list(projects), output_field=BooleanField())  # noqa: S611 - holes alone
        rows = hangings.filter(here, words__table__match=_sqlite(tokens, projects))
    else:
        rows = hangings.filter(RawSQL('"gallery_hanging"."words" @@ %s::tsquery', [_postgresql(tokens, projects)], output_field=BooleanField()))
    for run in folding.long_runs(_plain(typed), MOST_WORDS):
        rows = rows.alias(all_words=Concat("text", Value(" "), "said", output_field=TextField())).filter(all_words__has=run)
    return rows


def is_narrow(typed: str) -> bool:
    """Whether `found` sees to the projects by itself, in the way that SQLite needs."""
    return connection.vendor == "sqlite" and bool(tokens_of(typed))


def by_place(typed: str) -> str:
    """What newest first is ordered by, and starts from: SQLite begins there, and stops where the page ends, only if it is the row number of its own index."""
    return "words__hanging_id" if is_narrow(typed) else "place"


def refresh(clip_id: UUID, said: Iterable[str]) -> None:
    """From now on the clip is found by all of what people said about it: its title, every comment."""
    Hanging.objects.filter(clip=clip_id).update(said="\n".join(said)[:MOST_SAID])


def hear(clip_id: UUID) -> None:
    """From now on the clip is found by its title and by every comment that stands. Call it in the transaction that changes any of these. Three queries."""
    titles = Clip.objects.filter(pk=clip_id).values_list("title", flat=True)
    comments = Comment.objects.filter(clip=clip_id, removed_at=None).order_by("-created_at").values_list("text", flat=True)
    refresh(clip_id, [*titles, *comments[:MOST_COMMENTS]])


def _plain(typed: str) -> str:
    """The same with shot codes as one word, as the index has them."""
    return SHOT.sub(lambda shot: f" {int(shot[2]):03d}{shot[1]} ", typed)


def _sqlite(tokens: list[Token], projects: Collection[int]) -> str:
    """The question in FTS5's language: ("p1" OR "p2") AND "slow" AND "dol" *."""
    where = " OR ".join(f'"{PROJECT}{project}"' for project in projects)
    return f"({where}) AND {match(tokens)}"


def _postgresql(tokens: list[Token], projects: Collection[int]) -> str:
    """The question as a tsquery: ('/1' | '/2') & 'slow' & 'dol':*."""
    where = " | ".join(f"'/{project}'" for project in projects)
    return f"({where}) & {tsquery(tokens)}"
