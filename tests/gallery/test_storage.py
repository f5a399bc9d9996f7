"""The storage page: what lies where, counted in a fixed number of queries, with a warning before the disk is full."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from studio.accounts.models import User
from studio.gallery import storage
from studio.gallery.models import ProjectDecision
from studio.gallery.storage import Amount, Disk
from studio.jobs import trash
from studio.jobs.models import Clip, Reference
from studio.projects.models import Project
from tests.conftest import signed_in
from tests.gallery.conftest import VIDEO, MakeClip

SIZE = len(VIDEO)


@pytest.fixture
def world(make_clip: MakeClip, tide: Project, koi: Project, alice: User, bob: User) -> None:
    """Tidewater: three clips, one a year old and one picked; a fourth in the trash, a fifth deleted. Koi: one clip."""
    clips = [make_clip(age=age) for age in (timedelta(hours=1), timedelta(days=400), timedelta(days=10), timedelta(days=1), timedelta(days=1))]
    make_clip(project=koi)
    ProjectDecision.objects.create(clip=clips[0], project=tide, verdict="pick", person=bob)
    trash.throw_away(Clip.objects.filter(pk__in=[clips[3].pk, clips[4].pk]), by=alice)
    trash.give_up(Clip.objects.filter(pk=clips[4].pk), why="Now")
    Clip.objects.update(pictures_bytes=11)
    Reference.objects.create(project=tide, owner=alice, file="references/one.webp", bytes=500)
    Reference.objects.create(project=tide, owner=alice, url="https://example.org/picture.webp")


def test_everything_is_counted_once_by_project_age_and_decision(world: None, tide: Project, django_assert_max_num_queries: DjangoAssertNumQueries):
    with django_assert_max_num_queries(4):
        told = storage.taken()
    first = told.places[0]
    assert (first.project, first.here, first.trash, first.pictures) == (tide, Amount(3, 3 * SIZE), Amount(1, SIZE), 44)
    assert (first.references, first.bytes) == (Amount(1, 500), 4 * SIZE + 44 + 500)
    assert [(line.name, line.amount.clips) for line in told.ages] == [
        ("The last 7 days", 2), ("7 to 30 days", 1), ("30 to 90 days", 0), ("90 days to a year", 0), ("Older than a year", 1),
    ]  # fmt: skip
    assert {line.name: line.amount.clips for line in told.decisions} == {"Picked": 1, "Maybe": 0, "Rejected": 0, "Undecided": 3}


def test_one_project_is_told_alone(world: None, koi: Project):
    assert storage.taken(koi).here == Amount(1, SIZE)


def test_clips_are_summed_from_the_index_alone(world: None, tide: Project):
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL chooses by size: a table of six rows is read whole")
    with CaptureQueriesContext(
        connection,
    ) as seen:
        storage.taken(tide)
        storage.taken()
    asked = [row["sql"] for row in seen if '"pictures_bytes"' in row["sql"]]
    assert len(asked) == 2
    with connection.cursor() as cursor:
        for sql in asked:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            plan = " ".join(str(row) for row in cursor.fetchall())
            assert "COVERING INDEX clips_by_size" in plan, plan


def test_the_page_keeps_its_figures_for_some_minutes_and_says_since_when(world: None, bob: User, make_clip: MakeClip):
    owner = signed_in(bob)
    first = owner.get("/p/TIDE/storage/").content.decode()
    make_clip()
    again = owner.get("/p/TIDE/storage/").content.decode()
    assert "As of " in first
    assert "3 clips" in first
    assert "3 clips" in again


def test_an_admin_sees_every_project(world: None, ada: User):
    page = signed_in(ada).get("/control/storage/").content.decode()
    assert "Tidewater" in page
    assert "Koi" in page


@pytest.mark.parametrize(("free", "low"), [(50, False), (9, True)])
def test_a_disk_that_fills_up_is_a_matter(free: int, low: bool):
    assert Disk(total=100 * 10**9, free=free * 10**9).is_low is low


def test_an_empty_project_has_a_page_too(tide: Project, bob: User):
    page = signed_in(bob).get("/p/TIDE/storage/").content.decode()
    assert "Nothing goes to the trash by itself." in " ".join(page.split())
    assert timezone.localtime().strftime("As of %H") in page
