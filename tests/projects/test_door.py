"""The one door of a project."""

import re

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.test import RequestFactory

from studio.accounts.models import User
from studio.projects.door import REFUSALS, enter
from studio.projects.models import Membership, Project
from tests.conftest import person, signed_in


def asking(user: User | AnonymousUser) -> HttpRequest:
    request = RequestFactory().get("/")
    request.user = user
    return request


@pytest.mark.parametrize(
    ("role", "may"),
    [
        ("owner", {"look", "decide", "make", "own"}),
        ("maker", {"look", "decide", "make"}),
        ("reviewer", {"look", "decide"}),
        ("viewer", {"look"}),
    ],
)
def test_each_role_may_do_what_its_name_says(tide: Project, role: str, may: set[str]):
    erin = person("erin@example.org")
    Membership.objects.create(project=tide, user=erin, role=role)
    for act in ("look", "decide", "make", "own"):
        if act in may:
            entry = enter(asking(erin), "TIDE", to=act)
            assert (entry.may_make, entry.may_own) == ("make" in may, "own" in may)
        else:
            with pytest.raises(PermissionDenied, match=re.escape(REFUSALS[act])):
                enter(asking(erin), "TIDE", to=act)


def test_a_code_is_accepted_in_small_letters(tide: Project, alice: User):
    assert enter(asking(alice), "tide").project == tide


def test_an_admin_enters_every_project_as_an_owner(tide: Project, ada: User):
    assert enter(asking(ada), "TIDE", to="own").role == "owner"


def test_strangers_nobody_and_people_switched_off_find_nothing(tide: Project, mallory: User, dave: User, alice: User):
    alice.is_active = False
    for somebody in (mallory, dave, alice, AnonymousUser()):
        with pytest.raises(Http404):
            enter(asking(somebody), "TIDE")


def body(user: User, path: str) -> tuple[int, str]:
    """Status and page, without the CSRF token and the nonce, which differ in every answer."""
    response = signed_in(user).get(path)
    page = re.sub(r'(X-CSRFToken": "|csrfmiddlewaretoken" value="|nonce=")[^"]*', r"\1", response.content.decode())
    return response.status_code, page


def test_a_foreign_project_looks_exactly_like_a_missing_one(tide: Project, mallory: User):
    foreign, missing = body(mallory, "/p/TIDE/settings/"), body(mallory, "/p/NONE/settings/")
    assert foreign == missing
    assert foreign[0] == 404
    assert "Tidewater" not in foreign[1]
