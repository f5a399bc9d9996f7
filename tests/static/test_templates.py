"""What every template keeps to, so that a browser with our strict policy and htmx 4 understands it."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
SPRITE = set(re.findall(r'<symbol id="([^"]+)"', (ROOT / "static/img/icons.svg").read_text()))

every_template = pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))

# htmx 2 as most people write it from memory: htmx 4 ignores these words without a sound.
OF_HTMX_2 = re.compile(
    r"""hx-ext=|hx-disabled-elt|hx-vars|hx-params|hx-request=|hx-on::|hx-on=|sse-connect|ws-connect|hx-swap="morph|hx-sse=|hx-ws="""
    r"""|htmx:(?:after|before)[A-Z]|htmx:\w+Error|hx-trigger="[^"]*\[|hx-on:|"js:|hx-history=|hx-prompt="""
)
ASKS = {"hx-get", "hx-post", "hx-put", "hx-patch", "hx-delete"}
INHERITED_BY_HABIT = {"hx-headers", "hx-target", "hx-swap", "hx-include", "hx-indicator", "hx-confirm", "hx-select", "hx-sync"}
HANDLER = re.compile(r"on[a-z]+")


def without_tags(text: str) -> str:
    """The HTML of a template: what stands in template tags cannot confuse the parser."""
    return re.sub(r"{#.*?#}|{%.*?%}|{{.*?}}", "", text, flags=re.DOTALL)


class Reader(HTMLParser):
    """Collects the elements with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.feed(without_tags(text))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))


def icons_named(text: str) -> set[str]:
    return set(re.findall(r'{%\s*icon\s+"([^"]+)"', text))


@every_template
def test_every_icon_that_a_template_names_is_in_the_sprite(path: Path):
    assert icons_named(path.read_text()) <= SPRITE


@every_template
def test_no_template_speaks_htmx_2(path: Path):
    assert OF_HTMX_2.findall(path.read_text()) == []


@every_template
def test_what_children_should_inherit_says_so(path: Path):
    silent = [
        (tag, sorted(INHERITED_BY_HABIT & attrs.keys()))
        for tag, attrs in Reader(path.read_text()).elements
        if tag != "hx-partial" and not ASKS & attrs.keys() and INHERITED_BY_HABIT & attrs.keys()
    ]
    assert silent == [], "add :inherited, or the request"


@every_template
def test_no_template_needs_inline_scripts(path: Path):
    for tag, attrs in Reader(path.read_text()).elements:
        assert not [name for name in attrs if HANDLER.fullmatch(name)], f"<{tag}> has an inline handler"
        assert tag != "style", "styles stand in static/css"
        assert tag != "script" or attrs.get("src") is not None, "scripts stand in static/js"
        assert not attrs.get("href", "").startswith("javascript:")


@every_template
def test_inline_style_sets_nothing_but_custom_properties(path: Path):
    for tag, attrs in Reader(path.read_text()).elements:
        for declaration in filter(None, (part.strip() for part in attrs.get("style", "").split(";"))):
            assert declaration.startswith("--"), f"<{tag} style={declaration!r}>"


@every_template
def test_a_picture_has_words_or_says_that_it_needs_none(path: Path):
    assert [attrs for tag, attrs in Reader(path.read_text()).elements if tag == "img" and "alt" not in attrs] == []


@every_template
def test_a_button_that_commands_a_dialog_sends_no_form(path: Path):
    commanding = [attrs for tag, attrs in Reader(path.read_text()).elements if tag == "button" and "commandfor" in attrs]
    assert [attrs for attrs in commanding if attrs.get("type") != "button"] == []


@pytest.mark.parametrize(
    "path", [path for path in TEMPLATES if path.name.startswith("_")], ids=lambda path: str(path.relative_to(ROOT / "templates"))
)
def test_a_fragment_names_its_variables_first(path: Path):
    assert re.match(r"{#.*Variables: .*#}", path.read_text().splitlines()[0])


def test_no_script_or_sheet_comes_from_elsewhere():
    addresses = re.findall(r'<(?:script|link)[^>]*(?:src|href)="([^"]*)"', "".join(path.read_text() for path in TEMPLATES))
    assert [address for address in addresses if not address.startswith(("{% static ", "{% url "))] == []


@pytest.mark.parametrize(
    "written",
    [
        '<form hx-disabled-elt="find button">',
        '<div hx-ext="sse" sse-connect="/live">',
        '<div hx-get="/x" hx-swap="morph:outerHTML">',
        '<div hx-get="/x" hx-trigger="every 2s [busy]">',
        '<div hx-on::after-swap="go()">',
        "htmx:afterSwap",
        "htmx:responseError",
    ],
)
def test_the_check_knows_htmx_2_when_it_sees_it(written: str):
    assert OF_HTMX_2.search(written)
