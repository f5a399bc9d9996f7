"""xAI's Files: a clip is kept under a name of ours, found by exactly that name whatever the filter's form is, and deleted."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from studio.providers.contract import Brief, Listing, NotNow, Operation, ProviderError, StoredFile, StoresFiles, Unreadable
from studio.providers.registry import PROVIDERS, make, stores_files
from studio.providers.xai import FILES_A_PAGE, MOST_PAGES, XAI
from tests.providers.asking import opening, told

NAME = "0b6f3f2e-1d2c-4c58-8f39-3d8d5f6c0a01.mp4"
SENT = datetime(2026, 8, 10, 22, 0, tzinfo=UTC)
OURS = StoredFile("file_1", NAME)
ACCESS = XAI(key="key-of-alice")
SEA = Brief(prompt="a calm sea", model="grok-imagine-video", video="https://a.example/a.mp4", video_seconds=5.0)
Server = Callable[[httpx.QueryParams], httpx.Response]


def entry(number: int, name: str = "another.mp4", *, seconds: float = 5) -> dict[str, Any]:
    return {"id": f"file_{number}", "filename": name, "bytes": 7, "created_at": round(SENT.timestamp() + seconds), "object": "file"}


def page(*entries: dict[str, Any], token: str = "") -> httpx.Response:
    return httpx.Response(200, json={"data": list(entries)} | ({"pagination_token": token} if token else {}))


def search(server: Server) -> tuple[Listing, list[httpx.QueryParams]]:
    """What comes of a search there, and what was asked."""
    flow, asked = ACCESS.find_file(NAME, since=SENT - timedelta(minutes=1)), list[httpx.QueryParams]()
    request = next(flow)
    try:
        while True:
            assert (request.method, request.url.path, request.headers["Authorization"]) == ("GET", "/v1/files", "Bearer key-of-alice")
            asked.append(request.url.params)
            request = flow.send(server(asked[-1]))
    except StopIteration as end:
        listing: Listing = end.value
        return listing, asked


@pytest.mark.parametrize("operation", Operation)
def test_every_submission_names_its_copy_which_is_private_and_ends_by_itself(operation):
    flow = ACCESS.storing(NAME).submit(replace(SEA, operation=operation), reference="attempt-1")
    assert json.loads(opening(flow).content)["storage_options"] == {"filename": NAME, "expires_after": 604_800}
    assert "storage_options" not in json.loads(opening(ACCESS.submit(replace(SEA, operation=operation))).content)


def test_only_xai_keeps_copies():
    assert [kind for kind in PROVIDERS if stores_files(kind)] == ["xai"]
    assert not stores_files("gone")
    assert isinstance(make("xai", "key-of-alice"), StoresFiles)


def test_the_file_is_asked_for_by_its_name_in_the_form_of_the_sdk():
    listing, asked = search(lambda _: page(entry(1, NAME)))

    assert listing == Listing(file=OURS, read=1)
    assert dict(asked[0]) == {"limit": "100", "order": "desc", "sort_by": "created_at", "filter": f'name = "{NAME}"'}


@pytest.mark.parametrize(
    "first", [httpx.Response(400, json={"code": "invalid-argument", "error": "filter"}), httpx.Response(422), page(), page(entry(7))]
)
def test_a_filter_that_is_refused_or_finds_nothing_is_not_believed(first):
    listing, asked = search(lambda params: first if "filter" in params else page(entry(2), entry(1, NAME)))

    assert (listing.file, len(asked), listing.requests) == (OURS, 2, 2)
    assert "filter" not in asked[1]


@pytest.mark.parametrize("name", [NAME.upper(), f" {NAME}x", NAME.removesuffix(".mp4"), f"{NAME} (1)", ""])
def test_a_name_that_only_resembles_ours_is_no_proof(name):
    listing, _ = search(lambda _: page(entry(1, name)))

    assert (listing.file, listing.is_whole) == (None, True)


def test_a_long_list_is_read_page_by_page_until_it_is_older_than_the_order():
    pages = {None: page(entry(9), token="p2"), "p2": page(entry(8, seconds=1), token="p3"), "p3": page(entry(7, seconds=-600), token="p4")}
    listing, asked = search(lambda params: page() if "filter" in params else pages[params.get("pagination_token")])

    assert (listing, [params.get("pagination_token") for params in asked]) == (Listing(read=3, requests=4), [None, None, "p2", "p3"])


def test_a_list_without_an_end_is_left_and_says_so():
    listing, _ = search(lambda params: page() if "filter" in params else page(*[entry(number) for number in range(FILES_A_PAGE)], token="on"))

    assert (listing.is_whole, listing.read, listing.requests) == (False, MOST_PAGES * FILES_A_PAGE, MOST_PAGES + 1)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.Response(401, json={"error": "no key"}), NotNow),
        (httpx.Response(403, json={"code": "permission-denied", "error": "no"}), NotNow),
        (httpx.Response(429), NotNow),
        (httpx.Response(503), NotNow),
        (httpx.Response(200, text="<html>"), Unreadable),
        (httpx.Response(302), Unreadable),
        (httpx.Response(200, json={"data": None}), Unreadable),
    ],
)
def test_a_store_that_tells_nothing_is_asked_again_later(answer, kind):
    with pytest.raises(kind):
        search(lambda _: answer)


@pytest.mark.parametrize("status", [200, 204, 404])
def test_a_file_that_is_gone_counts_as_deleted(status):
    flow = ACCESS.delete_file("file/1")
    assert told(flow, httpx.Response(status)) is None
    assert opening(ACCESS.delete_file("file/1")).url.raw_path == b"/v1/files/file%2F1"


@pytest.mark.parametrize("status", [302, 401, 403, 429, 500])
def test_a_deletion_that_is_not_confirmed_is_none(status):
    with pytest.raises(ProviderError):
        told(ACCESS.delete_file("file_1"), httpx.Response(status))
