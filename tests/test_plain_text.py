"""Which characters stay in texts and names, and what their normal forms cost."""

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio import plain_text
from studio.plain_text import escaped, lines, normalized, one_line

GOOD = [
    "می‌خواهم",
    "क्‍ष",
    "👨‍👩‍👧‍👦",
    "🏳️‍🌈",
    "❤️",
    "👍🏽",
    "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    "שלום",
    "مرحبا",
    "Zoë d’Aubigné",
    "日本語",
    "ไทย",
]
BAD = [
    "\x00",
    "\x07",
    "\x1b",
    "\x7f",
    "\x9b",
    "\u202e",
    "\u202a",
    "\u2066",
    "\u2069",
    "\u200b",
    "\ufeff",
    "\u2060",
    "\u200e",
    "\U000e0041",
    "\ud800",
    "\u061c",
]
marks = st.text(alphabet=st.sampled_from("ae\u0301\u0323\u0308\u0344\u0327\u0e38가\u1100\u1161ﬁ\ufc5eÅ"), max_size=80)


@pytest.mark.parametrize("text", GOOD)
def test_scripts_and_emoji_keep_what_they_need(text: str):
    assert one_line(text) == text == lines(text) == escaped(text)


@pytest.mark.parametrize("bad", BAD)
def test_what_cannot_be_seen_is_removed_and_shown_on_a_terminal(bad: str):
    assert one_line(f"a{bad}b") == "ab" == lines(f"a{bad}b")
    assert bad not in escaped(f"a{bad}b")
    assert escaped(f"a{bad}b").startswith("a\\")


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x85", "\u2028", "\u2029"])
def test_a_line_end_is_a_space_in_a_name_and_a_line_feed_in_a_text(end: str):
    assert one_line(f"a{end}b") == "a b"
    assert lines(f"a{end}b") == "a\nb"


def test_tabs_stay_in_texts_and_joiners_only_where_they_join():
    assert lines("a\tb") == "a\tb"
    assert one_line("a\u200db") == "ab"
    assert one_line("\u200cAda\u200d") == "Ada"


@given(st.text())
def test_cleaning_twice_changes_nothing_more(text: str):
    assert one_line(one_line(text)) == one_line(text)
    assert lines(lines(text)) == lines(text)
    assert "\n" not in one_line(text)


@given(marks, st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
def test_a_normal_form_is_the_one_of_unicode(text: str, form: str):
    long = text * (plain_text.SHORT // max(1, len(text)) + 1)
    assert normalized(form, long) == unicodedata.normalize(form, long)  # type: ignore[arg-type]


def test_a_long_run_of_marks_costs_a_moment():
    began = time.process_time()
    assert len(normalized("NFC", "\u0301\u0323" * 100_000)) == 200_000
    assert time.process_time() - began < 2
