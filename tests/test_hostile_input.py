"""Hostile strings in every field of every form and of every address: nothing breaks, nothing comes back unescaped, nothing costs more than a moment.

The fields are found by asking: the forms that the pages show, and the names that each view reads of a request.
"""

import json
import random
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import product
from typing import Any
from urllib.parse import parse_qsl, quote, urljoin, urlsplit

import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.db import transaction
from django.http import QueryDict
from django.http.response import HttpResponseBase
from django.test import Client
from django.utils.datastructures import MultiValueDict
from pytest_django.fixtures import Settings

from studio.accounts.models import User
from studio.projects.models import Project
from tests.hostile import MARK, MARKUP, hostile_strings
from tests.long_run import LONG
from tests.test_every_address import IN, PEOPLE, TABLE, World, cast, expected, world  # noqa: F401 - fixtures

MOST_CPU = 2  # seconds that one answer may take of the processor
MARKUP_BYTES = [text.encode() for text in MARKUP]
PARTS = 3


@dataclass
class Target:
    """One address with a method: who may use it, the names that it reads and a good value for some of them."""

    who: str
    method: str
    path: str
    names: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)
    good: dict[str, str] = field(default_factory=dict)


class Page(HTMLParser):
    """The forms of a page, and what in it was made of MARK."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: list[tuple[str, str, dict[str, str], set[str]]] = []  # method, action, fields, fields for files
        self.links: list[str] = []  # with a query
        self.unescaped: list[str] = []
        self._form: tuple[dict[str, str], set[str]] = ({}, set())
        self._select = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        scripts = [name for name, value in given.items() if name in {"href", "src", "action", "formaction"} and _is_script(value)]
        if tag.startswith(MARK) or scripts or any(name.startswith(("on", MARK)) and MARK in name + value for name, value in given.items()):
            self.unescaped.append(f"<{tag} {given}>")
        self._collect_form(tag, given)
        if tag == "a" and "?" in given.get("href", ""):
            self.links.append(given["href"])
        for method in ("get", "post"):
            if address := given.get(f"hx-{method}"):
                values = given.get("hx-vals", "")
                self.forms.append((method, address, json.loads(values) if values.startswith("{") else {}, set()))

    def _collect_form(self, tag: str, given: dict[str, str]) -> None:
        if tag == "form":
            self._form = ({}, set())
            self.forms.append((given.get("method", "get").lower(), given.get("action", ""), *self._form))
        elif tag in {"input", "textarea", "button"} and (name := given.get("name")):
            if given.get("type") == "file":
                self._form[1].add(name)
            elif given.get("type") not in {"checkbox", "radio"} or "checked" in given or name not in self._form[0]:
                self._form[0][name] = given.get("value", "")
        elif tag == "select" and (name := given.get("name")):
            self._select = name
            self._form[0].setdefault(name, "")
        elif tag == "option" and self._select and (not self._form[0].get(self._select) or "selected" in given):
            self._form[0][self._select] = given.get("value", "")


def _is_script(address: str) -> bool:
    return "".join(address.split()).lower().startswith(("javascript:", "data:text/html")) and MARK in address


@contextmanager
def names_read(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[set[str], set[str]]]:
    """The names of the fields and of the files that are read of any request meanwhile."""
    names: set[str] = set()
    files: set[str] = set()

    class RecordedDict(dict[str, Any]):
        """What `QueryDict.dict` gives."""

        def get(self, key: str, default: Any = None, /) -> Any:
            names.add(key)
            return super().get(key, default)

    class RecordedFiles(MultiValueDict[str, Any]):
        """What `request.FILES` gives."""

        def __getitem__(self, key: str) -> Any:
            files.add(key)
            return super().__getitem__(key)

        def getlist(self, key: str, default: Any = None) -> Any:
            files.add(key)
            return super().getlist(key, default)

    def recording(method: str) -> object:
        original = getattr(QueryDict, method)

        def recorded(self: QueryDict, key: str, *arguments: object) -> object:
            names.add(key)
            return original(self, key, *arguments)

        return recorded

    plain, all_files = QueryDict.dict, vars(WSGIRequest)["FILES"].fget
    with monkeypatch.context() as patch:
        patch.setattr(QueryDict, "dict", lambda query: RecordedDict(plain(query)))
        patch.setattr(WSGIRequest, "FILES", property(lambda request: RecordedFiles(all_files(request))))
        for method in ("__getitem__", "getlist", "__contains__"):
            patch.setattr(QueryDict, method, recording(method))
        yield names, files


@dataclass(frozen=True)
class Answer:
    """What came back, what it cost of the processor in seconds, and the page that it leads to."""

    status: int
    page: str
    seconds: float


def ask(browser: Client, target: Target, query: str, body: str | bytes = "", content_type: str = "application/x-www-form-urlencoded") -> Answer:
    """The answer, with the page that a redirect leads to; what it changed is undone."""
    with transaction.atomic():
        began = time.thread_time()
        response = browser.generic(target.method, f"{target.path}?{query}", body, content_type=content_type)
        page = text_of(response)
        seconds = time.thread_time() - began
        status = response.status_code
        next_address = urlsplit(response.headers.get("Location", ""))
        if next_address.path and not next_address.netloc:
            followed = browser.get(next_address.geturl())
            status, page = max(status, followed.status_code), page + text_of(followed)
        transaction.set_rollback(True)
    return Answer(status, page, seconds)


def text_of(response: HttpResponseBase) -> str:
    """The HTML of an answer; nothing for any other kind."""
    content: bytes = response.getvalue()
    return content.decode(errors="replace") if "html" in response.headers.get("Content-Type", "") else ""


def targets(world: World, browsers: dict[str, Client]) -> list[Target]:  # noqa: F811 - a fixture
    """Every address with each of its methods, and the fields of the forms that the pages show for it."""
    found: dict[tuple[str, str], Target] = {}
    for (name, address), method in product(TABLE.items(), ("GET", "POST")):
        if audience := address.get if method == "GET" else address.post:
            who = next(somebody for somebody in ("nobody", "alice", "bob", *PEOPLE) if expected(audience, somebody) == IN)
            found[method, world.address(name)] = Target(who, method, world.address(name), good=dict(parse_qsl(address.data)))
    for target in [target for target in found.values() if target.method == "GET"]:
        add_fields_shown(target.path, Page(ask(browsers[target.who], target, "").page), found)
    return list(found.values())


def add_fields_shown(shown_at: str, page: Page, found: dict[tuple[str, str], Target]) -> None:
    """Add the fields of a page's forms and links to the addresses that they lead to."""
    for link in map(urlsplit, page.links):
        if target := found.get(("GET", urljoin(shown_at, link.path))):
            target.names |= set(dict(parse_qsl(link.query)))
    for method, action, fields, files in page.forms:
        path = urlsplit(urljoin(shown_at, action))
        if target := found.get((method.upper(), path.path)):
            target.good = {**dict(parse_qsl(path.query)), **fields, **target.good}
            target.files |= files


def add_names_read(target: Target, browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Add the fields that the view reads although no page shows them."""
    form = "&".join(f"{quote(name)}={quote(value)}" for name, value in target.good.items())
    with names_read(monkeypatch) as (names, files):
        ask(browser, target, form, form if target.method == "POST" else "")
    target.names |= (names | set(target.good)) - {"csrfmiddlewaretoken"}
    target.files |= files


@pytest.fixture
def browsers(cast: dict[str, User], settings: Settings) -> dict[str, Client]:  # noqa: F811 - a fixture
    """A browser for everybody, which shows error pages instead of raising."""
    settings.EMAIL_URL = "smtp://mail.example.org"
    made = {"nobody": Client(raise_request_exception=False)}
    for name, user in cast.items():
        made[name] = Client(raise_request_exception=False)
        made[name].force_login(user)
    return made


def wrong_with(answer: Answer) -> list[str]:
    """What an answer to any input must not be."""
    wrong = []
    if answer.status >= 500:
        wrong.append(f"is answered with {answer.status}")
    if answer.seconds > MOST_CPU:
        wrong.append(f"costs {answer.seconds:.1f} s")
    return wrong + [f"comes back as {tag}" for tag in (Page(answer.page).unescaped if MARK in answer.page else ())]


def chosen(strings: list[bytes], dice: random.Random) -> list[bytes]:
    """All in a long run; else one, every other time with markup, so that in a few runs each field proves that it escapes."""
    return strings if LONG else [dice.choice(dice.choice([MARKUP_BYTES, strings]))]


@pytest.mark.parametrize("part", range(PARTS))
def test_no_string_in_any_field_breaks_a_page_or_comes_back_unescaped(
    part: int,
    world: World,  # noqa: F811 - a fixture
    browsers: dict[str, Client],
    tide: Project,
    run_seed: int,
    monkeypatch: pytest.MonkeyPatch,
):
    Project.objects.filter(pk=tide.pk).update(last_number=1)
    dice = random.Random(run_seed)
    strings, wrong, sent = hostile_strings(), defaultdict[str, list[bytes]](list), 0
    for target in targets(world, browsers)[part::PARTS]:
        add_names_read(target, browsers[target.who], monkeypatch)
        for name in sorted(target.names):
            for string in chosen(strings, dice):
                fields = {**{key: quote(value) for key, value in target.good.items()}, name: quote(string)}
                form = "&".join(f"{quote(key)}={value}" for key, value in fields.items())
                answer = ask(browsers[target.who], target, form, form if target.method == "POST" else "")
                sent += 1
                for fault in wrong_with(answer):
                    wrong[f"{target.method} {target.path} {name}: {fault}"].append(string[:40])
        for name in sorted(target.files):
            for string in chosen(strings, dice):
                shown = string.replace(b'"', b"%22").replace(b"\r", b"%0D").replace(b"\n", b"%0A")
                file = b'--b\r\nContent-Disposition: form-data; name="%s"; filename="%s"\r\n\r\na,b\r\n1,2\r\n--b--\r\n' % (name.encode(), shown)
                answer = ask(browsers[target.who], target, "", file, "multipart/form-data; boundary=b")
                sent += 1
                for fault in wrong_with(answer):
                    wrong[f"{target.method} {target.path} the name of the file {name}: {fault}"].append(string[:40])
    assert sent > 50
    assert not wrong


def test_the_fields_are_found(world: World, browsers: dict[str, Client], monkeypatch: pytest.MonkeyPatch):  # noqa: F811 - fixtures
    found = {(target.method, target.path): target for target in targets(world, browsers)}
    for path in (("POST", "/accounts/login/"), ("GET", "/p/TIDE/gallery/"), ("POST", "/p/TIDE/jobs/"), ("POST", "/p/TIDE/references/")):
        add_names_read(found[path], browsers[found[path].who], monkeypatch)
    assert {"login", "password", "next"} <= found["POST", "/accounts/login/"].names
    assert {"q", "before", "sort", "by", "since"} <= found["GET", "/p/TIDE/gallery/"].names
    assert {"prompt", "connection", "model", "duration", "order_key"} <= found["POST", "/p/TIDE/jobs/"].names
    assert found["POST", "/p/TIDE/references/"].files
    assert found["POST", "/prompts/import/"].files
    assert len([target for target in found.values() if target.good or target.files]) > 80


def test_markup_that_is_not_escaped_is_noticed():
    for markup in (f"<{MARK}>", f'<p title=""><{MARK} onx="1">', f'<input value="" on{MARK}="1">', f"<a href=' javascript:{MARK}'>"):
        assert Page(markup).unescaped, markup
    for markup in (f"&lt;{MARK}&gt;", f'<input value="&quot; on{MARK}=&quot;1">', f"<p>javascript:{MARK}</p>"):
        assert not Page(markup).unescaped, markup
