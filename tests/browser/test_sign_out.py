"""Two people at one browser: whoever signs out leaves nothing to the next one but the theme."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Team
from tests.browser.test_sessions import PASSWORD, alice  # noqa: F401 - a fixture

Seed = Callable[..., Any]
DRAFT, COMMENT = "A secret lantern", "Half a thought"
KEPT = "JSON.stringify([Object.entries(localStorage), Object.entries(sessionStorage)])"
THEME = "document.documentElement.dataset.theme ?? 'system'"


def write_half(page: Page, team: Team, clip: str) -> None:
    """Type a draft that does not reach the server, and half a comment; choose the light theme and switch the keys off."""
    page.emulate_media(color_scheme="dark")
    page.goto("/me/")
    page.locator("#side [data-theme-toggle]").click()
    page.goto(f"{team.path}clips/{clip}/")
    page.locator("#say-text").fill(COMMENT)
    page.route("**/draft/**", lambda route: route.abort())
    page.goto(team.path)
    page.locator("#prompt").fill(DRAFT)
    page.wait_for_function(f"() => JSON.stringify(localStorage).includes({DRAFT.rsplit(maxsplit=1)[-1]!r})")
    assert COMMENT in page.evaluate(KEPT)


def come_in(page: Page, email: str) -> None:
    page.locator("[name=login]").fill(email)
    page.locator("[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#sign-in")).to_have_count(1)


@pytest.mark.parametrize("how", ["a press", "a press without the header", "the server", "another person's sign-in alone"])
def test_the_next_person_finds_nothing_but_the_theme(alice: Page, team: Team, seed: Seed, clips: list[str], how: str):  # noqa: F811
    seed("set_password", "bob", PASSWORD)
    write_half(alice, team, clips[0])
    if how == "a press without the header":  # as over plain http from another machine
        alice.route(
            "**/accounts/logout/", lambda route: route.fulfill(response=route.fetch(max_redirects=0), headers={"location": "/accounts/login/"})
        )
    if how.startswith("a press"):
        alice.get_by_role("button", name="Sign out").click()
        alice.wait_for_url("**/accounts/login/**")
        assert json.loads(alice.evaluate(KEPT)) == [[], []]
    elif how == "the server":
        seed("sign_out", "alice")
        alice.goto("/me/")
        assert json.loads(alice.evaluate(KEPT)) == [[], []]
    else:
        alice.context.clear_cookies(name="sessionid")
        alice.goto("/accounts/login/")
    come_in(alice, team.email("bob"))

    for path, field in ((f"{team.path}clips/{clips[0]}/", "#say-text"), (team.path, "#prompt")):
        alice.goto(path)
        expect(alice.locator(field)).to_have_value("")
        kept = alice.evaluate(KEPT)
        assert COMMENT not in kept
        assert DRAFT not in kept
    assert alice.evaluate(THEME) == "light"


def test_who_signs_in_again_finds_what_they_had_not_sent(alice: Page, team: Team, clips: list[str]):  # noqa: F811
    alice.goto(f"{team.path}clips/{clips[0]}/")
    alice.locator("#say-text").fill(COMMENT)
    alice.goto(team.path)
    alice.goto(f"{team.path}clips/{clips[0]}/")

    expect(alice.locator("#say-text")).to_have_value(COMMENT)
