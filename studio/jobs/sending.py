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

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q

from studio.jobs.charging import charge_for_failure
from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt, Cause, Clip, Job
from studio.jobs.moves import finish, move, note
from studio.jobs.references import Unreachable, address_for
from studio.jobs.watching import after_trouble, first_look
from studio.providers.contract import Brief, NotNow, Phase, Provider, ProviderError, Refused, Report, Usage
from studio.providers.registry import PROVIDERS, capability, make
from studio.providers.wire import Answer
from studio.routing.models import Connection, KeyUnreadable
from studio.routing.prices import Rate, rate_for

log = logging.getLogger(__name__)
SENDING_LEASE = timedelta(seconds=90)  # longer than the longest submission (wire.py), so that only a dead sender is doubted
UNPREPARED = timedelta(seconds=30)  # until a job that could not be prepared is tried again
LONGEST_REST = 3600.0  # seconds that a provider may ask us to wait
MOST_TRIES = 10_000  # what the column surely holds; a provider may be away for weeks
MOST_CLIPS = 26  # of one job: TIDE-047 to TIDE-047z


class NoAccess(Exception):
    """Nobody can be asked: the key cannot be read, the provider is not in this version, or the sandbox is off. `cause` and message are for people."""

    def __init__(self, message: str, *, cause: Cause) -> None:
        """Keep whose matter it is."""
        super().__init__(message)
        self.cause = cause


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
    can = capability(connection.provider, model) if connection.provider in PROVIDERS else None
    return float(can.usual_seconds) if can else 90.0


def access(connection: Connection) -> Provider:
    """The provider behind this connection, ready to be asked. Raises NoAccess."""
    if connection.sandbox and not settings.SANDBOX:
        raise NoAccess("The sandbox is switched off in this installation.", cause=Cause.OUR_FAULT)
    try:
        return make(connection.provider, connection.key, connection.address)
    except KeyUnreadable as error:
        raise NoAccess(str(error), cause=Cause.WRONG_KEY) from error
    except KeyError as error:
        raise NoAccess(f"{connection.label} needs a provider that this version does not know.", cause=Cause.OUR_FAULT) from error


def rest(connection_id: int, *, until: datetime) -> None:
    """Ask nothing there until then. A short wait never ends a longer one."""
    Connection.objects.filter(Q(not_before=None) | Q(not_before__lt=until), pk=connection_id).update(not_before=until)


def claim(job: Job, *, now: datetime) -> Ticket | None:
    """The ticket to send this job, if this call won it. What cannot be sent at all ends or waits here."""
    prepared = _prepared(job, now)
    if prepared is None:
        return None
    provider, brief = prepared
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


def _prepared(job: Job, now: datetime) -> tuple[Provider, Brief] | None:
    """Whom to ask for what. None if that cannot be said, and then this job alone ends or waits: whatever it is must not stop the others."""
    try:
        return access(job.connection), _brief_of(job)
    except NoAccess as error:
        note(job, State.QUEUED, due=now + UNPREPARED, cause=error.cause, message=str(error))
    except Unreachable as error:
        finish(job, State.QUEUED, State.FAILED, cause=Cause.INPUT_REFUSED, message=str(error))
    except Exception:
        log.exception("job %s could not be prepared", job.pk)
        message = "Something went wrong here before it was sent. Trying again."
        note(job, State.QUEUED, due=now + UNPREPARED, cause=Cause.OUR_FAULT, message=message)
    return None


def accepted(ticket: Ticket, report: Report, raw: str, *, now: datetime, usual: float) -> None:
    """The provider took it: keep its id, and say when to look first. Also when the janitor was quicker and had put the job in doubt."""
    job, attempt = ticket.job, ticket.attempt
    try:
        with transaction.atomic():
            due = now + timedelta(seconds=first_look(usual, chance=random.random()))  # noqa: S311 - jitter
            moved = any(
                move(job, start, State.RENDERING, due=due, lease_until=None, progress=report.progress, tries=0)
                for start in (State.SENDING, State.IN_DOUBT)
            )
            Attempt.objects.filter(pk=attempt.pk).update(remote_id=report.remote_id, accepted_at=now, answer=raw, alert=report.alert[:300])
    except IntegrityError:
        alert = f"The provider answered with an id that belongs to another job: {report.remote_id[:100]}"
        log.exception("attempt %s: %s", attempt.pk, alert)
        doubtful(ticket, alert, raw)
        return
    if moved and report.phase in {Phase.SUCCEEDED, Phase.FAILED}:
        ended(job, attempt, report, raw, start=State.RENDERING, now=now)


def refused(ticket: Ticket, error: Refused) -> None:
    """A clear no: the job ends, and what was held comes back, less what the provider says it charged. Also out of doubt, as in `accepted`."""
    charge = charge_for_failure(error.cause, error.usage, rate_of(ticket.attempt), estimate=ticket.job.estimate)
    for start in (State.SENDING, State.IN_DOUBT):
        with transaction.atomic():
            if finish(ticket.job, start, State.FAILED, charge=charge, cause=error.cause.value, message=error.message):
                _record(ticket.attempt, error.answer, error.usage)


def not_now(ticket: Ticket, error: NotNow, *, now: datetime) -> None:
    """It certainly did nothing: back to the queue, and the connection rests as long as the provider asked, or longer after each such answer.

    If the janitor was quicker, the job ends and its credits come back: what was in doubt is never sent again by itself.
    """
    tries = min(MOST_TRIES, ticket.job.tries + 1)
    wait = max(after_trouble(tries, chance=random.random()), error.retry_after or 0)  # noqa: S311 - jitter
    due = now + timedelta(seconds=min(LONGEST_REST, wait))
    job, cause, message = ticket.job, Cause.NOT_NOW, error.message
    with transaction.atomic():
        moved = move(job, State.SENDING, State.QUEUED, cause=cause, message=message, due=due, lease_until=None, tries=tries)
        if not moved and not finish(job, State.IN_DOUBT, State.FAILED, cause=cause, message=message):
            return
        ours = Attempt.objects.filter(pk=ticket.attempt.pk, callback_token_hash=ticket.attempt.callback_token_hash)
        if not ours.update(sent_at=None, answer=error.answer):
            transaction.set_rollback(True)  # said late, when the job had been sent anew: that submission is another one
            return
        rest(job.connection_id, until=due)


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
    """The provider says that it is over: on to saving, or failed with its cause. The figure that is charged is the one that is kept."""
    with transaction.atomic():
        if _ended(job, attempt, report, start=start, now=now):
            _record(attempt, raw, report.usage)


def _ended(job: Job, attempt: Attempt, report: Report, *, start: State, now: datetime) -> bool:
    if report.phase is Phase.FAILED:
        charge = charge_for_failure(report.cause, report.usage, rate_of(attempt), estimate=job.estimate)
        cause = report.cause.value if report.cause else Cause.PROVIDER_FAILED
        return finish(job, start, State.FAILED, charge=charge, cause=cause, message=report.message)
    if not move(job, start, State.SAVING, due=now, lease_until=None, progress=None, tries=0):
        return False
    places = enumerate(report.videos[:MOST_CLIPS])
    clips = [Clip(job=job, attempt=attempt, project_id=job.project_id, position=place, source_url=address) for place, address in places]
    Clip.objects.bulk_create(clips, ignore_conflicts=True)
    return True


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
