"""How long one clip stays: its pin, the day on which the project's rule moves it, and who may throw it away or take it back. The one writer of pins.

What changes and its line in the record are one transaction, and whether a press is enough is asked under the clips' locks, where nobody picks or pins meanwhile.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from studio.accounts.models import AuditEvent, User
from studio.gallery import retention
from studio.gallery.models import ProjectDecision, Verdict
from studio.gallery.standing import decision_of
from studio.jobs import trash
from studio.jobs.models import Clip
from studio.projects.door import Pass


class MustSay(Exception):
    """It is thrown away only if the person writes its code, since it is picked or pinned. Its text says so."""


@dataclass(frozen=True, slots=True)
class Thrown:
    """What one press on many clips did: those in the trash now, how many were left because their code has to be written, and how many because they are others'."""

    gone: list[Clip]
    asked: int
    others: int


@dataclass(frozen=True, slots=True)
class Keeping:
    """What the viewing room says of how long a clip stays, and what this person may do about it. `asks` is why its code has to be written first."""

    may_pin: bool
    may_throw: bool
    asks: str = ""
    goes_at: datetime | None = None


def keeping_of(clip: Clip, entry: Pass) -> Keeping:
    """The keeping of a clip that was fetched with its decision and its job. One query."""
    moves = clip.is_present and not entry.project.archived_at
    days = retention.in_force(entry.project) if moves else retention.NEVER
    return Keeping(entry.may_make, may_throw(clip, entry), _asks(clip, decision_of(clip)), retention.goes_at(clip, days))


def may_throw(clip: Clip, entry: Pass) -> bool:
    """Whether this person may throw this clip away, and take it back: who ordered it, or an owner."""
    return entry.answers_for(clip.job.author_id)


def in_reach(entry: Pass) -> "QuerySet[Clip]":
    """The clips in the project's trash that this person may take out, the newest there first."""
    found = Clip.objects.in_trash().filter(project=entry.project)
    mine = found if entry.may_own else found.filter(job__author=entry.user)
    return mine.order_by("-trashed_at", "-pk")


def throw_away(clip: Clip, *, entry: Pass, said: str) -> bool:
    """Whether this call put the clip into the trash. Raises MustSay where its code has to be `said` and was not."""
    told = said.strip().upper() == clip.code.upper()
    with transaction.atomic():
        gone = trash.throw_away((Clip.objects.all() if told else _sure()).filter(pk=clip.pk), by=entry.user)
        if gone:
            AuditEvent.record("clip.trashed", clip.code, actor=entry.user)
    kept = None if gone or told else Clip.objects.present().select_related("job__project", "decision__person").filter(pk=clip.pk).first()
    if kept and (asks := _asks(kept, decision_of(kept))):
        raise MustSay(asks)
    return bool(gone)


def throw_away_many(clips: Sequence[Clip], *, passes: Mapping[int, Pass]) -> Thrown:
    """Put those of these clips into the trash that the person may throw away and that a press is enough for. A project at a time, in one order for everybody."""
    mine = [clip for clip in clips if may_throw(clip, passes[clip.project_id])]
    sure = _sure().filter(pk__in=[clip.pk for clip in mine])
    gone: list[Clip] = []
    for project in sorted({clip.project_id for clip in mine}):
        with transaction.atomic():
            thrown = trash.throw_away(sure.filter(project=project), by=passes[project].user)
            AuditEvent.record_many("clip.trashed", [(clip.code, None, None) for clip in thrown], actor=passes[project].user)
        gone += thrown
    return Thrown(gone, asked=len(mine) - len(gone), others=len(clips) - len(mine))


def take_back_many(keys: Sequence[UUID], *, passes: Mapping[int, Pass]) -> list[Clip]:
    """Those of these clips that this call took out of the trash, in all these projects, of those within the person's reach."""
    projects = Clip.objects.in_trash().filter(pk__in=keys, project__in=list(passes)).order_by("project").values_list("project", flat=True)
    return [clip for project in projects.distinct() if passes[project].may_make for clip in take_back(passes[project], list(keys))]


def take_back(entry: Pass, keys: "list[UUID]") -> list[Clip]:
    """Those of these clips that this call took out of the trash, of those within this person's reach.

    What the project's rule would move again within the hour is pinned: whoever takes a clip back means to keep it.
    """
    with transaction.atomic():
        back = trash.restore(in_reach(entry).filter(pk__in=keys))
        AuditEvent.record_many("clip.restored", [(clip.code, None, None) for clip in back], actor=entry.user)
        overdue = retention.overdue(entry.project, [clip.pk for clip in back])
        for clip in back:
            if clip.pk in overdue and pin(clip, by=entry.user):
                clip.pinned_at, clip.pinned_by = timezone.now(), entry.user
    return back


def delete_now(entry: Pass, keys: "list[UUID]") -> list[Clip]:
    """Those of these clips in the trash that this call deleted for good; an order that edits or extends one keeps it."""
    with transaction.atomic():
        gone = trash.give_up(in_reach(entry).filter(pk__in=keys), why=f"Deleted by {entry.user}")
        AuditEvent.record_many("clip.deleted", [(clip.code, {"bytes": clip.bytes}, None) for clip in gone], actor=entry.user)
    return gone


def pin(clip: Clip, *, by: User) -> bool:
    """Whether this call pinned the clip: it never goes to the trash by itself."""
    with transaction.atomic():
        won = Clip.objects.present().filter(pk=clip.pk, pinned_at=None).update(pinned_at=timezone.now(), pinned_by=by) == 1
        if won:
            AuditEvent.record("clip.pinned", clip.code, actor=by)
    return won


def unpin(clip: Clip, *, by: User) -> bool:
    """Whether this call took the pin off."""
    with transaction.atomic():
        won = Clip.objects.filter(pk=clip.pk, pinned_at__isnull=False).update(pinned_at=None, pinned_by=None) == 1
        if won:
            AuditEvent.record("clip.unpinned", clip.code, actor=by)
    return won


def _sure() -> "QuerySet[Clip]":
    """The clips for which a press is enough: neither pinned nor picked."""
    return Clip.objects.filter(pinned_at=None).exclude(decision__verdict=Verdict.PICK)


def _asks(clip: Clip, decision: ProjectDecision | None) -> str:
    """Why the code of a clip has to be written before it is thrown away; empty where a press is enough, since it can be undone."""
    if decision and decision.verdict == Verdict.PICK:
        return f"{clip.code} is picked by {decision.person}."
    return f"{clip.code} is pinned, to be kept for ever." if clip.pinned_at else ""
