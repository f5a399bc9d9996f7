"""Rules for our own queries: text of people is compared by studio/text_search, which does the same on both databases and in every script."""

import re
from collections.abc import Iterator

from tests.lint.files import Rules, SourceFile

# SQLite's LIKE knows the capitals of ASCII alone, and neither database knows accents or composed letters.
COMPARES = re.compile(r"\b(\w+)__(i(?:contains|exact|startswith|endswith|regex)|contains|startswith|endswith|regex)\b(?=\s*[=\"'])")
WRITTEN_BY_US = {"cluster", "reference"}  # names that no person types


def text_is_compared_by_text_search(file: SourceFile) -> Iterator[str]:
    if "/migrations/" in file.path:
        return
    for match in COMPARES.finditer(file.text):
        if match[2].startswith("i") or match[1] not in WRITTEN_BY_US:
            yield file.at(match.start(), f"{match[0]}: search with text_search.lookups.containing, or compare with __has or __same")


RULES: Rules = {"studio/**/*.py": (text_is_compared_by_text_search,)}
