"""What guests say beside a clip and what they read there: only while the link lets them, nothing that the link does not tell, and never in somebody's name."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.hashers import make_password
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from studio.accounts.models import AccessLink, User
from studio.gallery import comments
from studio.gallery.comments import Voice, Words, remove, resolve, say
from studio.gallery.models import Comment, Mention
from studio.gallery.share_models import ShareClip, ShareLink
from studio.jobs.models import Clip
from studio.projects.models import Project
from studio.web.log_redaction import RedactingFormatter
from tests.conftest import signed_in
from tests.gallery.conftest import MakeClip
from tests.gallery.sharing import link_to

HTMX = {"HX-Request": "true"}
MakeLink = Callable[..., ShareLink]


@pytest.fixture
def make_link(bob: User, tide: Project, clip: Clip) -> MakeLink:
    """A link of Bob's to the clip, whose guests may comment unless told otherwise."""

    def make(**facts: Any) -> ShareLink:
        return link_to(tide, clip, by=bob, **{"may_comment": True, **facts})

    return make


@pytest.fixture
def alices(alice: User, clip: Clip) -> Comment:
    """What a member has said."""
    return say(clip, Words("Alice's own words", 1_000), key=uuid4(), voice=Voice(alice, may_say=True))


def send(guest: Client, link: ShareLink, clip: Clip, **data: Any) -> Any:
    return guest.post(reverse("share_comment", args=[link.token, clip.pk]), data, headers=HTMX)


def ask(guest: Client, link: ShareLink, clip: Clip, tag: str = "") -> Any:
    return guest.get(reverse("share_comments", args=[link.token, clip.pk]), headers={**HTMX, **({"HX-PTag": tag} if tag else {})})


def page(guest: Client, link: ShareLink) -> str:
    return guest.get(reverse("share", args=[link.token])).content.decode()


def mia_on(link: ShareLink, clip: Clip, text: str = "Softer here?", **data: Any) -> tuple[Client, Comment]:
    """Mia's browser, and what she has said by this link."""
    mia, key = Client(), uuid4()
    assert send(mia, link, clip, key=key, text=text, name="Mia", **data).status_code == HTTPStatus.OK
    return mia, Comment.objects.get(pk=key)


# ───────── saying


def test_a_guest_comments_at_a_time_under_a_name_that_they_give_once(make_link: MakeLink, clip: Clip, bob: User):
    link, mia, key = make_link(may_decide=True), Client(), uuid4()
    nameless = send(mia, link, clip, key=key, text="Softer here?", at=2_000)
    assert nameless.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "Write your name" in nameless.content.decode()
    assert 'id="say-name"' not in nameless.content.decode()  # what was typed there stays

    first = send(mia, link, clip, key=key, text="Softer here?", at=2_000, name=" Mia ").content.decode()
    send(mia, link, clip, key=uuid4(), text="And here", reply_to=key)

    told = Comment.objects.get(pk=key)
    assert (told.author, told.speaker, told.milliseconds, told.link) == (None, "Mia (guest)", 2_000, link)
    assert Comment.objects.get(text="And here").reply_to == told
    assert f'data-said="{key}"' in first
    assert 'name="name"' not in first.partition('id="landing"')[0]
    assert "You are <b><bdi>Mia (guest)</bdi></b>" in first
    room = signed_in(bob).get(reverse("clip", args=["TIDE", clip.pk])).content.decode()
    assert "<bdi>Mia (guest)</bdi>" in room
    notes = b"".join(signed_in(bob).get(reverse("clip_notes", args=["TIDE", clip.pk]))).decode()
    assert '"Mia (guest)","Softer here?","no"' in notes


def test_what_is_sent_twice_is_said_once_also_when_the_answer_with_the_name_was_lost(make_link: MakeLink, clip: Clip):
    link, key = make_link(), uuid4()
    for browser in (Client(), Client()):  # the second one has no cookie
        assert f'data-said="{key}"' in send(browser, link, clip, key=key, text="Once", name="Mia").content.decode()
    assert Comment.objects.count() == 1

    other = send(Client(), link, clip, key=key, text="Once", name="Leo")
    assert other.status_code == HTTPStatus.UNPROCESSABLE_ENTITY


def test_without_scripts_words_arrive_and_come_back_where_they_were_not_taken(make_link: MakeLink, clip: Clip):
    link, mia = make_link(), Client()
    address = reverse("share_comment", args=[link.token, clip.pk])
    refused = mia.post(address, {"key": uuid4(), "text": "Softer here?"})
    assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert 'content="same-origin"' in refused.content.decode()
    assert "Softer here?</textarea>" in refused.content.decode()

    key = uuid4()
    answer = mia.post(address, {"key": key, "text": "Softer here?", "name": "Mia"})
    assert answer.headers["Location"] == f"{reverse('share_clip', args=[link.token, clip.pk])}#comment-{key}"
    assert mia.cookies["guest"]["path"] == f"/s/{link.token}/"


def test_own_words_are_changed_removed_and_brought_back_in_the_same_browser(make_link: MakeLink, clip: Clip, bob: User):
    link = make_link()
    mia, told = mia_on(link, clip)
    send(mia, link, clip, do="edit", comment=told.pk, text="Softer")
    assert Comment.objects.get().text == "Softer"
    send(mia, link, clip, do="remove", comment=told.pk)
    assert "Softer" not in page(mia, link)
    send(mia, link, clip, do="bring_back", comment=told.pk)
    assert "Softer" in page(mia, link)

    remove(clip, told.pk, voice=Voice(bob, may_say=True, may_clear=True))
    send(mia, link, clip, do="bring_back", comment=told.pk)
    assert Comment.objects.get().removed_by == bob


@pytest.mark.parametrize("deed", [{"do": "edit", "text": "Mine"}, {"do": "remove"}, {"do": "bring_back"}, {"do": "resolve"}, {"do": "reopen"}])
def test_a_guest_touches_nobody_elses_words(deed: dict[str, str], make_link: MakeLink, clip: Clip, alices: Comment):
    link = make_link()
    _, mias = mia_on(link, clip)
    leo = Client()
    send(leo, link, clip, key=uuid4(), text="Hello", name="Mia")  # of the same name
    before = list(Comment.objects.order_by("created_at").values())

    for comment in (alices, mias):
        assert send(leo, link, clip, comment=comment.pk, **deed).status_code in {HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.OK}

    assert list(Comment.objects.order_by("created_at").values()) == before


def test_a_comment_that_is_removed_cannot_be_answered_and_one_that_is_resolved_can(make_link: MakeLink, clip: Clip, alices: Comment, alice: User):
    link, voice = make_link(), Voice(alice, may_say=True)
    mia, _ = mia_on(link, clip)
    resolve(clip, alices.pk, voice=voice)
    assert send(mia, link, clip, key=uuid4(), text="Thanks", reply_to=alices.pk).status_code == HTTPStatus.OK

    remove(clip, alices.pk, voice=voice)
    late = send(mia, link, clip, key=uuid4(), text="Why?", reply_to=alices.pk)
    assert late.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "was removed in between" in late.content.decode()
    assert "own words" not in page(mia, link)


def test_guests_cannot_fill_a_clip_or_go_on_without_end(make_link: MakeLink, clip: Clip, bob: User, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(comments, "MOST_OF_GUESTS", 1)
    link = make_link()
    mia, _ = mia_on(link, clip)
    assert "as much about this clip as they can" in send(mia, link, clip, key=uuid4(), text="More").content.decode()
    say(clip, Words("The team still can"), key=uuid4(), voice=Voice(bob, may_say=True))

    statuses = {send(mia, link, clip, key=uuid4(), text="More").status_code for _ in range(30)}
    assert statuses == {HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.TOO_MANY_REQUESTS}


# ───────── when it is over


@dataclass
class Case:
    """What happened after a guest had commented."""

    why: str
    then: Callable[[ShareLink, Clip], object]


def link_is(**facts: object) -> Callable[[ShareLink, Clip], object]:
    return lambda link, _: ShareLink.objects.filter(pk=link.pk).update(**facts)


CASES = [
    Case("the switch is off", link_is(may_comment=False)),
    Case("watching is switched off", link_is(may_view=False)),
    Case("the link has ended", link_is(expires_at=timezone.now() - timedelta(seconds=1))),
    Case("the link is revoked", link_is(ended_at=timezone.now())),
    Case("the link has another address", link_is(token_hash=AccessLink.digest("another"))),
    Case("the link got a password", link_is(password="md5$a$b")),
    Case("the project is archived", lambda link, _: Project.objects.filter(pk=link.project_id).update(archived_at=timezone.now())),
    Case("the clip was taken out of the link", lambda link, clip: ShareClip.objects.filter(link=link, clip=clip).delete()),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.why)
def test_nothing_is_said_or_read_from_the_next_request_on(case: Case, make_link: MakeLink, clip: Clip, alices: Comment):
    link = make_link()
    mia, _ = mia_on(link, clip)
    assert "own words" in ask(mia, link, clip).content.decode()

    case.then(link, clip)

    asked, sent = ask(mia, link, clip), send(mia, link, clip, key=uuid4(), text="Late")
    assert (asked.status_code, sent.status_code) == (HTTPStatus.NOT_FOUND, HTTPStatus.NOT_FOUND)
    assert "own words" not in asked.content.decode() + sent.content.decode() + page(mia, link)
    assert asked.headers["Cache-Control"] == sent.headers["Cache-Control"] == "private, no-store"
    assert not Comment.objects.filter(text="Late").exists()


def test_a_password_that_is_changed_ends_the_talk(make_link: MakeLink, clip: Clip, alices: Comment):
    link, mia = make_link(password=make_password("open sesame")), Client()
    assert ask(mia, link, clip).status_code == HTTPStatus.NOT_FOUND
    mia.post(reverse("share_open", args=[link.token]), {"password": "open sesame"})
    assert send(mia, link, clip, key=uuid4(), text="Hello", name="Mia").status_code == HTTPStatus.OK

    ShareLink.objects.update(password=make_password("another one"))
    assert send(mia, link, clip, key=uuid4(), text="Late").status_code == HTTPStatus.NOT_FOUND
    assert ask(mia, link, clip).status_code == HTTPStatus.NOT_FOUND


def test_a_clip_that_the_link_does_not_lead_to_has_no_comments_there(make_link: MakeLink, make_clip: MakeClip, clip: Clip, koi: Project):
    link = make_link()
    for other in (make_clip(), make_clip(project=koi)):
        assert ask(Client(), link, other).status_code == HTTPStatus.NOT_FOUND
        assert send(Client(), link, other, key=uuid4(), text="Hello", name="Mia").status_code == HTTPStatus.NOT_FOUND
    assert not Comment.objects.exists()


# ───────── what a guest reads


def test_guests_of_one_link_know_nothing_of_those_of_another(make_link: MakeLink, clip: Clip, alices: Comment, bob: User):
    first, second = make_link(), make_link()
    _, mias = mia_on(first, clip, text="From the first client", at=500)
    say(clip, Words("A word to the first client", reply_to=mias.pk), key=uuid4(), voice=Voice(bob, may_say=True))
    leo = Client()
    send(leo, second, clip, key=uuid4(), text="From the second", name="Leo")

    seen = page(leo, second)
    assert "own words" in seen
    assert "From the second" in seen
    assert not [word for word in ("first client", "Mia", str(mias.pk)) if word in seen]
    assert send(leo, second, clip, key=uuid4(), text="Who?", reply_to=mias.pk).status_code == HTTPStatus.UNPROCESSABLE_ENTITY


@pytest.mark.parametrize("shows_names", [True, False])
def test_members_have_names_only_where_the_link_tells_them(shows_names: bool, make_link: MakeLink, clip: Clip, alice: User, bob: User):
    User.objects.filter(pk=alice.pk).update(name="Alice Arden")
    User.objects.filter(pk=bob.pk).update(name="Bob Birch")
    link, voice = make_link(shows_names=shows_names), Voice(User.objects.get(pk=alice.pk), may_say=True)
    told = say(clip, Words("@Bob Birch look, says @Alice Arden", 1_000), key=uuid4(), voice=voice)
    resolve(clip, told.pk, voice=voice)
    say(clip, Words("Open", 2_000), key=uuid4(), voice=voice)

    seen = page(Client(), link) + ask(Client(), link, clip).content.decode()

    private = ["Alice Arden", "Bob Birch", 'data-i="AA"']
    assert [word for word in private if word in seen] == (private if shows_names else [])
    assert ("A team member at" in seen) != shows_names
    assert not [
        word for word in (alice.email, bob.email, "data-find", reverse("clip_people", args=["TIDE", clip.pk]), 'value="resolve"') if word in seen
    ]


def test_a_guest_names_nobody_and_learns_nobody_by_trying(make_link: MakeLink, clip: Clip, bob: User):
    link = make_link(shows_names=True)
    mia, _ = mia_on(link, clip, text="@Bob and @Nobody")
    assert not Mention.objects.exists()
    assert "@Bob and @Nobody" in page(mia, link)


def test_what_a_guest_says_is_never_markup(make_link: MakeLink, clip: Clip):
    link, mia = make_link(), Client()
    send(mia, link, clip, key=uuid4(), text="<script>alert(1)</script>", name="<b>Mia</b>")
    assert not [word for word in ("<script>alert", "<b>Mia</b>") if word in page(mia, link)]


def test_an_unchanged_thread_costs_two_reads(make_link: MakeLink, clip: Clip, alices: Comment, django_assert_max_num_queries: DjangoAssertNumQueries):
    link, mia = make_link(), Client()
    tag = ask(mia, link, clip).headers["HX-PTag"]
    with django_assert_max_num_queries(2):  # the link, the clip
        again = ask(mia, link, clip, tag)
    assert (again.status_code, again.headers["HX-PTag"]) == (HTTPStatus.NOT_MODIFIED, tag)

    ShareLink.objects.update(shows_names=True)
    assert ask(mia, link, clip, tag).status_code == HTTPStatus.OK


def test_a_thread_costs_the_same_however_long(make_link: MakeLink, clip: Clip, alice: User, django_assert_max_num_queries: DjangoAssertNumQueries):
    link = make_link()
    for number in range(6):
        say(clip, Words(f"@Bob {number}", number * 100), key=uuid4(), voice=Voice(alice, may_say=True))
    with django_assert_max_num_queries(6):  # link, clip; comments, mentions, people; members
        assert ask(Client(), link, clip).content.decode().count('class="mark ') == 6


# ───────── what the log tells


def test_the_log_tells_no_address_of_a_link(make_link: MakeLink, clip: Clip, caplog: pytest.LogCaptureFixture):
    link = make_link(may_comment=False)
    with caplog.at_level(logging.WARNING, "django.request"):
        ask(Client(), link, clip)
    formatter = next(one.formatter for one in logging.getLogger().handlers if isinstance(one.formatter, RedactingFormatter))
    lines = [formatter.format(record) for record in caplog.records]

    assert link.token in caplog.text
    assert lines
    assert lines[0].endswith(f"Not Found: /s/…/clips/{clip.pk}/comments/")
    assert link.token not in "".join(lines)
