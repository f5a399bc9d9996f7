"""Whose credits an attempt spends, and whether that person may spend them in this project now.

Whoever orders or tries again pays. What follows by itself (the next connection of a policy, another submission after "not now") spends the credits of the
same person, and only while they are active and may generate in the project; nothing new is paid for after that. What was sent goes on.
"""

from collections.abc import Iterable
from uuid import UUID

from studio.accounts.models import User
from studio.credits.errors import CannotHold
from studio.jobs.models import Attempt, Job
from studio.projects.door import makes_in
from studio.projects.models import Project


class MayNotPay(CannotHold):
    """The payer's credits may not be spent in this project: they are switched off, or may not generate here."""


def refusal(person: User, project: Project) -> str:
    """Why this person's credits may not be spent here now, as the database has it; empty if they may. Two queries."""
    now = User.objects.get(pk=person.pk)
    if not now.is_active:
        return f"{now} is switched off, so nothing more is paid with their credits."
    return "" if makes_in(now, project) else f"{now} may no longer generate in this project, so nothing more is paid with their credits."


def check(person: User, project: Project, amount: int) -> None:
    """Raise MayNotPay where this person's credits may not be spent here. Call it in the transaction that holds."""
    if why := refusal(person, project):
        raise MayNotPay(why, needed=amount, left=0)


def payers_of(jobs: Iterable[Job]) -> dict[UUID, int]:
    """The id of the person who pays for each of these jobs: of its newest attempt, else its author. One query, none for no job."""
    found = {job.pk: job.author_id for job in jobs}
    attempts = Attempt.objects.filter(job__in=found, payer__isnull=False).order_by("created_at") if found else Attempt.objects.none()
    found.update(attempts.values_list("job", "payer"))
    return found
