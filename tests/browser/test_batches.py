"""A batch out of a file, as its maker meets it: bad lines named, the good ones ordered, one card on the board, a page that lives, a stop."""

from pathlib import Path

from playwright.sync_api import expect

from tests.browser.accessibility import violations_everywhere
from tests.browser.conftest import OpenBrowser, Team
from tests.time_limits import milliseconds


def thirty_lines(path: Path) -> Path:
    """Thirty lines, three of them bad, as an old spreadsheet saves them."""
    lines = [f"bottle {number};dusk;1;480p" for number in range(30)]
    lines[4], lines[11], lines[29] = ";dusk;1;480p", "boat;noon;long;480p", "boat;noon;99;480p"
    path.write_text("subject;light;duration;resolution\n" + "\n".join(lines) + "\n", encoding="utf-16")
    return path


def test_of_thirty_lines_the_good_ones_become_a_batch_that_goes_on_in_waves_and_can_be_stopped(open_browser: OpenBrowser, team: Team, tmp_path: Path):
    page = open_browser("alice")
    page.goto(team.path)
    page.fill("#prompt", "A {{subject}} at {{light}}")
    expect(page.get_by_label("light", exact=True)).to_be_visible()
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("b")
    page.set_input_files("#file", thirty_lines(tmp_path / "shots.csv"))
    page.get_by_role("button", name="Look at it").press("Enter")
    for words in ("Line 6", "Give “subject” a value.", "Line 13", "Line 31"):
        expect(page.locator("#plan")).to_contain_text(words)
    page.get_by_label("light dusk").select_option("")
    expect(page.get_by_role("button", name="Order 0 clips")).to_be_visible()
    page.get_by_label("light dusk").select_option("value:light")
    expect(page.get_by_role("button", name="Order 27 clips")).to_be_visible()
    page.get_by_label("Clips in a wave").fill("2")
    page.get_by_text("Wait for me after each wave").click()
    found = violations_everywhere(page)
    page.get_by_role("button", name="Order 27 clips").press("Enter")
    batch = page.locator("#batch")
    expect(batch).to_contain_text("25 not ordered")
    expect(page.locator("#board .card")).to_have_count(2)
    expect(batch).to_contain_text("Wave 1 has ended.", timeout=milliseconds(60))
    expect(page.locator("#board .card[data-state=done]")).to_have_count(2)
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("#board .card")).to_have_count(4)
    found += violations_everywhere(page)
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#toasts")).to_contain_text(f"{team.code}-001 is stopped.")
    expect(batch).to_contain_text("Stopped by Alice.")
    page.get_by_role("link", name="Back to the Studio").click()
    card = page.locator(f"#clip-{team.code}-001")
    expect(card).to_contain_text("27 clips")
    expect(page.locator("#board .card")).to_have_count(1)
    assert found == []
