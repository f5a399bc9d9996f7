"""What a person does with a batch: plan one, order it, pause it, go on with it, stop it, order again what failed, change its rules.

    planned ──> running <──> paused           paused: nothing more is ordered or sent; what is in line keeps its hold
                  │  ^          │
                  │  └─ stopped <            stopped: what is in line was cancelled, and its credits came back
                  └──> done ──> running       only when what failed is ordered again

Every change is one conditional UPDATE that says whether it won, and writes the board's next version. What it means for jobs that were not sent yet is a
chore, which stands in the same row until it is done: batch_worker.py does it, at once and after any death.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone

from studio.accounts.models import User
from studio.jobs.actions import next_number
from studio.jobs.batch_models import NAME_LENGTH, REASON_LENGTH, Batch, BatchReference, BatchRow
from studio.jobs.batch_plan import WAVE, placed
from studio.jobs.batch_rules import broken, facts_of
from studio.jobs.lifecycle import State
from studio.jobs.models import Job
from studio.jobs.prompting import is_changed
from studio.jobs.wanted import Wanted
from studio.projects.door import Pass
from studio.projects.models import Project

S = Batch.State
MOST_PLANS = 10  # of one person in one project; the oldest goes
AT_ONCE = 500  # rows written with one statement


class Stays(Exception):
    """It cannot go on as it is. Its text says why, and what would help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """When a batch stops, and in what waves it is ordered. `ceiling` in millicredits, `most_failed` in per cent; None for no such rule."""

    ceiling: int
    wave: int = WAVE
    looks_between: bool = False
    enough_kept: int | None = None
    most_failed: int | None = None

    def as_kept(self) -> dict[str, object]:
        """The columns of a batch."""
        return {name: getattr(self, name) for name in ("ceiling", "wave", "looks_between", "enough_kept", "most_failed")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What a batch is made of: the brief that its rows share, the rows themselves, and where they come from."""

    wanted: Wanted
    rows: Iterable[BatchRow] = ()
    name: str = ""
    begun_with: str = ""
    sheet: dict[str, object] | None = None
    columns: list[str] = field(default_factory=list)


def plan(entry: Pass, made: Made) -> Batch:
    """A batch that is looked at before it is ordered. The person's oldest plans in this project are dropped."""
    with transaction.atomic():
        batch = _created(entry, made)
        mine = Batch.objects.filter(project=entry.project, author=entry.user, state=S.PLANNED)
        old = list(mine.order_by("-created_at").values_list("pk", flat=True)[MOST_PLANS:])
        mine.filter(pk__in=old).delete()
    return batch


def replan(batch: Batch, rows: Iterable[BatchRow], *, columns: list[str]) -> None:
    """Other rows for a batch that is only planned, because its columns mean something else."""
    with transaction.atomic():
        if Batch.objects.filter(pk=batch.pk, state=S.PLANNED).update(columns=columns) != 1:
            return
        BatchRow.objects.filter(batch=batch).delete()
        BatchRow.objects.bulk_create(placed(batch, rows), batch_size=AT_ONCE)
        batch.columns = columns


def order(batch: Batch, rules: Rules) -> bool:
    """Whether this call ordered the plan: it has a number now, and the worker goes on with it. Its second press changes nothing."""
    with transaction.atomic():
        number, version = next_number(batch.project)
        fresh = {"number": number, "version": version, "ordered_at": timezone.now(), "due": timezone.now()}
        if Batch.objects.filter(pk=batch.pk, state=S.PLANNED).update(state=S.RUNNING, **fresh, **rules.as_kept()) == 1:
            return True
        transaction.set_rollback(True)  # the number goes back
    return False


def order_at_once(entry: Pass, made: Made, rules: Rules, *, key: UUID) -> Batch:
    """The batch of this form, ordered without a look at its plan; the same one for a second press. Raises IntegrityError for somebody else's key."""
    if earlier := _made_before(key, entry.user, entry.project):
        return earlier
    try:
        with transaction.atomic():
            batch = _created(entry, made, key=key)
            order(batch, rules)
    except IntegrityError:
        if earlier := _made_before(key, entry.user, entry.project):
            return earlier
        raise
    batch.refresh_from_db()
    return batch


def pause(batch: Batch, *, by: User) -> bool:
    """Whether it went on and is paused now: nothing more is ordered, and what was not sent is held back with its credits."""
    return change(batch, {S.RUNNING}, S.PAUSED, cause=Batch.Cause.PERSON, why=f"Paused by {by}.", chore=Batch.Chore.HOLD_BACK)


def go_on(batch: Batch, *, rules: Rules | None = None) -> bool:
    """Whether it was paused or stopped and goes on now, with other rules where they are given. Raises Stays where a rule still says no."""
    with transaction.atomic():
        if rules:
            change_rules(batch, rules)
        if stop := broken(batch, facts_of([batch])[batch.pk]):
            raise Stays(f"{stop[1]} Change this rule to go on.")
        return change(batch, {S.PAUSED, S.STOPPED}, S.RUNNING, chore=Batch.Chore.GO_ON)


def stop(batch: Batch, *, by: User) -> bool:
    """Whether it is stopped now: nothing more is ordered, what was not sent is cancelled and its credits come back, what was sent goes on."""
    return change(batch, {S.RUNNING, S.PAUSED}, S.STOPPED, cause=Batch.Cause.PERSON, why=f"Stopped by {by}.", chore=Batch.Chore.CANCEL)


def change_rules(batch: Batch, rules: Rules) -> bool:
    """Whether the rules of this batch, which was ordered, are these now."""
    with transaction.atomic():
        version = batch.project.touch()
        won = Batch.objects.filter(pk=batch.pk, number__isnull=False).update(version=version, **rules.as_kept()) == 1
    batch.refresh_from_db()
    return won


def failed_count(batch: Batch) -> int:
    """How many rows `again` would put back at most."""
    rows = BatchRow.objects.filter(batch=batch)
    return rows.filter(Q(job__state=State.FAILED) | Q(job=None, wave__isnull=False) & ~Q(refusal="")).count()


def again(batch: Batch) -> int:
    """How many rows that failed are put back to be ordered anew; the old jobs stay as they are. In doubt is never among them.

    Raises Stays where a rule still says no.
    """
    with transaction.atomic():
        failed = Job.objects.select_for_update(of=("self",)).filter(batch=batch, row__isnull=False, state=State.FAILED)
        jobs = list(failed.order_by("pk").values_list("pk", flat=True))
        version = batch.project.touch()
        if Batch.objects.filter(pk=batch.pk, number__isnull=False).update(version=version, turn=F("turn") + 1) != 1:
            return 0
        rows = BatchRow.objects.filter(batch=batch)
        back = rows.filter(job__in=jobs).update(job=None, wave=None, tries=F("tries") + 1)
        back += rows.filter(job=None, wave__isnull=False).exclude(refusal="").update(refusal="", wave=None, tries=F("tries") + 1)
        if not back:
            return 0
        if stop := broken(batch, facts_of([batch])[batch.pk]):
            raise Stays(f"{stop[1]} Change this rule to go on.")
        change(batch, {S.PAUSED, S.STOPPED, S.DONE}, S.RUNNING, chore=Batch.Chore.GO_ON)
    return back


def change(batch: Batch, starts: Collection[str], end: str, *, cause: str = "", why: str = "", chore: str = "", **fields: object) -> bool:
    """Whether this call moved the batch from one of these states to another; then it is due at once."""
    with transaction.atomic():
        written = {"cause": cause, "why": why[:REASON_LENGTH], "version": batch.project.touch(), "due": timezone.now(), **fields}
        if chore:
            written["chore"] = chore
        return Batch.objects.filter(pk=batch.pk, state__in=sorted(starts)).update(state=end, **written) == 1


def _made_before(key: UUID, author: User, project: Project) -> Batch | None:
    return Batch.objects.select_related("project", "author").filter(key=key, author=author, project=project).first()


def _created(entry: Pass, made: Made, *, key: UUID | None = None) -> Batch:
    """The planned batch with its rows and reference images."""
    wanted = made.wanted
    batch = Batch.objects.create(
        **({"key": key} if key else {}),
        project=entry.project,
        author=entry.user,
        name=(made.name or " ".join(wanted.prompt.split()) or "Batch")[:NAME_LENGTH],
        template=wanted.prompt,
        begun_with=made.begun_with,
        sheet=made.sheet,
        columns=made.columns,
        operation=wanted.operation.value,
        source=wanted.source,
        parent=wanted.parent,
        policy=wanted.policy,
        prompt_version=wanted.version,
        prompt_changed=is_changed(wanted.prompt, wanted.version),
    )
    places = enumerate(wanted.references)
    BatchReference.objects.bulk_create(BatchReference(batch=batch, reference=one, position=place) for place, one in places)
    BatchRow.objects.bulk_create(placed(batch, made.rows), batch_size=AT_ONCE)
    return batch
