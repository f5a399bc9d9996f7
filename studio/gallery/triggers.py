"""The triggers that keep the wall's rows (hanging.py) true, in both databases. What both say alike is written once, here.

They are no part of a migration: SQLite drops a table's triggers when Django rebuilds the table for a new column, and refuses to rename one that a trigger
names. So they go before migrations run and come back afterwards, and what was changed in between is hung up anew then. Each trigger's name ends with a digest of
all of this: where those of another release stood, everything is hung up anew, since it was written by other rules.
"""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from django.db import connections, transaction
from django.db.backends.utils import CursorWrapper

from studio.gallery.search import MOST_COMMENTS, MOST_SAID
from studio.providers.contract import ASPECT_RATIOS
from studio.text_search.functions import digest

FACETS = {
    "all": "''",
    "author": "cast({row}.author_id as varchar(80))",
    "length": "{row}.length",
    "model": "{row}.model",
    "provider": "{row}.provider",
    "ratio": "{row}.ratio",
    "sandbox": "CASE WHEN {row}.sandbox THEN '1' ELSE '0' END",
    "verdict": "{row}.verdict",
    "version": "coalesce(cast({row}.version_id as varchar(80)), '')",
}
FACET_COLUMNS = ("project_id", "author_id", "version_id", "provider", "sandbox", "model", "ratio", "length", "verdict")
RATIO = "CASE WHEN c.height = 0 THEN 'other' {} ELSE 'other' END".format(
    " ".join("WHEN abs(c.width * {1}.0 / (c.height * {0}.0) - 1) < 0.03 THEN '{0}:{1}'".format(*ratio.split(":")) for ratio in ASPECT_RATIOS)
)
COLUMNS = "place, clip_id, project_id, author_id, version_id, provider, sandbox, model, ratio, length, verdict, picked, cost, text, said"
VALUES = (
    "c.id, c.project_id, j.author_id, j.prompt_version_id, n.provider, n.sandbox, j.model, {{ratio}}, {{length}}, coalesce(d.verdict, ''), {{picked}}, "
    "coalesce(j.charged, 0), {{text}}, {{said}}"
)
HERE = "{0}.saved_at IS NOT NULL AND {0}.trashed_at IS NULL"  # as jobs.models.present says it
NEWEST = "SELECT m.text, m.created_at FROM gallery_comment m WHERE m.clip_id = c.id AND m.removed_at IS NULL ORDER BY m.created_at DESC LIMIT {}"
SAID = {  # as search.hear writes it
    "sqlite": "c.title || coalesce(char(10) || (SELECT group_concat(s.text, char(10)) FROM ({}) s), '')",
    "postgresql": "c.title || coalesce(chr(10) || (SELECT string_agg(s.text, chr(10) ORDER BY s.created_at DESC) FROM ({}) s), '')",
}
FROM = (
    " c JOIN jobs_job j ON j.id = c.job_id JOIN jobs_attempt a ON a.id = c.attempt_id JOIN routing_connection n ON n.id = a.connection_id "
    "JOIN projects_project p ON p.id = c.project_id LEFT JOIN gallery_projectdecision d ON d.clip_id = c.id"
)
MICROS = {
    "sqlite": "(CAST(strftime('%s', {0}) AS INTEGER) * 1000000 + CAST(substr(substr({0}, 21) || '000000', 1, 6) AS INTEGER))",
    "postgresql": "(extract(epoch from {0}) * 1000000)::bigint",
}
NUMBER = {"sqlite": "printf('%03d', j.number)", "postgresql": "lpad(j.number::text, greatest(3, length(j.number::text)), '0')"}


EMPTY = {  # words that are computed once are not computed anew when the rule for them is replaced
    "sqlite": ("DELETE FROM gallery_hanging", "DELETE FROM gallery_facet", "DROP TABLE IF EXISTS gallery_words"),
    "postgresql": (
        "TRUNCATE gallery_hanging, gallery_facet",
        "ALTER TABLE gallery_hanging DROP COLUMN IF EXISTS words",
        "DROP FUNCTION IF EXISTS gallery_words",
    ),
}
TRIGGER = re.compile(r"CREATE TRIGGER (gallery_\w+)")


def take_down(using: str) -> None:
    """No trigger of ours is left."""
    with transaction.atomic(using), connections[using].cursor() as cursor:
        _drop(cursor, connections[using].vendor)


def put_up(using: str) -> None:
    """Exactly the triggers of this release stand, every clip that is here hangs, and no other, as the truth says it. All of it, or nothing was changed.

    Only what hangs otherwise is hung up anew, so it must have been hung up by the rules of this release.
    """
    _put_up(using, ())


def put_up_anew(using: str) -> None:
    """As `put_up`, whatever hung there: everything is hung up and counted anew, which takes several times as long."""
    _put_up(using, EMPTY[connections[using].vendor])


def _put_up(using: str, first: Sequence[str]) -> None:
    vendor = connections[using].vendor
    with transaction.atomic(using), connections[using].cursor() as cursor:
        wanted = statements(vendor)
        if vendor == "postgresql":  # whoever writes waits until what they write is hung up; the order is that of every other lock on these tables
            cursor.execute("LOCK TABLE jobs_job, jobs_clip, gallery_projectdecision, gallery_hanging, gallery_facet IN ACCESS EXCLUSIVE MODE")
        _drop(cursor, vendor)
        for statement in (*first, *wanted):
            cursor.execute(statement)


def are_up(using: str) -> bool:
    """Whether exactly the triggers of this release stand: none do where migrations broke off, and others after a release whose SQL is another."""
    with connections[using].cursor() as cursor:
        vendor = connections[using].vendor
        wanted = {found[1] for statement in statements(vendor) for found in TRIGGER.finditer(statement)}
        return {name for name, _ in _standing(cursor, vendor)} == wanted


def _drop(cursor: CursorWrapper, vendor: str) -> None:
    for name, table in _standing(cursor, vendor):
        cursor.execute(f"DROP TRIGGER {name}" + (f" ON {table}" if vendor == "postgresql" else ""))


def _standing(cursor: CursorWrapper, vendor: str) -> list[tuple[str, str]]:
    """Our triggers: name, table."""
    cursor.execute(
        "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'gallery\\_%' ESCAPE '\\'"
        if vendor == "sqlite"
        else "SELECT tgname, tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal AND starts_with(tgname, 'gallery_')"
    )
    return list(cursor.fetchall())


def statements(vendor: str) -> list[str]:
    """What sets the wall up in this database, each trigger's name with the digest. text_search has set up its functions before."""
    parts = _parts(vendor) | {"rules": digest(vendor)}
    text = Path(__file__).with_name(f"triggers_{vendor}.sql").read_text(encoding="utf-8")
    while "{{" in text:
        text = re.sub(r"\{\{([^{}]+)\}\}", lambda found: parts[found[1]], text)
    marked = hashlib.sha256(text.encode()).hexdigest()[:8]
    return [TRIGGER.sub(rf"CREATE TRIGGER \1_{marked}", statement) for statement in text.split("\n\n") if statement.strip()]


def _parts(vendor: str) -> dict[str, str]:
    micros = MICROS[vendor]
    first = f"{micros.format('c.saved_at')} * 1000"
    said = SAID[vendor].format(NEWEST.format(MOST_COMMENTS))
    last = f"SELECT max(h.place) FROM gallery_hanging h WHERE h.place BETWEEN {first} AND {first} + 999"  # noqa: S608 - columns of ours
    rows = {f"facets of {row}": _facets(row) for row in ("NEW", "OLD", "added", "removed")}
    columns = {f"facet columns of {row}": ", ".join(f"{row}.{name}" for name in FACET_COLUMNS) for row in ("NEW", "OLD")}
    return {
        **rows,
        "ones of NEW": _facets("NEW").replace("), (", ", 1), (").removesuffix(")") + ", 1)",
        **columns,
        "columns": COLUMNS,
        "columns but place": COLUMNS.removeprefix("place, "),
        "values": VALUES,
        "from": f"FROM jobs_clip{FROM}",
        "from added": f"FROM added{FROM}",
        "here c": HERE.format("c"),
        "here NEW": HERE.format("NEW"),
        "gone OLD": f"NOT ({HERE.format('OLD')})",
        "gone NEW": f"NOT ({HERE.format('NEW')})",
        "said": f"substr({said}, 1, {MOST_SAID})",
        "ratio": RATIO,
        "length": "CASE WHEN c.milliseconds < 6500 THEN '6' WHEN c.milliseconds < 10500 THEN '10' ELSE 'more' END",
        "text": f"substr(j.prompt, 1, 20000) || ' ' || {NUMBER[vendor]} || lower(p.code)",
        "picked": f"CASE WHEN d.verdict = 'pick' THEN {micros.format('d.decided_at')} END",
        "micros of saved_at": micros.format("c.saved_at"),
        "place after": f"coalesce(({last}) + 1, {first})",
        "place among": f"coalesce(({last}), {first} - 1) + row_number() OVER (PARTITION BY c.saved_at ORDER BY c.id)",
    }


def _facets(row: str) -> str:
    return ", ".join(f"({row}.project_id, '{kind}', {value.format(row=row)})" for kind, value in FACETS.items())
