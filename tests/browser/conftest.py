"""A real browser in front of a real installation.

Starting the processes of an installation takes longer than most tests, so the tests of one pytest process share one. Its data they do not share: each test
has a project and people of its own (`team`), and clips where it asks for some (`clips`).
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.installation import Installation, installed
from tests.time_limits import milliseconds

FLAGS = [
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
    "--force-color-profile=srgb",
    "--font-render-hinting=none",
    "--autoplay-policy=no-user-gesture-required",
]
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LIMIT = 20.0  # seconds for one step of a page on an idle machine
LAPTOP: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@dataclass(frozen=True)
class Team:
    """One test's project, and the session keys of its cast by first name (see seed.py)."""

    code: str
    name: str
    keys: dict[str, str]

    def email(self, person: str) -> str:
        return f"{person}.{self.code.lower()}@example.org"

    @property
    def path(self) -> str:
        """Where its board is."""
        return f"/p/{self.code}/"


class OpenBrowser(Protocol):
    """Opens a browser of one of the cast, or of somebody who is not signed in."""

    def __call__(self, person: str | None = None, *, phone: bool = False) -> Page: ...


def chromium_path() -> str | None:
    return os.environ.get("STUDIO_TEST_BROWSER") or next(filter(None, map(shutil.which, NAMES)), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = chromium_path()
    if path is None:
        assert not os.environ.get("CI"), "CI needs a Chromium for the browser tests"
        pytest.skip("no Chromium here: install one, or name it in STUDIO_TEST_BROWSER")
    root = ["--no-sandbox"] if os.getuid() == 0 else []
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=[*FLAGS, *root])
        yield started
        started.close()


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installed(Path(tmp_path_factory.mktemp("installation"))) as running:
        yield running


@pytest.fixture
def team(installation: Installation) -> Team:
    """This test's own project and people."""
    if installation.process is None or installation.process.poll() is not None:  # a test that stops it was interrupted
        installation.start()
    return Team(**json.loads(installation.ask("from tests.browser import seed; seed.begin()").splitlines()[-1]))


@pytest.fixture
def seed(installation: Installation, team: Team) -> Callable[..., Any]:
    """Calls a function of seed.py by its name, for the test's project; what it printed, or None."""

    def call(name: str, *arguments: object, **options: object) -> object:
        printed = installation.ask(f"from tests.browser import seed; seed.{name}({team.code!r}, *{arguments!r}, **{options!r})")
        return json.loads(printed.splitlines()[-1]) if printed else None

    return call


@pytest.fixture
def make_clips(seed: Callable[..., Any]) -> Callable[..., list[str]]:
    """Makes so many saved clips in the test's project; their ids, newest first."""

    def make(count: int, **options: object) -> list[str]:
        made: list[str] = seed("clips", count, **options)
        return made

    return make


@pytest.fixture
def clips(make_clips: Callable[..., list[str]]) -> list[str]:
    """Three saved clips of one second in the test's project, newest first."""
    return make_clips(3)


@pytest.fixture
def open_browser(browser: Browser, installation: Installation, request: pytest.FixtureRequest) -> Iterator[OpenBrowser]:
    """Every error of a script and every breach of the content policy, in any of the pages, fails the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def listen(page: Page) -> None:
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if "Content Security Policy" in message.text else None)

    def open_one(person: str | None = None, *, phone: bool = False) -> Page:
        form = PHONE if phone else LAPTOP
        context = browser.new_context(**form, base_url=installation.address, locale="en-GB", timezone_id="UTC", reduced_motion="reduce")
        contexts.append(context)
        context.set_default_timeout(milliseconds(LIMIT))
        expect.set_options(timeout=milliseconds(LIMIT))
        context.on("page", listen)
        if person:
            key = request.getfixturevalue("team").keys[person]
            context.add_cookies([{"name": "sessionid", "value": key, "url": installation.address}])
        return context.new_page()

    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def page(open_browser: OpenBrowser) -> Page:
    """A browser in which nobody is signed in."""
    return open_browser()


@pytest.fixture
def at(team: Team, open_browser: OpenBrowser) -> Page:
    """The browser of Ada, the admin."""
    return open_browser("ada")
