"""Comments: who may say what, that nothing is said twice or lost, who is named, and that a page learns of it cheaply."""

from functools import partial
from http import HTTPStatus
from uuid import uuid4

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from studio.accounts.models import User
from studio.gallery import comments
from studio.gallery.comments import HadArrived, IsFull, IsGone, Voice, Words, edit, remove, resolve, say
from studio.gallery.models import Comment
from studio.jobs.models import Clip
from studio.projects.models import Project
from tests.conftest import signed_in
from tests.gallery.conftest import MakeClip
from tests.gallery.saying import figures, said, send, texts, thread
from tests.jobs.test_at_once import at_once

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
