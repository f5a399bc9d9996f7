"""Deciding in a real browser: keys in the viewing room and on the wall, a thumb on a phone, and that neither puts up a barrier."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.test_frame import SESSION, WIDE, barriers, barriers_everywhere
from tests.installation import Installation, eventually

pytestmark = [pytest.mark.browser, pytest.mark.looks]

ORDER = """
from uuid import uuid4
from studio.accounts.models import User
from studio.credits import ledger
from studio.jobs.actions import Order, order
from studio.projects.models import Project
from studio.providers.contract import Brief
from studio.routing.models import Connection
admin, project = User.objects.filter(role="admin").first(), Project.objects.get(code="DEMO")
ledger.grant(admin, 1_000_000, key="to decide", reason="Clips to decide about", actor=None)
brief = Brief(prompt="A clip to decide about", aspect_ratio="16:9", duration=1, resolution="480p", model="grok-imagine-video")
for _ in range(3):
    job = order(author=admin, project=project, what=Order(connection=Connection.objects.get(provider="xai"), brief=brief), order_key=uuid4())
    print(job.pk)
"""
SAVED = """
from studio.jobs.models import Clip
for clip in Clip.objects.filter(job__in={jobs}, saved_at__isnull=False).order_by("-saved_at", "-pk"):
    print(clip.pk)
"""
FORGET = "from studio.gallery.models import *; Decision.objects.all().delete(); ProjectDecision.objects.all().delete()"


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
    """The admin's, before anything is decided."""
    installation.ask(FORGET)
    yield installation.ask(SESSION).splitlines()[-1]
    installation.ask(FORGET)


@pytest.fixture
def at(page: Page, context: BrowserContext, installation: Installation, session: str) -> Page:
    context.add_cookies([{"name": "sessionid", "value": session, "url": installation.address}])
    return page


def pressed(page: Page) -> list[str]:
    """The buttons of the viewing room that are pressed."""
    found: list[str] = page.locator('.verdicts [aria-pressed="true"]').evaluate_all("buttons => buttons.map(button => button.dataset.verdict)")
    return found


def test_keys_decide_in_the_room_and_the_same_key_takes_back(at: Page, installation: Installation, clips: list[str]):
    at.goto(f"{installation.address}/p/DEMO/clips/{clips[1]}/")
    video = at.locator("#video")
    video.evaluate("video => { window.same = video; }")
    at.keyboard.press("1")
    expect(at.locator('.verdicts [data-verdict="pick"]')).to_have_attribute("aria-pressed", "true")
    expect(at.locator(".decide__said")).to_contain_text("Picked by")
    at.keyboard.press("3")
    expect(at.locator('.verdicts [data-verdict="reject"]')).to_have_attribute("aria-pressed", "true")
    assert pressed(at) == ["reject"]
    assert barriers(at) == []

    at.locator(".toast").get_by_role("button", name="Undo").click()
    expect(at.locator('.verdicts [data-verdict="pick"]')).to_have_attribute("aria-pressed", "true")
    at.keyboard.press("1")
    expect(at.locator(".decide__said")).to_contain_text("Not decided yet.")
    assert video.evaluate("video => video === window.same")  # what plays is not touched

    at.keyboard.press("2")
    expect(at.locator('.verdicts [data-verdict="maybe"]')).to_have_attribute("aria-pressed", "true")
    at.reload()
    assert pressed(at) == ["maybe"]
    at.keyboard.press("ArrowRight")
    at.wait_for_url(f"**/{clips[2]}/**")


def test_a_key_that_is_held_down_is_one_press(at: Page, installation: Installation, clips: list[str]):
    at.goto(f"{installation.address}/p/DEMO/clips/{clips[0]}/")
    posts: list[str] = []
    at.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
    for _ in range(5):
        at.keyboard.down("1")
    at.keyboard.up("1")
    expect(at.locator('.verdicts [data-verdict="pick"]')).to_have_attribute("aria-pressed", "true")
    assert len(posts) == 1


def test_keys_decide_about_the_tile_that_has_the_focus(at: Page, installation: Installation, clips: list[str]):
    at.goto(f"{installation.address}/p/DEMO/gallery/")
    tile = at.locator(f"#tile-{clips[0]}")
    tile.locator("> a").focus()
    at.keyboard.press("3")
    expect(tile.locator(".tile__decide")).to_have_attribute("data-verdict", "reject")
    expect(tile.locator("> a")).to_be_focused()
    expect(at.locator("#shows")).to_contain_text("Show 1 rejected")
    expect(at.locator(f"#tile-{clips[1]} .verdict")).to_have_count(0)
    assert barriers(at) == []

    at.reload()
    expect(tile).to_have_count(0)
    at.get_by_role("link", name="Show 1 rejected").click()
    expect(tile).to_have_count(1)
    tile.hover()
    tile.get_by_role("button", name="Reject").click()
    expect(tile.locator(".verdict")).to_have_count(0)


def test_without_a_tile_in_hand_a_key_decides_nothing(at: Page, installation: Installation, clips: list[str]):
    at.goto(f"{installation.address}/p/DEMO/gallery/")
    at.mouse.move(2, 2)
    posts: list[str] = []
    at.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
    at.keyboard.press("1")
    at.keyboard.press("?")
    expect(at.locator("#keys")).to_be_visible()
    assert posts == []


def test_a_thumb_decides_on_a_phone(installation: Installation, browser: Browser, session: str, clips: list[str]):
    phone = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, reduced_motion="reduce")
    phone.add_cookies([{"name": "sessionid", "value": session, "url": installation.address}])
    page = phone.new_page()
    page.set_default_timeout(20_000)
    page.goto(f"{installation.address}/p/DEMO/gallery/?show=undecided")
    page.locator(f"#tile-{clips[0]} > a").tap()
    page.wait_for_url(f"**/{clips[0]}/?show=undecided")

    pick = page.locator('.verdicts [data-verdict="pick"]')
    box = pick.bounding_box()
    assert box
    assert box["height"] >= 44
    assert box["y"] + box["height"] > 844 * 0.85  # where the thumb is
    pick.tap()
    expect(pick).to_have_attribute("aria-pressed", "true")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert barriers(page) == []

    page.locator("a[data-step=older]").first.tap()
    page.wait_for_url(f"**/{clips[1]}/?show=undecided")
    page.goto(f"{installation.address}/p/DEMO/gallery/?show=undecided")
    expect(page.locator(f"#tile-{clips[0]}")).to_have_count(0)
    page.locator(f"#tile-{clips[1]}").get_by_role("button", name="Maybe").tap()
    expect(page.locator(f"#tile-{clips[1]} .tile__decide")).to_have_attribute("data-verdict", "maybe")
    assert barriers(page) == []
    phone.close()


def test_the_room_puts_up_no_barrier_and_does_not_scroll_sideways(at: Page, installation: Installation, clips: list[str]):
    at.goto(f"{installation.address}/p/DEMO/clips/{clips[0]}/")
    at.locator('.verdicts [data-verdict="reject"]').click()
    expect(at.locator('.verdicts [data-verdict="reject"]')).to_have_attribute("aria-pressed", "true")
    assert barriers_everywhere(at) == []
    at.set_viewport_size({"width": 320, "height": 844})
    assert at.evaluate(WIDE) == []


def test_a_clip_is_pinned_thrown_away_and_taken_back_and_nothing_is_in_the_way(at: Page, installation: Installation, clips: list[str]):
    at.goto(f"{installation.address}/p/DEMO/clips/{clips[0]}/")
    room = at.locator(".keeping")
    at.keyboard.press("p")
    expect(room).to_contain_text("Kept for ever, pinned by")
    room.get_by_text("Move to the trash all the same").click()
    room.get_by_role("textbox").fill("yes")
    room.get_by_role("button", name="Move to the trash").click()
    expect(room).to_contain_text("Write its code to move it to the trash.")
    expect(room.get_by_role("textbox")).to_have_value("yes")
    assert barriers(at) == []

    room.get_by_role("button", name="Pinned").click()
    room.get_by_role("button", name="Move to the trash").click()
    expect(room).to_contain_text("In the trash by")
    at.goto(f"{installation.address}/p/DEMO/trash/")
    assert barriers(at) == []
    at.get_by_role("checkbox").check()
    at.get_by_role("button", name="Take the chosen back").click()
    expect(at.locator(".toast")).to_contain_text("is back where it was.")

    for address in ("/p/DEMO/storage/", "/control/storage/", "/control/missing/"):
        at.goto(f"{installation.address}{address}")
        assert barriers(at) == []
