"""What a person does with jobs: order one, hold it back, put it first, cancel it, try a failed one again. No provider is called here; the worker does that."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from studio.accounts.models import User
from studio.jobs.batch_models import Batch, BatchRow
from studio.jobs.lifecycle import State
from studio.jobs.models import Clip, Job, JobEvent, JobReference, Policy, Reference
from studio.jobs.moves import as_asked, begin_attempt, finish, move, note, try_again
from studio.jobs.references import Unreachable, address_for
from studio.jobs.sending import brief_of_job
from studio.projects.models import Project
from studio.prompts.models import PromptVersion
from studio.providers.contract import Brief
from studio.providers.fitting import why_not
from studio.providers.registry import PROVIDERS, capability
from studio.routing import track
from studio.routing.choice import STORED, Option, forecast
from studio.routing.models import Connection
from studio.routing.prices import quote


class CannotDo(Exception):
    """The connection cannot do this brief. `reasons` has a sentence for each field of the brief that stands in the way."""

    def __init__(self, reasons: dict[str, str]) -> None:
        """Keep the reasons by field."""
        super().__init__(" ".join(reasons.values()))
        self.reasons = reasons


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a person orders. `brief` is as its connection is asked (its images and its video are ignored: they are `references` and `source`).

    `wish` is the same brief before it was fitted to the connection, for another one to be tried by `policy`; `parent` the job whose brief it began with.
    `prompt_version` is the library's text that it began with, `prompt_changed` whether that text was changed before its variables were filled. `batch` is
    the batch whose ceiling it counts against.
    """

    connection: Connection
    brief: Brief
    references: Sequence[Reference] = ()
    source: Clip | None = None
    wish: Brief | None = None
    policy: str = Policy.HAND
    parent: Job | None = None
    prompt_version: PromptVersion | None = None
    prompt_changed: bool = False
    batch: Batch | None = None


def order(*, author: User, project: Project, what: Order, order_key: UUID) -> Job:
    """The new job, queued, with its estimate held; nothing was sent yet.

    An `order_key` that made a job before returns that job, so two clicks on one form order once. Raises CannotDo, or ledger.CannotHold; then nothing
    was written.
    """
    if made := _made_before(order_key, author, project):
        return made
    _refuse_impossible(what)
    chosen = _as_option(what)
    try:
        with transaction.atomic():
            number, version = next_number(project)
            job = Job.objects.create(
                project=project,
                number=number,
                version=version,
                author=author,
                order_key=order_key,
                prompt=what.brief.prompt,
                operation=what.brief.operation.value,
                source=what.source,
                policy=what.policy,
                parent=what.parent,
                prompt_version=what.prompt_version,
                prompt_changed=what.prompt_changed,
                batch=what.batch,
                wish=wish_as_kept(what.wish or what.brief),
                **as_asked(chosen),
            )
            places = enumerate(what.references)
            JobReference.objects.bulk_create(JobReference(job=job, reference=reference, position=place) for place, reference in places)
            JobEvent.objects.create(job=job, state=State.QUEUED)
            begin_attempt(job, chosen, payer=author)
    except IntegrityError:
        if made := _made_before(order_key, author, project):
            return made
        if Job.objects.filter(order_key=order_key).exists():
            raise CannotDo({"order_key": "This form has ordered somewhere else. Press Generate again to order here as well."}) from None
        raise
    return job


def retry(job: Job, *, by: User) -> bool:
    """Whether this call gave a failed job another attempt at the same connection, with the same brief, for what it costs today.

    Whoever presses pays for the new attempt. Raises CannotDo, or ledger.CannotHold; then nothing was written.
    """
    references = [place.reference for place in job.job_references.select_related("reference")]
    again = Order(connection=job.connection, brief=brief_of_job(job), references=references, source=job.source, policy=job.policy)
    _refuse_impossible(again)
    with transaction.atomic():
        said = f"Tried again by {by}" + (f", with {by}’s credits" if by.pk != job.author_id else "")
        won = try_again(job, State.FAILED, _as_option(again), payer=by, message=said)
        if won and job.batch_id and not BatchRow.objects.filter(job=job).exists():
            raise CannotDo({"batch": "Its batch has ordered it again already."})
    return won


def cancel(job: Job, *, by: User) -> bool:
    """Whether the job had not been sent and is now cancelled, its credits returned. Once it was sent, no provider lets us take it back."""
    starts = (State.QUEUED, State.PAUSED, State.QUEUED)  # again: somebody may have gone on with it in between
    return any(finish(job, start, State.CANCELLED, message=f"Cancelled by {by}") for start in starts)


def pause(job: Job, *, by: User) -> bool:
    """Whether the job was queued and is now held back: not sent, and its credits still held, until somebody goes on with it."""
    return move(job, State.QUEUED, State.PAUSED, message=f"by {by}", due=None)


def go_on(job: Job, *, by: User) -> bool:
    """Whether the job was held back and is in line again, where it was: by when it was ordered."""
    return move(job, State.PAUSED, State.QUEUED, message=f"by {by}", due=timezone.now())


def put_first(job: Job) -> bool:
    """Whether the job was queued and is now the first of its author's own; other people's turns stay as they were."""
    return note(job, State.QUEUED, first_at=timezone.now())


def _made_before(order_key: UUID, author: User, project: Project) -> Job | None:
    return Job.objects.select_related("project", "connection", "author").filter(order_key=order_key, author=author, project=project).first()


def _refuse_impossible(what: Order) -> None:
    """Raise CannotDo with every reason, before anything is written."""
    connection, brief = what.connection, what.brief
    if not brief.prompt.strip():
        raise CannotDo({"prompt": "Describe the shot first."})
    if not connection.enabled:
        raise CannotDo({"connection": f"{connection.label} is switched off. {connection.paused_reason}".strip()})
    if connection.sandbox and not settings.SANDBOX:
        raise CannotDo({"connection": f"{connection.label} belongs to the sandbox, which is off in this installation."})
    can = capability(connection.provider, brief.model, connection.dialect)
    if can is None:
        raise CannotDo({"model": f"{PROVIDERS[connection.provider].name} has no model {brief.model or 'without a name'}."})
    try:
        images = tuple(address_for(reference, connection=connection, capability=can) for reference in what.references)
    except Unreachable as error:
        raise CannotDo({"images": str(error)}) from error
    if reasons := why_not(can, replace(_with_source(what), images=images)):
        raise CannotDo(reasons)


def _as_option(what: Order) -> Option:
    """The order as its connection's option, with its price now. Two queries."""
    brief = replace(_with_source(what), images=tuple(STORED for _ in what.references))
    can = capability(what.connection.provider, brief.model, what.connection.dialect)
    assert can is not None  # noqa: S101 - _refuse_impossible has seen it
    price = quote(what.connection, brief)
    expected = forecast(what.connection, brief, price, track.read([what.connection.pk], [track.kind_of(brief)]))
    return Option(
        connection=what.connection, can=can, brief=brief, reasons={}, quote=price, forecast=expected, usual_seconds=float(can.usual_seconds)
    )


def _with_source(what: Order) -> Brief:
    if what.source is None:
        return what.brief
    return replace(what.brief, video=STORED, video_seconds=what.source.milliseconds / 1000)


def wish_as_kept(wish: Brief) -> dict[str, object]:
    """The choices of a brief that another connection may have, as the job keeps them."""
    return {name: getattr(wish, name) for name in ("aspect_ratio", "duration", "resolution", "mode", "sound")}


def next_number(project: Project) -> tuple[int, int]:
    """The next shot number and board version. The row stays locked until the order is written, so numbers have no gaps and no twins."""
    Project.objects.filter(pk=project.pk).update(last_number=F("last_number") + 1, board_version=F("board_version") + 1)
    return Project.objects.values_list("last_number", "board_version").get(pk=project.pk)
