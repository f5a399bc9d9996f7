"""Every address takes a body of a certain size from a certain person, and reads nothing of a larger one."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpRequest
from django.test import Client
from django.urls.resolvers import URLPattern
from pytest_django.fixtures import Settings

from studio.accounts.models import User
from studio.control.body_limits import FILES, FORM, GUESTS, SMALL
from studio.projects.models import Project
from studio.routing.models import Connection
from tests.test_every_address import OURS, PLAYED, ROUTES, World, cast, world  # noqa: F401 - fixtures

HUGE = 600_000_000
HEAD = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'


class Endless:
    """The body of one multipart file that goes on as long as it is read. Counts."""

    def __init__(self) -> None:
        self.taken = 0

    def read(self, size: int = 65_536) -> bytes:
        """So many bytes of it."""
        size = 65_536 if size < 0 else size
        start, self.taken = self.taken, self.taken + size
        return (HEAD[start:] + b"\0" * size)[:size]

    def readline(self, size: int = 65_536) -> bytes:
        """There are no lines."""
        return self.read(size)


def send(browser: Client, path: str, size: int, **headers: str) -> tuple[int, int, str]:
    """The status, how many bytes were read, and the answer's text."""
    body = Endless()
    browser.raise_request_exception = False
    extra: dict[str, object] = {"wsgi.input": body, "CONTENT_LENGTH": str(size), "CONTENT_TYPE": "multipart/form-data; boundary=x"}
    answer = browser.generic("POST", path, headers=headers, **extra)  # type: ignore[arg-type]
    return answer.status_code, body.taken, answer.text if hasattr(answer, "text") else ""


def browser_of(user: User | None) -> Client:
    browser = Client(enforce_csrf_checks=True)
    if user:
        browser.force_login(user)
    return browser


@pytest.mark.parametrize("somebody", ["nobody", "mallory", "carol", "alice", "ada"])
def test_no_address_reads_a_body_that_is_too_large(somebody: str, world: World, cast: dict[str, User]):  # noqa: F811
    browser = browser_of(cast.get(somebody))
    for name in OURS:
        status, taken, _ = send(browser, world.address(name), HUGE)
        assert (name, status, taken) == (name, 413, 0)


@pytest.mark.parametrize("somebody", ["nobody", "alice"])
def test_files_are_taken_from_people_alone_and_only_where_the_page_has_a_field_for_them(
    somebody: str,
    world: World,  # noqa: F811
    cast: dict[str, User],  # noqa: F811
):
    browser = browser_of(cast.get(somebody))
    for name in OURS:
        if name in {"csp_report", "hook", "sandbox", "sandbox_fault"}:
            continue
        limit = FORM + FILES.get(name, 0) if somebody == "alice" else GUESTS.get(name, SMALL)
        assert (name, *send(browser, world.address(name), limit + 1)[:2]) == (name, 413, 0)


@pytest.mark.parametrize("name", ["account_login", "job_upload", "reference_add", "share_comment", "share_open"])
def test_a_stranger_leaves_no_file_behind_while_the_form_is_read(
    name: str,
    world: World,  # noqa: F811
    settings: Settings,
    tmp_path: Path,
):
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 0  # each file that is kept would be one of the folder
    seen: list[HttpRequest] = []
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.kept_by"]
    KEPT[:] = [seen]

    Client().post(world.address(name), {"file": SimpleUploadedFile("a.png", b"\0" * 50_000), "words": "kept"})

    assert [(request.POST.get("words"), len(request.FILES)) for request in seen] == [("kept", 0)]


KEPT: list[list[HttpRequest]] = []


def kept_by(get_response: Callable[[HttpRequest], object]) -> Callable[[HttpRequest], object]:
    """Middleware that notes each request once its form was read."""

    def middleware(request: HttpRequest) -> object:
        answer = get_response(request)
        KEPT[0].append(request)
        return answer

    return middleware


def test_the_limit_is_said_on_a_page_to_scripts_and_to_programs(alice: User, tide: Project):
    browser = browser_of(alice)

    assert "takes at most 22 MB" in send(browser, "/p/TIDE/references/", HUGE)[2]
    assert "<html" in send(browser, "/p/TIDE/references/", HUGE, accept="text/html")[2]
    words = "That is too large: this address takes at most 22 MB."
    assert send(browser, "/p/TIDE/references/", HUGE, hx_request="true")[2] == words
    assert send(browser, "/p/TIDE/references/", HUGE, accept="application/json")[2] == words
    assert "Sign in to send files." in send(browser_of(None), "/p/TIDE/references/", HUGE)[2]


@pytest.mark.parametrize("route", [route for route, _ in ROUTES if PLAYED.match(route)])
def test_the_sandbox_takes_images_only_from_callers_whose_key_it_knows(route: str, xai: Connection):
    path = "/" + route.replace("<slug:name>", "a").replace("<str:request_id>", "a").replace("<str:file_id>", "a").replace("<path:path>", "a")
    xai.sandbox = True
    xai.set_key("the-key-of-the-sandbox")
    xai.save()

    assert send(Client(), path, SMALL + 1)[:2] == (413, 0)
    assert send(Client(), path, SMALL + 1, authorization="Bearer another")[:2] == (413, 0)
    assert send(Client(), path, SMALL + 1, authorization="Bearer the-key-of-the-sandbox")[0] != 413
    assert send(Client(), path, SMALL + 1, tt_api_key="the-key-of-the-sandbox")[0] != 413
    assert send(Client(), path, HUGE, authorization="Bearer the-key-of-the-sandbox")[:2] == (413, 0)


def test_every_name_of_the_table_is_an_address():
    names = {entry.name for _, entry in ROUTES if isinstance(entry, URLPattern)}
    assert set(FILES) | set(GUESTS) <= names
