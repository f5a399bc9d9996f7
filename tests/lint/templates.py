"""Rules for templates: markup that a strict Content-Security-Policy, htmx 4 and a screen reader understand.

They read the source of a template, not the page that it renders.
"""

import re
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

from tests.lint.files import Rules, SourceFile, files, forbidden
from tests.lint.scripts import HTMX_2_EVENTS

SPRITE = "static/img/icons.svg"

# Most examples on the web are for htmx 2. htmx 4 ignores these names without an error. The replacements are from its migration guide.
HTMX_2 = (
    (r"hx-ext=", "remove it: htmx 4 uses an extension as soon as its script is loaded"),
    (r"hx-disabled-elt", "write hx-disable"),
    (r"hx-vars", "write hx-vals with JSON"),
    (r"hx-params", "choose the fields with hx-include, or change them in static/js on htmx:config:request"),
    (r"hx-request=", "write hx-config"),
    (r"""hx-swap=["']morph""", "write innerMorph or outerMorph"),
    (r"sse-connect|hx-sse=", 'poll with hx-trigger="every …": the SSE extension is not loaded'),
    (r"ws-connect|hx-ws=", 'poll with hx-trigger="every …": the WebSocket extension is not loaded'),
    (r"hx-history=", "remove it: htmx 4 keeps no pages in localStorage"),
    (r"hx-prompt=", "ask with a field in a dialog: the prompt extension is not loaded"),
    *HTMX_2_EVENTS,
)

# htmx compiles these with the Function constructor, which the policy forbids, so they never run.
NEEDS_EVAL = (
    (r"hx-on[:=]", "listen with addEventListener in static/js"),
    (r"""hx-trigger=(?:"[^"]*|'[^']*)\[""", "remove the filter in [ ]: cancel htmx:before:request in static/js, or render another trigger"),
    (r"""["']js:""", "write the values as JSON, or set them in static/js on htmx:config:request"),
)

SENDS_A_REQUEST = {"hx-get", "hx-post", "hx-put", "hx-patch", "hx-delete"}
INHERITED_IN_HTMX_2 = {"hx-headers", "hx-target", "hx-swap", "hx-include", "hx-indicator", "hx-confirm", "hx-select", "hx-sync"}


class StartTag(NamedTuple):
    """An element's name, its attributes and its line."""

    name: str
    attrs: dict[str, str]
    line: int


class StartTagParser(HTMLParser):
    """Collects the start tags of a template."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[StartTag] = []
        self.feed(without_template_tags(text))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(StartTag(tag, {name: value or "" for name, value in attrs}, self.getpos()[0]))


def without_template_tags(text: str) -> str:
    """The HTML of a template, line by line: quotes and angle brackets inside template tags would confuse the parser."""
    return re.sub(r"{#.*?#}|{%.*?%}|{{.*?}}", lambda tag: "\n" * tag[0].count("\n"), text, flags=re.DOTALL)


@cache
def start_tags(text: str) -> list[StartTag]:
    return StartTagParser(text).found


@cache
def symbols(root: Path) -> set[str]:
    """The names of the icons in the sprite."""
    return {name for sprite in files(root, SPRITE) for name in re.findall(r'<symbol id="([^"]+)"', sprite.text)}


def icons_are_in_the_sprite(file: SourceFile) -> Iterator[str]:
    for match in re.finditer(r'{%\s*icon\s+"([^"]+)"', file.text):
        if match[1] not in symbols(file.root):
            yield file.at(match.start(), f"icon {match[1]}: add it to .ci/vendor.toml and run `make vendor`, or use an icon in {SPRITE}")


def no_htmx_2(file: SourceFile) -> Iterator[str]:
    yield from forbidden(file, HTMX_2)


def no_htmx_attributes_that_need_eval(file: SourceFile) -> Iterator[str]:
    yield from forbidden(file, NEEDS_EVAL)


def inheritance_is_explicit(file: SourceFile) -> Iterator[str]:
    """Children inherit an attribute in htmx 4 only with :inherited. Without it and without a request it has no effect."""
    for tag in start_tags(file.text):
        # An hx-partial has no children that send requests: its target and swap are its own.
        if tag.name != "hx-partial" and not SENDS_A_REQUEST & tag.attrs.keys():
            for name in sorted(INHERITED_IN_HTMX_2 & tag.attrs.keys()):
                yield file.on(tag.line, f"<{tag.name} {name}>: write {name}:inherited for its children, or add the request (hx-get, hx-post, …)")


def no_inline_handlers(file: SourceFile) -> Iterator[str]:
    for tag in start_tags(file.text):
        for name in tag.attrs:
            if re.fullmatch(r"on[a-z]+", name):
                yield file.on(tag.line, f"<{tag.name} {name}>: listen with addEventListener in static/js, the policy forbids inline handlers")


def no_style_elements(file: SourceFile) -> Iterator[str]:
    for tag in start_tags(file.text):
        if tag.name == "style":
            yield file.on(tag.line, "<style>: move the rules to a sheet in static/css")


def no_inline_scripts(file: SourceFile) -> Iterator[str]:
    for tag in start_tags(file.text):
        if tag.name == "script" and "src" not in tag.attrs:
            yield file.on(tag.line, "<script> without src: move the code to a module in static/js, the policy forbids inline scripts")


def no_javascript_addresses(file: SourceFile) -> Iterator[str]:
    for tag in start_tags(file.text):
        for name, value in tag.attrs.items():
            if value.strip().lower().startswith("javascript:"):
                yield file.on(tag.line, f'<{tag.name} {name}="javascript:…">: use a button and listen with addEventListener in static/js')


def no_inline_styles(file: SourceFile) -> Iterator[str]:
    for tag in start_tags(file.text):
        if "style" in tag.attrs:
            yield file.on(
                tag.line, f'<{tag.name} style>: write {{% value "name" number %}} among its classes, which sets --name: the policy forbids styles'
            )


def images_have_an_alt_attribute(file: SourceFile) -> Iterator[str]:
    for tag in start_tags(file.text):
        if tag.name == "img" and "alt" not in tag.attrs:
            yield file.on(tag.line, '<img>: describe it in alt, or write alt="" if it is decoration')


def dialog_buttons_submit_no_form(file: SourceFile) -> Iterator[str]:
    """A button's default type is submit, and a submit button inside a form ignores its command."""
    for tag in start_tags(file.text):
        if tag.name == "button" and "commandfor" in tag.attrs and tag.attrs.get("type") != "button":
            yield file.on(tag.line, '<button commandfor>: add type="button"')


def fragments_list_their_variables(file: SourceFile) -> Iterator[str]:
    if file.name.startswith("_") and not re.match(r"{#.*Variables: .*#}", file.text):
        yield file.on(1, "start the fragment with {# What it shows. Variables: first, second. #}")


def scripts_and_sheets_are_our_own(file: SourceFile) -> Iterator[str]:
    own = r"""\s*["']?{% (?:static|url) """
    for match in re.finditer(rf"<(?:script|link)\b[^>]*?(?:src|href)\s*=(?!{own})", file.text, re.IGNORECASE):
        yield file.at(match.start(), "<script> or <link> with a written address: keep the file in static/ and name it with {% static %}")


RULES: Rules = {
    "templates/**/*.html": (
        icons_are_in_the_sprite,
        no_htmx_2,
        no_htmx_attributes_that_need_eval,
        inheritance_is_explicit,
        no_inline_handlers,
        no_style_elements,
        no_inline_scripts,
        no_javascript_addresses,
        no_inline_styles,
        images_have_an_alt_attribute,
        dialog_buttons_submit_no_form,
        fragments_list_their_variables,
        scripts_and_sheets_are_our_own,
    )
}
