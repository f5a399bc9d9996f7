"""A session that ends or changes while a page is open: whoever signs in on top of the work goes on with it, and nothing typed is lost."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.accessibility import violations_everywhere
from tests.browser.conftest import OpenBrowser, Team
from tests.browser.test_around import PASTE
from tests.installation import Installation
from tests.time_limits import eventually, milliseconds

Seed = Callable[..., Any]
PASSWORD = "correct horse battery"
WORDS = "A lantern on a still lake"
PRESS = "button => button.click()"


@pytest.fixture
def alice(team: Team, open_browser: OpenBrowser, seed: Seed, installation: Installation) -> Page:
    """The browser of Alice, who makes, and has a password."""
    page = open_browser()
    seed("set_password", "alice", PASSWORD)
    page.context.add_cookies([{"name": "sessionid", "value": seed("sign_in", "alice"), "url": installation.address}])
    return page


def opened(page: Page, path: str) -> Page:
    page.goto(path)
    page.evaluate("window.neverReloaded = true")
    return page


def sign_in(page: Page, password: str = PASSWORD, *, email: str | None = None) -> None:
    """Sign in in the dialog that came by itself."""
    dialog = page.locator("#sign-in")
    expect(dialog).to_be_visible()
    if email:
        dialog.locator("[name=login]").fill(email)
    dialog.locator("[name=password]").fill(password)
    dialog.get_by_role("button", name="Sign in").click()


def generate(page: Page) -> None:
    """Press Generate, whether or not a poll has opened the dialog already."""
    page.locator("#composer [type=submit]").evaluate(PRESS)


def is_back(page: Page) -> None:
    """The page's person is signed in again, and the page was never loaded anew."""
    expect(page.locator("#sign-in")).to_be_hidden()
    expect(page.locator("#toasts")).not_to_contain_text("You are signed out")
    assert page.evaluate("window.neverReloaded") is True


def line(page: Page) -> Any:
    """What stays in view while nobody, or somebody else, is signed in."""
    return page.locator('.toast[data-kind="session"]')


def sign_in_elsewhere(page: Page, email: str) -> None:
    """Sign out and in again, as anybody, in a second tab of the same browser."""
    other = page.context.new_page()
    other.goto("/accounts/logout/")
    other.get_by_role("button", name="Sign out").click()
    other.locator("[name=login]").fill(email)
    other.locator("[name=password]").fill(PASSWORD)
    other.get_by_role("button", name="Sign in").click()
    expect(other.locator("#sign-in")).to_have_count(1)
    other.close()


# Signed out while a page is open


def test_a_jobs_page_keeps_what_it_shows_and_goes_on_after_the_sign_in(alice: Page, team: Team, seed: Seed):
    seed("jobs", 1, "rendering", prompt="Fog over the pier")
    opened(alice, f"{team.path}jobs/1/")
    seed("sign_out", "alice")
    expect(alice.locator("#sign-in")).to_be_visible()
    expect(alice.locator("#prompt-text")).to_have_text("Fog over the pier")
    expect(alice).to_have_title(f"{team.code}-001 · Studio")
    seed("move", 1, to="failed", cause="provider_failed")
    sign_in(alice)
    expect(alice.locator("#facts article.card, #facts .note")).to_contain_text("could not make it", timeout=milliseconds(40))
    is_back(alice)


def test_a_prompt_that_is_being_written_keeps_its_words_its_variables_and_its_button(alice: Page, team: Team, seed: Seed):
    opened(alice, "/prompts/new/")
    alice.locator("#id_name").fill("Herons")
    alice.locator("#id_text").fill("A {{bird}} in fog")
    expect(alice.locator("#variables .varset__one")).to_have_count(1)
    alice.locator('[name="default:bird"]').fill("heron")
    seed("sign_out", "alice")
    alice.locator("#id_text").press_sequentially("{{bird}} by the {{water}}")
    expect(line(alice)).to_contain_text("You are signed out. What you typed is still here.")
    expect(alice.locator("#variables .varset__one")).to_have_count(1)
    sign_in(alice)
    expect(alice.locator("#variables .varset__one")).to_have_count(2)
    expect(alice.locator('[name="default:bird"]')).to_have_value("heron")
    alice.get_by_role("button", name="Keep in the library").click()
    expect(alice.locator("h1")).to_contain_text("Herons")


@pytest.mark.parametrize("by", ["keys", "dictation"])
def test_the_dialog_does_not_come_under_the_hands_of_somebody_who_types(alice: Page, team: Team, seed: Seed, by: str):
    alice.clock.install(time="2026-01-01")
    opened(alice, "/prompts/new/")
    alice.clock.pause_at("2026-01-02")
    seed("sign_out", "alice")
    alice.locator("#id_text").focus()
    write = alice.keyboard.type if by == "keys" else alice.keyboard.insert_text  # the second presses no keys
    write("{{bird}}")
    alice.clock.run_for(600)
    expect(line(alice)).to_be_visible()
    for letter in " in fog":
        alice.clock.run_for(900)
        write(letter)
    expect(alice.locator("#sign-in")).to_be_hidden()
    expect(alice.locator("#id_text")).to_have_value("{{bird}} in fog")
    alice.clock.run_for(2500)
    expect(alice.locator("#sign-in")).to_be_visible()
    expect(alice.locator("#sign-in-password")).to_be_focused()


def test_a_new_projects_form_stays_whole(alice: Page, team: Team, seed: Seed):
    opened(alice, "/projects/new/")
    seed("sign_out", "alice")
    alice.locator("#id_name").press_sequentially("Night ferries")
    sign_in(alice)
    expect(alice.locator("#code-field b")).to_have_text(re.compile(r"NIGH\d*"))  # another test's project may have the code
    expect(alice.locator("#id_name")).to_have_value("Night ferries")
    is_back(alice)


def test_another_duration_is_priced_after_the_sign_in(alice: Page, team: Team, seed: Seed):
    opened(alice, team.path)
    alice.locator("#prompt").fill(WORDS)
    before = alice.locator(".quote").first.inner_text()
    seed("sign_out", "alice")
    alice.locator("#composer [name=duration]").select_option("1")
    expect(alice.locator("#composer-bar [name=duration]")).to_have_value("1")
    sign_in(alice)
    expect(alice.locator(".quote").first).not_to_have_text(before)
    expect(alice.locator("#prompt")).to_have_value(WORDS)
    is_back(alice)


def test_the_librarys_dialog_holds_prompts_after_the_sign_in(alice: Page, team: Team, seed: Seed):
    opened(alice, team.path)
    seed("sign_out", "alice")
    alice.locator("[commandfor=library][command=show-modal]").click()
    sign_in(alice)
    expect(alice.locator("#library")).to_be_visible()
    expect(alice.locator("#library-q")).to_be_visible()
    expect(alice.locator("#library [name=login]")).to_have_count(0)
    is_back(alice)


def test_an_order_goes_out_once_after_the_sign_in_and_nothing_is_typed_again(alice: Page, team: Team, seed: Seed):
    seed("hold_back")
    opened(alice, team.path)
    alice.locator("#prompt").fill(WORDS)
    seed("sign_out", "alice")
    generate(alice)
    expect(alice.locator("#sign-in-password")).to_be_focused()
    assert seed("shots") == []
    sign_in(alice)
    expect(alice.locator("article.card")).to_have_count(1)
    expect(alice.locator("article.card")).to_contain_text(WORDS)
    is_back(alice)
    assert seed("shots") == [["Alice", WORDS]]
    alice.locator("#composer [type=submit]").click()  # with the new token
    expect(alice.locator("article.card")).to_have_count(2)


def test_a_comment_is_said_once_after_the_sign_in(alice: Page, team: Team, seed: Seed, clips: list[str]):
    opened(alice, f"{team.path}clips/{clips[0]}/")
    alice.locator("#say-text").fill("The fog is too thick")
    seed("sign_out", "alice")
    alice.locator("#say [data-say-send]").evaluate(PRESS)
    sign_in(alice)
    expect(alice.locator("#thread .cmt")).to_have_count(1)
    expect(alice.locator("#say-text")).to_have_value("")
    is_back(alice)
    assert seed("comments") == ["The fog is too thick"]


def test_a_picture_is_taken_after_the_sign_in(alice: Page, team: Team, seed: Seed):
    opened(alice, team.path)
    before = alice.locator("#refs [data-ref]").count()
    seed("sign_out", "alice")
    alice.evaluate(PASTE)
    sign_in(alice)
    expect(alice.locator("#refs [data-ref]")).to_have_count(before + 1)
    is_back(alice)


def test_a_form_that_leaves_the_page_is_sent_after_the_sign_in(alice: Page, team: Team, seed: Seed):
    opened(alice, "/me/")
    alice.locator("#id_name").fill("Alice Lindqvist")
    seed("sign_out", "alice")
    alice.get_by_role("button", name="Save").click()
    sign_in(alice)
    expect(alice.locator("#toasts")).to_contain_text("Saved")
    expect(alice.locator("#id_name")).to_have_value("Alice Lindqvist")


# The dialog


def test_a_wrong_password_is_said_in_the_dialog_and_closing_it_keeps_the_words(alice: Page, team: Team, seed: Seed):
    opened(alice, team.path)
    alice.locator("#prompt").fill(WORDS)
    seed("sign_out", "alice")
    generate(alice)
    sign_in(alice, "wrong horse battery")
    expect(alice.locator("#sign-in [role=alert]")).to_have_text("This e-mail address and password do not match.")
    alice.keyboard.press("Escape")
    expect(alice.locator("#sign-in")).to_be_hidden()
    expect(alice.locator("#prompt")).to_have_value(WORDS)
    expect(alice.locator("#composer [type=submit]")).to_be_enabled()
    line(alice).get_by_role("button", name="Sign in").click()
    sign_in(alice)
    is_back(alice)
    assert seed("shots") == []  # it was taken back with the dialog
    expect(alice.locator("#prompt")).to_have_value(WORDS)


@pytest.mark.parametrize(("status", "said"), [(507, "The studio’s disk is full or closed to it."), (503, "The studio is busy and did not answer.")])
def test_why_nobody_can_sign_in_now_is_said_in_the_dialog(alice: Page, team: Team, seed: Seed, status: int, said: str):
    opened(alice, "/me/")
    seed("sign_out", "alice")
    alice.route("**/accounts/login/", lambda route: route.fulfill(status=status, content_type="text/html", body="<!doctype html>"))
    alice.get_by_role("button", name="Save").click()
    sign_in(alice)
    expect(alice.locator("#sign-in-problem")).to_contain_text(said)


def test_tries_in_the_dialog_are_throttled_as_on_the_sign_in_page(alice: Page, team: Team, seed: Seed):
    opened(alice, "/me/")
    seed("sign_out", "alice")
    alice.get_by_role("button", name="Save").click()
    problem = alice.locator("#sign-in-problem")
    for _ in range(12):
        sign_in(alice, "wrong horse battery")
        expect(problem).to_be_visible()
        expect(alice.locator("#sign-in:not([data-busy])")).to_be_visible()
        if "Too many tries" in problem.inner_text():
            break
    expect(problem).to_contain_text("Too many tries")
    seed("forget_tries")


def test_polls_open_one_dialog_and_ask_nothing_while_nobody_is_signed_in(alice: Page, team: Team, seed: Seed):
    seed("jobs", 3, "rendering")
    opened(alice, team.path)
    asked: list[str] = []
    seed("sign_out", "alice")
    expect(alice.locator("#sign-in")).to_be_visible()
    alice.keyboard.press("Escape")
    alice.on("request", lambda request: asked.append(request.url))
    alice.wait_for_function("(then => () => Date.now() - then > 6000)(Date.now())")
    assert asked == []
    expect(alice.locator("#sign-in")).to_be_hidden()
    expect(line(alice)).to_have_count(1)


def test_the_dialog_is_accessible_in_either_theme_on_a_laptop_or_a_phone(alice: Page, team: Team, seed: Seed):
    opened(alice, "/me/")
    seed("sign_out", "alice")
    alice.get_by_role("button", name="Save").click()
    sign_in(alice, "wrong horse battery")
    expect(alice.locator("#sign-in-problem")).to_be_visible()
    found = violations_everywhere(alice)
    alice.keyboard.press("Escape")
    expect(line(alice)).to_be_visible()
    assert found + violations_everywhere(alice) == []


# Somebody else


def test_somebody_else_who_signs_in_sends_nothing_of_the_first_persons_work(alice: Page, team: Team, seed: Seed):
    seed("set_password", "bob", PASSWORD)
    seed("hold_back")
    opened(alice, team.path)
    alice.locator("#prompt").fill(WORDS)
    seed("sign_out", "alice")
    generate(alice)
    sign_in(alice, email=team.email("bob"))
    expect(line(alice)).to_contain_text("Bob has signed in in this browser. This page belongs to Alice")
    expect(alice.locator("#sign-in")).to_be_hidden()
    alice.locator("#composer [type=submit]").click()
    expect(alice.locator("#composer [type=submit]")).to_be_enabled()
    expect(alice.locator("#prompt")).to_have_value(WORDS)
    assert seed("shots") == []
    line(alice).get_by_role("button", name="Load the page again").click()
    expect(alice.locator("#prompt")).to_have_value("")  # Bob's own


def test_a_page_hears_that_somebody_else_signed_in_in_another_tab_and_draws_nothing_of_theirs(alice: Page, team: Team, seed: Seed):
    seed("set_password", "bob", PASSWORD)
    seed("set_password", "bob", PASSWORD)
    opened(alice, team.path)
    alice.locator("#prompt").fill(WORDS)
    sign_in_elsewhere(alice, team.email("bob"))
    seed("jobs", 1, "rendering")
    expect(line(alice)).to_contain_text("Bob has signed in", timeout=milliseconds(60))
    expect(alice.locator("article.card")).to_have_count(0)
    expect(alice.locator("#prompt")).to_have_value(WORDS)


def test_a_page_that_has_noticed_the_end_hears_of_a_sign_in_in_another_tab_without_being_looked_at(alice: Page, team: Team, seed: Seed):
    opened(alice, team.path)
    alice.locator("#prompt").fill(WORDS)
    other = alice.context.new_page()
    other.goto("/accounts/logout/")
    other.get_by_role("button", name="Sign out").click()
    expect(alice.locator("#sign-in")).to_be_visible(timeout=milliseconds(60))
    other.locator("[name=login]").fill(team.email("alice"))
    other.locator("[name=password]").fill(PASSWORD)
    other.get_by_role("button", name="Sign in").click()
    expect(alice.locator("#sign-in")).to_be_hidden()
    expect(alice.locator("#prompt")).to_have_value(WORDS)
    is_back(alice)


# Signed in again in another tab: the token of this page is older than the session


def test_an_order_goes_out_with_a_new_token_and_nobody_notices(alice: Page, team: Team, seed: Seed):
    seed("hold_back")
    opened(alice, team.path)
    alice.locator("#prompt").fill(WORDS)
    sign_in_elsewhere(alice, team.email("alice"))
    alice.locator("#composer [type=submit]").click()
    expect(alice.locator("article.card")).to_have_count(1)
    expect(alice.locator("#toasts .toast")).to_have_count(0)
    assert seed("shots") == [["Alice", WORDS]]
    is_back(alice)


def test_a_draft_is_kept_with_a_new_token(alice: Page, team: Team, seed: Seed):
    opened(alice, team.path)
    sign_in_elsewhere(alice, team.email("alice"))
    alice.locator("#prompt").fill(WORDS)
    eventually(lambda: WORDS in str(seed("drafts")), within=20)
    expect(alice.locator("#draft-said")).to_have_text("")


def test_a_form_that_leaves_the_page_goes_with_a_new_token(alice: Page, team: Team):
    opened(alice, "/me/")
    alice.locator("#id_name").fill("Alice Lindqvist")
    sign_in_elsewhere(alice, team.email("alice"))
    alice.get_by_role("button", name="Save").click()
    expect(alice.locator("#toasts")).to_contain_text("Saved")


def test_a_guests_page_goes_on_when_somebody_signs_in_in_the_same_browser(alice: Page, team: Team, clips: list[str]):
    opened(alice, f"{team.path}clips/{clips[0]}/")
    alice.get_by_role("link", name="Share").click()
    alice.locator("#sharing").get_by_label("Comment").check()
    alice.get_by_role("button", name="Make the link").click()
    opened(alice, alice.locator("#made-link").input_value())
    sign_in_elsewhere(alice, team.email("alice"))
    alice.locator("#say [name=name]").fill("Mia")
    alice.locator("#say-text").fill(WORDS)
    alice.locator("#say [data-say-send]").click()
    expect(alice.locator("#thread .cmt")).to_contain_text(WORDS)
    assert alice.evaluate("window.neverReloaded") is True


def test_a_line_goes_when_its_person_is_signed_in_by_another_tab(alice: Page, team: Team, seed: Seed):
    opened(alice, team.path)
    alice.locator("#prompt").fill(WORDS)
    seed("sign_out", "alice")
    generate(alice)
    alice.locator("#sign-in").get_by_role("button", name="Not now").click()
    expect(line(alice)).to_be_visible()
    other = alice.context.new_page()
    other.goto("/accounts/login/")
    other.locator("[name=login]").fill(team.email("alice"))
    other.locator("[name=password]").fill(PASSWORD)
    other.get_by_role("button", name="Sign in").click()
    expect(other.locator("#sign-in")).to_have_count(1)
    alice.bring_to_front()
    alice.evaluate("dispatchEvent(new Event('focus'))")
    is_back(alice)
    expect(line(alice)).to_have_count(0)


# Rights that ended, and why something was not done


def test_a_board_that_is_no_longer_open_to_somebody_keeps_their_words(alice: Page, team: Team, seed: Seed):
    seed("jobs", 1, "rendering")
    opened(alice, team.path)
    alice.locator("#prompt").fill(WORDS)
    seed("remove_member", "alice")
    expect(alice.locator("#toasts")).to_contain_text("You can no longer open this project", timeout=milliseconds(60))
    expect(alice.locator("#prompt")).to_have_value(WORDS)
    assert alice.evaluate("window.neverReloaded") is True
    expect(alice.locator("#toasts").get_by_role("link", name="Leave")).to_have_attribute("href", "/")
    seed("add_member", "alice")
    expect(alice.locator("#toasts")).not_to_contain_text("You can no longer open", timeout=milliseconds(60))
    expect(alice.locator("#prompt")).to_have_value(WORDS)


CAUSES = {
    400: "could not read",
    403: "not allowed",
    404: "not there any more",
    413: "Too large",
    429: "Try again in 40 s",
    500: "Something went wrong at the studio",
    502: "not running",
    503: "studio is busy",
}


def answer_with(status: int) -> Callable[[Route], None]:
    """An answer of this status to whatever is asked."""
    return lambda route: route.fulfill(status=status, body="no", headers={"Retry-After": "40"})


def test_a_toast_names_the_true_cause(alice: Page, team: Team):
    opened(alice, team.path)
    alice.locator("#prompt").fill(WORDS)
    for status, words in CAUSES.items():
        alice.route("**/jobs/", answer_with(status))
        alice.locator("#composer [type=submit]").click()
        expect(alice.locator("#toasts")).to_contain_text(words)
        expect(alice.locator("#toasts .toast")).to_have_count(1)
    alice.route("**/jobs/", lambda route: route.abort())
    alice.locator("#composer [type=submit]").click()
    expect(alice.locator("#toasts")).to_contain_text("No answer from the studio")
    alice.context.set_offline(True)
    alice.locator("#composer [type=submit]").click()
    expect(alice.locator("#toasts")).to_contain_text("You are offline")
    expect(alice.locator("#prompt")).to_have_value(WORDS)
    alice.context.set_offline(False)


# Offline, and a server that was restarted


def test_a_jobs_page_waits_for_a_restarted_server(alice: Page, team: Team, seed: Seed, installation: Installation):
    seed("jobs", 1, "rendering", prompt="Fog over the pier")
    opened(alice, f"{team.path}jobs/1/")
    installation.stop()
    expect(alice.locator("#prompt-text")).to_have_text("Fog over the pier")
    seed("move", 1, to="failed", cause="provider_failed")
    installation.start()
    expect(alice.locator("#facts .note")).to_contain_text("could not make it", timeout=milliseconds(60))
    assert alice.evaluate("window.neverReloaded") is True


def test_a_form_that_leaves_the_page_stays_while_there_is_no_answer(alice: Page, team: Team):
    opened(alice, "/projects/new/")
    alice.locator("#id_name").fill("Night ferries")
    expect(alice.locator("#code-field b")).to_be_visible()
    alice.context.set_offline(True)
    alice.get_by_role("button", name="Start the project").click()
    expect(alice.locator("#toasts")).to_contain_text("You are offline. What you typed is still here")
    expect(alice.locator("#id_name")).to_have_value("Night ferries")
    alice.context.set_offline(False)
    alice.get_by_role("button", name="Start the project").click()
    expect(alice.locator("h1")).to_contain_text("Night ferries")


# Answers are told until they were shown


def test_an_answer_to_a_request_for_credits_comes_again_when_the_page_that_had_it_was_lost(alice: Page, team: Team, seed: Seed):
    opened(alice, "/me/")
    alice.route("**/requests/told/", lambda route: route.abort())
    seed("answered_request", "alice", by="dave")
    alice.goto("/me/")
    expect(alice.locator("#toasts")).to_contain_text("Dave declined your request")
    alice.unroute("**/requests/told/")
    with alice.expect_response("**/requests/told/"):
        alice.reload()
    expect(alice.locator("#toasts")).to_contain_text("Dave declined your request")
    alice.reload()
    expect(alice.locator("#toasts .toast")).to_have_count(0)
