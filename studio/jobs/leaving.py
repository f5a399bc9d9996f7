"""What people leave behind of orders: those that were not sent, those on their way, batches, and drafts."""

from collections.abc import Collection

from django.db.models import Q

from studio.accounts.departing import Departure, Left, Source
from studio.jobs import batch_actions, unpaid
from studio.jobs.batch_models import Batch
from studio.jobs.lifecycle import LIVE, UNSENT
from studio.jobs.models import Draft, Job
from studio.projects.door import MAY
from studio.projects.models import Project

S = Batch.State


def _loses(departure: Departure) -> bool:
    """Whether the person can no longer generate, and so can no longer pay."""
    return departure.role not in MAY["make"] and not (departure.project is not None and departure.person.is_admin)


def _project(departure: Departure) -> Project | None:
    return None if departure.project is None else Project.objects.get(pk=departure.project)


def _batches(departure: Departure, *states: str) -> list[Batch]:
    rows = Batch.objects.filter(author=departure.person, state__in=states).select_related("project", "author")
    return list(rows if departure.project is None else rows.filter(project=departure.project))


def _find(departure: Departure) -> list[Left]:
    if not _loses(departure):
        return []
    person, within = departure.person, Q() if departure.project is None else Q(project=departure.project)
    unsent = unpaid.unsent(person, _project(departure))
    sent = Job.objects.filter(within, author=person, state__in=sorted(LIVE - UNSENT)).count()
    going, standing = _batches(departure, S.RUNNING), _batches(departure, S.PAUSED)
    return [
        Left(
            name="orders",
            title="Orders that were not sent",
            count=len(unsent),
            what="They are cancelled, and the credits come back. Others can order them again with their own credits.",
            examples=[job.code for job in unsent[:5]],
        ),
        Left(name="sent", title="Clips that are being made", count=sent, what="They are finished, saved and charged: nobody can take them back."),
        Left(
            name="batches",
            title="Batches that go on",
            count=len(going),
            what="They are paused, and nothing more of them is ordered. An owner can stop them.",
            examples=[batch.code for batch in going[:5]],
        ),
        Left(name="paused", title="Batches that are paused", count=len(standing), what="They stay paused. An owner can stop them."),
        Left(
            name="drafts",
            title="Drafts and plans",
            count=Draft.objects.filter(within, user=person).count() + len(_batches(departure, S.PLANNED)),
            what="They stay private. Nobody else sees them.",
        ),
    ]


def _end(departure: Departure, _: Collection[str]) -> dict[str, int]:
    if not _loses(departure):
        return {}
    why = f"{departure.person} {'is switched off' if departure.project is None else 'may no longer generate in this project'}"
    paused = sum(
        batch_actions.change(batch, {S.RUNNING}, S.PAUSED, cause=Batch.Cause.TROUBLE, why=f"{why}, and paid for this batch.")
        for batch in _batches(departure, S.RUNNING)
    )
    cancelled = unpaid.cancel_unsent(departure.person, _project(departure), why=f"Not sent: {why}, and would have paid for it.")
    return {"orders cancelled": cancelled, "batches paused": paused}


SOURCE = Source(_find, _end)
