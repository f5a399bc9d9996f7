"""Comments: who may say what, that nothing is said twice or lost, who is named, and that a page learns of it cheaply."""

import json
import uuid
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from uuid import UUID, uuid4

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from studio.accounts.models import User
from studio.gallery import comments
from studio.gallery.comment_threads import Places, Thread, thread_of
from studio.gallery.comments import LONGEST, HadArrived, IsFull, IsGone, Voice, Words, edit, remove, resolve, say
from studio.gallery.models import Comment
from studio.jobs.models import Clip
from studio.projects.models import Membership, Project
from tests.conftest import signed_in
from tests.gallery.conftest import MakeClip
from tests.jobs.test_at_once import at_once

HTMX = {"HX-Request": "true"}


@pytest.fixture
def maker(alice: User, tide: Project) -> Voice:
    return Voice(alice, may_say=True)


@pytest.fixture
def owner(bob: User, tide: Project) -> Voice:
    return Voice(bob, may_say=True, may_clear=True)


@pytest.fixture
def viewer(carol: User, tide: Project) -> Voice:
    return Voice(carol, may_say=False)


def said(clip: Clip, text: str, voice: Voice, **more) -> Comment:
    return say(clip, Words(text, **more), key=uuid4(), voice=voice)


def thread(clip: Clip, voice: Voice) -> Thread:
    return thread_of(Clip.objects.select_related("job__project").get(pk=clip.pk), voice, Places(page="/", now="/now/", say="/say/"))


def texts(clip: Clip, voice: Voice) -> list[str]:
    return [line.comment.text for line in thread(clip, voice).lines]


def send(user: User, clip: Clip, **data: object):
    return signed_in(user).post(reverse("clip_comment", args=["TIDE", clip.pk]), data, headers=HTMX)


def figures(clip: Clip) -> tuple[int, int]:
    """How many are open, and how often something changed."""
    clip.refresh_from_db()
    return clip.open_comments, clip.comments_version


# saying


def test_a_thread_goes_by_the_time_in_the_clip_and_then_by_what_is_about_all_of_it(clip: Clip, maker: Voice, owner: Voice):
    said(clip, "about all of it", maker)
    said(clip, "late", owner, milliseconds=6_000)
    early = said(clip, "early", maker, milliseconds=500)
    said(clip, "an answer", owner, reply_to=early.pk)

    assert texts(clip, maker) == ["early", "late", "about all of it"]
    assert [answer.comment.text for answer in thread(clip, maker).lines[0].replies] == ["an answer"]


def test_a_time_beyond_the_clip_is_its_end(clip: Clip, maker: Voice):
    assert said(clip, "the end", maker, milliseconds=99_000).milliseconds == clip.milliseconds


def test_an_answer_to_an_answer_goes_to_the_comment_above_both_and_has_no_time(clip: Clip, maker: Voice, owner: Voice):
    top = said(clip, "top", maker, milliseconds=500)
    first = said(clip, "first", owner, reply_to=top.pk, milliseconds=700)
    second = said(clip, "second", maker, reply_to=first.pk)

    assert (first.milliseconds, second.reply_to_id) == (None, top.pk)


@pytest.mark.parametrize("data", [{"author": None, "guest_name": ""}, {"guest_name": "Gustav"}])
def test_the_database_keeps_that_a_comment_has_one_speaker(clip: Clip, alice: User, data: dict[str, object]):
    with pytest.raises(IntegrityError, match="one_speaker"), transaction.atomic():
        Comment.objects.create(**{"clip": clip, "project": clip.project, "text": "Who?", "author": alice, **data})


def test_a_guest_speaks_under_their_name_and_owns_nothing(clip: Clip):
    guest = Voice(None, may_say=True, guest="Gustav")
    comment = said(clip, "Lovely", guest)

    assert comment.speaker == "Gustav (guest)"
    assert not guest.owns(comment)
    with pytest.raises(PermissionDenied):
        edit(clip, comment.pk, "Ugly", voice=guest)


def test_a_clip_takes_no_more_than_it_can_show(clip: Clip, maker: Voice, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(comments, "MOST", 1)
    said(clip, "one", maker)

    with pytest.raises(IsFull):
        said(clip, "two", maker)


# twice, at once, late


def test_the_same_words_sent_twice_are_said_once(clip: Clip, maker: Voice):
    key = uuid4()
    first = say(clip, Words("once", 500), key=key, voice=maker)
    again = say(clip, Words("once", 500), key=key, voice=maker)

    assert first == again
    assert Comment.objects.count() == 1
    assert figures(clip) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_the_same_words_sent_at_the_same_moment_are_said_once(clip: Clip, maker: Voice):
    key = uuid4()

    at_once([partial(say, clip, Words("once"), key=key, voice=maker) for _ in range(4)])

    assert Comment.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_comments_at_the_same_moment_each_is_counted(clip: Clip, maker: Voice, owner: Voice):
    at_once([partial(said, clip, "mine", maker), partial(said, clip, "ours", owner), partial(said, clip, "more", owner)])

    assert figures(clip) == (3, 3)


@pytest.mark.parametrize("other", ["words", "person", "clip"])
def test_a_key_that_brought_something_else_brings_nothing_new(clip: Clip, make_clip: MakeClip, maker: Voice, owner: Voice, other: str):
    key = uuid4()
    say(clip, Words("first"), key=key, voice=maker)

    with pytest.raises(HadArrived):
        say(
            make_clip() if other == "clip" else clip,
            Words("second" if other == "words" else "first"),
            key=key,
            voice=owner if other == "person" else maker,
        )
    assert Comment.objects.get().text == "first"


@pytest.mark.parametrize(
    "act", [comments.resolve, comments.reopen, partial(edit, text="x"), lambda clip, key, voice: said(clip, "x", voice, reply_to=key)]
)
def test_what_was_removed_in_between_is_said_to_be_gone(clip: Clip, maker: Voice, act):
    comment = said(clip, "gone", maker)
    remove(clip, comment.pk, voice=maker)

    with pytest.raises(IsGone):
        act(clip, comment.pk, voice=maker)


# who


def test_a_viewer_says_and_settles_nothing(clip: Clip, maker: Voice, viewer: Voice):
    comment = said(clip, "mine", maker)

    for act in (
        lambda: said(clip, "me too", viewer),
        lambda: resolve(clip, comment.pk, voice=viewer),
        lambda: remove(clip, comment.pk, voice=viewer),
    ):
        with pytest.raises(PermissionDenied):
            act()


def test_only_the_author_changes_a_comment(clip: Clip, maker: Voice, owner: Voice):
    comment = said(clip, "mine", maker)

    with pytest.raises(PermissionDenied):
        edit(clip, comment.pk, "yours", voice=owner)
    assert edit(clip, comment.pk, "better", voice=maker)
    assert not edit(clip, comment.pk, "better", voice=maker)
    comment.refresh_from_db()
    assert (comment.text, comment.edited_at is not None) == ("better", True)


def test_an_owner_removes_what_anybody_said_and_alone_brings_it_back(clip: Clip, maker: Voice, owner: Voice):
    comment = said(clip, "mine", maker)

    assert remove(clip, comment.pk, voice=owner)
    assert not remove(clip, comment.pk, voice=owner)
    assert texts(clip, maker) == []
    assert not comments.bring_back(clip, comment.pk, voice=maker)
    assert comments.bring_back(clip, comment.pk, voice=owner)
    assert texts(clip, maker) == ["mine"]


def test_a_maker_removes_only_their_own(clip: Clip, maker: Voice, owner: Voice):
    with pytest.raises(PermissionDenied):
        remove(clip, said(clip, "Bob's", owner).pk, voice=maker)


def test_what_is_removed_leaves_its_answers(clip: Clip, maker: Voice, owner: Voice):
    top = said(clip, "top", maker)
    said(clip, "answer", owner, reply_to=top.pk)
    remove(clip, top.pk, voice=maker)
    page = signed_in(maker.person).get(reverse("clip", args=["TIDE", clip.pk])).content.decode() if maker.person else ""

    assert "A comment was removed here." in page
    assert "answer" in page
    assert ">top<" not in page


def test_resolving_and_opening_again_are_counted(clip: Clip, maker: Voice, owner: Voice):
    top = said(clip, "top", maker, milliseconds=10)
    answer = said(clip, "answer", owner, reply_to=top.pk)
    assert figures(clip) == (1, 2)

    assert resolve(clip, top.pk, voice=owner)
    assert not resolve(clip, top.pk, voice=maker)
    assert not resolve(clip, answer.pk, voice=maker)
    assert (figures(clip)[0], thread(clip, maker).marks) == (0, [])
    assert comments.reopen(clip, top.pk, voice=maker)
    assert not comments.reopen(clip, top.pk, voice=maker)
    assert figures(clip)[0] == 1


def test_nobody_comments_in_an_archived_project(clip: Clip, alice: User, tide: Project):
    Project.objects.filter(pk=tide.pk).update(archived_at=timezone.now())

    assert send(alice, clip, key=uuid4(), text="Too late").status_code == HTTPStatus.FORBIDDEN
    assert 'id="say"' not in signed_in(alice).get(reverse("clip", args=["TIDE", clip.pk])).content.decode()


# over HTTP


def test_what_is_said_comes_back_with_its_mark_and_a_new_key(clip: Clip, alice: User):
    key = uuid4()
    answer = send(alice, clip, key=key, text="  Hold this  ", at=3_521)
    page = answer.content.decode()

    assert answer.status_code == HTTPStatus.OK
    assert Comment.objects.get(pk=key).text == "Hold this"
    assert f'id="comment-{key}"' in page
    assert "--at:0.4379" in page
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

    assert page.count('class="mark"') == 12
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
        assert " open comments</span>" in signed_in(alice).get(reverse(page, args=["TIDE"])).content.decode()


# notes


def lines_of(user: User, name: str, *args: object) -> list[str]:
    answer = signed_in(user).get(reverse(name, args=args))
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    return b"".join(answer).decode("utf-8-sig").splitlines()


def test_notes_come_as_a_file_by_time_with_answers_after_what_they_answer(clip: Clip, carol: User, maker: Voice, owner: Voice):
    Clip.objects.filter(pk=clip.pk).update(frame_rate=24_000)
    said(clip, "about all", owner)
    late = said(clip, "late", maker, milliseconds=6_021)
    said(clip, "early", maker, milliseconds=521)
    answer = said(clip, "an answer", owner, reply_to=late.pk)
    Comment.objects.filter(pk=answer.pk).update(created_at=timezone.now() - timedelta(days=1))
    resolve(clip, late.pk, voice=owner)
    remove(clip, said(clip, "nothing", maker, milliseconds=1).pk, voice=maker)

    header, *rows = lines_of(carol, "clip_notes", "TIDE", clip.pk)

    assert header == "project,clip,timecode,seconds,author,text,reply,resolved,decision,said"
    assert [row.rsplit(",", 1)[0] for row in rows] == [
        "TIDE,TIDE-001,0:00:12,0.521,Alice,early,no,no,",
        "TIDE,TIDE-001,0:06:00,6.021,Alice,late,no,yes,",
        "TIDE,TIDE-001,0:06:00,6.021,Bob,an answer,yes,yes,",
        "TIDE,TIDE-001,,,Bob,about all,no,no,",
    ]


def test_a_projects_notes_hold_every_clips_and_no_formula(clip: Clip, make_clip: MakeClip, koi: Project, alice: User, maker: Voice, mallory: User):
    second = make_clip()
    said(second, "=1+1", maker, milliseconds=500)
    said(clip, "first", maker)
    said(make_clip(project=koi), "secret", Voice(mallory, may_say=True))
    send_pick = reverse("clip_decide", args=["TIDE", second.pk])
    Membership.objects.filter(user=alice).update(role="owner")
    signed_in(alice).post(send_pick, {"verdict": "pick"})

    rows = lines_of(alice, "project_notes", "TIDE")[1:]

    assert [row.split(",")[1] for row in rows] == ["TIDE-001", "TIDE-002"]
    assert ",'=1+1,no,no,pick," in rows[1]


def test_a_file_of_notes_costs_the_same_however_long(clip: Clip, alice: User, maker: Voice, django_assert_max_num_queries: DjangoAssertNumQueries):
    for number in range(8):
        said(clip, f"{number}", maker, milliseconds=number)
    browser = signed_in(alice)

    with django_assert_max_num_queries(5):  # session, person, project, membership, comments
        answer = browser.get(reverse("project_notes", args=["TIDE"]))
        assert len(b"".join(answer).splitlines()) == 9


def test_the_key_of_a_form_is_the_id_of_its_comment(clip: Clip, alice: User):
    page = signed_in(alice).get(reverse("clip", args=["TIDE", clip.pk])).content.decode()
    key = page.partition('name="key" value="')[2].partition('"')[0]

    send(alice, clip, key=key, text="Hello")

    assert Comment.objects.get().pk == UUID(key)
