"""What a batch may cost at most: what its jobs hold and were charged together, never more than its ceiling with another hold.

Every hold of a job passes here, whoever asks for it: the next wave, a person who tries again, a policy that goes elsewhere. It is judged under the
lock of the batch's row, which is taken after the project's and before any hold's or account's. The provider's own figure may exceed its hold and so the
ceiling; then nothing more is held. Nothing is counted: what is committed is the sum of the attempts.
"""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q, Sum

from studio.credits.errors import CannotHold
from studio.credits.figures import credits_text
from studio.jobs.batch_models import BULKY, Batch
from studio.jobs.models import Attempt, Job


class OverCeiling(CannotHold):
    """The batch's ceiling leaves too little: raise it, or let it be."""


@dataclass(frozen=True, slots=True)
class Committed:
    """What a batch's jobs hold, and what they were charged, in millicredits."""

    held: int = 0
    spent: int = 0

    @property
    def total(self) -> int:
        """Both."""
        return self.held + self.spent


def committed(batches: Collection[UUID]) -> dict[UUID, Committed]:
    """What these batches have committed. One query."""
    rows = Attempt.objects.filter(job__batch__in=batches).values("job__batch").order_by()
    sums = rows.annotate(held=Sum("estimate", filter=Q(ended_at=None), default=0), spent=Sum("charged", default=0))
    return {row["job__batch"]: Committed(row["held"], row["spent"]) for row in sums}


def lock(job: Job) -> Batch | None:
    """The batch of this job as it stands, under a lock that this transaction keeps; None for a job of its own."""
    batches = Batch.objects.select_for_update().defer(*BULKY)
    return batches.get(pk=job.batch_id) if job.batch_id else None


def check(job: Job, amount: int) -> None:
    """Raise OverCeiling where this much more would go beyond the ceiling. Call it in the transaction that holds."""
    batch = lock(job)
    if batch is None:
        return
    left = batch.ceiling - committed([batch.pk]).get(batch.pk, Committed()).total
    if amount > left:
        words = f"This needs {credits_text(amount)} credits; {credits_text(max(left, 0))} are left of the batch’s ceiling of {credits_text(batch.ceiling)}."
        raise OverCeiling(words, needed=amount, left=max(left, 0))
