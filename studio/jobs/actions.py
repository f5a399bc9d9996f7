"""What a person does with jobs: order one, cancel one. No provider is called here; the worker does that."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F

from studio.accounts.models import User
from studio.credits import ledger
from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt, Job, JobEvent, JobReference, Reference
from studio.jobs.moves import finish
from studio.jobs.references import Unreachable, address_for
from studio.projects.models import Project
from studio.providers.contract import Brief, why_not
from studio.providers.registry import PROVIDERS, capability
from studio.routing.models import Connection
from studio.routing.prices import quote


class CannotDo(Exception):
    """The connection cannot do this brief. `reasons` has a sentence for each field of the brief that stands in the way."""

    def __init__(self, reasons: dict[str, str]) -> None:
        """Keep the reasons by field."""
        super().__init__(" ".join(reasons.values()))
        self.reasons = reasons


def order(*, author: User, project: Project, connection: Connection, brief: Brief, references: Sequence[Reference] = (), order_key: UUID) -> Job:
    """The new job, queued, with its estimate held; nothing was sent yet.

    `brief.images` is ignored: the images are `references`, in order. An `order_key` that made a job before returns that job, so two clicks on one
    form order once. Raises CannotDo, or ledger.Insufficient; then nothing was written.
    """
    if made := _made_before(order_key, author, project):
        return made
    _refuse_impossible(connection, brief, references)
    price = quote(connection, replace(brief, images=tuple(str(reference.pk) for reference in references)))
    try:
        with transaction.atomic():
            number, version = _next_number(project)
            job = Job.objects.create(
                project=project,
                number=number,
                version=version,
                author=author,
                connection=connection,
                order_key=order_key,
                prompt=brief.prompt,
                aspect_ratio=brief.aspect_ratio,
                duration=brief.duration,
                resolution=brief.resolution,
                model=brief.model,
                mode=brief.mode,
                estimate=price.millicredits,
                estimate_basis=price.basis[:300],
            )
            JobReference.objects.bulk_create(JobReference(job=job, reference=reference, position=place) for place, reference in enumerate(references))
            JobEvent.objects.create(job=job, state=State.QUEUED)
            attempt = Attempt.objects.create(job=job, connection=connection)
            ledger.hold(author, price.millicredits, reference=str(attempt.pk), reason=job.code)
    except IntegrityError:
        if made := _made_before(order_key, author, project):
            return made
        if Job.objects.filter(order_key=order_key).exists():
            raise CannotDo({"order_key": "This form has ordered somewhere else. Press Generate again to order here as well."}) from None
        raise
    return job


def cancel(job: Job, *, by: User) -> bool:
    """Whether the job was still queued and is now cancelled, its credits returned. Once it was sent, no provider lets us take it back."""
    return finish(job, State.QUEUED, State.CANCELLED, message=f"Cancelled by {by}")


def _made_before(order_key: UUID, author: User, project: Project) -> Job | None:
    return Job.objects.select_related("project", "connection", "author").filter(order_key=order_key, author=author, project=project).first()


def _refuse_impossible(connection: Connection, brief: Brief, references: Sequence[Reference]) -> None:
    """Raise CannotDo with every reason, before anything is written."""
    if not brief.prompt.strip():
        raise CannotDo({"prompt": "Describe the shot first."})
    if not connection.enabled:
        raise CannotDo({"connection": f"{connection.label} is switched off. {connection.paused_reason}".strip()})
    if connection.sandbox and not settings.SANDBOX:
        raise CannotDo({"connection": f"{connection.label} belongs to the sandbox, which is off in this installation."})
    can = capability(connection.provider, brief.model)
    if can is None:
        raise CannotDo({"model": f"{PROVIDERS[connection.provider].name} has no model {brief.model or 'without a name'}."})
    try:
        images = tuple(address_for(reference, connection=connection, capability=can) for reference in references)
    except Unreachable as error:
        raise CannotDo({"images": str(error)}) from error
    if reasons := why_not(can, replace(brief, images=images)):
        raise CannotDo(reasons)


def _next_number(project: Project) -> tuple[int, int]:
    """The next shot number and board version. The row stays locked until the order is written, so numbers have no gaps and no twins."""
    Project.objects.filter(pk=project.pk).update(last_number=F("last_number") + 1, board_version=F("board_version") + 1)
    return Project.objects.values_list("last_number", "board_version").get(pk=project.pk)
