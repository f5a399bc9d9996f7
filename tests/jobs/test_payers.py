"""Whose credits an act spends: those of the person who presses, or nobody's; never of somebody who was switched off or may not generate any more."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from studio.accounts.models import User
from studio.credits import ledger
from studio.credits.models import Account, Entry, Hold
from studio.jobs import actions, payers, unpaid
from studio.jobs.actions import Order, order
from studio.jobs.batch_models import Batch, BatchRow
from studio.jobs.charging import Charge
from studio.jobs.checks import verify_holds
from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt, Cause, Job, Policy
from studio.jobs.moves import move
from studio.jobs.payers import MayNotPay
from studio.jobs.receipts import receipt
from studio.jobs.routes import give_up
from studio.jobs.worker import sweep
from studio.projects.models import Membership, Project
from studio.routing.models import Connection
from tests.conftest import signed_in
from tests.jobs.batches import batch_of, carry_on, end, jobs_of
from tests.jobs.conftest import BRIEF, pass_time, work_through
from tests.jobs.played import PlayedProvider
from tests.jobs.rows import HTMX, job_row

AUTHORS: dict[str, Callable[[User], Any]] = {
    "active": lambda _: None,
    "off": lambda user: User.objects.filter(pk=user.pk).update(is_active=False),
    "removed": lambda user: Membership.objects.filter(user=user).delete(),
    "viewer": lambda user: Membership.objects.filter(user=user).update(role="viewer"),
}
GONE = ["off", "removed", "viewer"]


@pytest.fixture
def everybody(alice: User, bob: User, ada: User, tide: Project) -> dict[str, User]:
    """The author, an owner of the project and an admin, each with 1,000 credits."""
    people = {"author": alice, "owner": bob, "admin": ada}
    for name, user in people.items():
        ledger.grant(user, 1_000_000, key=f"fixture-{name}", reason="for the test", actor=None)
    return people


def held(people: dict[str, User]) -> dict[str, int]:
    """What is held from each, where anything is."""
    return {name: row.held for name, user in people.items() if (row := Account.objects.get(user=user)).held}


def all_is_right() -> None:
    assert ledger.verify() == []
    assert verify_holds() == []


# ───────── trying again


@pytest.mark.parametrize("state", AUTHORS)
@pytest.mark.parametrize("who", ["author", "owner", "admin"])
def test_another_try_holds_the_credits_of_whoever_presses(who: str, state: str, everybody: dict[str, User], tide: Project, xai: Connection):
    job_row(tide, everybody["author"], xai, State.FAILED, cause=Cause.PROVIDER_FAILED)
    AUTHORS[state](everybody["author"])

    signed_in(everybody[who]).post("/p/TIDE/jobs/1/retry/", headers=HTMX)

    assert held(everybody) == ({} if who == "author" and state != "active" else {who: 56_000})
    all_is_right()


def test_a_receipt_says_who_paid_for_which_try_and_the_ledger_of_that_person_too(everybody: dict[str, User], tide: Project, xai: Connection):
    job = order(author=everybody["author"], project=tide, what=Order(connection=xai, brief=BRIEF), order_key=uuid4())
    end(job, State.FAILED)
    signed_in(everybody["owner"]).post("/p/TIDE/jobs/1/retry/")
    job.refresh_from_db()
    end(job, charge=7_000)
    job.refresh_from_db()

    told = receipt(job, list(job.attempts.order_by("created_at")))

    lines = [[f"{line.word}: {line.figure}" for line in part.lines] for part in told.parts]
    assert "Paid by: Alice" in lines[0]
    assert "Paid by: Bob" in lines[1]
    assert "Tried again by Bob, with Bob’s credits" in signed_in(everybody["author"]).get("/p/TIDE/jobs/1/").content.decode()
    assert list(Entry.objects.filter(kind=Entry.Kind.CHARGE).values_list("account__user", "amount")) == [(everybody["owner"].pk, -7_000)]
    assert set(Hold.objects.values_list("project", flat=True)) == {tide.pk}


def test_the_card_says_that_another_try_costs_the_person_who_looks(bob: User, alice: User, tide: Project, xai: Connection):
    job_row(tide, alice, xai, State.FAILED, cause=Cause.PROVIDER_FAILED)
    assert "Trying again holds about 56 of your credits." in signed_in(bob).get("/p/TIDE/").content.decode()
    assert "holds about 56 of your credits." in signed_in(bob).get("/p/TIDE/jobs/1/").content.decode()
    assert "of your credits" not in signed_in(alice).get("/p/TIDE/").content.decode()


# ───────── what follows by itself


@pytest.mark.parametrize("state", GONE)
def test_what_was_not_sent_is_cancelled_when_its_payer_may_not_pay_any_more(
    state: str, ordered: Callable[..., Job], funded: User, played: PlayedProvider
):
    job = ordered()
    AUTHORS[state](funded)

    job = work_through(job)

    assert (job.state, len(played.submits)) == (State.CANCELLED, 0)
    assert job.message.startswith("Not sent: Alice")
    assert Account.objects.get(user=funded).held == 0
    all_is_right()


def test_what_an_owner_pays_for_goes_on_when_its_author_was_removed(ordered: Callable[..., Job], funded: User, bob: User, played: PlayedProvider):
    job = ordered()
    end(job, State.FAILED)
    ledger.grant(bob, 1_000_000, key="bob", reason="r", actor=None)
    AUTHORS["removed"](funded)
    signed_in(bob).post("/p/TIDE/jobs/1/retry/")
    job.refresh_from_db()

    assert work_through(job).state == State.DONE
    all_is_right()


@pytest.mark.parametrize("state", GONE)
def test_what_was_sent_is_finished_saved_and_charged_all_the_same(state: str, ordered: Callable[..., Job], funded: User, played: PlayedProvider):
    job = ordered()
    sweep(job.connection_id)
    job.refresh_from_db()
    assert job.state == State.RENDERING
    AUTHORS[state](funded)
    pass_time(100)

    assert work_through(job).state == State.DONE
    assert Account.objects.get(user=funded).held == 0
    all_is_right()


@pytest.mark.parametrize("state", AUTHORS)
def test_a_policy_tries_no_other_connection_for_somebody_who_may_not_pay(state: str, everybody: dict[str, User], tide: Project, xai: Connection):
    Connection.objects.create(provider="grokimagine", label="Grok sandbox", sandbox=True)
    alice = everybody["author"]
    job = order(author=alice, project=tide, what=Order(connection=xai, brief=BRIEF, policy=Policy.CHEAPEST), order_key=uuid4())
    attempt = Attempt.objects.select_related("job__project", "job__author", "job__connection", "connection").get()
    assert move(job, State.QUEUED, State.SENDING)
    AUTHORS[state](alice)
    assert give_up(attempt, State.SENDING, charge=Charge(0), cause=Cause.PROVIDER_FAILED, message="No luck.")
    job.refresh_from_db()

    assert Attempt.objects.count() == (2 if state == "active" else 1)
    assert job.state == (State.QUEUED if state == "active" else State.FAILED)
    assert state == "active" or "nothing more is paid with their credits" in job.message
    all_is_right()


@pytest.mark.parametrize("state", GONE)
def test_nobody_orders_with_the_credits_of_somebody_who_may_not_pay(state: str, everybody: dict[str, User], tide: Project, xai: Connection):
    AUTHORS[state](everybody["author"])
    with pytest.raises(MayNotPay):
        order(author=everybody["author"], project=tide, what=Order(connection=xai, brief=BRIEF), order_key=uuid4())
    assert not Job.objects.exists()


def test_an_admin_pays_in_every_project(ada: User, tide: Project):
    assert payers.refusal(ada, tide) == ""


def test_what_was_not_sent_comes_back_at_once_when_somebody_leaves_held_back_or_not(everybody: dict[str, User], tide: Project, xai: Connection):
    for number in range(3):
        order(author=everybody["author"], project=tide, what=Order(connection=xai, brief=BRIEF), order_key=uuid4())
        if number == 1:
            assert actions.pause(Job.objects.get(number=2), by=everybody["author"])

    assert unpaid.cancel_unsent(everybody["author"], tide, why="Alice left the project.") == 3
    assert set(Job.objects.values_list("state", "message")) == {(State.CANCELLED, "Alice left the project.")}
    assert held(everybody) == {}
    all_is_right()


# ───────── held-back orders


@pytest.mark.parametrize("state", AUTHORS)
@pytest.mark.parametrize("who", ["author", "owner", "admin"])
def test_only_the_person_whose_credits_are_held_goes_on_with_a_paused_order(
    who: str, state: str, everybody: dict[str, User], tide: Project, xai: Connection
):
    job = order(author=everybody["author"], project=tide, what=Order(connection=xai, brief=BRIEF), order_key=uuid4())
    assert actions.pause(job, by=everybody["owner"])
    AUTHORS[state](everybody["author"])

    answer = signed_in(everybody[who]).post("/p/TIDE/jobs/act/", {"do": "go_on", "n": "1"}, headers=HTMX)

    job.refresh_from_db()
    assert job.state == (State.QUEUED if (who, state) == ("author", "active") else State.PAUSED)
    if who != "author":
        assert "only the person whose credits are held can go on with it" in answer["HX-Trigger"]
        assert "Go on" not in signed_in(everybody[who]).get("/p/TIDE/jobs/1/menu/").content.decode()


# ───────── batches


@pytest.mark.parametrize("state", AUTHORS)
@pytest.mark.parametrize("who", ["author", "owner", "admin"])
@pytest.mark.parametrize("do", ["go_on", "again", "rules"])
def test_only_its_author_has_more_of_a_batch_ordered(do: str, who: str, state: str, everybody: dict[str, User], tide: Project, xai: Connection):
    batch = batch_of(everybody["author"], tide, xai, takes=3, wave=1)
    carry_on(batch)
    end(jobs_of(batch)[0], State.FAILED)
    Batch.objects.update(state=Batch.State.PAUSED, cause=Batch.Cause.PERSON)
    AUTHORS[state](everybody["author"])

    rules = {"ceiling": "500", "wave": "3", "go_on": "1"} if do == "rules" else {}
    answer = signed_in(everybody[who]).post("/p/TIDE/batches/1/act/", {"do": do, **rules}, headers=HTMX)
    carry_on(batch)

    may = (who, state) == ("author", "active")
    assert (held(everybody) != {}) == may
    assert (batch.state == Batch.State.RUNNING) == may
    if who != "author":
        assert "nobody else has more of it ordered" in answer["HX-Trigger"]
    all_is_right()


@pytest.mark.parametrize("do", ["pause", "stop"])
def test_an_owner_pauses_and_stops_a_batch_of_somebody_else(do: str, everybody: dict[str, User], tide: Project, xai: Connection):
    batch = batch_of(everybody["author"], tide, xai, takes=3, wave=1)
    carry_on(batch)
    signed_in(everybody["owner"]).post("/p/TIDE/batches/1/act/", {"do": do})
    batch.refresh_from_db()
    assert batch.state == {"pause": Batch.State.PAUSED, "stop": Batch.State.STOPPED}[do]
    all_is_right()


def test_the_page_of_a_batch_offers_an_owner_what_they_may_do(everybody: dict[str, User], tide: Project, xai: Connection):
    batch = batch_of(everybody["author"], tide, xai, takes=3, wave=1)
    carry_on(batch)
    end(jobs_of(batch)[0], State.FAILED)
    Batch.objects.update(state=Batch.State.PAUSED, cause=Batch.Cause.PERSON)

    def offered(browser: Client) -> set[str]:
        page = browser.get("/p/TIDE/batches/1/").content.decode()
        return {do for do in ("go_on", "stop", "again") if f'name="do" value="{do}"' in page} | ({"rules"} if 'value="rules"' in page else set())

    assert offered(signed_in(everybody["author"])) == {"go_on", "stop", "again", "rules"}
    assert offered(signed_in(everybody["owner"])) == {"stop"}


@pytest.mark.parametrize("state", GONE)
def test_a_batch_pauses_when_its_author_may_not_pay_and_what_waited_in_line_can_be_ordered_anew(
    state: str, ordered: Callable[..., Job], funded: User, tide: Project, connection: Connection, played: PlayedProvider
):
    batch = batch_of(funded, tide, connection, takes=4, wave=2)
    carry_on(batch)
    AUTHORS[state](funded)
    carry_on(batch)
    for job in jobs_of(batch):
        work_through(job)

    assert (batch.state, batch.cause, played.submits) == (Batch.State.PAUSED, Batch.Cause.TROUBLE, [])
    assert {job.state for job in jobs_of(batch)} == {State.CANCELLED}
    assert BatchRow.objects.filter(batch=batch, job=None).count() == 4
    assert Account.objects.get(user=funded).held == 0
    all_is_right()
