"""When providers fail, as a person meets it: the next connection, another try, a doubt, a wait; and all of it accessible."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import violations_everywhere
from tests.browser.composer import choose, order
from tests.browser.conftest import OpenBrowser, Team
from tests.time_limits import milliseconds


@pytest.fixture
def board(open_browser: OpenBrowser, team: Team, clips: list[str]) -> Page:
    """Alice's Studio. What she orders is as short as the clips that she has, so the sandbox draws it quickly."""
    page = open_browser("alice")
    page.goto(team.path)
    return page


def after_a_failure(page: Page, policy: str) -> None:
    """Choose what follows a failure."""
    page.locator("#route-btn").click()
    with page.expect_response(lambda response: f"policy={policy}" in response.url):
        page.locator("#policy").select_option(policy)
    page.keyboard.press("Escape")


def comes_to(page: Page, code: str, state: str) -> None:
    """Wait until this order is in this state."""
    expect(page.locator(f"#clip-{code}")).to_have_attribute("data-state", state, timeout=milliseconds(60))


def path_of(team: Team, code: str) -> str:
    """The page of this order."""
    return f"{team.path}jobs/{int(code.rpartition('-')[2])}/"


def test_a_failure_at_one_connection_becomes_a_clip_from_the_next_and_the_receipt_tells_both(board: Page, team: Team, seed: Callable[..., Any]):
    page = board
    seed("fault", "xai", "failure")
    seed("hold_back", "acedata", "comet", "grokimagine", "ttapi")  # or the second try might be over before anybody looks
    choose(page, "xAI")
    after_a_failure(page, "cheapest")
    code = order(page, "A gull over black sand")
    expect(page.locator(f"#clip-{code}")).to_contain_text("xAI could not make it. Now ", timeout=milliseconds(60))
    seed("send_orders")
    comes_to(page, code, "done")

    page.goto(path_of(team, code))

    tries = page.locator("#receipt > section")
    expect(tries).to_have_count(2)
    expect(tries.nth(0)).to_contain_text("xAI could not make it")
    expect(tries.nth(0)).to_contain_text("Nothing charged")
    expect(tries.nth(1)).to_contain_text("Spent")
    expect(page.locator("#receipt")).to_contain_text("for 2 tries")


def test_a_list_of_connections_that_is_closed_and_opened_again_at_once_stays_open(board: Page):
    page = board
    page.clock.install(time="2026-01-01")
    page.clock.pause_at("2026-01-02")
    page.locator("#route-btn").click()
    page.locator("#routes label.route", has_text="xAI (sandbox)").click()
    page.keyboard.press("Escape")
    expect(page.locator("#routes")).to_be_hidden()
    page.locator("#route-btn").click()
    page.clock.run_for(1000)
    assert page.locator("#routes").evaluate("list => list.matches(':popover-open')")  # one that closes is visible for a moment


def test_a_failed_job_is_tried_again_with_one_press(board: Page, seed: Callable[..., Any]):
    page = board
    seed("fault", "xai", "failure")
    choose(page, "xAI")
    after_a_failure(page, "hand")
    code = order(page, "A lantern that goes out")
    comes_to(page, code, "failed")
    page.locator(f"#clip-{code}").get_by_role("button", name="Try").click()
    expect(page.locator("#toasts")).to_contain_text(f"{code} is tried again.")
    comes_to(page, code, "done")


def test_a_clip_is_taken_into_the_composer_to_be_extended_and_out_of_it_again(
    open_browser: OpenBrowser, team: Team, make_clips: Callable[..., list[str]]
):
    make_clips(1, seconds=3)  # xAI extends clips of two seconds and more
    page = open_browser("alice")
    page.goto(team.path)
    page.locator(".card__prompt a").click()
    page.get_by_role("link", name="Extend").click()
    expect(page.locator("#about-clip")).to_contain_text(f"Extends {team.code}-001")
    expect(page.locator("[name=aspect_ratio]:visible")).to_have_count(0)
    choose(page, "xAI")
    comes_to(page, order(page, "The boat reaches the shore"), "done")
    page.locator("#about-clip [data-about-remove]").click()
    expect(page.locator("#about-clip")).to_have_count(0)
    expect(page.locator("select[name=aspect_ratio]")).to_be_visible()


def test_trouble_is_accessible_in_either_theme_on_a_laptop_or_a_phone(board: Page, team: Team, seed: Callable[..., Any]):
    page = board
    after_a_failure(page, "hand")
    codes = {}
    for provider, label, kind, times in (
        ("xai", "xAI", "lost_answer", 1),
        ("grokimagine", "GrokImagine", "failure", 1),
        ("comet", "CometAPI", "429", 1000),
    ):
        seed("fault", provider, kind, times=times)
        choose(page, label)
        codes[label] = order(page, f"Trouble at {label}")
    comes_to(page, codes["xAI"], "in_doubt")
    comes_to(page, codes["GrokImagine"], "failed")
    expect(page.locator(f"#clip-{codes['CometAPI']}")).to_contain_text("asked us to wait", timeout=milliseconds(60))
    page.goto(f"{team.path}?again={int(codes['xAI'].rpartition('-')[2])}")
    found = violations_everywhere(page)
    page.locator("#route-btn").click()
    expect(page.locator("#policy")).to_be_visible()
    found += violations_everywhere(page)
    for code in codes.values():
        page.goto(path_of(team, code))
        found += violations_everywhere(page)
    assert found == []
