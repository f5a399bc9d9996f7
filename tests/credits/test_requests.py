"""Asking for credits, and answering."""

import json
import re
from collections import Counter
from threading import Barrier, Thread
from typing import Any

import pytest
from django.core import mail
from django.db import close_old_connections, connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django_q.brokers import get_broker

from studio.accounts.models import AuditEvent, User
from studio.credits import ledger, request_mail, requests
from studio.credits.models import CreditRequest, Entry
from tests.conftest import person, signed_in

C = 1_000
PAGE = "/credits/requests/"
HTMX = {"HX-Request": "true"}


def asked(user: User, amount: int = 100, reason: str = "A clip in Tidewater") -> CreditRequest:
    return requests.ask(user, amount * C, reason=reason)


def words(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", response.content.decode()))


def answer(user: User, request: CreditRequest, **data: str) -> Any:
    return signed_in(user).post(reverse("credits_answer", args=[request.pk]), data, follow=True)


@pytest.mark.parametrize(
    ("missing", "suggested"), [(1, 50), (50, 50), (50.001, 100), (68, 100), (152, 200), (412, 500), (1_001, 2_000), (10**12, 10**9)]
)
def test_what_is_missing_is_rounded_up_to_something_sensible(missing, suggested):
    assert requests.sensible(round(missing * C)) == suggested * C


# Asking


def test_alice_asks_in_one_press_and_reads_whom_it_goes_to(alice, dave, tide):
    page = signed_in(alice).post("/credits/ask/", {"amount": "100", "reason": "A clip", "project": "tide"}, headers=HTMX)

    assert page.status_code == 200
    assert "You asked for 100 credits" in words(page)
    assert "Goes to Dave." in words(page)
    made = CreditRequest.objects.get()
    assert (made.user, made.amount, made.reason, made.project, made.state) == (alice, 100 * C, "A clip", tide, "open")
    assert AuditEvent.objects.get().action == "request.asked"


def test_a_person_has_one_open_request(alice):
    asked(alice)

    with pytest.raises(requests.CannotAsk):
        asked(alice)
    page = signed_in(alice).post("/credits/ask/", {"amount": "50", "reason": "More"})

    assert page.status_code == 422
    assert CreditRequest.objects.count() == 1


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"amount": "", "reason": "x"}, "Enter a number of credits"),
        ({"amount": "-5", "reason": "x"}, "Enter more than 0."),
        ({"amount": "1,5", "reason": "x"}, "A comma separates thousands"),
        ({"amount": "50", "reason": ""}, "Say what for"),
    ],
)
def test_what_cannot_be_asked_is_said_beside_its_field(alice, data, said):
    page = signed_in(alice).post("/credits/ask/", data)

    assert page.status_code == 422
    assert said in words(page)
    assert not CreditRequest.objects.exists()


def test_a_foreign_project_is_left_out_of_a_request(mallory, tide):
    signed_in(mallory).post("/credits/ask/", {"amount": "50", "reason": "x", "project": "TIDE"})

    assert CreditRequest.objects.get().project is None


def test_the_form_begins_with_what_is_missing(alice):
    page = signed_in(alice).get("/credits/ask/?amount=200&reason=A+clip")

    assert 'value="200"' in page.content.decode()
    assert 'value="A clip"' in page.content.decode()


def test_alice_takes_her_request_back_and_nobody_elses(alice, bob):
    mine, theirs = asked(alice), asked(bob)

    assert signed_in(alice).post(reverse("credits_withdraw", args=[mine.pk])).status_code == 302
    assert signed_in(alice).post(reverse("credits_withdraw", args=[theirs.pk])).status_code == 404

    assert dict(CreditRequest.objects.values_list("user__name", "state")) == {"Alice": "withdrawn", "Bob": "open"}
    assert asked(alice).is_open


# Answering


def test_dave_grants_what_was_asked_for_with_one_press_through_the_ledger(alice, dave):
    request = asked(alice)

    page = answer(dave, request, do="grant")

    assert "Granted 100 credits to Alice." in words(page)
    entry = Entry.objects.get()
    assert (entry.reference, entry.amount, entry.actor) == (f"request:{request.pk}", 100 * C, dave)
    assert entry.reason == "Asked for: A clip in Tidewater"
    event = AuditEvent.objects.get(action="credits.granted")
    assert (event.actor, event.before, event.after) == (dave, {"millicredits": 0}, {"millicredits": 100 * C})
    assert ledger.verify() == []


def test_dave_grants_another_amount_with_a_note(alice, dave):
    answer(dave, asked(alice), do="grant", amount="60", note="Enough for one")

    assert ledger.account_of(alice).free == 60 * C
    toast = words(signed_in(alice).get("/credits/"))
    assert "Dave granted you 60 credits of the 100 that you asked for. Enough for one" in toast


def test_a_declined_request_moves_nothing_and_is_told_until_a_page_has_shown_it(alice, dave):
    before = ledger.account_of(alice).version

    answer(dave, asked(alice), do="decline", note="Next week")

    assert not Entry.objects.exists()
    assert ledger.account_of(alice).version > before  # an open board asks anew
    said = "Dave declined your request for 100 credits. Next week"
    browser = signed_in(alice)
    assert said in words(browser.get("/me/"))
    assert said in words(browser.get("/me/"))  # the first page may not have arrived
    signed_in(dave).post("/credits/requests/told/", {"id": CreditRequest.objects.get().pk})
    assert said in words(browser.get("/me/"))
    assert browser.post("/credits/requests/told/", {"id": [CreditRequest.objects.get().pk, "x"]}).status_code == 204
    assert said not in words(browser.get("/me/"))


def test_the_board_says_an_answer_again_until_the_page_has_shown_it(alice, dave, tide):
    answer(dave, asked(alice), do="decline", note="Next week")
    browser = signed_in(alice)

    first = browser.get("/p/TIDE/pulse/", headers=HTMX)
    toast = json.loads(first.headers["HX-Trigger"])["toast"]
    assert "Next week" in toast["text"]
    assert json.loads(browser.get("/p/TIDE/pulse/", headers=HTMX).headers["HX-Trigger"])["toast"] == toast

    browser.post(toast["told"]["post"], {"id": toast["told"]["ids"]})
    assert "HX-Trigger" not in browser.get("/p/TIDE/pulse/", headers=HTMX).headers


def test_a_wrong_amount_is_said_beside_its_request_and_nothing_moves(alice, dave):
    request = asked(alice)

    page = answer(dave, request, do="grant", amount="plenty", note="kept")

    assert page.status_code == 422
    assert "Use digits only" in words(page)
    assert 'value="kept"' in page.content.decode()
    assert not Entry.objects.exists()


def test_somebody_who_left_is_given_nothing(alice, dave):
    request = asked(alice)
    alice.is_active = False
    alice.save()

    page = answer(dave, request, do="grant")

    assert "no longer active" in words(page)
    assert CreditRequest.objects.get().is_open


def test_the_second_manager_is_told_who_was_quicker(alice, dave, ada):
    request = asked(alice)

    answer(dave, request, do="grant")
    page = answer(ada, request, do="decline")

    assert "Dave has granted Alice 100 credits already." in words(page)
    assert CreditRequest.objects.get().state == "granted"
    assert not AuditEvent.objects.filter(action="request.declined").exists()


@pytest.mark.django_db(transaction=True)
def test_of_managers_who_answer_at_the_same_moment_one_wins(alice, dave, ada):
    request = asked(alice)
    said: Counter[str] = Counter()
    together = Barrier(6)

    def answered(number: int) -> None:
        mine = CreditRequest.objects.select_related("user").get(pk=request.pk)
        together.wait()
        try:
            if number % 2:
                requests.decline(mine, note="No", by=ada)
            else:
                requests.grant(mine, 100 * C, by=dave)
            said["won"] += 1
        except requests.CannotAnswer:
            said["late"] += 1
        finally:
            close_old_connections()
            connection.close()

    threads = [Thread(target=answered, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert said == {"won": 1, "late": 5}
    request.refresh_from_db()
    assert ledger.account_of(alice).free == request.answer_amount
    assert Entry.objects.count() == (request.state == "granted")
    assert ledger.verify() == []


# Where managers work


def test_managers_see_how_many_wait_and_others_pay_no_query_for_it(alice, dave, bob):
    asked(bob)

    assert "1 waiting for an answer" in words(signed_in(dave).get("/me/"))
    browser = signed_in(alice)
    with CaptureQueriesContext(connection) as queries:
        page = browser.get("/me/")
    assert "waiting for an answer" not in words(page)
    assert not [query for query in queries if "COUNT" in query["sql"] and "creditrequest" in query["sql"]]


def test_the_list_costs_the_same_for_many(dave):
    def cost() -> int:
        browser = signed_in(dave)
        with CaptureQueriesContext(connection) as queries:
            assert browser.get(PAGE).status_code == 200
        return len(queries)

    asked(person("p0@example.org"))
    few = cost()
    for number in range(1, 12):
        request = asked(person(f"p{number}@example.org"))
        if number % 2:
            requests.decline(request, note="", by=dave)
    assert cost() == few


def test_an_empty_list_says_what_appears_there(dave):
    text = words(signed_in(dave).get(PAGE))

    assert "Nobody waits for credits." in text
    assert "Nothing was answered yet." in text


def test_answered_requests_go_on_page_by_page(dave, settings):
    for number in range(requests.PAGE + 2):
        requests.decline(asked(person(f"p{number}@example.org")), note="", by=dave)

    first = signed_in(dave).get(PAGE)
    second = signed_in(dave).get(f"{PAGE}?before={first.context['older']}")

    assert len(first.context["answered"]) == requests.PAGE
    assert len(second.context["answered"]) == 2
    assert second.context["older"] is None


# Letters


@pytest.fixture
def mails(settings, db):
    settings.EMAIL_URL = "smtp://mail.example.org"
    get_broker().purge_queue()


def test_managers_and_the_one_who_asked_hear_of_it_through_the_queue(mails, alice, dave, ada, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        request = asked(alice)
    with django_capture_on_commit_callbacks(execute=True):
        requests.grant(request, 80 * C, by=dave)
    assert get_broker().queue_size() == 2

    CreditRequest.objects.update(state="open", answered_at=None, answer_amount=0)
    assert request_mail.tell_managers(request.pk) == 2
    CreditRequest.objects.update(state="granted", answered_at="2026-11-26T00:00Z", answer_amount=80 * C)
    assert request_mail.tell_person(request.pk) == 1

    assert [letter.subject for letter in mail.outbox] == ["Studio: Alice asks for 100 credits"] * 2 + ["Studio: 80 credits for you"]
    assert {letter.to[0] for letter in mail.outbox[:2]} == {dave.email, ada.email}
    assert "A clip in Tidewater" in mail.outbox[0].body


def test_nobody_is_written_to_about_what_was_answered_meanwhile(mails, alice, dave):
    request = asked(alice)
    requests.decline(request, note="", by=dave)

    assert request_mail.tell_managers(request.pk) == 0


def test_a_mail_server_that_is_away_stops_nothing(mails, settings, alice, dave):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9

    assert request_mail.tell_managers(asked(alice).pk) == 0


def test_without_a_mail_server_nothing_is_queued(alice, django_capture_on_commit_callbacks):
    get_broker().purge_queue()
    with django_capture_on_commit_callbacks(execute=True):
        asked(alice)

    assert get_broker().queue_size() == 0
