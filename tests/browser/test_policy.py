"""The content policy in a real browser: our own pages never breach it, and what does is reported."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Browser, Page

from tests.browser.conftest import Team
from tests.installation import Installation
from tests.time_limits import eventually


def test_a_part_that_is_replaced_leaves_no_style_attribute_to_the_policy(at: Page, team: Team, seed: Callable[..., Any]):
    """htmx would write what scripts have styled into the new part; the fixture of the browser fails this test for any breach."""
    seed("jobs", 1, "rendering")
    at.goto(team.path)
    stage = at.locator(".stage[data-elapsed]").first
    stage.wait_for()
    at.evaluate("document.querySelector('.stage[data-elapsed]').style.setProperty('--p', '.3')")

    at.evaluate("htmx.ajax('GET', location.pathname, { target: '#board', select: '#board', swap: 'outerHTML' })")
    at.wait_for_function("() => !document.querySelector('.stage[data-elapsed]')?.style.getPropertyValue('--p')")

    assert at.locator(".stage.v-p").count() == 1


def test_what_the_policy_stops_is_written_into_the_log(browser: Browser, installation: Installation, team: Team):
    page = browser.new_page(base_url=installation.address)
    page.goto("/accounts/login/")
    page.evaluate("document.body.setAttribute('style', 'color: red')")

    assert eventually(
        lambda: any("a browser stopped 'inline' by 'style-src-attr' on page account_login" in line for line in installation.lines), within=60
    )
    page.close()
