"""`make sabotage`: each line that matters is broken on purpose, in a copy of the tree, and the test that guards it must then fail.

    python -m tests.stress.sabotage [WORDS]     only the sabotages whose names hold these words
    python -m tests.stress.sabotage --sample    those whose line or guard stands in a file that changed since the last long run, and three at random

First every guarding test must pass in a copy that is whole: a test that fails anyway would prove nothing. docs/testing.md shows the table.
"""

import argparse
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from queue import SimpleQueue

from tests.stress.sabotages import SABOTAGES, Sabotage

ROOT = Path(__file__).parent.parent.parent
LONG_RUNS = ROOT / "docs/long-run.md"  # newest first, each with its commit
AT_ONCE = 2
AT_RANDOM = 3
REPORTING = {"STUDIO_STAGES", "STUDIO_STAGE"}  # with these a guard would report itself as a run of the suite
FAILED = 1  # pytest's code for tests that failed; others mean that it could not run


def main(arguments: list[str]) -> int:
    """How many sabotages nobody noticed; the table is printed as it grows."""
    options = argparse.ArgumentParser(prog="python -m tests.stress.sabotage")
    options.add_argument("words", nargs="*")
    options.add_argument("--sample", action="store_true")
    given = options.parse_args(arguments)
    chosen = sample() if given.sample else [one for one in SABOTAGES if " ".join(given.words) in one.name]
    if not chosen:
        options.error(f"no sabotage is called {' '.join(given.words)!r}")
    for one in chosen:
        one.check((ROOT / one.file).read_text())
    with tempfile.TemporaryDirectory(prefix="sabotage-") as folder:
        trees = SimpleQueue[Path]()
        for number in range(AT_ONCE):
            trees.put(copied_to(Path(folder) / f"{number}" / "tree"))
        with borrowed(trees) as tree:
            whole = passed(tree, *{one.guard for one in chosen})
        if whole.returncode != 0:
            print(f"The tests fail in a tree that is whole.\n{whole.stdout}{whole.stderr}")  # noqa: T201 - a person is looking
            return 1
        with ThreadPoolExecutor(AT_ONCE) as pool:
            caught = list(pool.map(partial(is_caught, trees), chosen))
    missed = [one.name for one, was_caught in zip(chosen, caught, strict=True) if not was_caught]
    print(f"{len(chosen) - len(missed)} of {len(chosen)} sabotages caught. Missed: {'; '.join(missed) or 'none'}")  # noqa: T201 - the result
    return len(missed)


def sample() -> list[Sabotage]:
    """Those whose line or guard may have changed since the last long run, and three at random of the others."""
    changed = changed_since_long_run()
    chosen = [one for one in SABOTAGES if changed is None or {one.file, one.guard.partition("::")[0]} & changed]
    others = [one for one in SABOTAGES if one not in chosen]
    return chosen + random.SystemRandom().sample(others, min(AT_RANDOM, len(others)))


def changed_since_long_run() -> set[str] | None:
    """The files that differ from the commit of the last long run; None where that commit is not known here."""
    found = re.search(r"\b[0-9a-f]{40}\b", LONG_RUNS.read_text())
    asked = ["git", "diff", "--name-only", found[0] if found else "", "--"]
    done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
    return set(done.stdout.split("\n")) if found and done.returncode == 0 else None


@contextmanager
def borrowed(trees: "SimpleQueue[Path]") -> Iterator[Path]:
    """One of the copies, which nobody else uses meanwhile."""
    tree = trees.get()
    try:
        yield tree
    finally:
        trees.put(tree)


def is_caught(trees: "SimpleQueue[Path]", one: Sabotage) -> bool:
    """Whether the guard fails where this line is broken."""
    began = time.monotonic()
    with borrowed(trees) as tree, broken(tree, one):
        run = passed(tree, one.guard)
    caught = run.returncode == FAILED
    told = f"{'caught' if caught else 'MISSED'}  {time.monotonic() - began:4.0f} s  {one.name}  <  {one.guard.rpartition('/')[2]}"
    print(told if caught else f"{told}\n{run.stdout[-2000:]}{run.stderr[-2000:]}", flush=True)  # noqa: T201 - a person is waiting
    return caught


def copied_to(tree: Path) -> Path:
    """The tree, with the files that git knows, as they stand."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, tree / name)
    return tree


@contextmanager
def broken(tree: Path, one: Sabotage) -> Iterator[None]:
    """The tree with this line broken."""
    path = tree / one.file
    whole = path.read_text()
    one.check(whole)
    try:
        rewrite(path, whole.replace(one.text, one.instead))
        yield
    finally:
        rewrite(path, whole)


def rewrite(path: Path, content: str) -> None:
    """Replace the content, and make the file a second newer than it was.

    Python takes a file of the same size and second for unchanged, and would run the bytecode of the version before.
    """
    newer = path.stat().st_mtime + 1
    path.write_text(content)
    os.utime(path, (newer, newer))


def passed(tree: Path, *tests: str) -> "subprocess.CompletedProcess[str]":
    """How pytest ended."""
    environment = {name: value for name, value in os.environ.items() if name not in REPORTING} | {"STUDIO_DATA_DIR": str(tree.parent / "data")}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
