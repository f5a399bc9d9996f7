"""Whose address counts behind so many proxies, whatever stands in X-Forwarded-For."""

import pytest
from django.test import Client, RequestFactory
from pytest_django.fixtures import Settings

from studio.accounts.client_address import NOBODY, client_address
from studio.accounts.models import AuditEvent, User

PROXY, CLIENT, LIE = "10.0.0.2", "203.0.113.7", "198.51.100.1"


@pytest.mark.parametrize(
    ("proxies", "told", "address"),
    [
        (0, CLIENT, PROXY),
        (1, CLIENT, CLIENT),
        (1, f"{LIE}, {CLIENT}", CLIENT),
        (2, f"{LIE}, {CLIENT}, 192.0.2.9", CLIENT),
        (2, CLIENT, CLIENT),  # it came past the outer one, such as a health check
        (1, "", PROXY),
        (1, "unknown", PROXY),
        (1, f"{LIE}, unknown", PROXY),
        (2, "unknown, 192.0.2.9", "192.0.2.9"),
        (1, f"{CLIENT}:51234", CLIENT),
        (1, f'"{CLIENT}"', CLIENT),
        (1, "[2001:db8::7]:51234", "2001:db8::7"),
        (1, "[2001:db8::7]", "2001:db8::7"),
        (1, "2001:db8::7", "2001:db8::7"),
        (1, "fe80::7%eth0", "fe80::7"),
        (1, "[fe80::7%eth0]:51234", "fe80::7"),
        (1, f"::ffff:{CLIENT}", CLIENT),
        (1, "_hidden", PROXY),
        (1, "999.1.1.1", PROXY),
        (1, " , ,", PROXY),
        (1, "for=203.0.113.7;proto=https", PROXY),
    ],
)
def test_whose_address_counts(proxies: int, told: str, address: str, settings: Settings):
    settings.PROXIES = proxies
    request = RequestFactory().get("/", REMOTE_ADDR=PROXY, HTTP_X_FORWARDED_FOR=told)

    assert client_address(request) == address


def test_a_request_without_any_address_has_one_all_the_same(settings: Settings):
    assert client_address(RequestFactory().get("/", REMOTE_ADDR="")) == NOBODY


@pytest.mark.parametrize("told", ["unknown", "_hidden", "", "not an address, unknown"])
def test_nobody_is_turned_away_for_what_a_proxy_says(told: str, alice: User, settings: Settings):
    settings.PROXIES = 1
    answer = Client().post("/accounts/login/", {"login": alice.email, "password": "correct horse"}, HTTP_X_FORWARDED_FOR=told)

    assert answer.status_code == 302


def test_behind_two_proxies_people_are_throttled_by_their_own_address(alice: User, settings: Settings):
    settings.PROXIES = 2

    def tried(address: str) -> str:
        told = f"{address}, 192.0.2.9"
        answer = Client().post("/accounts/login/", {"login": "bob@example.org", "password": "wrong"}, HTTP_X_FORWARDED_FOR=told)
        return "refused" if "Too many tries" in answer.content.decode() else "tried"

    assert [tried(CLIENT) for _ in range(12)] == ["tried"] * 10 + ["refused"] * 2
    assert tried(LIE) == "tried"


def test_the_record_of_changes_has_the_clients_address(ada: User, settings: Settings):
    settings.PROXIES = 2
    browser = Client()
    browser.post("/accounts/login/", {"login": ada.email, "password": "correct horse"}, HTTP_X_FORWARDED_FOR=f"{CLIENT}, 192.0.2.9")
    browser.post("/accounts/password/change/", {"oldpassword": "correct horse", "password1": "battery staple 7", "password2": "battery staple 7"},
                 HTTP_X_FORWARDED_FOR=f"{CLIENT}, 192.0.2.9")  # fmt: skip

    assert AuditEvent.objects.get(action="person.password").address == CLIENT
