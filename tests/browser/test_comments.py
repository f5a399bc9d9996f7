"""Comments in a real browser: said at a time and found again, live beside a clip that plays on, and never lost or said twice."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.accessibility import violations
from tests.browser.conftest import OpenBrowser, Team

Seed = Callable[..., Any]
WATCH = """video => {
  window.same = video; window.heard = [];
  for (const name of ["pause", "emptied", "seeking", "loadstart"]) video.addEventListener(name, () => window.heard.push(name));
  video.muted = video.loop = true;
  return video.play();
}"""
CAN_PLAY = "() => document.getElementById('video').readyState >= 2"
LOOK_NOW = "document.dispatchEvent(new Event('visibilitychange'))"


@pytest.fixture
def clip(make_clips: Callable[..., list[str]]) -> str:
    """A clip of two seconds, to talk about."""
    return make_clips(1, seconds=2)[0]


@pytest.fixture
def at(open_browser: OpenBrowser, team: Team, clip: str) -> Page:
    """Alice's browser in the viewing room of that clip, before anything is said."""
    page = open_browser("alice")
    page.goto(f"{team.path}clips/{clip}/")
    page.wait_for_function(CAN_PLAY)
    return page


def seconds(page: Page) -> float:
    return float(page.evaluate("document.getElementById('video').currentTime"))


@pytest.mark.parametrize("width", [1440, 390])
def test_somebody_comments_at_a_time_and_finds_it_again(at: Page, width: int):
    at.set_viewport_size({"width": width, "height": 900})
    at.get_by_role("slider", name="Position").focus()
    at.keyboard.press("ArrowRight")
    at.keyboard.press("ArrowRight")
    at.keyboard.press(".")
    expect(at.locator("#tc")).to_have_text("0:01:01")
    at.keyboard.press("c")
    expect(at.locator("#say-text")).to_be_focused()
    at.keyboard.type("Hold this, @bo")
    expect(at.get_by_role("option", name="Bob")).to_be_visible()
    at.keyboard.press("Enter")
    expect(at.locator("#say-text")).to_have_value("Hold this, @Bob ")
    at.keyboard.press("Control+Enter")
    comment = at.locator("#thread .cmt")
    expect(comment).to_contain_text("0:01:01")
    expect(comment.locator("b.at")).to_have_text("@Bob")
    expect(at.locator("#say-text")).to_have_value("")

    at.reload()
    at.wait_for_function(CAN_PLAY)
    assert seconds(at) == 0
    at.get_by_role("button", name="Alice at 0:01:01").click()
    expect(comment).to_have_attribute("data-led", "")
    expect(comment).to_be_focused()
    assert seconds(at) == pytest.approx(1.0625, abs=0.02)
    comment.get_by_role("button", name="Resolve").click()
    expect(comment).to_be_hidden()
    expect(at.locator(".mark")).to_have_count(0)
    at.locator(".toast").get_by_role("button", name="Undo").click()
    expect(comment).to_be_visible()
    assert at.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert violations(at) == []


def test_a_clip_plays_on_and_words_stay_while_somebody_else_comments(at: Page, clip: str, seed: Seed):
    at.locator("#say-text").fill("Half a sent")
    at.locator("#video").evaluate(WATCH)
    at.wait_for_function("() => same.currentTime > 0.2")
    at.locator("#say-text").evaluate("field => field.setSelectionRange(4, 6)")
    seed("comment", clip, "From somebody else", author="bob", at=300)
    before = seconds(at)
    at.evaluate(LOOK_NOW)
    expect(at.locator("#thread .cmt")).to_contain_text("From somebody else")
    expect(at.locator(".mark")).to_have_count(1)
    at.wait_for_function("before => same.currentTime !== before", arg=before)

    assert at.evaluate("same === document.getElementById('video') && !same.paused")
    assert set(at.evaluate("heard")) <= {"seeking"}  # where the loop begins again
    assert at.locator("#say-text").input_value() == "Half a sent"
    assert at.evaluate("[document.getElementById('say-text').selectionStart, document.getElementById('say-text').selectionEnd]") == [4, 6]


def test_an_answer_that_was_lost_neither_loses_the_words_nor_says_them_twice(at: Page, seed: Seed):
    def lose(route: Route) -> None:
        route.fetch()  # it arrives, and the answer does not come back
        route.abort()

    at.route("**/comment/", lose)
    at.locator("#say-text").fill("Said once")
    at.get_by_role("button", name="Comment", exact=True).click()
    expect(at.locator(".toast")).to_contain_text("No answer")
    expect(at.locator("#say-text")).to_have_value("Said once")
    at.unroute("**/comment/")
    at.get_by_role("button", name="Comment", exact=True).click()
    expect(at.locator("#thread .cmt")).to_contain_text("Said once")
    expect(at.locator("#say-text")).to_have_value("")
    assert seed("comments") == ["Said once"]

    at.locator("#say-text").fill("x" * 2001)
    at.get_by_role("button", name="Comment", exact=True).click()
    expect(at.locator("#say-problem")).to_contain_text("2001 characters are too many")
    assert len(at.locator("#say-text").input_value()) == 2001

    at.locator("#thread").get_by_role("button", name="Answer").click()
    at.locator("#say-text").fill("Not sent yet")
    at.reload()
    expect(at.locator("#say-text")).to_have_value("Not sent yet")
    expect(at.locator("#say-about")).to_contain_text("Answering Alice")
    at.get_by_role("button", name="Answer", exact=True).last.click()
    expect(at.locator(".cmt__answers .cmt")).to_contain_text("Not sent yet")


def test_a_comment_of_somebody_else_meanwhile_does_not_keep_sent_words_in_the_box(at: Page, clip: str, seed: Seed):
    sending: list[Route] = []

    def hold(route: Route) -> None:
        sending.append(route)

    at.route("**/comment/", hold)
    at.locator("#say-text").fill("Sent meanwhile")
    with at.expect_request("**/comment/"):
        at.get_by_role("button", name="Comment", exact=True).click()
    seed("comment", clip, "From somebody else", author="bob", at=300)
    at.evaluate(LOOK_NOW)
    expect(at.locator("#thread .cmt")).to_contain_text("From somebody else")
    expect(at.locator("#say-text")).to_have_value("Sent meanwhile")
    sending[0].continue_()

    expect(at.locator("#thread .cmt")).to_have_count(2)
    expect(at.locator("#say-text")).to_have_value("")


def test_keys_move_the_player_and_its_state_is_said(at: Page):
    slider = at.get_by_role("slider", name="Position")
    at.keyboard.press(".")
    at.keyboard.press(".")
    expect(at.locator("#tc")).to_have_text("0:00:02")
    at.keyboard.press(",")
    expect(slider).to_have_attribute("aria-valuetext", "0 seconds, frame 1, of 2 seconds")
    at.keyboard.press("l")
    expect(at.get_by_role("button", name="Loop")).to_have_attribute("aria-pressed", "false")
    at.get_by_role("combobox", name="Speed").select_option("0.5")
    at.keyboard.press("m")
    expect(at.get_by_role("button", name="Mute")).to_have_attribute("aria-pressed", "true")
    at.get_by_role("button", name="Full screen").click()
    expect(at.get_by_role("button", name="Full screen")).to_have_attribute("aria-pressed", "true")
    at.get_by_role("button", name="Full screen").click()
    expect(at.get_by_role("button", name="Full screen")).to_have_attribute("aria-pressed", "false")

    at.reload()
    expect(at.get_by_role("combobox", name="Speed")).to_have_value("0.5")
    assert at.evaluate("[video.playbackRate, video.muted, video.loop]") == [0.5, True, False]


def test_a_clip_that_goes_to_the_trash_takes_nothing_away_that_is_being_written(at: Page, open_browser: OpenBrowser, team: Team, clip: str):
    page = f"{team.path}clips/{clip}/"
    at.locator("#say-text").fill("Half a thought")
    at.evaluate("window.same = true")
    bob = open_browser("bob")
    bob.goto(page)
    bob.locator(".keeping").get_by_role("button", name="Move to the trash").click()
    expect(bob.locator(".keeping")).to_contain_text("In the trash by")
    at.evaluate(LOOK_NOW)
    expect(at.locator("#comments-gone")).to_be_visible()
    assert violations(at) == []

    bob.evaluate(LOOK_NOW)
    expect(bob.locator("#comments-gone")).to_be_visible()
    bob.get_by_role("button", name="Take it back").click()
    expect(bob.locator(".toast")).to_contain_text("is back where it was.")
    at.evaluate(LOOK_NOW)
    expect(at.locator("#comments-gone")).to_be_hidden()
    expect(at.locator("#say-text")).to_have_value("Half a thought")
    assert at.evaluate("window.same")
