"""Whoever's session ends, by their own press or the server's, leaves nothing in the browser."""

import time
from collections.abc import Callable

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from studio.accounts import actions
from studio.accounts.models import User
from studio.accounts.session_age import SIGNED_IN_AT

CLEARED = '"cache", "storage"'


def too_old(browser: Client) -> None:
    session = browser.session
    session[SIGNED_IN_AT] = int(time.time()) - 400 * 86_400
    session.save()


def row_gone(_browser: Client) -> None:
    Session.objects.all().delete()


def another_stamp(_browser: Client) -> None:
    person = User.objects.get(name="Alice")
    actions.end_sessions(person, by=person)


def test_signing_out_tells_the_browser_to_delete_what_it_has(as_alice: Client):
    answer = as_alice.post("/accounts/logout/")

    assert (answer.status_code, answer.headers["Clear-Site-Data"]) == (302, CLEARED)
    assert "Clear-Site-Data" not in as_alice.get("/accounts/login/").headers


@pytest.mark.parametrize("end", [too_old, row_gone, another_stamp])
@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}], ids=["page", "part"])
def test_a_session_that_the_server_ends_does_so_too(as_alice: Client, end: Callable[[Client], None], headers: dict[str, str]):
    as_alice.get("/me/")
    end(as_alice)
    answer = as_alice.get("/me/", headers=headers)

    assert answer.status_code == (401 if headers else 302)
    assert answer.headers["Clear-Site-Data"] == CLEARED
    assert "Clear-Site-Data" not in as_alice.get("/me/", headers=headers).headers


def test_nothing_is_deleted_while_somebody_is_signed_in_or_comes_in(client: Client, as_alice: Client, alice: User):
    for answer in (
        as_alice.get("/me/"),
        as_alice.get("/nothing/"),
        as_alice.post("/me/sign-out-elsewhere/"),
        Client().get("/accounts/login/"),
        Client().post("/accounts/login/", {"login": alice.email, "password": "correct horse"}),
    ):
        assert "Clear-Site-Data" not in answer.headers
