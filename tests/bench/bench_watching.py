"""How soon the studio knows that a clip is ready, and how many requests that costs: against polls at a fixed interval, at the same finish times.

Everything runs at once and at full speed, not scaled down: the worker's tick, the queue's own delay and the closest interval between two looks are
fixed seconds, so a scaled run would flatter nobody and describe nothing.
"""

import asyncio
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from itertools import count
from pathlib import Path

import httpx
import pytest
from django.urls import reverse
from django.utils import timezone

from studio.accounts.models import User
from studio.jobs.models import Attempt, Job
from studio.jobs.sending import token_hash
from studio.projects.models import Project
from studio.routing import track
from studio.routing.models import Connection
from tests.bench.conftest import Take, connect, project_of, rendering
from tests.bench.served import Served
from tests.bench.working import web, working
from tests.time_limits import eventually

USUAL = {(2, "480p"): 34.0, (6, "480p"): 58.0, (10, "480p"): 83.0, (15, "480p"): 114.0,
         (2, "720p"): 48.0, (6, "720p"): 83.0, (10, "720p"): 118.0, (15, "720p"): 163.0}  # fmt: skip
OF_EACH = 8  # jobs of each kind
SHORTEST, LONGEST = 30.0, 180.0  # seconds that a clip takes
ALONE, APART = 40, 0.7  # callbacks of a run without any other work, and seconds between them
OVER = 20.0  # seconds over which the jobs begin
TOKEN = "a-token-that-only-this-run-knows"
MODELS = {"xai": "grok-imagine-video", "acedata": "grok-imagine-video:official"}


def regular(kind: tuple[int, str], dice: random.Random) -> float:
    """Seconds that follow from what was asked, give or take a tenth: about how providers behave."""
    return USUAL[kind] * dice.uniform(0.9, 1.1)


def irregular(kind: tuple[int, str], dice: random.Random) -> float:
    """Seconds that follow from nothing."""
    return dice.uniform(SHORTEST, LONGEST)


Law = Callable[[tuple[int, str], random.Random], float]


@dataclass
class Run:
    """One way to watch the jobs of one law, with what it found: seconds from each finish until it was known."""

    name: str
    label: str
    law: Law
    provider: str = "xai"
    history: bool = True
    called: bool = False
    waits: list[float] = field(default_factory=list)
    requests: int = 0


OURS = [
    Run("asks", "ours", regular),
    Run("asksfresh", "ours, fresh installation", regular, history=False),
    Run("batches", "ours, batch retrieval", regular, provider="acedata"),
    Run("batchesfresh", "ours, batch retrieval, fresh", regular, provider="acedata", history=False),
    Run("called", "ours, callbacks", regular, provider="acedata", called=True),
    Run("odd", "ours", irregular),
    Run("oddbatches", "ours, batch retrieval", irregular, provider="acedata"),
]
FIXED = [(law, interval, Run(f"{law.__name__}{interval}", f"poll every {interval} s", law)) for law in (regular, irregular) for interval in (5, 1)]


def takes_of(law: Law, start: float) -> list[Take]:
    """The same jobs for everybody who watches this law."""
    dice = random.Random(law.__name__)
    kinds = [kind for kind in USUAL for _ in range(OF_EACH)]
    return [Take(start + dice.uniform(0, OVER), law(kind, dice), *kind) for kind in kinds]


def remember(connection: Connection, law: Law) -> None:
    """A history of the same law, of other jobs."""
    dice = random.Random("earlier")
    for _ in range(track.KEPT):
        for duration, resolution in USUAL:
            kind = f"{MODELS[connection.provider]}·generate·{resolution}·{duration}"
            track.record(connection.pk, kind, track.Sample(time.time(), track.DONE, seconds=law((duration, resolution), dice)))


async def poll(served: Served, run: Run, interval: float, takes: Sequence[Take]) -> None:
    """Ask about each job every `interval` seconds from its acceptance on, until it is done."""
    limits = httpx.Limits(max_connections=20, max_keepalive_connections=20)
    async with httpx.AsyncClient(limits=limits, timeout=10, trust_env=False) as client:

        async def watch(key: int, take: Take) -> None:
            for number in count(1):
                await asyncio.sleep(take.accepted + number * interval - time.time())
                if (await client.get(f"{served.address}/{run.name}/videos/{key}")).status_code == 200:
                    run.waits.append(time.time() - take.finish)
                    return

        await asyncio.gather(*(watch(key, take) for key, take in enumerate(takes)))


async def poll_all(served: Served, start: float) -> None:
    """All fixed polls, side by side."""
    await asyncio.gather(*(poll(served, run, interval, takes_of(law, start)) for law, interval, run in FIXED))


def begin(served: Served, run: Run, connection: Connection, people: tuple[Project, User], *, start: float, site: str) -> dict[str, float]:
    """Put this run's jobs at the provider; their finish times."""
    takes = takes_of(run.law, start)
    attempts = rendering(*people, connection, takes, model=MODELS[run.provider])
    finishes = {str(attempt.remote_id): take.finish for attempt, take in zip(attempts, takes, strict=True)}
    hooks = {}
    if run.called:
        Attempt.objects.filter(connection=connection).update(callback_token_hash=token_hash(TOKEN))
        hooks = {str(attempt.remote_id): site + reverse("hook", args=[attempt.pk, TOKEN]) for attempt in attempts}
    served.tell(run.name, finishes=finishes, callbacks=hooks)
    return finishes


def known(connection: Connection, jobs: int) -> dict[str, float]:
    """When our rows knew the end of each job, once all do."""
    ends = dict(Attempt.objects.filter(connection=connection, made_at__isnull=False).values_list("remote_id", "made_at"))
    return {str(key): at.timestamp() for key, at in ends.items() if at} if len(ends) == jobs else {}


@pytest.mark.django_db(transaction=True)
def test_watching_against_polls_at_a_fixed_interval(served: Served, alice: User, tmp_path: Path, say: Callable[[str], None]):
    people = (project_of("TIDE", alice), alice)
    with working(tmp_path, served.host) as own, web(own) as site:
        connections = {run.name: connect(served, run.name, provider=run.provider) for run in OURS}
        for run in OURS:
            if run.history:
                remember(connections[run.name], run.law)
            if run.called:
                Connection.objects.filter(pk=connections[run.name].pk).update(called_at=timezone.now())
        start = time.time() + 3
        finishes = {run.name: begin(served, run, connections[run.name], people, start=start, site=site) for run in OURS}
        for law, _, run in FIXED:
            served.tell(run.name, finishes={str(key): take.finish for key, take in enumerate(takes_of(law, start))})
        asyncio.run(poll_all(served, start))
        for run in OURS:
            ends = eventually(partial(known, connections[run.name], len(finishes[run.name])), within=90, every=0.5)
            run.waits = [ends[key] - finish for key, finish in finishes[run.name].items()]
    report(served, say)


@pytest.mark.django_db(transaction=True)
def test_where_the_time_of_a_callback_goes(served: Served, alice: User, tmp_path: Path, say: Callable[[str], None]):
    people = (project_of("TIDE", alice), alice)
    with working(tmp_path, served.host) as own, web(own) as site:
        connection = connect(served, "alone", provider="acedata")
        start = time.time() + 8  # the worker has begun by then
        attempts = rendering(*people, connection, [Take(start - 60, 60 + APART * place) for place in range(ALONE)], model=MODELS["acedata"])
        Job.objects.update(due=timezone.now() + timedelta(hours=1))
        Attempt.objects.update(callback_token_hash=token_hash(TOKEN))
        finishes = {str(attempt.remote_id): start + APART * place for place, attempt in enumerate(attempts)}
        hooks = {str(attempt.remote_id): site + reverse("hook", args=[attempt.pk, TOKEN]) for attempt in attempts}
        served.tell("alone", finishes=finishes, callbacks=hooks)
        eventually(partial(known, connection, ALONE), within=90, every=0.5)
    arrivals = served.seen("alone").arrivals
    steps = []
    for key, called, made in Attempt.objects.values_list("remote_id", "called_at", "made_at"):
        finish, heard = finishes[str(key)], called.timestamp() if called else 0.0
        looked = next((arrival for arrival in sorted(arrivals) if arrival >= heard), 0.0)
        steps.append((heard - finish, looked - heard, made.timestamp() - looked if made else 0.0))
    say(f"\n\n{ALONE} callbacks, {APART} s apart, in an installation that does nothing else; medians\n")
    for name, waits in zip(
        ("until the web has heard it", "until the provider is asked", "until our row knows"), zip(*steps, strict=True), strict=True
    ):
        say(f"  {name:30}{statistics.median(waits) * 1000:>6.0f} ms")
    say(f"  {'together':30}{statistics.median(map(sum, steps)) * 1000:>6.0f} ms")


def report(served: Served, say: Callable[[str], None]) -> None:
    """The table, with each law's rows beside the fixed polls of that law."""
    say(f"\n\nWatching {len(USUAL) * OF_EACH} jobs of {SHORTEST:.0f} to {LONGEST:.0f} s each, side by side at one provider, at full speed")
    say("requests a job · wait from the provider's end until our row knows: median, 95th of a hundred · and as a share of the fixed polls'\n")
    for law, title in ((regular, "what was asked tells how long it takes, ±10 %"), (irregular, "any time between 30 and 180 s, whatever was asked")):
        runs = [run for run in OURS if run.law is law] + [run for one, _, run in FIXED if one is law]
        for run in runs:
            run.requests = len(served.seen(run.name).arrivals)
        five, one = runs[-2:]
        say(f"  {title}\n  {'':32}{'requests':>9}{'median':>10}{'95th':>9}{'requests / 5 s poll':>22}{'median / 1 s poll':>20}")
        for run in runs:
            middle, late = statistics.median(run.waits), statistics.quantiles(run.waits, n=20)[-1]
            ratios = f"{run.requests / five.requests:>22.2f}{middle / statistics.median(one.waits):>20.2f}"
            say(f"  {run.label:32}{run.requests / len(run.waits):>9.1f}{middle:>8.2f} s{late:>7.2f} s{ratios}")
        say("")
