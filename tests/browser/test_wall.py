"""The wall in a real browser: words and filters, choosing with the pointer, the keyboard and a finger, deciding about many, and a preview that keeps quiet."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.accessibility import violations, violations_everywhere
from tests.browser.test_frame import SESSION
from tests.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.looks]
HANG = """
import io
from datetime import timedelta
import av
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone
from PIL import Image
from studio.accounts.models import User
from studio.jobs.models import Attempt, Clip, Job
from studio.projects.models import Project
from studio.routing.models import Connection
film = io.BytesIO()
with av.open(film, "w", format="webm") as out:
    stream = out.add_stream("libvpx", rate=10)
    stream.width, stream.height, stream.pix_fmt = 64, 36, "yuv420p"
    for shade in range(10):
        out.mux(stream.encode(av.VideoFrame.from_image(Image.new("RGB", (64, 36), (20 * shade, 90, 160)))))
    out.mux(stream.encode())
admin = User.objects.filter(role="admin").first()
project = Project.objects.filter(code="WALL").first() or Project.objects.create(code="WALL", name="Wall")
for number in range(Job.objects.filter(project=project).count() + 1, 13):
    connection, picture = Connection.objects.get(provider="xai" if number % 2 else "ttapi"), io.BytesIO()
    size = (640, 360) if number % 3 else (360, 640)
    Image.new("RGB", size, (20 * number, 90, 200 - 10 * number)).save(picture, "WEBP")
    prompt = f"{'A lighthouse in fog' if number % 2 else 'Koi in black water'}, take {number}"
    job = Job.objects.create(project=project, number=number, author=admin, connection=connection, prompt=prompt, state="done", due=None, charged=38_000)
    moment = timezone.now() - timedelta(seconds=number)
    attempt = Attempt.objects.create(job=job, connection=connection, ended_at=moment, outcome="done", charged=38_000)
    clip = Clip(job=job, attempt=attempt, project=project, position=0, width=size[0], height=size[1], milliseconds=1000, saved_at=moment, sha256=f"{number:064d}")
    clip.file.name = default_storage.save(f"clips/WALL/{clip.pk}.webm", ContentFile(film.getvalue()))
    clip.poster.name = default_storage.save(f"clips/WALL/{clip.pk}-poster.webp", ContentFile(picture.getvalue()))
    clip.save()
from studio.gallery.models import *
Decision.objects.filter(clip__project=project).delete()
ProjectDecision.objects.filter(project=project).delete()
Clip.objects.filter(project=project).update(trashed_at=None, trashed_by=None, erase_at=None)
"""
WALL = "/p/WALL/gallery/"


@pytest.fixture
def session(installation: Installation) -> str:
    """The admin's, in front of twelve clips: six of a lighthouse, six of koi."""
    return installation.ask(HANG + SESSION).splitlines()[-1]


@pytest.fixture
def at(page: Page, context: BrowserContext, installation: Installation, session: str) -> Page:
    context.add_cookies([{"name": "sessionid", "value": session, "url": installation.address}])
    page.goto(installation.address + WALL)
    return page


@pytest.fixture
def phone(browser: Browser, installation: Installation, session: str) -> Iterator[Page]:
    opened = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, reduced_motion="reduce", locale="en-GB")
    opened.set_default_timeout(20_000)
    opened.add_cookies([{"name": "sessionid", "value": session, "url": installation.address}])
    yield opened.new_page()
    opened.close()


def test_chosen_clips_go_to_the_trash_in_one_press_and_come_back_in_one(at: Page):
    tiles, chosen = at.locator("#hung .tile"), at.locator("#chosen")
    gone = [str(tiles.nth(place).get_attribute("id")) for place in (0, 1)]
    for one in gone:
        at.locator(f"#{one} .pick").check(force=True)
    chosen.get_by_role("button", name="Move to trash").click()
    expect(tiles).to_have_count(10)
    expect(at.locator("#toasts")).to_contain_text("2 clips are in the trash for 30 days.")
    expect(chosen).to_be_hidden()
    assert not any(at.locator(f"#{one}").count() for one in gone)

    at.locator("#toasts").get_by_role("button", name="Undo").click()
    expect(tiles).to_have_count(12)
    expect(at.locator("#toasts")).to_contain_text("2 clips are back on the wall.")


def test_words_and_filters_narrow_and_the_keyboard_decides_about_many(at: Page):
    tiles, chosen, first = at.locator("#hung .tile"), at.locator("#chosen-n"), at.locator("#hung .tile > a").first
    expect(tiles).to_have_count(12)
    at.keyboard.press("/")
    at.keyboard.type("lightho")
    expect(tiles).to_have_count(6)
    assert at.url.endswith("?q=lightho")
    at.get_by_role("button", name="Filters").click()
    at.locator("#filter-ratio").select_option("9:16")
    at.get_by_role("button", name="Show clips").click()
    expect(tiles).to_have_count(2)
    assert violations_everywhere(at) == []
    at.get_by_role("link", name="Without 9:16").click()
    expect(tiles).to_have_count(6)

    first.focus()
    at.keyboard.press("x")
    expect(chosen).to_have_text("1")
    at.keyboard.press("Shift+ArrowRight")
    at.keyboard.press("Shift+ArrowRight")
    expect(chosen).to_have_text("3")
    expect(at.locator("#hung .tile > a").nth(2)).to_be_focused()
    assert at.locator('#hung .tile > a[tabindex="0"]').count() == 1
    at.locator("#chosen").get_by_role("button", name="Pick").click()
    expect(at.locator('#hung [data-verdict="pick"].tile__decide')).to_have_count(3)
    expect(at.locator("#chosen")).to_be_hidden()
    at.locator(".toast").get_by_role("button", name="Undo").click()
    expect(at.locator('#hung [data-verdict="pick"].tile__decide')).to_have_count(0)

    first.focus()
    at.keyboard.press("Control+a")
    expect(chosen).to_have_text("6")
    assert violations(at) == []
    at.keyboard.press("Escape")
    expect(at.locator("#chosen")).to_be_hidden()


def test_the_pointer_chooses_a_range_and_a_clip_plays_without_sound_where_it_rests(at: Page):
    picks, tile = at.locator("#hung .pick"), at.locator("#hung .tile").nth(6)
    picks.nth(1).check(force=True)
    picks.nth(4).click(modifiers=["Shift"], force=True)
    expect(at.locator("#chosen-n")).to_have_text("4")
    at.locator("[data-choose-none]").click()

    tile.hover()
    at.wait_for_timeout(900)  # longer than a pointer rests before a clip plays: where motion is to be reduced, none does
    assert at.locator(".tile__film").count() == 0
    at.mouse.move(5, 5)
    at.emulate_media(reduced_motion="no-preference")
    tile.hover()
    expect(tile.locator(".tile__film")).to_be_visible()
    assert tile.locator(".tile__film").evaluate("film => film.muted && !film.paused")
    at.mouse.move(5, 5)
    expect(at.locator(".tile__film")).to_have_count(0)


def test_a_finger_that_rests_begins_and_taps_go_on(phone: Page, installation: Installation):
    phone.goto(installation.address + WALL)
    tile, touch = phone.locator("#hung .tile").first, phone.context.new_cdp_session(phone)
    tile.scroll_into_view_if_needed()
    box = tile.bounding_box()
    assert box
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": box["x"] + 40, "y": box["y"] + 40}]})
    expect(phone.locator("#chosen-n")).to_have_text("1")
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    phone.locator("#hung .tile > a").nth(1).tap()
    expect(phone.locator("#chosen-n")).to_have_text("2")
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert violations(phone) == []

    phone.locator("#chosen").get_by_role("button", name="Maybe").tap()
    expect(phone.locator('#hung [data-verdict="maybe"].tile__decide')).to_have_count(2)
    phone.get_by_role("button", name="Filters").tap()
    expect(phone.locator("#filters")).to_be_visible()
    assert violations(phone) == []
    assert phone.url.endswith(WALL)


def test_the_room_goes_on_through_what_was_found_and_leads_back_to_it(at: Page, installation: Installation):
    at.goto(f"{installation.address}{WALL}?q=koi")
    expect(at.locator(".tile")).to_have_count(6)
    at.locator(".tile > a").first.press("Enter")
    expect(at.locator("#room-h")).to_have_text("WALL-002")
    expect(at.locator(".room__n")).to_have_text("1 of 6 found")
    at.keyboard.press("ArrowRight")
    expect(at.locator("#room-h")).to_have_text("WALL-004")
    expect(at.locator(".room__n")).to_have_text("2 of 6 found")

    at.keyboard.press("Escape")

    expect(at).to_have_url(f"{installation.address}{WALL}?q=koi")
    expect(at.locator(".tile")).to_have_count(6)
