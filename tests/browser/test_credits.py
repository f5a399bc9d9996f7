"""The money pages in a real browser: no barriers in either theme at either width, a chart for the keyboard, ticking people, paper."""

from datetime import date

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.accessibility import violations, violations_everywhere
from tests.browser.test_frame import SESSION
from tests.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.looks]

FILL = """
from studio.accounts.models import User
from studio.credits import ledger, limit_actions
from studio.credits.models import Spending
from studio.credits.periods import today
from studio.projects.models import Project
from datetime import timedelta
project = Project.objects.get(code="DEMO")
for number, provider in enumerate(("xai", "comet", "ttapi", "acedata", "grokimagine", "")):
    user, made = User.objects.get_or_create(email=f"money{number}@example.org", defaults={"name": f"Money {number}"})
    ledger.grant(user, 900_000, key=f"money{number}", reason="Start of the season", actor=None)
    if ledger.hold(user, 40_000, reference=f"money-{number}", reason=f"DEMO-{number}", project=project if number else None, provider=provider):
        ledger.settle(f"money-{number}", 38_000 + number)
ledger.hold(user, 5_000_000 // 100, reference="money-open", project=project)
limit_actions.set_budget(project, amount=900_000, period="month", hard=False, by=None)
limit_actions.set_cap(User.objects.get(email="money0@example.org"), credits_a_day=50_000, jobs_at_once=2, by=None)
print(User.objects.get(email="money0@example.org").pk)
"""


@pytest.fixture(scope="module")
def filled(installation: Installation) -> tuple[str, str]:
    """The session of an admin, and the id of a person who spent."""
    return installation.ask(SESSION).splitlines()[-1], installation.ask(FILL).splitlines()[-1]


@pytest.fixture
def at(page: Page, context: BrowserContext, installation: Installation, filled: tuple[str, str]) -> Page:
    context.add_cookies([{"name": "sessionid", "value": filled[0], "url": installation.address}])
    return page


def addresses(person: str) -> list[str]:
    month = f"{date.today():%Y/%-m}"  # noqa: DTZ011 - the installation runs here and now
    return [
        "/credits/",
        "/credits/overview/",
        "/credits/overview/?period=own&first=2026-11-02&last=2026-11-01",
        "/credits/overview/?period=90&unit=usd",
        "/credits/people/?sort=-spent",
        f"/credits/people/move/?who={person}",
        "/credits/ledger/",
        f"/credits/ledger/?person={person}",
        "/credits/ledger/?least=38,5",
        "/credits/spend/",
        "/credits/kept/",
        "/credits/kept/?by=connection&period=year",
        "/credits/statements/",
        f"/credits/statements/{month}/team/",
        f"/credits/statements/{month}/people/{person}/",
        f"/credits/statements/{month}/projects/DEMO/",
        "/connections/drift/",
        "/credits/caps/",
        "/credits/limits/",
        f"/credits/limits/?cap={person}",
        "/credits/limits/?budget=DEMO",
    ]


def test_no_page_about_money_puts_up_a_barrier_or_scrolls_sideways(at: Page, installation: Installation, filled: tuple[str, str]):
    found: list[str] = []
    for path in addresses(filled[1]):
        at.goto(installation.address + path)
        found += violations_everywhere(at)
    assert found == []


def test_the_chart_is_one_stop_and_arrows_go_from_day_to_day(at: Page, installation: Installation):
    at.goto(f"{installation.address}/credits/overview/?period=30")
    bars = at.locator(".bars li")
    assert bars.count() == 30
    bars.first.focus()
    at.keyboard.press("End")
    expect(bars.last).to_be_focused()
    expect(bars.last.locator(".tip")).to_have_css("opacity", "1")
    expect(bars.last).to_contain_text("CometAPI")
    at.keyboard.press("ArrowLeft")
    expect(bars.nth(28)).to_be_focused()
    assert at.locator('.bars li[tabindex="0"]').count() == 1

    at.get_by_text("Show as a table").click()
    expect(at.get_by_role("region", name="Spend as a table")).to_contain_text("CometAPI")


def test_people_are_ticked_previewed_and_granted(at: Page, installation: Installation):
    at.goto(f"{installation.address}/credits/people/?q=money")
    everybody = at.locator("thead [data-choose-all]")
    everybody.check()
    expect(at.locator("[data-chosen]")).to_have_text("6 ticked")
    at.locator('input[name="who"]').first.uncheck()
    expect(at.locator("[data-chosen]")).to_have_text("5 ticked")
    assert everybody.evaluate("box => box.indeterminate")

    at.get_by_role("button", name="Move credits of the ticked").click()
    at.get_by_label("Credits", exact=True).fill("12.5")
    at.get_by_label("Reason").fill("Reshoots")
    at.get_by_role("button", name="Preview").click()
    assert violations(at) == []
    expect(at.get_by_role("heading", name="This would move the credits of 5 people")).to_be_visible()
    at.get_by_role("button", name="Grant 62.5").click()

    expect(at.get_by_role("heading", name="62.5 granted")).to_be_visible()
    assert violations(at) == []


def test_on_paper_a_statement_is_the_document_alone_in_black_on_white(at: Page, installation: Installation, filled: tuple[str, str]):
    at.emulate_media(color_scheme="dark")
    at.goto(installation.address + addresses(filled[1])[14])
    at.emulate_media(media="print", color_scheme="dark")

    for hidden in (".side", ".top", "[data-print]"):
        expect(at.locator(hidden).first).to_be_hidden()
    expect(at.get_by_role("rowheader", name="Closing balance")).to_be_visible()
    assert at.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"
    assert at.pdf()[:4] == b"%PDF"


def test_a_person_is_chosen_by_keyboard_or_by_touch_and_the_choice_is_told(at: Page, installation: Installation):
    at.goto(f"{installation.address}/credits/limits/")
    at.locator("#cap-new summary").click()
    field = at.locator("#id_cap-person")
    field.fill("money")
    expect(at.locator(".combo__one")).to_have_count(6)
    expect(field).to_have_attribute("aria-expanded", "true")
    expect(at.locator(".combo [role=status]", has_text="6 people")).to_have_count(1)
    at.keyboard.press("ArrowDown")
    at.keyboard.press("ArrowDown")
    chosen = at.locator(".combo__one[aria-selected=true]")
    expect(chosen).to_contain_text("Money 1")
    assert field.get_attribute("aria-activedescendant") == chosen.get_attribute("id")
    assert violations(at) == []
    at.keyboard.press("Enter")
    expect(field).to_have_value("Money 1 <money1@example.org>")
    expect(at.locator(".combo__one")).to_have_count(0)

    field.fill("money3")
    at.locator(".combo__one").first.click()
    expect(field).to_have_value("Money 3 <money3@example.org>")
    field.fill("zzz")
    expect(at.get_by_text("Nobody here has “zzz”")).to_be_visible()
    at.keyboard.press("Escape")
    expect(field).to_have_value("zzz")
    at.keyboard.press("Enter")
    expect(at.get_by_text("Nobody here has this name.")).to_be_visible()
    expect(at.locator("#id_cap-person")).to_have_value("zzz")
