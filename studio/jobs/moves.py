"""The one writer of a job's state. What every move does in one transaction:

    a conditional UPDATE from the state we believe it is in  ->  did we win?
    the event, and the project's next board version
    and, when the job ends: its attempt ends and its hold is settled or released, once

Rows are locked in the order job, project, hold, account, here and in actions.py.
"""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from studio.credits import ledger
from studio.jobs.charging import Charge
from studio.jobs.lifecycle import State, is_final, may_move
from studio.jobs.models import Attempt, Job, JobEvent

NOTHING = Charge(0)


class NoSuchMove(Exception):
    """The table of moves does not know this one: a bug of ours."""


def move(job: Job, start: State, end: State, *, cause: str = "", message: str = "", **fields: object) -> bool:
    """Whether this call moved the job from `start` to `end`. Further `fields` are written in the same UPDATE. Not for moves that end a job: see `finish`."""
    if is_final(end):
        raise NoSuchMove(f"{end} ends a job: use finish()")
    with transaction.atomic():
        return _move(job, start, end, cause=cause, message=message, **fields)


def finish(job: Job, start: State, end: State, *, charge: Charge = NOTHING, cause: str = "", message: str = "") -> bool:
    """Whether this call ended the job. Its hold is settled with the charge, or released where that is 0, in the same transaction."""
    if not is_final(end):
        raise NoSuchMove(f"{end} does not end a job: use move()")
    now = timezone.now()
    with transaction.atomic():
        written = {"charged": charge.millicredits, "charge_is_estimate": charge.is_estimate, "ended_at": now, "due": None, "lease_until": None}
        if not _move(job, start, end, cause=cause, message=message, **written):
            return False
        attempt = Attempt.objects.get(job=job, ended_at=None)
        if charge.millicredits:
            ledger.settle(str(attempt.pk), charge.millicredits)
        else:
            ledger.release(str(attempt.pk))
        Attempt.objects.filter(pk=attempt.pk).update(ended_at=now, outcome=end.value, **({"alert": charge.alert} if charge.alert else {}))
        return True


def note(job: Job, state: State, **fields: object) -> bool:
    """Whether the job still was in `state` and its board now shows these fields (progress, message, due): a change without a move."""
    with transaction.atomic():
        if Job.objects.filter(pk=job.pk, state=state).update(**fields) != 1:
            return False
        Job.objects.filter(pk=job.pk).update(version=job.project.touch())
        return True


def put_off(job: Job, state: State, *, due: datetime, **fields: object) -> bool:
    """Whether the job still was in `state` and will be looked at then. Nothing that a board shows changes."""
    return Job.objects.filter(pk=job.pk, state=state).update(due=due, **fields) == 1


def _move(job: Job, start: State, end: State, *, cause: str, message: str, **fields: object) -> bool:
    if not may_move(start, end):
        raise NoSuchMove(f"{start} -> {end}")
    message = message[:500]
    if Job.objects.filter(pk=job.pk, state=start).update(state=end, cause=cause, message=message, **fields) != 1:
        return False
    Job.objects.filter(pk=job.pk).update(version=job.project.touch())
    JobEvent.objects.create(job=job, state=end, cause=cause, message=message)
    return True
