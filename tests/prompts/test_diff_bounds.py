"""Comparing two versions takes a bounded number of steps, whatever they are made of."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.prompts import diff
from studio.prompts.diff import ADDED, TAKEN, compare
from studio.prompts.models import TEXT_LENGTH

PAIRS = {
    "one sign in two orders": ("!" * 999, "?" + "!?" * 499),
    "the same, short enough to be compared exactly": ("!" * 400, "?" + "!?" * 199),
    "two words": ("a b " * 250, "b a " * 250),
    "three words in other orders": ("a b c " * 160, "c a b b " * 120),
    "one long text, one short": ("!?" * 5_000, "?!" * 99),
    "marks": ("\u0301" * TEXT_LENGTH, "\u0301\u0323" * (TEXT_LENGTH // 2)),
    "braces": ("{{" * 5_000, "{}" * 5_000),
    "all in other words": ("! " * 5_000, "? " * 5_000),
}


def steps(before: str, after: str) -> int:
    matcher = diff.BoundedMatcher(diff.WORD.findall(before), diff.WORD.findall(after))
    matcher.get_opcodes()
    return matcher.steps


@pytest.mark.parametrize("name", PAIRS)
def test_no_two_prompts_take_more_than_the_limit(name: str):
    before, after = PAIRS[name]
    began = time.process_time()
    parts = compare(before, after)

    assert time.process_time() - began < 2
    assert steps(before, after) <= diff.MOST_STEPS
    assert "".join(part.text for part in parts if part.kind != ADDED) == before
    assert "".join(part.text for part in parts if part.kind != TAKEN) == after


few_words = st.lists(st.sampled_from(["!", "?", " ", "a", "b ", "é", "\u0301", "{{x}}"]), min_size=1, max_size=8)


@given(few_words, few_words, st.integers(1, 1_000), st.integers(1, 1_000))
def test_repeated_words_take_no_more_than_the_limit(one: list[str], other: list[str], often: int, often_too: int):
    assert steps("".join(one * often)[:TEXT_LENGTH], "".join(other * often_too)[:TEXT_LENGTH]) <= diff.MOST_STEPS


def test_a_long_prompt_of_ordinary_words_is_still_compared_word_by_word():
    sentences = [f"Shot {number}: the camera moves past house {number * 7} toward the old harbour, slowly." for number in range(100)]
    before = " ".join(sentences)
    after = before.replace("house 350 ", "tower 350 ")

    changed = [part.text for part in compare(before, after) if part.kind in {TAKEN, ADDED}]
    assert changed == ["house", "tower"]
