"""Guests of a link as its owner meets them: counted by address, told apart, removed with what they said, or one named person."""

from http import HTTPStatus
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from studio.accounts.models import AuditEvent, User
from studio.gallery.models import Comment, GuestDecision
from studio.gallery.share_models import ShareGuest, ShareLink
from studio.jobs.models import Clip
from studio.projects.models import Project
from tests.conftest import signed_in
from tests.gallery.sharing import link_to, page


def decide(guest: Client, link: ShareLink, clip: Clip, **data: str) -> Any:
    return guest.post(reverse("share_decide", args=[link.token, clip.pk]), data)


def say(guest: Client, link: ShareLink, clip: Clip, text: str, **data: str) -> Any:
    return guest.post(reverse("share_comment", args=[link.token, clip.pk]), {"do": "say", "key": str(uuid4()), "text": text, **data})


def from_address(address: str) -> Client:
    return Client(REMOTE_ADDR=address)


@pytest.fixture
def link(bob: User, tide: Project, clip: Clip) -> ShareLink:
    return link_to(tide, clip, by=bob, may_comment=True)


def guests_page(link: ShareLink) -> str:
    return reverse("share_guests", args=["TIDE", link.pk])


# ───────── counted by address


def test_one_address_brings_five_new_names_an_hour_and_shuts_nobody_else_out(link: ShareLink, clip: Clip):
    answers = [decide(Client(), link, clip, verdict="reject", name=f"Nobody {number}") for number in range(12)]

    assert [answer.status_code for answer in answers] == [HTTPStatus.FOUND] * 5 + [HTTPStatus.TOO_MANY_REQUESTS] * 7
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 7200
    assert "Too many new names came from where you are." in answers[-1].content.decode()
    assert GuestDecision.objects.count() == 5
    assert decide(from_address("203.0.113.9"), link, clip, verdict="pick", name="Mia").status_code == HTTPStatus.FOUND


def test_words_and_the_name_alone_count_alike_and_nothing_typed_is_lost(link: ShareLink, clip: Clip):
    for number in range(3):
        say(Client(), link, clip, "Hello", name=f"Nobody {number}")
    for number in range(2):
        Client().post(reverse("share_name", args=[link.token]), {"name": f"Somebody {number}"})
    refused = say(Client(), link, clip, "What I wrote", name="Mia")

    assert refused.status_code == HTTPStatus.TOO_MANY_REQUESTS
    assert "What I wrote" in refused.content.decode()
    assert "Too many new names" in Client().post(reverse("share_name", args=[link.token]), {"name": "Leo"}, follow=True).content.decode()


def test_a_guest_who_is_known_goes_on_when_their_address_is_full(link: ShareLink, clip: Clip):
    mia = Client()
    decide(mia, link, clip, verdict="pick", name="Mia")
    for number in range(8):
        decide(Client(), link, clip, verdict="reject", name=f"Nobody {number}")
    assert decide(mia, link, clip, verdict="maybe").status_code == HTTPStatus.FOUND
    assert GuestDecision.objects.get(name="Mia").verdict == "maybe"


# ───────── told apart


def test_a_second_vote_under_one_name_shows(link: ShareLink, clip: Clip, bob: User):
    for name in ("Client Boss", "client  boss", "CLIENT BOSS"):
        decide(Client(), link, clip, verdict="reject", name=name)
    assert sorted(GuestDecision.objects.values_list("name", flat=True)) == ["CLIENT BOSS (3)", "Client Boss", "client boss (2)"]
    assert "CLIENT BOSS (3)" in signed_in(bob).get(guests_page(link)).content.decode()


def test_a_guest_who_takes_anothers_name_later_gets_a_number_too(link: ShareLink, clip: Clip):
    leo = Client()
    decide(Client(), link, clip, verdict="pick", name="Mia")
    decide(leo, link, clip, verdict="reject", name="Leo")
    leo.post(reverse("share_name", args=[link.token]), {"name": "Mia"})
    decide(leo, link, clip, verdict="maybe")
    assert sorted(GuestDecision.objects.values_list("name", "verdict")) == [("Mia", "pick"), ("Mia (2)", "maybe")]


# ───────── removed


@pytest.mark.parametrize("block", [False, True])
def test_a_guest_is_removed_with_votes_and_words(block: bool, link: ShareLink, clip: Clip, bob: User):
    mia, troll = Client(), Client()
    decide(mia, link, clip, verdict="pick", name="Mia")
    decide(troll, link, clip, verdict="reject", name="Troll")
    say(troll, link, clip, "Rubbish")
    browser, key = signed_in(bob), GuestDecision.objects.get(name="Troll").guest
    listed = browser.get(guests_page(link)).content.decode()
    assert "Remove Troll" in listed

    told = browser.post(guests_page(link), {"guest": key, **({"block": "1"} if block else {})}, follow=True).content.decode()

    assert "Troll is removed, with 1 votes and 1 comments." in told
    assert list(GuestDecision.objects.values_list("name", flat=True)) == ["Mia"]
    assert Comment.objects.get().removed_by == bob
    assert "Remove Troll" not in told
    assert decide(troll, link, clip, verdict="reject").status_code == HTTPStatus.UNPROCESSABLE_ENTITY  # a name is asked for again
    assert decide(troll, link, clip, verdict="reject", name="TROLL").status_code == (HTTPStatus.UNPROCESSABLE_ENTITY if block else HTTPStatus.FOUND)
    assert GuestDecision.objects.count() == (1 if block else 2)
    assert AuditEvent.objects.get(action="share.guest_removed").after == {"votes": 1, "comments": 1, "name": "blocked" if block else "free"}


def test_guests_from_before_they_were_kept_are_listed_and_removed_too(link: ShareLink, clip: Clip, bob: User):
    GuestDecision.objects.create(link=link, clip=clip, guest="k" * 32, name="Old", verdict="pick")
    browser = signed_in(bob)
    assert "Remove Old" in browser.get(guests_page(link)).content.decode()
    browser.post(guests_page(link), {"guest": "k" * 32})
    assert not GuestDecision.objects.exists()


def test_a_guest_of_another_link_is_not_removed(link: ShareLink, clip: Clip, bob: User, tide: Project):
    other = link_to(tide, clip, by=bob)
    decide(Client(), other, clip, verdict="pick", name="Mia")
    signed_in(bob).post(guests_page(link), {"guest": GuestDecision.objects.get().guest})
    assert GuestDecision.objects.exists()


def test_the_list_is_for_whoever_may_change_the_link(link: ShareLink, alice: User, carol: User, mallory: User):
    assert [signed_in(one).get(guests_page(link)).status_code for one in (alice, carol, mallory)] == [403, 403, 404]


# ───────── one named person


def test_a_link_for_one_person_asks_for_no_name_and_takes_no_other(link: ShareLink, clip: Clip, bob: User):
    facts = {"title": "Selects", "until": "2027-01-01", "may_view": "on", "may_decide": "on", "may_comment": "on", "guest_name": "Mia \u202eChen"}
    changed = signed_in(bob).post(reverse("share_edit", args=["TIDE", link.pk]), facts)
    assert changed.status_code == HTTPStatus.FOUND
    link.refresh_from_db()
    assert link.guest_name == "Mia Chen"
    here, there = Client(), from_address("203.0.113.9")
    assert 'name="name"' not in page(here, link)
    assert "This link is for you" in page(here, link)

    decide(here, link, clip, verdict="pick", name="The Boss")
    there.post(reverse("share_name", args=[link.token]), {"name": "The Boss"})
    decide(there, link, clip, verdict="maybe")
    say(there, link, clip, "Nice", name="The Boss")

    assert list(GuestDecision.objects.values_list("name", "verdict")) == [("Mia Chen", "maybe")]
    assert Comment.objects.get().guest_name == "Mia Chen"
    assert not ShareGuest.objects.exists()
    assert "for <bdi>Mia Chen</bdi>" in signed_in(bob).get("/p/TIDE/links/").content.decode()
