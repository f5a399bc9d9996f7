"""Alerts of attempts: what opens one, what settles it, and what that does to the money."""

from collections.abc import Callable

import pytest
from django.utils import timezone

from studio.accounts.models import AuditEvent, User
from studio.credits import ledger
from studio.credits.models import Account, Entry
from studio.jobs import alerts
from studio.jobs.alerts import CannotSettle, Choice, open_alerts, settle
from studio.jobs.checks import verify_holds
from studio.jobs.models import Attempt, Job
from studio.jobs.worker import sweep
from tests.jobs.conftest import work_through
from tests.jobs.played import PENDING, PlayedProvider, Reply

Ordered = Callable[..., Job]
TICKS_A_CREDIT = 100_000_000


@pytest.fixture
def absurd(ordered: Ordered, played: PlayedProvider) -> Attempt:
    """A clip that was estimated at 5 credits, and reported at 600: the estimate was charged."""
    played.usage = 600 * TICKS_A_CREDIT
    job = work_through(ordered())
    attempt = Attempt.objects.select_related("job__project").get(job=job)
    assert (attempt.charged, attempt.charge_is_estimate) == (5_000, True)
    return attempt


def books_are_right() -> bool:
    return ledger.verify() == [] and verify_holds() == []


@pytest.mark.parametrize(
    ("choice", "amount", "charged"),
    [
        (Choice.KEEP, None, 5_000),
        (Choice.REPORTED, None, 600_000),
        (Choice.ESTIMATED, None, 5_000),
        (Choice.OTHER, 7_500, 7_500),
        (Choice.OTHER, 0, 0),
    ],
)
def test_an_admin_settles_what_an_order_costs(choice: Choice, amount: int | None, charged: int, absurd: Attempt, ada: User, funded: User):
    assert list(open_alerts()) == [absurd]
    assert settle(absurd, choice, by=ada, reason="their invoice says so", amount=amount) == charged
    absurd.refresh_from_db()
    absurd.job.refresh_from_db()
    assert (absurd.charged, absurd.job.charged, absurd.charge_is_estimate) == (charged, charged, charged == 5_000)
    assert Account.objects.get(user=funded).balance == 1_000_000 - charged
    assert list(open_alerts()) == []
    assert books_are_right()
    event = AuditEvent.objects.get(action="alert.settled")
    assert (event.actor, event.reason, event.after) == (ada, "their invoice says so", {"choice": choice.value, "charged": charged})
    corrections = [(row.change, row.actor, "their invoice says so" in row.reason) for row in Entry.objects.filter(kind="correct")]
    assert corrections == ([] if charged == 5_000 else [(5_000 - charged, ada, True)])


def test_two_admins_settle_an_alert_once(absurd: Attempt, ada: User):
    settle(absurd, Choice.REPORTED, by=ada, reason="so it is")
    with pytest.raises(CannotSettle, match="settled this already"):
        settle(absurd, Choice.OTHER, by=ada, reason="no", amount=1)
    assert Attempt.objects.get(pk=absurd.pk).charged == 600_000


def test_a_sentence_that_was_not_read_is_not_settled(absurd: Attempt, ada: User):
    read = absurd.alert
    Attempt.objects.filter(pk=absurd.pk).update(alert="It was made twice.")
    with pytest.raises(CannotSettle, match="Something new was reported"):
        settle(absurd, Choice.KEEP, by=ada, reason="fine", alert=read)
    assert absurd in open_alerts()


@pytest.mark.parametrize(
    ("choice", "amount", "reason", "why"),
    [
        (Choice.OTHER, None, "r", "Enter the amount"),
        (Choice.OTHER, -1, "r", "between 0"),
        (Choice.OTHER, 10**16, "r", "between 0"),
        (Choice.KEEP, None, " ", "Say why"),
    ],
)
def test_what_cannot_be_settled_is_refused_and_changes_nothing(choice: Choice, amount: int | None, reason: str, why: str, absurd: Attempt, ada: User):
    with pytest.raises(CannotSettle, match=why):
        settle(absurd, choice, by=ada, reason=reason, amount=amount)
    assert absurd in open_alerts()
    assert Attempt.objects.get(pk=absurd.pk).charged == 5_000


def test_a_charge_is_corrected_once_and_a_second_alert_is_closed_by_keeping_it(absurd: Attempt, ada: User):
    settle(absurd, Choice.OTHER, by=ada, reason="half", amount=2_500)
    Attempt.objects.filter(pk=absurd.pk).update(alert="Something else.", alert_settled_at=None)
    with pytest.raises(CannotSettle, match=r"corrected to 2\.5 credits already"):
        settle(absurd, Choice.OTHER, by=ada, reason="again", amount=1)
    assert settle(absurd, Choice.KEEP, by=ada, reason="so be it") == 2_500
    assert books_are_right()


def test_what_a_person_does_not_have_is_owed(absurd: Attempt, ada: User, funded: User):
    ledger.adjust(funded, -990_000, key="spent", reason="elsewhere", actor=None)
    settle(absurd, Choice.REPORTED, by=ada, reason="their invoice says so")
    account = Account.objects.get(user=funded)
    assert (account.balance, account.owed) == (0, 590_000)
    assert books_are_right()


def test_an_order_that_still_runs_can_only_be_noted(ordered: Ordered, played: PlayedProvider, ada: User):
    played.on_look += [Reply(body={"status": "marinating"}), PENDING]
    job = ordered()
    work_through(job, rounds=2)
    attempt = Attempt.objects.select_related("job__project").get(job=job)
    assert attempt in open_alerts()
    with pytest.raises(CannotSettle, match="has not ended"):
        settle(attempt, Choice.OTHER, by=ada, reason="r", amount=1)
    assert settle(attempt, Choice.KEEP, by=ada, reason="seen") == 0
    assert attempt not in open_alerts()


def test_what_was_odd_while_it_ran_and_ended_well_asks_for_nobody(ordered: Ordered, played: PlayedProvider):
    played.on_look += [Reply(body={"status": "marinating"})]
    work_through(ordered())
    assert not open_alerts().exists()


def test_what_is_in_doubt_stands_in_the_inbox_alone(ordered: Ordered, played: PlayedProvider):
    played.on_submit.append(Reply(200, b"<html>hello</html>"))
    job = ordered()
    sweep(job.connection_id)
    attempt = Attempt.objects.get(job=job)
    assert attempt.alert
    assert not open_alerts().exists()


def test_figures_say_what_each_choice_comes_to(absurd: Attempt):
    assert alerts.figures_of(absurd) == alerts.Figures(charged=5_000, reported=600_000, estimated=5_000)


def test_a_price_that_nobody_knows_holds_the_least_that_an_admin_set(
    ordered: Ordered, played: PlayedProvider, monkeypatch: pytest.MonkeyPatch, funded: User
):
    monkeypatch.setattr("studio.routing.prices.BOOK", {})
    played.usage = None
    job = ordered()
    assert Account.objects.get(user=funded).held == job.connection.minimum_hold == 50_000
    work_through(job)
    attempt = Attempt.objects.get(job=job)
    assert (attempt.charged, attempt.charge_is_estimate, attempt.price) == (50_000, True, "")
    assert timezone.now() > attempt.created_at


def test_an_empty_account_orders_nothing_at_an_unknown_price(ordered: Ordered, monkeypatch: pytest.MonkeyPatch, bob: User):
    monkeypatch.setattr("studio.routing.prices.BOOK", {})
    with pytest.raises(ledger.Insufficient):
        ordered(author=bob)
