"""Every address of the studio, asked for by everybody: who is let in, who is sent to sign in, who is refused, who finds nothing.

The table names an audience for each address. An address that is not in it fails the first test; so does one that no longer exists.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import product
from uuid import uuid4

import pytest
from django.core.files.base import ContentFile
from django.db import transaction
from django.http.response import HttpResponseBase, StreamingHttpResponse
from django.test import Client
from django.urls import get_resolver, reverse
from django.urls.resolvers import URLPattern, URLResolver
from django.utils import timezone

from studio.accounts.models import AccessLink, User
from studio.credits.models import Allowance, CreditRequest, Waiver
from studio.credits.movement import Movement
from studio.gallery.bundle_models import Bundle
from studio.gallery.models import SavedView
from studio.gallery.share_models import ShareLink
from studio.jobs.batch_models import Batch
from studio.jobs.models import Attempt, Clip, Job, Reference
from studio.jobs.references import public_path
from studio.jobs.sending import token_hash
from studio.projects.models import Project
from studio.prompts import actions as prompts
from studio.prompts.contents import Content
from studio.routing.models import Connection
from studio.sandbox.models import Fault

PEOPLE = ("nobody", "mallory", "carol", "alice", "bob", "dave", "ada")
INSIDE = {"carol": "look", "alice": "make", "bob": "own", "ada": "own"}  # what each may do at most in Tidewater
ORDER = ["look", "decide", "make", "own"]
SIGN_IN, REFUSED, NOTHING, IN = "sent to sign in", "refused (403)", "nothing there (404)", "let in"


def expected(audience: str, somebody: str) -> str:
    """What an address of this audience answers to this person."""
    if audience == "everybody":
        return IN
    if somebody == "nobody":
        return SIGN_IN
    if audience == "owners and credit managers":
        return NOTHING if somebody not in {*INSIDE, "dave"} else IN if somebody in {"bob", "dave", "ada"} else REFUSED
    if audience in {*ORDER, "whose plan it is"}:
        if somebody not in INSIDE or (audience == "whose plan it is" and somebody in {"bob", "ada"}):
            return NOTHING
        return IN if ORDER.index(INSIDE[somebody]) >= ORDER.index("make" if audience == "whose plan it is" else audience) else REFUSED
    let_in = {"people": set(PEOPLE), "credit managers": {"dave", "ada"}, "admins": {"ada"}, "admins alone know": {"ada"}}
    let_in |= {"author and admins": {"alice", "ada"}}
    let_in |= {"oneself and credit managers": {"alice", "dave", "ada"}, "who asked": {"alice"}}
    return IN if somebody in let_in[audience] else NOTHING if audience in {"admins alone know", "who asked"} else REFUSED


@dataclass(frozen=True)
class Address:
    """Who may GET and who may POST; None where there is no such method. `data` is a form without which there would be nothing there."""

    get: str | None
    post: str | None = None
    data: str = ""


OTHER_PROOF = {
    "csp_report",
    "hook",
}  # a browser's own report, of which nothing is kept; the token of an attempt stands in its address: a provider has no page of ours
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
    "person_switch": GET_AND_POST["admins"],
    "person_link": Address(None, "admins"),
    "person_sign_out": Address(None, "admins"),
    "me": GET_AND_POST["people"],
    "sign_out_elsewhere": Address(None, "people"),
    "session": Address("everybody"),
    "audit": Address("credit managers"),
    "audit_export": Address("credit managers"),
    "found": Address("people"),
    "keymap": Address("people"),
    "guide_close": Address(None, "people"),
    # projects
    "home": Address("people"),
    "project_new": GET_AND_POST["people"],
    "project_settings": Address("look", "own"),
    "project_archive": Address(None, "own"),
    "member_add": Address(None, "own"),
    "member_role": Address(None, "own"),
    "member_remove": GET_AND_POST["own"],
    "member_link": Address(None, "own"),
    "member_request": Address(None, "own"),
    "my_request": Address(None, "people"),
    # the Studio
    "studio": Address("look"),
    "pulse": Address("look"),
    "news": Address("look"),
    "composer": Address("make"),
    "options": Address("make"),
    "order": Address(None, "make"),
    "job": Address("look"),
    "jobs_act": Address("make", "make", "n=1&do=cancel"),
    "job_menu": Address("look"),
    "looked": Address(None, "look"),
    "draft": Address(None, "make"),
    "job_retry": Address(None, "make"),
    # batches; the plan is Alice's own, the batch too
    "batch_sheet": Address("make", "make"),
    "batch_template": Address(None, "make"),
    "batch_planned": Address("whose plan it is", "whose plan it is", "do=columns"),
    "batch": Address("look"),
    "batch_act": Address(None, "make", "do=stop"),
    "job_rescue": Address(None, "make"),
    "job_upload": Address(None, "make"),
    "job_give_up": Address(None, "make"),
    "reference_add": Address(None, "make"),
    "frames": Address("make"),
    "clip_frame": Address(None, "make"),
    "reference": Address("look"),
    "reference_public": Address("everybody"),
    # the gallery
    "gallery": Address("look"),
    "gallery_all": Address("people"),
    "clips_decide": Address(None, "people"),
    "clips_trash": Address(None, "people"),
    "view_save": Address(None, "people"),
    "view_change": Address(None, "who asked"),
    "clip_picture": Address("look"),
    "clip": Address("look"),
    "clip_video": Address("look"),
    "clip_poster": Address("look"),
    "clip_sheet": Address("look"),
    "clip_download": Address("look"),
    "clip_titled": Address("look"),
    "clip_decide": Address(None, "decide"),
    "clip_comments": Address("look"),
    "clip_comment": Address(None, "decide"),  # who may decide may comment
    "clip_people": Address("decide"),
    "clip_notes": Address("look"),
    "project_notes": Address("look"),
    "mentions": Address("people"),
    "mentions_seen": Address(None, "people"),
    "clip_favourite": Address(None, "look"),
    "clip_name": Address(None, "make"),
    "clip_review": Address(None, "decide"),
    "clips_compare": Address("look"),
    "project_review": Address("decide"),
    "all_review": Address("people"),
    "clip_trash": Address(None, "make"),
    "clip_restore": Address(None, "make"),
    "clip_pin": Address(None, "make"),
    "project_trash": Address("make"),
    "trash_restore": Address(None, "make"),
    "trash_delete": Address(None, "own"),
    "project_storage": GET_AND_POST["own"],
    "project_kept": Address("own"),
    "credits_kept": Address("credit managers"),
    # sharing; the link of this world is Alice's, without a password, and allows everything
    "share_links": Address("make"),
    "share_new": Address("make", "make"),
    "share_edit": Address("make", "make"),
    "share_guests": Address("make", "make"),
    "share_move": Address(None, "make"),
    "share_revoke": Address(None, "make"),
    "share": Address("everybody"),
    "share_open": Address(None, "everybody"),
    "share_name": Address(None, "everybody"),
    "share_clip": Address("everybody"),
    "share_decide": Address(None, "everybody"),
    "share_comments": Address("everybody"),
    "share_comment": Address(None, "everybody"),
    "share_video": Address("everybody"),
    "share_poster": Address("everybody"),
    "share_picture": Address("everybody"),
    "share_sheet": Address("everybody"),
    "share_download": Address("everybody"),
    "share_card": Address("everybody"),
    # ZIP files; the one of this world is Alice's
    "bundles": Address("people"),
    "bundle_new": GET_AND_POST["people"],
    "bundle_news": Address("people"),
    "bundle_told": Address(None, "people"),
    "bundle_drop": Address(None, "who asked"),
    "bundle_file": Address("who asked"),
    # the prompt library; the prompt of this world is Alice's, and everybody in the team sees it
    "prompts": Address("people"),
    "prompt_new": GET_AND_POST["people"],
    "prompt_variables": Address(None, "people"),
    "prompts_export": Address("people"),
    "prompts_import": GET_AND_POST["people"],
    "prompts_import_confirm": Address(None, "people"),
    "prompt": Address("people"),
    "prompt_version": Address("people"),
    "prompt_compare": Address("people"),
    "prompt_use": Address("people"),
    "prompt_edit": Address("author and admins", "author and admins"),
    "prompt_restore": Address(None, "author and admins"),
    "prompt_label": Address(None, "author and admins"),
    "prompt_label_off": Address(None, "author and admins"),
    "prompt_details": Address("author and admins", "author and admins"),
    "prompt_hand_over": Address(None, "author and admins"),
    "prompt_archive": Address(None, "author and admins"),
    "library_picker": Address("make"),
    "library_keep": Address("make", "make"),
    "values": Address(None, "make"),
    # credits
    "credits": Address("people"),
    "credits_people": Address("credit managers"),
    "credits_grant": Address("credit managers", "credit managers"),
    "credits_ask": GET_AND_POST["people"],
    "credits_requests": Address("credit managers"),
    "credits_told": Address(None, "people"),
    "credits_answer": Address(None, "credit managers"),
    "credits_withdraw": Address(None, "who asked"),
    "credits_own_cap": GET_AND_POST["people"],
    "credits_limits": Address("credit managers"),
    "credits_allowance_add": Address(None, "credit managers"),
    "credits_allowance": Address("credit managers", "credit managers"),
    "credits_allowance_switch": Address(None, "credit managers"),
    "credits_budget_set": Address(None, "credit managers"),
    "credits_cap_set": Address(None, "credit managers"),
    "credits_waiver_give": Address(None, "credit managers"),
    "credits_waiver_withdraw": Address(None, "credit managers"),
    "credits_move": Address("credit managers", "credit managers"),
    "credits_find": Address("credit managers"),
    "credits_moved": Address("credit managers"),
    "credits_moved_stop": Address(None, "credit managers"),
    "credits_overview": Address("credit managers"),
    "credits_spend": Address("credit managers"),
    "credits_ledger": Address("credit managers"),
    "credits_statements": Address("people"),
    "statement_team": Address("credit managers"),
    "statement_person": Address("oneself and credit managers"),
    "statement_project": Address("owners and credit managers"),
    # the control room
    "control": Address("admins"),
    "storage": GET_AND_POST["admins"],
    "missing": Address("admins"),
    "alerts": Address("admins"),
    "alert_settle": Address(None, "admins"),
    "file_check": Address(None, "admins"),
    "file_fetch": Address(None, "admins"),
    "file_lost": Address(None, "admins"),
    "doubts": Address("credit managers"),
    "doubt_verdict": Address("credit managers", "credit managers"),
    "connection_balance": Address(None, "admins"),
    "connection_resume": Address(None, "admins"),
    "price_add": Address(None, "admins"),
    "price_remove": Address(None, "admins"),
    "rate_add": Address(None, "admins"),
    "connections": Address("admins"),
    "drift": Address("admins"),
    "connection_new": GET_AND_POST["admins"],
    "connection_edit": GET_AND_POST["admins"],
    "connection_switch": Address(None, "admins"),
    "connection_check": Address(None, "admins"),
    "sandbox": Address("admins alone know", "admins alone know"),
    "sandbox_fault": Address(None, "admins alone know", "do=off"),
    "csp_report": Address(None, "everybody", '{"csp-report": {}}'),
    "healthz": Address("everybody"),
    "hook": Address(None, "everybody"),
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
    token = AccessLink.make(cast["carol"], kind="invitation", lifetime=timedelta(days=1))
    attempt = Attempt.objects.create(
        job=job, connection=xai, remote_id="1", ended_at=timezone.now(), outcome="done", callback_token_hash=token_hash(token)
    )
    clip = Clip(job=job, attempt=attempt, project=tide, position=0, saved_at=timezone.now(), bytes=4, width=2, height=2, milliseconds=1000)
    for file, suffix in ((clip.file, "mp4"), (clip.poster, "webp"), (clip.sheet, "webp")):
        file.save(f"clip.{suffix}", ContentFile(b"clip"), save=False)
    clip.save()
    reference = Reference(project=tide, owner=alice, content_type="image/webp", bytes=5, width=2, height=2)
    reference.file.save("reference.webp", ContentFile(b"image"))
    fault = Fault.objects.create(provider="xai", kind="failure")
    signed = public_path(reference).split("/")[2]
    values = {"code": "TIDE", "number": 1, "clip_id": clip.pk, "reference_id": reference.pk, "signed": signed, "user_id": alice.pk, "token": token}
    values["attempt"] = attempt.pk
    allowed = {"may_comment": True, "may_decide": True, "may_download": True}
    link = ShareLink.objects.create(project=tide, made_by=alice, kind="clips", title="Selects", token_hash=AccessLink.digest(token), **allowed)
    link.places.create(clip=clip)
    bundle = Bundle.objects.create(person=alice, title="Tidewater", pattern="{code}", key=uuid4(), expires_at=timezone.now() + timedelta(days=1))
    bundle.parts.create(number=1, file=clip.file.name, waits=False)
    values |= {"link_id": link.pk, "bundle_id": bundle.pk}
    values["request_id"] = CreditRequest.objects.create(user=alice, amount=1_000, reason="A clip").pk
    values["allowance_id"] = Allowance.objects.create(role="member", amount=1_000).pk
    values |= {"view_id": SavedView.objects.create(owner=alice, project=tide, name="Heroes").pk, "width": 480, "digest": "old"}
    values["waiver_id"] = Waiver.objects.create(user=alice, reason="Once").pk
    values |= {"year": 2026, "month": 10, "batch": Movement.objects.create(key=uuid4(), act="grant", amount=1, reason="Once", by=cast["dave"]).key}
    values |= {"prompt_id": prompts.start(Content(text="A {{subject}}"), name="Shot", by=alice, scope="team").pk, "import_id": 1}
    values["plan_id"] = Batch.objects.create(project=tide, author=alice, name="A plan").pk
    Batch.objects.create(project=tide, author=alice, name="A lighthouse", number=1, state="done", ordered_at=timezone.now())
    return World(
        {
            **values,
            "connection": xai.pk,
            "job": job.pk,
            "clip": clip.pk,
            "verdict": "release",
            "rule": 1,
            "fault_id": fault.pk,
            "uidb36": "1",
            "key": "wrong",
            "name": "maker",
        }
    )


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


def parts(names: Iterable[str]) -> pytest.MarkDecorator:
    """Parametrises a test with eight parts of these names: the world is made anew for each test, and takes longer than an answer."""
    ordered = sorted(names)
    return pytest.mark.parametrize("names", [ordered[first::8] for first in range(8)], ids=range(8))


@parts(TABLE)
def test_everybody_gets_the_answer_that_the_table_says(names: list[str], world: World, cast: dict[str, User]):
    wrong = []
    for name, (method, audience) in product(names, (("GET", "get"), ("POST", "post"))):
        let_in = getattr(TABLE[name], audience)
        for somebody in PEOPLE:
            status, location, _ = answer(cast.get(somebody), method, world.address(name), data=TABLE[name].data)
            got = verdict(status, location)
            closed = SIGN_IN if somebody == "nobody" and "everybody" not in {TABLE[name].get, TABLE[name].post} else "no such method (405)"
            want = expected(let_in, somebody) if let_in else closed
            if got != want:
                wrong.append(f"{somebody}: {method} {name} should be {want}, is {got}")
    assert not wrong


@parts(name for name, address in TABLE.items() if {address.get, address.post} & set(ORDER))
@pytest.mark.parametrize("somebody", ["mallory", "dave"])
def test_a_foreign_project_looks_like_a_missing_one(names: list[str], somebody: str, world: World, cast: dict[str, User]):
    for name, method in product(names, ("GET", "POST")):
        foreign = answer(cast[somebody], method, world.address(name))
        missing = answer(cast[somebody], method, world.address(name, code="NONE"))
        assert foreign == missing, name


@parts(name for name, address in TABLE.items() if address.post and name not in OTHER_PROOF)
def test_a_change_needs_the_token_of_our_own_page(names: list[str], world: World, cast: dict[str, User]):
    statuses = {name: answer(None if TABLE[name].post == "everybody" else cast["ada"], "POST", world.address(name), csrf=True)[0] for name in names}
    assert statuses == dict.fromkeys(names, 403)


def test_the_played_providers_ask_for_no_sign_in(db: None):
    played = [route for route, _ in ROUTES if PLAYED.match(route)]
    assert len(played) > 10
    for route in played:
        path = "/" + re.sub(r"<[^>]*>", "anything", route)
        status, location, _ = answer(None, "POST", path)
        assert verdict(status, location) != SIGN_IN, path
