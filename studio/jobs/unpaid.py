"""Cancels what was not sent when the person who pays for it may not pay any more. What was sent goes on and is saved."""

from django.db.models import Q

from studio.accounts.models import User
from studio.jobs import batch_line
from studio.jobs.lifecycle import UNSENT, State
from studio.jobs.models import Attempt, Job
from studio.jobs.payers import refusal
from studio.projects.models import Project


def is_stopped(job: Job, attempt: Attempt) -> bool:
    """Whether this queued job's payer may not pay any more, and it is cancelled for that instead of being sent."""
    why = refusal(attempt.paid_by, job.project)
    if why:
        batch_line.cancel(job, State.QUEUED, message=f"Not sent: {why}")
    return bool(why)


def unsent(person: User, project: Project | None = None) -> list[Job]:
    """The jobs that were not sent yet and hold this person's credits, in one project or in all. One query."""
    pays = Q(attempts__payer=person) | Q(attempts__payer=None, author=person)
    jobs = Job.objects.filter(pays, attempts__ended_at=None, state__in=sorted(UNSENT)).select_related("project", "author")
    return list((jobs if project is None else jobs.filter(project=project)).order_by("project", "number"))


def cancel_unsent(person: User, project: Project | None, *, why: str) -> int:
    """How many jobs that were not sent and hold this person's credits are cancelled now; the credits come back."""
    return sum(any(batch_line.cancel(job, state, message=why) for state in (State(job.state), *sorted(UNSENT))) for job in unsent(person, project))
