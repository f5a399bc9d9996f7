"""What a provider told us about an attempt that an admin has to judge, and how an admin settles it.

An alert is one sentence on its attempt. It is open until an admin has settled it: the control room, `manage.py doctor` and a
daily e-mail (alarms.py) say how many are. Alerts of an attempt in doubt are not open: that one stands in the inbox already.

    the charge as it stands · as the provider reported it · as it was estimated · another amount        each with a reason
"""

from dataclasses import dataclass
from enum import StrEnum

from django.db import transaction
from django.db.models import Q, QuerySet, Sum
from django.utils import timezone

from studio.accounts.models import AuditEvent, User
from studio.credits import ledger
from studio.credits.figures import credits_text
from studio.jobs.charging import rate_of
from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt, Job
from studio.jobs.moves import show_anew
from studio.routing.prices import price

LONGEST_REASON = 200  # characters


class Choice(StrEnum):
    """What an admin decides about the charge of an attempt."""

    KEEP = "keep"
    REPORTED = "reported"
    ESTIMATED = "estimated"
    OTHER = "other"


class CannotSettle(Exception):
    """An alert could not be settled like this. Its text says why."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What an attempt could cost, in millicredits: as it was charged, as reported (None where that has no price), as estimated."""

    charged: int
    reported: int | None
    estimated: int


def open_alerts() -> "QuerySet[Attempt]":
    """The attempts with an alert that nobody has settled, oldest first."""
    in_doubt = Q(ended_at=None, job__state=State.IN_DOUBT)
    return Attempt.objects.filter(alert__gt="", alert_settled_at=None).exclude(in_doubt).order_by("created_at", "pk")


def figures_of(attempt: Attempt) -> Figures:
    """What this attempt could cost."""
    rate = rate_of(attempt)
    reported = price(attempt.usage_amount, rate) if rate and attempt.usage_unit else None
    return Figures(attempt.charged or 0, reported, attempt.estimate)


def settle(attempt: Attempt, choice: Choice, *, by: User, reason: str, amount: int | None = None, alert: str | None = None) -> int:
    """Settle an alert and return what the attempt is charged now, in millicredits. `amount` (0 or more) goes with OTHER.

    `alert` is the sentence that was judged: a newer one is not settled with it. Of an attempt that lives, the charge is not
    known yet and can only be kept. Raises CannotSettle; then nothing was written.
    """
    if not reason.strip():
        raise CannotSettle("Say why, for the audit log.")
    with transaction.atomic():
        show_anew(attempt.job)  # first, as job and project are locked before any account
        row = Attempt.objects.select_for_update(of=("self",)).select_related("job__project").get(pk=attempt.pk)
        if not row.alert or row.alert_settled_at:
            raise CannotSettle("Somebody has settled this already.")
        if alert is not None and alert.split() != row.alert.split():
            raise CannotSettle("Something new was reported since you opened this page. Look at it again.")
        charged = _amount(row, choice, amount)
        before = row.charged or 0
        if charged != before:
            _charge_anew(row, charged, by=by, reason=reason)
        Attempt.objects.filter(pk=row.pk).update(alert_settled_at=timezone.now())
        facts = {"alert": row.alert, "charged": before}
        after = {"choice": choice.value, "charged": charged}
        AuditEvent.record("alert.settled", row.job.code, actor=by, before=facts, after=after, reason=reason[:LONGEST_REASON])
    return charged


def _amount(attempt: Attempt, choice: Choice, amount: int | None) -> int:
    """Millicredits that this choice comes to. Raises CannotSettle."""
    figures = figures_of(attempt)
    if choice is Choice.KEEP:
        return figures.charged
    if attempt.ended_at is None:
        raise CannotSettle("This order has not ended, so nothing was charged yet. Its charge can be changed then.")
    if choice is Choice.ESTIMATED:
        return figures.estimated
    chosen = figures.reported if choice is Choice.REPORTED else amount
    if chosen is None:
        raise CannotSettle("Nothing was reported that has a price." if choice is Choice.REPORTED else "Enter the amount in credits.")
    if not 0 <= chosen <= ledger.LARGEST:
        raise CannotSettle(f"A charge is between 0 and {credits_text(ledger.LARGEST)} credits.")
    return chosen


def _charge_anew(attempt: Attempt, charged: int, *, by: User, reason: str) -> None:
    """Correct the charge in the ledger, and the copies that lists show."""
    try:
        ledger.correct(str(attempt.pk), charged, reason=f"{attempt.job.code}: {reason}"[:300], actor=by)
    except ledger.LedgerError as error:
        raise CannotSettle(str(error)) from error
    is_estimate = charged == attempt.estimate and attempt.charge_is_estimate
    Attempt.objects.filter(pk=attempt.pk).update(charged=charged, charge_is_estimate=is_estimate)
    spent = Attempt.objects.filter(job=attempt.job_id).aggregate(total=Sum("charged"))["total"] or 0
    Job.objects.filter(pk=attempt.job_id, charged__isnull=False).update(charged=spent, charge_is_estimate=False)
