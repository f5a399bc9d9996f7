"""Sharing in real browsers: a member makes a link, a guest on a phone gives its password, decides, says why and is turned away; and clips leave in a ZIP."""

import hashlib
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.accessibility import violations, violations_everywhere
from tests.browser.test_deciding import clips, session  # noqa: F401 - fixtures
from tests.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.looks]


@pytest.fixture
def at(page: Page, context: BrowserContext, installation: Installation, session: str) -> Page:  # noqa: F811
    context.add_cookies([{"name": "sessionid", "value": session, "url": installation.address}])
    return page


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """Mia's: she has no account."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, reduced_motion="reduce", locale="en-GB")
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()


def comment(phone: Page, words: str) -> None:
    """Say this about the clip's last frame but one."""
    phone.get_by_role("slider", name="Position").press("End")
    phone.get_by_role("button", name="Back one frame").tap()
    phone.locator("#say-text").fill(words)
    phone.locator("[data-say-send]").tap()
    expect(phone.locator("#thread .cmt").last).to_contain_text("Mia (guest)")
    expect(phone.locator("#say-text")).to_have_value("")


def test_a_guest_on_a_phone_decides_and_comments_until_the_link_is_revoked(at: Page, phone: Page, installation: Installation, clips: list[str]):  # noqa: F811
    at.goto(f"{installation.address}/p/DEMO/clips/{clips[0]}/")
    at.get_by_role("link", name="Share").click()
    at.get_by_label("Title").fill("First light")
    at.get_by_label("Password").fill("short")
    at.get_by_label("Pick, maybe, reject").check()
    at.locator("#sharing").get_by_label("Comment").check()
    at.get_by_role("button", name="Make the link").click()
    expect(at.locator("#sharing .field__error")).to_contain_text("at least 6 characters")
    expect(at.get_by_label("Title")).to_have_value("First light")
    found = violations(at)
    at.get_by_label("Password").fill("open sesame")
    at.get_by_role("button", name="Make the link").click()
    address = at.locator("#made-link").input_value()
    found += violations(at)

    phone.goto(address)
    expect(phone.locator("h1")).to_have_text("This link has a password")
    expect(phone.locator("body")).not_to_contain_text("First light")
    phone.locator("#password").fill("open sesami")
    phone.get_by_role("button", name="Open").tap()
    expect(phone.locator(".field__error")).to_contain_text("This is not the password.")
    found += violations(phone)
    phone.locator("#password").fill("open sesame")
    phone.get_by_role("button", name="Open").tap()
    expect(phone.locator("h1")).to_have_text("First light")
    phone.locator("[data-cine]").tap()
    phone.wait_for_function("() => document.getElementById('video').currentTime > 0")
    phone.get_by_role("button", name="Pick").tap()
    expect(phone.locator("#landing .field__error")).to_be_visible()
    phone.locator("#landing").get_by_label("Your name").fill("Mia")
    phone.get_by_role("button", name="Pick").tap()
    expect(phone.locator("#landing")).to_contain_text("You are Mia (guest).")
    expect(phone.locator('#landing [data-verdict="pick"]')).to_have_attribute("aria-pressed", "true")
    comment(phone, "Hold this a little longer")
    found += violations_everywhere(phone)

    at.reload()
    expect(at.locator("#thread .cmt").last).to_contain_text("Hold this a little longer")
    expect(at.get_by_role("button", name="Mia (guest) at 0:00:")).to_be_visible()
    expect(at.locator(".opinions--guests")).to_contain_text("Mia (guest)")
    at.goto(f"{installation.address}/p/DEMO/links/")
    expect(at.locator(".links__row")).to_contain_text("last used")
    found += violations_everywhere(at)
    at.get_by_role("button", name="Revoke First light").click()
    expect(at.locator("#toasts")).to_contain_text("is revoked")
    video = phone.locator("#video").get_attribute("src") or ""
    assert phone.request.get(f"{installation.address}{video}").status == 404
    phone.reload()
    expect(phone.locator("h1")).to_have_text("This link is over")
    assert found == []


def test_a_project_leaves_in_a_zip_whose_manifest_is_true(at: Page, installation: Installation, clips: list[str], tmp_path: Path):  # noqa: F811
    at.goto(f"{installation.address}/p/DEMO/gallery/")
    at.get_by_role("link", name="ZIP").click()
    at.get_by_label("Names of the files").fill("{project}/{code} {title}")
    found = violations(at)
    at.get_by_role("button", name="Make the ZIP").click()
    at.goto(f"{installation.address}/me/")  # it is made while one goes on
    expect(at.locator("#toasts")).to_contain_text("the ZIP is ready")
    at.locator("#toasts").get_by_role("link", name="Show").click()
    with at.expect_download() as download:
        at.get_by_role("link", name="ZIP").first.click()
    found += violations(at)

    download.value.save_as(tmp_path / "clips.zip")
    with zipfile.ZipFile(tmp_path / "clips.zip") as archive:
        assert archive.testzip() is None
        told = json.loads(archive.read("manifest.json"))["clips"]
        files = {name: hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist() if name.endswith(".mp4")}
    assert files == {
        one["file"]: one["sha256"] for one in told if not one["missing_because"]
    }  # other stories leave clips behind that lack their file
    assert len(files) >= len(clips)
    assert all(name.startswith("Demo/DEMO-") for name in files)
    assert found == []
