"""Where a clip comes from and what came of it: parents, reference images, children, and the takes beside it. The number of queries is always the same.

parent     the clip that it edits or extends, the one whose frame it uses, the shot whose brief it began with
child      the same, seen from the other side
sibling    another take of its order, or of an order that began where it did
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q, QuerySet

from studio.gallery.compare import changes
from studio.gallery.wall import saved_clips
from studio.jobs.models import Clip, Job, JobReference, Reference
from studio.prompts.diff import Fact
from studio.providers.contract import Operation

SHOWN = 12  # of each kind
MOST_ORDERS = 200  # of a kind that are looked at, the first ones


@dataclass(frozen=True, slots=True)
class Kin:
    """A clip that belongs to another: how, and what changed from the parent to the child."""

    clip: Clip
    how: str
    changed: list[Fact]


@dataclass(frozen=True, slots=True)
class Some:
    """The first few clips of a kind, and whether there are more."""

    clips: list[Clip]
    more: bool


@dataclass(frozen=True, slots=True)
class Lineage:
    """The family of one clip."""

    parents: list[Kin]
    references: list[Reference]
    children: list[Kin]
    siblings: list[Clip]
    more_children: bool
    more_siblings: bool

    def __bool__(self) -> bool:
        return bool(self.parents or self.references or self.children or self.siblings)

    @property
    def takes(self) -> str:
        """The clip's siblings as an address names them, as many as fit beside it."""
        return ",".join(str(clip.pk) for clip in self.siblings[:3])


def lineage_of(clip: Clip) -> Lineage:
    """The family of a clip that was fetched as the wall does. Seven queries at most."""
    references = references_of(clip.job)
    children, siblings = _children_of(clip), siblings_of(clip)
    return Lineage(
        parents=_parents_of(clip, references),
        references=references,
        children=children[:SHOWN],
        siblings=siblings.clips,
        more_children=len(children) > SHOWN,
        more_siblings=siblings.more,
    )


def references_of(job: Job) -> list[Reference]:
    """The reference images of a job in their order. One query."""
    return [place.reference for place in job.job_references.select_related("reference")]


def siblings_of(clip: Clip) -> Some:
    """The other takes: of the same order, and of those that began with the same shot or clip. Two queries."""
    job = clip.job
    beside = Q(pk=job.pk)
    if job.parent_id:
        beside |= Q(parent=job.parent_id)
    if job.source_id:
        beside |= Q(source=job.source_id)
    return _some(_family(clip).filter(job__in=_orders(beside)))


def _some(clips: QuerySet[Clip]) -> Some:
    found = list(clips[: SHOWN + 1])
    return Some(found[:SHOWN], len(found) > SHOWN)


def _family(clip: Clip) -> QuerySet[Clip]:
    """The other saved clips of its project, in the order in which they were made."""
    return saved_clips(clip.project).exclude(pk=clip.pk).order_by("saved_at", "pk")


def _parents_of(clip: Clip, references: Sequence[Reference]) -> list[Kin]:
    """One query; none for a clip that began with nothing."""
    job = clip.job
    frames = {reference.clip_id: reference for reference in references if reference.clip_id}
    if not (frames or job.source_id or job.parent_id):
        return []
    keys: set[UUID] = {*filter(None, frames), *filter(None, [job.source_id])}
    found = list(_family(clip).filter(Q(pk__in=keys) | Q(job=job.parent_id))[:SHOWN])
    return [Kin(parent, _how(clip, parent, frames=set(frames)), changes(parent, clip)) for parent in found]


def _children_of(clip: Clip) -> list[Kin]:
    """Three queries. One more than are shown, where there are more."""
    using = list(JobReference.objects.filter(reference__clip=clip).values_list("job", flat=True)[:MOST_ORDERS])
    found = _family(clip).filter(job__in=_orders(Q(source=clip) | Q(parent=clip.job_id) | Q(pk__in=using)))[: SHOWN + 1]
    return [Kin(child, _how(child, clip, frames={clip.pk} if child.job_id in using else set()), changes(clip, child)) for child in found]


def _orders(wanted: Q) -> list[UUID]:
    """The ids of the first of these orders, of whatever project.

    Asked for by themselves, because within the question for clips PostgreSQL reads every clip of the project for them, and without the project, because SQLite would go through all of its orders.
    """
    return list(Job.objects.filter(wanted).order_by("number").values_list("pk", flat=True)[:MOST_ORDERS])


def _how(child: Clip, parent: Clip, *, frames: set[UUID | None]) -> str:
    """What the child took from its parent."""
    if child.job.source_id == parent.pk:
        return "edit" if child.job.operation == Operation.EDIT else "extension"
    return "from a frame" if parent.pk in frames else "ordered again"
