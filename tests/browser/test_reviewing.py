"""Choosing among clips in a real browser: the review queue by keys and by thumb, two clips by one clock, and going on from a frame."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.accessibility import violations_everywhere
from tests.browser.test_deciding import FORGET, ORDER, SAVED
from tests.browser.test_frame import SESSION
from tests.installation import Installation
from tests.time_limits import eventually

pytestmark = [pytest.mark.browser, pytest.mark.looks]

WHAT_BOB_SEES = "from studio.gallery.models import *; print(sorted(ProjectDecision.objects.values_list('verdict', flat=True)))"
LAST_JOB = """
from studio.jobs.models import Job
job = Job.objects.order_by("-created_at").first()
place = job.job_references.select_related("reference").get()
print(job.prompt, place.reference.clip_id, place.reference.moment)
"""


@pytest.fixture(scope="module")
def clips(installation: Installation) -> list[str]:
    """Three saved clips of the demo project, newest first."""
    jobs = installation.ask(ORDER).splitlines()[-3:]

    def saved() -> list[str]:
        found = installation.ask(SAVED.format(jobs=jobs)).split()
        return found if len(found) == len(jobs) else []

    return eventually(saved, within=90, every=1)


@pytest.fixture
def session(installation: Installation, clips: list[str]) -> Iterator[str]:
    """The admin's, while these three alone are undecided."""
    others = "from studio.jobs.models import Clip; from studio.accounts.models import User; admin = User.objects.filter(role='admin').first()"
    rows = "[ProjectDecision(clip=clip, project=clip.project, verdict='maybe', person=admin) for clip in Clip.objects.exclude(pk__in={clips})]"
    installation.ask(f"{FORGET}\n{others}\nProjectDecision.objects.bulk_create({rows.format(clips=clips)})")
    yield installation.ask(SESSION).splitlines()[-1]
    installation.ask(FORGET)


@pytest.fixture
def at(page: Page, context: BrowserContext, installation: Installation, session: str) -> Page:
    context.add_cookies([{"name": "sessionid", "value": session, "url": installation.address}])
    return page


def test_keys_go_through_the_queue_to_its_calm_end(at: Page, installation: Installation, clips: list[str]):
    newest, middle, oldest = clips
    at.goto(f"{installation.address}/p/DEMO/review/")
    expect(at.locator(f"#card-{oldest}")).to_be_visible()
    expect(at.locator("#left")).to_have_text("3 left")
    found = violations_everywhere(at)

    at.keyboard.press("ArrowRight")
    expect(at.locator(f"#card-{middle}")).to_be_visible()
    expect(at.locator("#said")).to_contain_text("is picked")
    at.keyboard.press("u")
    expect(at.locator(f"#card-{oldest}")).to_be_visible()
    at.keyboard.press("3")
    expect(at.locator(f"#card-{middle}")).to_be_visible()
    at.keyboard.press("s")
    expect(at.locator(f"#card-{newest}")).to_be_visible()
    at.keyboard.press("ArrowUp")
    at.get_by_role("link", name="Look at it again").press("Enter")
    expect(at.locator(f"#card-{middle}")).to_be_visible()
    at.keyboard.press("ArrowLeft")

    expect(at.locator("#end-h")).to_have_text("Nothing is left to decide.")
    assert found == []


def swipe(page: Page, x: int, y: int) -> None:
    """A finger goes that far over the clip, and rests before it leaves: after a fling a browser takes the next tap for its end."""
    box = page.locator("[data-card]").bounding_box()
    assert box
    start = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    finger = page.context.new_cdp_session(page)
    finger.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": start[0], "y": start[1]}]})
    for part in (0.3, 0.6, 0.9, 1.0, 1.0):
        page.wait_for_timeout(30)
        finger.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": start[0] + x * part, "y": start[1] + y * part}]})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_a_thumb_swipes_and_taps_through_the_queue(installation: Installation, browser: Browser, session: str, clips: list[str]):
    phone = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, reduced_motion="reduce")
    phone.add_cookies([{"name": "sessionid", "value": session, "url": installation.address}])
    page = phone.new_page()
    page.set_default_timeout(20_000)
    newest, middle, oldest = clips
    page.goto(f"{installation.address}/review/")
    expect(page.locator(f"#card-{oldest}")).to_be_visible()
    button = page.locator('.rev__press [data-verdict="pick"]').bounding_box()
    assert button
    assert button["height"] >= 44
    assert button["y"] > 844 * 0.8  # where the thumb is

    swipe(page, 20, 0)  # too short: nothing happens
    expect(page.locator(f"#card-{oldest}")).to_be_visible()
    swipe(page, 150, 10)
    expect(page.locator(f"#card-{middle}")).to_be_visible()
    swipe(page, 10, -150)
    expect(page.locator(f"#card-{newest}")).to_be_visible()
    page.locator('.rev__press [data-verdict="reject"]').tap()
    expect(page.locator("#end-h")).to_have_text("Nothing is left to decide.")
    phone.close()

    told = installation.ask(WHAT_BOB_SEES)
    assert [told.count(verdict) > 0 for verdict in ("'pick'", "'reject'")] == [True, True]


def test_two_clips_play_by_one_clock_and_each_is_decided(at: Page, installation: Installation, clips: list[str]):
    at.goto(f"{installation.address}/p/DEMO/compare/?clips={clips[0]},{clips[1]}")
    at.wait_for_function("() => [...document.querySelectorAll('[data-pane] video')].every((video) => video.readyState >= 3)")
    found = violations_everywhere(at)

    at.keyboard.press(" ")
    at.wait_for_function("() => Number(document.getElementById('cmp-at').value) > 300")
    apart = at.evaluate(
        "() => { const [one, two] = document.querySelectorAll('[data-pane] video'); return Math.abs(one.currentTime - two.currentTime); }"
    )
    assert apart < 0.15
    at.keyboard.press(" ")
    times = at.evaluate(
        "() => [...document.querySelectorAll('[data-pane] video')].map((video) => [video.paused, video.currentTime.toFixed(3)].join())"
    )
    assert times[0] == times[1]
    assert times[0].startswith("true")

    at.locator("#cmp-at").fill("700")
    expect(at.locator("#cmp-tc")).to_have_text("00:00.70")
    at.keyboard.press("2")
    at.keyboard.press("m")
    assert at.evaluate("() => [...document.querySelectorAll('[data-pane] video')].map((video) => video.muted)") == [True, False]
    at.keyboard.press("p")
    expect(at.locator(f"#decide-{clips[1]}")).to_contain_text("Picked by")
    at.keyboard.press("1")
    at.keyboard.press("r")
    expect(at.locator(f"#decide-{clips[0]}")).to_contain_text("Rejected by")
    assert found == []


def test_a_frame_becomes_the_reference_of_a_new_order_and_the_old_words_stay_within_reach(at: Page, installation: Installation, clips: list[str]):
    at.goto(f"{installation.address}/p/DEMO/")
    at.fill("#prompt", "A heron at dawn")
    at.wait_for_timeout(1200)  # the draft is sent after a pause
    at.goto(f"{installation.address}/p/DEMO/clips/{clips[0]}/?t=0.5")
    at.wait_for_function("() => document.getElementById('video').currentTime === 0.5 && !document.getElementById('video').seeking")
    at.keyboard.press("n")

    at.wait_for_url("**/p/DEMO/**")
    expect(at.locator("#refs [data-ref]")).to_have_count(1)
    expect(at.locator("#draft-said")).to_contain_text("was put aside")
    at.fill("#prompt", "It goes on")
    at.get_by_role("button", name="Add a reference image").click()
    at.get_by_role("button", name="From a clip").click()
    at.locator(f'[data-frames-clip*="{clips[0]}"]').click()
    at.locator("#frames-at").fill("500")
    at.get_by_role("button", name="Use this frame").click()
    expect(at.locator("#frames")).to_be_hidden()
    expect(at.locator("#refs [data-ref]")).to_have_count(1)  # the same frame is the same image
    before = at.locator("article.card").count()
    at.get_by_role("button", name="Generate").click()
    expect(at.locator("article.card")).to_have_count(before + 1)

    assert installation.ask(LAST_JOB) == f"It goes on {clips[0]} 500"
