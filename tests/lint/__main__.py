"""Lints queries, templates, style sheets, scripts, the threat model and vendored files: `python -m tests.lint`, from the root of the repository.

It prints every finding and a closing line, and exits with 1 if there are findings. It needs neither Django nor pytest, so that it
takes about a second.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from tests.lint import exports, queries, scripts, styles, templates, threat_model, vendored
from tests.lint.files import Rule, files

MODULES = (exports, queries, templates, styles, scripts, threat_model, vendored)


def findings(root: Path, pattern: str, rules: tuple[Rule, ...]) -> Iterator[str]:
    """What the rules find in the files that match a pattern."""
    found = files(root, pattern)
    if not found:  # a renamed folder must not switch its rules off
        yield f"{pattern}: no file matches, correct the pattern in tests/lint"
    for file in found:
        for rule in rules:
            yield from rule(file)


def main(root: Path) -> int:
    """Print the findings; the exit status."""
    checks = [check for module in MODULES for check in module.RULES.items()]
    found = [finding for pattern, rules in checks for finding in findings(root, pattern, rules)]
    checked = {file.path for pattern, _ in checks for file in files(root, pattern)}
    print(*found, f"{len(checked)} files, {len(found)} findings", sep="\n")  # noqa: T201 - this command's output
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path.cwd()))
