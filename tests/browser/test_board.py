"""The board as people live with it: a restarted server, two tabs, long boards, chosen cards, drafts; nothing jumps and nothing typed is lost."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Response, expect

from studio.jobs.board import PAGE
from tests.browser.accessibility import violations_everywhere
from tests.browser.composer import choose
from tests.browser.conftest import OpenBrowser, Team
from tests.browser.timers import WITHOUT_LATE_TIMERS
from tests.installation import Installation
from tests.time_limits import eventually, milliseconds

Seed = Callable[..., Any]
CODES = "[...document.querySelectorAll('#board .card')].map(card => card.dataset.code)"
TOP = "element => element.getBoundingClientRect().top"
# Counts how often the board asks by its poll: pulse.js dispatches an event for it.
COUNT_POLLS = "window.polls = 0; window.addEventListener('pulse', () => { window.polls += 1; }, true);"
SHOW = """hidden => {
  Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});
  document.dispatchEvent(new Event('visibilitychange'));
}"""


@pytest.fixture
def page(team: Team, open_browser: OpenBrowser) -> Page:
    """The browser of Alice, who makes."""
    return open_browser("alice")


def opened(page: Page, team: Team, query: str = "") -> Page:
    page.goto(f"{team.path}{query}")
    page.evaluate("window.neverReloaded = true")
    return page


def test_a_restarted_server_is_waited_for_and_caught_up_with_without_a_reload(page: Page, installation: Installation, team: Team, seed: Seed):
    seed("jobs", 1, "rendering")
    opened(page, team)
    page.locator("#prompt").fill("half a sentence about the ti")
    page.locator("#prompt").press("End")
    installation.stop()
    expect(page.locator("#behind")).to_be_visible(timeout=milliseconds(60))
    expect(page.locator("#behind")).to_contain_text(re.compile(r"Reconnecting. The board is \d+ s behind."))
    expect(page.locator("#live")).to_be_hidden()
    expect(page.locator("article.card")).to_have_count(1)
    page.keyboard.type("de")
    seed("move", 1, to="failed", cause="provider_failed")
    installation.start()
    expect(page.locator("article.card")).to_have_attribute("data-state", "failed", timeout=milliseconds(60))
    expect(page.locator("#behind")).to_be_hidden()
    expect(page.locator("#live")).to_be_visible()
    assert page.evaluate("window.neverReloaded") is True
    expect(page.locator("#prompt")).to_have_value("half a sentence about the tide")
    expect(page.locator("#prompt")).to_be_focused()
    eventually(lambda: "tide" in str(seed("drafts")), within=20)


def is_promised(response: Response) -> bool:
    """Whether the server holds an answer back for this page, so that it need not ask."""
    return response.url.endswith("/news/") and response.status == 200


def test_a_board_that_asks_nothing_hears_of_a_colleagues_order_and_asks_once(page: Page, team: Team, seed: Seed):
    asked: list[str] = []
    page.add_init_script(WITHOUT_LATE_TIMERS)
    with page.expect_response(is_promised):
        opened(page, team)
    page.on("request", lambda request: asked.append(request.url) if "/pulse/" in request.url else None)

    seed("jobs", 1, "sending", author="bob")

    expect(page.locator("article.card")).to_have_attribute("data-state", "sending")
    assert len(asked) == 1


def test_focus_scroll_and_words_survive_while_cards_come_and_change(page: Page, team: Team, seed: Seed):
    seed("jobs", 16, "rendering", progress=40)
    opened(page, team)
    page.locator("#prompt").fill("not ordered yet")
    link = page.locator(f"#clip-{team.code}-003 .card__prompt a")
    link.focus()
    link.scroll_into_view_if_needed()
    page.evaluate("document.fonts.ready.then(() => true)")  # words in another font take another height
    before = link.evaluate(TOP)
    seed("jobs", 4, "sending")
    seed("move", *range(1, 9), to="saving")
    expect(page.locator(f"#clip-{team.code}-020")).to_be_attached()
    expect(page.locator(f"#clip-{team.code}-003")).to_have_attribute("data-state", "saving")
    expect(link).to_be_focused()
    eventually(lambda: abs(link.evaluate(TOP) - before) < 2, within=5)  # the browser scrolls when it draws the next frame
    expect(page.locator("#prompt")).to_have_value("not ordered yet")
    assert page.evaluate(CODES) == [f"{team.code}-{number:03d}" for number in range(20, 0, -1)]
    assert page.evaluate("window.neverReloaded") is True


def test_older_cards_come_as_one_scrolls_and_stay_in_order(page: Page, team: Team, seed: Seed):
    seed("jobs", 45, "done")
    opened(page, team)
    expect(page.locator("article.card")).to_have_count(PAGE)
    for count in (2 * PAGE, 45):
        page.locator("#older a").scroll_into_view_if_needed()
        expect(page.locator("article.card")).to_have_count(count)
    assert page.evaluate(CODES) == [f"{team.code}-{number:03d}" for number in range(45, 0, -1)]
    expect(page.get_by_text("Show older")).to_have_count(0)


def test_a_filtered_board_takes_in_and_lets_go_but_nothing_from_under_a_hand(page: Page, team: Team, seed: Seed):
    seed("jobs", 4, "rendering", progress=40)
    opened(page, team, "?show=progress")
    page.locator(f"#clip-{team.code}-003 .card__prompt a").focus()
    seed("move", 2, 3, to="failed", cause="provider_failed")
    expect(page.locator(f"#clip-{team.code}-002")).to_have_count(0)
    expect(page.locator(f"#clip-{team.code}-003[data-gone]")).to_be_attached()
    expect(page.locator(f"#clip-{team.code}-003 .card__prompt a")).to_be_focused()
    page.locator("#prompt").focus()
    expect(page.locator(f"#clip-{team.code}-003")).to_have_count(0)
    seed("move", 2, to="rendering")
    expect(page.locator(f"#clip-{team.code}-002")).to_be_visible()
    assert page.evaluate(CODES) == [f"{team.code}-{number:03d}" for number in (4, 2, 1)]


def test_a_hidden_tab_asks_nothing_and_catches_up_when_it_is_shown(page: Page, team: Team, seed: Seed):
    seed("jobs", 1, "sending")
    page.clock.install()
    page.add_init_script(COUNT_POLLS)
    with page.expect_response(is_promised):
        opened(page, team)
    polls = page.evaluate(f"({SHOW})(true) ?? window.polls")
    assert polls > 0
    seed("move", 1, to="failed", cause="provider_failed")
    page.clock.run_for(120_000)
    assert page.evaluate("window.polls") == polls
    assert page.evaluate(f"({SHOW})(false) ?? window.polls") == polls + 1  # at once
    expect(page.locator("article.card")).to_have_attribute("data-state", "failed")


def test_waiting_orders_are_chosen_by_press_shift_and_key_held_back_and_cancelled_with_their_money_said(page: Page, team: Team, seed: Seed):
    seed("hold_back", "comet")
    seed("orders", 5)
    opened(page, team)
    picks = page.locator(".pick")
    expect(picks).to_have_count(5)
    picks.nth(0).click()
    picks.nth(2).click(modifiers=["Shift"])
    bar = page.locator("#chosen")
    expect(bar).to_contain_text("3 chosen")
    page.locator(f"#clip-{team.code}-002 .card__prompt a").focus()
    page.keyboard.press("x")
    expect(bar).to_contain_text("4 chosen")
    expect(bar.get_by_role("button", name="Pause 4")).to_contain_text("stay held")
    expect(bar.get_by_role("button", name="Cancel 4")).to_contain_text("come back")
    held = page.locator("#balance").inner_text()
    bar.get_by_role("button", name="Pause 4").click()
    expect(page.locator('[data-state="paused"]')).to_have_count(4)
    expect(page.locator("#toasts")).to_contain_text("4 orders are paused.")
    assert page.locator("#balance").inner_text() == held
    expect(bar).to_contain_text("Go on 4")
    page.once("dialog", lambda dialog: dialog.accept())
    bar.get_by_role("button", name="Cancel 4").click()
    expect(page.locator('[data-state="cancelled"]')).to_have_count(4)
    expect(bar).to_be_hidden()
    expect(page.locator("#toasts")).to_contain_text("4 orders are cancelled.")
    expect(page.locator("#balance")).not_to_have_text(held)

    page.locator(f"#clip-{team.code}-001 .more").click()
    menu = page.locator("#card-menu")
    expect(menu.get_by_role("button", name="First in line")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(menu.get_by_role("button", name="Pause")).to_be_focused()
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(page.locator(f"#clip-{team.code}-001 .more")).to_be_focused()
    page.locator(f"#clip-{team.code}-001 .more").press("Enter")
    menu.get_by_role("button", name="Pause").click()
    expect(page.locator(f"#clip-{team.code}-001")).to_have_attribute("data-state", "paused")


def test_choosing_has_no_accessibility_violations_in_either_theme_on_a_laptop_or_a_phone(page: Page, team: Team, seed: Seed):
    seed("hold_back", "comet")
    seed("orders", 2)
    opened(page, team)
    page.locator(".pick").first.check()
    expect(page.locator("#chosen button[value=cancel]")).to_be_visible()
    page.locator(".more").first.click()
    expect(page.locator("#card-menu button").first).to_be_visible()
    assert violations_everywhere(page) == []
    expect(page.locator("#chosen button[value=cancel]")).to_be_visible()
    expect(page.locator("#card-menu button").first).to_be_visible()


def test_a_finger_chooses_too(open_browser: OpenBrowser, team: Team, seed: Seed):
    seed("hold_back", "comet")
    seed("orders", 1)
    page = opened(open_browser("alice", phone=True), team)
    page.locator(".pick").tap()
    expect(page.locator("#chosen")).to_contain_text("1 chosen")
    page.locator("#chosen button[value=pause]").tap()
    expect(page.locator("article.card")).to_have_attribute("data-state", "paused")


RECORDER = """
window.told = [];
window.Notification = class extends EventTarget {
  static permission = "default";
  static requestPermission() { this.permission = "granted"; return Promise.resolve("granted"); }
  constructor(title) { super(); window.told.push(title); }
  close() {}
};
"""


def test_a_hidden_page_tells_when_ones_own_clip_ends_if_that_was_asked_for(page: Page, team: Team, seed: Seed):
    seed("jobs", 1, "sending")
    page.clock.install()
    page.add_init_script(RECORDER)
    opened(page, team)
    assert page.evaluate("Notification.permission") == "default"  # nobody is asked unasked
    page.locator("#notify").click()
    expect(page.locator("#notify")).to_have_attribute("aria-pressed", "true")
    page.evaluate(SHOW, True)
    seed("move", 1, to="failed", cause="provider_failed")
    page.clock.run_for(35_000)  # a hidden page asks every 30 s, ±15 %
    eventually(lambda: page.evaluate("window.told"), within=20)
    assert page.evaluate("window.told") == [f"{team.code}-001 failed"]
    page.locator("#notify").click()
    expect(page.locator("#notify")).to_have_attribute("aria-pressed", "false")


def test_what_ended_while_one_was_away_is_marked_until_one_has_looked(page: Page, team: Team, seed: Seed):
    seed("jobs", 1, "rendering")
    opened(page, team)
    expect(page.locator("article.card")).to_have_count(1)
    page.goto("/me/")
    eventually(lambda: seed("has_looked", "alice"), within=10)
    seed("move", 1, to="failed", cause="provider_failed")
    opened(page, team)
    expect(page.locator("article.card .tag--new")).to_be_visible()
    page.goto("/me/")
    eventually(lambda: seed("has_looked", "alice"), within=10)
    opened(page, team)
    expect(page.locator("article.card")).to_have_count(1)
    expect(page.locator(".tag--new")).to_have_count(0)


# Drafts


WORDS = "شاطئ أسود 🏖️👩‍👩‍👧\nsecond line, <b>not bold</b>"


def test_a_draft_survives_a_reload_and_signing_out_and_is_gone_when_it_was_ordered(page: Page, installation: Installation, team: Team, seed: Seed):
    seed("hold_back", "comet")
    opened(page, team)
    page.locator("#prompt").fill(WORDS)
    eventually(lambda: "second line" in str(seed("drafts")), within=10)
    page.reload()
    expect(page.locator("#prompt")).to_have_value(WORDS)
    page.goto("about:blank")
    page.context.clear_cookies()
    page.context.add_cookies([{"name": "sessionid", "value": seed("sign_in", "alice"), "url": installation.address}])
    opened(page, team)
    expect(page.locator("#prompt")).to_have_value(WORDS)
    choose(page, "CometAPI")
    page.locator("#composer [type=submit]").click()
    expect(page.locator("article.card")).to_have_count(1)
    expect(page.locator("article.card .card__prompt")).to_contain_text("second line, <b>not bold</b>")
    page.reload()
    expect(page.locator("#prompt")).to_have_value("")


def test_a_text_that_is_left_at_once_is_kept_too(page: Page, team: Team):
    opened(page, team)
    page.locator("#prompt").fill("typed and left")
    opened(page, team)
    expect(page.locator("#prompt")).to_have_value("typed and left")


def test_an_older_tab_is_told_and_replaces_nothing_by_itself(page: Page, team: Team, seed: Seed):
    old, new = opened(page, team), opened(page.context.new_page(), team)
    new.locator("#prompt").fill("the newer text")
    eventually(lambda: "newer" in str(seed("drafts")), within=10)
    old.locator("#prompt").fill("an older text")
    said = old.locator("#draft-said")
    expect(said).to_contain_text("“the newer text”")
    assert "newer" in str(seed("drafts"))
    said.get_by_role("button", name="Take the other").click()
    expect(old.locator("#prompt")).to_have_value("the newer text")
    new.locator("#prompt").fill("newer still")
    eventually(lambda: "still" in str(seed("drafts")), within=10)
    old.locator("#prompt").fill("this one is right")
    expect(said).to_contain_text("“newer still”")
    said.get_by_role("button", name="Keep this one").click()
    eventually(lambda: "this one is right" in str(seed("drafts")), within=10)
    expect(said).to_be_empty()


def test_without_an_answer_a_draft_stays_in_the_browser_and_follows_later(page: Page, team: Team, seed: Seed):
    page.clock.install()
    opened(page, team)
    page.route("**/draft/", lambda route: route.abort())
    page.locator("#prompt").fill("written in a tunnel")
    expect(page.locator("#draft-said")).to_contain_text("Not kept on the server yet")
    opened(page, team)
    expect(page.locator("#prompt")).to_have_value("written in a tunnel")
    expect(page.locator("#draft-said")).to_contain_text("Not kept on the server yet")
    for _ in range(2):  # it is sent again every 5 s, however often it is lost
        with page.expect_request("**/draft/"):
            page.clock.run_for(6_000)
    page.unroute("**/draft/")
    page.clock.run_for(6_000)
    eventually(lambda: "tunnel" in str(seed("drafts")), within=20)
    expect(page.locator("#draft-said")).to_be_empty()


def test_what_was_being_written_is_within_reach_after_order_again(page: Page, team: Team, seed: Seed):
    seed("jobs", 1, "failed", cause="moderated")
    opened(page, team)
    page.locator("#prompt").fill("my own words")
    page.get_by_role("link", name="Edit prompt").click()
    expect(page.locator("#prompt")).to_have_value(re.compile("Slow dolly"))
    eventually(lambda: "Slow dolly" in str(seed("drafts")), within=20)
    page.locator("#draft-said").get_by_role("button", name="Bring it back").click()
    expect(page.locator("#prompt")).to_have_value("my own words")
    expect(page.locator("#draft-said")).to_be_empty()
