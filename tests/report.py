"""Tells `.ci/stage` what pytest ran: how many cases, collected by how many processes, and how long the slowest took."""

import json
import os
from collections import Counter
from itertools import chain
from pathlib import Path

import pytest

KEPT = 30  # slowest tests of a run


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if "STUDIO_STAGES" not in os.environ or hasattr(config, "workerinput"):
        return
    seconds: Counter[str] = Counter()
    for report in chain.from_iterable(terminalreporter.stats.values()):
        if isinstance(report, pytest.TestReport):
            seconds[report.nodeid] += report.duration  # type: ignore[assignment]
    told = {
        "stage": os.environ.get("STUDIO_STAGE", ""),
        "cases": len(seconds),
        "processes": config.getoption("numprocesses", None) or 1,
        "tests": [(round(spent, 2), test) for test, spent in seconds.most_common(KEPT)],
    }
    with Path(os.environ["STUDIO_STAGES"]).open("a") as file:
        file.write(json.dumps(told) + "\n")
