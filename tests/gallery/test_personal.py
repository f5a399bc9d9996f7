"""Liking clips and naming them: whose word counts, where it shows, and that twice is once."""

from http import HTTPStatus

import pytest
from django.test import Client
from django.urls import reverse

from studio.accounts.models import User
from studio.gallery.favourites import likes
from studio.gallery.models import Favourite
from studio.jobs.models import Clip
from tests.conftest import signed_in
from tests.gallery.conftest import MakeClip
from tests.gallery.test_views import tiles

HTMX = {"HX-Request": "true"}


def press(person: User, name: str, clip: Clip, **data: str):
    return signed_in(person).post(reverse(name, args=["TIDE", clip.pk]), data, headers=HTMX)


def named(clip: Clip) -> str:
    return Clip.objects.get(pk=clip.pk).title


# favourites


def test_a_favourite_is_ones_own_and_twice_is_once(carol: User, alice: User, clip: Clip):
    for _ in range(2):
        assert 'aria-pressed="true"' in press(carol, "clip_favourite", clip).content.decode()

    assert likes(clip, carol)
    assert not likes(clip, alice)
    assert Favourite.objects.count() == 1
    for _ in range(2):
        assert 'aria-pressed="false"' in press(carol, "clip_favourite", clip, off="1").content.decode()
    assert not likes(clip, carol)


def test_favourites_can_be_asked_for(make_clip: MakeClip, carol: User, alice: User):
    one, two = make_clip(), make_clip()
    press(carol, "clip_favourite", two)
    press(alice, "clip_favourite", one)

    assert tiles(signed_in(carol).get(reverse("gallery", args=["TIDE"]), {"liked": "1"}).content.decode()) == [str(two.pk)]


def test_the_room_shows_ones_heart(as_alice: Client, alice: User, clip: Clip):
    before = as_alice.get(reverse("clip", args=["TIDE", clip.pk])).content.decode()
    as_alice.post(reverse("clip_favourite", args=["TIDE", clip.pk]))
    after = as_alice.get(reverse("clip", args=["TIDE", clip.pk])).content.decode()

    assert 'aria-pressed="false" aria-label="Favourite"' in before
    assert 'aria-pressed="true" aria-label="Favourite"' in after


# names


def test_a_name_shows_in_the_room_on_the_wall_and_in_the_file(as_alice: Client, alice: User, clip: Clip):
    press(alice, "clip_name", clip, title="  Hero   shot,\n take two ")

    assert named(clip) == "Hero shot, take two"
    for address in (reverse("clip", args=["TIDE", clip.pk]), reverse("gallery", args=["TIDE"])):
        assert "Hero shot, take two" in as_alice.get(address).content.decode()
    answer = as_alice.get(reverse("clip_download", args=["TIDE", clip.pk]))
    answer.close()
    assert 'filename="TIDE-001 hero shot take two.mp4"' in answer.headers["Content-Disposition"]


def test_an_empty_name_returns_it_to_its_code(as_alice: Client, alice: User, clip: Clip):
    press(alice, "clip_name", clip, title="Hero")
    part = press(alice, "clip_name", clip, title="  ").content.decode()

    assert named(clip) == ""
    assert 'hx-swap-oob="outerMorph"></bdi>' in part
    assert 'class="room__title" id="room-title"></bdi>' in as_alice.get(reverse("clip", args=["TIDE", clip.pk])).content.decode()


def test_a_name_that_is_too_long_comes_back_as_it_was_typed(alice: User, clip: Clip):
    press(alice, "clip_name", clip, title="Hero")
    answer = press(alice, "clip_name", clip, title="x" * 121)

    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "at most 120 characters; this one has 121." in answer.content.decode()
    assert "x" * 121 in answer.content.decode()
    assert named(clip) == "Hero"
    assert press(alice, "clip_name", clip, title="y" * 120).status_code == HTTPStatus.OK


@pytest.mark.parametrize(("title", "kept"), [("<b>&", "<b>&"), ("a\u202eb\u200bc", "abc"), ("Тихая вода", "Тихая вода")])
def test_a_name_is_text_that_can_be_seen(as_alice: Client, alice: User, clip: Clip, title: str, kept: str):
    press(alice, "clip_name", clip, title=title)

    assert named(clip) == kept
    assert "<b>&" not in as_alice.get(reverse("clip", args=["TIDE", clip.pk])).content.decode()


def test_nul_is_left_out_of_a_name(alice: User, clip: Clip):
    assert press(alice, "clip_name", clip, title="a\x00b").status_code == HTTPStatus.OK
    assert named(clip) == "ab"


def test_its_author_and_owners_name_a_clip(make_clip: MakeClip, alice: User, bob: User, carol: User):
    mine, theirs = make_clip(author=alice), make_clip(author=bob)

    assert press(alice, "clip_name", theirs, title="x").status_code == HTTPStatus.FORBIDDEN
    assert press(bob, "clip_name", mine, title="By Bob").status_code == HTTPStatus.OK
    assert press(carol, "clip_name", mine, title="x").status_code == HTTPStatus.FORBIDDEN
    assert (named(mine), named(theirs)) == ("By Bob", "")
    assert "Name this clip" not in signed_in(alice).get(reverse("clip", args=["TIDE", theirs.pk])).content.decode()
