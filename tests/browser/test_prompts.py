"""The prompt library as one person meets it: write, use, order, change, compare, restore, take out and bring in. All by keyboard where there is a key.

The library shows what others share too, so prompts have the project's code in their names.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Dialog, Page, Response, Route, expect

from tests.browser.accessibility import violations_everywhere
from tests.browser.conftest import OpenBrowser, Team
from tests.time_limits import eventually, milliseconds

DOLLY = "Slow dolly toward {{subject}} in {{light}}, {{mood}}"


@pytest.fixture
def alice(open_browser: OpenBrowser) -> Page:
    """Alice, who makes clips and has credits."""
    return open_browser("alice")


@contextmanager
def draft_kept(page: Page, prompt: str) -> Iterator[None]:
    """Wait for the server to keep a draft with this prompt, and for the page to know."""

    def is_it(answer: Response) -> bool:
        return answer.url.endswith("/draft/") and (answer.request.post_data_json or {}).get("prompt") == prompt

    with page.expect_response(is_it) as kept:
        yield
    assert kept.value.ok
    expect(page.locator("[name=draft_version]")).to_have_value(str(kept.value.json()["version"]))


def write_dolly(page: Page, name: str) -> list[str]:
    """To the library by its keys, and a new prompt of this name there; the accessibility violations on the way."""
    page.goto("/me/")
    page.keyboard.type("gp")
    page.wait_for_url("**/prompts/")
    page.keyboard.press("n")
    page.wait_for_url("**/prompts/new/")
    page.get_by_label("Name").fill(name)
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
    expect(page.locator("#toasts")).to_contain_text(f"{name} is in the library.")
    return found + violations_everywhere(page)


def test_a_prompt_is_written_used_changed_compared_and_restored(alice: Page, team: Team, clips: list[str]):
    page, name = alice, f"Dolly {team.code}"
    page.goto(team.path)
    with draft_kept(page, "Half a thought"):
        page.fill("#prompt", "Half a thought")
    found = write_dolly(page, name)
    page.keyboard.press("u")
    expect(page.locator("#prompt")).to_have_value(DOLLY)
    expect(page.get_by_label("light", exact=True)).to_be_focused()  # the first that has no value yet
    expect(page.locator("#draft-said")).to_contain_text("What you were writing was put aside.")
    with draft_kept(page, "Half a thought"):
        page.get_by_role("button", name="Bring it back").click()
    expect(page.locator("#prompt")).to_have_value("Half a thought")
    page.go_back()
    with draft_kept(page, DOLLY):
        page.locator("[data-key=u]").first.click()
    expect(page.locator("#prompt")).to_have_value(DOLLY)
    page.get_by_label("mood").fill("calm")
    page.reload()  # what was begun is the draft now
    expect(page.locator("#prompt")).to_have_value(DOLLY)
    expect(page.get_by_label("mood")).to_have_value("calm")
    page.get_by_role("button", name="Generate").click()
    expect(page.locator("#values-said")).to_contain_text("Give “light” a value.")
    found += violations_everywhere(page)
    page.get_by_label("light", exact=True).select_option("noon")
    page.get_by_label("mood").fill("calm")
    page.get_by_label("mood").press("Control+Enter")
    card = page.locator("article.card", has_text="Slow dolly toward a glass bottle in noon, calm").first
    expect(card).to_have_attribute("data-state", "done", timeout=milliseconds(60))
    expect(page.get_by_label("mood")).to_have_value("calm")

    page.goto(f"/prompts/?q={name}")
    page.locator(".prow h2 a", has_text=name).click()
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


def test_a_value_that_was_typed_while_the_draft_was_on_its_way_is_there_after_a_reload(alice: Page, team: Team, seed: Callable[..., Any]):
    page, on_their_way = alice, list[Route]()

    def hold_the_first(route: Route) -> None:
        if on_their_way:
            route.continue_()
            return
        on_their_way.append(route)
        route.fetch()  # the server keeps it, and the page never hears of it

    page.route("**/draft/", hold_the_first)
    page.goto(team.path)
    with page.expect_request("**/draft/"):
        page.fill("#prompt", "A {{bird}} over the harbour")
    page.get_by_label("bird").fill("gull")
    eventually(lambda: "harbour" in str(seed("drafts")), within=20)  # only the answer to the first save is still on its way
    page.reload()
    expect(page.locator("#prompt")).to_have_value("A {{bird}} over the harbour")
    expect(page.get_by_label("bird")).to_have_value("gull")
    page.reload()
    expect(page.get_by_label("bird")).to_have_value("gull")


def test_in_the_studio_a_prompt_is_found_put_in_and_kept(alice: Page, team: Team):
    page, name, text = alice, f"Harbour {team.code}", "A {{bird}} over the harbour, morning mist, calm"
    page.goto(team.path)
    page.fill("#prompt", text.removesuffix(", calm"))
    page.get_by_label("bird").fill("gull")
    with page.expect_response(lambda answer: answer.url.endswith("/values/") and text in (answer.request.post_data or "")):
        page.locator("#prompt").press_sequentially(", calm")
    expect(page.locator("#values.htmx-request")).to_have_count(0)
    expect(page.get_by_label("bird")).to_have_value("gull")
    page.get_by_role("button", name="Save to the library").click()
    keep = page.locator("#keep")
    expect(keep.get_by_label("Prompt", exact=True)).to_have_value(text)
    found = violations_everywhere(page)
    keep.get_by_label("Name").fill("")
    keep.get_by_role("button", name="Save to the library").click()
    expect(keep).to_contain_text("Give it a name.")
    keep.get_by_label("Name").fill(name)
    keep.get_by_role("button", name="Save to the library").click()
    expect(page.locator("#toasts")).to_contain_text(f"{name} is in the library.")
    expect(keep).to_be_hidden()

    page.locator("[data-clear]").click()
    expect(page.locator("#values input")).to_have_count(0)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("l")
    search = page.get_by_label("Search the library")
    expect(search).to_be_focused()
    found += violations_everywhere(page)
    search.press_sequentially(name.upper())
    expect(page.locator(".pick")).to_have_count(1)
    expect(page.locator(".pick")).to_contain_text(name)
    search.press("Enter")
    expect(page.locator("#library")).to_be_hidden()
    expect(page.locator("#prompt")).to_have_value(text)
    expect(page.locator("#about-prompt")).to_contain_text(f"{name}, v1")
    expect(page.get_by_label("bird")).to_be_focused()

    page.locator("#prompt").press("End")
    page.locator("#prompt").press_sequentially(" and clear")
    questions: list[str] = []

    def refuse(dialog: Dialog) -> None:
        questions.append(dialog.message)
        dialog.dismiss()

    page.once("dialog", refuse)
    page.get_by_role("button", name="Prompt library").click()
    page.locator(".pick a").first.click()
    assert questions == ["Put this prompt in place of what you have written?"]
    expect(page.locator("#prompt")).to_have_value(f"{text} and clear")
    assert found == []


def test_the_library_goes_out_and_comes_in(alice: Page, team: Team, tmp_path: Path):
    page, name = alice, f"Ship {team.code}"
    page.goto("/prompts/")
    page.get_by_role("button", name="Import and export").click()
    found = violations_everywhere(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="Export as CSV").click()
    assert download.value.suggested_filename.startswith("prompts-")
    page.goto("/prompts/import/")
    sheet = tmp_path / "mine.csv"
    sheet.write_text(f"text;name\nA {{{{ship}}}} at anchor;{name}\n{{{{broken;Bad\n", encoding="utf-16")
    page.set_input_files("#file", sheet)
    page.get_by_role("button", name="Look at it").press("Enter")
    expect(page.locator("#main")).to_contain_text("Line 3")
    expect(page.locator("#main")).to_contain_text("is never closed")
    found += violations_everywhere(page)
    page.get_by_role("button", name="Keep 1 prompt").press("Enter")
    expect(page.locator("#toasts")).to_contain_text("1 prompt is in the library now.")
    expect(page.locator(".prow h2", has_text=name)).to_have_count(1)
    assert found == []
