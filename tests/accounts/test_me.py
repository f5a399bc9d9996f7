"""One's own page, and what it does to every other page."""

from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.test import RequestFactory

from studio.accounts import door
from studio.accounts.models import AuditEvent, User
from tests.conftest import signed_in


def test_a_person_says_who_they_are(alice: User):
    browser = signed_in(alice)
    assert 'value="Alice"' in browser.get("/me/").content.decode()
    page = browser.post("/me/", {"name": "Alice Liddell", "time_zone": "Asia/Tokyo", "locale": "en-us"}, follow=True).content.decode()
    assert "Saved." in page
    alice.refresh_from_db()
    assert (alice.name, alice.time_zone, alice.locale) == ("Alice Liddell", "Asia/Tokyo", "en-us")
    assert AuditEvent.objects.get(action="person.described").before == {"name": "Alice", "locale": "", "time_zone": ""}


def test_saving_the_same_again_is_no_event(alice: User):
    signed_in(alice).post("/me/", {"name": "Alice", "time_zone": "", "locale": ""})
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize("wrong", [{"time_zone": "Mars/Olympus"}, {"locale": "tlh"}, {"name": ""}])
def test_what_cannot_be_is_refused_beside_its_field(alice: User, wrong: dict[str, str]):
    response = signed_in(alice).post("/me/", {"name": "Alice", "time_zone": "", "locale": "", **wrong})
    assert response.status_code == 422
    alice.refresh_from_db()
    assert (alice.name, alice.time_zone, alice.locale) == ("Alice", "", "")


def test_times_are_written_in_the_readers_time_zone(ada: User):
    User.objects.filter(pk=ada.pk).update(time_zone="Asia/Tokyo")
    browser = signed_in(ada)
    User.objects.filter(pk=ada.pk).update(last_login=datetime(2026, 11, 20, 20, 30, tzinfo=UTC))
    assert "21 Nov 2026, 05:30" in browser.get("/people/").content.decode()


def test_nobody_is_not_a_person():
    request = RequestFactory().get("/me/")
    request.user = AnonymousUser()
    with pytest.raises(PermissionDenied):
        door.person(request)
