"""The people page: invitations, roles, switching off."""

from smtplib import SMTPServerDisconnected

import pytest
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.test import Client
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from studio.accounts import actions
from studio.accounts.models import AccessLink, AuditEvent, User
from tests.conftest import person, signed_in


class BrokenMail(BaseEmailBackend):
    def send_messages(self, email_messages: object) -> int:
        raise SMTPServerDisconnected("gone")


@pytest.fixture
def as_ada(ada: User) -> Client:
    return signed_in(ada)


def link_on(page: str) -> str:
    """The path of the link that the page shows."""
    return page.partition('data-copy="http://testserver')[2].partition('"')[0]


def test_an_invitation_is_shown_once_and_works(as_ada: Client, settings: Settings):
    settings.EMAIL_URL = ""
    page = as_ada.post("/people/", {"email": "Erin@example.org", "role": "credit_manager"}).content.decode()
    assert "This installation sends no e-mail" in page
    assert Client().get(link_on(page)).status_code == 200
    erin = User.objects.get(email="erin@example.org")
    assert (erin.role, erin.is_active, erin.has_usable_password()) == ("credit_manager", False, False)
    assert "data-copy" not in as_ada.get("/people/").content.decode()
    assert not mail.outbox


def test_an_invitation_goes_by_e_mail_where_that_is_configured(as_ada: Client, settings: Settings):
    settings.EMAIL_URL, settings.PUBLIC_URL = "smtp://mail.example.org", "https://clips.example.org"
    page = as_ada.post("/people/", {"email": "erin@example.org", "role": "member"}).content.decode()
    assert "Sent to erin@example.org" in page
    (message,) = mail.outbox
    assert message.to == ["erin@example.org"]
    assert message.subject == "Ada invites you to Studio"
    assert "https://clips.example.org/in/" in str(message.body)
    assert "/in/" not in page
    assert "data-copy" not in page


def test_a_mail_server_that_is_down_leaves_a_link_to_copy(as_ada: Client, settings: Settings):
    settings.EMAIL_URL, settings.EMAIL_BACKEND = "smtp://mail.example.org", "tests.accounts.test_people.BrokenMail"
    page = as_ada.post("/people/", {"email": "erin@example.org", "role": "member"}).content.decode()
    assert "The e-mail could not be sent" in page
    assert Client().get(link_on(page)).status_code == 200


@pytest.mark.parametrize(
    ("email", "role", "sentence"),
    [
        ("ADA@example.org", "member", "ada@example.org is on the list already."),
        ("nonsense", "member", "valid email"),
        ("e@x.org", "king", "Select a"),
    ],
)
def test_an_invitation_that_cannot_be_made_says_why(as_ada: Client, email: str, role: str, sentence: str):
    response = as_ada.post("/people/", {"email": email, "role": role})
    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert User.objects.count() == 1


def test_the_list_shows_who_is_who(as_ada: Client, ada: User, alice: User, bob: User):
    actions.invite("erin@example.org", role="member", by=ada)
    actions.invite("frank@example.org", role="member", by=ada)
    AccessLink.end(User.objects.get(email="frank@example.org"))
    actions.switch_off(bob, by=ada)
    page = as_ada.get("/people/").content.decode()
    for words in ("Ada (you)", "alice@example.org", "Invited, until", "Invitation ended", "Switched off", "Never"):
        assert words in page


def test_the_list_needs_the_same_queries_for_any_number_of_people(
    as_ada: Client, ada: User, django_assert_max_num_queries: DjangoAssertNumQueries, django_assert_num_queries: DjangoAssertNumQueries
):
    with django_assert_max_num_queries(12) as first:
        as_ada.get("/people/")
    for number in range(20):
        actions.invite(f"guest{number}@example.org", role="member", by=ada)
    with django_assert_num_queries(len(first)):
        as_ada.get("/people/")


def test_a_role_is_changed_and_written_down(as_ada: Client, ada: User, alice: User):
    as_ada.post(f"/people/{alice.pk}/role/", {"role": "credit_manager"})
    alice.refresh_from_db()
    assert alice.manages_credits
    event = AuditEvent.objects.get(action="person.role")
    assert (event.actor, event.subject, event.before, event.after) == (ada, "alice@example.org", {"role": "member"}, {"role": "credit_manager"})
    assert event.address == "127.0.0.1"
    assert str(event) == "person.role alice@example.org"


def test_the_same_role_again_is_no_event(as_ada: Client, ada: User, alice: User):
    as_ada.post(f"/people/{alice.pk}/role/", {"role": "member"})
    assert not AuditEvent.objects.exists()


def test_an_unknown_role_changes_nothing(as_ada: Client, alice: User):
    assert "There is no such role." in as_ada.post(f"/people/{alice.pk}/role/", {"role": "king"}, follow=True).content.decode()


def test_the_last_admin_stays_one(as_ada: Client, ada: User):
    page = as_ada.post(f"/people/{ada.pk}/role/", {"role": "member"}, follow=True).content.decode()
    assert "Ada is the only admin." in page
    ada.refresh_from_db()
    assert ada.is_admin
    assert not AuditEvent.objects.exists()


def test_an_admin_who_steps_down_goes_home(as_ada: Client, ada: User):
    person("olga@example.org", role="admin")
    assert as_ada.post(f"/people/{ada.pk}/role/", {"role": "member"}).headers["Location"] == "/"


def test_an_admin_who_is_switched_off_does_not_count(ada: User):
    olga = person("olga@example.org", role="admin")
    actions.switch_off(olga, by=ada)
    with pytest.raises(actions.NameAnotherAdmin):
        actions.change_role(ada, "member", by=ada)


def test_the_last_admin_cannot_be_switched_off(ada: User, alice: User):
    with pytest.raises(actions.NameAnotherAdmin):
        actions.switch_off(ada, by=alice)


def test_switching_off_ends_the_session_and_switching_on_lets_in_again(as_ada: Client, alice: User):
    browser = signed_in(alice)
    page = as_ada.post(f"/people/{alice.pk}/switch/", {"to": "off"}, follow=True).content.decode()
    assert "Alice can no longer come in." in page
    assert browser.get("/me/").status_code == 302
    as_ada.post(f"/people/{alice.pk}/switch/", {"to": "on"})
    assert Client().post("/accounts/login/", {"login": alice.email, "password": "correct horse"}).headers["Location"] == "/"
    assert list(AuditEvent.objects.order_by("id").values_list("action", flat=True)) == ["person.switched_off", "person.switched_on"]


def test_switching_twice_is_one_event(ada: User, alice: User):
    assert actions.switch_off(alice, by=ada)
    assert not actions.switch_off(alice, by=ada)
    assert actions.switch_on(alice, by=ada)
    assert not actions.switch_on(alice, by=ada)
    assert AuditEvent.objects.count() == 2


def test_nobody_switches_themselves_off(as_ada: Client, ada: User):
    assert "You cannot switch yourself off." in as_ada.post(f"/people/{ada.pk}/switch/", {"to": "off"}, follow=True).content.decode()


def test_a_switch_needs_a_direction(as_ada: Client, alice: User):
    assert "Say whether to switch on or off." in as_ada.post(f"/people/{alice.pk}/switch/", {}, follow=True).content.decode()


def test_an_invitation_is_withdrawn_by_switching_off(as_ada: Client, ada: User):
    erin, token = actions.invite("erin@example.org", role="member", by=ada)
    as_ada.post(f"/people/{erin.pk}/switch/", {"to": "off"})
    assert Client().get(f"/in/{token}/").status_code == 410


def test_somebody_who_never_came_in_is_not_switched_on_but_gets_a_new_link(as_ada: Client, ada: User):
    erin, _ = actions.invite("erin@example.org", role="member", by=ada)
    page = as_ada.post(f"/people/{erin.pk}/switch/", {"to": "on"}, follow=True).content.decode()
    assert "has not come in yet" in page
    assert Client().get(link_on(as_ada.post(f"/people/{erin.pk}/link/").content.decode())).status_code == 200


def test_a_link_for_a_forgotten_password_works_without_e_mail(as_ada: Client, alice: User, settings: Settings):
    settings.EMAIL_URL = ""
    path = link_on(as_ada.post(f"/people/{alice.pk}/link/").content.decode())
    browser = Client()
    assert "Choose a new password" in browser.get(path).content.decode()
    browser.post(path, {"name": "Alice", "password1": "a better battery", "password2": "a better battery"})
    alice.refresh_from_db()
    assert alice.check_password("a better battery")


def test_the_mail_with_a_password_link_says_what_it_is(as_ada: Client, alice: User, settings: Settings):
    settings.EMAIL_URL = "smtp://mail.example.org"
    as_ada.post(f"/people/{alice.pk}/link/")
    assert mail.outbox[0].subject == "Studio: choose a new password"


def test_somebody_switched_off_gets_no_link(as_ada: Client, ada: User, alice: User):
    actions.switch_off(alice, by=ada)
    assert "Switch them on first." in as_ada.post(f"/people/{alice.pk}/link/", follow=True).content.decode()


def test_a_link_that_a_member_made_ends_when_the_role_rises(ada: User, alice: User):
    """Whoever holds a link becomes that person: an owner of a project must not come in as an admin."""
    erin, token = actions.invite("erin@example.org", role="member", by=alice)
    actions.change_role(erin, "admin", by=ada)
    assert AccessLink.live(token) is None
    token = actions.issue_link(erin, by=ada)
    actions.change_role(erin, "member", by=ada)
    assert AccessLink.live(token)


@pytest.mark.parametrize("path", ["/people/", "/people/1/role/", "/people/1/switch/", "/people/1/link/"])
def test_only_admins_come_to_people(alice: User, dave: User, path: str):
    for somebody in (alice, dave):
        assert signed_in(somebody).post(path).status_code == 403


def test_a_person_who_does_not_exist_is_not_found(as_ada: Client):
    assert as_ada.post("/people/999999/switch/", {"to": "off"}).status_code == 404


def test_a_line_end_in_a_name_adds_no_header_to_an_invitation(ada: User, settings: Settings):
    settings.EMAIL_URL = "smtp://mail.example.org"
    User.objects.filter(pk=ada.pk).update(name="Ada\nBcc: mallory@example.org")
    signed_in(ada).post("/people/", {"email": "erin@example.org", "role": "member"})
    assert mail.outbox[0].subject == "Ada Bcc: mallory[at]example[.]org invites you to Studio"
    assert mail.outbox[0].recipients() == ["erin@example.org"]
