"""A clip of 200 MB in a real browser: it starts, and jumps to its end, without being fetched whole."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, Response, Route, expect

from tests.installation import Installation
from tests.jobs.test_media import film

pytestmark = [pytest.mark.browser, pytest.mark.looks]

GAP = 200_000_000  # bytes between the first seconds and the rest
CLIP = """
from pathlib import Path
from django.conf import settings
from django.utils import timezone
from studio.accounts.models import User
from studio.jobs.models import Attempt, Clip, Job
from studio.projects.models import Project
from studio.routing.models import Connection
from tests.browser.session import key_of
admin, connection = User.objects.filter(role="admin").first(), Connection.objects.first()
project = Project.objects.create(code="LONG", name="Long takes", created_by=admin)
project.memberships.create(user=admin, role="owner")
job = Job.objects.create(project=project, number=1, author=admin, connection=connection, prompt="A long take", state="done", due=None,
                         aspect_ratio="16:9", duration=10, resolution="720p", model="grok-imagine-video")
attempt = Attempt.objects.create(job=job, connection=connection, ended_at=timezone.now(), outcome="done")
clip = Clip.objects.create(job=job, attempt=attempt, project=project, position=0, file="clips/LONG/one.mp4", sha256="ab" * 32, bytes={size},
                           width=96, height=54, milliseconds=10_000, saved_at=timezone.now())
path = Path(settings.MEDIA_ROOT, clip.file.name)
path.parent.mkdir(parents=True, exist_ok=True)
Path("{film}").rename(path)
print(key_of(admin), clip.pk)
"""
GONE = """
from studio.jobs.models import Attempt, Clip, Job
from studio.projects.models import Project
for rows in (Clip, Attempt, Job):
    rows.objects.filter(**{"job__project__code" if rows is not Job else "project__code": "LONG"}).delete()
Project.objects.filter(code="LONG").delete()
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


@pytest.fixture(scope="module")
def key_and_clip(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    path = stretched(film(tmp_path_factory.mktemp("long") / "long.mp4", frames=120, sound=True, in_front=True))
    yield installation.ask(CLIP.format(film=path, size=path.stat().st_size)).splitlines()[-1].split()
    installation.ask(GONE)


@pytest.fixture
def room(page: Page, context: BrowserContext, installation: Installation, key_and_clip: list[str]) -> Page:
    """The clip's viewing room, where it can be played."""
    key, clip = key_and_clip
    context.add_cookies([{"name": "sessionid", "value": key, "url": installation.address}])
    page.goto(f"{installation.address}/p/LONG/clips/{clip}/")
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


def test_a_link_that_is_over_is_asked_for_anew(room: Page):
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
