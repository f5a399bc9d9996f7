"""Who lets whom in: by default admins alone. An owner learns nothing about an address that they have no business with."""

import re

import pytest
from django.core import mail
from django.test import Client
from pytest_django.fixtures import Settings

from studio.accounts import actions as accounts
from studio.accounts.models import AuditEvent, User
from studio.projects import asking_mail
from studio.projects.models import MemberRequest, Membership, Project
from tests.conftest import signed_in

MEMBERS = "/p/TIDE/settings/members/"


def answer_for(browser: Client, email: str) -> str:
    """The page that follows, without what differs from one page to the next anyway."""
    page = browser.post(MEMBERS, {"email": email, "role": "maker"}, follow=True).content.decode()
    MemberRequest.objects.all().delete()
    page = re.sub(r'(value|content|nonce)="[^"]{16,}"', "", page.replace(email, "ADDRESS"))
    return re.sub(r'X-CSRFToken": "\w+"|nonce=\S+|/requests/\d+/', "", page)


@pytest.fixture
def strangers(mallory: User, dave: User, ada: User) -> list[str]:
    """An account, one that is switched off, one that was invited, and nobody."""
    accounts.switch_off(dave, by=ada)
    accounts.invite("erin@example.org", role="member", by=ada)
    return [mallory.email, dave.email, "erin@example.org", "nobody@example.org"]


@pytest.mark.parametrize("inviters", ["ADMINS", "OWNERS"])
def test_an_owner_hears_the_same_of_every_address_that_they_may_not_know(
    inviters: str, strangers: list[str], bob: User, tide: Project, settings: Settings
):
    settings.INVITERS, settings.INVITE_DOMAINS = inviters, frozenset({"elsewhere.example"})
    browser = signed_in(bob)
    answers = {answer_for(browser, email) for email in strangers}
    assert len(answers) == 1
    assert "Asked. ADDRESS is added when they accept, or when an admin lets them in." in answers.pop()
    assert (Membership.objects.count(), User.objects.filter(email="nobody@example.org").exists()) == (3, False)


def test_thirty_addresses_of_a_member_let_nobody_in(bob: User, tide: Project):
    browser = signed_in(bob)
    for number in range(30):
        browser.post(MEMBERS, {"email": f"ceo{number}@company.example", "role": "maker"})
    assert User.objects.count() == 3
    assert not mail.outbox


def test_the_person_accepts_and_belongs(bob: User, mallory: User, tide: Project):
    signed_in(bob).post(MEMBERS, {"email": mallory.email, "role": "reviewer"})
    asked, browser = MemberRequest.objects.get(), signed_in(mallory)
    assert "Join Tidewater" in browser.get("/me/").content.decode()
    assert "Join Tidewater" in browser.get("/").content.decode()
    assert browser.post(f"/me/projects/{asked.pk}/", {"do": "accept"}).headers["Location"] == "/p/TIDE/"
    assert Membership.objects.get(user=mallory).role == "reviewer"
    assert not MemberRequest.objects.exists()


def test_the_person_declines_and_nobody_else_answers_for_them(bob: User, alice: User, mallory: User, tide: Project):
    signed_in(bob).post(MEMBERS, {"email": mallory.email, "role": "maker"})
    asked = MemberRequest.objects.get()
    signed_in(alice).post(f"/me/projects/{asked.pk}/", {"do": "accept"})
    signed_in(bob).post(f"/p/TIDE/settings/requests/{asked.pk}/", {"do": "accept"})
    assert (MemberRequest.objects.count(), Membership.objects.count()) == (1, 3)
    signed_in(mallory).post(f"/me/projects/{asked.pk}/", {"do": "drop"})
    assert not MemberRequest.objects.exists()
    assert AuditEvent.objects.filter(action="member.not_added", actor=mallory).exists()


def test_an_admin_lets_somebody_new_in(ada: User, bob: User, tide: Project, settings: Settings):
    settings.EMAIL_URL = ""
    signed_in(bob).post(MEMBERS, {"email": "erin@example.org", "role": "maker"})
    asked, browser = MemberRequest.objects.get(), signed_in(ada)
    assert "Let erin@example.org in" in browser.get("/people/").content.decode()
    page = browser.post(f"/p/TIDE/settings/requests/{asked.pk}/", {"do": "accept", "next": "people"}).content.decode()
    assert 'data-copy="http://testserver/in/' in page
    assert Membership.objects.get(user__email="erin@example.org").role == "maker"


def test_a_request_counts_for_nothing_once_its_owner_is_none(ada: User, bob: User, mallory: User, tide: Project):
    signed_in(bob).post(MEMBERS, {"email": mallory.email, "role": "maker"})
    Membership.objects.filter(user=bob).update(role="maker")
    asked = MemberRequest.objects.get()
    signed_in(mallory).post(f"/me/projects/{asked.pk}/", {"do": "accept"})
    assert not Membership.objects.filter(user=mallory).exists()


def test_owners_invite_within_the_domains_where_they_may_and_admins_are_told(ada: User, bob: User, tide: Project, settings: Settings):
    settings.INVITERS, settings.INVITE_DOMAINS, settings.EMAIL_URL = "OWNERS", frozenset({"example.org"}), ""
    browser = signed_in(bob)
    assert "data-copy" in browser.post(MEMBERS, {"email": "Erin@Example.org", "role": "maker"}).content.decode()
    browser.post(MEMBERS, {"email": "frank@sub.example.org", "role": "maker"})
    assert list(MemberRequest.objects.values_list("email", flat=True)) == ["frank@sub.example.org"]
    assert AuditEvent.objects.get(action="person.invited").actor == bob
    settings.EMAIL_URL = "smtp://mail.example.org"
    assert asking_mail.tell_admins("invited", "Bob", "erin@example.org", "Tidewater") == 1
    assert "Bob, an owner of the project Tidewater, invited erin@example.org" in str(mail.outbox[0].body)


def test_an_address_is_proved_by_a_link_that_was_mailed_and_not_by_one_that_was_copied(ada: User, settings: Settings):
    password = {"name": "Erin", "password1": "a better battery", "password2": "a better battery"}
    for mailed in (False, True):
        settings.EMAIL_URL = "smtp://mail.example.org" if mailed else ""
        email = f"erin{mailed}@example.org".lower()
        page = signed_in(ada).post("/people/", {"email": email, "role": "member"}).content.decode()
        found = re.search(r"/in/[\w-]+/", str(mail.outbox[-1].body) if mailed else page)
        assert found
        Client().post(found[0], password)
        assert bool(User.objects.get(email=email).email_proved_at) is mailed
        listed = signed_in(ada).get("/people/").content.decode().partition(f"<small>{email}</small>")[2].partition("</tr>")[0]
        assert ("Address not verified" in listed) is not mailed


def test_a_name_with_line_ends_stands_on_one_line_of_the_letter(ada: User, settings: Settings):
    settings.EMAIL_URL = "smtp://mail.example.org"
    User.objects.filter(pk=ada.pk).update(name="Evil\nBcc: all@example.org\n\u202ebody\x1b[0m")
    signed_in(ada).post("/people/", {"email": "erin@example.org", "role": "member"})
    assert "Evil Bcc: all[at]example[.]org body[0m invites you to" in str(mail.outbox[0].body)
