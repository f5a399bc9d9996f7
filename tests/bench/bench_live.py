"""How soon a change is on the boards that show it, with two hundred of them open, and what an open board costs: against plain polls that draw the whole board.

A real installation as `make run` starts it, over loopback. Each board is a client that does what `static/js/pulse.js` does: it keeps its tag, listens for
news, asks for the changes once there are some, and reads what the answer holds. Orders live in the database as the worker would move them; nothing is rendered.
"""

import asyncio
import os
import random
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from django.db import transaction
from django.utils import timezone

from studio.accounts.models import User
from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt, Job
from studio.projects.models import Membership, Project
from studio.routing import track
from studio.routing.models import Connection
from tests.browser.seed import session_key
from tests.installation import Installation, installed
from tests.jobs.rows import change, job_row
from tests.time_limits import eventually

PROJECTS, WATCHERS = 20, 10  # boards: one with the other; each belongs to another person
PLAIN = 2  # projects whose boards are polled plainly: all of them would need more cores than a laptop has
OLD, FRESH = 30, 1  # jobs of a project that have ended, and that live while it is measured
USUAL = 20.0  # seconds that such an order takes, as this installation knows
IDLE, LIVE = 30.0, 55.0  # seconds of each part
LINE, HEARD, REST = (
    8.0,
    60.0,
    0.4,
)  # seconds between two polls while the server tells of news, with a card in line and without, and at least, as in pulse.js
AT_ONCE = 8  # pages that are loaded at a time
CARD = re.compile(r'<article class="card" id="clip-([A-Z0-9-]+)" data-state="(\w+)"')
FIRST_TAG = re.compile(r'hx-ptag="([^"]+)"')
LIFE = ["sending", "rendering", "saving", "done"]
HTMX = {"HX-Request": "true"}
TICKS = os.sysconf("SC_CLK_TCK")


# ───── inside the installation: people, projects, and the worker's part


def furnish() -> None:
    """Twenty projects of ten people, with sessions: prints `session CODE KEY` for each board."""
    xai = Connection.objects.get(provider="xai")
    for _ in range(track.KEPT):
        track.record(xai.pk, "grok-imagine-video·generate·720p·8", track.Sample(time.time(), track.DONE, seconds=USUAL))
    for number in range(PROJECTS):
        project = Project.objects.create(code=f"B{number}", name=f"Board {number}")
        people = [User.objects.create_user(f"watcher{number}-{seat}@example.org", name=f"Watcher {seat}") for seat in range(WATCHERS)]
        Membership.objects.bulk_create([Membership(project=project, user=one, role="maker") for one in people])
        for _ in range(OLD):
            job_row(project, people[0], xai, State.DONE, due=None)
        for one in people:
            print("session", project.code, session_key(one), flush=True)  # noqa: T201 - read by the benchmark


def play(projects: int, seed: int) -> None:
    """Let the fresh jobs of these projects live: sending, rendering, saving, done. Prints `changed CODE STATE TIME` when each change is committed."""
    dice, xai, planned = random.Random(seed), Connection.objects.get(provider="xai"), []
    for number in range(projects):
        project = Project.objects.get(code=f"B{number}")
        author = project.memberships.all()[0].user
        for _ in range(FRESH):
            start = time.time() + dice.uniform(3, 22)
            rendering, saving = start + dice.uniform(1, 3), start + 3 + USUAL * dice.uniform(0.9, 1.1)
            planned += [(start, "", project, author), (rendering, State.RENDERING, project, author)]
            planned += [(saving, State.SAVING, project, author), (saving + dice.uniform(1, 3), State.DONE, project, author)]
    lives: dict[tuple[str, str], list[Job]] = {}
    for moment, state, project, author in sorted(planned, key=lambda one: one[0]):
        time.sleep(max(0.0, moment - time.time()))
        if not state:
            with transaction.atomic():
                job = job_row(project, author, xai, State.SENDING, due=None)
            lives.setdefault((project.code, State.RENDERING), []).append(job)
        else:
            job = lives[project.code, state].pop(0)
            following = {State.RENDERING: State.SAVING, State.SAVING: State.DONE}.get(State(state))
            with transaction.atomic():
                if state == State.RENDERING:
                    Attempt.objects.filter(job=job).update(accepted_at=timezone.now())
                change(job, State(state))
            if following:
                lives.setdefault((project.code, following), []).append(job)
        print("changed", job.code, state or State.SENDING.value, time.time(), flush=True)  # noqa: T201 - read by the benchmark


# ───── boards


Way = Callable[["Board", httpx.AsyncClient, float], Coroutine[Any, Any, None]]
Delays = dict[str, list[float]]


@dataclass
class Board:
    """One open page. `seen` has the first moment at which each state of each card was there."""

    code: str
    key: str
    dice: random.Random
    tag: str = ""
    cards: dict[str, str] = field(default_factory=dict)  # the state of each
    seen: dict[tuple[str, str], float] = field(default_factory=dict)
    polls: int = 0

    def take(self, html: str) -> None:
        now = time.time()
        for code, state in CARD.findall(html):
            self.cards[code] = state
            self.seen.setdefault((code, state), now)

    async def get(self, client: httpx.AsyncClient, path: str, headers: dict[str, str]) -> httpx.Response:
        asked: dict[str, Any] = {"url": f"/p/{self.code}/{path}", "headers": {"Cookie": f"sessionid={self.key}", **headers}}
        try:
            answer = await client.get(**asked)
        except httpx.TransportError:  # the server closed an idle connection just then: a browser asks again too
            answer = await client.get(**asked)
        assert answer.status_code in {200, 304}, (answer.status_code, answer.text[:200])
        return answer

    async def open(self, client: httpx.AsyncClient) -> None:
        """Load the page."""
        page = await self.get(client, "", {})
        tag = FIRST_TAG.search(page.text)
        assert tag
        self.tag = tag[1]
        self.take(page.text)

    async def pulse(self, client: httpx.AsyncClient, until: float) -> None:
        """As pulse.js: one answer is held back until there are news, then one poll, and a rest."""
        while (left := until - time.time()) > 0:
            pause = LINE if "queued" in self.cards.values() else HEARD
            try:
                async with asyncio.timeout(min(left, pause * self.dice.uniform(0.85, 1.15))):
                    while (await self.get(client, "news/", {"HX-PTag": self.tag})).text == "0":
                        pass
            except TimeoutError:
                if time.time() >= until:
                    return
            asked = time.time()
            answer = await self.get(client, "pulse/?show=all&who=everyone&from=1", {**HTMX, "HX-PTag": self.tag})
            self.polls += 1
            self.tag, took = answer.headers.get("HX-PTag", self.tag), time.time() - asked
            if answer.status_code == 200:
                self.take(answer.text)
            await asyncio.sleep(min(max(REST, 2 * took), 5.0))

    async def plain(self, client: httpx.AsyncClient, until: float) -> None:
        """Every two seconds the whole board, whatever happened."""
        while time.time() < until:
            await asyncio.sleep(2 * self.dice.uniform(0.85, 1.15))
            self.take((await self.get(client, "pulse/?show=all&who=everyone&from=1", HTMX)).text)
            self.polls += 1


# ───── what it costs


def web_pids(installation: Installation) -> list[int]:
    """The processes of the web server."""
    assert installation.process is not None
    parents = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
    masters = [
        pid for pid, parent in parents.items() if parent == installation.process.pid and b"gunicorn" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    return [*masters, *(pid for pid, parent in parents.items() if parent in masters)]


def cpu_of(pids: Sequence[int]) -> float:
    """CPU seconds that these processes have used."""
    fields = (Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split() for pid in pids)
    return sum(int(one[11]) + int(one[12]) for one in fields) / TICKS


async def together(installation: Installation, boards: Sequence[Board], way: Way, seconds: float, *, begin: Callable[[], object] = bool) -> float:
    """Open these boards, then let them watch for so long; the web server's CPU seconds while they watched. `begin` is called when all are open."""
    limits, doors = httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=4), asyncio.Semaphore(AT_ONCE)
    async with httpx.AsyncClient(base_url=installation.address, limits=limits, timeout=30, trust_env=False) as client:

        async def open_one(board: Board) -> None:
            async with doors:
                if not board.tag:  # a page that is open stays open
                    await board.open(client)

        await asyncio.gather(*(open_one(board) for board in boards))
        begin()
        pids, until = web_pids(installation), time.time() + seconds
        before = cpu_of(pids)
        await asyncio.gather(*(way(board, client, until) for board in boards))
        return cpu_of(pids) - before


def live(installation: Installation, boards: Sequence[Board], way: Way, *, projects: int, seed: int) -> tuple[Delays, float]:
    """Seconds from each commit until each board had it, by what changed, and the CPU seconds."""
    installation.lines.clear()
    script = f"from tests.bench.bench_live import play; play({projects}, {seed})"
    players: list[subprocess.Popen[str]] = []
    cpu = asyncio.run(
        together(
            installation,
            boards,
            way,
            LIVE,
            begin=lambda: players.append(installation.spawn(sys.executable, "manage.py", "shell", "-v", "0", "-c", script)),
        )
    )
    players[0].wait(60)
    committed = {(code, state): float(at) for _, code, state, at in (line.split() for line in installation.lines if line.startswith("changed "))}
    assert len(committed) == projects * FRESH * 4
    delays: Delays = {"new": [], "change": []}
    for board in boards:
        for (code, state), at in committed.items():
            if code.rpartition("-")[0] == board.code:
                states = LIFE[LIFE.index(state) :]
                shown = min(board.seen[code, later] for later in states if (code, later) in board.seen)  # or what came after it
                if state == State.SENDING:
                    delays["new"].append(max(0.0, shown - at))
                elif any(board.seen.get((code, earlier), at) < at for earlier in LIFE[: LIFE.index(state)]):  # a card that the board had
                    delays["change"].append(max(0.0, shown - at))
    ends = [(code, state) for code, state in committed if state == State.DONE]
    assert all(end in board.seen for board in boards for end in ends if end[0].startswith(f"{board.code}-")), "each end reaches each board"
    return delays, cpu


def test_two_hundred_open_boards_against_plain_polls(tmp_path: Path, say: Callable[[str], None]):
    with installed(tmp_path) as installation:
        made = installation.ask("from tests.bench.bench_live import furnish; furnish()")
        found = [line.split()[1:] for line in made.splitlines() if line.startswith("session ")]
        boards = [Board(code, key, random.Random(at)) for at, (code, key) in enumerate(found)]
        few = [Board(board.code, board.key, random.Random(board.key)) for board in boards if int(board.code[1:]) < PLAIN]
        eventually(lambda: len(web_pids(installation)) >= 3, within=20)
        rows: list[tuple[str, int, float, float, Delays]] = []
        idle_cpu = asyncio.run(together(installation, boards, Board.pulse, IDLE))
        idle_polls, plain_boards = sum(board.polls for board in boards), [Board(one.code, one.key, one.dice) for one in few]
        plain_cpu = asyncio.run(together(installation, plain_boards, Board.plain, IDLE / 2))
        rows.append(("idle", len(boards), idle_polls / len(boards) / IDLE * 60, idle_cpu / len(boards) / IDLE * 60, {}))
        rows.append(("idle, plain", len(few), sum(one.polls for one in plain_boards) / len(few) / IDLE * 120, plain_cpu / len(few) / IDLE * 120, {}))
        for name, watching, way, projects in (("live", boards, Board.pulse, PROJECTS), ("live, plain", few, Board.plain, PLAIN)):
            for board in watching:
                board.polls = 0
            delays, cpu = live(installation, watching, way, projects=projects, seed=projects)
            rows.append(
                (name, len(watching), sum(one.polls for one in watching) / len(watching) / LIVE * 60, cpu / len(watching) / LIVE * 60, delays)
            )
    report(rows, say)


def report(rows: Sequence[tuple[str, int, float, float, Delays]], say: Callable[[str], None]) -> None:
    """The table."""
    say(f"\n\nOpen boards, {WATCHERS} people on each of {PROJECTS} projects; plain: the whole board every 2 s, on {PLAIN} of them")
    say("from a commit in the database until the card is in the client's answer: median, 95th of a hundred\n")
    say(f"  {'':14}{'boards':>8}{'polls a min':>13}{'CPU s a board a min':>22}{'a card changed':>22}{'a card came':>22}")
    for name, boards, polls, cpu, delays in rows:
        say(f"  {name:14}{boards:>8}{polls:>13.1f}{cpu:>22.4f}{''.join(map(waits, (delays['change'], delays['new']))) if delays else ''}")


def waits(delays: Sequence[float]) -> str:
    """Median and 95th of a hundred."""
    return f"{statistics.median(delays):>11.2f} s{statistics.quantiles(delays, n=20)[-1]:>7.2f} s"
