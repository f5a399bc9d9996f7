"""The trash: clips that were thrown away, within reach for thirty days, then erased. Decides nothing about who may throw away what.

    here ──throw_away──> in the trash ──its time comes, or give_up──> a tombstone ──> its files are deleted, and their names last
      ^──────restore──────┘

From the one UPDATE that makes it a tombstone (`erased_at`) a row promises no file. So a worker that dies at any line leaves a clip with its file, or a
tombstone whose files the next round deletes (`erase_at` is still set). Jobs, attempts, receipts and the row itself stay.
"""

import logging
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from studio.accounts.models import User
from studio.jobs.lifecycle import LIVE
from studio.jobs.media import drawn_of
from studio.jobs.models import Clip, Job
from studio.jobs.worker import beat
from studio.projects.models import Project

log = logging.getLogger(__name__)
KEPT_FOR = timedelta(days=30)
BATCH = 50  # clips whose files one round deletes
LATER = timedelta(hours=1)  # when a file could not be deleted, or is still needed
WAITING = sorted(LIVE)


def throw_away(clips: "QuerySet[Clip]", *, by: User | None, why: str = "", most: int = 200) -> list[Clip]:
    """Those of these clips that this call put into the trash, at most `most`, with their jobs. `by` is None for a project's rule.

    What the queryset asks is asked again under the clips' locks: a clip that was picked in between stays.
    """
    now = timezone.now()
    fields = {"trashed_at": now, "trashed_by": by, "trashed_why": why[:200], "erase_at": now + KEPT_FOR}
    return _written(clips, Q(saved_at__isnull=False, trashed_at=None), fields, most=most)


def restore(clips: "QuerySet[Clip]", *, most: int = 200) -> list[Clip]:
    """Those of these clips that this call took out of the trash, at most `most`."""
    fields = {"trashed_at": None, "trashed_by": None, "trashed_why": "", "erase_at": None}
    return _written(clips, Q(trashed_at__isnull=False, erased_at=None), fields, most=most)


def give_up(clips: "QuerySet[Clip]", *, why: str, most: int = 200) -> list[Clip]:
    """Those of these clips in the trash that this call made tombstones; the worker deletes their files within a minute.

    A clip that an order still edits or extends is left where it is.
    """
    now = timezone.now()
    ready = Q(trashed_at__isnull=False, erased_at=None) & ~Q(Exists(_waiting_for()))
    return _written(clips, ready, {"erased_at": now, "erase_at": now, "trashed_why": why[:200]}, most=most)


def mark_lost(clip: Clip, *, by: User, why: str) -> bool:
    """Whether this call wrote down that a saved clip's file is gone for good: a tombstone, without the days in the trash."""
    now = timezone.now()
    fields = {"trashed_at": now, "trashed_by": by, "trashed_why": why[:200], "erase_at": now, "erased_at": now, "faulty_at": None}
    return bool(_written(Clip.objects.filter(pk=clip.pk), Q(faulty_at__isnull=False, erased_at=None), fields, most=1))


def erase_due() -> int:
    """How many clips' files this round deleted: of tombstones, and of clips whose days in the trash are over. Run by the queue, about once a minute."""
    now = timezone.now()
    keys = list(Clip.objects.filter(erase_at__lte=now).order_by("erase_at").values_list("pk", flat=True)[:BATCH])
    return sum(_erase(key, now) for key in keys)


def tell_boards(clips: Iterable[Clip]) -> None:
    """Raise the versions of the boards on which these clips are shown. Call it in the transaction of the change, with the clips' jobs fetched along."""
    by_project: dict[Project, set[UUID]] = {}
    for clip in clips:
        by_project.setdefault(clip.job.project, set()).add(clip.job_id)
    for project in sorted(by_project, key=lambda one: one.pk):
        Job.objects.filter(pk__in=by_project[project]).update(version=project.touch())


def _written(clips: "QuerySet[Clip]", still: Q, fields: Mapping[str, object], *, most: int) -> list[Clip]:
    """Those of the clips that this call changed. Jobs, clips and projects are locked in this order, as everywhere. As many queries for one as for all."""
    with transaction.atomic():
        rows = list(clips.filter(still).select_related("job__project", "job__author").order_by("pk")[:most])
        _lock(rows)
        keys = set(clips.filter(still, pk__in=[row.pk for row in rows]).values_list("pk", flat=True))
        Clip.objects.filter(pk__in=keys).update(**fields)  # nobody else changes a clip that is locked
        won = [row for row in rows if row.pk in keys]
        for row in won:
            for name, value in fields.items():
                setattr(row, name, value)
        tell_boards(won)
    return won


def _lock(rows: Collection[Clip]) -> None:
    """Lock jobs, clips and projects, before the wall's counts are, which change with the clips: whoever moves a job has its project first, too."""
    list(Job.objects.select_for_update().filter(pk__in={row.job_id for row in rows}).order_by("pk").values_list("pk"))
    list(Clip.objects.select_for_update().filter(pk__in=[row.pk for row in rows]).order_by("pk").values_list("pk"))
    list(Project.objects.select_for_update().filter(pk__in={row.project_id for row in rows}).order_by("pk").values_list("pk"))


def _waiting_for() -> "QuerySet[Job]":
    """The live orders that edit or extend a clip."""
    return Job.objects.filter(source=OuterRef("pk"), state__in=WAITING)


def _erase(key: UUID, now: datetime) -> bool:
    """Whether this clip's files are deleted now. One that is still needed, or that the storage does not let go, is tried again later."""
    beat()
    due = Clip.objects.filter(pk=key, erase_at__lte=now)
    due.filter(~Q(Exists(_waiting_for())), trashed_at__isnull=False, erased_at=None).update(erased_at=now)
    tomb = due.filter(erased_at__isnull=False).select_related("job__project").first()
    if tomb is None:
        due.update(erase_at=now + LATER)
        return False
    try:
        for name in filter(None, (tomb.file.name, tomb.poster.name, tomb.sheet.name)):
            _delete(tomb, name)
    except OSError:
        log.exception("the files of clip %s could not be deleted", key)
        due.update(erase_at=now + LATER)
        return False
    with transaction.atomic():
        _lock([tomb])
        due.update(file="", poster="", sheet="", erase_at=None, faulty_at=None, fault="")
        tell_boards([tomb])
    return True


def _delete(tomb: Clip, name: str) -> None:
    """Delete one file, with the pictures that were drawn of it, unless another clip has it too. What is named after the clip is its own."""
    if str(tomb.pk) not in name:
        others = Clip.objects.with_files().filter(project=tomb.project_id).exclude(pk=tomb.pk)
        if others.filter(Q(file=name) | Q(poster=name) | Q(sheet=name)).exists():
            return
    if name == tomb.poster.name:
        for drawn in drawn_of(name):
            default_storage.delete(drawn)
    default_storage.delete(name)
