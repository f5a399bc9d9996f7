"""Several real processes that use the ledger at once, for test_at_once.py.

Started once, it reads one line of JSON, a list of commands, forks a process for each, and lets them begin together:

    ["hold", EMAIL, MILLICREDITS, REFERENCE…]       one thread a reference, all at once
    ["settle", MILLICREDITS, REFERENCE…]
    ["anything", SEED, TIMES, EMAIL…]               random movements with repeated keys
    ["carry"]                                       whatever movement of many people is under way, in its shortest turns
    ["everything", SEED, SECONDS, EMAIL…]           the same and limits, allowances and waivers, for so long

Prints one JSON object a process: how often each outcome came.
"""

import json
import multiprocessing
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from threading import Barrier, Thread

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
django.setup()

from django.db import connection, transaction  # noqa: E402 - Django must be set up first

from studio.accounts.models import User  # noqa: E402
from studio.credits import allowances, carrying, ledger, limit_actions  # noqa: E402
from studio.credits.models import Hold  # noqa: E402
from studio.projects.models import Project  # noqa: E402

Movement = Callable[[], bool]


def outcome(movement: Movement) -> str:
    try:
        return "moved" if movement() else "repeated"
    except ledger.LedgerError as error:
        return type(error).__name__


def at_once(movements: Iterable[Movement]) -> Counter[str]:
    """Every movement in a thread of its own, started together."""
    counted: Counter[str] = Counter()
    work = list(movements)
    barrier = Barrier(len(work))

    def run(movement: Movement) -> None:
        try:
            barrier.wait()
            counted[outcome(movement)] += 1
        finally:
            connection.close()

    threads = [Thread(target=run, args=(movement,)) for movement in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return counted


def anything(seed: int, times: int, users: list[User]) -> Counter[str]:
    """Random movements over few keys and references, so that the processes meet; some in a transaction that is thrown away."""
    dice = random.Random(seed)
    counted: Counter[str] = Counter()
    for _ in range(times):
        user, name, amount = dice.choice(users), f"r{dice.randrange(times // 2)}", dice.randrange(1, 900)
        movement: Movement = dice.choice(
            [
                lambda: ledger.grant(user, 300, key=name, reason="Start", actor=None),  # noqa: B023 - called before the next turn
                lambda: ledger.hold(user, amount, reference=name),  # noqa: B023
                lambda: ledger.hold(user, amount, reference=name),  # noqa: B023
                lambda: ledger.settle(name, amount),  # noqa: B023
                lambda: ledger.release(name),  # noqa: B023
                lambda: ledger.adjust(user, -amount, key=name, reason="Mend", actor=None),  # noqa: B023
            ]
        )
        if dice.random() < 0.1:
            with transaction.atomic():
                outcome(movement)
                transaction.set_rollback(True)
            counted["thrown away"] += 1
        else:
            counted[outcome(movement)] += 1
    return counted


def everything(seed: int, seconds: float, users: list[User]) -> Counter[str]:
    """Any act of people, jobs and the worker, for so long; counted by act and outcome. For TIDE nothing costs more than was held."""
    dice, counted, end = random.Random(seed), Counter[str](), time.monotonic() + seconds
    projects = {project.code: project for project in Project.objects.all()}
    manager = User.objects.create_user(f"manager-{seed}@example.org", role="admin")
    while time.monotonic() < end:
        user, name, amount = dice.choice(users), f"r{dice.randrange(400)}", dice.randrange(1, 900)
        project = dice.choice([None, *projects.values()])
        acts: dict[str, tuple[int, Movement]] = {
            "hold": (40, lambda: ledger.hold(user, amount, reference=name, project=project, provider="xai")),  # noqa: B023 - called in this turn
            "settle": (20, lambda: ledger.settle(name, charge(name, amount))),  # noqa: B023
            "release": (10, lambda: ledger.release(name)),  # noqa: B023
            "grant": (8, lambda: ledger.grant(user, amount, key=f"{seed}-{name}", reason="More", actor=None)),  # noqa: B023
            "adjust": (4, lambda: ledger.adjust(user, -amount, key=name, reason="Mend", actor=None)),  # noqa: B023
            "allowance": (6, lambda: allowances.due() > 0),
            "budget": (4, lambda: limit_actions.set_budget(projects["MOON"], amount=20 * amount, period="month", hard=amount % 2 == 0, by=None)),  # noqa: B023
            "cap": (4, lambda: limit_actions.set_cap(users[0], credits_a_day=30 * amount, jobs_at_once=None, by=None)),  # noqa: B023
            "waiver": (4, lambda: limit_actions.give_waiver(users[0], project=projects["MOON"], lifts="both", reason="Once", by=manager).is_open),
        }
        act = dice.choices(list(acts), weights=[weight for weight, _ in acts.values()])[0]
        counted[f"{act}: {outcome(acts[act][1])}"] += 1
    return counted


def carry() -> Counter[str]:
    """Carry out what is under way until nothing is; counted by turns that found the movement free, and those that ended it."""
    counted: Counter[str] = Counter()
    while carrying.running():
        for movement_id in list(carrying.waiting()):
            counted["turns"] += 1
            counted["ends"] += carrying.carry_on(movement_id, seconds=0)
    return counted


def charge(reference: str, amount: int) -> int:
    """A charge of any size, but at most the hold for what belongs to TIDE."""
    row = Hold.objects.select_related("project").filter(reference=reference).first()
    return min(amount, row.amount) if row and row.project and row.project.code == "TIDE" else amount


def did(act: str, *words: str) -> dict[str, int]:
    """What one process does, once all are there."""
    BEGIN.wait()
    if act == "hold":
        user = User.objects.get(email=words[0])
        counted = at_once([lambda name=name: ledger.hold(user, int(words[1]), reference=name) for name in words[2:]])  # type: ignore[misc]
    elif act == "settle":
        counted = at_once([lambda name=name: ledger.settle(name, int(words[0])) for name in words[1:]])  # type: ignore[misc]
    elif act == "carry":
        counted = carry()
    elif act == "everything":
        counted = everything(int(words[0]), float(words[1]), list(User.objects.filter(email__in=words[2:]).order_by("email")))
    else:
        counted = anything(int(words[0]), int(words[1]), list(User.objects.filter(email__in=words[2:])))
    connection.close()
    return dict(counted)


if __name__ == "__main__":
    commands = json.loads(sys.stdin.readline())
    connection.close()  # no two processes share one
    context = multiprocessing.get_context("fork")  # what was imported need not be imported again
    BEGIN = context.Barrier(len(commands))
    with context.Pool(len(commands)) as pool:
        for counted in pool.starmap(did, commands, chunksize=1):
            sys.stdout.write(json.dumps(counted) + "\n")
