"""Carries batches out: orders the next wave when it is time, does what a change of state means for jobs that were not sent. May run twice, late or never.

    claim (due) ──> chore: hold back, put back in line, cancel
                └─> running: a rule says stop? ──> the wave has room? order its next row ──> ... ──> the wave has ended? the next one, or a pause, or done

A row is ordered in one transaction: the job with its hold, the row that names it, and that the batch still goes on. The order's key is made of the row and
its try, so two workers at one row make one job; a death between any two lines leaves a row ordered or not ordered, never twice. Rows are locked in the
order of moves.py, so a pause waits for the row that is being ordered, and the next one sees it.
"""

import logging
import time
from datetime import timedelta
from uuid import UUID, uuid5

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from studio.credits.errors import CannotHold, Insufficient, OverCap
from studio.credits.figures import credits_text
from studio.credits.ledger import account_of
from studio.database import AWAY
from studio.jobs import actions, batch_line
from studio.jobs.actions import CannotDo, Order
from studio.jobs.batch_actions import S, change
from studio.jobs.batch_ceiling import OverCeiling
from studio.jobs.batch_models import BULKY, REASON_LENGTH, Batch, BatchRow
from studio.jobs.batch_plan import Judge, price_of, references_of, wanted_of
from studio.jobs.batch_rules import Facts, broken, facts_of
from studio.jobs.cards import IN_FLIGHT
from studio.jobs.lifecycle import UNSENT, State
from studio.jobs.models import Job, Reference
from studio.projects.door import makes_in
from studio.routing.choice import Option

log = logging.getLogger(__name__)
OUR_FAULT = "Something went wrong here, and nothing was ordered. The log says what."
LOOK = timedelta(seconds=2)  # between looks at a batch that goes on
LEASE = timedelta(seconds=20)  # for which one who looks keeps others away; the rows are safe without it
TURN = 4.0  # seconds of one task
AT_ONCE = 1.5  # seconds for which a request works itself: its first cards are there before the answer
SEVERAL = 20  # batches of one task

Chore = Batch.Chore


class Over(Exception):
    """The batch does not go on any more: nothing was ordered."""


def due() -> "QuerySet[Batch]":
    """The batches with something to be done. One query, asked every second."""
    return Batch.objects.filter(due__lte=timezone.now())


def work() -> int:
    """How many batches this task looked at. Run by the queue."""
    end = time.monotonic() + TURN
    return sum(carry_on(key, until=end) for key in list(due().order_by("due").values_list("pk", flat=True)[:SEVERAL]))


def carry_on(key: UUID, *, until: float | None = None) -> bool:
    """Whether this call claimed the batch, and did what it could before `until` (of the monotonic clock; by default a request's patience)."""
    until = time.monotonic() + AT_ONCE if until is None else until
    now = timezone.now()
    if Batch.objects.filter(pk=key, due__lte=now).update(due=now + LEASE) != 1:
        return False
    batch = Batch.objects.select_related("project", "author", "source", "prompt_version", "parent").defer(*BULKY).get(pk=key)
    try:
        waits = _chore(batch, until) and advance(batch, until)
    except AWAY:
        raise
    except Exception:  # left alone it would come due again for ever, with nothing on its card, and keep the other batches waiting
        log.exception("batch %s cannot be carried on", key)
        waits = not _moved(batch, S.PAUSED, cause=Batch.Cause.TROUBLE, why=OUR_FAULT)
    again = timezone.now() + (LOOK if waits else timedelta())
    mine = Batch.objects.filter(pk=key, state=batch.state, chore=batch.chore, due=now + LEASE)  # a change that came in between is due at once
    mine.update(due=again if batch.state == S.RUNNING or batch.chore else None)
    return True


# ───────── what was not sent ─────────


def _chore(batch: Batch, until: float) -> bool:
    """Whether nothing is left to be done to the batch's jobs that were not sent."""
    chore = batch.chore
    if not chore:
        return True
    states = {Chore.HOLD_BACK: [State.QUEUED], Chore.GO_ON: [State.PAUSED], Chore.CANCEL: sorted(UNSENT)}[Chore(chore)]
    for job in Job.objects.filter(batch=batch, state__in=states).select_related("project", "author").order_by("number"):
        if time.monotonic() > until or not _done_to(job, batch):
            return False
    with transaction.atomic():
        if Batch.objects.filter(pk=batch.pk, state=batch.state, chore=chore).update(chore="") != 1:
            return False
    batch.chore = ""
    return True


def _done_to(job: Job, batch: Batch) -> bool:
    """Whether the chore is still the batch's, and was done to this job if that was still possible."""
    with transaction.atomic():
        state = Job.objects.select_for_update().values_list("state", flat=True).get(pk=job.pk)
        batch.project.touch()
        now = Batch.objects.select_for_update().only("state", "chore").get(pk=batch.pk)
        if (now.state, now.chore) != (batch.state, batch.chore):
            return False
        if now.chore == Chore.HOLD_BACK:
            batch_line.hold_back(job)
        elif now.chore == Chore.GO_ON:
            batch_line.put_back(job)
        elif now.chore == Chore.CANCEL and state in UNSENT:
            batch_line.cancel(job, State(state))
    return True


# ───────── what is to be ordered ─────────


def advance(batch: Batch, until: float) -> bool:
    """Order what may be ordered now; whether there is nothing more to do for a while. `batch.state` is afterwards as this call left it."""
    judge: Judge | None = None
    references = references_of(batch) if batch.state == S.RUNNING else []
    while batch.state == S.RUNNING:
        facts = facts_of([batch])[batch.pk]
        if _ended(batch, facts):
            return _chore(batch, until)
        room = batch.wave - BatchRow.objects.filter(batch=batch, wave=batch.turn).count()
        if room <= 0 and not _next_wave(batch):
            return True
        if room <= 0:
            continue
        judge = judge or Judge.of()
        for row in _open_rows(batch)[:room]:
            if time.monotonic() > until:
                return False
            if not _ordered(batch, row, judge, references):
                return batch.state == S.RUNNING  # a place is waited for, or it was stopped
    return False


def _open_rows(batch: Batch) -> "QuerySet[BatchRow]":
    return BatchRow.objects.filter(batch=batch, job=None, refusal="").select_related("connection").order_by("position")


def _ended(batch: Batch, facts: Facts) -> bool:
    """Whether nothing more is to be ordered: a rule says so, its author may not, or there is no more."""
    if stop := broken(batch, facts):
        return _moved(batch, S.STOPPED, cause=stop[0], why=stop[1], chore=Chore.CANCEL)
    if not facts.waiting:
        return bool(facts.in_flight) or _moved(batch, S.DONE)
    if trouble := _may_not(batch):
        return _moved(batch, S.PAUSED, cause=Batch.Cause.TROUBLE, why=trouble)
    return False


def _moved(batch: Batch, end: str, **said: str) -> bool:
    """That the batch does not go on; in hand it is as the database has it."""
    change(batch, {S.RUNNING}, end, **said)
    batch.refresh_from_db(fields=["state", "cause", "why", "chore", "due"])
    return True


def _may_not(batch: Batch) -> str:
    """Why its author may not order here any more; empty if they may."""
    if batch.project.archived_at:
        return "The project is archived."
    if not batch.author.is_active:
        return f"{batch.author} is no longer active."
    return "" if makes_in(batch.author, batch.project) else f"{batch.author} makes no clips in this project any more."


def _next_wave(batch: Batch) -> bool:
    """Whether the wave has ended and the next one began; one that is looked at first pauses the batch."""
    if Job.objects.filter(row__batch=batch, row__wave=batch.turn, state__in=sorted(IN_FLIGHT)).exists():
        return False
    turn = batch.turn
    if batch.looks_between:
        why = f"Wave {turn} has ended. Look at its clips, then go on."
        change(batch, {S.RUNNING}, S.PAUSED, cause=Batch.Cause.WAVE, why=why, turn=turn + 1)
    else:
        Batch.objects.filter(pk=batch.pk, state=S.RUNNING, turn=turn).update(turn=turn + 1)
    batch.refresh_from_db(fields=["state", "cause", "why", "chore", "due", "turn"])
    return batch.state == S.RUNNING


def _ordered(batch: Batch, row: BatchRow, judge: Judge, references: list[Reference]) -> bool:
    """Whether this row is dealt with: it is a job now, or it says why not. False where no other row can be ordered either."""
    option = judge.option(wanted_of(batch, row, references))
    if option is None or not option.possible:
        return _refused(batch, row, option.why_not if option else "Its connection takes no orders any more.")
    try:
        with transaction.atomic():
            job = actions.order(author=batch.author, project=batch.project, what=_what(batch, row, option, references), order_key=_key(row))
            if Batch.objects.filter(pk=batch.pk, state=S.RUNNING, turn=batch.turn).update(version=F("version")) != 1:
                raise Over
            BatchRow.objects.filter(pk=row.pk, job=None, tries=row.tries).update(job=job, wave=batch.turn)
    except CannotDo as refusal:
        return _refused(batch, row, str(refusal))
    except CannotHold as lack:
        return _lacks(batch, lack, judge, references)
    except Over:
        batch.refresh_from_db(fields=["state", "cause", "why", "chore", "due", "turn"])
        return False
    except AWAY:
        raise
    except Exception:
        log.exception("row %s of batch %s cannot be ordered", row.position, batch.pk)
        return _refused(batch, row, OUR_FAULT)
    return True


def _key(row: BatchRow) -> UUID:
    """The order's key: of this row, and of this try of it."""
    return uuid5(row.batch_id, f"{row.position}.{row.tries}")


def _what(batch: Batch, row: BatchRow, option: Option, references: list[Reference]) -> Order:
    return Order(
        connection=option.connection,
        brief=option.brief,
        references=references,
        source=batch.source,
        wish=wanted_of(batch, row, references).brief(),
        policy=batch.policy,
        parent=batch.parent,
        prompt_version=batch.prompt_version,
        prompt_changed=batch.prompt_changed,
        batch=batch,
    )


def _refused(batch: Batch, row: BatchRow, why: str) -> bool:
    """The row says why it was not ordered; others may be."""
    with transaction.atomic():
        batch.project.touch()
        BatchRow.objects.filter(pk=row.pk, job=None, refusal="").update(refusal=why[:REASON_LENGTH], wave=batch.turn)
    return True


def _lacks(batch: Batch, lack: CannotHold, judge: Judge, references: list[Reference]) -> bool:
    """Wait for a free place, or pause and say what is missing for the rest. Never true: no other row can be ordered either."""
    if isinstance(lack, OverCap) and (lack.needed, lack.left) == (1, 0) and lack.whole_again is None:
        return False  # so many at once are this person's cap: one ends, and the next is ordered
    cause, why = Batch.Cause.LIMIT, str(lack)
    if isinstance(lack, OverCeiling):
        cause = Batch.Cause.CEILING
    elif isinstance(lack, Insufficient):
        rows = list(_open_rows(batch))
        rest, free = price_of(judge, batch, rows, references).total, account_of(batch.author).free
        clips = "The last clip needs" if len(rows) == 1 else f"The other {len(rows):,} clips need"
        missing = max(lack.missing, rest - free)
        cause = Batch.Cause.CREDITS
        why = f"{clips} {credits_text(rest)} credits; {credits_text(free)} can be spent. {credits_text(missing)} are missing."
    _moved(batch, S.PAUSED, cause=cause, why=why)
    return False
