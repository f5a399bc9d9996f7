"""Who sees what of money and of work: a manager of credits no content, an owner their project's spend, everybody else their own alone."""

import html
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from studio.accounts.models import AuditEvent, User
from studio.credits import batch, carrying, ledger, requests
from studio.credits.limit_actions import give_waiver, set_budget, set_cap
from studio.credits.models import Account, Allowance, Budget, Cap, Entry, Waiver
from studio.credits.periods import today
from studio.jobs.models import Attempt, Job
from studio.projects.models import Membership, Project
from studio.routing.models import Connection
from tests.conftest import signed_in
from tests.jobs.rows import form

C = 1_000
SECRET = "the unreleased vermilion submarine"
MONTH = f"{today():%Y/%-m}"


@pytest.fixture
def moon(carol: User) -> Project:
    """Carol's project Moonrise, in which nobody else is."""
    project = Project.objects.create(code="MOON", name="Moonrise", created_by=carol)
    Membership.objects.create(project=project, user=carol, role="owner")
    return project


@pytest.fixture
def season(alice: User, bob: User, carol: User, dave: User, tide: Project, moon: Project, xai: Connection) -> None:
    """Alice spent 31 for TIDE, Bob 32.125, Carol 33.375 for MOON; a job in doubt with a secret prompt; requests, limits and a movement."""
    for user, project, spent in ((alice, tide, 31_000), (bob, tide, 32_125), (carol, moon, 33_375)):
        ledger.grant(user, 100 * C, key=f"start {user.pk}", reason=f"Start of {user.name}", actor=dave)
        ledger.hold(user, 50 * C, reference=f"h{user.pk}", reason=f"{project.code}-001", project=project, provider="xai")
        ledger.settle(f"h{user.pk}", spent)
    job = Job.objects.create(
        project=tide, number=1, author=alice, connection=xai, prompt=SECRET, state="in_doubt", due=timezone.now() + timedelta(days=9), estimate=5 * C
    )
    Attempt.objects.create(job=job, connection=xai, sent_at=timezone.now() - timedelta(hours=2), estimate=5 * C, answer=SECRET)
    requests.ask(alice, 10 * C, reason="More takes", project=tide)
    set_budget(moon, amount=500 * C, period="all", hard=True, by=dave)
    set_cap(carol, credits_a_day=77 * C, jobs_at_once=None, by=dave)
    give_waiver(carol, project=moon, lifts="both", reason="Night shoot", by=dave)


def text(browser: Client, path: str) -> tuple[int, str]:
    answer = browser.get(path, follow=True)
    body = b"".join(answer) if answer.streaming else answer.content
    return answer.status_code, html.unescape(body.decode())


MONEY = [
    "/credits/overview/",
    "/credits/people/",
    "/credits/people/?as=csv",
    "/credits/ledger/",
    "/credits/ledger/?as=csv",
    "/credits/spend/",
    "/credits/spend/?as=csv",
    "/credits/limits/",
    "/credits/requests/",
    "/credits/statements/",
    f"/credits/statements/{MONTH}/team/",
    f"/credits/statements/{MONTH}/team/?as=csv",
    f"/credits/statements/{MONTH}/projects/TIDE/",
    f"/credits/statements/{MONTH}/projects/TIDE/?as=csv",
]


def test_a_manager_of_credits_sees_all_money_and_none_of_the_work(dave, season):
    browser = signed_in(dave)
    verdict = f"/control/doubt/{Job.objects.get().pk}/release/"
    for path in [*MONEY, "/audit/", "/control/doubt/", verdict, "/"]:
        status, body = text(browser, path)
        assert (path, status) == (path, 200)
        assert SECRET not in body, path


@pytest.mark.parametrize("path", ["", "jobs/1/", "pulse/", "options/", "composer/", "composer/?again=1", "gallery/", "settings/"])
def test_to_a_manager_of_credits_a_foreign_project_does_not_exist(dave, season, path):
    assert text(signed_in(dave), f"/p/TIDE/{path}")[0] == 404


def test_a_manager_of_credits_cannot_order_take_back_or_try_again_in_a_foreign_project(dave, xai, season):
    ledger.grant(dave, 1_000 * C, key="dave", reason="Own", actor=None)
    browser = signed_in(dave)

    for path, sent in (("jobs/", form(xai)), ("jobs/1/cancel/", {}), ("jobs/1/retry/", {}), ("references/", {})):
        assert browser.post(f"/p/TIDE/{path}", sent).status_code == 404
    assert Job.objects.count() == 1


def test_an_owner_sees_what_their_project_cost_by_person_and_no_other_project_or_balance(bob, season):
    browser = signed_in(bob)

    status, body = text(browser, f"/credits/statements/{MONTH}/projects/TIDE/")

    assert status == 200
    assert "63.125" in body
    assert "Moonrise" not in body
    assert text(browser, f"/credits/statements/{MONTH}/projects/MOON/")[0] == 404
    assert text(browser, f"/credits/statements/{MONTH}/projects/MOON/?as=csv")[0] == 404
    assert "Moonrise" not in text(browser, "/credits/statements/")[1]
    for path in MONEY[:9]:
        assert (path, text(browser, path)[0]) == (path, 403)


@pytest.mark.parametrize("who", ["alice", "mallory"])
def test_everybody_else_sees_their_own_alone(request, who, bob, carol, season):
    browser = signed_in(request.getfixturevalue(who))

    for path in [path for path in MONEY if "statements/" not in path or "team" in path]:
        assert (path, text(browser, path)[0]) == (path, 403)
    assert text(browser, f"/credits/statements/{MONTH}/projects/TIDE/?as=csv")[0] == (
        403 if who == "alice" else 404
    )  # she makes there, and owns nothing
    assert text(browser, f"/credits/statements/{MONTH}/projects/MOON/")[0] == 404
    for other in (bob, carol):
        assert text(browser, f"/credits/statements/{MONTH}/people/{other.pk}/")[0] == 403
    for path in ("/credits/", f"/credits/?person={bob.pk}", "/credits/caps/", "/credits/statements/", "/credits/ask/"):
        status, body = text(browser, path)
        assert (path, status) == (path, 200)
        for leak in ("32.125", "33.375", "Moonrise", "Night shoot", bob.email, carol.email):
            assert leak not in body, (path, leak)


@pytest.mark.parametrize("who", ["alice", "bob", "mallory"])
def test_nobody_but_a_manager_moves_money_or_limits(request, who, alice, dave, tide, season):
    user = request.getfixturevalue(who)
    seen = batch.plan([alice], "grant", C).seen
    movement, _ = carrying.start([alice], "grant", C, key=uuid4(), seen=seen, reason="x", by=dave)
    rows = (Account, Entry, Budget, Cap, Waiver, Allowance, AuditEvent)
    before = [list(model.objects.order_by("pk").values()) for model in rows]
    browser = signed_in(user)
    key = "00000000-0000-4000-8000-000000000001"

    for path, sent in (
        (f"/credits/people/{user.pk}/grant/", {"amount": "5", "reason": "x", "key": key}),
        ("/credits/people/move/", {"who": str(user.pk), "act": "grant", "amount": "5", "reason": "x", "key": key, "step": "do", "seen": "x"}),
        ("/credits/people/move/", {"which": "all"}),
        (f"/credits/people/moved/{movement.key}/stop/", {}),
        ("/credits/limits/allowances/", {"allowance-person": user.email, "allowance-amount": "5"}),
        ("/credits/limits/budgets/", {"budget-project": "TIDE", "budget-amount": ""}),
        ("/credits/limits/caps/", {"cap-person": user.email}),
        ("/credits/limits/waivers/", {"waiver-person": user.email, "waiver-lifts": "both", "waiver-reason": "x"}),
        (f"/credits/limits/waivers/{Waiver.objects.get().pk}/withdraw/", {}),
    ):
        assert (path, browser.post(path, sent).status_code) == (path, 403)
    assert before == [list(model.objects.order_by("pk").values()) for model in rows]


def test_own_caps_are_ones_own_and_never_raise_what_a_manager_set(alice, carol, season):
    set_cap(alice, credits_a_day=10 * C, jobs_at_once=1, by=None)

    signed_in(alice).post("/credits/caps/", {"credits_a_day": "1000", "jobs_at_once": "99", "user": str(carol.pk), "person": carol.email})

    assert (Cap.objects.get(user=alice).day, Cap.objects.get(user=alice).at_once) == (10 * C, 1)
    assert Cap.objects.get(user=carol).own_credits_a_day is None
