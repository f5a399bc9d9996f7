"""No byte of a private clip without membership or a live link: every way in which somebody may ask for one, and what they get."""

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

from studio.accounts.models import AccessLink, User
from studio.gallery.models import ProjectDecision
from studio.gallery.share_models import ShareClip, ShareLink
from studio.jobs.models import Clip
from studio.projects.models import Project
from tests.conftest import signed_in
from tests.gallery.conftest import VIDEO, MakeClip
from tests.gallery.sharing import link_to

BYTES = ("share_video", "share_poster", "share_picture", "share_sheet", "share_download", "share_card")
ASKED = {
    "GET": {},
    "HEAD": {},
    "a range": {"Range": "bytes=0-1"},
    "a copy that is kept": {"If-None-Match": "*"},
    "the rest of a copy": {"Range": "bytes=5-", "If-Range": "*"},
}  # fmt: skip
MakeLink = Callable[..., ShareLink]


@pytest.fixture
def make_link(bob: User, tide: Project) -> MakeLink:
    """A link of Bob's to clips of Tidewater, with everything allowed unless told otherwise."""

    def make(*clips: Clip, **facts: Any) -> ShareLink:
        return link_to(tide, *clips, by=bob, **facts)

    return make


def ask(guest: Client, name: str, token: str, clip: object, how: str) -> tuple[int, bytes]:
    method = "HEAD" if how == "HEAD" else "GET"
    answer = guest.generic(method, reverse(name, args=[token, clip, *([320] if name == "share_picture" else [])]), headers=ASKED[how])
    body = answer.getvalue()
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Robots-Tag"].startswith("noindex")
    return answer.status_code, body


@dataclass
class Case:
    """What happened to the link or the clip after a guest had seen it."""

    why: str
    then: Callable[[ShareLink, Clip], object]
    refused: tuple[str, ...] = BYTES


def link_is(**facts: object) -> Callable[[ShareLink, Clip], object]:
    return lambda link, _: ShareLink.objects.filter(pk=link.pk).update(**facts)


def move(_: ShareLink, clip: Clip) -> None:
    Clip.objects.filter(pk=clip.pk).update(project=Project.objects.get(code="KOI"))


CASES = [
    Case("the link has ended", link_is(expires_at=timezone.now() - timedelta(seconds=1))),
    Case("the link is revoked", link_is(ended_at=timezone.now())),
    Case("the link has another address", link_is(token_hash=AccessLink.digest("another"))),
    Case("the link got a password", link_is(password="md5$a$b")),
    Case("watching is switched off", link_is(may_view=False), tuple(name for name in BYTES if name != "share_download")),
    Case("downloads are switched off", link_is(may_download=False), ("share_download",)),
    Case("the clip was taken out of the link", lambda link, clip: ShareClip.objects.filter(link=link, clip=clip).delete()),
    Case("the clip is not saved any more", lambda _, clip: Clip.objects.filter(pk=clip.pk).update(saved_at=None)),
    Case("the clip went to another project", move),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.why)
def test_what_a_guest_could_have_is_gone_with_the_next_request(case: Case, make_link: MakeLink, make_clip: MakeClip, koi: Project):
    clip, guest = make_clip(), Client()
    link = make_link(clip)
    for name in BYTES:
        assert ask(guest, name, link.token, clip.pk, "GET")[0] == HTTPStatus.OK

    case.then(link, clip)

    wrong = []
    for name in BYTES:
        for how in ASKED:
            status, body = ask(guest, name, link.token, clip.pk, how)
            if name in case.refused and (status != HTTPStatus.NOT_FOUND or VIDEO[:2] in body or body in {b"poster", b"sheet"}):
                wrong.append(f"{name}, {how}: {status}")
            if name not in case.refused and status >= HTTPStatus.BAD_REQUEST:
                wrong.append(f"{name}, {how}: {status}, although it is allowed")
    assert not wrong


@pytest.mark.parametrize("how", ASKED)
@pytest.mark.parametrize("name", BYTES)
def test_guessing_gets_nothing(name: str, how: str, make_link: MakeLink, make_clip: MakeClip, koi: Project):
    shared, other, foreign, unsaved = make_clip(), make_clip(), make_clip(project=koi), make_clip(saved=False)
    link, guest = make_link(shared), Client()
    tries = {
        "a guessed token": ("0" * 48, shared.pk),
        "the hash in the token's place": (link.token_hash, shared.pk),
        "the link's number": (str(link.pk), shared.pk),
        "a token with a letter more": (f"{link.token}0", shared.pk),
        "a guessed clip": (link.token, uuid4()),
        "a clip of the project that is not shared": (link.token, other.pk),
        "a clip of another project": (link.token, foreign.pk),
        "a clip that is not saved": (link.token, unsaved.pk),
    }
    assert {why: ask(guest, name, *what, how)[0] for why, what in tries.items()} == dict.fromkeys(tries, HTTPStatus.NOT_FOUND)


@pytest.mark.parametrize("name", ["clip_video", "clip_poster", "clip_sheet", "clip_download"])
def test_a_link_opens_no_address_of_a_member(name: str, make_link: MakeLink, make_clip: MakeClip, mallory: User):
    clip = make_clip()
    make_link(clip)
    address = reverse(name, args=["TIDE", clip.pk])
    assert Client().get(address).status_code == HTTPStatus.FOUND
    assert signed_in(mallory).get(address).status_code == HTTPStatus.NOT_FOUND


@pytest.mark.parametrize("how", ASKED)
@pytest.mark.parametrize("name", BYTES)
def test_without_the_password_there_is_no_byte(name: str, how: str, make_link: MakeLink, make_clip: MakeClip):
    clip, guest = make_clip(), Client()
    link = make_link(clip, password=make_password("open sesame"))
    assert ask(guest, name, link.token, clip.pk, how)[0] == HTTPStatus.NOT_FOUND

    guest.post(reverse("share_open", args=[link.token]), {"password": "wrong"})
    assert ask(guest, name, link.token, clip.pk, how)[0] == HTTPStatus.NOT_FOUND

    guest.post(reverse("share_open", args=[link.token]), {"password": "open sesame"})
    assert ask(guest, name, link.token, clip.pk, how)[0] < HTTPStatus.BAD_REQUEST

    ShareLink.objects.filter(pk=link.pk).update(password=make_password("open sesame"))  # set anew, even to the same one
    assert ask(guest, name, link.token, clip.pk, how)[0] == HTTPStatus.NOT_FOUND


def test_the_password_of_one_link_opens_no_other(make_link: MakeLink, make_clip: MakeClip):
    clip, guest = make_clip(), Client()
    mine, other = (make_link(clip, password=make_password("open sesame")) for _ in range(2))
    guest.post(reverse("share_open", args=[mine.token]), {"password": "open sesame"})
    cookie = guest.cookies["share"]
    assert cookie["path"] == f"/s/{mine.token}/"
    assert cookie["httponly"]

    guest.cookies["share"]["path"] = "/"  # a browser that brings it everywhere
    assert ask(guest, "share_video", mine.token, clip.pk, "GET")[0] == HTTPStatus.OK
    assert ask(guest, "share_video", other.token, clip.pk, "GET")[0] == HTTPStatus.NOT_FOUND


@pytest.mark.parametrize(
    ("show", "verdict", "is_there"), [("picked", "pick", True), ("picked", "reject", False), ("", "maybe", True), ("", "reject", False)]
)
def test_a_live_view_is_looked_up_at_each_request(show: str, verdict: str, is_there: bool, make_link: MakeLink, make_clip: MakeClip, bob: User):
    clip, guest = make_clip(), Client()
    decision = ProjectDecision.objects.create(clip=clip, project=clip.project, person=bob, verdict="pick")
    link = make_link(show=show)
    assert ask(guest, "share_video", link.token, clip.pk, "GET") == (HTTPStatus.OK, VIDEO)

    decision.verdict = verdict
    decision.save()

    assert ask(guest, "share_video", link.token, clip.pk, "GET")[0] == (HTTPStatus.OK if is_there else HTTPStatus.NOT_FOUND)


def test_a_range_of_a_shared_clip_is_answered(make_link: MakeLink, make_clip: MakeClip):
    clip = make_clip()
    link = make_link(clip)
    assert ask(Client(), "share_video", link.token, clip.pk, "a range") == (HTTPStatus.PARTIAL_CONTENT, VIDEO[:2])


def test_an_owner_of_the_project_gets_by_the_link_what_a_guest_gets(make_link: MakeLink, make_clip: MakeClip, bob: User):
    clip = make_clip()
    link = make_link(clip, may_download=False)
    assert ask(signed_in(bob), "share_download", link.token, clip.pk, "GET")[0] == HTTPStatus.NOT_FOUND
