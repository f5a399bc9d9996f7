"""Every address of the studio, asked for by everybody: who is let in, who is sent to sign in, who is refused, who finds nothing.

The table names an audience for each address. An address that is not in it fails the first test; so does one that no longer exists.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.db import transaction
from django.http.response import HttpResponseBase, StreamingHttpResponse
from django.test import Client
from django.urls import get_resolver, reverse
from django.urls.resolvers import URLPattern, URLResolver
from django.utils import timezone

from studio.accounts.models import AccessLink, User
from studio.jobs.models import Attempt, Clip, Job, Reference
from studio.jobs.references import public_path
from studio.projects.models import Project
from studio.routing.models import Connection
from studio.sandbox.models import Fault

PEOPLE = ("nobody", "mallory", "carol", "alice", "bob", "dave", "ada")
INSIDE = {"carol": "look", "alice": "make", "bob": "own", "ada": "own"}  # what each may do at most in Tidewater
ORDER = ["look", "make", "own"]
SIGN_IN, REFUSED, NOTHING, IN = "sent to sign in", "refused (403)", "nothing there (404)", "let in"


def expected(audience: str, somebody: str) -> str:
    """What an address of this audience answers to this person."""
    if audience == "everybody":
        return IN
    if somebody == "nobody":
        return SIGN_IN
    if audience in ORDER:
        if somebody not in INSIDE:
            return NOTHING
        return IN if ORDER.index(INSIDE[somebody]) >= ORDER.index(audience) else REFUSED
    let_in = {"people": set(PEOPLE), "credit managers": {"dave", "ada"}, "admins": {"ada"}, "admins alone know": {"ada"}}[audience]
    return IN if somebody in let_in else NOTHING if audience == "admins alone know" else REFUSED


@dataclass(frozen=True)
class Address:
    """Who may GET and who may POST; None where there is no such method. `data` is a form without which there would be nothing there."""

    get: str | None
    post: str | None = None
    data: str = ""


GET_AND_POST = {who: Address(who, who) for who in ("everybody", "people", "admins", "look", "own")}
TABLE = {
    # people
    "account_login": GET_AND_POST["everybody"],
    "account_logout": GET_AND_POST["everybody"],
    "account_inactive": Address("everybody"),
    "account_change_password": GET_AND_POST["people"],
    "account_set_password": GET_AND_POST["people"],
    "account_reset_password": GET_AND_POST["everybody"],
    "account_reset_password_done": Address("everybody"),
    "account_reset_password_from_key": GET_AND_POST["everybody"],
    "account_reset_password_from_key_done": Address("everybody"),
    "access_link": GET_AND_POST["everybody"],
    "people": GET_AND_POST["admins"],
    "person_role": Address(None, "admins"),
    "person_switch": Address(None, "admins"),
    "person_link": Address(None, "admins"),
    "me": GET_AND_POST["people"],
    # projects
    "home": Address("people"),
    "project_new": GET_AND_POST["people"],
    "project_settings": Address("look", "own"),
    "project_archive": Address(None, "own"),
    "member_add": Address(None, "own"),
    "member_role": Address(None, "own"),
    "member_remove": Address(None, "own"),
    "member_link": Address(None, "own"),
    # the Studio
    "studio": Address("look"),
    "pulse": Address("look"),
    "composer": Address("make"),
    "options": Address("make"),
    "order": Address(None, "make"),
    "job": Address("look"),
    "job_cancel": Address(None, "make"),
    "reference_add": Address(None, "make"),
    "reference": Address("look"),
    "reference_public": Address("everybody"),
    # the gallery
    "gallery": Address("look"),
    "clip": Address("look"),
    "clip_video": Address("look"),
    "clip_poster": Address("look"),
    "clip_sheet": Address("look"),
    "clip_download": Address("look"),
    # credits
    "credits": Address("people"),
    "credits_people": Address("credit managers"),
    "credits_grant": Address("credit managers", "credit managers"),
    # the control room
    "connections": Address("admins"),
    "connection_new": GET_AND_POST["admins"],
    "connection_edit": GET_AND_POST["admins"],
    "connection_switch": Address(None, "admins"),
    "connection_check": Address(None, "admins"),
    "sandbox": Address("admins alone know", "admins alone know"),
    "sandbox_fault": Address(None, "admins alone know", "do=off"),
    "healthz": Address("everybody"),
    "readyz": Address("everybody"),
}
# The played providers have keys of their own instead of sign-in: tests/sandbox. Here: that nobody is sent to sign in, and which these are.
PLAYED = re.compile(r"^sandbox/(ttapi|grokimagine|acedata|comet|xai|files)/")


def walk(patterns: list[URLPattern | URLResolver], before: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Every address as its route from the root, with its pattern."""
    for entry in patterns:
        route = before + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from walk(entry.url_patterns, route)
        else:
            yield route, entry


ROUTES = list(walk(get_resolver().url_patterns))
OURS = {pattern.name or route: (route, pattern) for route, pattern in ROUTES if not PLAYED.match(route)}


@dataclass
class World:
    """One project with one of everything."""

    values: dict[str, object]

    def address(self, name: str, **other: object) -> str:
        """The path of this address in this world; `other` replaces arguments."""
        _, pattern = OURS[name]
        arguments = {argument: self.values[argument] for argument in pattern.pattern.regex.groupindex}
        arguments.update(other)
        return reverse(name, kwargs=arguments)


@pytest.fixture
def cast(alice: User, bob: User, carol: User, dave: User, mallory: User, ada: User) -> dict[str, User]:
    return {user.name.lower(): user for user in (alice, bob, carol, dave, mallory, ada)}


@pytest.fixture
def world(cast: dict[str, User], tide: Project, xai: Connection) -> World:
    alice = cast["alice"]
    job = Job.objects.create(
        project=tide, number=1, author=alice, connection=xai, prompt="A lighthouse", state="done", due=None, ended_at=timezone.now()
    )
    attempt = Attempt.objects.create(job=job, connection=xai, remote_id="1", ended_at=timezone.now(), outcome="done")
    clip = Clip(job=job, attempt=attempt, project=tide, position=0, saved_at=timezone.now(), bytes=4, width=2, height=2, milliseconds=1000)
    for file, suffix in ((clip.file, "mp4"), (clip.poster, "webp"), (clip.sheet, "webp")):
        file.save(f"clip.{suffix}", ContentFile(b"clip"), save=False)
    clip.save()
    reference = Reference(project=tide, owner=alice, content_type="image/webp", bytes=5, width=2, height=2)
    reference.file.save("reference.webp", ContentFile(b"image"))
    fault = Fault.objects.create(provider="xai", kind="failure")
    token = AccessLink.make(cast["carol"], kind="invitation", lifetime=timedelta(days=1))
    signed = public_path(reference).split("/")[2]
    values = {"code": "TIDE", "number": 1, "clip_id": clip.pk, "reference_id": reference.pk, "signed": signed, "user_id": alice.pk, "token": token}
    return World({**values, "connection": xai.pk, "fault_id": fault.pk, "uidb36": "1", "key": "wrong"})


def answer(user: User | None, method: str, path: str, *, data: str = "", csrf: bool = False) -> tuple[int, str, str]:
    """Status, Location and body of a fresh browser's request, whose effects are undone."""
    browser = Client(enforce_csrf_checks=csrf)
    with transaction.atomic():
        if user:
            browser.force_login(user)
        response = browser.generic(method, path, data, content_type="application/x-www-form-urlencoded")
        body = read(response)
        transaction.set_rollback(True)
    return response.status_code, response.headers.get("Location", ""), body


def read(response: HttpResponseBase) -> str:
    """The body, whether streamed or not, without what differs in every answer: the CSRF token and the nonce."""
    content = b"".join(response) if isinstance(response, StreamingHttpResponse) else getattr(response, "content", b"")
    return re.sub(r'(X-CSRFToken": "|csrfmiddlewaretoken" value="|nonce=")[^"]*', r"\1", content.decode(errors="replace"))


def verdict(status: int, location: str) -> str:
    """The answer in the table's words; what is none of them, as it is."""
    if status == 302 and location.startswith("/accounts/login/?next="):
        return SIGN_IN
    known = {403: REFUSED, 404: NOTHING, 405: "no such method (405)", 429: "throttled (429)"}
    return known.get(status, IN if status < 500 or status == 503 else f"broken ({status})")


def test_every_address_has_an_audience():
    assert set(OURS) == set(TABLE)


@pytest.mark.parametrize("name", sorted(TABLE))
def test_everybody_gets_the_answer_that_the_table_says(name: str, world: World, cast: dict[str, User]):
    wrong = []
    for method, audience in (("GET", TABLE[name].get), ("POST", TABLE[name].post)):
        for somebody in PEOPLE:
            status, location, _ = answer(cast.get(somebody), method, world.address(name), data=TABLE[name].data)
            got = verdict(status, location)
            closed = SIGN_IN if somebody == "nobody" and TABLE[name].get != "everybody" else "no such method (405)"
            want = expected(audience, somebody) if audience else closed
            if got != want:
                wrong.append(f"{somebody}: {method} should be {want}, is {got}")
    assert not wrong


@pytest.mark.parametrize("name", sorted(name for name, address in TABLE.items() if {address.get, address.post} & set(ORDER)))
@pytest.mark.parametrize("somebody", ["mallory", "dave"])
def test_a_foreign_project_looks_like_a_missing_one(name: str, somebody: str, world: World, cast: dict[str, User]):
    for method in ("GET", "POST"):
        foreign = answer(cast[somebody], method, world.address(name))
        missing = answer(cast[somebody], method, world.address(name, code="NONE"))
        assert foreign == missing


@pytest.mark.parametrize("name", sorted(name for name, address in TABLE.items() if address.post))
def test_a_change_needs_the_token_of_our_own_page(name: str, world: World, cast: dict[str, User]):
    status, _, _ = answer(None if TABLE[name].post == "everybody" else cast["ada"], "POST", world.address(name), csrf=True)
    assert status == 403


def test_the_played_providers_ask_for_no_sign_in(db: None):
    played = [route for route, _ in ROUTES if PLAYED.match(route)]
    assert len(played) > 10
    for route in played:
        path = "/" + re.sub(r"<[^>]*>", "anything", route)
        status, location, _ = answer(None, "POST", path)
        assert verdict(status, location) != SIGN_IN, path
