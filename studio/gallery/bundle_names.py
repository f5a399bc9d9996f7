"""What files in a ZIP are called: a pattern such as "{project}/{code} {title}", filled in with words that every file system takes. Pure.

Words come from people and from providers, so nothing of them is trusted: no separators, no dots at an end, no device names of Windows, no letters that
do not show or that turn the direction of writing, and no more bytes than the strictest file system takes. A "/" of the pattern itself makes a folder.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date

from studio.plain_text import normalized

TOKENS = ("project", "code", "title", "take", "date", "provider")
USUAL = "{code} {title}"
TOKEN = re.compile(r"\{([^{}]*)\}")
FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{name}{number}" for name in ("com", "lpt") for number in "123456789¹²³")})
LONGEST = 180  # bytes of one name in UTF-8: file systems take 255, and a number and a suffix follow
DEEPEST = 3  # folders and the file
TITLE = 48  # letters of a title or a prompt


class BadPattern(ValueError):
    """The pattern cannot name files. Its text is a sentence for the person."""


def checked(pattern: str) -> str:
    """The pattern, if it can name files. Raises BadPattern."""
    unknown = [token for token in TOKEN.findall(pattern) if token not in TOKENS]
    if unknown:
        raise BadPattern(f"There is no {{{unknown[0]}}}. There are {', '.join(f'{{{token}}}' for token in TOKENS)}.")
    if re.search(r"[{}]", TOKEN.sub("", pattern)):
        raise BadPattern("A brace stands alone.")
    if len(pattern.split("/")) > DEEPEST:
        raise BadPattern(f"At most {DEEPEST - 1} folders, one in the other.")
    if not TOKEN.search(pattern):
        raise BadPattern("Name at least one of the tokens, or all files would be called the same.")
    return pattern


def filled(pattern: str, words: Mapping[str, str]) -> str:
    """The path that this pattern gives with these words, without a suffix."""
    parts = [safe(TOKEN.sub(lambda match: FORBIDDEN.sub(" ", words[match[1]]), part)) for part in pattern.split("/")]
    return "/".join(part for part in parts if part) or "clip"


def safe(name: str) -> str:
    """The name as every file system takes it; empty where nothing is left."""
    shown = "".join(letter for letter in normalized("NFC", name) if unicodedata.category(letter)[0] != "C" or letter.isspace())
    tidy = " ".join(FORBIDDEN.sub(" ", shown).split()).strip(". ")
    cut = tidy.encode()[:LONGEST].decode(errors="ignore").strip(". ")
    return f"_{cut}" if cut.split(".")[0].strip().casefold() in DEVICES else cut


def numbered(paths: list[tuple[str, str]]) -> list[str]:
    """The names of these (path, suffix), each once: what would be the same on any file system gets a number, "clip (2).mp4"."""
    taken: set[str] = set()
    names = []
    for path, suffix in paths:
        name, number = f"{path}.{suffix}", 1
        while _folded(name) in taken:
            number += 1
            name = f"{path} ({number}).{suffix}"
        taken.add(_folded(name))
        names.append(name)
    return names


def _folded(name: str) -> str:
    """What two names have in common that are the same file on some system: without capitals, composed in one way."""
    return normalized("NFKC", name).casefold()


def words_of(*, project: str, code: str, title: str, position: int, day: date, provider: str) -> dict[str, str]:
    """The words of a clip for every token. `title` is its title, or its prompt, of any length."""
    told = " ".join(re.sub(r"[^\w\s'-]|_", " ", normalized("NFC", title)).split())
    short = told[:TITLE].rpartition(" ")[0] if len(told) > TITLE and " " in told[:TITLE] else told[:TITLE]
    return {"project": project, "code": code, "title": short, "take": str(position + 1), "date": day.isoformat(), "provider": provider}
