"""Ways around and ways in: the palette, the map, what would open a connection, keys alone, a finger alone, a pasted picture, a laptop that slept."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.accessibility import violations_everywhere
from tests.browser.composer import choose
from tests.browser.conftest import OpenBrowser, Team
from tests.browser.timers import WITHOUT_LATE_TIMERS
from tests.time_limits import eventually, milliseconds

Seed = Callable[..., Any]
PASSWORD = "correct horse battery"
FOCUS = "document.activeElement.matches({!r})"
DRAWN_TWICE = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
PASTE = """async () => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 48 });
  canvas.getContext("2d").fillRect(0, 0, 64, 48);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  const clipboardData = new DataTransfer();
  clipboardData.items.add(new File([blob], "screenshot.png", { type: "image/png" }));
  document.getElementById("prompt").dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
}"""


@pytest.fixture
def at(team: Team, open_browser: OpenBrowser) -> Page:
    """The browser of Alice, who makes."""
    return open_browser("alice")


def test_the_palette_leads_by_keys_to_a_clip_to_an_action_and_back_to_where_one_was(at: Page, team: Team, make_clips: Callable[..., list[str]]):
    (heron,) = make_clips(1, prompt="A heron in the reeds")
    at.goto("/me/")
    at.locator("#id_name").focus()
    at.keyboard.press("Control+k")
    field, chosen = at.locator("#palette-q"), at.locator('#palette-list [aria-selected="true"]')
    expect(field).to_be_focused()
    expect(at.locator("#palette-list")).to_contain_text("Go to")
    assert violations_everywhere(at) == []
    at.keyboard.press("Escape")
    expect(at.locator("#id_name")).to_be_focused()

    at.keyboard.press("Control+k")
    at.keyboard.type("nothing is called so")
    expect(at.locator("#palette-none")).to_contain_text("Nothing here is called")
    field.fill("dark")
    expect(chosen).to_contain_text("Switch between dark and light")
    theme = at.evaluate("document.documentElement.dataset.theme")
    at.keyboard.press("Enter")
    expect(at.locator("#palette")).to_be_hidden()
    assert at.evaluate("document.documentElement.dataset.theme") != theme

    at.keyboard.press("Control+k")
    at.keyboard.type("heron")
    expect(chosen).to_contain_text("A heron in the reeds")
    assert at.evaluate("document.getElementById('palette-q').getAttribute('aria-activedescendant')") == chosen.get_attribute("id")
    at.keyboard.press("Enter")
    at.wait_for_url(f"**{team.path}clips/{heron}/**")


def test_the_palette_finds_what_the_page_can_do_in_any_script(at: Page, team: Team):
    at.goto("/me/")
    at.evaluate("""document.querySelector('#main').insertAdjacentHTML('beforeend', '<button data-palette="Großes Café 橘猫在雨中">x</button>')""")
    at.keyboard.press("Control+k")
    for words in ("GROSSES", "cafe", "CAFE\u0301", "雨中", "橘猫"):
        at.locator("#palette-q").fill(words)
        expect(at.locator('#palette-list [aria-selected="true"]')).to_contain_text("Großes Café 橘猫在雨中")
        at.locator("#palette-q").fill("nothing is called so")
        expect(at.locator("#palette-none")).to_contain_text("Nothing here is called")


def test_the_palette_says_that_nobody_answers_and_keeps_what_the_page_can_do(at: Page, team: Team):
    at.goto(team.path)
    at.route("**/found/**", lambda route: route.abort())
    at.keyboard.press("Control+k")
    expect(at.locator("#palette-none")).to_contain_text("No answer")
    at.keyboard.type("generate")
    expect(at.locator('#palette-list [aria-selected="true"]')).to_contain_text("Generate")


def test_the_palette_says_that_it_looks_only_while_it_does(at: Page, team: Team):
    at.goto(team.path)
    at.keyboard.press("Control+k")
    field, found = at.locator("#palette-q"), at.locator("#palette-list")
    expect(found).to_contain_text("Go to")
    at.route("**/found/**", lambda _: None)  # from now on nobody answers
    field.fill("heron")
    expect(found).to_have_attribute("aria-busy", "true")
    field.fill("")  # which was answered before
    expect(found).not_to_have_attribute("aria-busy", "true")


def test_the_palette_works_by_finger(open_browser: OpenBrowser, team: Team):
    phone = open_browser("alice", phone=True)
    phone.goto("/credits/")
    phone.locator(".top [data-palette-open]").tap()
    expect(phone.locator("#palette-q")).to_be_focused()
    phone.keyboard.type("gallery")
    # The list is drawn once more with the answer: a finger that comes down before would lift from another line.
    expect(phone.locator('#palette-list [aria-selected="true"]')).to_contain_text(f"Gallery of {team.name}")
    phone.locator("#palette-list").get_by_text(f"Gallery of {team.name}").tap()
    phone.wait_for_url(f"**{team.path}gallery/")


def test_the_map_holds_what_works_on_the_page_and_nothing_else(at: Page, team: Team):
    for path, has, lacks in ((team.path, "Generate, while you write", "Full screen"), ("/prompts/", "New prompt", "Generate, while you write")):
        at.goto(path)
        at.evaluate("document.activeElement.blur()")
        at.keyboard.press("?")
        expect(at.locator("#keys").get_by_text(has)).to_be_visible()
        expect(at.locator("#keys").get_by_text(lacks)).to_be_hidden()


def test_why_a_connection_cannot_do_it_follows_what_is_typed_and_what_would_open_it_is_made_by_a_press_alone(at: Page, team: Team):
    at.goto(team.path)
    choose(at, "TTAPI")
    at.locator("#composer [name=duration]").select_option("20")
    at.locator("#prompt").fill("tide " * 900)
    at.locator("#route-btn").click()
    xai = at.locator("label.route", has_text="xAI (sandbox)")
    expect(xai).to_contain_text("not 20 s")
    expect(xai).to_contain_text("With at most 4,096 characters and at 15 s it can, for")
    at.keyboard.press("Escape")
    at.locator("#prompt").fill("the tide at dusk")
    choose(at, "xAI")
    expect(at.locator("#opening-said")).to_contain_text("At 15 s it can, for 105 credits.")
    expect(at.locator("#composer [name=duration]")).to_have_value("20")
    at.get_by_role("button", name="Change it").press("Enter")
    expect(at.locator("#composer [name=duration]")).to_have_value("15")
    expect(at.locator("#opening-said")).to_have_count(0)
    expect(at.locator(".quote")).to_contain_text("105 credits")
    expect(at.locator("#prompt")).to_have_value("the tide at dusk")


def test_the_list_of_connections_stays_under_its_button_while_one_walks_through_it(at: Page, team: Team):
    at.goto(team.path)
    asking = at.locator("#composer-bar.htmx-request")
    with at.expect_response("**/options/**"):
        at.locator("#route-btn").click()
    expect(asking).to_have_count(0)
    with at.expect_response("**/options/**"):
        at.locator("#routes input:checked").press("ArrowDown")
    expect(asking).to_have_count(0)
    at.evaluate(DRAWN_TWICE)
    panel, button = at.locator("#routes").bounding_box(), at.locator("#route-btn").bounding_box()
    assert panel
    assert button
    assert panel["x"] >= button["x"]
    assert panel["y"] > button["y"]
    expect(at.locator("#route-btn")).to_have_attribute("aria-expanded", "true")


def test_a_picture_is_pasted_into_the_composer_and_goes_with_the_draft(at: Page, team: Team):
    at.goto(team.path)
    before = at.locator("#refs [data-ref]").count()
    at.locator("#prompt").fill("with a picture")
    at.evaluate(PASTE)
    expect(at.locator("#refs [data-ref]")).to_have_count(before + 1)
    expect(at.locator("#refs [data-ref] img").last).to_be_visible()
    expect(at.locator("#prompt")).to_have_value("with a picture")
    at.locator("#refs [data-ref-remove]").last.press("Enter")
    expect(at.locator("#refs [data-ref]")).to_have_count(before)


def test_by_keys_alone_from_the_sign_in_to_a_clip_that_is_picked(page: Page, team: Team, seed: Seed):
    seed("set_password", "bob", PASSWORD)
    page.goto("/")
    tab_to(page, "[name=login]")
    page.keyboard.type(team.email("bob"))
    tab_to(page, "[name=password]")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{team.path}")
    expect(page.locator("#guide-maker")).to_contain_text("Write a prompt")
    page.keyboard.press("c")
    page.keyboard.type("A lantern on a still lake")
    tab_to(page, "[name=duration]")
    with page.expect_response("**/options/**"):
        page.keyboard.press("Home")  # the shortest clip is made soonest
    page.keyboard.press("Control+Enter")
    card = page.locator("article.card", has_text="A lantern on a still lake")
    expect(card).to_have_attribute("data-state", "done", timeout=milliseconds(60))
    expect(page.locator("#guide-maker [data-done]")).to_have_count(2)
    tab_to(page, ".card__prompt a")
    page.keyboard.press("Enter")
    page.wait_for_url("**/clips/**")
    page.keyboard.press("Space")
    eventually(lambda: page.evaluate("!document.getElementById('video').paused"), within=20)
    page.keyboard.press("1")
    expect(page.locator(".verdicts [data-verdict=pick]")).to_have_attribute("aria-pressed", "true")


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until the focus is there."""
    for _ in range(60):
        if page.evaluate(FOCUS.format(selector)):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab never came to {selector}")


def test_by_finger_alone_on_a_phone_the_same_story(open_browser: OpenBrowser, team: Team, seed: Seed):
    seed("set_password", "bob", PASSWORD)
    seed("jobs", 1, "cancelled", author="bob", duration=1, resolution="480p")  # a new order is like the last one: this one is made sooner
    phone = open_browser(phone=True)
    phone.goto("/")
    phone.locator("[name=login]").tap()
    expect(phone.locator("[name=login]")).to_be_focused()
    phone.keyboard.type(team.email("bob"))
    phone.locator("[name=password]").tap()
    expect(phone.locator("[name=password]")).to_be_focused()
    phone.keyboard.type(PASSWORD)
    phone.get_by_role("button", name="Sign in").tap()
    phone.wait_for_url(f"**{team.path}")
    phone.locator("#prompt").tap()
    expect(phone.locator("#prompt")).to_be_focused()
    phone.keyboard.type("A kite that pulls")
    phone.locator("#composer [type=submit]").tap()
    card = phone.locator("article.card", has_text="A kite that pulls")
    expect(card).to_have_attribute("data-state", "done", timeout=milliseconds(60))
    card.locator(".card__prompt a").tap()
    phone.wait_for_url("**/clips/**")
    phone.locator(".verdicts [data-verdict=pick]").tap()
    expect(phone.locator(".verdicts [data-verdict=pick]")).to_have_attribute("aria-pressed", "true")
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_laptop_that_slept_does_not_wait_for_an_answer_that_never_comes(at: Page, team: Team, seed: Seed):
    seed("jobs", 1, "rendering")
    polls: list[str] = []

    def lose_the_first(route: Route) -> None:  # and keep it: a route that is taken back lets what it held go on
        polls.append(route.request.url)
        if len(polls) > 1:
            route.continue_()

    at.add_init_script(WITHOUT_LATE_TIMERS)
    at.route("**/pulse/**", lose_the_first)
    with at.expect_request("**/pulse/**"):
        at.goto(team.path)
    seed("move", 1, to="cancelled", message="Cancelled by Ada")
    card = at.locator(f"#clip-{team.code}-001")
    expect(card).to_have_attribute("data-state", "rendering")
    at.evaluate("(() => { const now = Date.now; Date.now = () => now() + 1_800_000; })()")
    expect(card).to_have_attribute("data-state", "cancelled")
