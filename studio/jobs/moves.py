"""The one writer of a job's state. What every move does in one transaction:

    a conditional UPDATE from the state we believe it is in  ->  did we win?
    the event, and the project's next board version
    and, when an attempt ends: its hold is settled or released, once

Whoever acts for an attempt (its sender, a look, a download, a verdict) passes it as `attempt`. The move is won only while
that very submission is the job's live one: an answer that comes late must not touch the attempt that followed it.

Rows are locked in the order job, project, batch, hold, account, tallies, here, in actions.py and in batch_worker.py.
"""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet, Sum
from django.utils import timezone

from studio.accounts.models import User
from studio.credits import ledger
from studio.jobs import batch_ceiling, payers
from studio.jobs.charging import Charge
from studio.jobs.lifecycle import State, is_final, may_move
from studio.jobs.models import Attempt, Job, JobEvent, alerted
from studio.routing.choice import Option
from studio.routing.track import kind_of

NOTHING = Charge(0)


class NoSuchMove(Exception):
    """The table of moves does not know this one: a bug of ours."""


def move(job: Job, start: State, end: State, *, attempt: Attempt | None = None, cause: str = "", message: str = "", **fields: object) -> bool:
    """Whether this call moved the job from `start` to `end`. Further `fields` are written in the same UPDATE. Not for moves that end a job: see `finish`."""
    if is_final(end):
        raise NoSuchMove(f"{end} ends a job: use finish()")
    with transaction.atomic():
        return _move(job, start, end, {"cause": cause, "message": message[:500], **fields}, attempt=attempt, cause=cause, message=message)


def finish(
    job: Job, start: State, end: State, *, attempt: Attempt | None = None, charge: Charge = NOTHING, cause: str = "", message: str = ""
) -> bool:
    """Whether this call ended the job. Its hold is settled with the charge, or released where that is 0, in the same transaction."""
    if not is_final(end):
        raise NoSuchMove(f"{end} does not end a job: use move()")
    with transaction.atomic():
        over = {"cause": cause, "message": message[:500], "ended_at": timezone.now(), "due": None, "lease_until": None}
        if not _move(job, start, end, over, attempt=attempt, cause=cause, message=message):
            return False
        _end_attempt(job, start, end, charge=charge, cause=cause, message=message)
        spent = Attempt.objects.filter(job=job).aggregate(total=Sum("charged"))["total"] or 0
        Job.objects.filter(pk=job.pk).update(charged=spent, charge_is_estimate=charge.is_estimate)
        return True


def try_again(
    job: Job,
    start: State,
    option: Option,
    *,
    payer: User,
    attempt: Attempt | None = None,
    charge: Charge = NOTHING,
    cause: str = "",
    message: str = "",
) -> bool:
    """Whether this call gave the job another attempt: back in line, as `option` would do it, with a hold of the payer's credits for its estimate.

    An attempt that still lived ends as failed with `charge`, `cause` and `message`, which say why. Raises ledger.CannotHold; then nothing happened.
    """
    asked = as_asked(option)
    with transaction.atomic():
        fresh = {"cause": "", "message": "", "due": timezone.now(), "lease_until": None, "looked_at": None, "first_at": None, "tries": 0}
        fields = {**asked, **fresh, "progress": None, "ended_at": None, "charged": None}
        if not _move(job, start, State.QUEUED, fields, attempt=attempt, cause=cause, message=message):
            return False
        batch_ceiling.lock(job)
        if not is_final(start):
            _end_attempt(job, start, State.FAILED, charge=charge, cause=cause, message=message)
        begin_attempt(job, option, payer=payer)
        return True


def make_good(job: Job, *, message: str) -> bool:
    """Whether this call made a done job of one that had failed, as its clip is ours after all. No money moves: its attempt ended, and stays as it ended."""
    with transaction.atomic():
        return _move(job, State.FAILED, State.DONE, {"cause": "", "message": message[:500]}, attempt=None, cause="", message=message)


def begin_attempt(job: Job, option: Option, *, payer: User) -> Attempt:
    """A live attempt of this job at the option's connection, with its estimate held from the payer. Call it in the transaction that queues the job.

    Raises ledger.CannotHold, also where its batch's ceiling leaves too little, or the payer may not pay here.
    """
    payers.check(payer, job.project, option.millicredits)
    batch_ceiling.check(job, option.millicredits)
    attempt = Attempt.objects.create(
        job=job,
        payer=payer,
        connection=option.connection,
        dialect=option.connection.dialect,
        kind=kind_of(option.brief),
        estimate=option.millicredits,
        estimate_basis=option.forecast.basis[:300],
        quoted=option.quote.millicredits,
        price=option.quote.price,
    )
    ledger.hold(
        payer,
        option.millicredits,
        reference=str(attempt.pk),
        reason=job.code,
        project=job.project,
        provider=option.connection.provider,
    )
    return attempt


def as_asked(option: Option) -> dict[str, object]:
    """The columns of a job that say where it goes, what is asked there, and for how much."""
    brief = option.brief
    return {
        "connection": option.connection,
        "model": brief.model,
        "mode": brief.mode,
        "aspect_ratio": brief.aspect_ratio,
        "duration": brief.duration,
        "resolution": brief.resolution,
        "sound": brief.sound,
        "estimate": option.millicredits,
        "estimate_basis": option.forecast.basis[:300],
    }


def note(job: Job, state: State, *, attempt: Attempt | None = None, **fields: object) -> bool:
    """Whether the job still was in `state` and its board now shows these fields (progress, message, due): a change without a move."""
    with transaction.atomic():
        if attempt is not None:
            lock(job)
        if _in_state(job, state, attempt).update(**fields) != 1:
            return False
        Job.objects.filter(pk=job.pk).update(version=job.project.touch())
        return True


def show_anew(job: Job) -> None:
    """Let boards draw the job again: something changed that they show, and not its state."""
    with transaction.atomic():
        lock(job)
        Job.objects.filter(pk=job.pk).update(version=job.project.touch())


def put_off(job: Job, state: State, *, due: datetime | None, attempt: Attempt | None = None, **fields: object) -> bool:
    """Whether the job still was in `state` and will be looked at then. Nothing that a board shows changes."""
    return _in_state(job, state, attempt).update(due=due, **fields) == 1


def lock(job: Job) -> None:
    """Wait for the job's row. PostgreSQL judges an EXISTS by the snapshot from before it waited, so an UPDATE must not wait itself."""
    list(Job.objects.select_for_update().filter(pk=job.pk).values_list("pk"))


def live(attempt: Attempt) -> "QuerySet[Attempt]":
    """The attempt's row while it lives and was not sent anew since it was read: each submission has a callback token of its own."""
    return Attempt.objects.filter(pk=attempt.pk, ended_at=None, callback_token_hash=attempt.callback_token_hash)


def open_alert(attempt: Attempt, words: str, **fields: object) -> None:
    """Put words before an admin, unless these were settled already: a provider says the same at each look."""
    columns = alerted(words)
    live(attempt).update(**fields)
    live(attempt).exclude(alert=columns["alert"]).update(**columns)


def add_alert(rows: "QuerySet[Attempt]", words: str, **fields: object) -> bool:
    """Whether the row of one attempt was found and has a new alert and these fields.

    Words that nobody has settled yet stand behind the new ones.
    """
    unsettled = rows.filter(alert_settled_at=None).values_list("alert", flat=True).first() or ""
    return rows.update(**fields, **alerted(f"{words} {unsettled}")) == 1


def _end_attempt(job: Job, start: State, outcome: State, *, charge: Charge, cause: str, message: str) -> None:
    """The job's live attempt is over, and its hold with it."""
    attempt = Attempt.objects.get(job=job, ended_at=None)
    if charge.millicredits:
        ledger.settle(str(attempt.pk), charge.millicredits)
    else:
        ledger.release(str(attempt.pk))
    Attempt.objects.filter(pk=attempt.pk).update(
        ended_at=timezone.now(),
        outcome=outcome.value,
        cause=cause,
        message=message[:500],
        charged=charge.millicredits,
        charge_is_estimate=charge.is_estimate,
        **_alert_at_end(start, outcome, charge, attempt),
    )


def _alert_at_end(start: State, outcome: State, charge: Charge, attempt: Attempt) -> dict[str, object]:
    """The charge's own alert; else what was raised while a failed attempt lived is over with it, and stays to be read.

    What is unsettled while its clips are saved is about more than that: it stays open, behind the charge's alert.
    """
    is_saved = start is State.SAVING
    if charge.alert:
        unsettled = attempt.alert if is_saved and attempt.alert_settled_at is None else ""
        return alerted(f"{charge.alert} {unsettled}")
    return {} if outcome is State.DONE or is_saved else {"alert_settled_at": timezone.now()}


def _move(job: Job, start: State, end: State, fields: Mapping[str, object], *, attempt: Attempt | None, cause: str, message: str) -> bool:
    """The move itself: the job's row gets `fields`, its event the cause and the message."""
    if not may_move(start, end):
        raise NoSuchMove(f"{start} -> {end}")
    if attempt is not None:
        lock(job)
    if _in_state(job, start, attempt).update(state=end, **fields) != 1:
        return False
    Job.objects.filter(pk=job.pk).update(version=job.project.touch())
    JobEvent.objects.create(job=job, state=end, cause=cause, message=message[:500])
    return True


def _in_state(job: Job, state: State, attempt: Attempt | None) -> "QuerySet[Job]":
    """The job's row while it is in this state and, where an attempt is named, lives by it."""
    rows = Job.objects.filter(pk=job.pk, state=state)
    return rows if attempt is None else rows.filter(Exists(live(attempt).filter(job=OuterRef("pk"))))
