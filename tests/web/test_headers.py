"""Every answer carries the headers that protect it, whoever made it, and private bytes are asked about again within minutes."""

import re
from collections.abc import Mapping
from itertools import product
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import path, reverse
from pytest_django.fixtures import Settings

from studio.accounts.models import User
from studio.gallery import posters
from studio.jobs.models import Clip
from studio.projects.models import Membership, Project
from studio.urls import urlpatterns as ours
from studio.web.headers import HEADERS
from tests.conftest import signed_in
from tests.gallery.conftest import clip, make_clip  # noqa: F401 - fixtures
from tests.test_every_address import PLAYED, ROUTES, TABLE, World, cast, parts, world  # noqa: F401 - fixtures
from tests.test_security import boom, browser_of

KEPT = {  # what may be kept at all: a few minutes and then asked about, or no word about anybody
    "private, max-age=300, must-revalidate": {
        *("clip_picture", "clip_video", "clip_poster", "clip_sheet", "clip_download", "clip_titled", "reference", "reference_public"),
    },
    "private, max-age=3600": {"keymap"},
}
ELSEWHERE = {"share_card"}  # what pages of others may show
STATIC = {**HEADERS, "Cache-Control": "max-age=60, public"}


def slow_down(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=429)


def too_large(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=413)


urlpatterns = [*ours, path("boom/", boom), path("slow-down/", slow_down), path("too-large/", too_large)]


def lacking(headers: Mapping[str, str], *, name: str = "") -> dict[str, str | None]:
    """What the headers of the answer of the address of this name should not be."""
    wrong = {header: headers.get(header) for header, value in HEADERS.items() if header != "Cache-Control" and headers.get(header) != value}
    if name in ELSEWHERE and wrong.get("Cross-Origin-Resource-Policy") == "cross-origin":
        del wrong["Cross-Origin-Resource-Policy"]
    if name.startswith("share") and wrong.get("Referrer-Policy") == "no-referrer":
        del wrong["Referrer-Policy"]
    cache = headers.get("Cache-Control", "")
    if not {"private", "no-store"} <= set(re.split(r",\s*", cache)) and name not in KEPT.get(cache, set()):
        wrong["Cache-Control"] = cache
    return wrong


@parts(TABLE)
def test_every_answer_carries_every_header(names: list[str], world: World, cast: dict[str, User]):  # noqa: F811
    wrong = []
    for name, somebody, method in product(names, (None, "mallory", "alice", "ada"), ("GET", "POST", "PUT")):
        with transaction.atomic():
            response = browser_of(cast[somebody] if somebody else None).generic(method, world.address(name), TABLE[name].data)
            response.getvalue()
            transaction.set_rollback(True)
        if found := lacking(response.headers, name=name):
            wrong.append((method, name, somebody, response.status_code, found))
    assert not wrong


def test_errors_and_redirects_carry_them_too(settings: Settings, alice: User):
    settings.ROOT_URLCONF = __name__
    browser = browser_of(alice)
    answers = [
        *(browser.get(address) for address in ("/boom/", "/nothing/", "/people/", "/slow-down/", "/too-large/", "/accounts/login/", "/me")),
        browser.put("/"),
        browser.post("/me/", {f"f{number}": "" for number in range(1_001)}),
        Client(enforce_csrf_checks=True).post("/accounts/login/"),
        Client().get("/me/", headers={"HX-Request": "true"}),
    ]
    settings.SECURE_SSL_REDIRECT, settings.ALLOWED_HOSTS = True, ["studio.example.org"]
    answers += [Client(headers={"host": "studio.example.org"}).get("/me/"), Client(headers={"host": "evil.example"}).get("/me/")]

    assert [answer.status_code for answer in answers] == [500, 404, 403, 429, 413, 302, 301, 405, 400, 403, 401, 301, 400]
    assert [lacking(answer.headers) for answer in answers] == [{}] * len(answers)


@pytest.mark.django_db  # an answer's end is told to the database's connections
def test_static_files_carry_them_and_may_be_kept_by_everybody(settings: Settings, tmp_path: Path):
    settings.STATIC_ROOT = tmp_path / "static"
    (settings.STATIC_ROOT / "js").mkdir(parents=True)
    (settings.STATIC_ROOT / "js" / "app.js").write_text("")

    answers = [Client().get("/static/js/app.js"), Client().head("/static/js/app.js")]
    for answer in answers:
        answer.getvalue()

    assert [{name: answer.headers.get(name) for name in STATIC} for answer in answers] == [STATIC, STATIC]


def test_the_played_providers_and_the_health_checks_carry_them(db: None):
    played = ["/" + re.sub(r"<[^>]*>", "anything", route) for route, _ in ROUTES if PLAYED.match(route)]
    for address in [*played, "/healthz", "/readyz"]:
        for method in ("GET", "POST"):
            assert lacking(Client().generic(method, address).headers) == {}, address


@pytest.mark.parametrize(
    ("asked", "status"),
    [({}, 200), ({"Range": "bytes=0-1"}, 206), ({"Range": "bytes=99999-"}, 416), ({"If-None-Match": "{etag}"}, 304), ({"If-Match": '"other"'}, 412)],
)
def test_bytes_carry_them_in_every_form(asked: dict[str, str], status: int, as_alice: Client, tide: Project, clip: Clip):  # noqa: F811
    address = reverse("clip_video", args=["TIDE", clip.pk])
    first = as_alice.get(address)
    first.getvalue()
    answer = as_alice.get(address, headers={name: value.replace("{etag}", first.headers["ETag"]) for name, value in asked.items()})
    answer.getvalue()

    assert answer.status_code == status
    assert lacking(answer.headers, name="clip_video") == {}


def test_who_has_left_a_project_loses_its_pictures_when_the_browser_asks_again(alice: User, tide: Project, clip: Clip):  # noqa: F811
    browser = signed_in(alice)
    for address in (posters.address(clip, 480), *(reverse(name, args=["TIDE", clip.pk]) for name in ("clip_video", "clip_poster", "clip_sheet"))):
        first = browser.get(address)
        first.getvalue()
        assert first.headers["Cache-Control"] == "private, max-age=300, must-revalidate"
        with CaptureQueriesContext(
            connection,
        ) as asked:
            again = browser.get(address, headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert len(asked) <= 5, asked.captured_queries

        with transaction.atomic():
            Membership.objects.filter(user=alice).delete()
            assert browser.get(address, headers={"If-None-Match": first.headers["ETag"]}).status_code == 404
            transaction.set_rollback(True)
