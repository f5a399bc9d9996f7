"""The frame in a real browser: no barriers, no sideways scrolling, themes, keys and dialogs that behave."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import violations, violations_everywhere
from tests.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.looks]
PAGES = [
    "/p/DEMO/",
    "/p/DEMO/gallery/",
    "/p/DEMO/gallery/?show=undecided",
    "/p/DEMO/kept/",
    "/p/DEMO/links/new/",
    "/p/DEMO/settings/",
    "/mentions/",
    "/prompts/",
    "/prompts/new/",
    "/prompts/import/",
    "/credits/",
    "/credits/people/",
    "/credits/ask/",
    "/credits/requests/",
    "/audit/",
    "/people/",
    "/connections/",
    "/connections/new/",
    "/control/",
    "/control/doubt/",
    "/me/",
    "/projects/new/",
    "/sandbox/",
    "/nothing-here/",
]
WIDTHS = [320, 390, 600, 768, 1024, 1280, 1920]
STOP = """(() => {
  const element = document.activeElement, { outlineStyle, outlineWidth } = getComputedStyle(element);
  return element === document.body ? null : { html: element.outerHTML.slice(0, 120), style: outlineStyle, width: parseFloat(outlineWidth) };
})()"""


@pytest.mark.parametrize("path", PAGES)
def test_no_page_puts_up_a_barrier(at: Page, installation: Installation, path: str):
    at.goto(installation.address + path)
    assert violations_everywhere(at) == []


def test_no_dialog_of_the_frame_puts_up_a_barrier(at: Page, installation: Installation):
    at.goto(f"{installation.address}/me/")
    at.keyboard.press("?")
    expect(at.locator("#keys")).to_be_visible()
    assert violations(at) == []
    at.keyboard.press("Escape")
    at.set_viewport_size({"width": 390, "height": 844})
    at.locator("#tabbar button").click()
    expect(at.locator("#places")).to_be_visible()
    assert violations(at) == []


@pytest.mark.parametrize("path", ["/accounts/login/", "/accounts/password/reset/"])
def test_the_door_puts_up_no_barrier(page: Page, installation: Installation, path: str):
    page.goto(installation.address + path)
    assert violations(page) == []


def test_no_page_scrolls_sideways_at_any_width(at: Page, installation: Installation):
    too_wide = []
    for path in PAGES:
        at.goto(installation.address + path)
        for width in WIDTHS:
            at.set_viewport_size({"width": width, "height": 800})
            if at.evaluate("document.documentElement.scrollWidth > innerWidth"):
                too_wide.append((path, width))
    assert too_wide == []


def test_every_stop_of_the_tab_key_can_be_seen(at: Page, installation: Installation):
    at.goto(f"{installation.address}/people/")
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


def test_a_chosen_theme_is_kept_and_choosing_back_follows_the_system_again(at: Page, installation: Installation):
    at.emulate_media(color_scheme="dark")
    at.goto(f"{installation.address}/me/")
    theme = "document.documentElement.dataset.theme ?? 'system'"
    toggle = at.locator("#side [data-theme-toggle]")
    assert at.evaluate(theme) == "system"
    toggle.click()
    at.reload()
    assert at.evaluate(theme) == "light"
    toggle.click()
    assert at.evaluate(theme) == "system"
    assert at.evaluate("localStorage.getItem('theme')") is None


def test_keys_lead_around_but_not_while_typing_and_not_when_switched_off(at: Page, installation: Installation):
    at.goto(f"{installation.address}/me/")
    at.locator("#id_name").press("g")
    at.locator("#id_name").press("c")
    assert at.url.endswith("/me/")

    at.evaluate("document.activeElement.blur()")
    at.keyboard.press("g")
    at.keyboard.press("c")
    at.wait_for_url("**/credits/")

    at.keyboard.press("?")
    at.locator("[data-keys-switch]").uncheck()
    at.keyboard.press("Escape")
    at.keyboard.press("?")
    expect(at.locator("#keys")).to_be_hidden()


def test_a_dialog_closes_on_escape_and_gives_the_focus_back(at: Page, installation: Installation):
    at.goto(f"{installation.address}/me/")
    button = at.locator("#side [commandfor=keys]")
    button.click()
    expect(at.locator("#keys")).to_be_visible()
    at.keyboard.press("Escape")
    expect(at.locator("#keys")).to_be_hidden()
    expect(button).to_be_focused()


def test_a_toast_of_success_leaves_and_one_of_failure_stays(at: Page, installation: Installation):
    at.clock.install()
    at.goto(f"{installation.address}/me/")
    at.evaluate("import('app/toast').then(({ toast }) => { toast('Saved'); toast('Not saved', { tone: 'error' }); })")
    toasts = at.locator("#toasts .toast")
    expect(toasts).to_have_count(2)
    at.clock.run_for(6000)
    expect(toasts).to_have_count(1)
    expect(toasts).to_contain_text("Not saved")
    toasts.get_by_role("button", name="Close").click()
    expect(toasts).to_have_count(0)


def test_a_refused_request_of_htmx_changes_nothing_and_says_so(at: Page, installation: Installation):
    at.goto(f"{installation.address}/me/")
    at.evaluate("htmx.ajax('GET', '/nothing-here/', { target: '#main' })")
    expect(at.locator("#toasts")).to_contain_text("This is not there any more.")
    expect(at.locator("#id_name")).to_be_visible()


def test_old_times_are_told_in_words_and_survive_a_morph(at: Page, installation: Installation):
    at.goto(f"{installation.address}/me/")
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
