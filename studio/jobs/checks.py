"""What must be true between jobs and the ledger: every open hold belongs to a live attempt, and every live attempt has its hold."""

from studio.credits.figures import credits_text
from studio.credits.models import Hold
from studio.jobs.lifecycle import LIVE
from studio.jobs.models import Attempt, Job


def verify_holds() -> list[str]:
    """Every violation in plain words; an empty list when holds and jobs agree.

    Both sides are read one after the other while others write, so what is wrong is looked at twice: a job that moved in between is right then.
    """
    wrong = _violations()
    return sorted(wrong & _violations()) if wrong else []


def _violations() -> set[str]:
    attempts = {str(row.pk): row for row in Attempt.objects.filter(ended_at=None).select_related("job__project", "connection")}
    holds = {row.reference: row for row in Hold.objects.filter(state=Hold.State.OPEN).select_related("account")}
    live = Job.objects.filter(state__in=sorted(LIVE)).select_related("project")
    with_attempt = {row.job_id for row in attempts.values()}
    return {
        *(
            f"{holds[lone].reason or lone}: {credits_text(holds[lone].amount)} credits are held for nothing that runs."
            for lone in holds.keys() - attempts
        ),
        *(f"{attempts[lone].job.code}: it runs, but nothing is held for it." for lone in attempts.keys() - holds),
        *(f"{job.code}: it is {job.state} without an attempt." for job in live if job.pk not in with_attempt),
        *(f"{row.job.code}: it is {row.job.state}, but its attempt has not ended." for row in attempts.values() if not row.job.is_live),
        *(sentence for reference in holds.keys() & attempts if (sentence := _amounts(holds[reference], attempts[reference]))),
    }


def _amounts(hold: Hold, attempt: Attempt) -> str:
    """The sentence about a hold that is not its job's estimate, or not for what its job is; empty when all is right."""
    job = attempt.job
    if hold.amount != attempt.estimate:
        return f"{job.code}: {credits_text(hold.amount)} credits are held, its estimate is {credits_text(attempt.estimate)}."
    if hold.account.user_id != (attempt.payer_id or job.author_id):
        return f"{job.code}: its credits are held from somebody else than the person who pays for it."
    if (hold.project_id, hold.provider) != (job.project_id, attempt.connection.provider):
        return f"{job.code}: its credits are held for another project or provider."
    return ""
