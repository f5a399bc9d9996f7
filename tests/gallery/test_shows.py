"""The wall by decision: what is hidden, what the filter shows and counts, and that the room goes through the same clips."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from studio.accounts.models import User
from studio.gallery.models import Decision, ProjectDecision
from studio.gallery.wall import PAGE
from studio.jobs.models import Clip
from studio.projects.models import Project
from tests.conftest import signed_in
from tests.gallery.conftest import MakeClip
from tests.gallery.test_views import tiles

VERDICTS = ("pick", "maybe", "reject", "")


def decided(clip: Clip, verdict: str, by: User) -> Clip:
    """The clip, about which its project decided so; nothing for an empty verdict."""
    if verdict:
        ProjectDecision.objects.create(clip=clip, project=clip.project, verdict=verdict, person=by, decided_at=timezone.now())
    return clip


@pytest.fixture
def wall(make_clip: MakeClip, bob: User) -> dict[str, str]:
    """One clip of each kind: verdict → id."""
    return {verdict: str(decided(make_clip(age=timedelta(hours=place)), verdict, bob).pk) for place, verdict in enumerate(VERDICTS)}


def page(browser: Client, show: str = "", **more: str) -> str:
    return browser.get(reverse("gallery", args=["TIDE"]), {"show": show, **more}).content.decode()


@pytest.mark.parametrize(
    ("show", "hang"),
    [
        ("", ["pick", "maybe", ""]),
        ("all", ["pick", "maybe", "reject", ""]),
        ("undecided", [""]),
        ("picked", ["pick"]),
        ("maybe", ["maybe"]),
        ("rejected", ["reject"]),
        ("love", ["pick", "maybe", ""]),
    ],
)
def test_the_filter_shows_what_it_says(as_alice: Client, wall: dict[str, str], show: str, hang: list[str]):
    assert tiles(page(as_alice, show)) == [wall[verdict] for verdict in hang]


def test_rejected_clips_are_hidden_and_one_press_shows_them(as_alice: Client, wall: dict[str, str]):
    usual, everything = page(as_alice), page(as_alice, "all")

    assert "Show 1 rejected" in usual
    assert "?show=all" in usual
    assert "Hide rejected" in everything


def test_the_filter_counts(as_alice: Client, wall: dict[str, str], make_clip: MakeClip, bob: User):
    decided(make_clip(), "pick", bob)
    decided(make_clip(saved=False), "", bob)

    text = " ".join(re.sub(r"<[^>]*>", " ", page(as_alice)).split())

    assert "All 4 Undecided 1 Picked 2 Maybe 1 Rejected 1" in text


def test_decisions_of_another_project_do_not_count_here(as_alice: Client, wall: dict[str, str], koi: Project, make_clip: MakeClip, mallory: User):
    decided(make_clip(project=koi), "reject", mallory)

    assert "Show 1 rejected" in page(as_alice)


def test_an_opinion_hides_nothing(as_alice: Client, alice: User, wall: dict[str, str]):
    Decision.objects.create(clip_id=wall[""], person=alice, verdict="reject")

    assert wall[""] in tiles(page(as_alice))
    assert tiles(page(as_alice, "undecided")) == [wall[""]]


def test_a_filtered_wall_goes_on_below_in_the_same_filter(as_alice: Client, make_clip: MakeClip, bob: User):
    made = [decided(make_clip(age=timedelta(hours=7 * place)), "pick" if place % 2 else "reject", bob) for place in range(2 * PAGE + 10)]
    seen: list[str] = []
    url: str | None = f"{reverse('gallery', args=['TIDE'])}?show=picked"

    while url:
        part = as_alice.get(url, headers={"HX-Request": "true"} if seen else {}).content.decode()
        seen += tiles(part)
        more = re.search(r'id="older" hx-get="([^"]+)"', part)
        url = more[1].replace("&amp;", "&") if more else None

    assert seen == [str(clip.pk) for clip in made[1::2]]


@pytest.mark.parametrize("show", ["", "undecided", "picked"])
@pytest.mark.parametrize("somebody", ["alice", "bob", "carol"])
def test_a_wall_costs_the_same_however_much_was_decided(
    request: pytest.FixtureRequest, make_clip: MakeClip, bob: User, somebody: str, show: str, tide: Project
):
    user: User = request.getfixturevalue(somebody)
    browser = signed_in(user)
    address = reverse("gallery", args=["TIDE"])

    def cost() -> int:
        browser.get(address, {"show": show})
        with CaptureQueriesContext(connection) as queries:
            browser.get(address, {"show": show})
        return len(queries)

    for verdict in VERDICTS:
        decided(make_clip(), verdict, bob)
    few = cost()
    for place in range(16):
        clip = decided(make_clip(age=timedelta(days=place)), VERDICTS[place % 4], bob)
        Decision.objects.create(clip=clip, person=user, verdict="maybe")
    assert cost() == few


@pytest.mark.parametrize(
    ("show", "said"),
    [
        ("picked", "Nothing is picked yet."),
        ("maybe", "Nothing is a maybe."),
        ("rejected", "Nothing is rejected."),
    ],
)
def test_a_filter_that_finds_nothing_says_what_to_do(as_alice: Client, bob: User, clip: Clip, show: str, said: str):
    assert said in page(as_alice, show)
    assert "Press 1, 2 or 3" in page(signed_in(bob), show)


def test_when_all_is_decided_or_rejected_the_wall_says_so(as_alice: Client, bob: User, clip: Clip):
    decided(clip, "reject", bob)

    assert "Every clip is decided." in page(as_alice, "undecided")
    assert "Every clip here was rejected." in page(as_alice)


def test_the_room_goes_through_what_the_wall_shows(as_alice: Client, bob: User, make_clip: MakeClip):
    clips = [decided(make_clip(age=timedelta(hours=place)), verdict, bob) for place, verdict in enumerate(("pick", "reject", "", "pick"))]
    address = reverse("clip", args=["TIDE", clips[0].pk])

    usual = as_alice.get(address).content.decode()
    picked = as_alice.get(address, {"show": "picked"}).content.decode()

    assert f'href="{reverse("clip", args=["TIDE", clips[2].pk])}" data-step="older"' in usual
    assert "1 of 3" in usual
    assert f'href="{reverse("clip", args=["TIDE", clips[3].pk])}?show=picked" data-step="older"' in picked
    assert f'href="{reverse("gallery", args=["TIDE"])}?show=picked#clip-{clips[0].pk}" data-close' in picked


def test_a_clip_keeps_its_place_in_the_room_when_it_is_decided_away(as_alice: Client, bob: User, make_clip: MakeClip):
    clips = [decided(make_clip(age=timedelta(hours=place)), "reject" if place == 1 else "", bob) for place in range(3)]

    room = as_alice.get(reverse("clip", args=["TIDE", clips[1].pk]), {"show": "undecided"}).content.decode()

    assert "2 of 3" in room
    assert str(clips[0].pk) in room
    assert str(clips[2].pk) in room
