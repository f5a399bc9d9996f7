"""Links as guests meet them: what is told and what is not, passwords, and what guests think of a clip."""

import re
from http import HTTPStatus
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from studio.accounts.models import User
from studio.gallery import guest_decisions
from studio.gallery.models import Decision, GuestDecision, ProjectDecision
from studio.gallery.share_models import ShareLink
from studio.jobs.models import Clip
from studio.projects.models import Project
from tests.conftest import signed_in
from tests.gallery.conftest import MakeClip
from tests.gallery.sharing import link_to, page

# ───────── what a guest sees


def test_prompts_prices_and_names_are_hidden_unless_allowed(alice: User, bob: User, tide: Project, make_clip: MakeClip):
    clip = make_clip(prompt="A secret lighthouse")
    closed = page(Client(), link_to(tide, clip, by=bob))
    assert not [word for word in ("secret lighthouse", "38 credits", "Alice", "Bob", "xAI", "Tidewater") if word in closed]

    opened = page(Client(), link_to(tide, clip, by=bob, shows_prompts=True, shows_prices=True, shows_names=True))
    assert not [word for word in ("secret lighthouse", "38 credits", "Alice", "Bob") if word not in opened]


def test_a_download_goes_by_the_clips_own_name_where_the_link_tells_its_prompt(bob: User, tide: Project, clip: Clip):
    Clip.objects.update(title="Hero shot")
    link = link_to(tide, clip, by=bob, shows_prompts=True)
    answer = Client().get(reverse("share_download", args=[link.token, clip.pk]))

    assert answer.getvalue()
    assert 'filename="TIDE-001 hero shot.mp4"' in answer.headers["Content-Disposition"]


def test_the_name_of_a_download_tells_no_prompt_either(bob: User, tide: Project, make_clip: MakeClip):
    clip = make_clip(prompt="A secret lighthouse")
    names = []
    for shows in (False, True):
        link = link_to(tide, clip, by=bob, shows_prompts=shows)
        answer = Client().get(reverse("share_download", args=[link.token, clip.pk]))
        assert answer.getvalue()
        names.append(answer.headers["Content-Disposition"])
    assert 'filename="TIDE-001 selects.mp4"' in names[0]
    assert 'filename="TIDE-001 a secret lighthouse.mp4"' in names[1]


def test_a_link_that_is_over_says_so_and_one_that_never_was_is_not_there(bob: User, tide: Project, clip: Clip):
    link = link_to(tide, clip, by=bob, expires_at=timezone.now())
    over = Client().get(reverse("share", args=[link.token]))
    assert over.status_code == HTTPStatus.GONE
    assert "This link is over" in over.content.decode()
    assert Client().get(reverse("share", args=["0" * 48])).status_code == HTTPStatus.NOT_FOUND


@pytest.mark.parametrize("password", ["", "open sesame"])
@pytest.mark.parametrize("end", ["expires_at", "ended_at"])
def test_a_link_that_is_over_tells_nothing_of_what_it_was(end: str, password: str, bob: User, tide: Project, clip: Clip):
    told = {"shows_names": True, "shows_prompts": True, "note": "Which of these?", "password": make_password(password) if password else ""}
    link = link_to(tide, clip, by=bob, **told)
    ShareLink.objects.update(**{end: timezone.now()})

    over = Client().get(reverse("share", args=[link.token])).content.decode()

    assert not [word for word in ("Bob", "Alice", "Selects", "Which of these?", "TIDE", "og:") if word in over]


def test_an_empty_live_view_is_a_page_and_fills_when_something_is_picked(bob: User, tide: Project, clip: Clip):
    link = link_to(tide, by=bob, show="picked")
    assert "Nothing is here at the moment." in page(Client(), link)
    ProjectDecision.objects.create(clip=clip, project=tide, person=bob, verdict="pick")
    assert clip.code in page(Client(), link)


def test_a_page_costs_the_same_however_many_clips_it_has(bob: User, tide: Project, make_clip: MakeClip, django_assert_max_num_queries: Any):
    link = link_to(tide, *(make_clip() for _ in range(9)), by=bob)
    with django_assert_max_num_queries(8):
        page(Client(), link)


# ───────── passwords


def test_wrong_passwords_are_counted(bob: User, tide: Project, clip: Clip):
    link, guest = link_to(tide, clip, by=bob, password=make_password("open sesame")), Client()
    address = reverse("share_open", args=[link.token])
    statuses = [guest.post(address, {"password": "wrong"}).status_code for _ in range(11)]
    assert statuses == [HTTPStatus.UNPROCESSABLE_ENTITY] * 10 + [HTTPStatus.TOO_MANY_REQUESTS]
    assert guest.post(address, {"password": "open sesame"}).status_code == HTTPStatus.TOO_MANY_REQUESTS


# ───────── guests decide


def decide(guest: Client, link: ShareLink, clip: Clip, **data: str) -> Any:
    return guest.post(reverse("share_decide", args=[link.token, clip.pk]), data)


def test_a_guest_decides_under_a_name_that_they_give_once(bob: User, tide: Project, clip: Clip):
    link, mia = link_to(tide, clip, by=bob), Client()
    assert decide(mia, link, clip, verdict="pick").status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    decide(mia, link, clip, verdict="pick", name="  Mia\u202e  Chen ")
    decide(mia, link, clip, verdict="maybe")

    told = GuestDecision.objects.get()
    assert (told.name, told.verdict, told.link) == ("Mia Chen", "maybe", link)
    assert "Mia Chen (guest)" in page(mia, link)
    assert not Decision.objects.exists()
    assert not ProjectDecision.objects.exists()
    assert "Mia Chen (guest)" in signed_in(bob).get(reverse("clip", args=["TIDE", clip.pk])).content.decode()

    decide(mia, link, clip, back="maybe")
    assert not GuestDecision.objects.exists()


def test_two_guests_are_two_and_one_who_changes_their_name_stays_one(bob: User, tide: Project, clip: Clip):
    link, mia, leo = link_to(tide, clip, by=bob), Client(), Client()
    decide(mia, link, clip, verdict="pick", name="Mia")
    decide(leo, link, clip, verdict="reject", name="Mia")
    mia.post(reverse("share_name", args=[link.token]), {"name": "Mia Chen"})
    decide(mia, link, clip, verdict="maybe")
    assert sorted(GuestDecision.objects.values_list("name", "verdict")) == [("Mia (2)", "reject"), ("Mia Chen", "maybe")]


def test_a_guest_who_made_up_their_cookie_is_nobody(bob: User, tide: Project, clip: Clip):
    link, mallory = link_to(tide, clip, by=bob), Client()
    mallory.cookies["guest"] = '["key","Bob"]'
    assert decide(mallory, link, clip, verdict="pick").status_code == HTTPStatus.UNPROCESSABLE_ENTITY


def test_a_name_for_one_link_is_none_for_another(bob: User, tide: Project, clip: Clip):
    first, second, mia = link_to(tide, clip, by=bob), link_to(tide, clip, by=bob), Client()
    decide(mia, first, clip, verdict="pick", name="Mia")
    mia.cookies["guest"]["path"] = "/"
    assert decide(mia, second, clip, verdict="pick").status_code == HTTPStatus.UNPROCESSABLE_ENTITY


@pytest.mark.parametrize(
    "data",
    [{"verdict": "love"}, {}, {"verdict": "pick", "back": "pick"}, {"verdict": "pick", "name": "x" * 61}, {"verdict": "pick", "name": "\u200b"}],
)
def test_nonsense_is_refused_in_the_place_where_it_was_said(data: dict[str, str], bob: User, tide: Project, clip: Clip):
    link = link_to(tide, clip, by=bob)
    answer = Client().post(reverse("share_decide", args=[link.token, clip.pk]), {"name": "Mia", **data}, headers={"HX-Request": "true"})
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert 'id="landing"' in answer.content.decode()
    assert not GuestDecision.objects.exists()


def test_without_the_switch_nobody_decides(bob: User, tide: Project, clip: Clip):
    link, mia = link_to(tide, clip, by=bob), Client()
    decide(mia, link, clip, verdict="pick", name="Mia")
    ShareLink.objects.update(may_decide=False)
    assert decide(mia, link, clip, verdict="reject").status_code == HTTPStatus.NOT_FOUND
    assert "landing-form" not in page(mia, link)
    assert GuestDecision.objects.get().verdict == "pick"


def test_a_link_takes_so_many_guests_and_no_more(bob: User, tide: Project, clip: Clip, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(guest_decisions, "MOST", 1)
    link = link_to(tide, clip, by=bob)
    decide(Client(), link, clip, verdict="pick", name="Mia")
    assert "Too many guests" in decide(Client(), link, clip, verdict="pick", name="Leo").content.decode()


def test_the_address_of_a_link_is_told_to_nobody(bob: User, tide: Project, clip: Clip):
    link = link_to(tide, clip, by=bob)
    answer = Client().get(reverse("share", args=[link.token]))
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "http" not in re.sub(r'(og:url|og:image)" content="[^"]*"|http://www.w3.org', "", answer.content.decode()).replace("http-", "")
