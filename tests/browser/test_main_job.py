"""The main job, as a person does it: sign in, order on all five providers at once, watch, play.

The composer begins with what a person ordered last, so who has a clip of a second or two orders more of these, which the sandbox draws quickly.
"""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.composer import choose, order
from tests.browser.conftest import OpenBrowser, Team
from tests.installation import Installation
from tests.time_limits import eventually, milliseconds

PROVIDERS = ("AceData", "CometAPI", "GrokImagine", "TTAPI", "xAI")


def has_ended(page: Page, code: str) -> None:
    """Wait until this order is a clip."""
    expect(page.locator(f"#clip-{code}")).to_have_attribute("data-state", "done", timeout=milliseconds(60))


def test_five_providers_at_once_go_from_prompt_to_a_clip_that_plays_without_a_reload(
    page: Page, installation: Installation, team: Team, make_clips: Callable[..., list[str]]
):
    make_clips(1, seconds=2)
    page.goto(installation.manage("sign_in_link", team.email("alice")).strip().splitlines()[-1].replace("localhost", "127.0.0.1"))
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"**{team.path}")
    page.evaluate("window.neverReloaded = true")
    codes = []
    for provider in PROVIDERS:
        choose(page, provider)
        codes.append(order(page, f"A paper boat on a still pond, {provider}"))
    assert len(set(codes)) == len(PROVIDERS)
    for code in codes:
        has_ended(page, code)
    assert page.evaluate("window.neverReloaded") is True
    expect(page.locator(f"#clip-{codes[0]}")).to_contain_text("sandbox")

    page.locator(f"#clip-{codes[0]} .card__prompt a").click()
    page.wait_for_url("**/clips/**")
    video = page.locator("video")
    eventually(lambda: video.evaluate("video => video.readyState >= 2"), within=20)
    length = video.evaluate("video => video.duration")
    target = length / 2
    video.evaluate("(video, to) => { video.muted = true; video.currentTime = to; return video.play(); }", target)
    eventually(lambda: video.evaluate("(video, to) => video.currentTime > to + 0.1", target), within=20)
    assert page.request.get(video.evaluate("video => video.currentSrc"), headers={"Range": "bytes=0-99"}).status == 206
    expect(page.get_by_text("Reported").or_(page.get_by_text("estimated")).first).to_be_visible()


def test_what_was_typed_stays_when_it_is_refused_and_nothing_is_ordered(open_browser: OpenBrowser, team: Team):
    page = open_browser("alice")
    page.goto(team.path)
    choose(page, "xAI")
    words = "tide " * 900
    page.locator("#prompt").fill(words)
    page.locator("#composer [type=submit]").click()
    expect(page.locator("#composer")).to_contain_text("4,096")
    assert page.locator("#prompt").input_value().strip() == words.strip()
    page.reload()
    expect(page.locator("#composer")).to_be_visible()
    expect(page.locator("article.card")).to_have_count(0)


def test_a_playing_clip_goes_on_while_its_neighbours_change(open_browser: OpenBrowser, team: Team, clips: list[str]):
    page = open_browser("alice")
    page.goto(team.path)
    card = page.locator(f"article.card:has(a[href*='{clips[0]}'])")
    page.evaluate(
        """([card, address]) => {
            const video = Object.assign(document.createElement("video"), {src: address, muted: true, loop: true, id: "kept"});
            card.querySelector(".stage").append(video);
            window.restarts = window.moments = 0;
            video.addEventListener("emptied", () => { window.restarts += 1; });
            video.addEventListener("timeupdate", () => { window.moments += 1; });
            return video.play();
        }""",
        [card.element_handle(), f"{team.path}clips/{clips[0]}/video/"],
    )
    choose(page, "xAI")
    has_ended(page, order(page, "A neighbour that changes"))
    before = page.evaluate("window.moments")
    assert before > 0
    page.wait_for_function("before => window.moments > before", arg=before)
    assert page.evaluate("document.getElementById('kept').isConnected && !document.getElementById('kept').paused")
    assert page.evaluate("window.restarts") == 0


def test_the_same_job_works_on_a_phone(open_browser: OpenBrowser, team: Team, clips: list[str]):
    page = open_browser("alice", phone=True)
    page.goto(team.path)
    code = order(page, "A kite above the dunes")
    has_ended(page, code)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator(f"#clip-{code} .card__prompt a").tap()
    page.wait_for_url("**/clips/**")
    eventually(lambda: page.locator("video").evaluate("video => video.readyState >= 2"), within=20)
