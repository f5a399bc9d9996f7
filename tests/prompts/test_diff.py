"""What is different between two versions, word by word."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.prompts.contents import Content
from studio.prompts.diff import ADDED, SAME, TAKEN, Fact, Part, compare, facts

some_text = st.text(alphabet=st.sampled_from("ab {}.\né\u0301שא"), max_size=60)


@given(some_text, some_text)
def test_the_parts_make_both_texts_again(before: str, after: str):
    parts = compare(before, after)
    assert "".join(part.text for part in parts if part.kind != ADDED) == before
    assert "".join(part.text for part in parts if part.kind != TAKEN) == after


def test_words_are_compared_whole():
    assert compare("A slow dolly toward {{subject}}.", "A fast dolly toward {{object}}.") == [
        Part(SAME, "A "),
        Part(TAKEN, "slow"),
        Part(ADDED, "fast"),
        Part(SAME, " dolly toward "),
        Part(TAKEN, "{{subject}}"),
        Part(ADDED, "{{object}}"),
        Part(SAME, "."),
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a " * 5000, "b a " * 2500),
        ("a b " * 2500, "b a " * 2500),
        ("a" * 10_000, "b" * 10_000),
        ("! " * 5000, "? " * 5000),
        ("a " * 4000, " a" * 4000),
    ],
)
def test_the_longest_prompts_are_compared_in_a_moment(before: str, after: str):
    began = time.perf_counter()
    parts = compare(before, after)
    assert time.perf_counter() - began < 3
    assert "".join(part.text for part in parts if part.kind != TAKEN) == after


def test_options_and_values_that_differ_are_told():
    before = Content(text="{{a}}", defaults={"a": "x"}, choices={"a": ["x", "y"]}, aspect_ratio="16:9", duration=8)
    after = Content(text="{{a}}", defaults={"a": "y"}, choices={"a": ["x", "y"]}, aspect_ratio="9:16", silent=True)
    assert facts(before, after) == [
        Fact("Aspect ratio", "16:9", "9:16"),
        Fact("Duration", "8 s", ""),
        Fact("Sound", "", "none"),
        Fact("a starts with", "x", "y"),
    ]
    assert facts(before, before) == []
