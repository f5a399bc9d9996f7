"""Sharing in real browsers: a member makes a link, a guest on a phone gives its password, decides, says why and is turned away; and clips leave in a ZIP."""

import hashlib
import json
import zipfile
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.accessibility import violations, violations_everywhere
from tests.browser.conftest import OpenBrowser, Team
from tests.time_limits import eventually


def comment(phone: Page, words: str) -> None:
    """Say this about the clip's last frame but one."""
    phone.get_by_role("slider", name="Position").press("End")
    phone.get_by_role("button", name="Back one frame").tap()
    phone.locator("#say-text").fill(words)
    phone.locator("[data-say-send]").tap()
    expect(phone.locator("#thread .cmt").last).to_contain_text("Mia (guest)")
    expect(phone.locator("#say-text")).to_have_value("")


def test_a_guest_on_a_phone_decides_and_comments_until_the_link_is_revoked(open_browser: OpenBrowser, team: Team, clips: list[str]):
    at, phone = open_browser("bob"), open_browser(phone=True)
    at.goto(f"{team.path}clips/{clips[0]}/")
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
    at.goto(f"{team.path}links/")
    expect(at.locator(".links__row")).to_contain_text("last used")
    found += violations_everywhere(at)
    video = phone.locator("#video").get_attribute("src") or ""
    at.get_by_role("button", name="Revoke First light").click()
    expect(at.locator("#toasts")).to_contain_text("is revoked")
    assert phone.request.get(video).status == 404
    expect(phone.locator("h1")).to_have_text("This link is over")  # the page loads itself again when it hears no
    assert found == []


def test_a_project_leaves_in_a_zip_whose_manifest_is_true(open_browser: OpenBrowser, team: Team, clips: list[str], tmp_path: Path):
    page = open_browser("alice")
    page.goto(f"{team.path}gallery/")
    page.get_by_role("link", name="ZIP").click()
    page.get_by_label("Names of the files").fill("{project}/{code} {title}")
    found = violations(page)
    page.clock.install(time="2026-01-01")
    page.clock.pause_at("2026-01-02")  # the page asks when the clock is moved on, and what it says then stays
    page.get_by_role("button", name="Make the ZIP").click()
    expect(page.locator("#bundles")).to_be_visible()
    page.goto("/me/")  # it is made while one goes on
    said = page.locator("#toasts .toast", has_text="the ZIP is ready")

    def is_said() -> bool:
        page.clock.run_for(3000)
        return said.is_visible()

    eventually(is_said, within=40)
    said.get_by_role("link", name="Show").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="ZIP").first.click()
    page.clock.resume()
    found += violations(page)

    download.value.save_as(tmp_path / "clips.zip")
    with zipfile.ZipFile(tmp_path / "clips.zip") as archive:
        assert archive.testzip() is None
        told = json.loads(archive.read("manifest.json"))["clips"]
        files = {name: hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist() if name.endswith(".mp4")}
    assert files == {one["file"]: one["sha256"] for one in told}
    assert len(files) == len(clips)
    assert all(name.startswith(f"{team.name}/{team.code}-") for name in files)
    assert found == []
