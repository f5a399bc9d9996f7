"""Signing in, a forgotten password, a changed one."""

import re
from smtplib import SMTPServerDisconnected

import pytest
from allauth.account.adapter import get_adapter
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.test import Client, RequestFactory
from django.urls import NoReverseMatch, reverse
from pytest_django.fixtures import Settings

from studio.accounts.models import AuditEvent, User
from studio.projects.models import Project
from tests.conftest import signed_in

LOGIN = "/accounts/login/"
RESET = "/accounts/password/reset/"


@pytest.fixture
def _with_mail(settings: Settings) -> None:
    settings.EMAIL_URL = "smtp://mail.example.org"


class BrokenMail(BaseEmailBackend):
    def send_messages(self, email_messages: object) -> int:
        raise SMTPServerDisconnected("gone")


def sign_in(client: Client, email: str = "alice@example.org", password: str = "correct horse") -> str:  # noqa: S107 - the cast's
    response = client.post(LOGIN, {"login": email, "password": password})
    return response.headers.get("Location", "") or response.content.decode()


def test_alice_signs_in_whatever_case_she_types_her_address_in(client: Client, alice: User):
    assert sign_in(client, "Alice@Example.org") == "/"
    assert client.get("/me/").status_code == 200


def test_signing_in_leads_back_to_the_page_that_was_asked_for(client: Client, alice: User):
    asked = client.get("/me/")
    assert asked.headers["Location"] == f"{LOGIN}?next=/me/"
    page = client.get(asked.headers["Location"]).content.decode()
    assert 'name="next" value="/me/"' in page
    assert client.post(LOGIN, {"login": alice.email, "password": "correct horse", "next": "/me/"}).headers["Location"] == "/me/"


def test_a_foreign_address_to_go_on_to_is_ignored(client: Client, alice: User):
    response = client.post(LOGIN, {"login": alice.email, "password": "correct horse", "next": "https://mallory.example.com/"})
    assert response.headers["Location"] == "/"


@pytest.mark.parametrize("email", ["alice@example.org", "nobody@example.org"])
def test_a_wrong_password_and_an_unknown_address_look_the_same(client: Client, alice: User, email: str):
    assert "This e-mail address and password do not match." in sign_in(client, email, "wrong")


def test_many_wrong_passwords_are_slowed_down_and_say_so(client: Client, alice: User):
    answers = [sign_in(client, password="wrong") for _ in range(11)]
    assert "Too many tries." not in answers[9]
    assert "Too many tries. Try again in " in answers[10]


def test_somebody_switched_off_is_told_so_only_with_the_right_password(client: Client, alice: User):
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert "do not match" in sign_in(client, password="wrong")
    response = client.post(LOGIN, {"login": alice.email, "password": "correct horse"}, follow=True)
    assert "Your account is switched off" in response.content.decode()


def test_a_session_ends_when_its_person_is_switched_off(alice: User):
    browser = signed_in(alice)
    assert browser.get("/me/").status_code == 200
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert browser.get("/me/").headers["Location"].startswith(LOGIN)


@pytest.mark.parametrize("name", ["account_signup", "account_email", "account_confirm_email", "account_reauthenticate"])
def test_there_is_no_address_for_what_we_do_not_offer(name: str):
    with pytest.raises(NoReverseMatch):
        reverse(name)


def test_nobody_signs_up_by_themselves(client: Client, db: None):
    assert client.get("/accounts/signup/").status_code == 404
    client.post("/accounts/signup/", {"email": "mallory@example.org", "password1": "correct horse", "password2": "correct horse"})
    assert not User.objects.exists()


def test_signing_out_asks_first_and_then_ends_the_session(alice: User, tide: Project):
    browser = signed_in(alice)
    assert "Sign out" in browser.get("/accounts/logout/").content.decode()
    assert browser.post("/accounts/logout/").headers["Location"] == LOGIN
    assert browser.get("/me/").status_code == 302


def test_without_e_mail_a_forgotten_password_says_whom_to_ask(client: Client, alice: User, settings: Settings):
    settings.EMAIL_URL = ""
    page = client.get(RESET).content.decode()
    assert "This installation sends no e-mail" in page
    assert "Ask an admin" in page
    client.post(RESET, {"email": alice.email})
    assert not mail.outbox


@pytest.mark.usefixtures("_with_mail")
def test_a_forgotten_password_is_replaced_by_a_link_in_an_e_mail(client: Client, alice: User):
    assert "Send the link" in client.get(RESET).content.decode()
    client.post(RESET, {"email": "ALICE@example.org"})
    assert mail.outbox[0].subject == "Studio: Choose a new password"
    link = re.search(r"http://testserver(/\S+)", str(mail.outbox[0].body))
    assert link
    form = client.get(link[1], follow=True)
    assert "Choose a new password" in form.content.decode()
    done = client.post(form.request["PATH_INFO"], {"password1": "a better battery", "password2": "a better battery"}, follow=True)
    assert "Your password is changed" in done.content.decode()
    assert sign_in(client, password="a better battery") == "/"
    assert AuditEvent.objects.get(action="person.password").actor == alice
    again = client.get(link[1], follow=True).content.decode()
    assert "This link has ended" in again


@pytest.mark.usefixtures("_with_mail")
def test_a_bad_new_password_is_refused_beside_its_field(client: Client, alice: User):
    client.post(RESET, {"email": alice.email})
    link = re.search(r"http://testserver(/\S+)", str(mail.outbox[0].body))
    assert link
    form = client.get(link[1], follow=True)
    answer = client.post(form.request["PATH_INFO"], {"password1": "short", "password2": "shorter"}).content.decode()
    assert "too short" in answer


@pytest.mark.usefixtures("_with_mail")
def test_a_reset_does_not_tell_who_has_an_account(client: Client, alice: User):
    known, unknown = (client.post(RESET, {"email": email}) for email in ("alice@example.org", "nobody@example.org"))
    assert (known.status_code, known.headers["Location"]) == (unknown.status_code, unknown.headers["Location"])
    assert [message.to for message in mail.outbox] == [["alice@example.org"]]
    assert "If that address has an account here" in client.get(known.headers["Location"]).content.decode()


@pytest.mark.usefixtures("_with_mail")
def test_a_mail_server_that_is_down_does_not_tell_either(client: Client, alice: User, settings: Settings):
    settings.EMAIL_BACKEND = "tests.accounts.test_sign_in.BrokenMail"
    assert client.post(RESET, {"email": alice.email}).headers["Location"] == f"{RESET}done/"


@pytest.mark.usefixtures("_with_mail")
def test_somebody_switched_off_gets_no_reset(client: Client, alice: User):
    User.objects.filter(pk=alice.pk).update(is_active=False)
    client.post(RESET, {"email": alice.email})
    assert not mail.outbox


@pytest.mark.usefixtures("_with_mail")
def test_resets_for_one_address_are_limited(client: Client, alice: User):
    statuses = [client.post(RESET, {"email": alice.email}).status_code for _ in range(6)]
    assert statuses == [302] * 5 + [429]


def test_changing_the_password_keeps_this_session_and_ends_the_others(alice: User):
    here, elsewhere = signed_in(alice), signed_in(alice)
    assert "Current password" in here.get("/accounts/password/change/").content.decode()
    new = {"oldpassword": "correct horse", "password1": "a better battery", "password2": "a better battery"}
    assert here.post("/accounts/password/change/", new).headers["Location"] == "/me/"
    assert here.get("/me/").status_code == 200
    assert elsewhere.get("/me/").status_code == 302


def test_a_wrong_current_password_changes_nothing(alice: User):
    new = {"oldpassword": "wrong", "password1": "a better battery", "password2": "a better battery"}
    assert "This is not your current password." in signed_in(alice).post("/accounts/password/change/", new).content.decode()
    alice.refresh_from_db()
    assert alice.check_password("correct horse")


def test_somebody_without_a_password_chooses_one(ada: User):
    ada.set_unusable_password()
    ada.save()
    browser = signed_in(ada)
    assert "Choose a password" in browser.get("/me/").content.decode()
    assert browser.get("/accounts/password/change/").headers["Location"] == "/accounts/password/set/"
    assert "with a password" in browser.get("/accounts/password/set/").content.decode().lower()
    browser.post("/accounts/password/set/", {"password1": "a better battery", "password2": "a better battery"})
    ada.refresh_from_db()
    assert ada.check_password("a better battery")


def test_sign_up_is_closed_for_every_part_of_allauth(rf: RequestFactory):
    assert not get_adapter().is_open_for_signup(rf.get("/"))


def test_a_person_is_found_by_their_address_in_any_case(alice: User):
    assert User.objects.get_by_natural_key(" ALICE@example.org ") == alice


@pytest.mark.usefixtures("_with_mail")
def test_a_reset_leads_to_the_public_address_whatever_host_the_request_names(alice: User, settings: Settings):
    settings.PUBLIC_URL = "https://studio.example.org"
    Client(headers={"host": "evil.example"}).post(RESET, {"email": alice.email})
    body = str(mail.outbox[0].body)
    assert "https://studio.example.org/accounts/password/reset/key/" in body
    assert "evil.example" not in body
