"""AceData's own list is read as deep as it goes in the time in question, and says when it was not read to its end."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from studio.providers.acedata import MOST_PAGES, AceData
from studio.providers.contract import Brief, Listing

SENT = datetime(2026, 8, 10, 22, 0, tzinfo=UTC)
SINCE, UNTIL = SENT - timedelta(minutes=1), SENT + timedelta(minutes=3)
SEA = Brief(prompt="a calm sea", model="grok-imagine-video", duration=8, resolution="480p", aspect_ratio="16:9")
Server = Callable[[dict[str, Any]], list[dict[str, Any]]]


def task(number: int, *, prompt: str = "another sea", seconds: float = 0) -> dict[str, Any]:
    echo = {"prompt": prompt, "model": SEA.model, "duration": 8, "resolution": "480p", "aspect_ratio": "16:9"}
    return {"id": f"job-{number}", "created_at": SENT.timestamp() + seconds, "request": echo}


def paging(tasks: list[dict[str, Any]]) -> Server:
    """A list that heeds offset and limit."""
    return lambda asked: tasks[asked.get("offset", 0) :][: asked["limit"]]


def read(server: Server) -> tuple[Listing, list[dict[str, Any]]]:
    """What comes of a search there, and what was asked."""
    flow, asked = AceData(key="key-of-alice").find(SEA, since=SINCE, until=UNTIL), []
    request = next(flow)
    try:
        while True:
            asked.append(json.loads(request.content))
            request = flow.send(httpx.Response(200, json={"items": server(asked[-1])}))
    except StopIteration as end:
        listing: Listing = end.value
        return listing, asked


@pytest.mark.parametrize("place", [0, 49, 50, 130])
def test_a_lost_order_is_found_on_whatever_page_it_stands(place):
    tasks = [task(number) for number in range(131)]
    tasks[place] = task(place, prompt="a calm sea")
    listing, asked = read(paging(tasks))

    assert [found.remote_id for found in listing.found] == [f"job-{place}"]
    assert (listing.read, listing.is_whole, listing.requests) == (131, True, 3)
    assert [one.get("offset", 0) for one in asked] == [0, 50, 100]


def test_a_list_without_an_end_is_left_at_some_page_and_says_so():
    listing, asked = read(paging([task(number) for number in range(5_000)]))

    assert (listing.is_whole, listing.read, len(asked)) == (False, MOST_PAGES * 50, MOST_PAGES)


def test_a_list_that_begins_again_from_its_top_is_not_read_to_its_end():
    listing, asked = read(lambda _: [task(number) for number in range(50)])

    assert (listing.is_whole, listing.read, len(asked)) == (False, 50, 2)


def test_a_list_that_ignores_the_limits_of_time_is_read_until_it_has_left_them_behind():
    newest_first = [task(number, seconds=600 - 10 * number) for number in range(500)]
    newest_first[60] = task(60, prompt="a calm sea")
    listing, asked = read(paging(newest_first))

    assert [found.remote_id for found in listing.found] == ["job-60"]
    assert (listing.is_whole, len(asked)) == (True, 3)
