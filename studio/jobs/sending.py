"""From a queued job to a paid submission, and what each answer to it means.

The order is the promise: the intent is committed before the request leaves (`claim`), and the provider's id is committed before anything else
is done with it (`accepted`). A crash between the two leaves `sending`, which becomes `in_doubt` when its lease ends, never `queued`.
"""

import hashlib
import logging
import random
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from studio.jobs.charging import charge_for_failure
from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt, Cause, Clip, Job
from studio.jobs.moves import finish, move, put_off
from studio.jobs.references import Unreachable, address_for
from studio.jobs.watching import after_trouble, first_look
from studio.providers.contract import Brief, NotNow, Phase, Provider, ProviderError, Refused, Report, Usage
from studio.providers.registry import PROVIDERS, capability, make
from studio.providers.wire import Answer
from studio.routing.models import Connection, KeyUnreadable
from studio.routing.prices import Rate, rate_for

log = logging.getLogger(__name__)
SENDING_LEASE = timedelta(seconds=90)  # longer than the longest submission (wire.py), so that only a dead sender is doubted


@dataclass(frozen=True, slots=True)
class Ticket:
    """A claimed job, ready to be sent once."""

    job: Job
    attempt: Attempt
    provider: Provider
    brief: Brief


def usual_seconds(connection: Connection, model: str, *, sandbox_seconds: float) -> float:
    """How long such a job takes there, as far as we know. The sandbox keeps its own, shorter time."""
    if connection.sandbox:
        return sandbox_seconds
    can = capability(connection.provider, model)
    return float(can.usual_seconds) if can else 90.0


def claim(job: Job, *, now: datetime) -> Ticket | None:
    """The ticket to send this job, if this call won it. What cannot be sent at all ends or waits here."""
    try:
        provider = make(job.connection.provider, job.connection.key, job.connection.address)
        brief = _brief_of(job)
    except KeyUnreadable as error:
        put_off(job, State.QUEUED, due=now + timedelta(seconds=30), cause=Cause.WRONG_KEY, message=str(error))
        return None
    except Unreachable as error:
        finish(job, State.QUEUED, State.FAILED, cause=Cause.INPUT_REFUSED, message=str(error))
        return None
    token = secrets.token_urlsafe(24)
    rate = rate_for(job.connection.provider, PROVIDERS[job.connection.provider].usage_unit)
    with transaction.atomic():
        if not move(job, State.QUEUED, State.SENDING, due=now + SENDING_LEASE, lease_until=now + SENDING_LEASE, tries=0):
            return None
        attempt = Attempt.objects.get(job=job, ended_at=None)
        attempt.sent_at = now
        attempt.callback_token_hash = hashlib.sha256(token.encode()).hexdigest()
        attempt.rate_millicredits, attempt.rate_per_units = (rate.millicredits, rate.per_units) if rate else (None, None)
        attempt.save(update_fields=["sent_at", "callback_token_hash", "rate_millicredits", "rate_per_units"])
    return Ticket(job, attempt, provider, brief)


def accepted(ticket: Ticket, report: Report, raw: str, *, now: datetime, usual: float) -> None:
    """The provider took it: keep its id, and say when to look first. Also when the janitor was quicker and had put the job in doubt."""
    job, attempt = ticket.job, ticket.attempt
    try:
        with transaction.atomic():
            Attempt.objects.filter(pk=attempt.pk).update(remote_id=report.remote_id, accepted_at=now, answer=raw, alert=report.alert[:300])
            due = now + timedelta(seconds=first_look(usual, chance=random.random()))  # noqa: S311 - jitter
            moved = any(
                move(job, start, State.RENDERING, due=due, lease_until=None, progress=report.progress, tries=0)
                for start in (State.SENDING, State.IN_DOUBT)
            )
    except IntegrityError:
        alert = f"The provider answered with an id that belongs to another job: {report.remote_id[:100]}"
        log.exception("attempt %s: %s", attempt.pk, alert)
        doubtful(ticket, alert, raw)
        return
    if moved and report.phase in {Phase.SUCCEEDED, Phase.FAILED}:
        ended(job, attempt, report, raw, start=State.RENDERING, now=now)


def refused(ticket: Ticket, error: Refused) -> None:
    """A clear no: the job ends, and what was held comes back, less what the provider says it charged."""
    _record(ticket.attempt, error.answer, error.usage)
    charge = charge_for_failure(error.cause, error.usage, rate_of(ticket.attempt), estimate=ticket.job.estimate)
    finish(ticket.job, State.SENDING, State.FAILED, charge=charge, cause=error.cause.value, message=error.message)


def not_now(ticket: Ticket, error: NotNow, *, now: datetime) -> None:
    """It certainly did nothing: back to the queue, and the connection rests as long as the provider asked."""
    tries = ticket.job.tries + 1
    wait = error.retry_after if error.retry_after is not None else after_trouble(tries, chance=random.random())  # noqa: S311 - jitter
    due = now + timedelta(seconds=min(3600.0, max(0.5, wait)))
    with transaction.atomic():
        if move(ticket.job, State.SENDING, State.QUEUED, cause=Cause.NOT_NOW, message=error.message, due=due, lease_until=None, tries=tries):
            Attempt.objects.filter(pk=ticket.attempt.pk).update(sent_at=None, answer=error.answer)
            Connection.objects.filter(pk=ticket.job.connection_id).update(not_before=due)


def doubtful(ticket: Ticket, message: str, raw: str = "") -> None:
    """Sent and not understood, or not answered: the hold stays, and nothing is sent again by itself."""
    Attempt.objects.filter(pk=ticket.attempt.pk).update(answer=raw, alert=message[:300])
    move(ticket.job, State.SENDING, State.IN_DOUBT, cause=Cause.UNANSWERED, message=message, due=None, lease_until=None)


def submitted(ticket: Ticket, outcome: Answer | BaseException, *, now: datetime, usual: float) -> None:
    """Write down what a submission came to. Anything unforeseen is doubt, never failure."""
    match outcome:
        case Answer(report=report, raw=raw):
            accepted(ticket, report, raw, now=now, usual=usual)
        case Refused() as error:
            refused(ticket, error)
        case NotNow() as error:
            not_now(ticket, error, now=now)
        case ProviderError() as error:
            doubtful(ticket, error.message, error.answer)
        case error:
            log.error("attempt %s: unforeseen while sending", ticket.attempt.pk, exc_info=error)
            doubtful(ticket, "Something unforeseen happened while it was sent.")


def ended(job: Job, attempt: Attempt, report: Report, raw: str, *, start: State, now: datetime) -> None:
    """The provider says that it is over: on to saving, or failed with its cause."""
    _record(attempt, raw, report.usage)
    if report.phase is Phase.FAILED:
        charge = charge_for_failure(report.cause, report.usage, rate_of(attempt), estimate=job.estimate)
        cause = report.cause.value if report.cause else Cause.PROVIDER_FAILED
        finish(job, start, State.FAILED, charge=charge, cause=cause, message=report.message)
        return
    with transaction.atomic():
        if move(job, start, State.SAVING, due=now, lease_until=None, progress=None, tries=0):
            Clip.objects.bulk_create(
                [
                    Clip(job=job, attempt=attempt, project_id=job.project_id, position=place, source_url=address)
                    for place, address in enumerate(report.videos)
                ],
                ignore_conflicts=True,
            )


def rate_of(attempt: Attempt) -> Rate | None:
    """The rate that was in force when it was sent."""
    if attempt.rate_millicredits is None or attempt.rate_per_units is None:
        return None
    return Rate(attempt.rate_millicredits, attempt.rate_per_units, "in force when it was sent")


def _record(attempt: Attempt, raw: str, usage: Usage | None) -> None:
    figures = {"usage_amount": usage.amount[:200], "usage_unit": usage.unit[:40]} if usage else {}
    Attempt.objects.filter(pk=attempt.pk).update(answer=raw, **figures)


def _brief_of(job: Job) -> Brief:
    can = capability(job.connection.provider, job.model)
    if can is None:
        raise Unreachable(f"{PROVIDERS[job.connection.provider].name} has no model {job.model} any more.")
    references = [place.reference for place in job.job_references.select_related("reference")]
    return Brief(
        prompt=job.prompt,
        aspect_ratio=job.aspect_ratio,
        duration=job.duration,
        resolution=job.resolution,
        model=job.model,
        mode=job.mode,
        images=tuple(address_for(reference, connection=job.connection, capability=can) for reference in references),
    )
