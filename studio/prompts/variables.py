"""Variables in a prompt, {{like this}}: find them, fill them, and say what is odd. Pure, and the only place that knows the notation.

Text is read once, from left to right, and what is filled in is never read again, so a value cannot bring variables of its own. Single braces
are plain text. Anything that only looks like a variable stays as it was written, and `problems` says so. Every function takes time that grows
with the length of the text, no faster.

    FillError
    ├── Missing      some variables have no value: ask for them
    └── BadValue     some values cannot be used: change them
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from studio.plain_text import normalized

MOST = 20  # variables in one prompt
NAME_LENGTH = 40  # characters
VALUE_LENGTH = 1000  # characters
OTHER_MARKS = " _-.'’\u200c\u200d"  # what a name may have besides letters, marks and digits; some scripts need the joiners

_BRACES = re.compile(r"\{\{([^{}]*)\}\}")
_ODD = re.compile(r"\{\{|\}\}")


class FillError(ValueError):
    """The text cannot be filled yet. `reasons` has a sentence for each variable that stands in the way."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        """Keep the reasons by variable."""
        super().__init__(" ".join(reasons.values()))
        self.reasons = dict(reasons)


class Missing(FillError):
    """Some variables have no value."""


class BadValue(FillError):
    """Some values cannot be used."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text: plain, or a variable, whose `name` is then not empty. The pieces' `text`, joined, is the text again."""

    text: str
    name: str = ""


def pieces(text: str) -> Iterator[Piece]:
    """The text cut into plain parts and variables, in order."""
    end = 0
    for found in _BRACES.finditer(text):
        if not (name := _name(found[1])):
            continue
        if found.start() > end:
            yield Piece(text[end : found.start()])
        yield Piece(found[0], name)
        end = found.end()
    if end < len(text):
        yield Piece(text[end:])


def find(text: str) -> tuple[str, ...]:
    """The names of the variables, each once, in the order in which they are first written."""
    return tuple(dict.fromkeys(piece.name for piece in pieces(text) if piece.name))


def missing(text: str, values: Mapping[str, str]) -> tuple[str, ...]:
    """The variables for which there is no value, or a blank one."""
    return tuple(name for name in find(text) if not values.get(name, "").strip())


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with every variable's value, without surrounding space, in its place. Values for other names are ignored.

    Raises Missing if a variable has no value, BadValue if a value cannot be used.
    """
    if lacking := missing(text, values):
        raise Missing({name: f"Give “{name}” a value." for name in lacking})
    if bad := {name: trouble for name in find(text) if (trouble := trouble_with_value(name, values[name]))}:
        raise BadValue(bad)
    return "".join(values[piece.name].strip() if piece.name else piece.text for piece in pieces(text))


def trouble_with_value(name: str, value: str) -> str:
    """Why this value cannot be filled in, as a sentence; empty if it can, or if there is none."""
    if len(value.strip()) > VALUE_LENGTH:
        return f"The value of “{name}” has {len(value.strip()):,} characters; it can have {VALUE_LENGTH:,}."
    if _ODD.search(value):
        return f"The value of “{name}” has double braces in it. Values cannot have variables of their own."
    if not is_text(value):
        return f"The value of “{name}” has a character in it that is no text."
    return ""


def is_text(written: str) -> bool:
    """Whether every database and every provider takes it: no NUL, no half of a character."""
    return "\x00" not in written and not any("\ud800" <= mark <= "\udfff" for mark in written)


def trouble_with_name(written: str) -> str:
    """Why this cannot be the name of a variable, as a sentence; empty if it can."""
    name = _tidy(written)
    if not name:
        return "A variable needs a name between its braces, such as {{subject}}."
    if len(name) > NAME_LENGTH:
        return f"“{name[:NAME_LENGTH]}…” is too long for the name of a variable; it can have {NAME_LENGTH} characters."
    if "\n" in written or "\r" in written:
        return f"The name of a variable stands on one line; “{name}” does not."
    if any(not _may_be_in_a_name(mark) for mark in name) or not any(mark.isalnum() for mark in name):
        return f"“{_visible(name)}” cannot be the name of a variable: use letters, digits, spaces, hyphens and underscores."
    return ""


def name_of(written: str) -> str:
    """The name as it is compared: composed, with single spaces. Empty if it cannot be a name."""
    return _name(written)


def problems(text: str) -> list[str]:
    """What is odd about the braces of a text, each as a sentence with the place; empty if all is well. Characters are counted from 1."""
    found: list[str] = []
    plain: list[str] = []  # the text with what was judged replaced by as many spaces, so that what is left over is odd
    end = 0
    for braces in _BRACES.finditer(text):
        plain += [text[end : braces.start()], " " * len(braces[0])]
        end = braces.end()
        if trouble := trouble_with_name(braces[1]):
            found.append(f"At character {braces.start() + 1}: {trouble}")
    rest = "".join([*plain, text[end:]])
    if odd := _ODD.search(rest):
        found.append(_odd_braces(rest, odd))
    names = find(text)
    if len(names) > MOST:
        found.append(f"This prompt has {len(names)} variables; it can have {MOST}.")
    return found + _alike(names)


def _odd_braces(rest: str, odd: re.Match[str]) -> str:
    place = odd.start() + 1
    if odd[0] == "}}":
        return f"At character {place}: }}}} closes no variable. Put {{{{ before the name, or take the braces away."
    if "}}" in rest[odd.end() :]:
        return f"At character {place}: variables cannot stand inside one another. Close each with }}}} before the next begins."
    return f"At character {place}: {{{{ is never closed. Put }}}} after the name, or take the braces away."


def _alike(names: Sequence[str]) -> list[str]:
    """Names that differ in nothing but capital letters are mistakes far more often than wishes."""
    times = Counter(name.casefold() for name in names)
    twins = [name for name in names if times[name.casefold()] > 1]
    return [f"{' and '.join(f'“{name}”' for name in twins)} differ only in capital letters. Write them alike."] if twins else []


def _name(written: str) -> str:
    return "" if trouble_with_name(written) else _tidy(written)


def _tidy(written: str) -> str:
    return " ".join(normalized("NFC", written).split())


def _may_be_in_a_name(mark: str) -> bool:
    return mark in OTHER_MARKS or unicodedata.category(mark)[0] in "LMN"


def _visible(name: str) -> str:
    """The name with marks that cannot be seen, or that turn the reading direction, as their numbers."""
    return "".join(mark if mark.isprintable() else f"\\u{ord(mark):04x}" for mark in name)
