"""What another site makes a browser send is refused, on every address, whatever cookie and token come with it."""

import re
from itertools import product

import pytest
from django.db import transaction
from django.test import Client

from studio.accounts.models import User
from studio.jobs.models import Clip
from studio.projects.models import Project
from studio.web.fetch_metadata import PUBLIC
from tests.conftest import signed_in
from tests.gallery.conftest import clip, make_clip  # noqa: F401 - fixtures
from tests.gallery.sharing import link_to
from tests.test_every_address import PLAYED, ROUTES, TABLE, World, cast, parts, world  # noqa: F401 - fixtures
from tests.test_security import browser_of

OTHERS = ("cross-site", "same-site")
EMBEDDED = (
    *(("no-cors", kind) for kind in ("image", "video", "audio", "script", "style", "track", "font", "empty", "object", "embed")),
    *(("navigate", kind) for kind in ("iframe", "frame", "object", "embed")),
    ("cors", "empty"),
    ("", ""),
)
OPENED = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-User": "?1"}


def asked(browser: Client, method: str, path: str, data: str = "", **headers: str) -> int:
    """The status of the answer to this request. The test's browser counts as one with a valid token."""
    told = {name.replace("_", "-"): value for name, value in headers.items() if value}
    answer = browser.generic(method, path, data, content_type="application/x-www-form-urlencoded", headers=told)
    answer.getvalue()
    return int(answer.status_code)


def status(user: User | None, method: str, path: str, data: str = "", **headers: str) -> int:
    """The same of a fresh browser's request, whose effects are undone."""
    with transaction.atomic():
        found = asked(browser_of(user), method, path, data, **headers)
        transaction.set_rollback(True)
    return found


@parts(set(TABLE) - PUBLIC)
def test_no_other_site_changes_anything_even_with_a_token(names: list[str], world: World, cast: dict[str, User]):  # noqa: F811
    browsers = browser_of(cast["ada"]), browser_of(cast["bob"])
    for name, browser in product(names, browsers):
        for site, method in (*product(OTHERS, ("POST",)), *product(OTHERS[:1], ("PUT", "PATCH", "DELETE"))):
            found = asked(browser, method, world.address(name), TABLE[name].data, Sec_Fetch_Site=site, **OPENED)
            assert found == 403, (method, name, site)
        assert asked(browser, "POST", world.address(name), TABLE[name].data, Origin="null") == 403, name


@parts(set(TABLE) - PUBLIC)
def test_no_other_site_embeds_or_fetches_anything(names: list[str], world: World, cast: dict[str, User]):  # noqa: F811
    browser = browser_of(cast["alice"])
    for name, (site, (mode, kind)) in product(names, (*product(OTHERS[:1], EMBEDDED), *product(OTHERS[1:], EMBEDDED[:1]))):
        found = asked(browser, "GET", world.address(name), Sec_Fetch_Site=site, Sec_Fetch_Mode=mode, Sec_Fetch_Dest=kind)
        assert found == 403, (name, site, mode, kind)


@parts(TABLE)
def test_links_our_own_pages_and_programs_are_answered_as_ever(names: list[str], world: World, cast: dict[str, User]):  # noqa: F811
    for name in names:
        somebody = None if TABLE[name].get == "everybody" else cast["bob"]
        address, data = world.address(name), TABLE[name].data
        usual = {method: status(somebody, method, address, data) for method in ("GET", "POST")}
        ours = {"Sec_Fetch_Site": "same-origin", "Sec_Fetch_Mode": "cors", "Sec_Fetch_Dest": "empty"}
        assert {method: status(somebody, method, address, data, **ours) for method in usual} == usual, name
        for site in ("none", *OTHERS):  # opened by hand, or by a link in a mail, a chat, a sibling host
            assert status(somebody, "GET", address, Sec_Fetch_Site=site, **OPENED) == usual["GET"], (name, site)


@parts(PUBLIC)
def test_what_is_public_is_answered_to_everybody(names: list[str], world: World, cast: dict[str, User]):  # noqa: F811
    for name, method in product(names, ("GET", "POST")):
        usual = status(None, method, world.address(name), TABLE[name].data)
        for site in OTHERS:
            assert status(None, method, world.address(name), TABLE[name].data, Sec_Fetch_Site=site, Sec_Fetch_Mode="no-cors") == usual, name


def test_the_played_providers_are_public_and_the_page_about_them_is_not(db: None, ada: User):
    for route in [route for route, _ in ROUTES if PLAYED.match(route)]:
        path = "/" + re.sub(r"<[^>]*>", "anything", route)
        assert status(None, "POST", path, Sec_Fetch_Site="cross-site") == status(None, "POST", path), path
    assert status(ada, "GET", "/sandbox/", Sec_Fetch_Site="cross-site", Sec_Fetch_Dest="iframe", Sec_Fetch_Mode="navigate") == 403


def test_a_refusal_says_what_to_do(alice: User):
    answer = signed_in(alice).post("/me/", {"name": "Mallory"}, headers={"Sec-Fetch-Site": "cross-site"})

    assert "Open the page in a tab of its own" in answer.content.decode()
    alice.refresh_from_db()
    assert alice.name == "Alice"


@pytest.mark.parametrize("address", ["", "clips/{clip}/video/"])
def test_a_shared_link_opens_from_a_chat_and_its_bytes_are_shown_nowhere_else(address: str, bob: User, tide: Project, clip: Clip):  # noqa: F811
    link = link_to(tide, clip, by=bob)
    path = f"/s/{link.token}/{address.format(clip=clip.pk)}"
    from_chat = Client().get(path, headers={"Sec-Fetch-Site": "cross-site", **OPENED})
    embedded = Client().get(path, headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "video"})
    from_chat.getvalue()

    assert (from_chat.status_code, embedded.status_code) == (200, 403 if address else 200)
