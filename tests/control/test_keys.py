"""The keyboard map: every key that a page declares or a script hears is in it, and it speaks of nothing that no page has."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from studio.accounts.models import User
from studio.jobs.lifecycle import State
from studio.jobs.models import Clip
from studio.projects.models import Project
from studio.prompts import actions as prompts
from studio.prompts.contents import Content
from studio.routing.models import Connection
from tests.conftest import signed_in
from tests.jobs.rows import job_row

Element = tuple[str, dict[str, str]]
SCRIPTS = sorted((Path(settings.BASE_DIR) / "static/js").glob("*.js"))
# What a script hears itself. "map": it stands there. Everything else is how such a control is used by keyboard everywhere.
HEARD = {
    "bars.js": {"ArrowRight": "map", "ArrowLeft": "map", "Home": "ends", "End": "ends"},
    "choose.js": {"ArrowDown": "menu", "ArrowUp": "menu"},
    "choosing.js": {"Escape": "map"},
    "compare.js": {**dict.fromkeys([" ", "ArrowLeft", "ArrowRight", "Escape", "m"], "map"), "Home": "ends", "End": "ends"},
    "composer.js": {"Enter": "map"},
    "keys.js": {"?": "map", "j": "map", "k": "map", "x": "map"},
    "library.js": {"Enter": "list", "ArrowDown": "list"},
    "palette.js": {"k": "map", "Enter": "list", "ArrowDown": "list", "ArrowUp": "list", "PageDown": "list", "PageUp": "list"},
    "people.js": {"ArrowDown": "list", "ArrowUp": "list", "Enter": "list", "Escape": "list"},
    "lightbox.js": dict.fromkeys(["ArrowLeft", "ArrowRight", "Escape", " "], "map"),
    "naming.js": dict.fromkeys(["ArrowDown", "ArrowUp", "Enter", "Tab", "Escape"], "list"),
    "player.js": dict.fromkeys(["ArrowLeft", "ArrowRight", "ArrowDown", "ArrowUp", "PageDown", "PageUp", "Home", "End"], "slider"),
    "review.js": {**dict.fromkeys([" ", "Escape", "ArrowLeft", "ArrowRight", "ArrowUp"], "map"), "ArrowDown": "map"},
    "say.js": {"Enter": "the usual one of a form"},
}
MAP = (Path(settings.BASE_DIR) / "templates/control/_keymap.html").read_text()
NAMES = {"Enter": "↵", "Escape": "Esc", " ": "Space", "ArrowLeft": "←", "ArrowRight": "→", "ArrowUp": "↑", "ArrowDown": "↓"}


class Reader(HTMLParser):
    """The elements of a page, and the rows of its map: what each needs and the keys that it names."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self.rows: list[tuple[str, list[str]]] = []
        self._in_key = False
        self.feed(page + MAP)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.elements.append((tag, attributes))
        if "data-if" in attributes:
            self.rows.append((attributes["data-if"], []))
        self._in_key = tag == "kbd" and bool(self.rows)

    def handle_data(self, data: str) -> None:
        if self._in_key:
            self.rows[-1][1].append(data)
        self._in_key = False

    def has(self, needs: str) -> bool:
        return any(fits(element, selector.strip()) for selector in re.split(r",(?=\s)", needs) for element in self.elements)

    @property
    def shown(self) -> list[tuple[str, list[str]]]:
        return [row for row in self.rows if self.has(row[0])]

    @property
    def declared(self) -> set[str]:
        found = [attributes.get(name, "") for _, attributes in self.elements for name in ("data-key", "data-near-key")]
        return {key for keys in found for key in keys.split()}


def fits(element: Element, selector: str) -> bool:
    """Whether a selector without spaces means this element."""
    tag, attributes = element
    named, classes = re.match(r"^\w*", selector), re.findall(r"\.([\w-]+)", selector)
    wanted = re.findall(r'\[([\w-]+)(?:="([^"]*)")?\]', selector)
    ids = re.findall(r"#([\w-]+)", selector)
    return (
        (not named or named[0] in {"", tag})
        and set(classes) <= set(attributes.get("class", "").split())
        and all(name in attributes and (not value or attributes[name] == value) for name, value in wanted)
        and ids in ([], [attributes.get("id", "")])
    )


@pytest.fixture
def pages(alice: User, tide: Project, xai: Connection) -> Callable[[Client], dict[str, Reader]]:
    """Pages with everything that declares keys."""
    for _ in range(2):
        job_row(tide, alice, xai, State.DONE)
    job_row(tide, alice, xai, State.QUEUED)
    prompt = prompts.start(Content(text="A bottle"), name="Bottle", by=alice, scope="team")
    clip, other = Clip.objects.filter(project=tide)[:2]
    addresses = [
        "/p/TIDE/",
        "/p/TIDE/gallery/",
        f"/p/TIDE/clips/{clip.pk}/",
        f"/p/TIDE/compare/?clips={clip.pk}&clips={other.pk}",
        "/p/TIDE/review/",
        "/gallery/",
        "/prompts/",
        f"/prompts/{prompt.pk}/",
        "/credits/",
        "/me/",
        "/p/TIDE/settings/",
    ]

    def seen_by(browser: Client) -> dict[str, Reader]:
        return {address: Reader(browser.get(address).content.decode()) for address in addresses}

    return seen_by


def test_every_key_that_a_page_declares_is_in_its_map_for_whoever_looks(alice: User, carol: User, pages: Callable[[Client], dict[str, Reader]]):
    for person in (alice, carol):
        for address, page in pages(signed_in(person)).items():
            explained = {key.casefold() for _, keys in page.shown for key in keys}
            assert page.declared <= explained, (address, person)


def test_the_map_shows_carol_no_key_of_what_she_may_not_do(carol: User, pages: Callable[[Client], dict[str, Reader]]):
    shown = [needs for needs, _ in pages(signed_in(carol))["/p/TIDE/"].shown]
    assert "#composer" not in shown
    assert '#prompt[data-key="c"]' not in shown


def test_no_row_of_the_map_speaks_of_what_no_page_has(alice: User, dave: User, pages: Callable[[Client], dict[str, Reader]]):
    met: set[str] = set()
    rows: set[str] = set()
    for page in [*pages(signed_in(alice)).values(), Reader(signed_in(dave).get("/credits/overview/").content.decode())]:
        rows |= {needs for needs, _ in page.rows}
        met |= {needs for needs, _ in page.shown}
    assert rows - met <= {'a[data-key="c"]', "[data-rove]", 'button[data-key="u"][name="undo"]'}, (
        "an empty gallery, a chart with bars, a review after a press"
    )


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_every_key_that_a_script_hears_is_known_and_what_is_the_maps_stands_there(script: Path, as_alice: Client):
    text = script.read_text()
    compared = re.findall(r'(?:\be\.key|\bkeys)(?:\?\.toLowerCase\(\))? [!=]== "([^"]+)"', text)
    table = re.findall(r"^const (?:keys|jumps|arrows|STEPS)\w* = \{(.*?)\};", text, re.DOTALL | re.MULTILINE) if "[e.key]" in text else []
    named = re.findall(r'(?:^|[\s{,])(?:"([^"]+)"|(\w+)): ', "".join(table))
    heard = {*compared, *(quoted or word for quoted, word in named)} - {"theme"}
    known = HEARD.get(script.name, {})
    assert heard == known.keys()
    explained = {key for _, keys in Reader("").rows for key in keys}
    wanted = {NAMES.get(key, key.upper()) for key, kind in known.items() if kind == "map"}
    assert wanted <= explained
