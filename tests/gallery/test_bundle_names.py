"""Names of files in a ZIP: whatever people type, every file system takes them, and no two are the same."""

import unicodedata
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.gallery.bundle_names import LONGEST, TOKENS, BadPattern, checked, filled, numbered, safe, words_of

WORDS = {"project": "Tidewater", "code": "TIDE-047", "title": "Slow dolly", "take": "1", "date": "2026-11-26", "provider": "xai"}


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("{code} {title}", "TIDE-047 Slow dolly"),
        ("{project}/{date}/{code}", "Tidewater/2026-11-26/TIDE-047"),
        ("{provider}_{code}_take {take}", "xai_TIDE-047_take 1"),
        ("../../{code}", "TIDE-047"),
        ("/{code}/", "TIDE-047"),
        ("{code}: final?", "TIDE-047 final"),
    ],
)
def test_a_pattern_is_filled(pattern: str, path: str):
    assert filled(checked(pattern), WORDS) == path


@pytest.mark.parametrize("pattern", ["{seed}", "no token", "{code", "code}", "{{code}}", "a/b/c/{code}", "{}", "{code!r}", "{code.__class__}"])
def test_a_pattern_that_names_nothing_is_refused(pattern: str):
    with pytest.raises(BadPattern):
        checked(pattern)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ('a/b\\c:d*e?f"g<h>i|j', "a b c d e f g h i j"),
        ("..", ""),
        (". hidden .", "hidden"),
        ("CON", "_CON"),
        ("nul.tar", "_nul.tar"),
        ("com1", "_com1"),
        ("console", "console"),
        ("a\x00b\nc\u202ed\u200be", "ab cde"),
        ("e\u0301", "é"),
        ("東京の夜", "東京の夜"),
    ],
)
def test_what_some_file_system_would_not_take_is_left_out(written: str, name: str):
    assert safe(written) == name


@given(st.text(max_size=300))
def test_any_text_gives_a_name_that_is_safe(written: str):
    name = safe(written)

    assert len(name.encode()) <= LONGEST + 1
    assert name == name.strip(" .")
    assert not set(name) & set('<>:"/\\|?*')
    assert not any(unicodedata.category(letter)[0] == "C" for letter in name)


@given(st.lists(st.text(max_size=8), max_size=8), st.sampled_from(["{title}", "{project}/{title}", "{title}/{title}"]))
def test_no_two_files_are_called_the_same_anywhere(titles: list[str], pattern: str):
    names = numbered([(filled(pattern, WORDS | {"title": title, "project": title}), "mp4") for title in titles])

    folded = {unicodedata.normalize("NFKC", name).casefold() for name in names}
    assert len(folded) == len(titles)
    assert not any(name.startswith("/") or ".." in name.split("/") for name in names)


def test_what_would_be_the_same_gets_a_number():
    assert numbered([("Clip", "mp4"), ("clip", "mp4"), ("clip (2)", "mp4"), ("clip", "webm")]) == [
        "Clip.mp4",
        "clip (2).mp4",
        "clip (2) (2).mp4",
        "clip.webm",
    ]


def test_a_clip_has_a_word_for_every_token():
    words = words_of(project="Tidewater", code="TIDE-047b", title="../Slow dolly" * 20, position=1, day=date(2026, 11, 26), provider="xai")

    assert set(words) == set(TOKENS)
    assert words["take"] == "2"
    assert words["title"].startswith("Slow dolly")
