"""Rules for third-party files. `.ci/vendor.py --check` compares them with the lock file, so no rule here does."""

import json
from collections.abc import Iterator

from tests.lint.files import Rules, SourceFile


def packages_include_their_licence(file: SourceFile) -> Iterator[str]:
    for name, package in json.loads(file.text).items():
        if not any("LICENSE" in path for path in package["files"]):
            yield file.at(file.text.find(f'"{name}"'), f"{name} has no licence: add its LICENSE to .ci/vendor.toml and run `make vendor`")


def no_source_map_addresses(file: SourceFile) -> Iterator[str]:
    """collectstatic refuses a script whose source map is not there."""
    offset = file.text.find("sourceMappingURL")
    if offset >= 0:
        yield file.at(offset, "sourceMappingURL: take a build without it, the map is not vendored and collectstatic would fail")


RULES: Rules = {
    ".ci/vendor.lock.json": (packages_include_their_licence,),
    "static/**/*.js": (no_source_map_addresses,),
}
