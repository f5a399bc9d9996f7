"""The walls: whose clips hang there, every filter, every order, and that none of it costs more when more hangs there."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from studio.accounts.models import User
from studio.gallery import triggers
from studio.gallery.filters import Filters
from studio.gallery.hanging import SLOTS, Facet, Hanging, moment_of, place_at
from studio.gallery.models import ProjectDecision
from studio.gallery.wall import PAGE
from studio.jobs.models import Attempt, Clip, Job
from studio.projects.models import Membership, Project
from studio.prompts import actions as prompts
from studio.prompts.contents import Content
from studio.routing.models import Connection
from tests.conftest import signed_in
from tests.gallery.conftest import MakeClip
from tests.gallery.test_shows import decided
from tests.gallery.test_views import tiles

WALL = "/p/TIDE/gallery/"
ALL = "/gallery/"


def hanging(browser: Client, address: str = WALL, **query: object) -> list[str]:
    return tiles(browser.get(address, told(**query)).content.decode())


def told(**query: object) -> dict[str, str]:
    return {name: str(value) for name, value in query.items()}


def keys(*clips: Clip) -> list[str]:
    return [str(clip.pk) for clip in clips]


# whose clips


def test_the_wall_of_all_shows_every_project_that_one_may_see_and_no_other(
    alice: User, tide: Project, koi: Project, make_clip: MakeClip, mallory: User
):
    here, there = make_clip(), make_clip(project=koi)
    assert hanging(signed_in(alice), ALL) == keys(here)
    assert hanging(signed_in(mallory), ALL) == keys(there)

    Membership.objects.create(project=koi, user=alice, role="viewer")
    assert hanging(signed_in(alice), ALL) == keys(there, here)
    assert hanging(signed_in(alice), ALL, project="KOI") == keys(there)
    assert hanging(signed_in(alice), ALL, project="NONE") == keys(there, here)

    Project.objects.filter(pk=koi.pk).update(archived_at=timezone.now())
    assert hanging(signed_in(alice), ALL) == keys(here)


def test_an_admin_sees_all_and_somebody_without_a_project_an_empty_wall(ada: User, dave: User, koi: Project, make_clip: MakeClip):
    clip = make_clip(project=koi)

    assert hanging(signed_in(ada), ALL) == keys(clip)
    assert "No clip has been saved here yet." in signed_in(dave).get(ALL).content.decode()


def test_on_the_wall_of_all_everybody_has_the_buttons_of_their_role_in_each_project(alice: User, tide: Project, koi: Project, make_clip: MakeClip):
    Membership.objects.create(project=koi, user=alice, role="viewer")
    here, there = make_clip(), make_clip(project=koi)
    page = signed_in(alice).get(ALL).content.decode()

    assert f'id="press-{here.pk}"' in page
    assert f'id="press-{there.pk}"' not in page


def test_clips_of_many_projects_hang_in_one_order_and_each_once(ada: User, alice: User, make_clip: MakeClip):
    projects = [Project.objects.create(code=f"P{number}", name=f"P{number}") for number in range(3)]
    made = [make_clip(project=projects[number % 3], age=timedelta(hours=number)) for number in range(PAGE + 5)]
    first = signed_in(ada).get(ALL).content.decode()
    more = re.search(r'id="older" hx-get="([^"]+)"', first)
    assert more

    second = signed_in(ada).get(more[1].replace("&amp;", "&"), headers={"HX-Request": "true"}).content.decode()

    assert [*tiles(first), *tiles(second)] == keys(*made)


# filters


@pytest.fixture
def odd(make_clip: MakeClip, bob: User, tide: Project) -> Clip:
    """A clip that is like the others in nothing: Bob's, at TTAPI and paid for, another model, upright, long, of the library, dear, old."""
    clip = make_clip(author=bob, age=timedelta(days=40), prompt="Odd one")
    real = Connection.objects.create(provider="ttapi", label="TTAPI", sandbox=False)
    version = prompts.start(Content(text="Odd one"), name="Odd prompt", by=bob, scope="team").versions.get()
    Attempt.objects.filter(pk=clip.attempt_id).update(connection=real)
    Job.objects.filter(pk=clip.job_id).update(model="other-model", prompt_version=version, charged=99_000)
    Clip.objects.filter(pk=clip.pk).update(width=720, height=1280, milliseconds=15_000)
    rehung(clip)
    return Clip.objects.get(pk=clip.pk)


def rehung(clip: Clip) -> None:
    """Taken down and hung up again, as if it were saved now: connections of attempts never change, so nothing follows them."""
    moment = clip.saved_at
    Clip.objects.filter(pk=clip.pk).update(saved_at=None)
    Clip.objects.filter(pk=clip.pk).update(saved_at=moment)


def test_each_filter_lets_in_what_it_says(as_alice: Client, make_clip: MakeClip, odd: Clip, bob: User, alice: User):
    usual = make_clip(prompt="Usual one")
    hung = Hanging.objects.get(clip=odd)
    day = timezone.localdate() - timedelta(days=20)
    for name, value, other in (
        ("by", bob.pk, alice.pk), ("provider", "ttapi", "xai"), ("model", "other-model", "grok-imagine-video"), ("ratio", "9:16", "16:9"),
        ("length", "more", "10"), ("made", "real", "sandbox"), ("until", day, None), ("since", None, day), ("version", hung.version_id, None), ("q", "odd", "usual"),
    ):  # fmt: skip
        if value is not None:
            assert tiles(as_alice.get(WALL, {name: str(value)}).content.decode()) == keys(odd), name
        if other is not None:
            assert tiles(as_alice.get(WALL, {name: str(other)}).content.decode()) == keys(usual), name


def test_filters_narrow_together_and_can_be_taken_away_one_by_one(as_alice: Client, make_clip: MakeClip, odd: Clip, bob: User):
    make_clip(author=bob)
    page = as_alice.get(WALL, told(by=bob.pk, ratio="9:16", sort="cost", show="all")).content.decode()

    assert tiles(page) == keys(odd)
    assert re.findall(r'aria-label="Without ([^"]+)"', page) == ["Bob", "9:16"]
    assert f'href="{WALL}?show=all&amp;by={bob.pk}&amp;sort=cost" aria-label="Without 9:16"' in page


def test_the_panel_offers_what_there_is_with_its_number(as_alice: Client, make_clip: MakeClip, odd: Clip):
    make_clip()
    page = as_alice.get(WALL).content.decode()

    for words in ("Alice (1)", "Bob (1)", "TTAPI (1)", "other-model (1)", "9:16 (1)", "Over 10 s (1)", "Sandbox (1)"):
        assert words in page
    assert "Odd prompt · v1" not in page  # one value is no choice
    assert "Odd prompt · v1" in as_alice.get(WALL, told(version=Hanging.objects.get(clip=odd).version_id)).content.decode()


def test_nobody_learns_the_name_of_a_prompt_that_they_may_not_see(as_alice: Client, make_clip: MakeClip, bob: User):
    version = prompts.start(Content(text="Mine"), name="Bob's secret", by=bob, scope="private").versions.get()
    Job.objects.filter(pk=make_clip(author=bob).job_id).update(prompt_version=version)

    page = as_alice.get(WALL, {"version": version.pk}).content.decode()

    assert "Bob&#x27;s secret" not in page
    assert "One prompt version" in page


@pytest.mark.parametrize(
    "query", ["by=x", "by=" + "9" * 30, "ratio=5:4", "since=yesterday", "until=9999-99-99", "length=%00", "sort=random()", "version=-1", "made=1"]
)
def test_a_filter_that_cannot_be_understood_wants_all(as_alice: Client, make_clip: MakeClip, query: str):
    clip = make_clip()

    assert tiles(as_alice.get(f"{WALL}?{query}").content.decode()) == keys(clip)


def test_an_address_of_filters_reads_back_as_it_was():
    filters = Filters.read({"q": "ä b", "by": "3", "since": "2026-11-02", "sort": "cost", "show": "picked", "made": "real", "project": "tide"})

    assert Filters.read(dict(part.split("=") for part in filters.query.replace("+", " ").replace("%C3%A4", "ä").split("&"))) == filters


# orders


def walked(browser: Client, address: str) -> list[str]:
    """Every tile of a wall, page after page."""
    seen: list[str] = []
    url: str | None = address
    while url:
        part = browser.get(url, headers={"HX-Request": "true"} if seen else {}).content.decode()
        seen += tiles(part)
        more = re.search(r'id="older" hx-get="([^"]+)"', part)
        url = more[1].replace("&amp;", "&") if more else None
    return seen


def test_the_dearest_come_first_and_equals_by_age_over_all_pages(as_alice: Client, make_clip: MakeClip):
    made = [make_clip(age=timedelta(hours=number)) for number in range(PAGE + 6)]
    Job.objects.filter(pk__in=[made[3].job_id, made[50].job_id]).update(charged=90_000)

    assert walked(as_alice, f"{WALL}?sort=cost") == keys(made[3], made[50], *(clip for clip in made if clip not in (made[3], made[50])))


def test_what_was_picked_last_comes_first(as_alice: Client, make_clip: MakeClip, bob: User):
    first, second, third = (make_clip(age=timedelta(hours=number)) for number in range(3))
    for clip, day in ((first, 1), (second, 3), (third, 2)):
        ProjectDecision.objects.create(clip=clip, project=clip.project, verdict="pick", person=bob, decided_at=datetime(2026, 11, day, tzinfo=UTC))
    make_clip()
    assert hanging(as_alice, sort="picked") == keys(second, third, first)

    ProjectDecision.objects.filter(clip=third).update(verdict="maybe")
    ProjectDecision.objects.filter(clip=second).delete()
    assert hanging(as_alice, sort="picked") == keys(first)


# what hangs there follows what is true


def test_the_rows_of_the_wall_say_what_clips_jobs_and_decisions_say(make_clip: MakeClip, odd: Clip, bob: User, alice: User):
    decided(make_clip(), "maybe", bob)
    ProjectDecision.objects.filter(clip__job__author=alice).update(verdict="pick")
    gone = decided(make_clip(), "reject", bob)
    ProjectDecision.objects.filter(clip=gone).delete()
    Clip.objects.filter(pk=gone.pk).delete()
    kept = {(row.clip_id, row.place, row.verdict, row.picked, row.cost, row.ratio, row.length, row.text, row.model) for row in Hanging.objects.all()}
    counted = set(Facet.objects.filter(clips__gt=0).values_list("project", "kind", "value", "clips"))

    Hanging.objects.all().delete()
    Facet.objects.all().delete()
    if connection.vendor == "postgresql":
        connection.check_constraints()  # a table with checks that are still to come cannot be altered
    triggers.put_up("default")

    assert {
        (row.clip_id, row.place, row.verdict, row.picked, row.cost, row.ratio, row.length, row.text, row.model) for row in Hanging.objects.all()
    } == kept
    assert set(Facet.objects.values_list("project", "kind", "value", "clips")) == counted
    assert ("all", "", 2) in {facet[1:] for facet in counted}


def test_clips_of_one_moment_have_places_of_their_own_in_that_moment(make_clip: MakeClip):
    made = [make_clip(age=timedelta(days=1)) for _ in range(3)]
    moment = made[0].saved_at
    assert moment

    places = sorted(Hanging.objects.values_list("place", flat=True))

    assert places == [place_at(moment) + slot for slot in range(3)]
    assert {moment_of(place) for place in places} == {moment}
    assert place_at(moment) % SLOTS == 0


def test_many_rows_at_once_hang_as_one_by_one(make_clip: MakeClip):
    pattern = make_clip()
    rows = [
        Clip(job=pattern.job, attempt=pattern.attempt, project=pattern.project, position=place, file="x", saved_at=timezone.now())
        for place in range(1, 30)
    ]
    Clip.objects.bulk_create(rows)

    assert Hanging.objects.count() == 30
    assert Facet.objects.get(kind="all").clips == 30


# what it costs


@pytest.mark.parametrize("query", ["", "?q=slow&by=1", "?sort=cost", "?sort=picked"])
@pytest.mark.parametrize("address", [WALL, ALL])
def test_a_wall_costs_the_same_however_much_hangs_there(as_alice: Client, make_clip: MakeClip, bob: User, address: str, query: str):
    def cost() -> int:
        as_alice.get(address + query)
        with CaptureQueriesContext(connection) as queries:
            as_alice.get(address + query)
        return len(queries)

    for verdict in ("pick", "maybe"):
        decided(make_clip(), verdict, bob)
    few = cost()
    for number in range(8):
        decided(make_clip(author=bob, age=timedelta(days=number)), "pick", bob)
    assert cost() == few
    assert few <= 26
