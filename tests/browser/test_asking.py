"""Out of credits, as two people meet it: one asks without losing the brief, the other grants, the first generates."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from tests.browser.accessibility import violations_everywhere
from tests.browser.conftest import OpenBrowser, Team
from tests.time_limits import milliseconds

# A toast of success leaves after five seconds, which may be over before this browser is looked at again.
REMEMBER_TOASTS = """() => {
  window.toasts = [];
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes) for (const one of addedNodes) window.toasts.push(one.textContent);
  }).observe(document.getElementById("toasts"), { childList: true });
}"""


def test_who_is_out_of_credits_asks_is_granted_and_generates_without_typing_again(open_browser: OpenBrowser, team: Team, seed: Callable[..., Any]):
    seed("take_credits", "alice")
    alice, dave = open_browser("alice"), open_browser("dave")
    alice.goto(team.path)
    alice.fill("#prompt", "A lighthouse in fog, slow push in")
    expect(alice.locator("#composer-why")).to_contain_text("are missing")
    found = violations_everywhere(alice)
    alice.get_by_role("button", name="Ask for").press("Enter")
    expect(alice.locator("#asked")).to_contain_text("Goes to")
    found += violations_everywhere(alice)
    alice.evaluate(REMEMBER_TOASTS)

    dave.goto("/credits/")
    expect(dave.locator('#side .navi[href="/credits/"] .navi__n')).to_contain_text("1")
    dave.get_by_role("link", name="Requests").click()
    expect(dave.locator(".request")).to_contain_text(f"A clip in {team.name}")
    found += violations_everywhere(dave)
    dave.locator(".request summary").press("Enter")
    found += violations_everywhere(dave)
    dave.locator(".request summary").press("Enter")
    dave.get_by_role("button", name="Grant").first.press("Enter")
    expect(dave.locator("#toasts")).to_contain_text("Granted")
    expect(dave.locator("#main")).to_contain_text("Nobody waits for credits.")

    alice.wait_for_function("() => window.toasts.some((words) => words.includes('Dave granted you'))", timeout=milliseconds(40))
    expect(alice.locator("#composer-why")).not_to_contain_text("are missing")
    expect(alice.locator("#prompt")).to_have_value("A lighthouse in fog, slow push in")
    expect(alice.locator(".quote")).to_contain_text("left after this")
    alice.get_by_role("button", name="Generate").click()
    expect(alice.locator("article.card")).to_contain_text("A lighthouse in fog, slow push in")
    assert found == []


def test_the_record_of_changes_tells_of_a_grant_and_is_accessible(open_browser: OpenBrowser, team: Team, seed: Callable[..., Any]):
    seed("grant", "alice", by="dave", reason="For the lighthouse")
    dave = open_browser("dave")
    dave.goto("/audit/")
    assert violations_everywhere(dave) == []
    dave.get_by_label("Who did it").fill(team.email("dave"))
    dave.get_by_label("About", exact=True).select_option("credits")
    dave.get_by_role("button", name="Show", exact=True).press("Enter")
    expect(dave.get_by_role("link", name="Show all")).to_be_visible()
    expect(dave.locator(".event")).to_have_count(1)
    expect(dave.locator(".event")).to_contain_text(team.email("alice"))
    expect(dave.locator(".event")).to_contain_text("For the lighthouse")
    with dave.expect_download() as download:
        dave.get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename.startswith("audit-")
