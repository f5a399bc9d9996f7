"""What an attacker tries on every page: addresses and texts that no browser sends, pages without protection, secrets that come back out."""

import html
import io
import re
import uuid
from collections.abc import Iterator, Mapping
from itertools import product
from urllib.parse import quote

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.core.management import call_command
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from pytest_django.fixtures import Settings

from studio.accounts.models import User
from studio.control.forms import ConnectionForm
from studio.credits import ledger
from studio.jobs.models import Job, Reference
from studio.projects.models import Project
from studio.routing.models import Connection
from studio.urls import urlpatterns as ours
from tests.conftest import signed_in
from tests.jobs.conftest import film, played, work_through  # noqa: F401 - fixtures
from tests.jobs.played import PlayedProvider, Reply
from tests.jobs.rows import job_row
from tests.test_every_address import TABLE, World, cast, parts, world  # noqa: F401 - fixtures

BIG = "99999999999999999999"
NOBODYS = "0" * 32
KEY = "xai-Planted&Key+0123456789/abcdefghijklmnop="
NASTY = {
    "NUL": b"a\x00b",
    "half a surrogate pair": b"\xed\xa0\x80",
    "no UTF-8": b"\xff\xfe",
    "right to left": "\u202eabc\u2066😀".encode(),
    "5,000 characters": b"y" * 5_000,
    "1,000,000 characters": b"x" * 1_000_000,
    "a new line": b"A\r\nBcc: mallory@example.org",
    "a number beyond all columns": BIG.encode(),
    "a negative number": b"-1",
    "a raised digit": "²".encode(),
    "an address with NUL": b"https://a.example/\x00.png",
}


def boom(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("boom")


urlpatterns = [*ours, path("boom/", boom)]


def browser_of(user: User | None) -> Client:
    """A browser that shows error pages instead of raising."""
    browser = Client(raise_request_exception=False)
    if user:
        browser.force_login(user)
    return browser


def protected(headers: Mapping[str, str]) -> bool:
    """Whether an answer with these headers lets no script run that is not ours."""
    policy = headers.get("Content-Security-Policy", "")
    rules = {name: words for name, *words in (rule.split() for rule in policy.split(";") if rule.strip())}
    return rules.get("default-src") == ["'none'"] and "'unsafe-" not in policy and not {"*", "https:"} & set(rules.get("script-src", ["*"]))


def unruly(page: str, policy: str) -> list[str]:
    """What in a page the policy would stop: scripts that are not files of ours and lack its nonce, handlers, styles, addresses that are scripts."""
    nonces = re.findall(r"'nonce-([^']*)'", policy)
    scripts = [tag for tag in re.findall(r"<script[^>]*>", page) if 'src="/' not in tag and not any(f'nonce="{nonce}"' in tag for nonce in nonces)]
    return scripts + re.findall(r"<style[^>]*>|<[a-z][^>]*\s(?:on[a-z]+=|style=|(?:href|src|action)=\"javascript:)[^>]*>", page)


@parts(TABLE)
def test_every_answer_lets_no_foreign_script_run(names: list[str], world: World, cast: dict[str, User]):  # noqa: F811 - fixtures
    for name, user in product(names, (None, cast["mallory"], cast["ada"])):
        with transaction.atomic():
            response = browser_of(user).get(world.address(name))
            page = response.getvalue().decode(errors="replace")
            transaction.set_rollback(True)
        assert protected(response.headers), (name, user, response.status_code)
        if "html" in response.headers.get("Content-Type", ""):
            assert not unruly(page, response.headers["Content-Security-Policy"]), name


def test_error_pages_let_no_foreign_script_run_either(settings: Settings, client: Client, alice: User):
    settings.ROOT_URLCONF = __name__
    browser = browser_of(alice)
    answers = [
        browser.get("/boom/"),
        browser.get("/nothing/"),
        browser.get("/people/"),
        browser.put("/"),
        browser.post("/me/", {f"f{number}": "" for number in range(1_001)}),
        Client(enforce_csrf_checks=True).post("/accounts/login/"),
    ]
    assert [answer.status_code for answer in answers] == [500, 404, 403, 405, 400, 403]
    assert all(protected(answer.headers) for answer in answers)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_foreign_host_gets_nothing_but_a_protected_refusal(scheme: str, settings: Settings):
    settings.ALLOWED_HOSTS, settings.SECURE_SSL_REDIRECT = ["studio.example.org"], True
    response = Client(headers={"host": "evil.example"}).get("/accounts/login/", secure=scheme == "https")
    assert response.status_code == 400
    assert "evil.example" not in response.content.decode()
    assert protected(response.headers)


@pytest.mark.parametrize(
    "address",
    [
        "/p/%00/",
        "/p/TIDE%00/pulse/",
        f"/p/TIDE/jobs/{BIG}/",
        f"/p/TIDE/?before={BIG}&again=%00&show=%00",
        f"/p/TIDE/gallery/?before=-62135596800~{NOBODYS}",
        f"/p/TIDE/gallery/?before=253402300799~{NOBODYS}",
        f"/p/TIDE/gallery/?before=nan~{NOBODYS}",
        f"/p/TIDE/clips/{{clip}}/?wall=all&sort=cost&q=%00&by={BIG}&show=%00&since=9999-12-31",
        f"/p/TIDE/options/?aspect_ratio={quote('²:³')}",
        "/p/TIDE/options/?resolution=%00&model=%00&mode=%00&aspect_ratio=%00&references=%00&connection=%00&duration=%00",
        f"/p/TIDE/options/?connection={BIG}&duration={BIG}",
        f"/p/TIDE/pulse/?from={BIG}",
        "/p/TIDE/clips/no-uuid/",
        f"/credits/?before={BIG}",
        f"/credits/people/?after={BIG}&q=%00",
        f"/credits/people/{BIG}/grant/",
        f"/connections/{BIG}/",
        "/projects/new/?name=%00&code=%00",
        "/in/%00/",
        "/references/%00/",
        "/sandbox/comet/grok/v1/videos/%00",
        "/accounts/login/?next=%00",
        "/%ED%A0%80/",
    ],
)
def test_an_address_that_somebody_edited_is_never_our_fault(address: str, world: World, cast: dict[str, User]):  # noqa: F811 - fixtures
    for name, zone in (("alice", "America/New_York"), ("ada", "Asia/Tokyo")):
        User.objects.filter(name=name.capitalize()).update(time_zone=zone)
        response = browser_of(cast[name]).get(address.format(**world.values), headers={"authorization": "Bearer key"})
        assert response.status_code < 500


@pytest.mark.parametrize("tag", ["garbage", "b\xb2.u1.n1", "b999999999999999999.u1.n999999999", "b0.u0.n0\x00", "x" * 50_000], ids=range(5))
def test_a_garbled_tag_of_the_board_is_never_our_fault(tag: str, tide: Project, alice: User):
    response = browser_of(alice).get("/p/TIDE/pulse/", headers={"HX-PTag": tag, "HX-Request": "true", "HX-Current-URL": "http://[bad"})
    assert response.status_code == 200


def forms(world: World, people: dict[str, User]) -> Iterator[tuple[str, str, dict[str, str]]]:  # noqa: F811 - fixtures
    """Who posts what to where; each form is a good one."""
    xai = world.values["connection"]
    order = {"prompt": "A boat", "connection": f"{xai}", "model": "grok-imagine-video", "mode": "", "aspect_ratio": "16:9", "duration": "8"}
    yield "alice", "/p/TIDE/jobs/", {**order, "resolution": "480p", "references": "", "address": "", "order_key": str(uuid.uuid4())}
    yield "alice", "/p/TIDE/references/", {"address": "https://a.example/x.png"}
    yield "alice", "/me/", {"name": "Alice", "time_zone": "UTC", "locale": ""}
    yield "alice", "/projects/new/", {"name": "Foo", "code": "FOO"}
    yield "bob", "/p/TIDE/settings/", {"name": "Tide"}
    yield "bob", "/p/TIDE/settings/members/", {"email": "erin@example.org", "role": "maker"}
    for act in ("role", "remove", "link"):
        yield "bob", f"/p/TIDE/settings/members/{BIG}/{act}/", {"role": "maker"}
    yield "ada", "/people/", {"email": "frank@example.org", "role": "member"}
    yield "ada", f"/credits/people/{people['alice'].pk}/grant/", {"amount": "5", "reason": "r", "key": str(uuid.uuid4())}
    connection = {"provider": "xai", "label": "L", "base_url": "https://api.example.com", "key": KEY, "requests_per_minute": "6", "jobs_at_once": "5"}
    yield "ada", "/connections/new/", connection
    yield "ada", f"/connections/{xai}/", {"label": "L", "requests_per_minute": "6", "jobs_at_once": "5"}
    yield "ada", f"/connections/{xai}/switch/", {"to": "on", "reason": "r"}
    yield "ada", "/sandbox/", {"provider": "xai", "kind": "failure", "moment": "", "left": "3"}
    yield "", "/accounts/login/", {"login": "alice@example.org", "password": "x"}
    yield "", "/accounts/password/reset/", {"email": "alice@example.org"}


@pytest.mark.parametrize("kind", NASTY)
def test_no_text_in_any_field_is_our_fault(kind: str, world: World, cast: dict[str, User], settings: Settings):  # noqa: F811 - fixtures
    settings.EMAIL_URL = "smtp://mail.example.org"
    ledger.grant(cast["alice"], 1_000_000, key="fixture", reason="for the test", actor=None)
    wrong = []
    browsers = {who: browser_of(cast.get(who)) for who in ("", *cast)}
    for who, address, form in forms(world, cast):
        for field in form:
            body = "&".join(f"{name}={quote(NASTY[kind]) if name == field else quote(value)}" for name, value in form.items())
            response = browsers[who].generic("POST", address, body, content_type="application/x-www-form-urlencoded")
            if response.status_code >= 500:
                wrong.append((address, field))
    assert not wrong


class Scales(FileUploadHandler):
    """Weighs what is kept of an upload."""

    kept = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        Scales.kept += len(raw_data)
        return raw_data

    def file_complete(self, file_size: int) -> None:
        """Leave the file to the next handler."""


@pytest.mark.parametrize(("address", "kept"), [("/accounts/login/", 0), ("/p/TIDE/references/", 0), ("/p/TIDE/jobs/", 20_000_001)])
def test_a_huge_upload_never_fills_the_disk(address: str, kept: int, tide: Project, alice: User, settings: Settings):
    Scales.kept = 0
    ours, *others = settings.FILE_UPLOAD_HANDLERS
    settings.FILE_UPLOAD_HANDLERS = [ours, f"{__name__}.Scales", *others]
    response = browser_of(alice if "TIDE" in address else None).post(address, {"file": SimpleUploadedFile("x.png", b"\0" * 60_000_000)})
    assert response.status_code < 500
    assert Scales.kept == kept


def test_more_images_than_an_order_carries_are_refused_before_any_is_taken(tide: Project, xai: Connection, as_alice: Client):
    files = [SimpleUploadedFile(f"{number}.png", b"no picture") for number in range(21)]
    order = {"prompt": "A boat", "connection": xai.pk, "model": "grok-imagine-video", "aspect_ratio": "16:9", "duration": 8, "resolution": "480p"}
    page = as_alice.post("/p/TIDE/jobs/", {**order, "order_key": uuid.uuid4(), "upload": files}).content.decode()
    assert "At most 20 reference images go into one order; this has 21." in page
    assert not Reference.objects.exists()


def everything_stored() -> str:
    """Every column of every row."""
    out = io.StringIO()
    call_command("dumpdata", stdout=out)
    return out.getvalue()


def echo(status: int, body: str) -> Reply:
    return Reply(status, body.encode(), headers={"Content-Type": "text/html"})


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("tide")
def test_a_provider_key_comes_out_nowhere(
    played: PlayedProvider,  # noqa: F811 - a fixture
    alice: User,
    ada: User,
    tide: Project,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
):
    admin, maker = signed_in(ada), signed_in(alice)
    ledger.grant(alice, 100_000_000, key="fixture", reason="for the test", actor=None)
    caplog.set_level("DEBUG")
    Connection.objects.all().delete()
    made = Connection(provider="xai", label="Real", base_url=played.address, requests_per_minute=6000)
    made.set_key(KEY)
    made.save()
    repeated = f"<html><body>Authorization: Bearer {html.escape(KEY)}<!-- {KEY} {quote(KEY, safe='')} --></body></html>"
    long_words = "w" * 370 + f" {KEY}"
    faults = [
        [echo(401, repeated)],
        [echo(500, repeated)],
        [echo(200, repeated)],
        [Reply(400, {"error": f"Incorrect API key provided: {KEY}"})],
        [Reply(400, {"error": long_words})],
        [Reply(429, {"error": long_words}, headers={"Retry-After": "1"})],
        [Reply(200, {"request_id": "", "error": KEY})],
    ]
    pages = [admin.post(f"/connections/{made.pk}/check/").content.decode()]
    for script in faults:
        played.on_submit, played.on_look = list(script), [*script, Reply(200, {"status": KEY}), *script]
        order = {"prompt": "A boat", "connection": made.pk, "model": "grok-imagine-video", "aspect_ratio": "16:9", "duration": 1}
        maker.post("/p/TIDE/jobs/", {**order, "resolution": "480p", "order_key": uuid.uuid4()})
        work_through(Job.objects.latest("number"), rounds=30)
    pages += [browser.get(f"/p/TIDE/jobs/{job.number}/").content.decode() for job in Job.objects.all() for browser in (admin, maker)]
    pages += [admin.get(address).content.decode() for address in ("/connections/", f"/connections/{made.pk}/", "/p/TIDE/")]
    pages.append(admin.post(f"/connections/{made.pk}/", {"label": "", "key": KEY, "base_url": "https://other.example"}).content.decode())
    output = capfd.readouterr()
    assert Job.objects.count() == len(faults)
    for place in (everything_stored(), caplog.text, output.out, output.err, *map(html.unescape, pages), repr(made), repr(ConnectionForm())):
        for form in (KEY, html.escape(KEY), quote(KEY, safe=""), KEY[:12]):
            assert form not in place, place[max(0, place.find(form) - 300) : place.find(form) + 100]


@pytest.mark.parametrize("inside", [False, True])
def test_only_people_who_are_signed_in_may_send_a_whole_clip(inside: bool, tide: Project, alice: User, xai: Connection, settings: Settings):
    job_row(tide, alice, xai)
    Scales.kept = 0
    ours, *others = settings.FILE_UPLOAD_HANDLERS
    settings.FILE_UPLOAD_HANDLERS = [ours, f"{__name__}.Scales", *others]
    clip = SimpleUploadedFile("clip.mp4", b"\0" * 20_500_000)
    assert browser_of(alice if inside else None).post("/p/TIDE/jobs/1/upload/", {"file": clip}).status_code == (302 if inside else 413)
    assert Scales.kept == (20_500_000 if inside else 0)
