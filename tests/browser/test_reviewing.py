"""Choosing among clips in a real browser: the review queue by keys and by thumb, two clips by one clock, and going on from a frame."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import violations_everywhere
from tests.browser.conftest import OpenBrowser, Team

Seed = Callable[..., Any]
# Both play, are past the first 300 ms, and neither is further along than the other.
TOGETHER = """() => {
  const [one, two] = document.querySelectorAll('[data-pane] video');
  return !one.paused && !two.paused && Number(document.getElementById('cmp-at').value) > 300 && Math.abs(one.currentTime - two.currentTime) < 0.15;
}"""
PAUSED_AT = "() => [...document.querySelectorAll('[data-pane] video')].map((video) => [video.paused, video.currentTime.toFixed(3)].join())"

# When a finger does what, and at which share of its way: the browser takes the speed from these times, not from ours.
SWIPE = (
    *((0.0, "touchStart", 0.0), (0.03, "touchMove", 0.3), (0.06, "touchMove", 0.6), (0.09, "touchMove", 1.0)),
    *((0.4, "touchMove", 1.0), (0.5, "touchEnd", 1.0)),
)


@pytest.fixture
def at(open_browser: OpenBrowser) -> Page:
    """The browser of Bob, who owns the project: his decisions are the project's."""
    return open_browser("bob")


def test_keys_go_through_the_queue_to_its_calm_end(at: Page, team: Team, clips: list[str]):
    newest, middle, oldest = clips
    at.goto(f"{team.path}review/")
    expect(at.locator(f"#card-{oldest}")).to_be_visible()
    expect(at.locator("#left")).to_have_text("3 left")
    found = violations_everywhere(at)

    at.keyboard.press("ArrowRight")
    expect(at.locator(f"#card-{middle}")).to_be_visible()
    expect(at.locator("#said")).to_contain_text("is picked")
    at.keyboard.press("u")
    expect(at.locator(f"#card-{oldest}")).to_be_visible()
    at.keyboard.press("3")
    expect(at.locator(f"#card-{middle}")).to_be_visible()
    at.keyboard.press("s")
    expect(at.locator(f"#card-{newest}")).to_be_visible()
    at.keyboard.press("ArrowUp")
    with at.expect_event("load"):  # a page of its own, which listens to keys from then on
        at.get_by_role("link", name="Look at it again").press("Enter")
    expect(at.locator(f"#card-{middle}")).to_be_visible()
    at.keyboard.press("ArrowLeft")

    expect(at.locator("#end-h")).to_have_text("Nothing is left to decide.")
    assert found == []


def swipe(page: Page, x: int, y: int) -> None:
    """A finger goes that far over the clip, and rests before it leaves: after a fling a browser takes the next tap for its end."""
    box = page.locator("[data-card]").bounding_box()
    assert box
    start = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    finger, began = page.context.new_cdp_session(page), time.time() - 1
    for seconds, kind, share in SWIPE:
        points = [{"x": start[0] + x * share, "y": start[1] + y * share}] if kind != "touchEnd" else []
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points, "timestamp": began + seconds})


def test_a_thumb_swipes_and_taps_through_the_queue(open_browser: OpenBrowser, team: Team, clips: list[str], seed: Seed):
    newest, middle, oldest = clips
    page = open_browser("bob", phone=True)
    page.goto("/review/")
    expect(page.locator(f"#card-{oldest}")).to_be_visible()
    button = page.locator('.rev__press [data-verdict="pick"]').bounding_box()
    assert button
    assert button["height"] >= 44
    assert button["y"] > 844 * 0.8  # where the thumb is

    swipe(page, -20, 0)  # too short: it would reject
    expect(page.locator(f"#card-{oldest}")).to_be_visible()
    swipe(page, 150, 10)
    expect(page.locator(f"#card-{middle}")).to_be_visible()
    swipe(page, 10, -150)
    expect(page.locator(f"#card-{newest}")).to_be_visible()
    page.locator('.rev__press [data-verdict="reject"]').tap()
    expect(page.locator("#end-h")).to_have_text("Nothing is left to decide.")

    assert seed("verdicts") == {oldest: "pick", middle: "maybe", newest: "reject"}


def test_two_clips_play_by_one_clock_and_each_is_decided(at: Page, team: Team, clips: list[str]):
    at.goto(f"{team.path}compare/?clips={clips[0]},{clips[1]}")
    at.wait_for_function("() => [...document.querySelectorAll('[data-pane] video')].every((video) => video.readyState >= 3)")
    found = violations_everywhere(at)

    at.keyboard.press(" ")
    at.wait_for_function(TOGETHER)
    at.keyboard.press(" ")
    times = at.evaluate(PAUSED_AT)
    assert times[0] == times[1]
    assert times[0].startswith("true")

    at.locator("#cmp-at").fill("700")
    expect(at.locator("#cmp-tc")).to_have_text("00:00.70")
    at.keyboard.press("2")
    at.keyboard.press("m")
    assert at.evaluate("() => [...document.querySelectorAll('[data-pane] video')].map((video) => video.muted)") == [True, False]
    at.keyboard.press("p")
    expect(at.locator(f"#decide-{clips[1]}")).to_contain_text("Picked by")
    at.keyboard.press("1")
    at.keyboard.press("r")
    expect(at.locator(f"#decide-{clips[0]}")).to_contain_text("Rejected by")
    assert found == []


def test_a_frame_becomes_the_reference_of_a_new_order_and_the_old_words_stay_within_reach(at: Page, team: Team, clips: list[str], seed: Seed):
    seed("hold_back")
    at.goto(team.path)
    with at.expect_response("**/draft/"):
        at.fill("#prompt", "A heron at dawn")
    at.goto(f"{team.path}clips/{clips[0]}/?t=0.5")
    at.wait_for_function("() => document.getElementById('video').currentTime === 0.5 && !document.getElementById('video').seeking")
    at.keyboard.press("n")

    at.wait_for_url(re.compile(rf"{team.path}(\?.*)?$"))
    expect(at.locator("#refs [data-ref]")).to_have_count(1)
    expect(at.locator("#draft-said")).to_contain_text("was put aside")
    at.fill("#prompt", "It goes on")
    at.get_by_role("button", name="Add a reference image").click()
    at.get_by_role("button", name="From a clip").click()
    at.locator(f'[data-frames-clip*="{clips[0]}"]').click()
    at.locator("#frames-at").fill("500")
    at.get_by_role("button", name="Use this frame").click()
    expect(at.locator("#frames")).to_be_hidden()
    expect(at.locator("#refs [data-ref]")).to_have_count(1)  # the same frame is the same image
    cards = at.locator("article.card")
    expect(cards).to_have_count(3)
    at.get_by_role("button", name="Generate").click()
    expect(cards).to_have_count(4)

    assert seed("last_order") == ["It goes on", clips[0], 500]
