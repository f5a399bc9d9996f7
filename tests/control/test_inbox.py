"""Orders in doubt, and what a person says about them: who sees what, and what it does to the money."""

import re
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from studio.accounts.models import AuditEvent, User
from studio.control import inbox
from studio.credits import ledger
from studio.jobs.models import Attempt, Job
from studio.projects.models import Membership, Project
from studio.routing.models import Connection
from tests.conftest import signed_in
from tests.jobs.rows import HTMX


@pytest.fixture
def manager(dave: User) -> Client:
    return signed_in(dave)


def words(answer: bytes) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", answer.decode()).split())


def path(job: Job, verdict: str) -> str:
    return f"/control/doubt/{job.pk}/{verdict}/"


# ───── who sees what


def test_an_empty_inbox_says_what_it_is_for(manager: Client):
    assert "Nothing is in doubt" in words(manager.get("/control/doubt/").content)


def test_a_credit_manager_from_outside_sees_code_and_project_but_neither_prompt_nor_answer(manager: Client, doubtful: Callable[..., Job]):
    job = doubtful(answer='{"error": "upstream"}')

    page = manager.get("/control/doubt/").content.decode()

    assert "TIDE-001" in page
    assert "Tidewater" in page
    assert "Alice" in page
    assert "56 credits" in page
    assert job.prompt not in page
    assert "upstream" not in page
    assert "/p/TIDE/" not in page


def test_a_credit_manager_who_belongs_to_the_project_reads_the_prompt(manager: Client, dave: User, tide: Project, doubtful: Callable[..., Job]):
    job = doubtful(answer='{"error": "upstream"}')
    Membership.objects.create(project=tide, user=dave, role="viewer")

    page = manager.get("/control/doubt/").content.decode()

    assert job.prompt in page
    assert "/p/TIDE/" in page
    assert "upstream" not in page


def test_an_admin_sees_the_answer_as_it_came(ada: User, doubtful: Callable[..., Job]):
    job = doubtful(answer='{"error": "upstream"}')

    page = signed_in(ada).get("/control/doubt/").content.decode()

    assert job.prompt in page
    assert "{&quot;error&quot;: &quot;upstream&quot;}" in page


def test_the_oldest_comes_first_and_the_list_costs_the_same_for_many(
    dave: User, doubtful: Callable[..., Job], django_assert_num_queries: DjangoAssertNumQueries
):
    now = timezone.now()
    young, old = doubtful(sent_at=now - timedelta(minutes=1)), doubtful(sent_at=now - timedelta(hours=1))
    with django_assert_num_queries(2):
        rows, total = inbox.listed(dave, now)
    assert ([row.job for row in rows], total) == ([old, young], 2)

    for _ in range(inbox.PAGE):
        doubtful()
    with django_assert_num_queries(3):
        rows, total = inbox.listed(dave, now)
    assert (len(rows), total) == (inbox.PAGE, inbox.PAGE + 2)
    assert f"The oldest {inbox.PAGE} of {inbox.PAGE + 2}." in words(signed_in(dave).get("/control/doubt/").content)


@pytest.mark.parametrize(
    ("provider", "fields", "said"),
    [
        ("xai", {}, "xAI has no list of orders, so only a callback or a person can tell."),
        ("acedata", {}, "We look for it in AceData’s own list of orders."),
        ("xai", {"proposed_id": "r-17"}, "A callback named r-17 as its id; xAI has not confirmed it yet."),
        ("xai", {"remote_id": "r-18"}, "xAI accepted it as r-18, and we go on asking how it stands."),
        (
            "acedata",
            {"alert": "At 23:41 UTC the provider’s own list showed no such order."},
            "At 23:41 UTC the provider’s own list showed no such order.",
        ),
    ],
)
def test_what_was_tried_is_told(provider: str, fields: dict[str, str], said: str, manager: Client, doubtful: Callable[..., Job]):
    doubtful(Connection.objects.create(provider=provider, label="There"), due=timezone.now() + timedelta(minutes=1), **fields)

    page = words(manager.get("/control/doubt/").content)

    assert said in page
    assert "Next look at" in page


def test_what_happened_is_not_told_twice(manager: Client, doubtful: Callable[..., Job]):
    doubtful(message="The peer closed the connection.", alert="The peer closed the connection.")

    assert words(manager.get("/control/doubt/").content).count("The peer closed the connection.") == 1


def test_who_has_an_id_at_the_provider_is_not_asked_for_one(manager: Client, doubtful: Callable[..., Job]):
    job = doubtful(remote_id="r-18")

    assert path(job, "name") not in manager.get("/control/doubt/").content.decode()


# ───── verdicts


@pytest.mark.parametrize(
    ("verdict", "money", "house"),
    [
        ("release", "56 credits come back to Alice, who can order it again.", "The house pays nothing if that is so: look at xAI first."),
        ("write_off", "56 credits come back to Alice, who can order it again.", "If xAI made it after all, the house pays for it."),
        ("name", "56 credits stay held until xAI says how it ended. Then Alice pays what it reports, or has them back.", "The house pays nothing."),
    ],
)
def test_a_verdict_says_what_it_does_to_the_money_before_it_is_given(
    verdict: str, money: str, house: str, manager: Client, doubtful: Callable[..., Job]
):
    page = words(manager.get(path(doubtful(), verdict)).content)

    assert money in page
    assert house in page


def test_an_order_of_unknown_price_returns_nothing_and_says_so(manager: Client, doubtful: Callable[..., Job]):
    job = doubtful(estimate=0)

    assert "Nothing is held for it, as its price is not known." in words(manager.get(path(job, "release")).content)


@pytest.mark.parametrize(("verdict", "cause"), [("release", "never_made"), ("write_off", "written_off")])
def test_what_is_released_or_written_off_fails_and_its_credits_come_back(
    verdict: str, cause: str, manager: Client, dave: User, alice: User, doubtful: Callable[..., Job]
):
    job = doubtful()
    assert ledger.account_of(alice).held == 56_000

    answer = manager.post(path(job, verdict), {"reason": "Their log has nothing"}, follow=True)

    job.refresh_from_db()
    assert (job.state, job.cause, job.message) == ("failed", cause, "Dave: Their log has nothing")
    assert (ledger.account_of(alice).held, ledger.account_of(alice).balance) == (0, 100_000)
    event = AuditEvent.objects.get(action=f"doubt.{cause}")
    assert (event.actor, event.reason, event.subject) == (dave, "Their log has nothing", "TIDE-001")
    assert "nothing is held for it any more" in answer.content.decode()
    assert "Nothing is in doubt" in answer.content.decode()


def test_a_named_order_is_watched_again_and_its_credits_stay_held(manager: Client, alice: User, doubtful: Callable[..., Job]):
    job = doubtful()

    manager.post(path(job, "name"), {"reason": "Found in their console", "remote_id": "r-77"})

    job.refresh_from_db()
    assert job.state == "rendering"
    assert Attempt.objects.get(job=job).remote_id == "r-77"
    assert ledger.account_of(alice).held == 56_000


@pytest.mark.parametrize(
    ("verdict", "data", "complaint"),
    [
        ("release", {}, "Say how you know, or why you decide so."),
        ("release", {"reason": "x" * 301}, "Use at most 300 characters."),
        ("name", {"reason": "Found"}, "Enter the id as the provider shows it."),
        ("name", {"reason": "Found", "remote_id": "two words"}, "This cannot be an id at a provider."),
        ("name", {"reason": "Found", "remote_id": "taken"}, "TIDE-002 has this id."),
    ],
)
def test_what_is_wrong_is_said_in_the_dialog_and_nothing_moves(
    verdict: str, data: dict[str, str], complaint: str, manager: Client, doubtful: Callable[..., Job]
):
    job = doubtful()
    doubtful(remote_id="taken")

    answer = manager.post(path(job, verdict), data, headers=HTMX)

    job.refresh_from_db()
    assert answer.status_code == 422
    assert complaint in words(answer.content)
    assert answer.content.decode().strip().startswith('<form id="verdict-form"')
    assert job.state == "in_doubt"
    assert not AuditEvent.objects.exists()


def test_an_order_that_resolved_meanwhile_says_so_and_stays_as_it_is(manager: Client, doubtful: Callable[..., Job]):
    job = doubtful()
    manager.post(path(job, "release"), {"reason": "Their log has nothing"})

    late = manager.post(path(job, "write_off"), {"reason": "Too late"}, follow=True)

    job.refresh_from_db()
    assert job.cause == "never_made"
    assert "TIDE-001 is not in doubt any more." in late.content.decode()
    assert manager.post(path(job, "write_off"), {"reason": "Too late"}, headers=HTMX)["HX-Redirect"] == "/control/doubt/"


def test_a_verdict_or_a_job_that_does_not_exist_is_not_found(manager: Client, doubtful: Callable[..., Job]):
    assert manager.get(path(doubtful(), "forget")).status_code == 404
    assert manager.get(f"/control/doubt/{uuid4()}/release/").status_code == 404
