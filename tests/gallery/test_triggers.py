"""The wall's triggers after a release: those of another one are replaced, what they wrote is written anew, and what breaks off has changed nothing."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management.sql import emit_post_migrate_signal, emit_pre_migrate_signal
from django.db import DatabaseError, connection
from django.db.migrations import Migration

from studio.accounts.models import User
from studio.gallery import search, triggers
from studio.gallery.hanging import Facet, Hanging
from studio.jobs import trash
from studio.jobs.models import Clip
from tests.conftest import signed_in
from tests.gallery.conftest import MakeClip
from tests.gallery.test_shows import decided
from tests.gallery.test_wall import hanging, keys


def standing() -> set[str]:
    """The names of the triggers in the database."""
    sql = (
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        if connection.vendor == "sqlite"
        else "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return {name for (name,) in cursor.fetchall()}


@pytest.fixture
def older(db: None) -> None:
    """What a release set up that called the ratio 16:9 wide, and searched otherwise: accents counted."""
    triggers.take_down("default")
    with connection.cursor() as cursor:
        for statement in (*triggers.EMPTY[connection.vendor], *triggers.statements(connection.vendor)):
            then = re.sub(r"(CREATE TRIGGER gallery_\w+)_[0-9a-f]{8}", r"\1", statement).replace("'16:9'", "'wide'")
            cursor.execute(then.replace("studio_words(", {"sqlite": "lower(", "postgresql": "to_tsvector('simple', "}[connection.vendor]))


def settle() -> None:
    """Let PostgreSQL check what waits for the end of the test: it alters no table before."""
    if connection.vendor == "postgresql":
        connection.check_constraints()


def facets() -> set[tuple[str, str, int]]:
    return set(Facet.objects.filter(clips__gt=0, kind__in=["all", "ratio", "verdict"]).values_list("kind", "value", "clips"))


@pytest.mark.usefixtures("older")
def test_triggers_of_another_release_are_replaced_and_what_they_wrote_is_written_anew(make_clip: MakeClip, bob: User):
    clip, other = make_clip(prompt="An ámber bottle"), make_clip()
    decided(clip, "pick", bob)
    assert set(Hanging.objects.values_list("ratio", flat=True)) == {"wide"}
    assert hanging(signed_in(bob), q="amber") == []
    assert not triggers.are_up("default")
    settle()

    emit_post_migrate_signal(verbosity=0, interactive=False, db="default")

    assert triggers.are_up("default")
    assert set(Hanging.objects.values_list("ratio", "verdict")) == {("16:9", "pick"), ("16:9", "")}
    assert facets() == {("all", "", 2), ("ratio", "16:9", 2), ("verdict", "pick", 1), ("verdict", "", 1)}
    assert hanging(signed_in(bob), q="amber") == keys(clip)
    make_clip()
    assert ("ratio", "16:9", 3) in facets()
    assert hanging(signed_in(bob))[1:] == keys(other, clip)


def test_what_stands_is_left_alone_when_it_is_this_releases(clip: Clip):
    Hanging.objects.filter(clip=clip).update(text="written by hand")

    emit_post_migrate_signal(verbosity=0, interactive=False, db="default")

    assert Hanging.objects.get().text == "written by hand"


def test_one_trigger_that_is_missing_brings_all_back(clip: Clip):
    settle()
    name = next(name for name in standing() if name.startswith("gallery_decide"))
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER {name}" + (" ON gallery_projectdecision" if connection.vendor == "postgresql" else ""))

    emit_post_migrate_signal(verbosity=0, interactive=False, db="default")

    assert name in standing()
    assert triggers.are_up("default")


def test_what_a_migration_changes_hangs_so_afterwards_and_the_rest_as_before(make_clip: MakeClip, bob: User):
    clip, gone, other = make_clip(), make_clip(), make_clip()
    Clip.objects.filter(pk=other.pk).update(title="Hero")
    for one in (clip, other):
        search.hear(one.pk)
    before = Hanging.objects.filter(clip=other).values().get()
    settle()
    emit_pre_migrate_signal(verbosity=0, interactive=False, db="default", plan=[(Migration("0000_something", "gallery"), False)])
    assert not {name for name in standing() if name.startswith("gallery_")}
    decided(clip, "reject", bob)
    Clip.objects.filter(pk=clip.pk).update(width=720, height=1280)
    trash.throw_away(Clip.objects.filter(pk=gone.pk), by=bob)
    Clip.objects.filter(pk=other.pk).update(pinned_by=bob)
    made = make_clip(prompt="A heron")
    settle()

    emit_post_migrate_signal(verbosity=0, interactive=False, db="default")

    assert Hanging.objects.filter(clip=clip).values_list("verdict", "ratio").get() == ("reject", "9:16")
    assert Hanging.objects.filter(clip=other).values().get() == before
    assert facets() == {("all", "", 3), ("ratio", "9:16", 1), ("ratio", "16:9", 2), ("verdict", "reject", 1), ("verdict", "", 2)}
    browser = signed_in(bob)
    assert (hanging(browser), hanging(browser, q="heron"), hanging(browser, q="hero", show="open")) == (
        keys(made, other),
        keys(made),
        keys(made, other),
    )
    assert hanging(browser, show="rejected") == keys(clip)


def test_only_what_hangs_otherwise_is_hung_up_anew(make_clip: MakeClip):
    right, wrong = make_clip(), make_clip()
    Hanging.objects.filter(clip=wrong).update(cost=1)
    settle()
    written: list[int] = []

    def count(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        answer = execute(sql, params, many, context)
        if "gallery_hanging" in sql and sql.lstrip().startswith(("--", "INSERT", "DELETE")) and "CREATE" not in sql:
            written.append(context["cursor"].rowcount)
        return answer

    with connection.execute_wrapper(count):
        triggers.put_up("default")

    assert written == [1, 1]
    assert dict(Hanging.objects.values_list("clip", "cost")) == {right.pk: 38_000, wrong.pk: 38_000}


@pytest.mark.usefixtures("older")
def test_what_breaks_off_in_the_middle_has_changed_nothing(make_clip: MakeClip):
    make_clip()
    stood, hung = standing(), list(Hanging.objects.values())
    settle()

    def break_off(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if "INSERT INTO gallery_hanging" in sql and "TRIGGER" not in sql and "FUNCTION" not in sql:
            raise DatabaseError("the machine went off")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(break_off), pytest.raises(DatabaseError, match="went off"):
        triggers.put_up("default")

    assert (standing(), list(Hanging.objects.values())) == (stood, hung)
    assert not triggers.are_up("default")
