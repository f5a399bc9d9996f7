"""Compare the pinned packages with the advisories that the Python package index has for them.

    .ci/advisories.py [--index ADDRESS] [FILE ...]

The index that pip uses is asked for each pin (`/pypi/NAME/VERSION/json`, field `vulnerabilities`). Ends with 1 for a pin with an advisory that is not withdrawn, naming it and
what fixes it. Without network, or at an index that keeps none, it says that nothing was compared and ends with 0: a check that needs the network must
not stop work without it. ACCEPTED names advisories that do not concern us, each with the reason.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from pip._internal.models.index import PyPI  # the one place that knows pip's default

FILES = ("app.txt", "dev.txt")
PIN = re.compile(r"^([A-Za-z0-9][\w.-]*)(?:\[[^]]*\])?==([^\s;\\]+)", re.MULTILINE)
PATIENCE = 10  # seconds
AT_ONCE = 4
MISSING = 404
ENOUGH = 3  # pins that an index does not know, before it is believed to keep no advisories
ACCEPTED: dict[str, str] = {}  # by the advisory's id


@dataclass(frozen=True)
class Pin:
    """A package in one version."""

    name: str
    version: str


@dataclass(frozen=True)
class Answer:
    """What the index says of a pin: lines about its advisories, or None where it knows nothing of it. `trouble` says why it could not be asked."""

    pin: Pin
    advisories: list[str] | None = None
    trouble: str = ""


def pins(text: str) -> Iterator[Pin]:
    """The pins of a requirements file."""
    yield from (Pin(re.sub(r"[-_.]+", "-", name).lower(), version) for name, version in PIN.findall(text))


def asked(index: str, pin: Pin) -> Answer:
    """What the index says of this pin."""
    address = f"{index.rstrip('/')}/pypi/{pin.name}/{pin.version}/json"
    try:
        with urlopen(Request(address, headers={"Accept": "application/json"}), timeout=PATIENCE) as answer:  # noqa: S310 - the index of the command line
            told = json.load(answer)["vulnerabilities"]
        return Answer(pin, [line for one in told if (line := described(pin, one))])
    except HTTPError as error:
        return Answer(pin) if error.code == MISSING else Answer(pin, trouble=f"it answers {error.code}")
    except (OSError, HTTPException) as error:
        return Answer(pin, trouble=f"it cannot be reached ({getattr(error, 'reason', error)})")
    except (ValueError, KeyError, TypeError, AttributeError):
        return Answer(pin, trouble="its answer has no list of advisories")


def described(pin: Pin, advisory: dict[str, object]) -> str:
    """A line about an advisory; "" for one that is withdrawn or accepted."""
    names = [str(advisory["id"]), *map(str, advisory.get("aliases") or [])]  # type: ignore[call-overload]
    if advisory.get("withdrawn") or ACCEPTED.keys() & set(names):
        return ""
    fixed = ", ".join(map(str, advisory.get("fixed_in") or []))  # type: ignore[call-overload]
    return f"{pin.name} {pin.version}: {' '.join(names)}; {f'fixed in {fixed}' if fixed else 'no version fixes it'}"


def main() -> int:
    """Print what was found; the exit status."""
    parser = argparse.ArgumentParser(description="Compare the pins with known advisories.")
    parser.add_argument("--index", help="the address of an index; pip's own without it")
    parser.add_argument("files", nargs="*", type=Path, default=[Path(__file__).parent / "requirements" / name for name in FILES])
    given = parser.parse_args()
    wanted = sorted({pin for file in given.files for pin in pins(file.read_text())}, key=lambda pin: (pin.name, pin.version))
    if not wanted:
        print("advisories: the files pin nothing", file=sys.stderr)  # noqa: T201 - this command's output
        return 1
    index = given.index or pips_index()
    answers: list[Answer] = []
    while len(answers) < min(ENOUGH, len(wanted)) and not any(answer.trouble for answer in answers):  # an index that is away costs one wait
        answers.append(asked(index, wanted[len(answers)]))
    if any(answer.advisories is not None for answer in answers):
        with ThreadPoolExecutor(AT_ONCE) as pool:
            answers += pool.map(lambda pin: asked(index, pin), wanted[len(answers) :])
    return report(answers, of=len(wanted))


def pips_index() -> str:
    """The index that pip is told to use, or its own default; without the path of its simple pages."""
    told = os.environ.get("PIP_INDEX_URL", "")
    if not told:
        command = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
        told = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603 - our own
    return re.sub(r"/simple/?$", "", told or PyPI.url)


def report(answers: list[Answer], *, of: int) -> int:
    """Print what the answers say; the exit status."""
    found = [line for answer in answers for line in answer.advisories or []]
    compared = sum(answer.advisories is not None for answer in answers)
    reason = next((answer.trouble for answer in answers if answer.trouble), "it keeps no advisories")
    print(*found, sep="\n", end="\n" if found else "")  # noqa: T201
    if compared == 0:
        print(f"advisories: NOT COMPARED. {of} pins were not compared with the index: {reason}.")  # noqa: T201
    elif compared < of:
        print(f"advisories: {compared} of {of} pins compared, {len(found)} advisories; {of - compared} NOT COMPARED: {reason}.")  # noqa: T201
    else:
        print(f"advisories: {of} pins compared, {len(found)} advisories")  # noqa: T201
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
