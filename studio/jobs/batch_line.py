"""What a batch's state means for one of its jobs in line: held back, put back in line, or cancelled with it. Knows no wave, no rule and no price.

When a batch changes, its chore (batch_worker.py) does this to all of its jobs that are in line. One that was at a provider then, and comes back into line
by itself because it was turned away or is tried elsewhere, follows its batch in the same transaction: a paused or stopped batch sends nothing in between.
What a person does to one job stands, whatever its batch does.
"""

from django.db.models import F
from django.utils import timezone

from studio.jobs import batch_ceiling
from studio.jobs.batch_models import Batch, BatchRow
from studio.jobs.lifecycle import State
from studio.jobs.models import Job
from studio.jobs.moves import finish, move


def hold_back(job: Job) -> bool:
    """Whether the job was in line and is held back now, with its credits."""
    return move(job, State.QUEUED, State.PAUSED, message="with its batch", due=None)


def put_back(job: Job) -> bool:
    """Whether the job was held back and is in line again."""
    return move(job, State.PAUSED, State.QUEUED, message="with its batch", due=timezone.now())


def cancel(job: Job, start: State, *, message: str = "Cancelled with its batch") -> bool:
    """Whether the job was not sent and is cancelled now; its credits come back, and the row of a batch that named it can be ordered anew."""
    if not finish(job, start, State.CANCELLED, message=message):
        return False
    BatchRow.objects.filter(job=job).update(job=None, wave=None, tries=F("tries") + 1)
    return True


def follow(job: Job) -> None:
    """Do to a job that came back into line by itself what its batch's jobs in line are meant to do. Call it in the transaction that queued it.

    A batch that paused itself sends what is in line: that was paid for, and only what is not ordered yet waits.
    """
    batch = batch_ceiling.lock(job)
    if batch is None:
        return
    if batch.state == Batch.State.PAUSED and batch.cause == Batch.Cause.PERSON:
        hold_back(job)
    elif batch.state == Batch.State.STOPPED:
        cancel(job, State.QUEUED)
