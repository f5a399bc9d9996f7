"""The indexes behind searches: they follow every write, are made anew after another release, stay through migrations, and are what queries use."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management.sql import emit_post_migrate_signal, emit_pre_migrate_signal
from django.db import connection
from django.db.migrations import Migration
from django.db.models import QuerySet

from studio.accounts.models import AuditEvent, User
from studio.credits import ledger
from studio.credits.models import Entry
from studio.projects.models import Project
from studio.prompts.models import Prompt
from studio.text_search import indexes
from studio.text_search.lookups import containing

MANY = 3_000


def names(typed: str) -> set[str]:
    return set(containing(User.objects.all(), typed).values_list("name", flat=True))


def fill(number: int) -> None:
    """People of whom one has a rare name."""
    User.objects.bulk_create(User(email=f"p{turn}@example.org", name=f"Иван Иванов {turn}") for turn in range(number))
    User.objects.create_user("anna@example.org", name="Анна Петрова")


def test_an_index_follows_every_way_of_writing(db: None):
    person = User.objects.create_user("x@example.org", name="Море")
    User.objects.bulk_create([User(email="y@example.org", name="Гора"), User(email="z@example.org", name="Лес")])
    assert (names("МОРЕ"), names("гора")) == ({"Море"}, {"Гора"})

    User.objects.filter(pk=person.pk).update(name="Озеро")
    assert (names("море"), names("озеро")) == (set(), {"Озеро"})

    User.objects.filter(name="Лес").delete()
    assert names("лес") == set()
    assert names("example.org") == {"Озеро", "Гора"}


def test_what_has_the_parts_but_not_the_whole_is_not_found(db: None):
    User.objects.create_user("x@example.org", name="ann nna")
    assert names("anna") == set()


@pytest.mark.parametrize("typed", ["'", '"', "\\", "%", "_", "*", "' OR 1=1 --", "a\x00b", "NEAR(", "^", ":*"])
def test_what_is_typed_is_only_text(db: None, typed: str):
    User.objects.create_user("x@example.org", name="Nothing of it")
    if "'" in typed or "\\" in typed or typed in {'"', "%", "*", "^"}:
        User.objects.create_user("y@example.org", name=f"has {typed}")
        assert names(typed) == {f"has {typed}"}
    else:
        list(containing(User.objects.all(), typed))


def settle() -> None:
    """Let PostgreSQL check what waits for the end of the test: it alters no table before."""
    if connection.vendor == "postgresql":
        connection.check_constraints()


def stands(table: str) -> bool:
    with connection.cursor() as cursor:
        return next(indexes._stands(cursor, index) for index in indexes.declared() if index.table == table)


def test_the_indexes_of_an_app_leave_before_its_migrations_and_come_back_with_what_they_changed(db: None):
    person = User.objects.create_user("x@example.org", name="Море")
    settle()
    emit_pre_migrate_signal(verbosity=0, interactive=False, db="default", plan=[(Migration("0000_something", "accounts"), False)])
    assert (stands("accounts_user"), stands("credits_entry")) == (False, True)
    User.objects.filter(pk=person.pk).update(name="Озеро")
    settle()

    emit_post_migrate_signal(verbosity=0, interactive=False, db="default")

    assert stands("accounts_user")
    assert (names("море"), names("озеро")) == (set(), {"Озеро"})


def test_an_index_by_other_rules_is_made_anew(db: None):
    User.objects.create_user("x@example.org", name="Море")
    settle()
    index = next(index for index in indexes.declared() if index.table == "accounts_user")
    with connection.cursor() as cursor:
        indexes._drop(cursor, index)
        for statement in index.statements(connection.vendor):
            cursor.execute(statement.replace(index.name(connection.vendor), "accounts_user_search_00000000").replace("name || ' ' || ", ""))
    assert names("море") == set()
    settle()

    emit_post_migrate_signal(verbosity=0, interactive=False, db="default")

    assert names("море") == {"Море"}


def plan(rows: QuerySet[Any]) -> str:
    """How the database goes about it."""
    sql, params = rows.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(("EXPLAIN QUERY PLAN " if connection.vendor == "sqlite" else "EXPLAIN ") + sql, params)
        return "\n".join(str(row[-1]) for row in cursor.fetchall())


def events(number: int) -> None:
    AuditEvent.objects.bulk_create(AuditEvent(action="person.role", family="person", subject=f"somebody {turn}") for turn in range(number))


def entries(number: int) -> None:
    account = ledger.account_of(User.objects.create_user("x@example.org"))
    Entry.objects.bulk_create(
        Entry(account=account, kind="grant", reference=f"r{turn}", amount=1, reason=f"Portion {turn}") for turn in range(number)
    )


def projects(number: int) -> None:
    Project.objects.bulk_create(Project(code=f"P{turn}", name=f"Project {turn}") for turn in range(number))


def library(number: int) -> None:
    author = User.objects.create_user("x@example.org")
    Prompt.objects.bulk_create(Prompt(author=author, name=f"Prompt {turn}", search=f"Prompt {turn}\nslow dolly") for turn in range(number))


@pytest.mark.parametrize(
    ("seed", "model"), [(fill, User), (events, AuditEvent), (entries, Entry), (projects, Project), (library, Prompt)], ids=lambda one: one.__name__
)
@pytest.mark.parametrize("typed", ["закат", "橘猫", "雨"])
def test_a_search_for_what_few_have_reads_the_index_and_not_the_table(db: None, seed: Callable[[int], None], model: Any, typed: str):
    seed(MANY)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    said = plan(containing(model.objects.all(), typed).order_by("-pk")[:51])

    table = model._meta.db_table
    if connection.vendor == "sqlite":
        assert f"SCAN {table}_search VIRTUAL TABLE" in said
        assert f"SCAN {table}\n" not in f"{said}\n"
    else:
        assert f"{table}_search_" in said
        assert f"Seq Scan on {table}" not in said


def test_every_large_list_that_is_searched_has_an_index():
    assert {index.table for index in indexes.declared()} == {
        "accounts_user",
        "accounts_auditevent",
        "credits_entry",
        "projects_project",
        "prompts_prompt",
    }
