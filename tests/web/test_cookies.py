"""Cookies carry a prefix over https, so that no other host and no page over plain http can set one in our name."""

import re
from http.cookies import Morsel
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from studio.accounts.models import User
from studio.jobs.models import Clip
from studio.projects.models import Project
from studio.web.cookies import prefixed
from tests.control.test_settings import read_with
from tests.gallery.conftest import clip, make_clip  # noqa: F401 - fixtures
from tests.gallery.sharing import link_to
from tests.gallery.test_share_guests import decide

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def over_https(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    """The installation as it is in production."""
    production = read_with(monkeypatch, tmp_path)
    for name in production:
        if "COOKIE" in name or name in {"HTTPS", "MESSAGE_STORAGE"}:
            setattr(settings, name, production[name])
    return settings


def keeps(cookie: "Morsel[str]") -> bool:
    """Whether a browser keeps this cookie, by the rules for the prefix of its name (RFC 6265bis, 4.1.3)."""
    if cookie.key.startswith("__Host-"):
        return bool(cookie["secure"]) and cookie["path"] == "/" and not cookie["domain"]
    return bool(cookie["secure"])


def test_over_https_the_cookies_of_a_session_carry_the_strictest_prefix(over_https: Settings, alice: User):
    browser = Client()
    page = browser.get(reverse("account_login"), secure=True)
    token = page.context["csrf_token"]
    browser.post(reverse("account_login"), {"login": alice.email, "password": "correct horse", "csrfmiddlewaretoken": token}, secure=True)

    assert set(browser.cookies) == {"__Host-csrftoken", "__Host-sessionid", "__Host-known"}
    assert all(keeps(cookie) for cookie in browser.cookies.values())
    assert all(cookie["httponly"] and cookie["samesite"] == "Lax" for cookie in browser.cookies.values())
    assert browser.get("/me/", secure=True).status_code == 200


def test_over_https_messages_travel_in_a_prefixed_cookie(over_https: Settings, as_alice: Client):
    saved = as_alice.post(reverse("me"), {"name": "Alice", "time_zone": "UTC", "email_notices": ""}, secure=True)

    assert [name for name in saved.cookies if "messages" in name] == ["__Host-messages"]
    assert keeps(saved.cookies["__Host-messages"])
    shown = as_alice.get(reverse("me"), secure=True)
    assert shown.cookies["__Host-messages"]["max-age"] == 0
    assert keeps(shown.cookies["__Host-messages"])


def test_over_https_a_guests_cookies_belong_to_their_link(over_https: Settings, bob: User, tide: Project, clip: Clip):  # noqa: F811
    link, mia = link_to(tide, clip, by=bob), Client()
    for verdict in ("pick", "maybe"):
        answer = mia.post(reverse("share_decide", args=[link.token, clip.pk]), {"verdict": verdict, "name": "Mia" * (verdict == "pick")}, secure=True)
        assert answer.status_code < 400
    cookie = mia.cookies["__Secure-guest"]

    assert (cookie["path"], keeps(cookie)) == (f"/s/{link.token}/", True)


def test_over_plain_http_names_have_no_prefix(bob: User, tide: Project, clip: Clip):  # noqa: F811
    mia = Client()
    decide(mia, link_to(tide, clip, by=bob), clip, verdict="pick", name="Mia")

    assert {"guest"} <= set(mia.cookies)
    assert not [name for name in mia.cookies if name.startswith("__")]
    assert prefixed("anything", https=False, path="/s/") == "anything"


def test_every_cookie_is_named_by_the_one_function():
    """One with a name from anywhere else would lack the prefix."""
    setters = {file.name: text for file in (ROOT / "studio").rglob("*.py") if re.search(r"\.set_(signed_)?cookie\(", text := file.read_text())}

    assert "share_door.py" in setters
    assert all("name = cookie_name(" in text and ".set_cookie(name, " in text for text in setters.values())
