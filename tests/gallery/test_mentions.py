"""Being named in a comment: who is meant, who learns of it, and when it counts as read."""

from http import HTTPStatus
from uuid import uuid4

import pytest
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from studio.accounts.models import User
from studio.gallery import mentions
from studio.gallery.comments import Voice, Words, edit, remove, say
from studio.gallery.models import Comment, Mention
from studio.jobs.models import Clip
from studio.projects.models import Membership, Project
from tests.conftest import signed_in


def people(*names: str) -> list[User]:
    return [User(email=f"{number}@example.org", name=name) for number, name in enumerate(names)]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("@Ann look", ["Ann"]),
        ("@ann, look", ["Ann"]),
        ("look (@Ann)", ["Ann"]),
        ("@Ann Lee look", ["Ann Lee"]),
        ("@Ann Lee and @Ann", ["Ann", "Ann Lee"]),
        ("@Anna look", []),
        ("me@Ann.example", []),
        ("Ann look", []),
        ("@Zoë?", ["Zoë"]),
        ("@a.c", []),
        ("", []),
    ],
)
def test_a_name_behind_an_at_means_its_person(text: str, meant: list[str]):
    assert sorted(str(one) for one in mentions.named(text, people("Ann", "Ann Lee", "Zoë", "a+c"))) == meant


def test_where_two_have_one_name_both_are_meant():
    assert len(mentions.named("@Ann", people("Ann", "Ann", "Bea"))) == 2


@pytest.fixture
def by_alice(alice: User, tide: Project) -> Voice:
    return Voice(alice, may_say=True)


def said(clip: Clip, text: str, voice: Voice) -> Comment:
    return say(clip, Words(text, 500), key=uuid4(), voice=voice)


def named() -> list[str]:
    return sorted(Mention.objects.values_list("person__name", flat=True))


def test_members_are_told_and_neither_strangers_nor_oneself(clip: Clip, by_alice: Voice, mallory: User):
    said(clip, "@Bob @Carol @Mallory @Alice", by_alice)

    assert named() == ["Bob", "Carol"]


def test_an_edit_tells_whom_it_names_anew_and_nobody_twice(clip: Clip, by_alice: Voice, bob: User):
    comment = said(clip, "@Bob", by_alice)
    mentions.see(bob)
    edit(clip, comment.pk, "@Bob and @Carol", voice=by_alice)
    assert (named(), mentions.unseen(bob)) == (["Bob", "Carol"], 0)

    edit(clip, comment.pk, "@Carol alone", voice=by_alice)
    assert named() == ["Carol"]


def test_what_is_removed_or_in_a_project_one_left_no_longer_counts(clip: Clip, by_alice: Voice, bob: User, carol: User):
    comment = said(clip, "@Bob @Carol", by_alice)
    assert (mentions.unseen(bob), mentions.unseen(carol)) == (1, 1)

    Membership.objects.filter(user=carol).delete()
    assert mentions.unseen(carol) == 0
    remove(clip, comment.pk, voice=by_alice)
    assert mentions.unseen(bob) == 0


def test_the_list_leads_to_the_comment_and_the_sidebar_counts(clip: Clip, by_alice: Voice, bob: User):
    comment = said(clip, "@Bob look", by_alice)
    page = signed_in(bob).get(reverse("mentions")).content.decode()

    assert f"/p/TIDE/clips/{clip.pk}/#comment-{comment.pk}" in page
    assert page.count('1 <span class="sr">not read</span>') == 2  # the sidebar and its copy for phones


def test_a_viewer_who_is_named_reads_it_by_looking(clip: Clip, by_alice: Voice, carol: User):
    said(clip, "@Carol look", by_alice)
    browser = signed_in(carol)

    assert 'data-unseen="' in browser.get(reverse("clip", args=["TIDE", clip.pk])).content.decode()
    assert browser.post(reverse("mentions_seen"), {"clip": clip.pk}).status_code == HTTPStatus.NO_CONTENT
    assert mentions.unseen(carol) == 0
    assert 'data-unseen="' not in browser.get(reverse("clip", args=["TIDE", clip.pk])).content.decode()


def test_all_are_marked_as_read_at_once_and_only_ones_own(clip: Clip, by_alice: Voice, bob: User, carol: User):
    said(clip, "@Bob @Carol", by_alice)

    assert signed_in(bob).post(reverse("mentions_seen")).headers["Location"] == reverse("mentions")
    assert (mentions.unseen(bob), mentions.unseen(carol)) == (0, 1)
    assert signed_in(bob).post(reverse("mentions_seen"), {"clip": "none"}).status_code == HTTPStatus.UNPROCESSABLE_ENTITY


def test_the_list_costs_the_same_however_long_and_goes_on(
    clip: Clip, by_alice: Voice, bob: User, django_assert_max_num_queries: DjangoAssertNumQueries, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(mentions, "PAGE", 5)
    for number in range(7):
        said(clip, f"@Bob {number}", by_alice)
    browser = signed_in(bob)

    with django_assert_max_num_queries(9):
        first = browser.get(reverse("mentions")).content.decode()
    before = first.partition("?before=")[2].partition('"')[0]
    rest = browser.get(f"{reverse('mentions')}?before={before}", headers={"HX-Request": "true"}).content.decode()

    assert (first.count("named__one"), rest.count("named__one")) == (5, 2)
    assert "<html" not in rest


def test_names_are_offered_to_who_may_comment(clip: Clip, alice: User, carol: User, mallory: User):
    place = reverse("clip_people", args=["TIDE", clip.pk])

    offered = signed_in(alice).get(f"{place}?q=bo").content.decode()
    assert 'data-value="Bob"' in offered
    assert "Alice" not in offered
    assert signed_in(carol).get(place).status_code == HTTPStatus.FORBIDDEN
    everybody = signed_in(alice).get(place).content.decode()
    assert ("Carol" in everybody, "Alice" in everybody, "Mallory" in everybody) == (True, False, False)
    assert "option" not in signed_in(alice).get(f"{place}?q={'x' * 99}").content.decode()


def test_nobody_named_is_told_what_the_page_is_for(bob: User):
    assert "Nobody has named you yet." in signed_in(bob).get(reverse("mentions")).content.decode()
