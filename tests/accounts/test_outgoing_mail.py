"""What leaves in e-mails: one line in subjects, no control characters, and no links made of names."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core import mail
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from studio.accounts.invitations import one_line
from studio.accounts.models import User
from studio.credits import request_mail
from studio.credits.models import CreditRequest
from studio.plain_text import unlinked
from studio.projects import asking_mail

STUDIO = Path(settings.BASE_DIR) / "studio"
EVIL = "Eve\r\nBcc: all@example.org http://evil.example/x www.evil.example \x1b[31m\u202e"
LINK = re.compile(r"\w\.\w{2,}|://|\S@\S")


@pytest.mark.parametrize(
    "name",
    ["http://evil.example", "evil.example", "evil\N{IDEOGRAPHIC FULL STOP}example", "me@evil.example", "https://1.2.3.44/", "mailto:a@b", EVIL],
)
def test_a_name_becomes_no_link(name: str):
    assert not LINK.search(unlinked(name))
    assert unlinked(name).isprintable()


@pytest.mark.parametrize("name", ["Ada Lovelace", "J.R. Smith", "Dr. No", "Zoë", "Tide: the film", "50 % @ night"])
def test_an_honest_name_stays(name: str):
    assert unlinked(name) == name


@pytest.mark.parametrize("letter", ["asked", "invited"])
def test_letters_to_admins_hold_no_links_of_names(letter: str, ada: User, settings: Settings):
    asking_mail.tell_admins(letter, one_line(EVIL), "new@example.org", one_line(EVIL))
    (sent,) = mail.outbox

    assert "\n" not in sent.subject
    assert "evil.example" not in sent.subject + str(sent.body)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", str(sent.body))


def test_a_request_for_credits_holds_no_links_of_names(ada: User, alice: User):
    User.objects.filter(pk=alice.pk).update(name=EVIL)
    made = CreditRequest.objects.create(user=alice, amount=1_000, reason="more\x1b[31m\nplease")
    request_mail.tell_managers(made.pk)
    sent = mail.outbox[0]

    assert "evil.example" not in sent.subject + str(sent.body)
    assert "more[31m\nplease" in str(sent.body)


def test_the_library_s_letter_about_a_password_is_cleaned_as_ours_are(client: Client, alice: User, settings: Settings):
    User.objects.filter(pk=alice.pk).update(name=EVIL)
    settings.EMAIL_URL = "smtp://mail.example.org"
    settings.TEAM_NAME = "Team\u202e\x1b"
    settings.PUBLIC_URL = "https://studio.example.org"
    client.post(reverse("account_reset_password"), {"email": alice.email})
    (sent,) = mail.outbox

    assert sent.subject == "Team: Choose a new password"
    assert "Hello Eve" in str(sent.body)
    assert "evil.example" not in str(sent.body)
    assert "https://studio.example.org/" in str(sent.body)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", str(sent.body))


def test_every_letter_goes_through_one_function():
    senders = {
        path.relative_to(STUDIO).as_posix()
        for path in STUDIO.rglob("*.py")
        if re.search(r"import send_mail|EmailMessage|EmailMultiAlternatives", path.read_text())
    }
    assert senders == {"accounts/outgoing_mail.py"}
