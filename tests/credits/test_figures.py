"""Credits as people write and read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.credits.figures import LARGEST, credits_text, parse_credits


@pytest.mark.parametrize(
    ("millicredits", "text"),
    [(0, "0"), (1, "0.001"), (500, "0.5"), (1_000, "1"), (38_500, "38.5"), (1_240_000, "1,240"), (1_000_000_000, "1,000,000"), (-3_250, "−3.25")],
)
def test_credits_are_shown_exactly_and_short(millicredits, text):
    assert credits_text(millicredits) == text


@pytest.mark.parametrize(
    ("text", "millicredits"),
    [
        ("500", 500_000),
        ("1,000.5", 1_000_500),
        (" 38.5 ", 38_500),
        ("0.001", 1),
        ("7.", 7_000),
        ("2.500000", 2_500),
        ("+12", 12_000),
        ("-12", -12_000),
        ("−12.5", -12_500),
        ("007", 7_000),
        ("1,000,000,000", LARGEST),
    ],
)
def test_what_people_type_as_credits_is_understood(text, millicredits):
    assert parse_credits(text) == millicredits


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "Enter a number"),
        ("   ", "Enter a number"),
        ("ten", "Use digits only"),
        ("10 credits", "Use digits only"),
        ("1e3", "Use digits only"),
        ("NaN", "Use digits only"),
        ("٣", "Use digits only"),
        ("1_000", "Use digits only"),
        ("0x10", "Use digits only"),
        ("1.2.3", "Use digits only"),
        ("--1", "Use digits only"),
        ("38,5", "A comma separates thousands"),
        ("1,00", "A comma separates thousands"),
        ("1000,000", "A comma separates thousands"),
        ("1.000,5", "A comma separates thousands"),
        ("0.0001", "at most 3 decimals"),
        ("1000000000.001", "At most 1,000,000,000"),
        ("9" * 4000, "At most 1,000,000,000"),
        ("-9999999999", "At most 1,000,000,000"),
    ],
)
def test_what_is_no_number_of_credits_is_explained_in_a_sentence(text, sentence):
    with pytest.raises(ValueError, match=sentence):
        parse_credits(text)


@given(st.integers(-LARGEST, LARGEST))
def test_what_is_shown_can_be_typed_again(millicredits):
    assert parse_credits(credits_text(millicredits)) == millicredits


@given(st.text())
def test_any_text_is_credits_or_a_sentence(text):
    try:
        said = parse_credits(text)
    except ValueError as error:
        sentence = str(error)
        assert sentence.endswith(".")
    else:
        assert abs(said) <= LARGEST
