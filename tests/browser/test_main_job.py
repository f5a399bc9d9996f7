"""The main job, as a person does it: sign in, order on all five providers at once, watch, play."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.composer import choose, order
from tests.installation import Installation
from tests.time_limits import eventually

PROVIDERS = ("AceData", "CometAPI", "GrokImagine", "TTAPI", "xAI")

pytestmark = pytest.mark.browser


@pytest.fixture
def studio(installation: Installation, page: Page) -> Page:
    """The demo project's Studio, signed in as the admin by a link of its own, with nothing that another story has begun."""
    installation.ask("from studio.jobs.models import Draft; Draft.objects.all().delete()")
    page.goto(installation.manage("sign_in_link").strip().splitlines()[-1].replace("localhost", "127.0.0.1"))
    page.wait_for_url("**/p/*/")
    page.goto(f"{installation.address}/p/DEMO/")
    return page


def test_five_providers_at_once_go_from_prompt_to_a_clip_that_plays_without_a_reload(studio: Page):
    page = studio
    page.evaluate("window.neverReloaded = true")
    codes = []
    for provider in PROVIDERS:
        choose(page, provider)
        codes.append(order(page, f"A paper boat on a still pond, {provider}"))
    assert len(set(codes)) == len(PROVIDERS)
    for code in codes:
        expect(page.locator(f"#clip-{code}")).to_have_attribute("data-state", "done", timeout=90_000)
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


def test_what_was_typed_stays_when_it_is_refused_and_nothing_is_ordered(studio: Page):
    page = studio
    choose(page, "xAI")
    cards = page.locator("article.card").count()
    words = "tide " * 900
    page.locator("#prompt").fill(words)
    page.locator("#composer [type=submit]").click()
    expect(page.locator("#composer")).to_contain_text("4,096")
    assert page.locator("#prompt").input_value().strip() == words.strip()
    assert page.locator("article.card").count() == cards


def test_a_playing_clip_goes_on_while_its_neighbours_change(studio: Page):
    page = studio
    choose(page, "xAI")
    code = order(page, "A lantern on a river")
    expect(page.locator(f"#clip-{code}")).to_have_attribute("data-state", "done", timeout=60_000)
    page.evaluate(
        """([id, address]) => {
            const video = Object.assign(document.createElement("video"), {src: address, muted: true, loop: true, id: "kept"});
            document.querySelector(id).querySelector(".stage").append(video);
            window.restarts = 0;
            video.addEventListener("emptied", () => { window.restarts += 1; });
            return video.play();
        }""",
        [f"#clip-{code}", (page.locator(f"#clip-{code} a[href*='/download/']").get_attribute("href") or "").replace("/download/", "/video/")],
    )
    other = order(page, "A neighbour that changes")
    expect(page.locator(f"#clip-{other}")).to_have_attribute("data-state", "done", timeout=60_000)
    assert page.evaluate("window.restarts") == 0
    assert page.evaluate("document.getElementById('kept').currentTime > 0 && !document.getElementById('kept').paused")


def test_the_same_job_works_on_a_phone(installation: Installation, browser: Browser):
    phone = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, reduced_motion="reduce")
    page = phone.new_page()
    page.set_default_timeout(20_000)
    page.goto(installation.manage("sign_in_link").strip().splitlines()[-1].replace("localhost", "127.0.0.1"))
    page.wait_for_url("**/p/*/")
    page.goto(f"{installation.address}/p/DEMO/")
    code = order(page, "A kite above the dunes")
    expect(page.locator(f"#clip-{code}")).to_have_attribute("data-state", "done", timeout=60_000)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator(f"#clip-{code} .card__prompt a").tap()
    page.wait_for_url(re.compile(r"/clips/"))
    eventually(lambda: page.locator("video").evaluate("video => video.readyState >= 2"), within=20)
    phone.close()
