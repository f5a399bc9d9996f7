"""The short code of a project."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.projects.codes import SHAPE, suggest


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Tidewater", "TIDE"),
        ("Big Red Bus", "BRB"),
        ("The Ridge", "THER"),
        ("Ökö", "OKO"),
        ("2027 Summer", "SUMM"),
        ("1 2 3", "PROJ"),
        ("Ё", "PROJ"),
        ("X", "PROJ"),
        ("One two three four five six seven", "OTTFFS"),
    ],
)
def test_a_code_is_made_from_the_name(name: str, code: str):
    assert suggest(name, taken=()) == code


def test_a_taken_code_gets_a_number():
    assert suggest("Tidewater", taken={"TIDE"}) == "TIDE2"
    assert suggest("Tidewater", taken={"TIDE", "TIDE2"}) == "TIDE3"


@given(st.text(max_size=80))
def test_any_name_has_a_code(name: str):
    assert SHAPE.match(suggest(name, taken={"PROJ"}))
