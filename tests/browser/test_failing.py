"""When providers fail, as a person meets it: the next connection, another try, a doubt, a wait; and that none of it puts up a barrier."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import violations_everywhere
from tests.browser.composer import choose, order
from tests.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.looks]


@pytest.fixture
def board(installation: Installation, page: Page) -> Page:
    """The demo project's Studio, signed in as the admin by a link of its own."""
    page.goto(installation.manage("sign_in_link").strip().splitlines()[-1].replace("localhost", "127.0.0.1"))
    page.wait_for_url("**/p/*/")
    page.goto(f"{installation.address}/p/DEMO/")
    return page


def breaks(installation: Installation, provider: str, kind: str, times: int = 1) -> None:
    """The sandbox's provider goes wrong so many times."""
    which = f"provider={provider!r}, kind={kind!r}, moment='', origin=''"
    installation.ask(f"from studio.sandbox.models import Fault; Fault.objects.update_or_create({which}, defaults=dict(left={times}, on=True))")


def after_a_failure(page: Page, policy: str) -> None:
    """Choose what follows a failure."""
    page.locator("#route-btn").click()
    page.locator("#policy").select_option(policy)
    expect(page.locator("#policy-said")).not_to_be_empty()
    page.keyboard.press("Escape")


def test_a_failure_at_one_connection_becomes_a_clip_from_the_next_and_the_receipt_tells_both(installation: Installation, board: Page):
    page = board
    breaks(installation, "xai", "failure")
    choose(page, "xAI")
    after_a_failure(page, "cheapest")
    code = order(page, "A gull over black sand")
    card = page.locator(f"#clip-{code}")
    expect(card).to_contain_text("xAI could not make it. Now ", timeout=60_000)
    expect(card).to_have_attribute("data-state", "done", timeout=60_000)

    page.goto(f"{installation.address}/p/DEMO/jobs/{int(code.rpartition('-')[2])}/")

    tries = page.locator("#receipt > section")
    expect(tries).to_have_count(2)
    expect(tries.nth(0)).to_contain_text("xAI could not make it")
    expect(tries.nth(0)).to_contain_text("Nothing charged")
    expect(tries.nth(1)).to_contain_text("Spent")
    expect(page.locator("#receipt")).to_contain_text("for 2 tries")


def test_a_failed_job_is_tried_again_with_one_press(installation: Installation, board: Page):
    page = board
    breaks(installation, "xai", "failure")
    choose(page, "xAI")
    after_a_failure(page, "hand")
    code = order(page, "A lantern that goes out")
    card = page.locator(f"#clip-{code}")
    expect(card).to_have_attribute("data-state", "failed", timeout=60_000)
    card.get_by_role("button", name="Try").click()
    expect(page.locator("#toasts")).to_contain_text(f"{code} is tried again.")
    expect(card).to_have_attribute("data-state", "done", timeout=60_000)


def test_a_clip_is_taken_into_the_composer_to_be_extended_and_out_of_it_again(installation: Installation, board: Page):
    page = board
    choose(page, "xAI")
    page.locator("select[name=duration]").select_option("8")  # not what another story ordered last: a longer clip cannot be extended
    code = order(page, "A paper boat, first part")
    expect(page.locator(f"#clip-{code}")).to_have_attribute("data-state", "done", timeout=60_000)
    page.locator(f"#clip-{code} .card__prompt a").click()
    page.get_by_role("link", name="Extend").click()
    expect(page.locator("#about-clip")).to_contain_text(f"Extends {code}")
    expect(page.locator("[name=aspect_ratio]:visible")).to_have_count(0)
    longer = order(page, "The boat reaches the shore")
    expect(page.locator(f"#clip-{longer}")).to_have_attribute("data-state", "done", timeout=60_000)
    page.locator("#about-clip [data-about-remove]").click()
    expect(page.locator("#about-clip")).to_have_count(0)
    expect(page.locator("select[name=aspect_ratio]")).to_be_visible()


def test_trouble_puts_up_no_barrier_in_either_theme_on_a_laptop_or_a_phone(installation: Installation, board: Page):
    page = board
    after_a_failure(page, "hand")
    codes = {}
    for provider, label, kind, times in (
        ("xai", "xAI", "lost_answer", 1),
        ("grokimagine", "GrokImagine", "failure", 1),
        ("comet", "CometAPI", "429", 9),
    ):
        breaks(installation, provider, kind, times)
        choose(page, label)
        codes[label] = order(page, f"Trouble at {label}")
    expect(page.locator(f"#clip-{codes['xAI']}")).to_have_attribute("data-state", "in_doubt", timeout=90_000)
    expect(page.locator(f"#clip-{codes['GrokImagine']}")).to_have_attribute("data-state", "failed", timeout=60_000)
    expect(page.locator(f"#clip-{codes['CometAPI']}")).to_contain_text("asked us to wait", timeout=60_000)
    page.goto(f"{installation.address}/p/DEMO/?again={int(codes['xAI'].rpartition('-')[2])}")
    found = violations_everywhere(page)
    page.locator("#route-btn").click()
    expect(page.locator("#policy")).to_be_visible()
    found += violations_everywhere(page)
    for code in codes.values():
        page.goto(f"{installation.address}/p/DEMO/jobs/{int(code.rpartition('-')[2])}/")
        found += violations_everywhere(page)
    installation.ask("from studio.sandbox.models import Fault; Fault.objects.all().delete()")
    assert found == []
