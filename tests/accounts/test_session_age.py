"""When sessions end: by age, without use, and by what an admin or the person decides."""

from datetime import timedelta

import pytest
from allauth.account.adapter import get_adapter
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from studio.accounts import actions, session_age
from studio.accounts.models import AccessLink, AuditEvent, User
from studio.accounts.passwords import ResetTokenGenerator
from tests.conftest import signed_in

HOUR = 3600  # seconds
FETCHED = {"HX-Request": "true"}


def is_in(browser: Client) -> bool:
    return browser.get("/me/").status_code == 200


def set_back(browser: Client, **hours: int) -> None:
    """Move what the session keeps into the past."""
    session = browser.session
    for key, back in hours.items():
        session[key] -= back * HOUR
    session.save()


def used_at(browser: Client) -> int:
    return int(browser.session[session_age.USED_AT])


def test_a_session_ends_so_many_days_after_its_sign_in_however_much_it_is_used(alice: User, settings: Settings):
    browser = signed_in(alice)
    set_back(browser, signed_in_at=30 * 24 - 1)
    assert is_in(browser)
    set_back(browser, signed_in_at=1)
    assert not is_in(browser)


def test_a_session_that_is_not_used_ends_sooner(alice: User, settings: Settings):
    settings.SESSION_IDLE = timedelta(hours=12)
    browser = signed_in(alice)
    set_back(browser, signed_in_at=20, used_at=11)
    assert is_in(browser)
    set_back(browser, used_at=12)
    assert not is_in(browser)


def test_an_open_page_that_asks_for_news_does_not_keep_a_session_alive(alice: User):
    browser = signed_in(alice)
    set_back(browser, used_at=3)
    before = used_at(browser)
    browser.get("/mentions/", headers=FETCHED)
    assert used_at(browser) == before
    browser.get("/me/")
    assert used_at(browser) > before


def test_use_is_noted_once_an_hour_and_not_with_every_request(alice: User):
    browser = signed_in(alice)
    set_back(browser, used_at=0)
    before = Session.objects.get().session_data
    for _ in range(3):
        browser.get("/me/")
    assert Session.objects.get().session_data == before


def test_a_script_of_an_old_page_is_told_that_the_session_ended(alice: User):
    browser = signed_in(alice)
    set_back(browser, signed_in_at=31 * 24)
    assert browser.get("/me/", headers=FETCHED).status_code == 401
    assert browser.get("/session/").json()["person"] is None


def test_a_session_from_before_ages_were_kept_starts_now(alice: User):
    browser = signed_in(alice)
    session = browser.session
    del session[session_age.SIGNED_IN_AT], session[session_age.USED_AT]
    session.save()
    assert is_in(browser)
    assert session_age.SIGNED_IN_AT in browser.session


def test_rows_of_sessions_that_ended_are_deleted(alice: User, bob: User):
    signed_in(alice)
    signed_in(bob)
    Session.objects.filter(pk=Session.objects.order_by("pk").values("pk")[:1]).update(expire_date=timezone.now() - timedelta(seconds=1))
    session_age.delete_expired()
    assert Session.objects.count() == 1


def test_somebody_who_was_switched_off_and_on_again_has_to_sign_in(ada: User, alice: User):
    old = signed_in(alice)
    actions.switch_off(alice, by=ada)
    actions.switch_on(alice, by=ada)
    assert not is_in(old)
    assert is_in(signed_in(alice))


def test_a_new_role_ends_the_sessions_of_the_old_one_but_not_that_of_the_admin_who_gives_it(ada: User, alice: User):
    admin, hers = signed_in(ada), signed_in(alice)
    admin.post(f"/people/{alice.pk}/role/", {"role": "admin"})
    assert not is_in(hers)
    admin.post(f"/people/{ada.pk}/role/", {"role": "member"})
    assert is_in(admin)


def test_signing_out_everywhere_else_keeps_this_browser(alice: User):
    here, elsewhere = signed_in(alice), signed_in(alice)
    assert "Sign out everywhere else" in here.get("/me/").content.decode()
    assert here.post("/me/sign-out-elsewhere/").headers["Location"] == "/me/"
    assert is_in(here)
    assert not is_in(elsewhere)
    assert AuditEvent.objects.get(action="person.signed_out").subject == alice.email


def test_an_admin_ends_the_sessions_and_sign_in_links_of_somebody(ada: User, alice: User):
    hers, link = signed_in(alice), AccessLink.make(alice, kind="sign_in", lifetime=timedelta(hours=1))
    assert "Alice is signed out everywhere." in signed_in(ada).post(f"/people/{alice.pk}/sign-out/", follow=True).content.decode()
    assert not is_in(hers)
    assert AccessLink.live(link) is None


def test_only_an_admin_ends_the_sessions_of_others(alice: User, bob: User):
    hers = signed_in(bob)
    assert signed_in(alice).post(f"/people/{bob.pk}/sign-out/").status_code == 403
    assert is_in(hers)


@pytest.mark.parametrize("act", ["switch_off", "end_sessions"])
def test_a_reset_link_that_was_sent_before_ends_with_the_sessions(ada: User, alice: User, act: str):
    token = ResetTokenGenerator().make_token(alice)
    assert ResetTokenGenerator().check_token(alice, token)
    getattr(actions, act)(alice, by=ada)
    alice.refresh_from_db()
    assert not ResetTokenGenerator().check_token(alice, token)


def test_changing_a_password_does_not_undo_a_switching_off_that_happens_meanwhile(ada: User, alice: User):
    stale = User.objects.get(pk=alice.pk)
    actions.switch_off(alice, by=ada)
    get_adapter().set_password(stale, "a better battery")
    alice.refresh_from_db()
    assert not alice.is_active
