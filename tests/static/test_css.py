"""The style sheets: every token exists, one layer a file, no colour outside the tokens' ways."""

import re
from pathlib import Path

import pytest
from django.conf import settings

SHEETS = sorted((Path(settings.BASE_DIR) / "static/css").glob("*.css"))
TEMPLATES = sorted((Path(settings.BASE_DIR) / "templates").rglob("*.html"))
SCRIPTS = sorted((Path(settings.BASE_DIR) / "static/js").glob("*.js"))
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)

every_sheet = pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.name)


def rules(sheet: Path) -> str:
    return COMMENT.sub("", sheet.read_text())


def defined() -> set[str]:
    """Custom properties that a sheet, a template's style or a script sets."""
    in_sheets = re.findall(r"(--[\w-]+)\s*:", "".join(rules(sheet) for sheet in SHEETS))
    in_pages = re.findall(r"(--[\w-]+)\s*:", "".join(path.read_text() for path in TEMPLATES))
    in_scripts = re.findall(r"""["'](--[\w-]+)["']""", "".join(path.read_text() for path in SCRIPTS))
    in_tags = {"--ah", "--ar"}  # written by the tags of ui.py
    return {*in_sheets, *in_pages, *in_scripts, *in_tags}


@every_sheet
def test_a_sheet_uses_only_tokens_that_exist(sheet: Path):
    assert set(re.findall(r"var\((--[\w-]+)", rules(sheet))) <= defined()


@every_sheet
def test_a_sheet_is_one_layer(sheet: Path):
    names = re.findall(r"@layer (\w+) {", rules(sheet))
    assert len(set(names) - {"tokens"}) <= 1
    assert set(names) <= {"tokens", "base", "layout", "components"}


@every_sheet
def test_braces_match(sheet: Path):
    text = re.sub(r'"[^"]*"', "", rules(sheet))
    assert text.count("{") == text.count("}")


@every_sheet
def test_light_dark_holds_colours_only(sheet: Path):
    # A whole shadow inside light-dark() is invalid and silently drops the declaration.
    for pair in re.findall(r"light-dark\(([^()]*(?:\([^()]*\)[^()]*)*)\)", rules(sheet)):
        assert not re.search(r"\d(px|rem)\b", pair), pair


@every_sheet
def test_sides_are_logical_so_that_the_page_can_run_from_right_to_left(sheet: Path):
    physical = re.findall(r"[{;]\s*((?:margin|padding|border)-(?:left|right|top|bottom)|(?<!max-)(?<!min-)width|height)\s*:", rules(sheet))
    assert physical == []
