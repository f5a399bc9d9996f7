"""Ten thousand jobs at one connection and one worker process: how much of a request limit is used, whether it is ever passed, and what a look costs."""

import asyncio
import itertools
import time
from bisect import bisect_left
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx
import pytest
from pytest_django.fixtures import Settings

from studio.accounts.models import User
from studio.jobs import hands
from studio.jobs.models import Attempt
from studio.jobs.worker import sweep
from studio.providers.registry import make
from studio.providers.wire import CONNECTIONS_PER_POOL, POOLS, Wire
from studio.routing.models import Connection
from tests.bench.conftest import Take, connect, project_of, rendering
from tests.bench.served import Served
from tests.bench.working import workers, working
from tests.time_limits import eventually

JOBS = 10_000
LIMIT = 5_000  # requests a minute
WINDOW = 60.0  # seconds
WATCHED = 12.0  # seconds longer than one window
UNLIMITED = 12.0  # seconds for which each of two is as fast as it can
ANSWERS_IN = 0.05  # seconds that the provider takes for an answer


def in_any_window(arrivals: Sequence[float]) -> tuple[int, int]:
    """The fewest and the most requests in any 60 s that lie within the run."""
    counts = [bisect_left(arrivals, start + WINDOW) - number for number, start in enumerate(arrivals) if start + WINDOW <= arrivals[-1]]
    return min(counts), max(counts)


def in_flight(served: Served, connection: Connection, author: User) -> list[Attempt]:
    """Ten thousand jobs that all wait to be looked at and go on rendering."""
    start = time.time() - 300
    takes = [Take(start, 3600) for _ in range(JOBS)]
    attempts = rendering(project_of("TIDE", author), author, connection, takes)
    served.tell(connection.label, finishes={str(attempt.remote_id): start + 3600 for attempt in attempts}, delay=ANSWERS_IN)
    return attempts


def begun(served: Served, name: str) -> list[float]:
    """When requests arrived, once any did."""
    return served.seen(name).arrivals


@pytest.mark.django_db(transaction=True)
def test_a_limit_is_used_and_never_passed(served: Served, alice: User, tmp_path: Path, say: Callable[[str], None]):
    in_flight(served, connect(served, "limited", requests_per_minute=LIMIT), alice)
    with working(tmp_path, served.host, STUDIO_WORKERS="1") as own:
        eventually(lambda: begun(served, "limited"), within=30)
        time.sleep(WINDOW + WATCHED)  # the worker works, in processes of its own
        sizes = workers(own)
        arrivals = served.seen("limited").arrivals
    fewest, most = in_any_window(arrivals)
    largest, whole = max(pss for _, pss in sizes.values()), sum(pss for _, pss in sizes.values())
    say(f"\n\n{JOBS:,} jobs in flight, {LIMIT:,} requests a minute allowed, one worker process, {WINDOW + WATCHED:.0f} s; counted by the provider\n")
    say(f"  in any 60 s: {fewest / LIMIT:.1%} to {most / LIMIT:.1%} of the limit ({fewest:,} to {most:,} requests)")
    say(
        f"  the worker process: {largest:.0f} MB PSS, {max(rss for rss, _ in sizes.values()):.0f} MB RSS; its cluster of {len(sizes)}: {whole:.0f} MB PSS"
    )
    assert most <= LIMIT


async def through_the_wire(served: Served, keys: Sequence[str]) -> int:
    """Looks through our wire and xAI's adapter, with no rows behind them; how many there were."""
    asked, end, made = itertools.cycle(keys), time.monotonic() + UNLIMITED, 0
    provider = make("xai", "bench-secret-key-0001", f"{served.address}/bare")
    async with Wire(allowed_hosts={served.host}) as wire:

        async def look() -> None:
            nonlocal made
            for key in asked:
                await wire.check(provider, key)
                made += 1
                if time.monotonic() > end:
                    return

        await asyncio.gather(*(look() for _ in range(POOLS * CONNECTIONS_PER_POOL)))
    return made


def sweeps(connection: Connection) -> int:
    """The worker's own sweeps, in this process; how many looks there were."""
    made, end = 0, time.monotonic() + UNLIMITED
    while time.monotonic() < end:
        made += sweep(connection.pk)
    return made


def processor(act: Callable[[], float]) -> tuple[float, float]:
    """What the act gave, and the seconds that this process computed meanwhile."""
    began = time.process_time()
    return act(), time.process_time() - began


@pytest.mark.django_db(transaction=True)
def test_what_this_process_computes_for_a_look(served: Served, alice: User, settings: Settings, say: Callable[[str], None]):
    settings.ALLOW_PRIVATE_HOSTS = frozenset({served.host})
    hands.let_go()
    connection = connect(served, "own")
    keys = [str(attempt.remote_id) for attempt in in_flight(served, connection, alice)]
    served.tell("bare", finishes=dict.fromkeys(keys, time.time() + 3600), delay=ANSWERS_IN)
    acts: dict[str, Callable[[], float]] = {
        "a bare httpx loop": lambda: asyncio.run(bare(served, keys)) * UNLIMITED,
        "our wire and the adapter": lambda: asyncio.run(through_the_wire(served, keys)),
        "the worker's sweep, rows and all": lambda: sweeps(connection),
    }
    say("\n\nMilliseconds of this process's own computing for one look, as a share of the bare loop's, and looks a second\n")
    costs: list[float] = []
    for name, act in acts.items():
        looks, spent = processor(act)
        costs.append(spent / looks * 1000)
        say(f"  {name:34}{costs[-1]:>6.2f} ms{costs[-1] / costs[0]:>8.2f}{looks / UNLIMITED:>8.0f} a second")
    hands.let_go()


async def bare(served: Served, keys: Sequence[str]) -> float:
    """Requests a second of an httpx loop over the same answers, over as many connections as the worker has, which reads each one's JSON."""
    limits = httpx.Limits(max_connections=CONNECTIONS_PER_POOL, max_keepalive_connections=CONNECTIONS_PER_POOL)
    clients = [httpx.AsyncClient(limits=limits, timeout=30, trust_env=False) for _ in range(POOLS)]
    asked, end = itertools.cycle(keys), time.monotonic() + UNLIMITED
    made = 0

    async def ask(client: httpx.AsyncClient) -> None:
        nonlocal made
        for key in asked:
            (await client.get(f"{served.address}/bare/videos/{key}")).json()
            made += 1
            if time.monotonic() > end:
                return

    start = time.monotonic()
    await asyncio.gather(*(ask(client) for client in clients for _ in range(CONNECTIONS_PER_POOL)))
    rate = made / (time.monotonic() - start)
    for client in clients:
        await client.aclose()
    return rate


@pytest.mark.django_db(transaction=True)
def test_looks_without_a_limit_against_a_bare_loop(served: Served, alice: User, tmp_path: Path, say: Callable[[str], None]):
    attempts = in_flight(served, connect(served, "free"), alice)
    finishes = {str(attempt.remote_id): time.time() + 3600 for attempt in attempts}
    served.tell("bare", finishes=finishes, delay=ANSWERS_IN)
    loop = asyncio.run(bare(served, list(finishes)))
    with working(tmp_path, served.host, STUDIO_WORKERS="1"):
        first = eventually(lambda: begun(served, "free"), within=30)[0]
        time.sleep(max(0.0, first + UNLIMITED - time.time()))
        arrivals = served.seen("free").arrivals
    ours = bisect_left(arrivals, first + UNLIMITED) / UNLIMITED
    say(
        f"\n\nLooks without a limit: {JOBS:,} jobs, one worker process, {POOLS * CONNECTIONS_PER_POOL} connections, answers after {ANSWERS_IN * 1000:.0f} ms\n"
    )
    say(f"  the worker, rows and all, against a bare httpx loop with as many connections: {ours:.0f} / {loop:.0f} a second = {ours / loop:.2f}")
