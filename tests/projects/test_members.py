"""Who belongs to a project, and who may say so."""

import re

import pytest
from django.core import mail
from django.test import Client
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from studio.accounts import actions as accounts
from studio.accounts.models import AuditEvent, User
from studio.projects import actions
from studio.projects.models import Membership, Project
from tests.conftest import person, signed_in

SETTINGS = "/p/TIDE/settings/"


@pytest.fixture
def as_bob(bob: User, tide: Project) -> Client:
    return signed_in(bob)


def link_on(page: str) -> str:
    """The path of the link that the page shows."""
    return page.partition('data-copy="http://testserver')[2].partition('"')[0]


def role_of(user: User) -> str:
    return Membership.objects.get(user=user, project__code="TIDE").role


def test_an_owner_adds_somebody_with_whom_they_share_a_project(as_bob: Client, bob: User, mallory: User):
    actions.start("Elsewhere", "ELSE", by=mallory)
    Membership.objects.create(project=Project.objects.get(code="ELSE"), user=bob, role="viewer")
    page = as_bob.post(f"{SETTINGS}members/", {"email": "Mallory@example.org", "role": "reviewer"}, follow=True).content.decode()
    assert "Mallory is now reviewer of Tidewater." in page
    assert role_of(mallory) == "reviewer"
    event = AuditEvent.objects.get(action="member.added")
    assert (event.actor, event.subject, event.after) == (bob, "TIDE mallory@example.org", {"role": "reviewer"})


def test_an_owner_invites_somebody_who_is_new_where_owners_may(as_bob: Client, settings: Settings):
    settings.EMAIL_URL, settings.INVITERS = "smtp://mail.example.org", "OWNERS"
    page = as_bob.post(f"{SETTINGS}members/", {"email": "erin@example.org", "role": "maker"}).content.decode()
    assert "Sent to erin@example.org" in page
    assert "/in/" not in page
    letter = str(mail.outbox[0].body)
    assert "invites you to the project Tidewater at Studio" in letter
    browser = Client()
    link = re.search(r"http://\S+(/in/\S+)", letter)
    assert link
    browser.post(link[1], {"name": "Erin", "password1": "a better battery", "password2": "a better battery"})
    assert browser.get("/").headers["Location"] == "/p/TIDE/"
    erin = User.objects.get(email="erin@example.org")
    assert (erin.role, role_of(erin)) == ("member", "maker")
    assert erin.email_proved_at


@pytest.mark.parametrize(
    ("email", "role", "sentence"),
    [
        ("alice@example.org", "viewer", "Alice is maker here already."),
        ("nonsense", "maker", "valid email"),
        ("erin@example.org", "king", "Select a valid"),
    ],
)
def test_what_cannot_be_added_says_why(as_bob: Client, email: str, role: str, sentence: str):
    response = as_bob.post(f"{SETTINGS}members/", {"email": email, "role": role})
    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert Membership.objects.count() == 3
    assert User.objects.count() == 3


def test_somebody_switched_off_is_not_added(ada: User, mallory: User, tide: Project):
    accounts.switch_off(mallory, by=ada)
    page = signed_in(ada).post(f"{SETTINGS}members/", {"email": mallory.email, "role": "maker"}).content.decode()
    assert "Mallory is switched off." in page


def test_everybody_inside_sees_the_members_and_only_owners_the_forms(as_bob: Client, alice: User, carol: User):
    for somebody in (alice, carol):
        page = signed_in(somebody).get(SETTINGS).content.decode()
        assert "bob@example.org" in page
        assert 'action="/p/TIDE/settings/' not in page
    assert 'action="/p/TIDE/settings/members/"' in as_bob.get(SETTINGS).content.decode()


@pytest.mark.parametrize("path", ["", "archive/", "members/", "members/1/role/", "members/1/remove/", "members/1/link/"])
def test_makers_and_viewers_change_nothing(alice: User, carol: User, tide: Project, path: str):
    for somebody in (alice, carol):
        response = signed_in(somebody).post(SETTINGS + path, {"role": "owner", "to": "archive", "name": "Mine"})
        assert response.status_code == 403
        assert "Only an owner of this project can do this." in response.content.decode()


def test_a_role_is_changed_and_written_down(as_bob: Client, alice: User):
    as_bob.post(f"{SETTINGS}members/{alice.pk}/role/", {"role": "owner"})
    assert role_of(alice) == "owner"
    event = AuditEvent.objects.get(action="member.role")
    assert (event.before, event.after) == ({"role": "maker"}, {"role": "owner"})
    as_bob.post(f"{SETTINGS}members/{alice.pk}/role/", {"role": "owner"})
    assert AuditEvent.objects.count() == 1


def test_an_unknown_role_changes_nothing(as_bob: Client, alice: User):
    assert "There is no such role." in as_bob.post(f"{SETTINGS}members/{alice.pk}/role/", {"role": "king"}, follow=True).content.decode()
    assert role_of(alice) == "maker"


def test_the_last_owner_stays_one(as_bob: Client, bob: User):
    page = as_bob.post(f"{SETTINGS}members/{bob.pk}/role/", {"role": "maker"}, follow=True).content.decode()
    assert "Bob is the only owner." in page
    page = as_bob.post(f"{SETTINGS}members/{bob.pk}/remove/", follow=True).content.decode()
    assert "Bob is the only owner." in page
    assert role_of(bob) == "owner"
    assert not AuditEvent.objects.exists()


def test_of_two_owners_one_may_leave_and_then_sees_nothing(as_bob: Client, bob: User, alice: User, tide: Project):
    actions.change_role(Membership.objects.get(user=alice), "owner", by=bob)
    assert as_bob.post(f"{SETTINGS}members/{bob.pk}/remove/").headers["Location"] == "/"
    assert as_bob.get(SETTINGS).status_code == 404
    with pytest.raises(actions.NameAnotherOwner):
        actions.remove(Membership.objects.get(user=alice), by=alice)


def test_a_removed_member_is_a_stranger_at_once(as_bob: Client, alice: User):
    browser = signed_in(alice)
    page = as_bob.post(f"{SETTINGS}members/{alice.pk}/remove/", follow=True).content.decode()
    assert "Alice no longer belongs to Tidewater." in page
    assert browser.get(SETTINGS).status_code == 404
    assert AuditEvent.objects.get(action="member.removed").before == {"role": "maker"}


def test_removing_twice_is_one_event(bob: User, alice: User, tide: Project):
    membership, same = Membership.objects.get(user=alice), Membership.objects.get(user=alice)
    actions.remove(membership, by=bob)
    actions.remove(same, by=bob)
    assert AuditEvent.objects.count() == 1


def test_a_member_of_another_project_is_not_found(as_bob: Client, mallory: User):
    actions.start("Elsewhere", "ELSE", by=mallory)
    assert as_bob.post(f"{SETTINGS}members/{mallory.pk}/role/", {"role": "viewer"}).status_code == 404


def test_an_admin_who_is_not_a_member_changes_members(ada: User, alice: User, tide: Project):
    assert signed_in(ada).post(f"{SETTINGS}members/{alice.pk}/remove/").headers["Location"] == SETTINGS


def test_an_owner_renews_the_invitation_they_made_where_owners_may(as_bob: Client, bob: User, tide: Project, settings: Settings):
    settings.EMAIL_URL, settings.INVITERS = "", "OWNERS"
    membership, token = actions.add_member(tide, "erin@example.org", "maker", by=bob)
    page = as_bob.post(f"{SETTINGS}members/{membership.user_id}/link/").content.decode()
    assert Client().get(link_on(page)).status_code == 200
    assert Client().get(f"/in/{token}/").status_code == 410


def test_an_owner_gets_no_link_of_somebody_else(as_bob: Client, bob: User, ada: User, alice: User, tide: Project):
    """Whoever holds a link becomes that person: not one who is in, nor one whom an admin invited, nor an admin to be."""
    invited_by_ada, _ = accounts.invite("erin@example.org", role="member", by=ada)
    mine, _ = actions.add_member(tide, "frank@example.org", "maker", by=bob)
    accounts.change_role(mine.user, "admin", by=ada)
    actions.add_member(tide, invited_by_ada.email, "maker", by=bob)
    for somebody in (alice, invited_by_ada, mine.user):
        page = as_bob.post(f"{SETTINGS}members/{somebody.pk}/link/", follow=True).content.decode()
        assert "Ask an admin." in page
        assert "data-copy" not in page


def test_an_admin_renews_any_invitation_of_a_project(ada: User, bob: User, tide: Project):
    membership, _ = actions.add_member(tide, "erin@example.org", "maker", by=bob)
    assert "data-copy" in signed_in(ada).post(f"{SETTINGS}members/{membership.user_id}/link/").content.decode()


def test_the_list_shows_who_has_not_come_in_and_who_is_off(as_bob: Client, bob: User, ada: User, carol: User, tide: Project, settings: Settings):
    settings.INVITERS = "OWNERS"
    actions.add_member(tide, "erin@example.org", "maker", by=bob)
    accounts.switch_off(carol, by=ada)
    page = as_bob.get(SETTINGS).content.decode()
    assert "Invited" in page
    assert "Switched off" in page
    assert "New link" in page


def test_the_list_needs_the_same_queries_for_any_number_of_members(
    as_bob: Client, bob: User, tide: Project, django_assert_max_num_queries: DjangoAssertNumQueries, django_assert_num_queries: DjangoAssertNumQueries
):
    actions.add_member(tide, "erin@example.org", "maker", by=bob)
    with django_assert_max_num_queries(15) as first:
        as_bob.get(SETTINGS)
    for number in range(10):
        actions.add_member(tide, f"guest{number}@example.org", "viewer", by=bob)
        Membership.objects.create(project=tide, user=person(f"friend{number}@example.org"), role="maker")
    with django_assert_num_queries(len(first)):
        as_bob.get(SETTINGS)
