"""The frame in a real browser: no barriers, no sideways scrolling, themes, keys and dialogs that behave."""

from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.looks]
AXE = (Path(__file__).parent.parent / "vendor/axe/axe.min.js").read_text()
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LOOKS: list[tuple[int, Literal["dark", "light"]]] = [(390, "light"), (1440, "dark")]
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
WIDE = """async () => {  // what is too wide, once what was resized has come to rest
  for (let turn = 0; turn < 20 && document.documentElement.scrollWidth > innerWidth; turn++) await new Promise(requestAnimationFrame);
  if (document.documentElement.scrollWidth <= innerWidth) return [];
  const over = [...document.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().right > innerWidth + 1);
  return over.slice(0, 5).map((one) => one.outerHTML.slice(0, 120)).concat(document.documentElement.scrollWidth);
}"""
STOP = """(() => {
  const element = document.activeElement, { outlineStyle, outlineWidth } = getComputedStyle(element);
  return element === document.body ? null : { html: element.outerHTML.slice(0, 120), style: outlineStyle, width: parseFloat(outlineWidth) };
})()"""
SESSION = """
from studio.accounts.models import User
from tests.browser.session import key_of
admin = User.objects.filter(role="admin").first()
print(key_of(admin))
"""


@pytest.fixture(scope="session")
def admin_session(installation: Installation) -> str:
    return installation.ask(SESSION).splitlines()[-1]


@pytest.fixture
def at(page: Page, context: BrowserContext, installation: Installation, admin_session: str) -> Page:
    """The admin's browser."""
    context.add_cookies([{"name": "sessionid", "value": admin_session, "url": installation.address}])
    return page


# What still fades between two themes or states has colours that nobody is meant to read.
AT_REST = "() => Promise.allSettled(document.getAnimations().filter(one => one.effect.getComputedTiming().endTime < 5000).map(one => one.finished))"


def barriers(page: Page) -> list[str]:
    """What axe finds, twice: a page that was just swapped or resized under the scan is looked at again, a barrier stays."""
    first = _scan(page)
    return [barrier for barrier in _scan(page) if barrier in first] if first else []


def barriers_everywhere(page: Page) -> list[str]:
    """Light on a phone, dark on a laptop: a theme changes colours and a width the layout. The page is as it was afterwards."""
    found = []
    for width, theme in LOOKS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        found += barriers(page)
        wide = page.evaluate(WIDE)
        assert not wide, f"{page.url} scrolls sideways at {width}: {wide}"
    return found


def _scan(page: Page) -> list[str]:
    page.wait_for_function("() => !document.querySelector('.htmx-request')")
    page.evaluate(AT_REST)
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(AXE)
    found = page.evaluate("runOnly => axe.run(document, {runOnly, resultTypes: ['violations']})", TAGS)["violations"]
    return [f"{page.url} {violation['id']}: {node['html'][:120]} {node['failureSummary']}" for violation in found for node in violation["nodes"]]


@pytest.mark.parametrize("path", PAGES)
def test_no_page_puts_up_a_barrier(at: Page, installation: Installation, path: str):
    at.goto(installation.address + path)
    assert barriers_everywhere(at) == []


def test_no_dialog_of_the_frame_puts_up_a_barrier(at: Page, installation: Installation):
    at.goto(f"{installation.address}/me/")
    at.keyboard.press("?")
    expect(at.locator("#keys")).to_be_visible()
    assert barriers(at) == []
    at.keyboard.press("Escape")
    at.set_viewport_size({"width": 390, "height": 844})
    at.locator("#tabbar button").click()
    expect(at.locator("#places")).to_be_visible()
    assert barriers(at) == []


@pytest.mark.parametrize("path", ["/accounts/login/", "/accounts/password/reset/"])
def test_the_door_puts_up_no_barrier(page: Page, installation: Installation, path: str):
    page.goto(installation.address + path)
    assert barriers(page) == []


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
