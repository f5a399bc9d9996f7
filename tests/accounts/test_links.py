"""The links that let one person in, once."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from studio.accounts import actions
from studio.accounts.models import AccessLink, AuditEvent, User
from tests.conftest import signed_in

GOOD = {"name": "Erin Example", "password1": "a better battery", "password2": "a better battery"}
WEEK = timedelta(days=7)


@pytest.fixture
def invited(ada: User) -> tuple[User, str]:
    return actions.invite("erin@example.org", role="member", by=ada)


def is_signed_in(client: Client) -> bool:
    return client.get("/me/").status_code == 200


def test_an_invited_person_gives_a_name_and_a_password_and_is_in(client: Client, invited: tuple[User, str]):
    erin, token = invited
    assert "erin@example.org" in client.get(f"/in/{token}/").content.decode()
    assert client.post(f"/in/{token}/", GOOD).headers["Location"] == "/"
    erin.refresh_from_db()
    assert (erin.name, erin.is_active, erin.check_password("a better battery")) == ("Erin Example", True, True)
    assert is_signed_in(client)
    assert AuditEvent.objects.get(action="person.joined").actor == erin


def test_opening_an_invitation_does_not_use_it_up(client: Client, invited: tuple[User, str]):
    for _ in range(3):
        assert client.get(f"/in/{invited[1]}/").status_code == 200
    assert not is_signed_in(client)


def test_a_used_invitation_says_so(client: Client, invited: tuple[User, str]):
    client.post(f"/in/{invited[1]}/", GOOD)
    second = Client().get(f"/in/{invited[1]}/")
    assert second.status_code == 410
    assert "This link was used already" in second.content.decode()


def test_two_people_with_one_form_let_in_one(invited: tuple[User, str]):
    erin, token = invited
    link, same = AccessLink.of(token), AccessLink.of(token)
    assert link
    assert same
    assert actions.accept(link, name="Erin", password="a better battery")
    assert not actions.accept(same, name="Mallory", password="mallory's battery")
    erin.refresh_from_db()
    assert erin.name == "Erin"


@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_once_on_a_sign_in_link_let_in_one(ada: User):
    token = AccessLink.make(ada, kind="sign_in", lifetime=WEEK)
    start, answers = threading.Barrier(2), []

    def click() -> None:
        start.wait()
        answers.append(Client().post(f"/in/{token}/").status_code)
        connection.close()

    clicks = [threading.Thread(target=click) for _ in range(2)]
    for thread in clicks:
        thread.start()
    for thread in clicks:
        thread.join()
    assert sorted(answers) == [302, 410]


def test_a_sign_in_link_signs_in_once_and_is_written_down(client: Client, ada: User):
    token = AccessLink.make(ada, kind="sign_in", lifetime=WEEK)
    assert client.post(f"/in/{token}/").headers["Location"] == "/"
    assert is_signed_in(client)
    assert Client().get(f"/in/{token}/").status_code == 410
    event = AuditEvent.objects.get(action="person.signed_in_by_link")
    assert (event.actor, event.address) == (ada, "127.0.0.1")


def test_whatever_looks_at_a_sign_in_link_neither_uses_it_up_nor_is_let_in(client: Client, ada: User):
    token = AccessLink.make(ada, kind="sign_in", lifetime=WEEK)
    scanner = Client(headers={"User-Agent": "PreviewBot/1.0"})
    assert scanner.head(f"/in/{token}/").status_code == 405
    assert "Sign in as Ada" in scanner.get(f"/in/{token}/").content.decode()
    assert not is_signed_in(scanner)
    assert client.post(f"/in/{token}/").status_code == 302


def test_a_sign_in_link_does_not_work_from_another_site(ada: User):
    token = AccessLink.make(ada, kind="sign_in", lifetime=WEEK)
    browser = Client(enforce_csrf_checks=True)
    assert browser.post(f"/in/{token}/").status_code == 403
    assert AccessLink.live(token) is not None


def test_a_new_password_ends_the_links_that_would_set_another_one(client: Client, ada: User, alice: User):
    token = actions.issue_link(alice, by=ada)
    form = {"oldpassword": "correct horse", "password1": "a better battery", "password2": "a better battery"}
    assert signed_in(alice).post("/accounts/password/change/", form).status_code == 302
    assert client.get(f"/in/{token}/").status_code == 410


def test_accepting_an_invitation_ends_every_other_link_and_session(ada: User, alice: User):
    thief, other = signed_in(alice), AccessLink.make(alice, kind="sign_in", lifetime=WEEK)
    token = actions.issue_link(alice, by=ada)
    assert Client().post(f"/in/{token}/", {**GOOD, "name": "Alice"}).status_code == 302
    assert not is_signed_in(thief)
    assert AccessLink.live(other) is None


def test_an_expired_link_says_whom_to_ask(client: Client, invited: tuple[User, str]):
    AccessLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    response = client.get(f"/in/{invited[1]}/")
    assert response.status_code == 410
    assert "Ask Ada for a new one" in response.content.decode()
    assert client.post(f"/in/{invited[1]}/", GOOD).status_code == 410


def test_an_expired_link_that_nobody_made_by_hand_says_how_to_make_another(client: Client, ada: User):
    token = AccessLink.make(ada, kind="sign_in", lifetime=-WEEK)
    assert "manage.py sign_in_link" in client.get(f"/in/{token}/").content.decode()


def test_an_unknown_link_is_not_found_and_says_what_to_do(client: Client, db: None):
    response = client.get("/in/abcdefgh/")
    assert response.status_code == 404
    assert "Copy it again, whole" in response.content.decode()


def test_a_newer_link_ends_the_one_before(client: Client, ada: User, invited: tuple[User, str]):
    erin, old = invited
    new = actions.issue_link(erin, by=ada)
    assert client.get(f"/in/{old}/").status_code == 410
    assert client.get(f"/in/{new}/").status_code == 200


def test_a_link_does_not_open_for_somebody_switched_off(client: Client, ada: User, alice: User):
    token = AccessLink.make(alice, kind="sign_in", lifetime=WEEK)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert client.get(f"/in/{token}/").status_code == 410
    assert AccessLink.live(token) is None


def test_a_link_for_somebody_else_ends_the_session_that_was_open(client: Client, ada: User, alice: User):
    client.force_login(alice)
    address = f"/in/{AccessLink.make(ada, kind='sign_in', lifetime=WEEK)}/"
    assert "It signs Alice out of this browser." in client.get(address).content.decode()
    client.post(address)
    assert client.get("/people/").status_code == 200


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"password2": "something else"}, "The two passwords differ."),
        ({"password1": "short", "password2": "short"}, "too short"),
        ({"password1": "erin@example.org", "password2": "erin@example.org"}, "too similar"),
        ({"name": ""}, "required"),
        ({"password1": ""}, "required"),
    ],
)
def test_what_is_wrong_with_the_form_stands_beside_it(client: Client, invited: tuple[User, str], change: dict[str, str], sentence: str):
    response = client.post(f"/in/{invited[1]}/", {**GOOD, **change})
    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert client.post(f"/in/{invited[1]}/", GOOD).status_code == 302


def test_only_the_hash_of_a_token_is_kept(invited: tuple[User, str]):
    link = AccessLink.objects.get()
    assert invited[1] not in str(vars(link))
    assert str(link) == "Invitation for erin@example.org"


def test_trying_tokens_is_slowed_down(client: Client, db: None):
    statuses = [client.get(f"/in/guess{number}/").status_code for number in range(31)]
    assert statuses == [404] * 30 + [429]
