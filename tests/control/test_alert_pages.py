"""The page on which an admin settles what an order costs, and where else an open alert is told of."""

import re
from collections.abc import Callable

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from studio.accounts.models import AuditEvent, User
from studio.control import doctor
from studio.credits import ledger
from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt, Job
from studio.projects.models import Project
from studio.routing.models import Connection
from tests.conftest import signed_in
from tests.jobs.rows import job_row

SAID = "Reported usage '0' quota says that the clip was free; the estimate was charged."


@pytest.fixture
def alert(tide: Project, alice: User, xai: Connection) -> Callable[..., Attempt]:
    """Makes a done order of Alice's with an open alert: 56 credits were charged, 12 reported."""

    def make(**fields: object) -> Attempt:
        job = job_row(tide, alice, xai, State.DONE)
        attempt = Attempt.objects.get(job=job)
        ledger.grant(alice, 100_000, key=f"for {job.code}", reason="A test", actor=None)
        ledger.hold(alice, 56_000, reference=str(attempt.pk), reason=job.code, project=tide, provider="xai")
        ledger.settle(str(attempt.pk), 56_000)
        facts = {"charged": 56_000, "estimate": 56_000, "charge_is_estimate": True, "alert": SAID, "answer": "<b>raw</b>"}
        usage = {"usage_amount": "1200000000", "usage_unit": "cost_in_usd_ticks", "rate_millicredits": 1, "rate_per_units": 100_000}
        Attempt.objects.filter(pk=attempt.pk).update(**{**facts, **usage, **fields})
        Job.objects.filter(pk=job.pk).update(charged=56_000, charge_is_estimate=True)
        attempt.refresh_from_db()
        return attempt

    return make


@pytest.fixture
def admin(ada: User) -> Client:
    return signed_in(ada)


def words(answer: bytes) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", answer.decode()).split())


def settle(admin: Client, attempt: Attempt, **fields: str):
    given = {"choice": "keep", "amount": "", "reason": "their invoice says so", "alert": attempt.alert, **fields}
    return admin.post(f"/control/alerts/{attempt.pk}/settle/", given)


def test_an_empty_page_says_what_it_is_for(admin: Client):
    assert "No open alerts" in words(admin.get("/control/alerts/").content)


def test_an_alert_shows_what_was_said_and_what_each_decision_comes_to(admin: Client, alert: Callable[..., Attempt]):
    attempt = alert()
    page = admin.get("/control/alerts/")
    told = words(page.content)
    for sentence in (
        "says that the clip was free",
        "Keep what was charged 56 credits",
        "Charge what was reported 12 credits",
        "Charge the estimate 56 credits",
        "Charge another amount",
    ):
        assert sentence in told
    assert "&lt;b&gt;raw" in page.content.decode()
    assert f"alert-{attempt.pk}" in page.content.decode()


@pytest.mark.parametrize(("fields", "charged"), [({"choice": "reported"}, 12_000), ({"choice": "other", "amount": "7.5"}, 7_500), ({}, 56_000)])
def test_a_decision_moves_the_credits_and_is_recorded(
    fields: dict[str, str], charged: int, admin: Client, ada: User, alice: User, alert: Callable[..., Attempt]
):
    attempt = alert()
    answer = settle(admin, attempt, **fields)
    assert (answer.status_code, answer["Location"]) == (302, "/control/alerts/")
    attempt.refresh_from_db()
    assert (attempt.charged, ledger.account_of(alice).shown) == (charged, 100_000 - charged)
    event = AuditEvent.objects.get(action="alert.settled")
    assert (event.actor, event.reason, event.subject) == (ada, "their invoice says so", attempt.job.code)
    assert "No open alerts" in words(admin.get("/control/alerts/").content)
    assert ledger.verify() == []
    assert "settled an alert of" in words(admin.get("/audit/").content)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"reason": ""}, "Say why"),
        ({"choice": "other"}, "Enter the amount in credits."),
        ({"choice": "other", "amount": "lots"}, "credits"),
        ({"choice": "other", "amount": "-3"}, "Enter 0 or more."),
        ({"choice": "gift"}, "not one of the available choices"),
        ({"alert": "An older sentence."}, "Something new was reported"),
    ],
)
def test_what_cannot_be_done_says_why_and_keeps_what_was_typed(fields: dict[str, str], why: str, admin: Client, alert: Callable[..., Attempt]):
    attempt = alert()
    answer = settle(admin, attempt, **{"reason": "as their invoice says", **fields})
    assert answer.status_code == 422
    assert why in words(answer.content)
    if fields.get("reason") != "":
        assert 'value="as their invoice says"' in answer.content.decode()
    attempt.refresh_from_db()
    assert (attempt.charged, attempt.alert_settled_at) == (56_000, None)


def test_what_another_admin_has_settled_is_not_settled_again(admin: Client, alert: Callable[..., Attempt]):
    attempt = alert()
    settle(admin, attempt, choice="reported")
    answer = settle(admin, attempt, choice="other", amount="1")
    assert answer.status_code == 302
    assert "settled this already" in words(admin.get("/control/alerts/").content)
    attempt.refresh_from_db()
    assert attempt.charged == 12_000


def test_only_admins_see_and_settle(alice: User, dave: User, alert: Callable[..., Attempt]):
    attempt = alert()
    for user in (alice, dave):
        browser = signed_in(user)
        assert browser.get("/control/alerts/").status_code == 403
        assert settle(browser, attempt).status_code == 403


def test_open_alerts_are_told_of_in_the_control_room_by_doctor_and_in_the_sections(admin: Client, alert: Callable[..., Attempt]):
    alert()
    alert()
    assert "2 alerts about orders wait to be settled" in words(admin.get("/control/").content)
    assert "Alerts 2 to settle" in words(admin.get("/control/").content)
    assert "2 alerts about what providers reported wait to be settled." in [finding.what for finding in doctor.alerts()]


def test_many_alerts_cost_as_many_queries_as_few(admin: Client, alert: Callable[..., Attempt], django_assert_max_num_queries: DjangoAssertNumQueries):
    for _ in range(4):
        alert()
    with django_assert_max_num_queries(12):
        admin.get("/control/alerts/")


def test_an_alert_that_was_stored_before_its_words_were_cleaned_can_be_settled(admin: Client, alert: Callable[..., Attempt]):
    attempt = alert(alert="It said:  \x1b[31m free\u202e now")

    settle(admin, attempt)

    attempt.refresh_from_db()
    assert attempt.alert_settled_at is not None
