"""The prompt library as one person meets it: write, use, order, change, compare, restore, take out and bring in. All by keyboard where there is a key."""

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
person = User.objects.create_user("sofia@example.org", name="Sofia")
Membership.objects.create(project=Project.objects.get(code="DEMO"), user=person, role="maker")
ledger.grant(person, 1_000_000, key="sofia", reason="for the test", actor=None)
print(key_of(person))
"""


@pytest.fixture(scope="session")
def sofia_session(installation: Installation) -> str:
    return installation.ask(PERSON).splitlines()[-1]


@pytest.fixture
def sofia(browser: Browser, installation: Installation, sofia_session: str) -> Iterator[Page]:
    """Sofia, who makes clips in Demo and has credits."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB", timezone_id="UTC", reduced_motion="reduce")
    context.set_default_timeout(20_000)
    context.add_cookies([{"name": "sessionid", "value": sofia_session, "url": installation.address}])
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if "Content Security Policy" in message.text else None)
    yield page
    context.close()
    assert complaints == []


def write_dolly(page: Page, installation: Installation) -> list[str]:
    """To the library by its keys, from a page that is not loaded anew by itself, and a new prompt there; what barriers stood in the way."""
    page.goto(f"{installation.address}/me/")
    page.keyboard.press("g")
    page.keyboard.press("p")
    page.wait_for_url("**/prompts/")
    page.keyboard.press("n")
    page.wait_for_url("**/prompts/new/")
    page.get_by_label("Name").fill("Dolly")
    page.get_by_label("Prompt", exact=True).fill("Slow dolly toward {{subject}} in {{light}}")
    subject, light = (page.locator(".varset__one", has_text=name) for name in ("subject", "light"))
    light.get_by_label("Choices").fill("dusk\nnoon")
    found = violations_everywhere(page)
    page.get_by_label("Prompt", exact=True).press("End")
    page.get_by_label("Prompt", exact=True).press_sequentially(", {{mood}}")
    expect(page.locator(".varset__one")).to_have_count(3)
    expect(light.get_by_label("Choices")).to_have_value("dusk\nnoon")
    subject.get_by_label("Starts with").fill("a glass bottle")
    page.get_by_label("Who sees it").select_option("team")
    page.get_by_role("button", name="Keep in the library").click()
    expect(page.locator("#toasts")).to_contain_text("Dolly is in the library.")
    return found + violations_everywhere(page)


def test_a_prompt_is_written_used_changed_compared_and_restored(installation: Installation, sofia: Page):
    page, found = sofia, []
    page.goto(f"{installation.address}/p/DEMO/")
    with page.expect_response("**/p/DEMO/draft/") as kept:
        page.fill("#prompt", "Half a thought")
    assert kept.value.ok
    found += write_dolly(page, installation)
    page.keyboard.press("u")
    expect(page.locator("#prompt")).to_have_value("Slow dolly toward {{subject}} in {{light}}, {{mood}}")
    expect(page.get_by_label("light", exact=True)).to_be_focused()  # the first that has no value yet
    expect(page.locator("#draft-said")).to_contain_text("What you were writing was put aside.")
    page.get_by_role("button", name="Bring it back").click()
    expect(page.locator("#prompt")).to_have_value("Half a thought")
    page.go_back()
    page.locator("[data-key=u]").first.click()
    expect(page.locator("#prompt")).to_have_value("Slow dolly toward {{subject}} in {{light}}, {{mood}}")
    page.get_by_label("mood").fill("calm")
    page.reload()  # what was begun is the draft now
    expect(page.locator("#prompt")).to_have_value("Slow dolly toward {{subject}} in {{light}}, {{mood}}")
    expect(page.get_by_label("mood")).to_have_value("calm")
    page.get_by_role("button", name="Generate").click()
    expect(page.locator("#values-said")).to_contain_text("Give “light” a value.")
    found += violations_everywhere(page)
    page.get_by_label("light", exact=True).select_option("noon")
    page.get_by_label("mood").fill("calm")
    page.get_by_label("mood").press("Control+Enter")
    card = page.locator("article.card", has_text="Slow dolly toward a glass bottle in noon, calm").first
    expect(card).to_have_attribute("data-state", "done", timeout=60_000)
    expect(page.get_by_label("mood")).to_have_value("calm")

    page.goto(f"{installation.address}/prompts/?q=dolly")
    page.locator(".prow h2 a").first.click()
    expect(page.locator(".figures")).to_contain_text("clips made")
    expect(page.locator(".mini img")).to_have_count(1)
    page.keyboard.press("e")
    page.get_by_label("Prompt", exact=True).fill("Fast dolly toward {{subject}}")
    expect(page.locator(".varset__one")).to_have_count(1)
    page.get_by_label("What is different").fill("Faster")
    page.get_by_role("button", name="Save as a new version").press("Enter")
    expect(page.locator(".vers li")).to_have_count(2)
    page.get_by_role("link", name="Compare").click()
    expect(page.locator(".worddiff del").first).to_contain_text("Slow")
    found += violations_everywhere(page)
    page.get_by_role("button", name="Restore version 1 as version 3").click()
    expect(page.locator("#toasts")).to_contain_text("Version 3 says what version 1 said.")
    page.get_by_role("button", name="Point it here").click()
    expect(page.locator(".vers .pill")).to_have_text("production")
    assert found == []


def test_in_the_studio_a_prompt_is_found_put_in_and_kept(installation: Installation, sofia: Page):
    page, found = sofia, []
    page.goto(f"{installation.address}/p/DEMO/")
    page.fill("#prompt", "A {{bird}} over the harbour, morning mist")
    page.get_by_label("bird").fill("gull")
    page.locator("#prompt").press_sequentially(", calm")
    expect(page.get_by_label("bird")).to_have_value("gull")
    page.get_by_role("button", name="Save to the library").click()
    keep = page.locator("#keep")
    expect(keep.get_by_label("Prompt", exact=True)).to_have_value("A {{bird}} over the harbour, morning mist, calm")
    found += violations_everywhere(page)
    keep.get_by_label("Name").fill("")
    keep.get_by_role("button", name="Save to the library").click()
    expect(keep).to_contain_text("Give it a name.")
    keep.get_by_label("Name").fill("Harbour")
    keep.get_by_role("button", name="Save to the library").click()
    expect(page.locator("#toasts")).to_contain_text("Harbour is in the library.")
    expect(keep).to_be_hidden()

    page.locator("[data-clear]").click()
    expect(page.locator("#values input")).to_have_count(0)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("l")
    search = page.get_by_label("Search the library")
    expect(search).to_be_focused()
    found += violations_everywhere(page)
    search.press_sequentially("HARB")
    expect(page.locator(".pick")).to_have_count(1)
    search.press("Enter")
    expect(page.locator("#library")).to_be_hidden()
    expect(page.locator("#prompt")).to_have_value("A {{bird}} over the harbour, morning mist, calm")
    expect(page.locator("#about-prompt")).to_contain_text("Harbour, v1")
    expect(page.get_by_label("bird")).to_be_focused()

    page.locator("#prompt").press("End")
    page.locator("#prompt").press_sequentially(" and clear")
    page.once("dialog", lambda dialog: dialog.dismiss())
    page.get_by_role("button", name="Prompt library").click()
    page.locator(".pick a").first.click()
    expect(page.locator("#prompt")).to_have_value("A {{bird}} over the harbour, morning mist, calm and clear")
    assert found == []


def test_the_library_goes_out_and_comes_in(installation: Installation, sofia: Page, tmp_path: Path):
    page = sofia
    page.goto(f"{installation.address}/prompts/")
    page.get_by_role("button", name="Import and export").click()
    found = violations_everywhere(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="Export as CSV").click()
    assert download.value.suggested_filename.startswith("prompts-")
    page.goto(f"{installation.address}/prompts/import/")
    sheet = tmp_path / "mine.csv"
    sheet.write_text("text;name\nA {{ship}} at anchor;Ship\n{{broken;Bad\n", encoding="utf-16")
    page.set_input_files("#file", sheet)
    page.get_by_role("button", name="Look at it").press("Enter")
    expect(page.locator("#main")).to_contain_text("Line 3")
    expect(page.locator("#main")).to_contain_text("is never closed")
    found += violations_everywhere(page)
    page.get_by_role("button", name="Keep 1 prompt").press("Enter")
    expect(page.locator("#toasts")).to_contain_text("1 prompt is in the library now.")
    expect(page.locator(".prow h2").first).to_have_text("Ship")
    assert found == []
