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
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone

from studio import leases
from studio.jobs import batch_line, health, late, unpaid
from studio.jobs.charging import charge_for_failure, expected_of, rate_of
from studio.jobs.hands import Outcome
from studio.jobs.lifecycle import State
from studio.jobs.line import serve
from studio.jobs.models import Attempt, Cause, Clip, Job, alerted, reported
from studio.jobs.moves import add_alert, finish, live, lock, move, note
from studio.jobs.references import Unreachable, address_for, video_address
from studio.jobs.routes import give_up
from studio.jobs.timing import looks_of
from studio.jobs.watching import after_trouble, first_look
from studio.providers.contract import (
    Brief,
    Capability,
    NotNow,
    Operation,
    Phase,
    Provider,
    ProviderError,
    Refused,
    Report,
    StoresFiles,
    Unreached,
)
from studio.providers.registry import PROVIDERS, capability, make, usage_unit_of
from studio.providers.wire import Answer
from studio.routing.models import Connection, KeyUnreadable
from studio.routing.prices import rate_for

log = logging.getLogger(__name__)
SENDING_LEASE = timedelta(seconds=90)  # longer than the longest submission (wire.py), so that only a dead sender is doubted
UNPREPARED = timedelta(seconds=30)  # until a job that could not be prepared is tried again
LONGEST_REST = leases.LONGEST_REST.total_seconds()
MOST_TRIES = 10_000  # what the column surely holds; a provider may be away for weeks
MOST_CLIPS = 26  # of one job: TIDE-047 to TIDE-047z
TIDY_FIRST = timedelta(seconds=30)  # from an end until its stored copy is deleted, if the clip is ours by then (stored.py)
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
    attempt, provider, brief, can = prepared
    if unpaid.is_stopped(job, attempt):
        return None
    provider, stored_as = _storing(provider, attempt)
    token = secrets.token_urlsafe(24)
    with transaction.atomic():
        fields: dict[str, Any] = {"due": now + SENDING_LEASE, "lease_until": now + SENDING_LEASE, "tries": 0}
        if not move(job, State.QUEUED, State.SENDING, attempt=attempt, **fields):
            return None
        serve(job, now)
        rate = rate_for(job.connection.provider, usage_unit_of(job.connection.provider, attempt.dialect))
        callback_url = callback_address(attempt, token, can)
        attempt.sent_at, attempt.answered_at, attempt.asked_callback = now, None, bool(callback_url)
        attempt.callback_token_hash, attempt.stored_as = token_hash(token), stored_as
        attempt.rate_millicredits, attempt.rate_per_units = (rate.millicredits, rate.per_units) if rate else (None, None)
        attempt.save(
            update_fields=["sent_at", "answered_at", "asked_callback", "callback_token_hash", "stored_as", "rate_millicredits", "rate_per_units"]
        )
    return Ticket(job, attempt, provider, brief, callback_url)


def _storing(provider: Provider, attempt: Attempt) -> tuple[Provider, str]:
    """The access with which a copy is asked for in the provider's file store, and its name, which no other attempt has; "" where none is asked for."""
    if not (isinstance(provider, StoresFiles) and attempt.connection.keeps_copies):
        return provider, ""
    name = f"{attempt.pk}.mp4"
    return provider.storing(name), name


def token_hash(token: str) -> str:
    """What is kept of a callback's token."""
    return hashlib.sha256(token.encode()).hexdigest()


def callback_address(attempt: Attempt, token: str, can: Capability) -> str:
    """Where the provider may tell us that this attempt is over; "" where it has no callbacks, or could not reach us."""
    site = settings.SANDBOX_URL if attempt.connection.sandbox else settings.PUBLIC_URL
    return f"{site}{reverse('hook', args=[attempt.pk, token])}" if site and can.callbacks else ""


def _prepared(job: Job, now: datetime) -> tuple[Attempt, Provider, Brief, Capability] | None:
    """Whom to ask for what. None if that cannot be said, and then this job alone ends or waits: whatever it is must not stop the others."""
    attempt = Attempt.objects.select_related("connection").filter(job=job, ended_at=None).first()
    if attempt is None:  # cancelled just now
        return None
    attempt.job = job
    try:
        can = _capability_of(job, attempt.dialect)
        return attempt, access(job.connection, attempt.dialect), _whole_brief(attempt, can), can
    except NoAccess as error:
        note(job, State.QUEUED, attempt=attempt, due=now + UNPREPARED, cause=error.cause, message=str(error))
    except Unreachable as error:
        finish(job, State.QUEUED, State.FAILED, attempt=attempt, cause=Cause.INPUT_REFUSED, message=str(error))
    except Exception:
        log.exception("job %s could not be prepared", job.pk)
        message = "Something went wrong here before it was sent. Trying again."
        note(job, State.QUEUED, attempt=attempt, due=now + UNPREPARED, cause=Cause.OUR_FAULT, message=message)
    return None


def accepted(ticket: Ticket, report: Report, raw: str, *, now: datetime) -> bool:
    """The provider took it: keep its id, and say when to look first. Also when the janitor was quicker and had put the job in doubt.

    Like the three below it answers whether this was the first word of the attempt's submission, while the attempt lived.
    """
    job, attempt, overtaken = ticket.job, ticket.attempt, False
    try:
        due = now + timedelta(seconds=first_look(looks_of(attempt), chance=random.random()))  # noqa: S311 - jitter
        with transaction.atomic():
            if not _answered(attempt, now, remote_id=report.remote_id, accepted_at=now, answer=raw, **alerted(report.alert)):
                return False
            called = Attempt.objects.filter(pk=attempt.pk, called_at__isnull=False).exists()  # its end was told before its beginning
            fields: dict[str, Any] = {"due": now if called else due, "lease_until": None, "progress": report.progress, "tries": 0}
            moved = any(move(job, start, State.RENDERING, attempt=attempt, **fields) for start in (State.SENDING, State.IN_DOUBT))
            if not moved and not Job.objects.filter(pk=job.pk, state=State.RENDERING).exists():
                transaction.set_rollback(True)  # by another id it is further already
                overtaken = True
    except IntegrityError:
        alert = f"The provider answered with an id that belongs to another job: {report.remote_id[:100]}"
        log.exception("attempt %s: %s", attempt.pk, alert)
        return doubtful(ticket, alert, raw, now=now, conflict=alert)
    if overtaken:
        return _overtaken(attempt, "" if _is_known(attempt, report.remote_id) else late.second(report.remote_id), now=now)
    health.reached(attempt)
    if moved and report.phase in {Phase.SUCCEEDED, Phase.FAILED}:
        ended(attempt, report, raw, start=State.RENDERING, now=now)
    return True


def refused(ticket: Ticket, error: Refused) -> bool:
    """A clear no: the job ends, and what was held comes back, less what the provider says it charged. Also out of doubt, as in `accepted`."""
    attempt = ticket.attempt
    charge = charge_for_failure(error.cause, error.usage, rate_of(attempt), **expected_of(attempt))
    with transaction.atomic():
        if not _answered(attempt, timezone.now(), answer=error.answer, **reported(error.usage)):
            return False
        starts = (State.SENDING, State.IN_DOUBT)
        moved = not _has_id(attempt) and any(give_up(attempt, start, charge=charge, cause=error.cause, message=error.message) for start in starts)
        transaction.set_rollback(not moved)
    if not moved:
        return _overtaken(attempt, f"Although it was taken on, the provider answered that it refused the order: {error.message}", now=timezone.now())
    health.turned_down(attempt, error.cause, error.message)
    return True


def not_now(ticket: Ticket, error: NotNow, *, now: datetime) -> bool:
    """It certainly did nothing: back to the queue. The connection takes no orders for as long as the provider asked, or longer after each such answer.

    A wait that the provider named holds for every request there, one that we chose for orders alone. If the janitor was quicker, the job ends and its
    credits come back: what was in doubt is never sent again by itself.
    """
    tries = min(MOST_TRIES, ticket.job.tries + 1)
    asked = min(LONGEST_REST, error.retry_after or 0)
    wait = max(after_trouble(tries, chance=random.random()), asked)  # noqa: S311 - jitter
    due = now + timedelta(seconds=min(LONGEST_REST, wait))
    job, attempt, message = ticket.job, ticket.attempt, error.message
    cause, overtaken = Cause.UNREACHED if isinstance(error, Unreached) else Cause.NOT_NOW, False
    with transaction.atomic():
        if not _answered(attempt, now, sent_at=None, answer=error.answer):
            return False
        fields: dict[str, Any] = {"due": due, "lease_until": None, "tries": tries}
        if move(job, State.SENDING, State.QUEUED, attempt=attempt, cause=cause, message=message, **fields):
            batch_line.follow(job)
        else:
            overtaken = _has_id(attempt) or not finish(job, State.IN_DOUBT, State.FAILED, attempt=attempt, cause=cause, message=message)
        if not overtaken:
            rest_sends(job.connection_id, until=due)
            if asked:
                rest(job.connection_id, until=now + timedelta(seconds=asked))
        transaction.set_rollback(overtaken)
    if overtaken:
        return _overtaken(attempt, f"Although it was taken on, the provider answered that it had not taken the order: {message}", now=now)
    if cause is Cause.UNREACHED:
        health.unreached(attempt, message)
    return True


def doubtful(ticket: Ticket, message: str, raw: str = "", *, now: datetime, conflict: str = "") -> bool:
    """Sent and not understood, or not answered: the hold stays, and nothing is sent again by itself.

    `conflict` is what an admin should see even where the attempt is known to be taken on by now.
    """
    attempt = ticket.attempt
    fields: dict[str, Any] = {"due": now + DOUBT_FIRST, "lease_until": None, "cause": Cause.UNANSWERED}
    with transaction.atomic():
        if not _answered(attempt, now, answer=raw, **alerted(message)):
            return False
        moved = move(ticket.job, State.SENDING, State.IN_DOUBT, attempt=attempt, message=message, **fields)
        overtaken = not moved and (_has_id(attempt) or not Job.objects.filter(pk=ticket.job.pk, state=State.IN_DOUBT).exists())
        transaction.set_rollback(overtaken)
    if overtaken:
        return _overtaken(attempt, conflict, now=now)
    if moved:
        health.unanswered(attempt, message)
    return True


def _answered(attempt: Attempt, now: datetime, **fields: object) -> bool:
    """Whether this is the first answer to this submission that is written down, and its attempt still lives. Call it in the answer's transaction."""
    lock(attempt.job)
    return live(attempt).filter(answered_at=None).update(answered_at=now, **fields) == 1


def _overtaken(attempt: Attempt, words: str, *, now: datetime) -> bool:
    """Keep that an answer came when its attempt was known to be taken on already.

    With an alert where it says something else. What the provider said since, its usage above all, is newer and stays.
    """
    rows = live(attempt).filter(answered_at=None)
    return add_alert(rows, words, answered_at=now) if words else rows.update(answered_at=now) == 1


def _has_id(attempt: Attempt) -> bool:
    """Whether somebody else learned its id at the provider meanwhile; long overdue, it may be in doubt all the same."""
    return live(attempt).exclude(remote_id=None).exists()


def _is_known(attempt: Attempt, remote_id: str) -> bool:
    """Whether what is being saved is this very order: by its id, or by the copy whose name no other attempt has."""
    return live(attempt).filter(Q(remote_id=remote_id) | Q(remote_id=None)).exists()


def submitted(ticket: Ticket, outcome: Outcome) -> None:
    """Write down what a submission came to. Anything unforeseen is doubt, never failure; what comes too late changes nothing of the job."""
    now = timezone.now()
    match outcome:
        case Answer(report=report, raw=raw):
            counts = accepted(ticket, report, raw, now=now)
        case Refused() as error:
            counts = refused(ticket, error)
        case NotNow() as error:
            counts = not_now(ticket, error, now=now)
        case ProviderError() as error:
            counts = doubtful(ticket, error.message, error.answer, now=now)
        case error:
            log.error("attempt %s: unforeseen while sending", ticket.attempt.pk, exc_info=error if isinstance(error, BaseException) else None)
            counts = doubtful(ticket, "Something unforeseen happened while it was sent.", now=now)
    if not counts:
        late.answered(ticket.attempt, outcome, now=now)


def ended(attempt: Attempt, report: Report, raw: str, *, start: State, now: datetime) -> bool:
    """Whether this call wrote down that it is over: on to saving, another attempt, or failed with its cause. The figure that is charged is kept."""
    with transaction.atomic():
        if not _ended(attempt, report, start=start, now=now):
            return False
        _record(attempt, raw, report, made_at=now, **copy_of(attempt, report, now))
        if Attempt.objects.filter(pk=attempt.pk, asked_callback=True, called_at=None).exists():
            Connection.objects.filter(pk=attempt.connection_id, called_at__isnull=False).update(calls_missed=F("calls_missed") + 1)
    health.over(attempt, attempt.job, report, rate_of(attempt), now=now)
    return True


def _ended(attempt: Attempt, report: Report, *, start: State, now: datetime) -> bool:
    if report.phase is Phase.FAILED:
        charge = charge_for_failure(report.cause, report.usage, rate_of(attempt), charges_refusals=_charges_refusals(attempt), **expected_of(attempt))
        return give_up(attempt, start, charge=charge, cause=report.cause or Cause.PROVIDER_FAILED, message=report.message)
    if not move(attempt.job, start, State.SAVING, attempt=attempt, due=now, lease_until=None, progress=None, tries=0):
        return False
    clips_of(attempt, report)
    return True


def clips_of(attempt: Attempt, report: Report) -> None:
    """A row for each clip that the provider names; those that are known already stay as they are."""
    job, places = attempt.job, enumerate(report.videos[:MOST_CLIPS])
    clips = [Clip(job=job, attempt=attempt, project_id=job.project_id, position=place, source_url=address) for place, address in places]
    Clip.objects.bulk_create(clips, ignore_conflicts=True)


def _charges_refusals(attempt: Attempt) -> bool:
    """Whether this provider bills a result of that model that its filter refused, though it reports no usage."""
    known = PROVIDERS.get(attempt.job.connection.provider)
    can = capability(known.key, attempt.job.model, attempt.dialect) if known and attempt.dialect in known.dialects else None
    return can is not None and can.charges_refusals


def _record(attempt: Attempt, raw: str, report: Report, **fields: object) -> None:
    """Keep an end with the attempt. What was to be judged before it was known is over, but for what the end itself says or its charge raised."""
    kept = Attempt.objects.filter(pk=attempt.pk)
    kept.update(answer=raw, **reported(report.usage), **fields)
    if kept.filter(ended_at=None).exists():
        kept.update(**alerted(report.alert))
    elif report.alert:
        of_charge = kept.filter(alert_settled_at=None).values_list("alert", flat=True).first() or ""
        kept.update(**alerted(f"{of_charge} {report.alert}"))


def copy_of(attempt: Attempt, report: Report, now: datetime) -> dict[str, object]:
    """The columns that say which copy in the provider's file store is to be deleted once the clip is ours. Only a file of the name that we chose is ours."""
    if report.stored is None or report.stored.name != attempt.stored_as:
        return {}
    return {"stored_id": report.stored.file_id, "stored_due": now + TIDY_FIRST}


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
