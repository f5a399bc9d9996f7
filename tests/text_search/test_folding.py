"""Folding and taking text apart: what counts as the same, what is found in the middle of a run, and that both databases do the same."""

import unicodedata

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from studio.text_search import folding
from studio.text_search.folding import SEPARATORS, SPACELESS, Token, asked_words, fold, ranges
from studio.text_search.functions import tsquery

STORABLE = st.characters(exclude_categories=["Cs", "Cn"], exclude_characters="\x00")
TRICKY = st.text(alphabet="ßẞİıΣςσŁøÆЁйＡ１ｶﾞがé\u0301\u3099\u0e31가각ᄀ\u1161ﬁﷺ㌀🎬👍🏽\u200d\ufe0f\u00ad\u202e’—、。 \n\t\"'\\*&|aZ9", max_size=40)
TEXTS = st.text(alphabet=STORABLE, max_size=60) | TRICKY


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Море", "МОРЕ"),
        ("Straße", "STRASSE"),
        ("GROẞE", "große"),
        ("İSTANBUL", "istanbul"),
        ("ISPARTA", "ısparta"),
        ("ΟΔΥΣΣΕΥΣ", "οδυσσευς"),
        ("ＦＵＬＬ　ｗｉｄｔｈ", "full width"),
        ("ｶﾞﾗｽ", "ガラス"),
        ("cafe\u0301", "CAFÉ"),
        ("Łódź", "lodz"),
        ("한국", "\u1112\u1161\u11ab\u1100\u116e\u11a8"),
        ("❤\ufe0f", "❤"),
        ("👍🏽", "👍"),
        ("soft\u00adhyphen zero\u200bwidth", "softhyphen zerowidth"),
        ("O’Hara", "o'hara"),
        (" two \n\t lines\u00a0", "two lines"),
        ("ﬁlm ½", "film 1⁄2"),
    ],
)
def test_what_people_write_in_several_ways_is_the_same(one: str, other: str):
    assert fold(one) == fold(other)


@pytest.mark.parametrize(("one", "other"), [("か", "が"), ("ส้ม", "สม"), ("sea", "see"), ("क", "कि"), ("a1", "a2")])
def test_what_means_something_else_is_not(one: str, other: str):
    assert fold(one) != fold(other)


@given(TEXTS)
def test_folding_again_changes_nothing(text: str):
    assert fold(fold(text)) == fold(text)


@pytest.mark.parametrize(
    ("typed", "tokens"),
    [
        ("Slow Dol", [Token("slow"), Token("dol", is_beginning=True)]),
        ("橘猫", [Token("橘猫", is_beginning=True)]),
        ("雨中奔跑", [Token("雨中奔"), Token("中奔跑")]),
        ("4K映像", [Token("4k"), Token("映像", is_beginning=True)]),
        ("🎬", [Token("🎬", is_beginning=True)]),
        ("*** — ‘’", []),
        ("\u200b\ufe0f", []),
    ],
)
def test_a_search_asks_for_words_and_for_parts_of_scripts_without_spaces(typed: str, tokens: list[Token]):
    assert asked_words(typed, 12) == tokens


@given(st.text(alphabet="一只橘猫在雨中奔跑東京タワーแมวส้ม🎬🎥", min_size=1, max_size=30), st.data())
def test_every_part_of_a_text_without_spaces_is_asked_for_by_tokens_that_the_text_has(text: str, data: st.DataObject):
    folded = fold(text)
    start = data.draw(st.integers(0, len(folded) - 1))
    part = folded[start : data.draw(st.integers(start + 1, len(folded)))]
    held = folding.words(text)
    for token in asked_words(part, 12):
        assert any(word.startswith(token.text) if token.is_beginning else word == token.text for word in held)


def test_no_letter_of_a_living_script_separates_words():
    kept_apart = {
        code for first, last in ranges(SEPARATORS) for code in range(first, last + 1) if unicodedata.category(chr(code)) in {"Lu", "Ll", "Lo", "Mc"}
    }
    folded_away = {code for code in kept_apart if unicodedata.normalize("NFKD", chr(code)) != chr(code)}
    assert kept_apart <= folded_away
    spaceless = {code for first, last in ranges(SPACELESS) for code in range(first, last + 1)}
    assert not spaceless & {code for first, last in ranges(SEPARATORS) for code in range(first, last + 1)}


def asked(sql: str, *params: str) -> object:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchone()[0]


@pytest.mark.django_db
@given(TEXTS)
def test_the_database_folds_and_takes_apart_as_python_does(text: str):
    assert asked("SELECT studio_fold(%s)", text) == folding.fold(text)
    if connection.vendor == "postgresql":
        assert set(asked("SELECT tsvector_to_array(studio_grams(%s))", text) or ()) == set(folding.grams(text))  # type: ignore[call-overload]
        assert set(asked("SELECT tsvector_to_array(studio_words(%s))", text) or ()) == set(folding.words(text))  # type: ignore[call-overload]
    else:
        assert asked("SELECT studio_words(%s)", text) == " ".join(folding.words(text))


@pytest.mark.django_db
@given(TEXTS)
def test_nothing_that_is_typed_breaks_a_question(text: str):
    if connection.vendor == "postgresql":
        for tokens in (folding.asked_grams(text), asked_words(text, 12)):
            asked("SELECT ''::tsvector @@ %s::tsquery", tsquery(tokens))
