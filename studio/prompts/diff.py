"""What is different between two texts, word by word. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import Match, SequenceMatcher
from itertools import accumulate, groupby

from studio.prompts.contents import Content

WORD = re.compile(r"\{\{[^{}]*\}\}|\w+(?:['’]\w+)*|\s+|[^\w\s]")
EXACT = 1_000_000  # pairs of words up to which every word is compared; beyond, very frequent ones only where their neighbours agree
MOST_STEPS = 1_500_000  # of one comparison, a quarter of a second; what is then still to be compared counts as replaced
SAME, TAKEN, ADDED = "same", "taken", "added"


class BoundedMatcher(SequenceMatcher[str]):
    """Python's matcher with a limit for its work, which is cubic for long texts of few different words. The longest matches are found first."""

    def __init__(self, olds: Sequence[str], news: Sequence[str]) -> None:
        """Count what each word of `olds` costs: a step, and one for each place where it is in `news`."""
        super().__init__(None, olds, news, autojunk=len(olds) * len(news) > EXACT)
        self.steps = 0
        places: dict[str, list[int]] = self.b2j  # type: ignore[attr-defined]  # documented, and missing in the stubs
        self._cost = list(accumulate((1 + len(places.get(word, ())) for word in olds), initial=0))

    def find_longest_match(self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None) -> Match:
        """The longest match between these places; none if looking for it would exceed the limit."""
        ahi = len(self._cost) - 1 if ahi is None else ahi
        cost = self._cost[ahi] - self._cost[alo]
        if self.steps + cost > MOST_STEPS:
            return Match(alo, blo, 0)
        self.steps += cost
        return super().find_longest_match(alo, ahi, blo, bhi)


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
    for tag, old, old_end, new, new_end in BoundedMatcher(olds, news).get_opcodes():
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
