"""A clip of 200 MB in a real browser: it starts, and jumps to its end, without being fetched whole."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Response, Route, expect

from tests.browser.conftest import OpenBrowser, Team
from tests.installation import Installation
from tests.jobs.test_media import film

GAP = 200_000_000  # bytes between the first seconds and the rest
REPLACE = """
from pathlib import Path
from studio.jobs.models import Clip
clip, film = Clip.objects.get(pk={clip!r}), Path({film!r})
Clip.objects.filter(pk=clip.pk).update(bytes=film.stat().st_size, width=96, height=54, milliseconds=10_000, frame_rate=12_000)
film.rename(clip.file.path)
"""


def stretched(path: Path) -> Path:
    """The film with a gap before its last part, which no disk has to hold: as if the first seconds had 200 MB."""
    content = bytearray(path.read_bytes())
    offsets = [place for table in _tables(content) for place in table]
    start = max(int.from_bytes(content[place : place + 4], "big") for place in offsets)
    for place in offsets:
        if (offset := int.from_bytes(content[place : place + 4], "big")) >= start:
            content[place : place + 4] = (offset + GAP).to_bytes(4, "big")
    size = content.rindex(b"mdat", 0, start) - 4
    content[size : size + 4] = (int.from_bytes(content[size : size + 4], "big") + GAP).to_bytes(4, "big")
    with path.open("wb") as file:
        file.write(content[:start])
        file.seek(GAP, 1)
        file.write(content[start:])
    return path


def _tables(content: bytearray) -> Iterator[range]:
    """Where the chunks' offsets stand, of each track."""
    place = content.find(b"stco")
    while place >= 0:
        yield range(place + 12, place + 12 + 4 * int.from_bytes(content[place + 8 : place + 12], "big"), 4)
        place = content.find(b"stco", place + 4)


@pytest.fixture
def room(open_browser: OpenBrowser, installation: Installation, team: Team, make_clips: Callable[..., list[str]], tmp_path: Path) -> Page:
    """The viewing room of such a clip, where it can be played."""
    (clip,) = make_clips(1)
    path = stretched(film(tmp_path / "long.mp4", frames=120, sound=True, in_front=True))
    installation.ask(REPLACE.format(clip=clip, film=str(path)))
    page = open_browser("alice")
    page.goto(f"{team.path}clips/{clip}/")
    page.wait_for_function("() => document.getElementById('video').readyState >= 2")
    return page


def jump(page: Page) -> None:
    page.locator("#video").evaluate("video => new Promise(done => { video.addEventListener('seeked', done, {once: true}); video.currentTime = 9; })")
    assert page.locator("#video").evaluate("video => [video.error, Math.round(video.currentTime), video.readyState >= 2]") == [None, 9, True]
    expect(page.locator("#trouble")).to_be_hidden()


def test_a_clip_of_200_mb_jumps_to_its_end(room: Page):
    answers: list[Response] = []
    room.on("response", lambda answer: answers.append(answer) if answer.url.endswith("/video/") else None)

    jump(room)

    starts = [int(answer.headers["content-range"].split()[1].split("-")[0]) for answer in answers if answer.status == 206]
    assert max(starts) > GAP / 2


def test_a_link_that_has_expired_is_asked_for_again(room: Page):
    """As a bucket's is when somebody comes back to a clip that was paused."""
    refused: list[str] = []

    def once(route: Route) -> None:
        if refused:
            route.continue_()
        else:
            refused.append(route.request.headers["range"])
            route.fulfill(status=403, body="<Error/>")

    room.route("**/video/", once)

    jump(room)

    assert len(refused) == 1
