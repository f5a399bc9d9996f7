"""One of several real processes that use the ledger at once. Started by test_at_once.py; waits for a line on its input before it begins.

    python -m tests.credits.hands hold EMAIL MILLICREDITS REFERENCE…        one thread a reference, all at once
    python -m tests.credits.hands settle MILLICREDITS REFERENCE…
    python -m tests.credits.hands anything SEED TIMES EMAIL…                random movements with repeated keys

Prints one JSON object: how often each outcome came.
"""

import json
import os
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from threading import Barrier, Thread

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
django.setup()

from django.db import connection, transaction  # noqa: E402 - Django must be set up first

from studio.accounts.models import User  # noqa: E402
from studio.credits import ledger  # noqa: E402

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


def main(act: str, *words: str) -> None:
    connection.close()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    if act == "hold":
        user = User.objects.get(email=words[0])
        counted = at_once([lambda name=name: ledger.hold(user, int(words[1]), reference=name) for name in words[2:]])  # type: ignore[misc]
    elif act == "settle":
        counted = at_once([lambda name=name: ledger.settle(name, int(words[0])) for name in words[1:]])  # type: ignore[misc]
    else:
        counted = anything(int(words[0]), int(words[1]), list(User.objects.filter(email__in=words[2:])))
    sys.stdout.write(json.dumps(counted) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
