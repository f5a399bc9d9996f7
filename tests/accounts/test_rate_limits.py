"""How often strangers may try: passwords, letters, links. Nobody flushes a counter, locks an owner out or keeps honest people waiting."""

import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core import mail
from django.core.cache import cache
from django.db import connection
from django.db.models import Q
from django.test import Client, RequestFactory
from pytest_django.fixtures import Settings

from studio.accounts.models import User
from studio.accounts.sign_in_limits import Tries
from studio.shared_state.models import Counter
from studio.web.too_many_requests import in_words
from tests.conftest import person, signed_in
from tests.long_run import LONG

LOGIN, RESET = "/accounts/login/", "/accounts/password/reset/"
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(autouse=True)
def _behind_a_proxy(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock of the counters stands, in the middle of a window, so that a slow machine sees the same answers."""
    at = int(time.time()) // 3600 * 3600 + 1830
    monkeypatch.setattr("time.time", lambda: float(at))
    settings.PROXIES = 1
    settings.EMAIL_URL = "smtp://mail.example.org"


def tried(email: str, *, password: str = "wrong", address: str = "203.0.113.1", browser: Client | None = None) -> str:  # noqa: S107 - of a test
    """What a sign-in with this password from this address is answered: in, wrong or refused."""
    answer = (browser or Client()).post(LOGIN, {"login": email, "password": password}, HTTP_X_FORWARDED_FOR=address)
    return "in" if answer.status_code == 302 else "refused" if "Too many tries" in answer.content.decode() else "wrong"


def use_up(email: str) -> None:
    """A hundred wrong passwords from a dozen networks."""
    answers = [tried(email, address=f"198.51.100.{number % 12 + 1}") for number in range(100)]
    assert answers == ["wrong"] * 100


def test_made_up_resets_do_not_bring_back_the_tries_of_an_account(alice: User, settings: Settings):
    use_up(alice.email)
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "sign_in": {**settings.RATE_LIMITS["sign_in"], "address": ()}}
    assert tried(alice.email, address="192.0.2.1") == "refused"
    for number in range(5_000 if LONG else 400):
        network = f"10.{number // 65_536 % 256}.{number // 20 // 256 % 256}.{number // 20 % 256}"
        assert Client().post(RESET, {"email": f"made-up-{number}@example.org"}, HTTP_X_FORWARDED_FOR=network).status_code == 302
    cache.clear()
    assert [tried(alice.email, address=f"192.0.2.{number}") for number in range(2, 6)] == ["refused"] * 4


def test_one_address_cannot_ask_for_any_number_of_letters(db: None):
    statuses = [Client().post(RESET, {"email": f"a{number}@example.org"}, HTTP_X_FORWARDED_FOR="203.0.113.1").status_code for number in range(25)]
    assert statuses == [302] * 20 + [429] * 5


def test_one_account_gets_few_letters_and_nobody_learns_whether_it_is_there(alice: User):
    pages = set()
    for number in range(8):
        for email in (alice.email, "nobody@example.org"):
            answer = Client().post(RESET, {"email": email}, HTTP_X_FORWARDED_FOR=f"203.0.113.{number}")
            pages.add((number, answer.status_code, answer.headers.get("Location")))
    assert len(pages) == 8
    assert len([letter for letter in mail.outbox if letter.to == [alice.email]]) == 5


@pytest.mark.django_db(transaction=True)
def test_of_twenty_six_wrong_passwords_at_once_ten_are_tried(alice: User):
    def one(_: int) -> str:
        try:
            return tried(alice.email)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(one, range(26)))
    assert sorted(answers) == ["refused"] * 16 + ["wrong"] * 10


@pytest.mark.django_db(transaction=True)
def test_many_honest_people_behind_one_address_sign_in_at_once():
    people = [person(f"p{number}@example.org") for number in range(60)]

    def one(user: User) -> str:
        try:
            return tried(user.email, password="correct horse")
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(one, people))
    assert answers == ["in"] * 60
    assert not Counter.objects.filter(used__gt=0).exists()


def test_passwords_that_are_checked_while_a_minute_ends_take_nobodys_tries(alice: User, monkeypatch: pytest.MonkeyPatch):
    clock = [float(int(time.time()) // 3600 * 3600 + 58)]
    monkeypatch.setattr("time.time", lambda: clock[0])
    request = RequestFactory().post(LOGIN)
    for _ in range(30):
        checked = [Tries(request, alice.email) for _ in range(10)]
        assert [tries.begin() for tries in checked] == [0] * 10
        clock[0] += 4
        for tries in checked:
            tries.end(right=True)
        clock[0] += 56
    assert not Counter.objects.filter(Q(used__gt=0) | Q(used_before__gt=0)).exists()


def test_guesses_at_many_accounts_from_one_address_end(db: None):
    for number in range(15):
        person(f"p{number}@example.org")
    assert [tried(f"p{number}@example.org") for number in range(15)] == ["wrong"] * 10 + ["refused"] * 5


def test_ones_own_right_password_does_not_give_back_guesses_at_others(alice: User, bob: User):
    answers = []
    for _ in range(12):
        answers.append(tried(bob.email))
        tried(alice.email, password="correct horse")
    assert answers == ["wrong"] * 10 + ["refused"] * 2


@pytest.mark.parametrize(("addresses", "refused"), [("2001:db8:0:1::{:x}", True), ("2001:db8:0:{:x}::1", False)])
def test_an_ipv6_customer_is_one_network(alice: User, addresses: str, refused: bool):
    answers = [tried(alice.email, address=addresses.format(number + 1)) for number in range(11)]
    assert (answers[-1] == "refused") == refused


def test_a_wide_ipv6_network_is_counted_too(alice: User, settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("time.time", lambda: 1_800_000_000.0)  # however long the tries take
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "sign_in": {"address": settings.RATE_LIMITS["sign_in"]["address"]}}
    answers = [tried(alice.email, address=f"2001:db8:0:{number:x}::1") for number in range(1, 170)]
    assert answers.count("wrong") == 160


def test_strangers_cannot_lock_the_owner_of_an_account_out(alice: User):
    hers = Client()
    assert tried(alice.email, password="correct horse", browser=hers) == "in"
    hers.post("/accounts/logout/")
    use_up(alice.email)
    assert tried(alice.email, password="correct horse", address="192.0.2.1") == "refused"
    assert tried(alice.email, password="correct horse", address="192.0.2.1", browser=hers) == "in"


def test_a_known_browser_has_few_tries_and_none_at_other_accounts(alice: User, bob: User):
    hers = Client()
    tried(alice.email, password="correct horse", browser=hers)
    hers.post("/accounts/logout/")
    use_up(bob.email)
    assert tried(bob.email, address="192.0.2.1", browser=hers) == "refused"
    answers = [tried(alice.email, address=f"192.0.2.{number}", browser=hers) for number in range(15)]
    assert answers == ["wrong"] * 10 + ["refused"] * 5


def test_others_behind_the_same_address_cannot_lock_a_known_browser_out(alice: User, bob: User):
    hers = Client()
    tried(alice.email, password="correct horse", browser=hers)
    hers.post("/accounts/logout/")
    assert [tried(bob.email) for _ in range(11)] == ["wrong"] * 10 + ["refused"]
    assert tried(alice.email, password="correct horse") == "refused"
    assert tried(alice.email, password="correct horse", browser=hers) == "in"


def test_a_new_password_clears_the_tries_of_a_known_browser_too(alice: User):
    hers = Client()
    tried(alice.email, password="correct horse", browser=hers)
    hers.post("/accounts/logout/")
    assert [tried(alice.email, browser=hers) for _ in range(11)] == ["wrong"] * 10 + ["refused"]
    alice.set_password("battery staple 7")
    alice.save()
    assert tried(alice.email, password="battery staple 7", browser=hers) == "in"


def test_a_browser_is_unknown_again_after_signing_out_everywhere(alice: User):
    hers = Client()
    tried(alice.email, password="correct horse", browser=hers)
    signed_in(alice).post("/me/sign-out-elsewhere/")
    use_up(alice.email)
    assert tried(alice.email, password="correct horse", address="192.0.2.1", browser=hers) == "refused"


@pytest.mark.parametrize("cookie", ["", "x", "a:b:c", "{}", "é" * 5000])
def test_a_forged_cookie_of_a_known_browser_is_none(alice: User, cookie: str):
    browser = Client()
    browser.cookies["known"] = cookie
    use_up(alice.email)
    assert tried(alice.email, address="192.0.2.1", browser=browser) == "refused"


def test_a_new_password_clears_the_tries_of_the_account(alice: User):
    browser = signed_in(alice)
    use_up(alice.email)
    form = {"oldpassword": "correct horse", "password1": "battery staple 7", "password2": "battery staple 7"}
    assert browser.post("/accounts/password/change/", form).status_code == 302
    assert tried(alice.email, password="battery staple 7", address="192.0.2.1") == "in"


def test_somebody_who_guesses_links_is_refused_and_whoever_has_one_is_not(db: None):
    statuses = [Client().get(f"/in/guess-{number}/", HTTP_X_FORWARDED_FOR="203.0.113.1").status_code for number in range(31)]
    assert statuses == [404] * 30 + [429]


def test_a_refusal_says_when_and_offers_what_was_typed_again(alice: User, settings: Settings):
    settings.PROXIES = 0
    for number in range(20):
        Client().post(RESET, {"email": f"a{number}@example.org"})
    answer = Client().post(RESET, {"email": '"><b>@example.org'})
    page = answer.content.decode()
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 120
    assert re.search(r"Try again in \d+ (seconds|minutes?)\.", page)
    assert "&quot;&gt;&lt;b&gt;@example.org</textarea>" in page
    assert "<b>" not in page


def test_a_password_is_never_put_into_a_page(alice: User):
    browser = signed_in(alice)
    form = {"oldpassword": "wrong", "password1": "battery staple 7", "password2": "battery staple 7"}
    answers = [browser.post("/accounts/password/change/", form) for _ in range(6)]
    assert answers[-1].status_code == 429
    assert "battery" not in answers[-1].content.decode()


def test_nothing_of_ours_uses_the_librarys_limits_in_the_cache():
    found = subprocess.run(["git", "grep", "-nE", "ratelimit", "--", "studio"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.stdout == ""


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "1 second"), (40, "40 seconds"), (60, "1 minute"), (91, "2 minutes"), (3600, "1 hour"), (90_000, "25 hours"), (200_000, "3 days")],
)
def test_a_wait_is_said_in_words(seconds: int, words: str):
    assert in_words(seconds) == words
