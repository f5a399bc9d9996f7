"""Holds and live jobs are compared, and every difference has a sentence."""

from collections.abc import Callable

from django.utils import timezone

from studio.accounts.models import User
from studio.credits.models import Account, Hold
from studio.jobs.actions import cancel
from studio.jobs.checks import verify_holds
from studio.jobs.models import Attempt, Job


def test_a_queued_job_and_its_hold_agree_and_so_do_they_after_its_end(ordered: Callable[..., Job], funded: User):
    job = ordered()
    assert verify_holds() == []

    cancel(job, by=funded)

    assert verify_holds() == []


def test_a_hold_for_nothing_is_found(ordered: Callable[..., Job], funded: User):
    ordered()
    Hold.objects.create(account=Account.objects.get(user=funded), amount=3_000, reference="lost", reason="TIDE-009")

    assert verify_holds() == ["TIDE-009: 3 credits are held for nothing that runs."]


def test_a_job_that_runs_without_a_hold_is_found(ordered: Callable[..., Job]):
    job = ordered()
    Hold.objects.all().delete()

    assert verify_holds() == [f"{job.code}: it runs, but nothing is held for it."]


def test_a_hold_of_another_amount_is_found(ordered: Callable[..., Job]):
    job = ordered()
    Hold.objects.update(amount=1)

    assert "TIDE-001: 0.001 credits are held, its estimate is" in verify_holds()[0]
    assert job.code in verify_holds()[0]


def test_a_hold_on_somebody_elses_account_is_found(ordered: Callable[..., Job], bob: User):
    ordered()
    Hold.objects.update(account=Account.objects.create(user=bob))

    assert verify_holds() == ["TIDE-001: its credits are held from somebody else than the person who pays for it."]


def test_a_live_job_without_an_attempt_is_found(ordered: Callable[..., Job]):
    ordered()
    Attempt.objects.update(ended_at=timezone.now())

    assert "TIDE-001: it is queued without an attempt." in verify_holds()


def test_an_attempt_that_outlives_its_job_is_found(ordered: Callable[..., Job]):
    ordered()
    Job.objects.update(state="done")

    assert verify_holds() == ["TIDE-001: it is done, but its attempt has not ended."]
