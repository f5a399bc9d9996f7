"""Which passwords are refused as too easy to guess."""

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.test import Client
from pytest_django.fixtures import Settings

from studio.accounts.models import User
from studio.accounts.passwords import MOST_MEASURED, StrengthValidator

EASY = [
    "Viewer Person",
    "viewerperson",
    "Person.Viewer",
    "studio2026!",
    "Northlight2026",
    "northlight!!",
    "hunter2hunter2",
    "qwertyuiop12",
    "aaaaaaaaaaaa",
]
GOOD = ["a better battery", "correct horse", "mallory's battery", "Grüße aus dem Süden 7", "日本語のとても長い言葉遣い"]


@pytest.fixture
def viewer(settings: Settings) -> User:
    settings.TEAM_NAME = "Northlight"
    return User(email="v.person@example.org", name="Viewer Person")


@pytest.mark.parametrize("password", EASY)
def test_a_password_of_names_and_common_words_is_refused(viewer: User, password: str):
    with pytest.raises(ValidationError):
        validate_password(password, viewer)


@pytest.mark.parametrize("password", GOOD)
def test_a_password_of_uncommon_words_is_taken(viewer: User, password: str):
    validate_password(password, viewer)


def test_no_more_than_the_start_of_a_long_password_is_measured():
    StrengthValidator().validate("a better battery staple " * 5000)
    with pytest.raises(ValidationError):
        StrengthValidator().validate("a" * MOST_MEASURED + "x" * 5000)


def test_the_refusal_says_what_to_do_beside_the_field(client: Client, alice: User):
    client.force_login(alice)
    new = {"oldpassword": "correct horse", "password1": "alice alice alice", "password2": "alice alice alice"}
    assert "Use several uncommon words" in client.post("/accounts/password/change/", new).content.decode()
