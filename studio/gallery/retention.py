"""Retention: after some days a project's rejected clips, and if it wants so its undecided ones, go into the trash by themselves. Picked, maybe and pinned stay.

A rule is the project's own, or the installation's for projects without one; without either nothing happens. Rejected days count from the project's
decision, undecided ones from the day on which the clip was saved. From the trash everything can be taken back for thirty days.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Q, QuerySet, Sum
from django.utils import timezone

from studio.accounts.models import AuditEvent, User
from studio.gallery.models import ProjectDecision, RetentionRule, Verdict
from studio.gallery.standing import decision_of
from studio.jobs import trash
from studio.jobs.models import Clip
from studio.projects.models import Project

BATCH = 200  # clips of one project that one round moves
MOST = 1000  # clips that one round moves
NAMED = 20  # codes in the record
SHOWN_BEFORE = 30  # days ahead from which a clip says that it will go


@dataclass(frozen=True, slots=True)
class Days:
    """What a rule says, in days; None: never."""

    rejected: int | None = None
    undecided: int | None = None

    @classmethod
    def of(cls, rule: RetentionRule | None) -> "Days":
        """What this row says."""
        return cls(rule.rejected_days, rule.undecided_days) if rule else NEVER

    def as_facts(self) -> dict[str, int | None]:
        """For the record."""
        return {"rejected_days": self.rejected, "undecided_days": self.undecided}


NEVER = Days()


@dataclass(frozen=True, slots=True)
class Preview:
    """How much a rule would move today."""

    clips: int
    bytes: int


def rule_of(project: Project | None) -> RetentionRule | None:
    """The rule of its own that this project has, or the installation's for None. One query."""
    return RetentionRule.objects.select_related("changed_by").filter(project=project).first()


def in_force(project: Project) -> Days:
    """What holds for this project: its own rule, else the installation's. One query."""
    rules = {rule.project_id: rule for rule in RetentionRule.objects.filter(Q(project=project) | Q(project=None))}
    return Days.of(rules.get(project.pk) or rules.get(None))


def set_rule(project: Project | None, days: Days | None, *, by: User) -> bool:
    """Whether this call changed the rule; None for `days` takes the project's own away, so that the installation's holds."""
    with transaction.atomic():
        old = RetentionRule.objects.select_for_update().filter(project=project).first()
        before = Days.of(old) if old else None
        if before == days:
            return False
        if days is None:
            RetentionRule.objects.filter(project=project).delete()
        else:
            row = {"rejected_days": days.rejected, "undecided_days": days.undecided, "changed_by": by, "changed_at": timezone.now()}
            RetentionRule.objects.update_or_create(project=project, defaults=row)
        subject = project.code if project else "every project without a rule"
        facts = [side.as_facts() if side else None for side in (before, days)]
        AuditEvent.record("retention.set", subject, actor=by, before=facts[0], after=facts[1])
        return True


def rejected_for(days: int, where: Q, now: datetime) -> "QuerySet[Clip]":
    """The clips there that their project rejected so many days ago or earlier, and that nobody pinned."""
    old = {"decision__verdict": Verdict.REJECT, "decision__decided_at__lte": now - timedelta(days=days)}
    return Clip.objects.present().filter(where, pinned_at=None, **old)


def undecided_for(days: int, where: Q, now: datetime) -> "QuerySet[Clip]":
    """The clips there about which their project has not decided since they were saved so many days ago or earlier, and that nobody pinned."""
    return Clip.objects.present().filter(where, pinned_at=None, decision=None, saved_at__lte=now - timedelta(days=days))


def preview(project: Project | None, days: Days) -> Preview:
    """What this rule would move today: in this project, or for None in all that have no rule of their own. Two queries at most."""
    now, clips, size = timezone.now(), 0, 0
    own = RetentionRule.objects.filter(project__isnull=False).values("project")
    where = Q(project=project) if project else Q(project__archived_at=None) & ~Q(project__in=own)
    for found in _overdue(where, days, now):
        told = found[0].aggregate(clips=Count("pk"), bytes=Sum("bytes", default=0))
        clips, size = clips + told["clips"], size + told["bytes"]
    return Preview(clips, size)


def goes_at(clip: Clip, days: Days) -> datetime | None:
    """When this clip, fetched with its decision, moves to the trash by itself; None if it does not."""
    if clip.pinned_at or clip.saved_at is None:
        return None
    decision: ProjectDecision | None = decision_of(clip)
    if decision is None:
        return clip.saved_at + timedelta(days=days.undecided) if days.undecided is not None else None
    rejected = decision.verdict == Verdict.REJECT and days.rejected is not None
    return decision.decided_at + timedelta(days=days.rejected or 0) if rejected else None


def overdue(project: Project, keys: Collection[UUID]) -> set[UUID]:
    """Those of these clips that are here and that the project's rule would move now. Three queries at most; none without clips."""
    if not keys or project.archived_at:
        return set()
    return {
        key for found, _ in _overdue(Q(project=project, pk__in=keys), in_force(project), timezone.now()) for key in found.values_list("pk", flat=True)
    }


def due() -> int:
    """How many clips this round moved to the trash. Run by the queue, once an hour; what is too much for one round waits for the next."""
    now, moved = timezone.now(), 0
    rules = {rule.project_id: Days.of(rule) for rule in RetentionRule.objects.all()}
    usual = rules.get(None, NEVER)
    for project in Project.objects.filter(archived_at=None).order_by("pk"):
        days = rules.get(project.pk, usual)
        if moved >= MOST or days == NEVER:
            continue
        moved += sum(_move(project, found, why) for found, why in _overdue(Q(project=project), days, now))
    return moved


def _overdue(where: Q, days: Days, now: datetime) -> "list[tuple[QuerySet[Clip], str]]":
    """What the rule moves now, each with why."""
    found = []
    if days.rejected is not None:
        found.append((rejected_for(days.rejected, where, now), f"Rejected for {days.rejected} days"))
    if days.undecided is not None:
        found.append((undecided_for(days.undecided, where, now), f"Undecided for {days.undecided} days"))
    return found


def _move(project: Project, found: "QuerySet[Clip]", why: str) -> int:
    """How many of these went into the trash, with one line in the record."""
    with transaction.atomic():
        gone = trash.throw_away(found, by=None, why=why, most=BATCH)
        if gone:
            facts = {"clips": len(gone), "codes": [clip.code for clip in gone[:NAMED]], "days_in_trash": trash.KEPT_FOR.days}
            AuditEvent.record("clip.expired", project.code, actor=None, after=facts, reason=why)
    return len(gone)
