"""The control room in a real browser: an ill provider is seen, an order in doubt is resolved by keyboard, and nothing jumps while it refreshes itself."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import violations_everywhere
from tests.browser.conftest import OpenBrowser
from tests.installation import Installation, installed

BEGIN_REFRESH = """() => {
  let begun = window.refreshed = false;
  const isPoll = (e) => e.detail.ctx.sourceElement?.id === "room-poll";
  document.addEventListener("htmx:before:request", (e) => { begun ||= isPoll(e); });
  document.addEventListener("htmx:finally:request", (e) => { window.refreshed ||= begun && isPoll(e); });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
PLACE = """one => {
  const own = one.getBoundingClientRect(), list = one.closest("#fares").getBoundingClientRect();
  return [own.x - list.x, own.y - list.y, own.width, own.height];
}"""


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation of its own: the control room shows all of it, and an ill provider would be in the way of other tests."""
    with installed(Path(tmp_path_factory.mktemp("control-room")), STUDIO_WORKERS="1") as running:
        yield running


@pytest.fixture
def code(seed: Callable[..., Any]) -> str:
    """The one order in doubt; CometAPI is ill."""
    found: str = seed("order_in_doubt")
    return found


@pytest.fixture
def at(open_browser: OpenBrowser, code: str) -> Page:
    """Ada's browser."""
    return open_browser("ada")


def refresh(page: Page) -> None:
    """What happens every five seconds, and when a page is shown again. A request that is on its way knows nothing of what was just changed."""
    page.evaluate(BEGIN_REFRESH)
    page.wait_for_function("() => window.refreshed")


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the element with this accessible name has the focus."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("(document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent).trim()") == name:
            return
    raise AssertionError(f"no stop of the Tab key is called {name}")


def test_room_inbox_dialog_and_prices_have_no_accessibility_violations(at: Page, code: str):
    at.goto("/control/")
    expect(at.get_by_role("heading", name="things need somebody")).to_be_visible()
    expect(at.locator("#needs")).to_contain_text("CometAPI (sandbox) takes no orders.")
    expect(at.locator("#needs")).to_contain_text("1 order in doubt waits")
    at.locator("details.kinds summary").click()
    found = violations_everywhere(at)

    at.locator("#fares").get_by_role("link", name="CometAPI (sandbox)").click()
    for panel in at.locator("details.adding summary").all():
        panel.click()
    found += violations_everywhere(at)

    at.goto("/control/doubt/")
    found += violations_everywhere(at)
    at.get_by_role("button", name=f"Here is its id: {code}").click()
    expect(at.get_by_label("Its id at the provider")).to_be_focused()
    found += violations_everywhere(at)
    assert found == []


def test_a_refresh_moves_no_focus_closes_nothing_and_shows_what_is_new(at: Page, installation: Installation):
    at.goto("/control/")
    tab_to(at, "By kind of order at CometAPI (sandbox)")
    at.keyboard.press("Enter")
    opened = at.locator("details.kinds")
    expect(opened).to_have_attribute("open", "")
    before = opened.evaluate(PLACE)

    refresh(at)
    assert opened.evaluate(PLACE) == before
    expect(opened).to_have_attribute("open", "")
    expect(opened.locator("summary")).to_be_focused()

    installation.ask("from studio.routing.models import Connection; Connection.objects.filter(provider='xai').update(enabled=False)")
    refresh(at)
    expect(at.locator(".fare", has_text="xAI (sandbox)")).to_contain_text("Off")
    expect(opened).to_have_attribute("open", "")
    expect(opened.locator("summary")).to_be_focused()


def test_an_installation_that_is_away_is_said_and_comes_back(at: Page):
    at.goto("/control/")
    at.route("**/control/", lambda route: route.abort())
    at.wait_for_function("""() => {
      dispatchEvent(new Event("online"));  // as often as it is asked, one request at a time
      return document.getElementById("live").hasAttribute("data-behind");
    }""")
    expect(at.locator("#live")).to_contain_text("Reconnecting")
    expect(at.locator("#toasts .toast")).to_have_count(0)

    at.unroute("**/control/")
    refresh(at)
    expect(at.locator("#live")).to_contain_text("Live")


def test_an_order_in_doubt_is_resolved_by_keyboard(at: Page, code: str):
    at.goto("/control/doubt/")
    button = at.get_by_role("button", name=f"It was never made: {code}")
    tab_to(at, f"It was never made: {code}")
    at.keyboard.press("Enter")
    reason = at.get_by_label("Reason")
    expect(reason).to_be_focused()
    at.keyboard.press("Escape")
    expect(button).to_be_focused()
    expect(at.locator("#verdict")).not_to_contain_text(code)  # the next one must not open with this one's form

    at.keyboard.press("Enter")
    expect(reason).to_be_focused()
    at.keyboard.press("Enter")
    expect(at.locator("#verdict")).to_contain_text("Say how you know, or why you decide so.")
    expect(reason).to_be_focused()
    at.keyboard.type("Their console shows no such order")
    at.keyboard.press("Enter")

    expect(at.locator("#toasts")).to_contain_text(f"{code} is over: it was never made")
    expect(at.get_by_role("heading", name="Nothing is in doubt")).to_be_visible()
    expect(at.locator("#nav-side .navi__n")).to_have_count(0)


def test_a_pause_is_ended_from_the_room(at: Page):
    at.goto("/control/")
    at.locator("#fares").get_by_role("button", name="Try now: CometAPI (sandbox)").click()

    expect(at.locator("#toasts")).to_contain_text("CometAPI (sandbox) takes orders again.")
    expect(at.locator(".fare", has_text="CometAPI (sandbox)").locator(".pill")).to_have_text("On")


def test_an_alert_is_settled_by_keyboard_and_the_person_gets_the_difference_back(at: Page, seed: Callable[..., Any]):
    code = seed("alert")
    at.goto("/control/alerts/")
    found = violations_everywhere(at)
    alert = at.locator(".doubt", has_text=code)
    expect(alert).to_contain_text("says that the clip was free; the estimate was charged.")
    alert.get_by_role("radio", name="Charge another amount").focus()
    at.keyboard.press("Space")
    at.keyboard.press("Tab")
    at.keyboard.press("Tab")
    at.keyboard.type("Their console shows a quarter")
    at.keyboard.press("Enter")
    expect(alert).to_contain_text("Enter the amount in credits.")
    expect(alert.get_by_label("Reason")).to_have_value("Their console shows a quarter")
    found += violations_everywhere(at)
    alert.get_by_label("Amount in credits").fill("14")
    at.keyboard.press("Enter")
    expect(at.locator("#toasts")).to_contain_text(f"{code} is settled: 14 credits are charged for this try.")
    expect(at.get_by_role("heading", name="No open alerts")).to_be_visible()
    assert found == []
