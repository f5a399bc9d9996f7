"""Removing a member in real browsers: by keyboard in the dialog, on a phone, and as a page without scripts."""

from playwright.sync_api import Browser, Page, expect

from tests.browser.accessibility import violations
from tests.browser.conftest import OpenBrowser, Team


def share(at: Page, team: Team, title: str) -> str:
    """Make a link to a live view; its address."""
    at.goto(f"{team.path}links/new/")
    at.get_by_label("Title").fill(title)
    at.get_by_role("button", name="Make the link").click()
    return at.locator("#made-link").input_value()


def test_what_a_member_leaves_is_listed_and_kept_by_keyboard_alone(open_browser: OpenBrowser, team: Team, clips: list[str]):
    alice, bob, guest = open_browser("alice"), open_browser("bob"), open_browser()
    address = share(alice, team, "First light")
    bob.goto(f"{team.path}settings/")
    opener = bob.get_by_role("row").filter(has_text="Alice").get_by_role("link", name="Remove")

    opener.focus()
    bob.keyboard.press("Enter")
    dialog = bob.get_by_role("dialog", name="Remove Alice from")
    expect(dialog).to_be_visible()
    expect(dialog).to_contain_text("First light")
    found = violations(bob)
    bob.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()

    bob.keyboard.press("Enter")
    end = dialog.get_by_role("radio", name="End")
    expect(end).to_be_checked()
    end.focus()
    bob.keyboard.press("ArrowDown")
    expect(dialog.get_by_role("radio", name="Keep")).to_be_checked()
    bob.keyboard.press("Tab")
    expect(dialog.get_by_role("button", name="Remove")).to_be_focused()
    bob.keyboard.press("Enter")

    expect(bob.locator("body")).to_contain_text("Alice no longer belongs to")
    guest.goto(address)
    expect(guest.locator("h1")).to_have_text("First light")
    bob.goto(f"{team.path}links/")
    expect(bob.locator("body")).to_contain_text("kept by Bob")
    assert found == []


def test_on_a_phone_the_dialog_fits_and_links_end(open_browser: OpenBrowser, team: Team, clips: list[str]):
    alice, phone, guest = open_browser("alice"), open_browser("bob", phone=True), open_browser()
    address = share(alice, team, "Second light")
    phone.goto(f"{team.path}settings/")
    phone.get_by_role("row").filter(has_text="Alice").get_by_role("link", name="Remove").tap()
    dialog = phone.get_by_role("dialog", name="Remove Alice from")
    expect(dialog).to_be_visible()
    box = dialog.bounding_box()
    assert box
    assert box["width"] <= 390
    assert phone.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    found = violations(phone)
    dialog.get_by_role("button", name="Remove").tap()
    expect(phone.locator("body")).to_contain_text("Alice no longer belongs to")
    guest.goto(address)
    expect(guest.locator("body")).to_contain_text("This link is over")
    assert found == []


def test_without_scripts_the_list_is_a_page(browser: Browser, open_browser: OpenBrowser, team: Team, clips: list[str]):
    share(open_browser("alice"), team, "Third light")
    at = open_browser("bob")
    at.goto(f"{team.path}settings/")
    address = at.get_by_role("row").filter(has_text="Alice").get_by_role("link", name="Remove").evaluate("link => link.href")
    plain = browser.new_context(java_script_enabled=False, storage_state=at.context.storage_state())
    try:
        page = plain.new_page()
        page.goto(address)
        expect(page.locator("h1")).to_contain_text("Remove Alice from")
        page.get_by_role("radio", name="Keep").check()
        page.get_by_role("button", name="Remove").click()
        expect(page.locator("body")).to_contain_text("Alice no longer belongs to")
    finally:
        plain.close()
