"""Pages that list jobs: the same number of queries and about the same time, however many there are."""

from collections.abc import Callable

import pytest
from django.urls import reverse

from studio.accounts.models import User
from studio.routing.models import Connection
from tests.bench.conftest import fill, project_of, timed
from tests.conftest import signed_in

MANY, FEW = 10_000, 50


@pytest.mark.parametrize("page", ["studio", "gallery"])
def test_a_page_of_ten_thousand_against_one_of_fifty(page: str, alice: User, xai: Connection, say: Callable[[str], None]):
    small, large = project_of("SMALL", alice), project_of("LARGE", alice)
    fill(small, alice, xai, FEW)
    fill(large, alice, xai, MANY)
    browser = signed_in(alice)
    few, few_queries = timed(lambda: browser.get(reverse(page, args=[small.code])))
    many, many_queries = timed(lambda: browser.get(reverse(page, args=[large.code])))
    size = len(browser.get(reverse(page, args=[large.code])).content)
    say(
        f"\n{page}: {MANY:,} jobs against {FEW}: {many:.1f} / {few:.1f} ms = {many / few:.2f}; queries {many_queries} / {few_queries}; {size / 1000:.0f} KB"
    )
    assert many_queries == few_queries


def test_a_poll_that_finds_nothing_new_against_the_page(alice: User, xai: Connection, say: Callable[[str], None]):
    project = project_of("TIDE", alice)
    fill(project, alice, xai, 1_000)
    browser = signed_in(alice)
    page, page_queries = timed(lambda: browser.get(reverse("studio", args=["TIDE"])))
    tag = browser.get(reverse("studio", args=["TIDE"])).context["tag"]
    poll, poll_queries = timed(lambda: browser.get(reverse("pulse", args=["TIDE"]), headers={"HX-Request": "true", "HX-PTag": str(tag)}))
    say(f"\nunchanged poll against the page: {poll:.2f} / {page:.1f} ms = {poll / page:.3f}; queries {poll_queries} / {page_queries}")
