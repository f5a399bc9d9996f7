"""A batch out of a file, as its maker meets it: bad lines named, the good ones ordered, one card on the board, a page that lives, a stop."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.accessibility import violations_everywhere
from tests.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.looks]
PERSON = """
from studio.accounts.models import User
from tests.browser.session import key_of
from studio.credits import ledger
from studio.projects.models import Membership, Project
person = User.objects.filter(email="nadia@example.org").first() or User.objects.create_user("nadia@example.org", name="Nadia")
project, _ = Project.objects.get_or_create(code="BATCH", defaults={"name": "Batches", "created_by": person})
Membership.objects.get_or_create(project=project, user=person, defaults={"role": "maker"})
ledger.grant(person, 1_000_000, key="nadia", reason="for the test", actor=None)
print(key_of(person))
"""


@pytest.fixture
def nadia(browser: Browser, installation: Installation) -> Iterator[Page]:
    """Nadia, who makes clips in a project of her own and has credits."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB", timezone_id="UTC", reduced_motion="reduce")
    context.set_default_timeout(20_000)
    context.add_cookies([{"name": "sessionid", "value": installation.ask(PERSON).splitlines()[-1], "url": installation.address}])
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if "Content Security Policy" in message.text else None)
    yield page
    context.close()
    assert complaints == []


def thirty_lines(path: Path) -> Path:
    """Thirty lines, three of them bad, as an old spreadsheet saves them."""
    lines = [f"bottle {number};dusk;1;480p" for number in range(30)]
    lines[4], lines[11], lines[29] = ";dusk;1;480p", "boat;noon;long;480p", "boat;noon;99;480p"
    path.write_text("subject;light;duration;resolution\n" + "\n".join(lines) + "\n", encoding="utf-16")
    return path


def test_of_thirty_lines_the_good_ones_become_a_batch_that_goes_on_in_waves_and_can_be_stopped(
    installation: Installation, nadia: Page, tmp_path: Path
):
    page = nadia
    page.goto(f"{installation.address}/p/BATCH/")
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
    page.get_by_label("Clips in a wave").fill("2")
    page.get_by_text("Wait for me after each wave").click()
    found = violations_everywhere(page)
    page.get_by_role("button", name="Order 27 clips").press("Enter")
    batch = page.locator("#batch")
    expect(batch).to_contain_text("25 not ordered")
    expect(page.locator("#board .card")).to_have_count(2)
    expect(batch).to_contain_text("Wave 1 has ended.", timeout=60_000)
    expect(page.locator("#board .card[data-state=done]")).to_have_count(2)
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("#board .card")).to_have_count(4)
    found += violations_everywhere(page)
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#toasts")).to_contain_text("BATCH-001 is stopped.")
    expect(batch).to_contain_text("Stopped by Nadia.")
    page.get_by_role("link", name="Back to the Studio").click()
    card = page.locator("#clip-BATCH-001")
    expect(card).to_contain_text("27 clips")
    expect(page.locator("#board .card")).to_have_count(1)
    assert found == []
