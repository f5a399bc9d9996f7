"""Deciding about many clips on a wall in one press, and taking it back."""

import re
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from studio.accounts.models import User
from studio.gallery.models import Decision, ProjectDecision
from studio.jobs.models import Clip
from studio.projects.models import Membership, Project
from tests.conftest import signed_in
from tests.gallery.conftest import MakeClip
from tests.gallery.test_shows import decided
from tests.gallery.test_wall import WALL, keys


def press(browser: Client, clips: list[Clip], verdict: str = "", *, code: str = "TIDE", **more: str) -> str:
    values = {"clips": keys(*clips), "code": code, **({"verdict": verdict} if verdict else {}), **more}
    answer = browser.post(reverse("clips_decide"), values, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    return answer.content.decode() + answer.headers.get("HX-Trigger", "")


def verdicts() -> dict[str, str]:
    return {str(key): verdict for key, verdict in ProjectDecision.objects.values_list("clip", "verdict")}


def undo_of(page: str) -> str:
    words = re.search(r'name="undo" value="([^"]*)"', page)
    assert words
    return words[1]


def test_an_owner_decides_about_many_in_one_press_and_undoes_it(bob: User, make_clip: MakeClip):
    clips = [make_clip() for _ in range(4)]
    decided(clips[0], "maybe", bob)
    browser = signed_in(bob)

    page = press(browser, clips, "pick")
    assert "4 clips are picked." in page
    assert page.count('hx-swap-oob="outerMorph"') == 5  # four tiles and the filter
    assert set(verdicts().values()) == {"pick"}
    assert len(verdicts()) == 4

    assert "Undone for 4." in press(browser, [], undo=undo_of(page))
    assert verdicts() == {str(clips[0].pk): "maybe"}
    assert Decision.objects.count() == 0
    assert "no longer be undone" in press(browser, [], undo="forged")


def test_undoing_leaves_alone_what_somebody_decided_since(bob: User, ada: User, make_clip: MakeClip):
    clips = [make_clip() for _ in range(2)]
    page = press(signed_in(bob), clips, "reject")
    press(signed_in(ada), clips[:1], "pick")

    assert "Undone for 1. 1 left alone" in press(signed_in(bob), [], undo=undo_of(page))
    assert verdicts() == {str(clips[0].pk): "pick"}


def test_a_maker_says_what_they_think_of_many_and_the_project_decides_nothing(alice: User, make_clip: MakeClip):
    clips = [make_clip() for _ in range(2)]

    assert "2 clips carry your opinion." in press(signed_in(alice), clips, "pick")
    assert Decision.objects.filter(person=alice, verdict="pick").count() == 2
    assert verdicts() == {}
    press(signed_in(alice), clips, "back")
    assert Decision.objects.count() == 0


def test_where_one_may_only_look_clips_are_left_alone(carol: User, alice: User, koi: Project, make_clip: MakeClip):
    clip, there = make_clip(), make_clip(project=koi)
    assert "You can look at these clips." in press(signed_in(carol), [clip], "pick")
    Membership.objects.create(project=koi, user=alice, role="viewer")

    assert "1 clip carries your opinion. 1 left alone" in press(signed_in(alice), [clip, there], "pick", code="")
    assert Decision.objects.count() == 1
    assert verdicts() == {}


def test_a_clip_that_one_may_not_see_is_not_found(alice: User, koi: Project, make_clip: MakeClip):
    here, there = make_clip(), make_clip(project=koi)
    for code in ("TIDE", ""):
        answer = signed_in(alice).post(reverse("clips_decide"), {"clips": keys(here, there), "code": code, "verdict": "pick"})
        assert answer.status_code == 404
    assert Decision.objects.count() == 0


@pytest.mark.parametrize(
    "values",
    [
        {"verdict": "pick"},
        {"clips": "x", "verdict": "pick"},
        {"clips": str(uuid4())},
        {"clips": [str(uuid4()) for _ in range(201)], "verdict": "pick"},
    ],
)
def test_a_press_that_says_nothing_says_so(bob: User, tide: Project, values: dict[str, object]):
    answer = signed_in(bob).post(reverse("clips_decide"), {"code": "TIDE", **values}, headers={"HX-Request": "true"})

    assert "Choose up to 200 clips" in answer.headers["HX-Trigger"]


def test_without_a_script_a_press_on_many_leads_back_to_the_same_wall(bob: User, make_clip: MakeClip):
    answer = signed_in(bob).post(
        reverse("clips_decide"), {"clips": keys(make_clip()), "code": "TIDE", "verdict": "pick", "query": "show=undecided&junk=1"}
    )

    assert answer.headers["Location"] == f"{WALL}?show=undecided"


def test_many_cost_as_many_queries_as_few(bob: User, make_clip: MakeClip):
    clips = [make_clip() for _ in range(12)]
    browser = signed_in(bob)
    press(browser, clips[:1], "maybe")

    def cost(chosen: list[Clip]) -> int:
        with CaptureQueriesContext(connection) as queries:
            press(browser, chosen, "pick")
        return len(queries)

    assert cost(clips[:2]) == cost(clips[2:])
