"""From a queued job to a paid submission, and what each answer to it means.

The order is the promise: the intent is committed before the request leaves (`claim`), and the provider's id is committed before anything else
is done with it (`accepted`). A crash between the two leaves `sending`, which becomes `in_doubt` when its lease ends, never `queued`.
"""

import hashlib
import logging
import random
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone

from studio.jobs import batch_line, health
from studio.jobs.charging import charge_for_failure
from studio.jobs.hands import Outcome
from studio.jobs.lifecycle import State
from studio.jobs.line import serve
from studio.jobs.models import Attempt, Cause, Clip, Job
from studio.jobs.moves import finish, move, note
from studio.jobs.references import Unreachable, address_for, video_address
from studio.jobs.routes import give_up
from studio.jobs.timing import looks_of
from studio.jobs.watching import after_trouble, first_look
from studio.providers.contract import Brief, Capability, NotNow, Operation, Phase, Provider, ProviderError, Refused, Report, Unreached, Usage
from studio.providers.registry import PROVIDERS, capability, make, usage_unit_of
from studio.providers.wire import Answer
from studio.routing.models import Connection, KeyUnreadable
from studio.routing.prices import Rate, rate_for

log = logging.getLogger(__name__)
SENDING_LEASE = timedelta(seconds=90)  # longer than the longest submission (wire.py), so that only a dead sender is doubted
UNPREPARED = timedelta(seconds=30)  # until a job that could not be prepared is tried again
LONGEST_REST = 3600.0  # seconds that a provider may ask us to wait
MOST_TRIES = 10_000  # what the column surely holds; a provider may be away for weeks
MOST_CLIPS = 26  # of one job: TIDE-047 to TIDE-047z
DOUBT_FIRST = timedelta(seconds=30)  # until a job in doubt is asked about for the first time: a provider's list needs a moment to show it


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
    callback_url: str = ""


def access(connection: Connection, dialect: str) -> Provider:
    """The provider behind this connection, ready to be asked in this dialect. Raises NoAccess."""
    if connection.sandbox and not settings.SANDBOX:
        raise NoAccess("The sandbox is switched off in this installation.", cause=Cause.OUR_FAULT)
    try:
        return make(connection.provider, connection.key, connection.address, dialect)
    except KeyUnreadable as error:
        raise NoAccess(str(error), cause=Cause.WRONG_KEY) from error
    except KeyError as error:
        raise NoAccess(f"{connection.label} needs a provider that this version does not know.", cause=Cause.OUR_FAULT) from error


def rest(connection_id: int, *, until: datetime) -> None:
    """Ask nothing there until then. A short wait never ends a longer one."""
    Connection.objects.filter(Q(not_before=None) | Q(not_before__lt=until), pk=connection_id).update(not_before=until)


def rest_sends(connection_id: int, *, until: datetime) -> None:
    """Send no order there until then; what runs there is still looked at."""
    earlier = Q(send_not_before=None) | Q(send_not_before__lt=until)
    Connection.objects.filter(earlier, pk=connection_id).update(send_not_before=until)


def claim(job: Job, *, now: datetime) -> Ticket | None:
    """The ticket to send this job, if this call won it. What cannot be sent at all ends or waits here."""
    prepared = _prepared(job, now)
    if prepared is None:
        return None
    provider, brief, can = prepared
    token = secrets.token_urlsafe(24)
    with transaction.atomic():
        if not move(job, State.QUEUED, State.SENDING, due=now + SENDING_LEASE, lease_until=now + SENDING_LEASE, tries=0):
            return None
        serve(job, now)
        attempt = Attempt.objects.select_related("connection").get(job=job, ended_at=None)
        rate = rate_for(job.connection.provider, usage_unit_of(job.connection.provider, attempt.dialect))
        callback_url = callback_address(attempt, token, can)
        attempt.sent_at, attempt.asked_callback = now, bool(callback_url)
        attempt.callback_token_hash = token_hash(token)
        attempt.rate_millicredits, attempt.rate_per_units = (rate.millicredits, rate.per_units) if rate else (None, None)
        attempt.save(update_fields=["sent_at", "asked_callback", "callback_token_hash", "rate_millicredits", "rate_per_units"])
    return Ticket(job, attempt, provider, brief, callback_url)


def token_hash(token: str) -> str:
    """What is kept of a callback's token."""
    return hashlib.sha256(token.encode()).hexdigest()


def callback_address(attempt: Attempt, token: str, can: Capability) -> str:
    """Where the provider may tell us that this attempt is over; "" where it has no callbacks, or could not reach us."""
    site = settings.SANDBOX_URL if attempt.connection.sandbox else settings.PUBLIC_URL
    return f"{site}{reverse('hook', args=[attempt.pk, token])}" if site and can.callbacks else ""


def _prepared(job: Job, now: datetime) -> tuple[Provider, Brief, Capability] | None:
    """Whom to ask for what. None if that cannot be said, and then this job alone ends or waits: whatever it is must not stop the others."""
    try:
        attempt = Attempt.objects.get(job=job, ended_at=None)
        attempt.job = job
        can = _capability_of(job, attempt.dialect)
        return access(job.connection, attempt.dialect), _whole_brief(attempt, can), can
    except NoAccess as error:
        note(job, State.QUEUED, due=now + UNPREPARED, cause=error.cause, message=str(error))
    except Unreachable as error:
        finish(job, State.QUEUED, State.FAILED, cause=Cause.INPUT_REFUSED, message=str(error))
    except Exception:
        log.exception("job %s could not be prepared", job.pk)
        message = "Something went wrong here before it was sent. Trying again."
        note(job, State.QUEUED, due=now + UNPREPARED, cause=Cause.OUR_FAULT, message=message)
    return None


def accepted(ticket: Ticket, report: Report, raw: str, *, now: datetime) -> None:
    """The provider took it: keep its id, and say when to look first. Also when the janitor was quicker and had put the job in doubt."""
    job, attempt = ticket.job, ticket.attempt
    try:
        due = now + timedelta(seconds=first_look(looks_of(attempt), chance=random.random()))  # noqa: S311 - jitter
        with transaction.atomic():
            called = Attempt.objects.filter(pk=attempt.pk, called_at__isnull=False).exists()  # its end was told before its beginning
            due = now if called else due
            moved = any(
                move(job, start, State.RENDERING, due=due, lease_until=None, progress=report.progress, tries=0)
                for start in (State.SENDING, State.IN_DOUBT)
            )
            Attempt.objects.filter(pk=attempt.pk).update(remote_id=report.remote_id, accepted_at=now, answer=raw, alert=report.alert[:300])
    except IntegrityError:
        alert = f"The provider answered with an id that belongs to another job: {report.remote_id[:100]}"
        log.exception("attempt %s: %s", attempt.pk, alert)
        doubtful(ticket, alert, raw, now=now)
        return
    health.reached(attempt)
    if moved and report.phase in {Phase.SUCCEEDED, Phase.FAILED}:
        ended(job, attempt, report, raw, start=State.RENDERING, now=now)


def refused(ticket: Ticket, error: Refused) -> None:
    """A clear no: the job ends, and what was held comes back, less what the provider says it charged. Also out of doubt, as in `accepted`."""
    charge = charge_for_failure(error.cause, error.usage, rate_of(ticket.attempt), estimate=ticket.attempt.estimate)
    health.turned_down(ticket.attempt, error.cause, error.message)
    for start in (State.SENDING, State.IN_DOUBT):
        with transaction.atomic():
            if give_up(ticket.job, start, charge=charge, cause=error.cause, message=error.message):
                _record(ticket.attempt, error.answer, error.usage)
                return


def not_now(ticket: Ticket, error: NotNow, *, now: datetime) -> None:
    """It certainly did nothing: back to the queue. The connection takes no orders for as long as the provider asked, or longer after each such answer.

    A wait that the provider named holds for every request there, one that we chose for orders alone. If the janitor was quicker, the job ends and its
    credits come back: what was in doubt is never sent again by itself.
    """
    tries = min(MOST_TRIES, ticket.job.tries + 1)
    asked = min(LONGEST_REST, error.retry_after or 0)
    wait = max(after_trouble(tries, chance=random.random()), asked)  # noqa: S311 - jitter
    due = now + timedelta(seconds=min(LONGEST_REST, wait))
    job, message = ticket.job, error.message
    cause = Cause.UNREACHED if isinstance(error, Unreached) else Cause.NOT_NOW
    with transaction.atomic():
        moved = move(job, State.SENDING, State.QUEUED, cause=cause, message=message, due=due, lease_until=None, tries=tries)
        if not moved and not finish(job, State.IN_DOUBT, State.FAILED, cause=cause, message=message):
            return
        ours = Attempt.objects.filter(pk=ticket.attempt.pk, callback_token_hash=ticket.attempt.callback_token_hash)
        if not ours.update(sent_at=None, answer=error.answer):
            transaction.set_rollback(True)  # said late, when the job had been sent anew: that submission is another one
            return
        if moved:
            batch_line.follow(job)
        rest_sends(job.connection_id, until=due)
        if asked:
            rest(job.connection_id, until=now + timedelta(seconds=asked))
    if cause is Cause.UNREACHED:
        health.unreached(ticket.attempt, message)


def doubtful(ticket: Ticket, message: str, raw: str = "", *, now: datetime) -> None:
    """Sent and not understood, or not answered: the hold stays, and nothing is sent again by itself."""
    Attempt.objects.filter(pk=ticket.attempt.pk).update(answer=raw, alert=message[:300])
    due = now + DOUBT_FIRST
    if move(ticket.job, State.SENDING, State.IN_DOUBT, cause=Cause.UNANSWERED, message=message, due=due, lease_until=None):
        health.unanswered(ticket.attempt, message)


def submitted(ticket: Ticket, outcome: Outcome) -> None:
    """Write down what a submission came to. Anything unforeseen is doubt, never failure."""
    now = timezone.now()
    match outcome:
        case Answer(report=report, raw=raw):
            accepted(ticket, report, raw, now=now)
        case Refused() as error:
            refused(ticket, error)
        case NotNow() as error:
            not_now(ticket, error, now=now)
        case ProviderError() as error:
            doubtful(ticket, error.message, error.answer, now=now)
        case error:
            log.error("attempt %s: unforeseen while sending", ticket.attempt.pk, exc_info=error if isinstance(error, BaseException) else None)
            doubtful(ticket, "Something unforeseen happened while it was sent.", now=now)


def ended(job: Job, attempt: Attempt, report: Report, raw: str, *, start: State, now: datetime) -> bool:
    """Whether this call wrote down that it is over: on to saving, another attempt, or failed with its cause. The figure that is charged is kept."""
    with transaction.atomic():
        if not _ended(job, attempt, report, start=start, now=now):
            return False
        _record(attempt, raw, report.usage, made_at=now)
        if Attempt.objects.filter(pk=attempt.pk, asked_callback=True, called_at=None).exists():
            Connection.objects.filter(pk=attempt.connection_id, called_at__isnull=False).update(calls_missed=F("calls_missed") + 1)
    health.over(attempt, job, report, rate_of(attempt), now=now)
    return True


def _ended(job: Job, attempt: Attempt, report: Report, *, start: State, now: datetime) -> bool:
    if report.phase is Phase.FAILED:
        charge = charge_for_failure(
            report.cause, report.usage, rate_of(attempt), estimate=attempt.estimate, charges_refusals=_charges_refusals(job, attempt)
        )
        return give_up(job, start, charge=charge, cause=report.cause or Cause.PROVIDER_FAILED, message=report.message)
    if not move(job, start, State.SAVING, due=now, lease_until=None, progress=None, tries=0):
        return False
    places = enumerate(report.videos[:MOST_CLIPS])
    clips = [Clip(job=job, attempt=attempt, project_id=job.project_id, position=place, source_url=address) for place, address in places]
    Clip.objects.bulk_create(clips, ignore_conflicts=True)
    return True


def _charges_refusals(job: Job, attempt: Attempt) -> bool:
    """Whether this provider bills a result of that model that its filter refused, though it reports no usage."""
    known = PROVIDERS.get(job.connection.provider)
    can = capability(known.key, job.model, attempt.dialect) if known and attempt.dialect in known.dialects else None
    return can is not None and can.charges_refusals


def rate_of(attempt: Attempt) -> Rate | None:
    """The rate that was in force when it was sent."""
    if attempt.rate_millicredits is None or attempt.rate_per_units is None:
        return None
    return Rate(attempt.rate_millicredits, attempt.rate_per_units, "in force when it was sent")


def _record(attempt: Attempt, raw: str, usage: Usage | None, **fields: object) -> None:
    figures = {"usage_amount": usage.amount[:200], "usage_unit": usage.unit[:40]} if usage else {}
    Attempt.objects.filter(pk=attempt.pk).update(answer=raw, **figures, **fields)


def _capability_of(job: Job, dialect: str) -> Capability:
    try:
        can = capability(job.connection.provider, job.model, dialect)
    except KeyError as error:
        raise NoAccess(f"{job.connection.label} needs a provider that this version does not know.", cause=Cause.OUR_FAULT) from error
    if can is None:
        raise Unreachable(f"{PROVIDERS[job.connection.provider].name} has no model {job.model} any more.")
    return can


def brief_of_job(job: Job) -> Brief:
    """What this job asks of its connection, in words and choices; pictures and clips left out."""
    return Brief(
        prompt=job.prompt,
        aspect_ratio=job.aspect_ratio,
        duration=job.duration,
        resolution=job.resolution,
        model=job.model,
        mode=job.mode,
        operation=Operation(job.operation),
        sound=job.sound,
    )


def _whole_brief(attempt: Attempt, can: Capability) -> Brief:
    """The same with where the provider gets its pictures and its clip. Raises Unreachable."""
    job = attempt.job
    references = [place.reference for place in job.job_references.select_related("reference")]
    return replace(
        brief_of_job(job),
        images=tuple(address_for(reference, connection=job.connection, capability=can) for reference in references),
        video=video_address(job.source, connection=job.connection) if job.source else "",
        video_seconds=job.source.milliseconds / 1000 if job.source else 0.0,
    )
