"""Numbers reach style sheets as classes, since the content policy forbids style attributes."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from studio.control.templatetags import ui
from studio.web.css_values import MOST, NAMES, sheet, values

SHEET = Path(__file__).parent.parent.parent / "static" / "css" / "values.css"
PARTS = {name: float(part) for name, part in re.findall(r"\.(v[wht]\d+) { --v[wht]: ([\d.]+); }", sheet())}


def test_the_sheet_is_the_one_that_is_served():
    assert SHEET.read_text() == sheet()


@given(some.floats(0, MOST), some.sampled_from(NAMES))
def test_the_parts_add_up_to_the_number(number: float, name: str):
    first, *parts = values(name, number).split()

    assert f".{first} {{ --{name}: calc(var(--vw) + var(--vh) + var(--vt)); }}" in sheet()
    assert [part[:2] for part in parts] == ["vw", "vh", "vt"]
    assert sum(PARTS[part] for part in parts) == pytest.approx(number, abs=0.000051)


@pytest.mark.parametrize(
    ("arguments", "classes"),
    [
        (("p", "0.64"), "v-p vw0 vh64 vt0"),
        (("ar", 16, 9), "v-ar vw1 vh77 vt78"),
        (("w", 1), "v-w vw1 vh0 vt0"),
        (("w", 0.99999), "v-w vw1 vh0 vt0"),
        (("w", -1), "v-w vw0 vh0 vt0"),
        (("ah", 1_000), "v-ah vw360 vh0 vt0"),
        (("ar", None, 9), ""),
        (("ar", 16, None), ""),
        (("ar", 16, 0), ""),
    ],
)
def test_a_template_writes_classes(arguments: tuple[str, float, float], classes: str):
    assert ui.value(*arguments) == classes


def test_a_property_that_no_sheet_knows_is_our_mistake():
    with pytest.raises(ValueError, match="--x is not in"):
        values("x", 1)
