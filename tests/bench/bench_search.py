"""Every list that is searched, with tens of thousands of rows against hundreds: what few have, what nobody has, what all have, and short searches.

STUDIO_BENCH_ROWS takes another number of rows.
"""

import os
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import connection as database
from django.db.models import Model

from studio.accounts.models import AuditEvent, User
from studio.credits import ledger
from studio.credits.models import Entry
from studio.projects.models import Project
from studio.prompts.models import Prompt
from studio.routing.models import Connection
from studio.text_search import indexes
from studio.text_search.lookups import containing
from tests.bench.conftest import fill, project_of, timed
from tests.conftest import signed_in

FEW, MANY = 300, int(os.environ.get("STUDIO_BENCH_ROWS", "30000"))
COMMON, RARE = "снято на закате", "橘猫在雨中奔跑"  # what all have, and one in a hundred
ASKED = {
    "what one in a hundred has": "雨中奔跑",
    "two letters of it": "橘猫",
    "what all have": "ЗАКАТ",
    "what nobody has": "полночь",
    "a part of a number": "77",
}
PAGE = 51


def words(turn: int) -> str:
    return f"{COMMON} {turn}" + (f" {RARE}" if turn % 100 == 7 else "")


def people(first: int, last: int) -> None:
    User.objects.bulk_create((User(email=f"p{turn}@example.org", name=words(turn)) for turn in range(first, last)), batch_size=2_000)


def events(first: int, last: int) -> None:
    rows = (AuditEvent(action="person.role", family="person", subject=words(turn)) for turn in range(first, last))
    AuditEvent.objects.bulk_create(rows, batch_size=2_000)


def entries(first: int, last: int) -> None:
    account = ledger.account_of(User.objects.get(email="alice@example.org"))
    rows = (Entry(account=account, kind="grant", reference=f"r{turn}", amount=1, reason=words(turn)) for turn in range(first, last))
    Entry.objects.bulk_create(rows, batch_size=2_000)


def library(first: int, last: int) -> None:
    author = User.objects.get(email="alice@example.org")
    more = "slow dolly toward the glass bottle on wet sand, golden hour, 35mm. " * 8
    rows = (Prompt(author=author, name=f"P{turn}", search=f"P{turn}\n{words(turn)}\n{more}") for turn in range(first, last))
    Prompt.objects.bulk_create(rows, batch_size=2_000)


LISTS: dict[str, tuple[type[Model], Callable[[int, int], None]]] = {
    "people": (User, people),
    "record of changes": (AuditEvent, events),
    "ledger": (Entry, entries),
    "prompt library": (Prompt, library),
}


def analyze() -> None:
    with database.cursor() as cursor:
        cursor.execute("ANALYZE")


@pytest.mark.parametrize("name", LISTS)
def test_a_search_of_very_many_against_a_search_of_few(name: str, alice: User, say: Callable[[str], None]):
    model, make = LISTS[name]

    def page(typed: str) -> list[Any]:
        return list(containing(model._default_manager.all(), typed).order_by("-pk")[:PAGE])

    make(0, FEW)
    analyze()
    before = {asked: timed(partial(page, typed), times=9) for asked, typed in ASKED.items()}
    start = time.perf_counter()
    make(FEW, MANY)
    say(f"\n{name}: {MANY - FEW:,} rows written in {time.perf_counter() - start:.1f} s")
    analyze()
    for asked, typed in ASKED.items():
        (few, few_queries), (many, many_queries) = before[asked], timed(partial(page, typed), times=9)
        say(f"  {asked:28} {many:7.2f} / {few:6.2f} ms = {many / few:6.2f}; found {len(page(typed))}")
        assert many_queries == few_queries == 1


def test_the_indexes_of_very_many_are_made_anew(alice: User, say: Callable[[str], None]):
    people(0, MANY)
    if database.vendor == "postgresql":
        database.check_constraints()
    indexes.take_down("default", {"accounts"})
    start = time.perf_counter()
    indexes.put_up("default")
    say(f"\nthe index of {MANY:,} people made anew in {time.perf_counter() - start:.1f} s")


def test_the_palette_among_very_many_shots(alice: User, xai: Connection, say: Callable[[str], None]):
    few, _ = timed(lambda: signed_in(alice).get("/found/", {"q": "закат"}), times=5)
    for turn in range(12):
        fill(project_of(f"P{turn}", alice), alice, xai, 500)
    assert Project.objects.count() >= 12
    many, _ = timed(lambda: signed_in(alice).get("/found/", {"q": "закат"}), times=5)
    say(f"\nthe palette with 6,000 shots to look through: {many:.1f} ms, with none {few:.1f} ms")
