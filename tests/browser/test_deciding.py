"""Deciding in a real browser: keys in the viewing room and on the wall, a thumb on a phone, and that neither puts up a barrier."""

from playwright.sync_api import Page, expect

from tests.browser.accessibility import TOO_WIDE, violations, violations_everywhere
from tests.browser.conftest import OpenBrowser, Team


def pressed(page: Page) -> list[str]:
    """The buttons of the viewing room that are pressed."""
    found: list[str] = page.locator('.verdicts [aria-pressed="true"]').evaluate_all("buttons => buttons.map(button => button.dataset.verdict)")
    return found


def test_keys_decide_in_the_room_and_the_same_key_takes_back(at: Page, team: Team, clips: list[str]):
    at.goto(f"{team.path}clips/{clips[1]}/")
    video = at.locator("#video")
    video.evaluate("video => { window.same = video; }")
    at.keyboard.press("1")
    expect(at.locator('.verdicts [data-verdict="pick"]')).to_have_attribute("aria-pressed", "true")
    expect(at.locator(".decide__said")).to_contain_text("Picked by")
    at.keyboard.press("3")
    expect(at.locator('.verdicts [data-verdict="reject"]')).to_have_attribute("aria-pressed", "true")
    assert pressed(at) == ["reject"]
    assert violations(at) == []

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


def test_a_key_that_is_held_down_is_one_press(at: Page, team: Team, clips: list[str]):
    at.goto(f"{team.path}clips/{clips[0]}/")
    posts: list[str] = []
    at.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
    for _ in range(5):
        at.keyboard.down("1")
    at.keyboard.up("1")
    expect(at.locator('.verdicts [data-verdict="pick"]')).to_have_attribute("aria-pressed", "true")
    assert len(posts) == 1


def test_keys_decide_about_the_tile_that_has_the_focus(at: Page, team: Team, clips: list[str]):
    at.goto(f"{team.path}gallery/")
    tile = at.locator(f"#tile-{clips[0]}")
    tile.locator("> a").focus()
    at.keyboard.press("3")
    expect(tile.locator(".tile__decide")).to_have_attribute("data-verdict", "reject")
    expect(tile.locator("> a")).to_be_focused()
    expect(at.locator("#shows")).to_contain_text("Show 1 rejected")
    expect(at.locator(f"#tile-{clips[1]} .verdict")).to_have_count(0)
    assert violations(at) == []

    at.reload()
    expect(tile).to_have_count(0)
    at.get_by_role("link", name="Show 1 rejected").click()
    expect(tile).to_have_count(1)
    tile.hover()
    tile.get_by_role("button", name="Reject").click()
    expect(tile.locator(".verdict")).to_have_count(0)


def test_without_a_tile_in_hand_a_key_decides_nothing(at: Page, team: Team, clips: list[str]):
    at.goto(f"{team.path}gallery/")
    at.mouse.move(2, 2)
    posts: list[str] = []
    at.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
    at.keyboard.press("1")
    at.keyboard.press("?")
    expect(at.locator("#keys")).to_be_visible()
    assert posts == []


def test_a_thumb_decides_on_a_phone(open_browser: OpenBrowser, team: Team, clips: list[str]):
    page = open_browser("ada", phone=True)
    page.goto(f"{team.path}gallery/?show=undecided")
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
    assert violations(page) == []

    page.locator("a[data-step=older]").first.tap()
    page.wait_for_url(f"**/{clips[1]}/?show=undecided")
    page.goto(f"{team.path}gallery/?show=undecided")
    expect(page.locator(f"#tile-{clips[0]}")).to_have_count(0)
    page.locator(f"#tile-{clips[1]}").get_by_role("button", name="Maybe").tap()
    expect(page.locator(f"#tile-{clips[1]} .tile__decide")).to_have_attribute("data-verdict", "maybe")
    assert violations(page) == []


def test_the_room_puts_up_no_barrier_and_does_not_scroll_sideways(at: Page, team: Team, clips: list[str]):
    at.goto(f"{team.path}clips/{clips[0]}/")
    at.locator('.verdicts [data-verdict="reject"]').click()
    expect(at.locator('.verdicts [data-verdict="reject"]')).to_have_attribute("aria-pressed", "true")
    assert violations_everywhere(at) == []
    at.set_viewport_size({"width": 320, "height": 844})
    assert at.evaluate(TOO_WIDE) == []


def test_a_clip_is_pinned_thrown_away_and_taken_back_and_nothing_is_in_the_way(at: Page, team: Team, clips: list[str]):
    at.goto(f"{team.path}clips/{clips[0]}/")
    room = at.locator(".keeping")
    at.keyboard.press("p")
    expect(room).to_contain_text("Kept for ever, pinned by")
    room.get_by_text("Move to the trash all the same").click()
    room.get_by_role("textbox").fill("yes")
    room.get_by_role("button", name="Move to the trash").click()
    expect(room).to_contain_text("Write its code to move it to the trash.")
    expect(room.get_by_role("textbox")).to_have_value("yes")
    assert violations(at) == []

    room.get_by_role("button", name="Pinned").click()
    room.get_by_role("button", name="Move to the trash").click()
    expect(room).to_contain_text("In the trash by")
    at.goto(f"{team.path}trash/")
    assert violations(at) == []
    at.get_by_role("checkbox").check()
    at.get_by_role("button", name="Take the chosen back").click()
    expect(at.locator(".toast")).to_contain_text("is back where it was.")

    for address in (f"{team.path}storage/", "/control/storage/", "/control/missing/"):
        at.goto(address)
        assert violations(at) == []
