"""The frame in a real browser: accessible pages that never scroll sideways, themes, keys and dialogs that behave."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.accessibility import scan, violations
from tests.browser.conftest import Team

STOP = """(() => {
  const element = document.activeElement, { outlineStyle, outlineWidth } = getComputedStyle(element);
  return element === document.body ? null : { html: element.outerHTML.slice(0, 120), style: outlineStyle, width: parseFloat(outlineWidth) };
})()"""


def test_the_pages_of_a_project_are_accessible_at_every_width(at: Page, team: Team, clips: list[str]):
    found = scan(at, [team.path + path for path in ("", "gallery/", "gallery/?show=undecided", "kept/", "links/new/", "settings/")])
    assert found == []


def test_the_pages_about_prompts_are_accessible_at_every_width(at: Page):
    assert scan(at, ("/prompts/", "/prompts/new/", "/prompts/import/", "/mentions/", "/me/")) == []


def test_the_pages_about_credits_are_accessible_at_every_width(at: Page):
    assert scan(at, [f"/credits/{page}" for page in ("", "people/", "ask/", "requests/")]) == []


def test_the_pages_about_connections_are_accessible_at_every_width(at: Page, seed: Callable[..., Any]):
    seed("asked_of_sandbox")
    seed("fault", "xai", "usage_absurd")
    assert scan(at, ("/connections/", "/connections/new/", "/control/", "/control/doubt/", "/sandbox/")) == []


def test_the_pages_about_people_and_changes_are_accessible_at_every_width(at: Page, seed: Callable[..., Any]):
    seed("grant", "alice", by="dave", reason="For the lighthouse")
    assert scan(at, ("/audit/", "/people/", "/projects/new/", "/nothing-here/")) == []


def test_the_pages_for_signing_in_are_accessible_at_every_width(page: Page):
    assert scan(page, ("/accounts/login/", "/accounts/password/reset/")) == []


def test_the_dialogs_of_the_frame_have_no_accessibility_violations(at: Page):
    at.goto("/me/")
    at.keyboard.press("?")
    expect(at.locator("#keys").get_by_text("This list")).to_be_visible()
    assert violations(at) == []
    at.keyboard.press("Escape")
    at.set_viewport_size({"width": 390, "height": 844})
    at.locator("#tabbar button").click()
    expect(at.locator("#places")).to_be_visible()
    assert violations(at) == []


def test_every_stop_of_the_tab_key_can_be_seen(at: Page):
    at.goto("/people/")
    stops: list[dict[str, str | float]] = []
    for _ in range(60):
        at.keyboard.press("Tab")
        stop = at.evaluate(STOP)
        if stop is None:  # past the last one
            break
        stops.append(stop)
    unseen = [stop for stop in stops if stop["style"] == "none" or float(stop["width"]) < 1.5]
    assert len(stops) > 10
    assert unseen == []


def test_a_chosen_theme_is_kept_and_choosing_back_follows_the_system_again(at: Page):
    at.emulate_media(color_scheme="dark")
    at.goto("/me/")
    theme = "document.documentElement.dataset.theme ?? 'system'"
    toggle = at.locator("#side [data-theme-toggle]")
    assert at.evaluate(theme) == "system"
    toggle.click()
    at.reload()
    assert at.evaluate(theme) == "light"
    toggle.click()
    assert at.evaluate(theme) == "system"
    assert "theme" not in at.evaluate("document.cookie")


def test_keys_lead_around_but_not_while_typing_and_not_when_switched_off(at: Page):
    at.goto("/me/")
    visits: list[str] = []
    at.on("request", lambda request: visits.append(request.url) if request.is_navigation_request() else None)
    at.locator("#id_name").press_sequentially("gc")
    at.evaluate("document.activeElement.blur()")
    at.keyboard.type("gc")
    at.wait_for_url("**/credits/")
    assert len(visits) == 1

    at.keyboard.press("?")
    at.locator("[data-keys-switch]").uncheck()
    at.keyboard.press("Escape")
    expect(at.locator("#keys")).to_be_hidden()
    at.keyboard.press("?")  # answered by the time that this returns
    expect(at.locator("#keys")).to_be_hidden()


def test_a_dialog_closes_on_escape_and_gives_the_focus_back(at: Page):
    at.goto("/me/")
    button = at.locator("#side [commandfor=keys]")
    button.click()
    expect(at.locator("#keys")).to_be_visible()
    at.keyboard.press("Escape")
    expect(at.locator("#keys")).to_be_hidden()
    expect(button).to_be_focused()


def test_a_toast_of_success_leaves_and_one_of_failure_stays(at: Page):
    at.clock.install(time="2026-01-01")
    at.goto("/me/")
    at.clock.pause_at("2026-01-02")
    at.evaluate("import('app/toast').then(({ toast }) => { toast('Saved'); toast('Not saved', { tone: 'error' }); })")
    toasts = at.locator("#toasts .toast")
    expect(toasts).to_have_count(2)
    at.clock.run_for(6000)
    expect(toasts).to_have_count(1)
    expect(toasts).to_contain_text("Not saved")
    toasts.get_by_role("button", name="Close").click()
    expect(toasts).to_have_count(0)


def test_a_refused_request_of_htmx_changes_nothing_and_says_so(at: Page):
    at.goto("/me/")
    at.evaluate("htmx.ajax('GET', '/nothing-here/', { target: '#main' })")
    expect(at.locator("#toasts")).to_contain_text("This is not there any more.")
    expect(at.locator("#id_name")).to_be_visible()


def test_old_times_are_told_in_words_and_survive_a_morph(at: Page):
    at.goto("/me/")
    shown = at.evaluate(
        """async () => {
          const element = document.createElement('time-ago');
          element.setAttribute('datetime', new Date(Date.now() - 5 * 60_000).toISOString());
          element.textContent = '14:32';
          document.querySelector('#main').append(element);
          element.textContent = '14:32';
          return [element.shadowRoot.textContent, element.textContent];
        }"""
    )
    assert shown == ["5 min ago", "14:32"]
