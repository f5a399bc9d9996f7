"""The board as people live with it: a restarted server, two tabs, long boards, chosen cards, drafts; nothing jumps and nothing typed is lost."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Response, expect

from studio.jobs.board import PAGE
from tests.browser.accessibility import violations_everywhere
from tests.browser.composer import choose, order
from tests.browser.test_frame import SESSION
from tests.installation import Installation
from tests.time_limits import eventually

pytestmark = [pytest.mark.browser, pytest.mark.looks]
ROWS = "from studio.accounts.models import User; from studio.projects.models import *; from studio.routing.models import Connection; from tests.jobs.rows import *; from studio.jobs.lifecycle import State; from studio.jobs.models import Job; ada = User.objects.filter(role='admin').first(); "
HELD_UP = "from datetime import timedelta; from django.utils import timezone; from studio.routing.models import Connection; "
CODES = "[...document.querySelectorAll('#board .card')].map(card => card.dataset.code)"


@pytest.fixture(scope="module")
def admin_key(installation: Installation) -> str:
    return installation.ask(SESSION).splitlines()[-1]


@pytest.fixture
def page(page: Page, context: BrowserContext, installation: Installation, admin_key: str) -> Page:
    """The admin's browser."""
    context.add_cookies([{"name": "sessionid", "value": admin_key, "url": installation.address}])
    return page


@pytest.fixture
def project(installation: Installation) -> Iterator[str]:
    """A project of the test's own, whose orders wait in line at CometAPI until they are let go."""
    code = installation.ask(
        ROWS + "code = 'T' + str(Project.objects.count()); Project.objects.create(code=code, name='Tidewater', created_by=ada); print(code)"
    ).splitlines()[-1]
    installation.ask(HELD_UP + "Connection.objects.filter(provider='comet').update(send_not_before=timezone.now() + timedelta(hours=1))")
    yield code
    installation.ask(HELD_UP + "Connection.objects.filter(provider='comet').update(send_not_before=None)")


def opened(page: Page, installation: Installation, code: str, query: str = "") -> Page:
    page.goto(f"{installation.address}/p/{code}/{query}")
    page.evaluate("window.neverReloaded = true")
    return page


def change(installation: Installation, code: str, number: int, state: str, **fields: object) -> None:
    """The worker's part, played: the job moves on."""
    job = f"job = Job.objects.select_related('project').get(project__code={code!r}, number={number}); "
    installation.ask(ROWS + job + f"change(job, State({state!r}), **{fields!r})")


def test_a_restarted_server_is_waited_for_and_caught_up_with_without_a_reload(page: Page, installation: Installation, project: str):
    number = installation.ask(
        ROWS + f"print(job_row(Project.objects.get(code={project!r}), ada, Connection.objects.get(provider='xai'), State.RENDERING).number)"
    )
    opened(page, installation, project)
    page.locator("#prompt").fill("half a sentence about the ti")
    page.locator("#prompt").press("End")
    installation.stop()
    expect(page.locator("#behind")).to_be_visible(timeout=60_000)
    expect(page.locator("#behind")).to_contain_text(re.compile(r"Reconnecting. The board is \d+ s behind."))
    expect(page.locator("#live")).to_be_hidden()
    expect(page.locator("article.card")).to_have_count(1)
    page.keyboard.type("de")
    change(installation, project, int(number.splitlines()[-1]), "failed", cause="provider_failed")
    installation.lines.clear()
    installation.start()
    expect(page.locator("article.card")).to_have_attribute("data-state", "failed", timeout=60_000)
    expect(page.locator("#behind")).to_be_hidden()
    expect(page.locator("#live")).to_be_visible()
    assert page.evaluate("window.neverReloaded") is True
    expect(page.locator("#prompt")).to_have_value("half a sentence about the tide")
    expect(page.locator("#prompt")).to_be_focused()
    eventually(lambda: "tide" in drafts(installation, project), within=20)


def is_promised(response: Response) -> bool:
    """Whether the server holds an answer back for this page, so that it need not ask."""
    return response.url.endswith("/news/") and response.status == 200


def test_a_board_that_asks_nothing_hears_of_a_colleagues_order_and_asks_once(page: Page, installation: Installation, project: str):
    asked: list[str] = []
    with page.expect_response(is_promised):
        opened(page, installation, project)
    page.on("request", lambda request: asked.append(request.url) if "/pulse/" in request.url else None)

    installation.ask(ROWS + f"job_row(Project.objects.get(code={project!r}), ada, Connection.objects.get(provider='xai'), State.SENDING)")

    expect(page.locator("article.card")).to_have_attribute("data-state", "sending", timeout=10_000)
    assert len(asked) == 1


def drafts(installation: Installation, code: str) -> str:
    return installation.ask(f"from studio.jobs.models import Draft; print([one.fields for one in Draft.objects.filter(project__code={code!r})])")


def test_focus_scroll_and_words_survive_while_cards_come_and_change(page: Page, installation: Installation, project: str):
    installation.ask(
        ROWS + f"tide = Project.objects.get(code={project!r}); xai = Connection.objects.get(provider='xai'); "
        "[job_row(tide, ada, xai, State.RENDERING, progress=40) for _ in range(16)]"
    )
    opened(page, installation, project)
    page.locator("#prompt").fill("not ordered yet")
    link = page.locator(f"#clip-{project}-003 .card__prompt a")
    link.focus()
    link.scroll_into_view_if_needed()
    before = page.evaluate("element => element.getBoundingClientRect().top", link.element_handle())
    installation.ask(
        ROWS + f"tide = Project.objects.get(code={project!r}); xai = Connection.objects.get(provider='xai'); "
        "[job_row(tide, ada, xai, State.SENDING) for _ in range(4)]; [change(job, State.SAVING) for job in Job.objects.filter(project=tide, number__lt=9).select_related('project')]"
    )
    expect(page.locator(f"#clip-{project}-020")).to_be_attached()
    expect(page.locator(f"#clip-{project}-003")).to_have_attribute("data-state", "saving")
    expect(link).to_be_focused()
    assert abs(page.evaluate("element => element.getBoundingClientRect().top", link.element_handle()) - before) < 2
    expect(page.locator("#prompt")).to_have_value("not ordered yet")
    assert page.evaluate(CODES) == [f"{project}-{number:03d}" for number in range(20, 0, -1)]
    assert page.evaluate("window.neverReloaded") is True


def test_older_cards_come_as_one_scrolls_and_stay_in_order(page: Page, installation: Installation, project: str):
    installation.ask(
        ROWS + f"tide = Project.objects.get(code={project!r}); xai = Connection.objects.get(provider='xai'); "
        "[job_row(tide, ada, xai, clips=0) for _ in range(45)]"
    )
    opened(page, installation, project)
    expect(page.locator("article.card")).to_have_count(PAGE)
    for count in (2 * PAGE, 45):
        page.locator("#older a").scroll_into_view_if_needed()
        expect(page.locator("article.card")).to_have_count(count, timeout=20_000)
    assert page.evaluate(CODES) == [f"{project}-{number:03d}" for number in range(45, 0, -1)]
    expect(page.get_by_text("Show older")).to_have_count(0)


def test_a_filtered_board_takes_in_and_lets_go_but_nothing_from_under_a_hand(page: Page, installation: Installation, project: str):
    installation.ask(
        ROWS + f"tide = Project.objects.get(code={project!r}); xai = Connection.objects.get(provider='xai'); "
        "[job_row(tide, ada, xai, State.RENDERING, progress=40) for _ in range(4)]"
    )
    opened(page, installation, project, "?show=progress")
    page.locator(f"#clip-{project}-003 .card__prompt a").focus()
    for number in (2, 3):
        change(installation, project, number, "failed", cause="provider_failed")
    expect(page.locator(f"#clip-{project}-002")).to_have_count(0)
    expect(page.locator(f"#clip-{project}-003[data-gone]")).to_be_attached()
    expect(page.locator(f"#clip-{project}-003 .card__prompt a")).to_be_focused()
    page.locator("#prompt").focus()
    expect(page.locator(f"#clip-{project}-003")).to_have_count(0)
    change(installation, project, 2, "rendering")
    expect(page.locator(f"#clip-{project}-002")).to_be_visible(timeout=30_000)
    assert page.evaluate(CODES) == [f"{project}-{number:03d}" for number in (4, 2, 1)]


def test_a_hidden_tab_asks_nothing_and_catches_up_when_it_is_shown(page: Page, installation: Installation, project: str):
    installation.ask(ROWS + f"job_row(Project.objects.get(code={project!r}), ada, Connection.objects.get(provider='xai'), State.SENDING)")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/pulse/" in request.url else None)
    with page.expect_response(is_promised):
        opened(page, installation, project)
    assert asked
    page.evaluate(SHOW, True)
    page.wait_for_timeout(500)
    asked.clear()
    change(installation, project, 1, "failed", cause="provider_failed")
    page.wait_for_timeout(3_000)
    assert asked == []
    page.evaluate(SHOW, False)
    expect(page.locator("article.card")).to_have_attribute("data-state", "failed", timeout=3_000)


def test_waiting_orders_are_chosen_by_press_shift_and_key_held_back_and_cancelled_with_their_money_said(
    page: Page, installation: Installation, project: str
):
    opened(page, installation, project)
    choose(page, "CometAPI")
    for number in range(5):
        order(page, f"Shot {number} of the tide")
    picks = page.locator(".pick")
    expect(picks).to_have_count(5)
    picks.nth(0).click()
    picks.nth(2).click(modifiers=["Shift"])
    bar = page.locator("#chosen")
    expect(bar).to_contain_text("3 chosen")
    page.locator(f"#clip-{project}-002 .card__prompt a").focus()
    page.keyboard.press("x")
    expect(bar).to_contain_text("4 chosen")
    expect(bar.get_by_role("button", name="Pause 4")).to_contain_text("stay held")
    expect(bar.get_by_role("button", name="Cancel 4")).to_contain_text("come back")
    held = page.locator("#balance").inner_text()
    bar.get_by_role("button", name="Pause 4").click()
    expect(page.locator('[data-state="paused"]')).to_have_count(4)
    expect(page.locator("#toasts")).to_contain_text("4 orders are paused.")
    assert page.locator("#balance").inner_text() == held
    expect(bar).to_contain_text("Go on 4")
    page.once("dialog", lambda dialog: dialog.accept())
    bar.get_by_role("button", name="Cancel 4").click()
    expect(page.locator('[data-state="cancelled"]')).to_have_count(4)
    expect(bar).to_be_hidden()
    expect(page.locator("#toasts")).to_contain_text("4 orders are cancelled.")

    page.locator(f"#clip-{project}-001 .more").click()
    menu = page.locator("#card-menu")
    expect(menu.get_by_role("button", name="First in line")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(menu.get_by_role("button", name="Pause")).to_be_focused()
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(page.locator(f"#clip-{project}-001 .more")).to_be_focused()
    page.locator(f"#clip-{project}-001 .more").press("Enter")
    menu.get_by_role("button", name="Pause").click()
    expect(page.locator(f"#clip-{project}-001")).to_have_attribute("data-state", "paused")


def test_choosing_puts_up_no_barrier_in_either_theme_on_a_laptop_or_a_phone(page: Page, installation: Installation, project: str):
    opened(page, installation, project)
    choose(page, "CometAPI")
    for number in range(2):
        order(page, f"Shot {number} of the tide")
    opened(page, installation, project)
    page.locator(".pick").first.check()
    expect(page.locator("#chosen button[value=cancel]")).to_be_visible()
    found = violations_everywhere(page)
    page.locator("[data-choose-none]").click()
    page.locator(".more").first.click()
    expect(page.locator("#card-menu button").first).to_be_visible()
    assert found + violations_everywhere(page) == []


def test_a_finger_chooses_too(browser: Browser, installation: Installation, admin_key: str, project: str):
    phone = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, reduced_motion="reduce")
    phone.add_cookies([{"name": "sessionid", "value": admin_key, "url": installation.address}])
    page = opened(phone.new_page(), installation, project)
    choose(page, "CometAPI")
    order(page, "A kite above the dunes")
    page.locator(".pick").tap()
    expect(page.locator("#chosen")).to_contain_text("1 chosen")
    page.locator("#chosen button[value=pause]").tap()
    expect(page.locator("article.card")).to_have_attribute("data-state", "paused")
    phone.close()


RECORDER = """
window.told = [];
window.Notification = class extends EventTarget {
  static permission = "default";
  static requestPermission() { this.permission = "granted"; return Promise.resolve("granted"); }
  constructor(title) { super(); window.told.push(title); }
  close() {}
};
"""
SHOW = """hidden => {
  Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});
  document.dispatchEvent(new Event('visibilitychange'));
}"""


def test_a_hidden_page_tells_when_ones_own_clip_ends_if_that_was_asked_for(page: Page, installation: Installation, project: str):
    installation.ask(ROWS + f"job_row(Project.objects.get(code={project!r}), ada, Connection.objects.get(provider='xai'), State.SENDING)")
    page.add_init_script(RECORDER)
    opened(page, installation, project)
    assert page.evaluate("Notification.permission") == "default"  # nobody is asked unasked
    page.locator("#notify").click()
    expect(page.locator("#notify")).to_have_attribute("aria-pressed", "true")
    page.evaluate(SHOW, True)
    change(installation, project, 1, "failed", cause="provider_failed")
    eventually(lambda: page.evaluate("window.told"), within=60)
    assert page.evaluate("window.told") == [f"{project}-001 failed"]
    page.locator("#notify").click()
    expect(page.locator("#notify")).to_have_attribute("aria-pressed", "false")


def looks(installation: Installation, code: str) -> str:
    return installation.ask(f"from studio.jobs.models import Look; print(Look.objects.filter(project__code={code!r}).count())")


def test_what_ended_while_one_was_away_is_marked_until_one_has_looked(page: Page, installation: Installation, project: str):
    installation.ask(ROWS + f"job_row(Project.objects.get(code={project!r}), ada, Connection.objects.get(provider='xai'), State.RENDERING)")
    opened(page, installation, project)
    expect(page.locator("article.card")).to_have_count(1)
    page.goto(f"{installation.address}/me/")
    eventually(
        lambda: looks(installation, project) == "1",
        within=10,
    )
    change(installation, project, 1, "failed", cause="provider_failed")
    opened(page, installation, project)
    expect(page.locator("article.card .tag--new")).to_be_visible()
    page.goto(f"{installation.address}/me/")
    eventually(lambda: (opened(page, installation, project), page.locator(".tag--new").count() == 0)[1], within=10)


# Drafts


WORDS = "شاطئ أسود 🏖️👩‍👩‍👧\nsecond line, <b>not bold</b>"


def test_a_draft_survives_a_reload_and_signing_out_and_is_gone_when_it_was_ordered(page: Page, installation: Installation, project: str):
    opened(page, installation, project)
    page.locator("#prompt").fill(WORDS)
    eventually(lambda: "second line" in drafts(installation, project), within=10)
    page.reload()
    expect(page.locator("#prompt")).to_have_value(WORDS)
    page.goto("about:blank")  # a board that finds itself signed out goes to the door by itself
    page.context.clear_cookies()
    page.context.add_cookies([{"name": "sessionid", "value": installation.ask(SESSION).splitlines()[-1], "url": installation.address}])
    opened(page, installation, project)
    expect(page.locator("#prompt")).to_have_value(WORDS)
    choose(page, "CometAPI")
    page.locator("#composer [type=submit]").click()
    expect(page.locator("article.card")).to_have_count(1)
    expect(page.locator("article.card .card__prompt")).to_contain_text("second line, <b>not bold</b>")
    page.reload()
    expect(page.locator("#prompt")).to_have_value("")


def test_a_text_that_is_left_at_once_is_kept_too(page: Page, installation: Installation, project: str):
    opened(page, installation, project)
    page.locator("#prompt").fill("typed and left")
    opened(page, installation, project)
    expect(page.locator("#prompt")).to_have_value("typed and left")


def test_an_older_tab_is_told_and_replaces_nothing_by_itself(page: Page, context: BrowserContext, installation: Installation, project: str):
    old, new = opened(page, installation, project), opened(context.new_page(), installation, project)
    new.locator("#prompt").fill("the newer text")
    eventually(lambda: "newer" in drafts(installation, project), within=10)
    old.locator("#prompt").fill("an older text")
    said = old.locator("#draft-said")
    expect(said).to_contain_text("“the newer text”")
    assert "newer" in drafts(installation, project)
    said.get_by_role("button", name="Take the other").click()
    expect(old.locator("#prompt")).to_have_value("the newer text")
    new.locator("#prompt").fill("newer still")
    eventually(lambda: "still" in drafts(installation, project), within=10)
    old.locator("#prompt").fill("this one is right")
    said.get_by_role("button", name="Keep this one").click()
    eventually(lambda: "this one is right" in drafts(installation, project), within=10)
    expect(said).to_be_empty()


def test_without_an_answer_a_draft_stays_in_the_browser_and_follows_later(page: Page, installation: Installation, project: str):
    opened(page, installation, project)
    page.route("**/draft/", lambda route: route.abort())
    page.locator("#prompt").fill("written in a tunnel")
    expect(page.locator("#draft-said")).to_contain_text("Not kept on the server yet")
    opened(page, installation, project)
    expect(page.locator("#prompt")).to_have_value("written in a tunnel")
    page.unroute("**/draft/")
    eventually(lambda: "tunnel" in drafts(installation, project), within=20)
    expect(page.locator("#draft-said")).to_be_empty()


def test_what_was_being_written_is_within_reach_after_order_again(page: Page, installation: Installation, project: str):
    installation.ask(
        ROWS + f"job_row(Project.objects.get(code={project!r}), ada, Connection.objects.get(provider='xai'), State.FAILED, cause='moderated')"
    )
    opened(page, installation, project)
    page.locator("#prompt").fill("my own words")
    page.get_by_role("link", name="Edit prompt").click()
    expect(page.locator("#prompt")).to_have_value(re.compile("Slow dolly"))
    page.locator("#draft-said").get_by_role("button", name="Bring it back").click()
    expect(page.locator("#prompt")).to_have_value("my own words")
