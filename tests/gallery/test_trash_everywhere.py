"""A clip in the trash is nowhere: not on the wall, in its counts or its search, not by a link, in a ZIP, in lists and files of notes. Taken back, it is as it was."""

import csv
import io
import json
from uuid import uuid4

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from studio.accounts.models import AccessLink, User
from studio.gallery import bundle_making, bundles, comments, mentions, posters, review, search, triggers, wall
from studio.gallery.bundle_models import THROWN
from studio.gallery.comments import Voice, Words
from studio.gallery.hanging import Facet, Hanging
from studio.gallery.lineage import siblings_of
from studio.gallery.models import Favourite
from studio.gallery.share_models import ShareLink
from studio.jobs import trash
from studio.jobs.models import Clip
from studio.projects.models import Membership, Project
from tests.conftest import signed_in
from tests.gallery.conftest import MakeClip
from tests.gallery.test_shows import decided
from tests.gallery.test_wall import ALL, WALL, hanging, keys
from tests.jobs.rows import HTMX

LINK_BYTES = ("share_video", "share_poster", "share_sheet", "share_download", "share_card")
BYTES = ("clip_video", "clip_poster", "clip_sheet", "clip_download", "clip_titled")


def thrown(clip: Clip, by: User) -> None:
    assert trash.throw_away(Clip.objects.filter(pk=clip.pk), by=by)


def back(clip: Clip) -> None:
    assert trash.restore(Clip.objects.filter(pk=clip.pk))


def statuses(browser: Client, addresses: list[str]) -> set[int]:
    """What the browser is answered."""
    found = set()
    for address in addresses:
        answer = browser.get(address)
        answer.getvalue()
        found.add(answer.status_code)
    return found


def facets() -> set[tuple[str, str, int]]:
    return set(Facet.objects.filter(clips__gt=0).values_list("kind", "value", "clips"))


# the wall


def test_taken_back_a_clip_hangs_where_it_hung_with_its_decision_its_price_and_its_words(bob: User, make_clip: MakeClip):
    clip, other = make_clip(prompt="An amber bottle"), make_clip()
    decided(clip, "pick", bob)
    Clip.objects.filter(pk=clip.pk).update(title="Hero")
    search.hear(clip.pk)
    before, counted, browser = Hanging.objects.filter(clip=clip).values().get(), facets(), signed_in(bob)

    thrown(clip, bob)
    assert not Hanging.objects.filter(clip=clip).exists()
    assert (hanging(browser), hanging(browser, ALL), hanging(browser, q="amber"), hanging(browser, show="picked")) == (
        keys(other),
        keys(other),
        [],
        [],
    )
    assert ("all", "", 1) in facets()
    assert not {fact for fact in facets() if fact[:2] == ("verdict", "pick")}

    back(clip)
    assert Hanging.objects.filter(clip=clip).values().get() == before
    assert before["verdict"] == "pick"
    assert facets() == counted
    assert hanging(browser) == keys(other, clip)
    for words in ("amber", "hero"):
        assert hanging(browser, q=words) == keys(clip)


def test_what_is_decided_and_saved_anew_in_the_trash_does_not_hang_it(bob: User, clip: Clip):
    thrown(clip, bob)
    decided(clip, "maybe", bob)
    Clip.objects.filter(pk=clip.pk).update(saved_at=timezone.now(), width=720, height=1280)
    assert not Hanging.objects.exists()
    back(clip)
    assert Hanging.objects.values_list("verdict", "ratio").get() == ("maybe", "9:16")


def test_a_wall_that_is_put_up_anew_says_the_same(bob: User, make_clip: MakeClip):
    clip, gone = make_clip(), make_clip()
    Clip.objects.filter(pk=clip.pk).update(title="Hero")
    search.hear(clip.pk)
    before = Hanging.objects.filter(clip=clip).values("said", "text", "cost").get()
    triggers.take_down("default")
    thrown(gone, bob)
    Hanging.objects.filter(clip=clip).delete()
    connection.check_constraints()  # PostgreSQL alters no table on which a constraint waits

    triggers.put_up("default")

    assert Hanging.objects.values("said", "text", "cost").get() == before


# bytes


def test_a_members_bytes_are_for_who_may_take_it_back(alice: User, bob: User, carol: User, dave: User, tide: Project, clip: Clip):
    Membership.objects.create(project=tide, user=dave, role="maker")
    addresses = [reverse(name, args=["TIDE", clip.pk]) for name in BYTES]
    addresses.append(reverse("clip_picture", args=["TIDE", clip.pk, 480, posters.digest(clip)]))
    thrown(clip, alice)
    for person, status in ((alice, 200), (bob, 200), (carol, 404), (dave, 404)):
        assert statuses(signed_in(person), addresses) == {status}

    trash.give_up(Clip.objects.filter(pk=clip.pk), why="Deleted by Bob")
    assert statuses(signed_in(bob), addresses) == {404}


@pytest.mark.parametrize("kind", ["clips", "view"])
def test_a_link_leads_to_no_byte_of_it(kind: str, alice: User, bob: User, tide: Project, make_clip: MakeClip):
    clip, other = make_clip(), make_clip()
    token = "t" * 43
    link = ShareLink.objects.create(project=tide, made_by=alice, kind=kind, title="Selects", token_hash=AccessLink.digest(token), may_download=True)
    if kind == "clips":
        link.places.create(clip=clip)
        link.places.create(clip=other)
    guest = Client()
    addresses = [reverse(name, args=[token, clip.pk]) for name in (*LINK_BYTES, "share_clip")]
    assert statuses(guest, addresses) == {200}

    thrown(clip, bob)
    assert statuses(guest, addresses) == {404}
    assert str(clip.pk) not in guest.get(reverse("share", args=[token])).content.decode()
    back(clip)
    assert statuses(guest, addresses) == {200}


def test_no_zip_holds_it_and_one_that_does_is_not_given_out(alice: User, make_clip: MakeClip):
    clip, other, later = make_clip(), make_clip(), make_clip()
    made = bundles.start(alice, [clip.pk, other.pk], pattern="{code}", key=uuid4())
    assert bundle_making.go_on()
    waiting = bundles.start(alice, [later.pk, other.pk], pattern="{code}", key=uuid4())
    assert bundles.part_for(alice, made.pk, 1)

    thrown(clip, alice)
    thrown(later, alice)
    assert [one.pk for one in bundles.clips_for(alice, [clip.pk, other.pk])] == [other.pk]
    assert signed_in(alice).get(reverse("bundle_file", args=[made.pk, 1])).status_code == 410
    assert bundle_making.go_on()
    assert list(waiting.parts.get().places.values_list("clip", "trouble")) == [(later.pk, THROWN), (other.pk, "")]
    assert bundles.part_for(alice, waiting.pk, 1)
    back(clip)
    assert bundles.part_for(alice, made.pk, 1)


def test_what_was_drawn_of_its_poster_is_deleted_with_it(alice: User, clip: Clip):
    poster = str(clip.poster.name)
    stem = poster.removesuffix(".webp")
    names = [*(f"{stem}-{width}.webp" for width in posters.WIDTHS), f"{stem}-card.jpg"]
    for name in names:
        default_storage.save(name, ContentFile(b"small"))
    thrown(clip, alice)
    trash.give_up(Clip.objects.filter(pk=clip.pk), why="Deleted by Alice")

    assert trash.erase_due() == 1
    assert not any(default_storage.exists(name) for name in [poster, *names])


# lists


def test_no_list_names_it(alice: User, bob: User, tide: Project, make_clip: MakeClip):
    clip = make_clip(prompt="An amber bottle")
    sibling = make_clip()
    Clip.objects.filter(pk=sibling.pk).update(job=clip.job, position=1)
    sibling.refresh_from_db()
    comments.say(clip, Words("Look, @Alice", None), key=uuid4(), voice=Voice(bob, may_say=True))
    Favourite.objects.create(clip=clip, person=alice)
    browser = signed_in(bob)

    def named() -> dict[str, bool]:
        notes = csv.reader(io.StringIO(signed_in(alice).get(reverse("project_notes", args=["TIDE"])).getvalue().decode()))
        return {
            "mentions": mentions.unseen(alice) == 1 and bool(mentions.page_of(alice, 0).rows),
            "notes": any("Look, @Alice" in row for row in notes),
            "favourites": keys(clip)[0] in hanging(signed_in(alice), liked=1),
            "review": clip in wall.hung(review.waiting(bob, review.passes_of(bob), None, count=100)),
            "siblings": clip in siblings_of(sibling).clips,
            "palette": str(clip.pk) in browser.get(reverse("found"), {"q": "amber"}, headers=HTMX).content.decode(),
            "frames": str(clip.pk) in signed_in(alice).get(reverse("frames", args=["TIDE"])).content.decode(),
            "compared": browser.get(reverse("clips_compare", args=["TIDE"]), {"clips": f"{clip.pk},{sibling.pk}"}).status_code == 200
            and str(clip.pk) in browser.get(reverse("clips_compare", args=["TIDE"]), {"clips": f"{clip.pk},{sibling.pk}"}).content.decode(),
        }

    assert all(named().values()), named()
    thrown(clip, bob)
    assert not any(named().values()), named()
    back(clip)
    assert all(named().values()), named()


# many at once


def throw(browser: Client, *clips: Clip, code: str = "TIDE", **more: str) -> dict[str, object]:
    answer = browser.post(reverse("clips_trash"), {"clips": keys(*clips), "code": code, **more}, headers=HTMX)
    assert answer.status_code == 200
    toast: dict[str, object] = json.loads(answer.headers["HX-Trigger"])["toast"]
    return toast | {"page": answer.content.decode()}


def test_many_go_in_one_press_which_is_undone_in_one(bob: User, make_clip: MakeClip):
    clips, browser = [make_clip() for _ in range(3)], signed_in(bob)

    told = throw(browser, *clips[:2])
    assert (told["text"], told["tone"], told["undo"]) == ("2 clips are in the trash for 30 days.", "success", {"form": "#undo-many"})
    assert str(told["page"]).count('hx-swap-oob="delete"') == 2
    assert hanging(browser) == keys(clips[2])

    answer = browser.post(reverse("clips_trash"), {"code": "TIDE", "undo": ",".join(keys(*clips[:2]))}, headers=HTMX)
    assert answer.headers["HX-Redirect"] == WALL
    assert hanging(browser) == keys(*clips[::-1])


def test_of_many_only_ones_own_go_and_none_that_is_picked_or_pinned(alice: User, bob: User, carol: User, koi: Project, make_clip: MakeClip):
    mine, picked, pinned, bobs, there = make_clip(), make_clip(), make_clip(), make_clip(author=bob), make_clip(project=koi)
    decided(picked, "pick", bob)
    Clip.objects.filter(pk=pinned.pk).update(pinned_at=timezone.now(), pinned_by=bob)
    Membership.objects.create(project=koi, user=alice, role="viewer")

    text = throw(signed_in(alice), mine, picked, pinned, bobs, there, code="")["text"]
    assert text == (
        f"{mine.code} is in the trash for 30 days. 2 left alone: picked or pinned, so each is moved in its viewing room."
        " 2 left alone: only who ordered them or an owner can do this."
    )
    assert set(Clip.objects.in_trash()) == {mine}
    assert "2 left alone" in str(throw(signed_in(carol), picked, bobs)["text"])


def test_nobody_throws_away_or_takes_back_what_they_may_not_see(alice: User, mallory: User, koi: Project, make_clip: MakeClip):
    here, there = make_clip(), make_clip(project=koi, author=mallory)
    values = {"clips": keys(here, there), "code": ""}
    assert signed_in(alice).post(reverse("clips_trash"), values).status_code == 404
    assert Clip.objects.present().count() == 2

    thrown(there, mallory)
    signed_in(alice).post(reverse("clips_trash"), {"code": "", "undo": str(there.pk)})
    assert Clip.objects.in_trash().get() == there


@pytest.mark.parametrize("clips", [[], ["x"], [str(uuid4()) for _ in range(201)]])
def test_a_press_on_nothing_says_so(as_alice: Client, tide: Project, clips: list[str]):
    answer = as_alice.post(reverse("clips_trash"), {"code": "TIDE", "clips": clips}, headers=HTMX)
    assert "Choose up to 200 clips." in answer.headers["HX-Trigger"]
