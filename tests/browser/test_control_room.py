"""The control room in a real browser: an ill provider is seen, an order in doubt is resolved by keyboard, and nothing jumps while it refreshes itself."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.accessibility import violations_everywhere
from tests.browser.test_frame import SESSION
from tests.installation import Installation, installed

pytestmark = [pytest.mark.browser, pytest.mark.looks]

# Comet refused our key, and one of its models has results. One order of the admin's was sent there and not answered; its code is printed.
ILL = """
from datetime import timedelta
from django.utils import timezone
from studio.accounts.models import User
from studio.credits import ledger
from studio.jobs import doubt
from studio.jobs.models import Attempt, Job
from studio.projects.models import Project
from studio.routing.models import Breaker, Connection, Track
now, admin, demo = timezone.now(), User.objects.get(), Project.objects.get()
for old in Job.objects.filter(state="in_doubt"):
    doubt.release(old, by=admin, reason="The next test begins")
Connection.objects.update(enabled=True)
comet = Connection.objects.get(provider="comet")
outcomes = ("done", "done", "failed", "doubt", "moderated") * 10
samples = [[place, outcome, 60.0 + place if outcome == "done" else None, 1.1] for place, outcome in enumerate(outcomes)]
for kind in ("grok-imagine-video·generate", "grok-imagine-video·generate·720p·8"):
    Track.objects.update_or_create(connection=comet, kind=kind, defaults={"samples": samples})
Breaker.objects.update_or_create(connection=comet, model="", defaults={
    "failures": 1, "trips": 1, "open_since": now, "open_until": now + timedelta(minutes=30), "cause": "wrong_key", "last_error": "no", "last_error_at": now,
})
job = Job.objects.create(
    project=demo, number=900 + Job.objects.count(), author=admin, connection=comet, prompt="A kite above the dunes", state="in_doubt",
    cause="unanswered", message="No whole answer came back.", due=None, estimate=56_000,
)
attempt = Attempt.objects.create(job=job, connection=comet, sent_at=now - timedelta(hours=1), estimate=56_000, answer="upstream error")
ledger.hold(admin, 56_000, reference=str(attempt.pk), reason=job.code)
print(job.code)
"""


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation of its own, because an ill provider would be in the way of other tests."""
    with installed(Path(tmp_path_factory.mktemp("control-room")), STUDIO_WORKERS="1") as running:
        yield running


@pytest.fixture(scope="module")
def session(installation: Installation) -> str:
    return installation.ask(SESSION).splitlines()[-1]


@pytest.fixture
def code(installation: Installation) -> str:
    """The one order in doubt; CometAPI is ill."""
    return installation.ask(ILL).splitlines()[-1]


@pytest.fixture
def at(page: Page, context: BrowserContext, installation: Installation, session: str, code: str) -> Page:
    """The admin's browser."""
    context.add_cookies([{"name": "sessionid", "value": session, "url": installation.address}])
    return page


def refresh(page: Page) -> None:
    """What happens every five seconds, and when a page is shown again."""
    with page.expect_response(lambda response: response.url.endswith("/control/") and response.request.resource_type == "fetch"):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the element with this accessible name has the focus."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("(document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent).trim()") == name:
            return
    raise AssertionError(f"no stop of the Tab key is called {name}")


def test_neither_room_nor_inbox_nor_dialog_nor_prices_put_up_a_barrier(at: Page, installation: Installation, code: str):
    found: list[str] = []

    at.goto(f"{installation.address}/control/")
    expect(at.get_by_role("heading", name="2 things need somebody")).to_be_visible()
    at.locator("details.kinds summary").click()
    found += violations_everywhere(at)

    at.locator("#fares").get_by_role("link", name="CometAPI (sandbox)").click()
    for panel in at.locator("details.adding summary").all():
        panel.click()
    found += violations_everywhere(at)

    at.goto(f"{installation.address}/control/doubt/")
    found += violations_everywhere(at)
    at.get_by_role("button", name=f"Here is its id: {code}").click()
    expect(at.get_by_label("Its id at the provider")).to_be_focused()
    found += violations_everywhere(at)
    assert found == []


def test_a_refresh_moves_no_focus_closes_nothing_and_shows_what_is_new(at: Page, installation: Installation):
    at.goto(f"{installation.address}/control/")
    tab_to(at, "By kind of order at CometAPI (sandbox)")
    at.keyboard.press("Enter")
    opened = at.locator("details.kinds")
    expect(opened).to_have_attribute("open", "")
    before = opened.bounding_box()

    refresh(at)
    assert opened.bounding_box() == before
    expect(opened).to_have_attribute("open", "")
    expect(opened.locator("summary")).to_be_focused()

    installation.ask("from studio.routing.models import Connection; Connection.objects.filter(provider='xai').update(enabled=False)")
    refresh(at)
    expect(at.locator(".fare", has_text="xAI (sandbox)")).to_contain_text("Off")
    expect(opened).to_have_attribute("open", "")
    expect(opened.locator("summary")).to_be_focused()


def test_an_installation_that_is_away_is_said_and_comes_back(at: Page, installation: Installation):
    at.goto(f"{installation.address}/control/")
    at.route("**/control/", lambda route: route.abort())
    for _ in range(2):
        at.evaluate("dispatchEvent(new Event('online'))")
        at.wait_for_event("requestfailed")
    expect(at.locator("#live")).to_contain_text("Reconnecting")
    expect(at.locator("#toasts .toast")).to_have_count(0)

    at.unroute("**/control/")
    refresh(at)
    expect(at.locator("#live")).to_contain_text("Live")


def test_an_order_in_doubt_is_resolved_by_keyboard(at: Page, installation: Installation, code: str):
    at.goto(f"{installation.address}/control/doubt/")
    button = at.get_by_role("button", name=f"It was never made: {code}")
    tab_to(at, f"It was never made: {code}")
    at.keyboard.press("Enter")
    reason = at.get_by_label("Reason")
    expect(reason).to_be_focused()
    at.keyboard.press("Escape")
    expect(button).to_be_focused()
    expect(at.locator("#verdict")).not_to_contain_text(code)  # the next one must not open with this one's form

    at.keyboard.press("Enter")
    expect(reason).to_be_focused()
    at.keyboard.press("Enter")
    expect(at.locator("#verdict")).to_contain_text("Say how you know, or why you decide so.")
    expect(reason).to_be_focused()
    at.keyboard.type("Their console shows no such order")
    at.keyboard.press("Enter")

    expect(at.locator("#toasts")).to_contain_text(f"{code} is over: it was never made")
    expect(at.get_by_role("heading", name="Nothing is in doubt")).to_be_visible()
    expect(at.locator("#nav-side .navi__n")).to_have_count(0)


def test_a_pause_is_ended_from_the_room(at: Page, installation: Installation):
    at.goto(f"{installation.address}/control/")
    at.locator("#fares").get_by_role("button", name="Try now: CometAPI (sandbox)").click()

    expect(at.locator("#toasts")).to_contain_text("CometAPI (sandbox) takes orders again.")
    expect(at.locator(".fare", has_text="CometAPI (sandbox)").locator(".pill")).to_have_text("On")
