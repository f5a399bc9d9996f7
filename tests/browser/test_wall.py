"""The wall in a real browser: words and filters, choosing with the pointer, the keyboard and a finger, deciding about many, and a preview that keeps quiet."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import violations, violations_everywhere
from tests.browser.conftest import OpenBrowser, Team

Seed = Callable[..., Any]
RESTS = 450  # milliseconds that a finger rests on a tile to choose it


@pytest.fixture
def wall(team: Team, seed: Seed) -> str:
    """Where the project's twelve clips are: six of a lighthouse, six of koi."""
    seed("wall")
    return f"{team.path}gallery/"


@pytest.fixture
def at(open_browser: OpenBrowser, wall: str) -> Page:
    """Bob's browser in front of the wall."""
    page = open_browser("bob")
    page.goto(wall)
    return page


def test_chosen_clips_go_to_the_trash_in_one_press_and_come_back_in_one(at: Page):
    tiles, chosen = at.locator("#hung .tile"), at.locator("#chosen")
    gone = [str(tiles.nth(place).get_attribute("id")) for place in (0, 1)]
    for one in gone:
        at.locator(f"#{one} .pick").check(force=True)
    chosen.get_by_role("button", name="Move to trash").click()
    expect(tiles).to_have_count(10)
    expect(at.locator("#toasts")).to_contain_text("2 clips are in the trash for 30 days.")
    expect(chosen).to_be_hidden()
    assert not any(at.locator(f"#{one}").count() for one in gone)

    at.locator("#toasts").get_by_role("button", name="Undo").click()
    expect(tiles).to_have_count(12)
    expect(at.locator("#toasts")).to_contain_text("2 clips are back on the wall.")


def test_words_and_filters_narrow_and_the_keyboard_decides_about_many(at: Page):
    tiles, chosen, first = at.locator("#hung .tile"), at.locator("#chosen-n"), at.locator("#hung .tile > a").first
    expect(tiles).to_have_count(12)
    at.keyboard.press("/")
    at.keyboard.type("lightho")
    expect(tiles).to_have_count(6)
    expect(at).to_have_url(re.compile(r"\?q=lightho$"))
    at.get_by_role("button", name="Filters").click()
    at.locator("#filter-ratio").select_option("9:16")
    at.get_by_role("button", name="Show clips").click()
    expect(tiles).to_have_count(2)
    assert violations_everywhere(at) == []
    at.get_by_role("link", name="Without 9:16").click()
    expect(tiles).to_have_count(6)

    first.focus()
    at.keyboard.press("x")
    expect(chosen).to_have_text("1")
    at.keyboard.press("Shift+ArrowRight")
    at.keyboard.press("Shift+ArrowRight")
    expect(chosen).to_have_text("3")
    expect(at.locator("#hung .tile > a").nth(2)).to_be_focused()
    assert at.locator('#hung .tile > a[tabindex="0"]').count() == 1
    at.locator("#chosen").get_by_role("button", name="Pick").click()
    expect(at.locator('#hung [data-verdict="pick"].tile__decide')).to_have_count(3)
    expect(at.locator("#chosen")).to_be_hidden()
    at.locator(".toast").get_by_role("button", name="Undo").click()
    expect(at.locator('#hung [data-verdict="pick"].tile__decide')).to_have_count(0)

    first.focus()
    at.keyboard.press("Control+a")
    expect(chosen).to_have_text("6")
    assert violations(at) == []
    at.keyboard.press("Escape")
    expect(at.locator("#chosen")).to_be_hidden()


def test_the_pointer_chooses_a_range_and_a_clip_plays_without_sound_where_it_rests(open_browser: OpenBrowser, wall: str):
    at = open_browser("bob")
    at.clock.install()
    at.goto(wall)
    picks, tile = at.locator("#hung .pick"), at.locator("#hung .tile").nth(6)
    picks.nth(1).check(force=True)
    picks.nth(4).click(modifiers=["Shift"], force=True)
    expect(at.locator("#chosen-n")).to_have_text("4")
    at.locator("[data-choose-none]").click()

    tile.hover()
    at.clock.run_for(900)  # longer than a pointer rests before a clip plays: where motion is to be reduced, none does
    assert at.locator(".tile__film").count() == 0
    at.mouse.move(5, 5)
    at.emulate_media(reduced_motion="no-preference")
    tile.hover()
    at.clock.run_for(900)
    expect(tile.locator(".tile__film")).to_be_visible()
    assert tile.locator(".tile__film").evaluate("film => film.muted && !film.paused")
    at.mouse.move(5, 5)
    expect(at.locator(".tile__film")).to_have_count(0)


def test_a_finger_that_rests_begins_and_taps_go_on(open_browser: OpenBrowser, wall: str):
    phone = open_browser("bob", phone=True)
    phone.clock.install()
    phone.goto(wall)
    tile, touch = phone.locator("#hung .tile").first, phone.context.new_cdp_session(phone)
    tile.scroll_into_view_if_needed()
    box = tile.bounding_box()
    assert box
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": box["x"] + 40, "y": box["y"] + 40}]})
    phone.clock.run_for(RESTS)  # not by the real clock, by which a slow page takes longer than a browser until its own menu of a held link
    expect(phone.locator("#chosen-n")).to_have_text("1")
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    phone.locator("#hung .tile > a").nth(1).tap()
    expect(phone.locator("#chosen-n")).to_have_text("2")
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert violations(phone) == []

    phone.locator("#chosen").get_by_role("button", name="Maybe").tap()
    expect(phone.locator('#hung [data-verdict="maybe"].tile__decide')).to_have_count(2)
    phone.get_by_role("button", name="Filters").tap()
    expect(phone.locator("#filters")).to_be_visible()
    assert violations(phone) == []
    assert phone.url.endswith(wall)


def test_the_room_goes_on_through_what_was_found_and_leads_back_to_it(at: Page, team: Team, wall: str):
    at.goto(f"{wall}?q=koi")
    expect(at.locator(".tile")).to_have_count(6)
    at.locator(".tile > a").first.press("Enter")
    at.wait_for_url("**/clips/**")  # a page listens to keys once it has loaded
    expect(at.locator("#room-h")).to_have_text(f"{team.code}-012")
    expect(at.locator(".room__n")).to_have_text("1 of 6 found")
    first = at.url
    at.keyboard.press("ArrowRight")
    at.wait_for_url(lambda address: "/clips/" in address and address != first)
    expect(at.locator("#room-h")).to_have_text(f"{team.code}-010")
    expect(at.locator(".room__n")).to_have_text("2 of 6 found")

    at.keyboard.press("Escape")

    at.wait_for_url(f"**{wall}?q=koi")
    expect(at.locator(".tile")).to_have_count(6)
