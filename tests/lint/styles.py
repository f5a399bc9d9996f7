"""Rules for our style sheets: tokens that exist, one layer a sheet, logical directions."""

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

from tests.lint.files import Rules, SourceFile, files

LAYERS = {"tokens", "base", "layout", "components"}
LOGICAL = {
    "left": "inline-start",
    "right": "inline-end",
    "top": "block-start",
    "bottom": "block-end",
    "width": "inline-size",
    "height": "block-size",
}


def without_comments(file: SourceFile) -> SourceFile:
    """The same sheet with its line breaks, so that findings still name the right line."""
    return replace(file, text=re.sub(r"/\*.*?\*/", lambda comment: "\n" * comment[0].count("\n"), file.text, flags=re.DOTALL))


@cache
def custom_properties(root: Path) -> set[str]:
    """The names that a sheet, a template or a script sets."""
    declared = [without_comments(sheet).text for sheet in files(root, "static/css/*.css")] + [
        page.text for page in files(root, "templates/**/*.html")
    ]
    in_declarations = {name for text in declared for name in re.findall(r"(--[\w-]+)\s*:", text)}
    in_scripts = {name for script in files(root, "static/js/*.js") for name in re.findall(r"""["'](--[\w-]+)["']""", script.text)}
    return in_declarations | in_scripts


def layers(sheet: SourceFile) -> list[re.Match[str]]:
    return list(re.finditer(r"@layer\s+([\w.-]+)\s*{", sheet.text))


def custom_properties_are_set_somewhere(file: SourceFile) -> Iterator[str]:
    sheet = without_comments(file)
    for match in re.finditer(r"var\(\s*(--[\w-]+)", sheet.text):
        if match[1] not in custom_properties(file.root):
            yield sheet.at(match.start(), f"{match[1]} is not set anywhere: use a token from static/css/tokens.css, or add it there")


def a_sheet_has_one_layer(file: SourceFile) -> Iterator[str]:
    sheet = without_comments(file)
    first: str | None = None
    for match in layers(sheet):
        if match[1] == "tokens":  # a sheet may set tokens of its own
            continue
        first = first or match[1]
        if match[1] != first:
            yield sheet.at(match.start(), f"@layer {match[1]}: the sheet is already in {first}, move these rules to a sheet of their own")


def layers_are_the_declared_ones(file: SourceFile) -> Iterator[str]:
    sheet = without_comments(file)
    for match in layers(sheet):
        if match[1] not in LAYERS:
            yield sheet.at(match.start(), f"@layer {match[1]}: use one of {', '.join(sorted(LAYERS))}, which static/css/tokens.css puts in order")


def braces_match(file: SourceFile) -> Iterator[str]:
    text = re.sub(r'"[^"]*"', "", without_comments(file).text)
    opened, closed = text.count("{"), text.count("}")
    if opened != closed:
        yield f"{file.path}: {opened} opening and {closed} closing braces: add or remove what is missing, or a browser drops the rest of the sheet"


def light_dark_holds_only_colours(file: SourceFile) -> Iterator[str]:
    """A shadow inside light-dark() is invalid CSS, and browsers drop the declaration without an error."""
    sheet = without_comments(file)
    for match in re.finditer(r"light-dark\(([^()]*(?:\([^()]*\)[^()]*)*)\)", sheet.text):
        if re.search(r"\d(px|rem)\b", match[1]):
            yield sheet.at(match.start(), f"{match[0]}: move the lengths out, as in 0 1px 2px light-dark(#ddd, #000)")


def directions_are_logical(file: SourceFile) -> Iterator[str]:
    sheet = without_comments(file)
    for match in re.finditer(r"[{;]\s*((?:margin|padding|border)-(?:left|right|top|bottom)|width|height)\s*:", sheet.text):
        logical = "-".join(LOGICAL.get(word, word) for word in match[1].split("-"))
        yield sheet.at(match.start(1), f"{match[1]}: write {logical}, which follows the direction of the text")


RULES: Rules = {
    "static/css/*.css": (
        custom_properties_are_set_somewhere,
        a_sheet_has_one_layer,
        layers_are_the_declared_ones,
        braces_match,
        light_dark_holds_only_colours,
        directions_are_logical,
    )
}
