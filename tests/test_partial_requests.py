"""What a script of a page asks for: 401 for whoever is not signed in, and never a page where a part belongs.

The addresses are read from the templates and scripts. One that cannot be told from its source stands in a table here, and one that
is in none fails.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.test import Client

from studio.accounts.models import User
from studio.projects.models import Project
from tests.conftest import signed_in
from tests.test_every_address import TABLE, World, cast, parts, read, world  # noqa: F401 - fixtures

ROOT = Path(__file__).parent.parent
HTMX = {"HX-Request": "true"}
RESTORE = {**HTMX, "HX-History-Restore-Request": "true"}

# Addresses that scripts may ask without a sign-in, and why.
OPEN = {
    "account_login": "the sign-in page and the dialog",
    "account_logout": "nobody is signed out of nothing",
    "account_inactive": "who is switched off reads why",
    "account_reset_password": "a forgotten password",
    "account_reset_password_done": "a forgotten password",
    "account_reset_password_from_key": "a forgotten password",
    "account_reset_password_from_key_done": "a forgotten password",
    "access_link": "the link is the proof",
    "session": "a page asks who is signed in, if anybody",
    "reference_public": "the signed address is the proof",
    **dict.fromkeys(
        [name for name in TABLE if re.fullmatch(r"share(_(open|name|clip|decide|comments?|video|poster|picture|sheet|download|card))?", name)],
        "a guest's link",
    ),
    "hook": "a provider with its token",
    "csp_report": "a browser reports by itself",
    "healthz": "a monitor",
    "readyz": "a monitor",
}

# Attributes whose address a view hands to the template.
HANDED = {
    "{{ goes }}": {"share_new", "share_edit"},
    "{{ here }}": {"project_review", "all_review"},
    "{{ sight.home }}": {"gallery", "gallery_all"},
    "{{ further }}": {"gallery", "gallery_all"},
    "{{ thread.places.say }}": {"clip_comment", "share_comment"},
    "{{ thread.places.now }}": {"clip_comments", "share_comments"},
}

# What the scripts pass to send(), upload() and htmx.ajax(), by file.
ASKED = {
    ("bundles", "address"): {"bundle_news"},
    ("choose", "`${bar.dataset.acts}?${query}`"): {"jobs_act"},
    ("choose", "link.dataset.menu"): {"job_menu"},
    ("comments", "address"): {"mentions_seen"},
    ("departing", "address"): {"member_remove", "person_switch"},
    ("draft", "form().dataset.keep"): {"draft"},
    ("draft", "other()"): {"composer"},
    ("frames", "dialog.dataset.from"): {"frames"},
    ("frames", "take"): {"clip_frame"},
    ("keys", "place.dataset.from"): {"keymap"},
    ("library", "link.href"): {"library_keep"},
    ("naming", "`${address}?q=${encodeURIComponent(words)}`"): {"clip_people"},
    ("news", "url"): {"news"},
    ("palette", "address"): {"found"},
    ("people", "`${field.dataset.people}?q=${encodeURIComponent(field.value)}`"): {"credits_find"},
    ("pulse", "pulse.dataset.looked"): {"looked"},
    ("share", "address"): {"share_new", "share_edit"},
    ("toast", "post"): {"credits_told", "bundle_told", "clip_decide", "clips_decide", "clip_trash", "clips_trash", "clip_review", "clip_comment"},
    ("upload", "form.dataset.references"): {"reference_add"},
}


class Found(NamedTuple):
    """An attribute or a call that asks the server, and the names of the addresses it may ask."""

    place: str
    names: frozenset[str]


def of_templates() -> Iterator[Found]:
    """Every hx-get, hx-post and the like of a template."""
    for path in sorted((ROOT / "templates").rglob("*.html")):
        for value in re.findall(r'hx-(?:get|post|put|patch|delete|query)="((?:{%.*?%}|{{.*?}}|[^"])*)"', path.read_text()):
            named = frozenset(re.findall(r"{%\s*url\s+'([^']+)'", value))
            handed = HANDED.get((re.match(r"{{.*?}}", value) or [""])[0], set())
            yield Found(f"{path.relative_to(ROOT)}: {value}", named or frozenset(handed))


def of_scripts() -> Iterator[Found]:
    """Every request of a script."""
    for path in sorted((ROOT / "static/js").glob("*.js")):
        if path.stem == "request":
            continue
        for line in path.read_text().splitlines():
            calls = re.findall(r"htmx\.ajax\([^,]+,\s*(`[^`]*`|[^,]+)", line) + re.findall(
                r"(?<![\w.])(?:send|upload)\((`[^`]*`|[\w.]+(?:\(\)[\w.]*)?)", line
            )
            if not line.startswith("import ") and not re.match(r"\s*(?://|(?:async )?function )", line):
                for call in calls:
                    yield Found(f"{path.relative_to(ROOT)}: {call}", frozenset(ASKED.get((path.stem, call), set())))


FOUND = [*of_templates(), *of_scripts()]


def test_every_request_of_templates_and_scripts_is_known():
    assert len(FOUND) > 60
    assert [found.place for found in FOUND if not found.names or found.names - set(TABLE)] == []
    used = {found.place.split(": ")[1] for found in FOUND if found.place.startswith("static")}
    assert {call for _, call in ASKED} == used  # none that is gone


def test_addresses_open_to_guests_are_those_with_a_reason():
    assert {name for name, address in TABLE.items() if "everybody" in (address.get, address.post)} == set(OPEN)


class Answer(NamedTuple):
    """A response that was read."""

    status: int
    headers: Mapping[str, str]
    body: str

    @property
    def is_page(self) -> bool:
        return "<html" in self.body


def asked(path: str, method: str, *, headers: dict[str, str], user: User | None = None) -> Answer:
    """The answer to a fresh browser, whose effects are undone."""
    browser = signed_in(user) if user else Client()
    with transaction.atomic():
        response = browser.generic(method, path, headers=headers, content_type="application/x-www-form-urlencoded")
        body = read(response)
        transaction.set_rollback(True)
    return Answer(response.status_code, response.headers, body)


@parts(TABLE)
def test_a_script_of_nobody_gets_401_and_neither_a_redirect_nor_a_page(names: list[str], world: World):  # noqa: F811 - a fixture
    wrong = []
    for name, method, headers in product(names, ("GET", "POST"), (HTMX, RESTORE)):
        answer = asked(world.address(name), method, headers=headers)
        if name in OPEN:
            well = answer.status != 401 and not answer.headers.get("Location", "").startswith("/accounts/login/?next=")
        else:
            well = (answer.status, answer.headers.get("Studio-Session")) == (401, "none") and "Location" not in answer.headers
            well = well and "html" not in answer.headers["Content-Type"] and "no-store" in answer.headers["Cache-Control"]
        if not well:
            wrong.append(f"{method} {name}: {answer.status}")
    assert wrong == []


@pytest.mark.parametrize("why", ["never signed in", "signed out elsewhere", "expired", "switched off"])
def test_every_way_in_which_a_session_ends_is_the_same_401(why: str, alice: User, tide: object):
    browser = Client() if why == "never signed in" else signed_in(alice)
    if why == "signed out elsewhere":
        browser.session.flush()
    elif why == "expired":
        session = browser.session
        session.set_expiry(-1)
        session.save()
    elif why == "switched off":
        User.objects.filter(pk=alice.pk).update(is_active=False)
    answer = browser.get("/p/TIDE/pulse/", headers=HTMX)
    assert (answer.status_code, answer.headers["Studio-Session"]) == (401, "none")
    assert browser.get("/p/TIDE/").headers["Location"] == "/accounts/login/?next=/p/TIDE/"


def test_a_page_never_acts_as_somebody_else(alice: User, bob: User, tide: object):
    browser = signed_in(bob)
    theirs = browser.get("/p/TIDE/pulse/", headers={**HTMX, "Studio-Person": str(alice.pk)})
    assert (theirs.status_code, theirs.headers["Studio-Session"]) == (401, "other")
    assert browser.get("/p/TIDE/pulse/", headers={**HTMX, "Studio-Person": str(bob.pk)}).status_code == 200


def test_a_stale_token_is_told_apart_from_a_lack_of_rights(alice: User, carol: User, tide: object):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    stale = browser.post("/me/", {"name": "Alice"}, headers={**HTMX, "X-CSRFToken": "x" * 32})
    assert (stale.status_code, stale.headers["Studio-Session"]) == (403, "stale")
    page = browser.post("/me/", {"name": "Alice"})
    assert page.status_code == 403
    assert "This page was open too long" in page.content.decode()
    refused = signed_in(carol).post("/p/TIDE/jobs/", headers=HTMX)
    assert refused.status_code == 403
    assert "Studio-Session" not in refused.headers


def test_a_page_learns_who_is_signed_in_and_gets_a_token_that_works(alice: User):
    browser = Client(enforce_csrf_checks=True)
    nobody = browser.get("/session/").json()
    assert nobody["person"] is None
    assert 'action="/accounts/login/"' in nobody["form"]
    browser.force_login(alice)
    found = browser.get("/session/")
    assert found.json() == {"person": str(alice.pk), "name": "Alice", "token": found.json()["token"], "form": ""}
    assert "no-store" in found.headers["Cache-Control"]
    assert browser.post("/credits/requests/told/", headers={**HTMX, "X-CSRFToken": found.json()["token"]}).status_code == 204


def test_one_module_alone_reads_what_htmx_says_of_a_request():
    readers = re.compile(r"HX-Request|HX-History|HTTP_HX_|\brequest\.htmx\b")
    found = [str(path.relative_to(ROOT)) for path in sorted((ROOT / "studio").rglob("*.py")) if readers.search(path.read_text())]
    assert found == ["studio/web/htmx.py"]


WHOLE = [name for name, address in TABLE.items() if address.get]


@parts(WHOLE)
def test_going_back_never_shows_a_part_as_a_page(names: list[str], world: World, cast: dict[str, User]):  # noqa: F811 - fixtures
    """Whoever goes back gets what a browser without scripts gets."""
    for name in names:
        plain = asked(world.address(name), "GET", headers={}, user=cast["ada"])
        back = asked(world.address(name), "GET", headers=RESTORE, user=cast["ada"])
        assert (plain.status, plain.is_page) == (back.status, back.is_page), name


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_what_was_asked_while_one_signed_out_elsewhere_is_answered_and_the_next_request_is_not(headers: dict[str, str], alice: User, tide: Project):
    """Not 400: it was done, or shown, for somebody who was signed in then."""
    browser = signed_in(alice)
    signed_out: list[str] = []

    def sign_out_meanwhile(execute: Any, sql: str, *words: Any) -> Any:
        if "projects_project" in sql and not signed_out:
            signed_out.append(sql)
            Session.objects.all().delete()
        return execute(sql, *words)

    with connection.execute_wrapper(sign_out_meanwhile):
        answer = browser.get("/p/TIDE/", headers=headers)

    assert signed_out
    assert answer.status_code == 200
    assert "sessionid" not in answer.cookies
    assert browser.get("/p/TIDE/", headers=HTMX).status_code == 401
