"""The security log: who signed in, who failed, who was held off or refused, and from where; never a secret, never a line that somebody else wrote."""

import logging
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from django.contrib.auth.hashers import make_password
from django.core import mail
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from studio.accounts.models import AccessLink, User
from studio.accounts.security_log import account_hash, written
from studio.projects.models import Project
from studio.rates import parse_rates
from tests.conftest import signed_in
from tests.gallery.sharing import link_to

LOGIN = "/accounts/login/"
NEW = {"password1": "battery staple 7", "password2": "battery staple 7"}
HOSTILE = ["a\r\nb", "a\nevent=sign_in user=1", '" user="1', "\x1b[2J\x07", "\u202ebidi", "\u2028line\x85", "\x7f", "\\u202e", "a b", "🎬"]
FIELD = re.compile(r'[a-z]+=(?:[A-Za-z0-9_.:/@+-]+|"(?:[ !#-\[\]-~]|\\["\\/bfnrt]|\\u[0-9a-f]{4})*")')


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture, settings: Settings) -> Callable[[], list[str]]:
    """What was logged since the last call."""
    settings.EMAIL_URL = "smtp://mail.example.org"
    caplog.set_level(logging.DEBUG)

    def read() -> list[str]:
        found = [record.getMessage() for record in caplog.records if record.name == "studio.security"]
        caplog.clear()
        return found

    return read


def sign_in(email: str, password: str = "correct horse", agent: str = "Test/1", browser: Client | None = None) -> Client:  # noqa: S107 - of a test
    browser = browser or Client()
    browser.post(LOGIN, {"login": email, "password": password}, headers={"User-Agent": agent})
    return browser


def test_a_sign_in_by_password_and_a_sign_out(alice: User, lines: Callable[[], list[str]]):
    browser = sign_in(alice.email)
    assert lines() == [f"event=sign_in method=password account={account_hash(alice.email)} user={alice.pk} agent=Test/1 address=127.0.0.1"]
    browser.post("/accounts/logout/")
    assert lines() == [f"event=sign_out user={alice.pk} address=127.0.0.1"]


@pytest.mark.parametrize(("kind", "method"), [(AccessLink.Kind.SIGN_IN, "link"), (AccessLink.Kind.INVITATION, "invitation")])
def test_a_sign_in_by_a_link_and_a_second_use_of_it(
    alice: User, lines: Callable[[], list[str]], settings: Settings, kind: AccessLink.Kind, method: str
):
    token = AccessLink.make(alice, kind=kind, lifetime=settings.SIGN_IN_LINK_LIFETIME)
    Client().post(f"/in/{token}/", {"name": "Alice", **NEW})
    Client().get(f"/in/{token}/")
    first, second = lines()
    assert first == f"event=sign_in method={method} account={account_hash(alice.email)} user={alice.pk} address=127.0.0.1"
    assert second == f"event=link_refused state=used user={alice.pk} address=127.0.0.1"


def test_a_link_that_nobody_made(db: None, lines: Callable[[], list[str]]):
    Client().get("/in/made-up-token/")
    assert lines() == ["event=link_refused state=unknown address=127.0.0.1"]


def test_a_wrong_password_and_an_unknown_account(alice: User, lines: Callable[[], list[str]]):
    sign_in(alice.email, "wrong")
    sign_in("nobody@example.org", "wrong")
    sign_in("Nobody@Example.org", "wrong")
    known, unknown, again = lines()
    assert known == f"event=sign_in_failed account={account_hash(alice.email)} user={alice.pk} agent=Test/1 address=127.0.0.1"
    assert unknown == again == f"event=sign_in_failed account={account_hash('nobody@example.org')} agent=Test/1 address=127.0.0.1"


def test_somebody_who_is_switched_off(alice: User, lines: Callable[[], list[str]]):
    User.objects.filter(pk=alice.pk).update(is_active=False)
    sign_in(alice.email)
    assert lines() == [f"event=sign_in_failed reason=switched_off user={alice.pk} agent=Test/1 address=127.0.0.1"]


def test_whoever_is_throttled(alice: User, lines: Callable[[], list[str]]):
    for _ in range(11):
        sign_in(alice.email, "wrong")
    assert re.fullmatch(
        rf"event=throttled limit=sign_in seconds=\d+ account={account_hash(alice.email)} user={alice.pk} address=127.0.0.1", lines()[-1]
    )
    browser = signed_in(alice)
    for _ in range(6):
        browser.post("/accounts/password/change/", {"oldpassword": "wrong", **NEW})
    *_, failed, throttled = lines()
    assert failed == f"event=password_change_failed user={alice.pk} address=127.0.0.1"
    assert re.fullmatch(rf"event=throttled limit=change_password seconds=\d+ user={alice.pk} address=127.0.0.1", throttled)


def test_a_limit_of_somebody_who_is_signed_in(alice: User, settings: Settings, lines: Callable[[], list[str]]):
    settings.LIMITS = {**settings.LIMITS, "searches": replace(settings.LIMITS["searches"], rates=parse_rates("1/h"))}
    browser = signed_in(alice)
    lines()
    statuses = [browser.get("/prompts/", {"q": "x"}).status_code for _ in range(2)]
    assert statuses == [200, 429]
    (line,) = lines()
    assert re.fullmatch(rf"event=throttled limit=searches seconds=\d+ user={alice.pk} address=127.0.0.1", line)


def test_a_changed_and_a_reset_password(alice: User, lines: Callable[[], list[str]]):
    signed_in(alice).post("/accounts/password/change/", {"oldpassword": "correct horse", **NEW})
    assert f"event=password_changed method=current_password user={alice.pk} address=127.0.0.1" in lines()
    browser = Client()
    browser.post("/accounts/password/reset/", {"email": alice.email})
    letter = re.search(r"https?://\S+", str(mail.outbox[-1].body))
    assert letter
    page = browser.get(letter[0], follow=True)
    browser.post(page.request["PATH_INFO"], {"password1": "another staple 8", "password2": "another staple 8"})
    asked, changed = lines()
    assert asked == f"event=reset_requested account={account_hash(alice.email)} user={alice.pk} address=127.0.0.1"
    assert changed == f"event=password_changed method=mailed_link user={alice.pk} address=127.0.0.1"


def test_whoever_may_not_do_something_and_whoever_may_not_see_it(carol: User, mallory: User, tide: Project, lines: Callable[[], list[str]]):
    signed_in(carol).get("/people/")
    signed_in(mallory).get("/p/TIDE/")
    signed_in(mallory).get("/p/NONE/")
    forbidden, unseen = [line for line in lines() if "event=refused" in line]
    assert forbidden == (
        f'event=refused status=403 reason="permission: Only an admin can do this." method=GET path=/people/ user={carol.pk} address=127.0.0.1'
    )
    assert unseen == f"event=refused status=404 reason=not_a_member method=GET path=/p/TIDE/ user={mallory.pk} address=127.0.0.1"


def test_a_forged_request(alice: User, lines: Callable[[], list[str]]):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    lines()
    browser.post("/me/", {"name": "x"})
    browser.post("/me/", {"name": "x"}, headers={"HX-Request": "true", "Origin": "https://evil.example\n"})
    browser.post("/me/", {"name": "x"}, headers={"Sec-Fetch-Site": "cross-site"})
    token, origin, other_site = lines()
    ending = f"method=POST path=/me/ user={alice.pk} address=127.0.0.1"
    assert token == f'event=refused status=403 reason="csrf: CSRF cookie not set." {ending}'
    assert origin.startswith('event=refused status=403 reason="csrf: Origin checking failed - https://evil.example')
    assert other_site == f"event=refused status=403 reason=other_site {ending}"


def test_a_wrong_password_of_a_share_link(bob: User, tide: Project, lines: Callable[[], list[str]]):
    link = link_to(tide, by=bob, password=make_password("open sesame"))
    Client().post(reverse("share_open", args=[link.token]), {"password": "guess"})
    assert lines() == [f"event=share_password_failed link={link.pk} address=127.0.0.1"]


def test_an_ended_session_and_all_sessions_of_somebody(ada: User, alice: User, lines: Callable[[], list[str]]):
    signed_in(ada).post(f"/people/{alice.pk}/sign-out/")
    assert f"event=sessions_ended person={alice.pk} user={ada.pk} address=127.0.0.1" in lines()
    alice.refresh_from_db()
    browser = signed_in(alice)
    session = browser.session
    session["used_at"] = session["signed_in_at"] = 0
    session.save()
    lines()
    browser.get("/me/")
    assert lines() == [f"event=sign_out reason=session_over user={alice.pk} address=127.0.0.1"]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_ends_a_line_or_looks_like_a_field(alice: User, lines: Callable[[], list[str]], text: str):
    sign_in(f"{text}@example.org", "wrong", agent=text)
    sign_in(alice.email, "wrong", agent=text)
    for line in [*lines(), f"value={written(text)}"]:
        assert re.fullmatch(rf"{FIELD.pattern}(?: {FIELD.pattern})*", line), line
        assert line.count("event=sign_in ") == 0 or "\\nevent" in line


def test_a_value_has_a_limit():
    assert len(written("x" * 5_000)) == 200


def test_no_password_token_or_unknown_address_is_logged(alice: User, bob: User, tide: Project, settings: Settings, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    settings.EMAIL_URL = "smtp://mail.example.org"
    token = AccessLink.make(alice, kind=AccessLink.Kind.SIGN_IN, lifetime=settings.SIGN_IN_LINK_LIFETIME)
    link = link_to(tide, by=bob, password=make_password("open sesame"))
    stranger = Client(enforce_csrf_checks=True)
    Client().post(LOGIN, {"login": "unknown@example.org", "password": "secret-guess-1"})
    Client().post("/accounts/password/reset/", {"email": "unknown@example.org"})
    Client().post(reverse("share_open", args=[link.token]), {"password": "secret-guess-2"})
    for path in (f"/in/{token}/", reverse("share_open", args=[link.token]), "/accounts/password/reset/key/3-secret-key/"):
        stranger.post(path, {"password": "secret-guess-3"})
    formatter = next(one.formatter for one in logging.getLogger().handlers if type(one.formatter).__name__ == "RedactingFormatter")
    assert formatter
    told = "\n".join(formatter.format(record) for record in caplog.records)
    own = "\n".join(record.getMessage() for record in caplog.records if record.name == "studio.security")
    assert own.count('reason="csrf:') == 3
    for secret in ("unknown@", "secret-guess", "open sesame", token, link.token, "secret-key"):
        assert secret not in told
        assert secret not in own
