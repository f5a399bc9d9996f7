"""What lies in our storage: by project, by age, by decision, in the trash, with the free space beside it. Reads only.

Four queries whatever there is. The clips are summed from one index without touching their table (clips_by_size), the figures are kept for some minutes,
and a page says since when. Files whose rows promise nothing any more are not counted.
"""

import shutil
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.core.cache import caches
from django.core.files.storage import FileSystemStorage, default_storage
from django.db.models import BooleanField, Case, Count, F, IntegerField, Q, Sum, Value, When
from django.utils import timezone

from studio.gallery.models import ProjectDecision, Verdict
from studio.jobs.models import Clip, Reference
from studio.projects.models import Project

FRESH = 300  # seconds for which figures are kept
LEAST_FREE = 0.1  # of the disk; below it a page warns
LEAST_BYTES = 5_000_000_000
# The oldest first: so many days, and its words.
AGES = ((365, "Older than a year"), (90, "90 days to a year"), (30, "30 to 90 days"), (7, "7 to 30 days"), (0, "The last 7 days"))
DECISIONS = {Verdict.PICK.value: "Picked", Verdict.MAYBE.value: "Maybe", Verdict.REJECT.value: "Rejected", "": "Undecided"}


@dataclass(slots=True)
class Amount:
    """So many clips, or other files, and their bytes."""

    clips: int = 0
    bytes: int = 0

    def add(self, clips: int, size: int) -> None:
        """Count these too."""
        self.clips += clips
        self.bytes += size


@dataclass(slots=True)
class Place:
    """What one project has in the storage. `here` are its clips, without the trash; `pictures` the bytes of posters and scrub sheets."""

    project: Project
    here: Amount = field(default_factory=Amount)
    trash: Amount = field(default_factory=Amount)
    references: Amount = field(default_factory=Amount)
    pictures: int = 0

    @property
    def bytes(self) -> int:
        """All of it."""
        return self.here.bytes + self.trash.bytes + self.references.bytes + self.pictures


@dataclass(frozen=True, slots=True)
class Line:
    """One part of the clips that are here, with its share of their bytes, 0 to 1."""

    name: str
    amount: Amount
    share: float


@dataclass(slots=True)
class Figures:
    """The storage at one moment. `places` are projects, what takes most first."""

    taken_at: datetime
    places: list[Place]
    ages: list[Line]
    decisions: list[Line]
    here: Amount
    trash: Amount
    references: Amount
    pictures: int

    @property
    def bytes(self) -> int:
        """All of it."""
        return self.here.bytes + self.trash.bytes + self.references.bytes + self.pictures


@dataclass(frozen=True, slots=True)
class Disk:
    """The disk on which the files lie, in bytes."""

    total: int
    free: int

    @property
    def is_low(self) -> bool:
        """Whether somebody should make room."""
        return self.free < LEAST_FREE * self.total or self.free < min(LEAST_BYTES, self.total / 2)

    @property
    def share(self) -> float:
        """How much of it is used, 0 to 1."""
        return 1 - self.free / self.total if self.total else 0.0


def disk() -> Disk | None:
    """The disk under our storage; None where that is not a folder of this machine."""
    if not isinstance(default_storage, FileSystemStorage):
        return None
    folder = settings.MEDIA_ROOT if settings.MEDIA_ROOT.exists() else settings.DATA_DIR
    usage = shutil.disk_usage(folder)
    return Disk(usage.total, usage.free)


def figures(project: Project | None = None) -> Figures:
    """The storage of one project or of all, at most five minutes old."""
    key = f"storage:{project.pk if project else 'all'}"
    kept: Figures | None = caches["local"].get(key)
    if kept is None:
        kept = taken(project)
        caches["local"].set(key, kept, FRESH)
    return kept


def taken(project: Project | None = None) -> Figures:
    """The storage of one project or of all as it is now. Four queries."""
    now = timezone.now()
    only = Q(project=project) if project else Q()
    names = {row.pk: row for row in ([project] if project else Project.objects.all())}
    places: dict[int, Place] = {key: Place(row) for key, row in names.items()}
    ages: dict[int, Amount] = defaultdict(Amount)
    for key, age, thrown, clips, size, pictures in _clips(only, now):
        place = places[key]
        place.pictures += pictures
        (place.trash if thrown else place.here).add(clips, size)
        if not thrown:
            ages[age].add(clips, size)
    for key, number, size in _references(only):
        places[key].references.add(number, size)
    rows = sorted((place for place in places.values() if place.bytes or project), key=lambda place: (-place.bytes, place.project.code))
    here = _sum([place.here for place in rows])
    return Figures(
        taken_at=now,
        places=rows,
        ages=[_line(words, ages[days], here) for days, words in reversed(AGES)],
        decisions=_decisions(only, here),
        here=here,
        trash=_sum([place.trash for place in rows]),
        references=_sum([place.references for place in rows]),
        pictures=sum(place.pictures for place in rows),
    )


def _clips(only: Q, now: datetime) -> "list[tuple[int, int, bool, int, int, int]]":
    """Project, age in days of its part, whether in the trash, clips, bytes, bytes of pictures."""
    parts = [When(saved_at__lte=now - timedelta(days=days), then=Value(days)) for days, _ in AGES[:-1]]
    age = Case(*parts, default=Value(0), output_field=IntegerField())
    thrown = Case(When(trashed_at__isnull=False, then=Value(True)), default=Value(False), output_field=BooleanField())  # noqa: FBT003 - SQL's
    found = Clip.objects.with_files().filter(only).order_by().annotate(age=age, thrown=thrown)
    sums = found.values_list("project", "age", "thrown").annotate(number=Count("*"), size=Sum("bytes"), drawn=Sum("pictures_bytes"))
    return list(sums)


def _references(only: Q) -> "list[tuple[int, int, int]]":
    found = Reference.objects.filter(only).exclude(file="").order_by()
    return list(found.values_list("project").annotate(number=Count("pk"), size=Sum("bytes")))


def _decisions(only: Q, here: Amount) -> list[Line]:
    """The clips that are here by what their projects decided. What nobody decided about is the rest."""
    decided = ProjectDecision.objects.filter(only, clip__saved_at__isnull=False, clip__trashed_at=None).order_by()
    by = {word: Amount(clips, size) for word, clips, size in decided.values_list("verdict").annotate(clips=Count("pk"), size=Sum(F("clip__bytes")))}
    told = _sum(list(by.values()))
    by[""] = Amount(max(0, here.clips - told.clips), max(0, here.bytes - told.bytes))
    return [_line(words, by.get(word, Amount()), here) for word, words in DECISIONS.items()]


def _line(name: str, amount: Amount, whole: Amount) -> Line:
    return Line(name, amount, amount.bytes / whole.bytes if whole.bytes else 0.0)


def _sum(amounts: list[Amount]) -> Amount:
    return Amount(sum(one.clips for one in amounts), sum(one.bytes for one in amounts))
