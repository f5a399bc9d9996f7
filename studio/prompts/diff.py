"""What is different between two texts, word by word. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby

from studio.prompts.contents import Content

WORD = re.compile(r"\{\{[^{}]*\}\}|\w+(?:['’]\w+)*|\s+|[^\w\s]")
EXACT = 1_000_000  # pairs of words up to which every word is compared; beyond, very frequent ones only where their neighbours agree
SAME, TAKEN, ADDED = "same", "taken", "added"


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of text that is in both (`same`), only in the older (`taken`) or only in the newer one (`added`)."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Fact:
    """An option that differs; empty where a version has none."""

    what: str
    before: str
    after: str


def compare(before: str, after: str) -> list[Part]:
    """The two texts as one, in parts; without the added parts it is `before`, without the taken ones `after`."""
    whole = _phrases(list(_parts(_words(before), _words(after))))
    return [Part(kind, "".join(part.text for part in parts)) for kind, parts in groupby(whole, key=lambda part: part.kind)]


def _phrases(parts: Sequence[Part]) -> Iterator[Part]:
    """The same with changes joined that have nothing but space between them: people read phrases."""
    for is_change, group in groupby(parts, key=lambda part: part.kind != SAME or part.text.isspace()):
        run = list(group)
        taken, added = ("".join(part.text for part in run if part.kind in {SAME, kind}) for kind in (TAKEN, ADDED))
        if is_change and taken.strip() and added.strip():
            yield from (Part(TAKEN, taken), Part(ADDED, added))
        else:
            yield from run


def _words(text: str) -> list[str]:
    return WORD.findall(text)


def _parts(before: Sequence[str], after: Sequence[str]) -> Iterator[Part]:
    start = _alike(before, after)
    end = _alike(before[start:][::-1], after[start:][::-1])
    yield from _part(SAME, before[:start])
    olds, news = before[start : len(before) - end], after[start : len(after) - end]
    for tag, old, old_end, new, new_end in SequenceMatcher(None, olds, news, autojunk=len(olds) * len(news) > EXACT).get_opcodes():
        if tag == "equal":
            yield from _part(SAME, olds[old:old_end])
        else:
            yield from _part(TAKEN, olds[old:old_end])
            yield from _part(ADDED, news[new:new_end])
    yield from _part(SAME, before[len(before) - end :])


def _part(kind: str, words: Sequence[str]) -> Iterator[Part]:
    if words:
        yield Part(kind, "".join(words))


def _alike(one: Sequence[str], other: Sequence[str]) -> int:
    """How many words are alike from the start."""
    return next((at for at, (left, right) in enumerate(zip(one, other, strict=False)) if left != right), min(len(one), len(other)))


def facts(before: Content, after: Content) -> list[Fact]:
    """The options and values that differ, in words."""
    pairs = [
        ("Aspect ratio", before.aspect_ratio, after.aspect_ratio),
        ("Duration", _seconds(before), _seconds(after)),
        ("Resolution", before.resolution, after.resolution),
        ("Sound", _sound(before), _sound(after)),
    ]
    for name in dict.fromkeys([*before.defaults, *after.defaults, *before.choices, *after.choices]):
        pairs.append((f"{name} starts with", before.defaults.get(name, ""), after.defaults.get(name, "")))
        pairs.append((f"Choices of {name}", ", ".join(before.choices.get(name, [])), ", ".join(after.choices.get(name, []))))
    return [Fact(what, old, new) for what, old, new in pairs if old != new]


def _seconds(content: Content) -> str:
    return "" if content.duration is None else f"{content.duration} s"


def _sound(content: Content) -> str:
    return "none" if content.silent else ""
