"""Out of credits, as two people meet it: one asks without losing the brief, the other grants, the first generates."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.accessibility import violations_everywhere
from tests.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.looks]
PEOPLE = """
from studio.accounts.models import User
from tests.browser.session import key_of
from studio.projects.models import Membership, Project
for email, role in (("alice@example.org", "member"), ("dave@example.org", "credit_manager")):
    person = User.objects.filter(email=email).first() or User.objects.create_user(email, name=email.split("@")[0].capitalize(), role=role)
    if role == "member":
        Membership.objects.get_or_create(project=Project.objects.get(code="DEMO"), user=person, defaults={"role": "maker"})
    print(key_of(person))
"""


@pytest.fixture
def two(browser: Browser, installation: Installation) -> Iterator[tuple[Page, Page]]:
    """Alice, who has no credits, and Dave, who manages them: a browser each."""
    contexts, pages = [], []
    for key in installation.ask(PEOPLE).splitlines()[-2:]:
        context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB", timezone_id="UTC", reduced_motion="reduce")
        context.set_default_timeout(20_000)
        context.add_cookies([{"name": "sessionid", "value": key, "url": installation.address}])
        contexts.append(context)
        pages.append(context.new_page())
    yield pages[0], pages[1]
    for context in contexts:
        context.close()


def test_who_is_out_of_credits_asks_is_granted_and_generates_without_typing_again(installation: Installation, two: tuple[Page, Page]):
    alice, dave = two
    alice.goto(f"{installation.address}/p/DEMO/")
    alice.fill("#prompt", "A lighthouse in fog, slow push in")
    expect(alice.locator("#composer-why")).to_contain_text("are missing")
    found = violations_everywhere(alice)
    alice.get_by_role("button", name="Ask for").press("Enter")
    expect(alice.locator("#asked")).to_contain_text("Goes to")
    found += violations_everywhere(alice)

    dave.goto(f"{installation.address}/credits/")
    expect(dave.locator('#side .navi[href="/credits/"] .navi__n')).to_contain_text("1")
    dave.get_by_role("link", name="Requests").click()
    expect(dave.locator(".request")).to_contain_text("A clip in Demo")
    found += violations_everywhere(dave)
    dave.locator(".request summary").press("Enter")
    found += violations_everywhere(dave)
    dave.locator(".request summary").press("Enter")
    dave.get_by_role("button", name="Grant").first.press("Enter")
    expect(dave.locator("#toasts")).to_contain_text("Granted")
    expect(dave.locator("#main")).to_contain_text("Nobody waits for credits.")

    expect(alice.locator("#toasts")).to_contain_text("Dave granted you", timeout=40_000)
    expect(alice.locator("#composer-why")).not_to_contain_text("are missing")
    expect(alice.locator("#prompt")).to_have_value("A lighthouse in fog, slow push in")
    expect(alice.locator(".quote")).to_contain_text("left after this")
    alice.get_by_role("button", name="Generate").click()
    expect(alice.locator("article.card").first).to_have_attribute("data-state", "done", timeout=60_000)
    assert found == []


def test_the_record_of_changes_tells_it_without_a_barrier(installation: Installation, two: tuple[Page, Page]):
    _, dave = two
    dave.goto(f"{installation.address}/audit/")
    assert violations_everywhere(dave) == []
    dave.get_by_label("About", exact=True).select_option("credits")
    dave.get_by_role("button", name="Show", exact=True).press("Enter")
    expect(dave.locator("#main")).to_contain_text("Show all")
    with dave.expect_download() as download:
        dave.get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename.startswith("audit-")
