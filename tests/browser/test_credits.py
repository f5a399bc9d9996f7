"""The money pages in a real browser: accessible in either theme at every width, a chart for the keyboard, ticking people, paper."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import scan, violations
from tests.browser.conftest import Team


@pytest.fixture
def spending(seed: Callable[..., Any]) -> dict[str, str]:
    """Six people have spent today: the id of one with a cap, and the month as addresses name it."""
    found: dict[str, str] = seed("spending")
    return found


def test_the_pages_about_spending_are_accessible_at_every_width(at: Page, spending: dict[str, str]):
    overview = "/credits/overview/"
    today = datetime.now(UTC).date()  # a chart of one bar, as on the first of a month
    periods = ("", f"?period=own&first={today}&last={today}", "?period=own&first=2026-11-02&last=2026-11-01", "?period=90&unit=usd")
    others = ("/credits/spend/", "/credits/kept/", "/credits/kept/?by=connection&period=year")
    assert scan(at, [*(overview + period for period in periods), *others]) == []


def test_the_pages_about_peoples_credits_are_accessible_at_every_width(at: Page, spending: dict[str, str]):
    person = spending["person"]
    people = ("/credits/people/?sort=-spent", f"/credits/people/move/?who={person}")
    ledger = ("", f"?person={person}", "?least=38,5")
    assert scan(at, [*people, *(f"/credits/ledger/{asked}" for asked in ledger)]) == []


def test_statements_are_accessible_at_every_width(at: Page, team: Team, spending: dict[str, str]):
    person, month = spending["person"], spending["month"]
    one = ("team", f"people/{person}", f"projects/{team.code}")
    assert scan(at, ["/credits/statements/", *(f"/credits/statements/{month}/{whose}/" for whose in one), "/connections/drift/"]) == []


def test_the_pages_about_limits_are_accessible_at_every_width(at: Page, team: Team, spending: dict[str, str]):
    limits = ("", f"?cap={spending['person']}", f"?budget={team.code}")
    assert scan(at, ["/credits/caps/", *(f"/credits/limits/{asked}" for asked in limits)]) == []


def test_the_chart_is_one_stop_and_arrows_go_from_day_to_day(at: Page, spending: dict[str, str]):
    at.goto("/credits/overview/?period=30")
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


def test_people_are_ticked_previewed_and_granted(at: Page, team: Team, spending: dict[str, str]):
    at.goto(f"/credits/people/?q={team.code} money")
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
    expect(at.get_by_role("heading", name="This would move the credits of 5 people")).to_be_visible()
    assert violations(at) == []
    at.get_by_role("button", name="Grant 62.5").click()

    expect(at.get_by_role("heading", name="62.5 granted")).to_be_visible()
    assert violations(at) == []


def test_on_paper_a_statement_is_the_document_alone_in_black_on_white(at: Page, spending: dict[str, str]):
    at.emulate_media(color_scheme="dark")
    at.goto(f"/credits/statements/{spending['month']}/people/{spending['person']}/")
    at.emulate_media(media="print", color_scheme="dark")

    for hidden in (".side", ".top", "[data-print]"):
        expect(at.locator(hidden).first).to_be_hidden()
    expect(at.get_by_role("rowheader", name="Closing balance")).to_be_visible()
    assert at.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"
    assert at.pdf()[:4] == b"%PDF"


def test_a_person_is_chosen_by_keyboard_or_by_touch_and_the_choice_is_told(at: Page, team: Team, spending: dict[str, str]):
    at.goto("/credits/limits/")
    at.locator("#cap-new summary").click()
    field = at.locator("#id_cap-person")
    field.fill(f"{team.code} money")
    expect(at.locator(".combo__one")).to_have_count(6)
    expect(field).to_have_attribute("aria-expanded", "true")
    expect(at.locator(".combo [role=status]", has_text="6 people")).to_have_count(1)
    at.keyboard.press("ArrowDown")
    at.keyboard.press("ArrowDown")
    chosen = at.locator(".combo__one[aria-selected=true]")
    expect(chosen).to_contain_text(f"{team.code} Money 1")
    assert field.get_attribute("aria-activedescendant") == chosen.get_attribute("id")
    assert violations(at) == []
    at.keyboard.press("Enter")
    expect(field).to_have_value(f"{team.code} Money 1 <{team.email('money1')}>")
    expect(at.locator(".combo__one")).to_have_count(0)

    field.fill(team.email("money3"))
    at.locator(".combo__one").click()
    expect(field).to_have_value(f"{team.code} Money 3 <{team.email('money3')}>")
    field.fill("zzz")
    expect(at.get_by_text("Nobody here has “zzz”")).to_be_visible()
    at.keyboard.press("Escape")
    expect(at.get_by_text("Nobody here has “zzz”")).to_have_count(0)
    expect(field).to_have_value("zzz")
    at.keyboard.press("Enter")
    expect(at.get_by_text("Nobody here has this name.")).to_be_visible()
    expect(at.locator("#id_cap-person")).to_have_value("zzz")
