"""Comments as pages send and hear them: what is refused with which words, what a toast undoes, and that an unchanged thread is cheap."""

import json
import re
import uuid
from http import HTTPStatus
from uuid import UUID, uuid4

import pytest
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from studio.accounts.models import User
from studio.gallery.comments import LONGEST, Voice, remove
from studio.gallery.models import Comment
from studio.jobs.models import Clip
from studio.projects.models import Project
from tests.conftest import signed_in
from tests.gallery.conftest import MakeClip
from tests.gallery.saying import HTMX, figures, said, send, thread


def test_what_is_said_comes_back_with_its_mark_and_a_new_key(clip: Clip, alice: User):
    key = uuid4()
    answer = send(alice, clip, key=key, text="  Hold this  ", at=3_521)
    page = answer.content.decode()

    assert answer.status_code == HTTPStatus.OK
    assert Comment.objects.get(pk=key).text == "Hold this"
    assert f'id="comment-{key}"' in page
    assert "v-at vw0 vh43 vt79" in page
    assert f'data-said="{key}"' in page
    assert f'value="{key}"' not in page.partition('id="say-state"')[2]
    assert answer.headers["HX-PTag"] == "c1"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ({"text": " "}, "Write something first."),
        ({"text": "x" * (LONGEST + 1)}, "2001 characters are too many"),
        ({"text": "x", "key": ""}, "This page is too old."),
        ({"do": "edit", "text": "x"}, "This page is too old."),
        ({"text": "x", "at": -1}, "greater than or equal to 0"),
        ({"text": "x", "reply_to": str(uuid.UUID(int=1))}, "That comment was removed in between."),
    ],
)
def test_what_cannot_be_said_is_refused_with_the_reason(clip: Clip, alice: User, data: dict[str, object], why: str):
    answer = send(alice, clip, **{"key": uuid4(), **data})

    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert why in answer.content.decode()
    assert not Comment.objects.exists()


def test_a_deed_that_there_is_not_is_refused(clip: Clip, alice: User):
    answer = send(alice, clip, do="dance", key=uuid4(), text="x")

    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert not Comment.objects.exists()


def test_without_scripts_the_words_come_back_with_the_reason(clip: Clip, alice: User):
    place = reverse("clip_comment", args=["TIDE", clip.pk])
    refused = signed_in(alice).post(place, {"key": uuid4(), "text": "y" * 2_001})
    taken = signed_in(alice).post(place, {"key": (key := uuid4()), "text": "y"})

    assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "y" * 2_001 in refused.content.decode()
    assert taken.headers["Location"].endswith(f"/clips/{clip.pk}/#comment-{key}")


@pytest.mark.parametrize(("act", "back"), [("remove", "bring_back"), ("resolve", "reopen")])
def test_a_toast_undoes_what_was_done(clip: Clip, alice: User, maker: Voice, act: str, back: str):
    comment = said(clip, "mine", maker)
    toast = json.loads(send(alice, clip, do=act, comment=comment.pk).headers["HX-Trigger"])["toast"]
    assert figures(clip)[0] == 0

    undone = send(alice, clip, **toast["undo"]["values"])

    assert (toast["undo"]["values"]["do"], undone.status_code) == (back, HTTPStatus.OK)
    assert figures(clip)[0] == 1


def test_what_somebody_says_is_never_markup(clip: Clip, alice: User, bob: User):
    User.objects.filter(pk=bob.pk).update(name="<b>Bob</b>")
    page = send(alice, clip, key=uuid4(), text="<script>alert(1)</script> @<b>Bob</b>").content.decode()

    assert "<script>" not in page
    assert '<b class="at">@&lt;b&gt;Bob&lt;/b&gt;</b>' in page


def test_a_comment_of_another_clip_is_not_reached_from_this_one(clip: Clip, make_clip: MakeClip, koi: Project, alice: User, mallory: User):
    theirs = make_clip(project=koi)
    comment = said(theirs, "secret", Voice(mallory, may_say=True))

    assert send(alice, clip, do="remove", comment=comment.pk).status_code == HTTPStatus.OK
    assert send(alice, clip, do="resolve", comment=comment.pk).status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    comment.refresh_from_db()
    assert (comment.removed_at, comment.resolved_at) == (None, None)


def test_a_deed_on_a_comment_leaves_the_words_that_wait_and_their_key_alone(clip: Clip, alice: User, maker: Voice):
    comment = said(clip, "mine", maker)

    done = send(alice, clip, do="resolve", comment=comment.pk)
    remove(clip, comment.pk, voice=maker)
    refused = send(alice, clip, do="reopen", comment=comment.pk)

    assert "say-state" not in done.content.decode() + refused.content.decode()
    assert json.loads(refused.headers["HX-Trigger"])["toast"]["text"] == "That comment was removed in between."


def test_an_edit_that_changes_nothing_is_done_all_the_same(clip: Clip, alice: User, maker: Voice):
    comment = said(clip, "mine", maker)

    assert f'data-said="{comment.pk}"' in send(alice, clip, do="edit", comment=comment.pk, text="mine").content.decode()


# live


def test_an_unchanged_thread_costs_one_read(clip: Clip, alice: User, maker: Voice, django_assert_max_num_queries: DjangoAssertNumQueries):
    said(clip, "one", maker)
    browser, place = signed_in(alice), reverse("clip_comments", args=["TIDE", clip.pk])

    with django_assert_max_num_queries(3):  # session, person, the clip's version
        answer = browser.get(place, headers={**HTMX, "HX-PTag": "c1"})

    assert (answer.status_code, answer.headers["HX-PTag"]) == (HTTPStatus.NOT_MODIFIED, "c1")


def test_a_changed_thread_comes_whole_with_its_marks_and_costs_the_same_however_long(
    clip: Clip, alice: User, maker: Voice, owner: Voice, django_assert_max_num_queries: DjangoAssertNumQueries
):
    for number in range(12):
        top = said(clip, f"@Bob number {number}", maker, milliseconds=number * 100)
        said(clip, "@Alice yes", owner, reply_to=top.pk)
    browser, place = signed_in(alice), reverse("clip_comments", args=["TIDE", clip.pk])

    with django_assert_max_num_queries(9):  # session, person, version, project, membership, clip; comments, mentions, people
        page = browser.get(place, headers={**HTMX, "HX-PTag": "c3"}).content.decode()

    assert page.count('class="mark ') == 12
    assert page.count("names you") == 12
    assert "say-state" not in page  # a key that is being used is not changed


def test_removed_clips_and_foreign_projects_are_not_asked_about(clip: Clip, mallory: User, make_clip: MakeClip, alice: User):
    unsaved = make_clip(saved=False)

    assert signed_in(mallory).get(reverse("clip_comments", args=["TIDE", clip.pk])).status_code == HTTPStatus.NOT_FOUND
    assert signed_in(alice).get(reverse("clip_comments", args=["TIDE", unsaved.pk])).status_code == HTTPStatus.NOT_FOUND
    assert signed_in(alice).get(reverse("clip_comments", args=["KOI", clip.pk])).status_code == HTTPStatus.NOT_FOUND


def test_marks_at_almost_one_time_do_not_cover_each_other(clip: Clip, maker: Voice):
    for at in (1_000, 1_000, 1_050, 4_000):
        said(clip, "here", maker, milliseconds=at)

    assert [mark.nth for mark in thread(clip, maker).marks] == [0, 1, 2, 0]


# how many


def test_tiles_and_cards_show_how_much_is_open(clip: Clip, alice: User, maker: Voice):
    said(clip, "one", maker)
    said(clip, "two", maker)
    Project.objects.update(last_number=1)

    for page in ("gallery", "studio"):
        shown = signed_in(alice).get(reverse(page, args=["TIDE"])).content.decode()
        assert re.findall(r"(\d+)<span class=\"sr\"> open comments?</span>", shown) == ["2"], page


def test_the_key_of_a_form_is_the_id_of_its_comment(clip: Clip, alice: User):
    page = signed_in(alice).get(reverse("clip", args=["TIDE", clip.pk])).content.decode()
    key = page.partition('name="key" value="')[2].partition('"')[0]

    send(alice, clip, key=key, text="Hello")

    assert Comment.objects.get().pk == UUID(key)
