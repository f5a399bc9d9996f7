"""The composer, as several stories use it."""

from playwright.sync_api import Page, expect


def choose(page: Page, label: str) -> None:
    """Choose a connection in the composer's list."""
    picker = page.locator("#routes")
    page.locator("#route-btn").click()
    expect(page.locator("#composer-bar.htmx-request")).to_have_count(0)  # its answer may move what is to be clicked
    picker.locator("label.route", has_text=f"{label} (sandbox)").click()
    expect(page.locator("#route-btn")).to_contain_text(label)
    page.keyboard.press("Escape")


def order(page: Page, prompt: str) -> str:
    """Order what is written; the shot code of the new card."""
    before = page.locator("article.card").count()
    page.locator("#prompt").fill(prompt)
    page.locator("#composer [type=submit]").click()
    try:
        expect(page.locator("article.card")).to_have_count(before + 1)
    except AssertionError as error:
        raise AssertionError(f"no card came; the composer says: {page.locator('#composer').inner_text()}") from error
    return page.locator("article.card").first.get_attribute("data-code") or ""
