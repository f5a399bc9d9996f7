"""Asking for a ZIP of clips: which of them this person may have, in how many files, under which names. The worker makes it (bundle_making.py).

Clips may come from several projects. What the person may not see, or what is not there, is left out and counted alike: nobody learns which of the two it is.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Count, Prefetch, Q, QuerySet
from django.utils import timezone

from studio.accounts.models import User
from studio.gallery import bundle_names
from studio.gallery.bundle_models import LEFT_OUT, Bundle, BundleClip, BundlePart
from studio.gallery.naming import words_for
from studio.gallery.serving import suffix_of
from studio.jobs.models import Clip, present
from studio.projects.models import Project

MOST_CLIPS = 2000  # of one bundle
MOST_WAITING = 5  # bundles of one person that are not made yet
MOST_KEPT = 20  # bundles of one person that have not expired
LIMIT = 4_000_000_000  # bytes of clips in one ZIP: FAT sticks and old programs take no file beyond 4 GiB, and one is made well within a task's time
KEPT = timedelta(days=3)
SHOWN = 50  # of one's own bundles, on the page


class CannotBundle(Exception):
    """Not possible now. Its text is a sentence for the person."""


class Withheld(Exception):
    """The ZIP holds, or its manifest tells of, what its person may not have any more. `bundle` is which."""

    def __init__(self, bundle: Bundle) -> None:
        super().__init__()
        self.bundle = bundle


def clips_for(person: User, asked: Sequence[UUID]) -> list[Clip]:
    """Those of these clips that the person may see and that are here, in the order in which they were asked for."""
    found = Clip.objects.present().filter(pk__in=asked, project__in=Project.objects.for_user(person))
    rows = {clip.pk: clip for clip in found.select_related("job__project", "attempt__connection")}
    return [rows[key] for key in asked if key in rows]


def start(person: User, asked: Sequence[UUID], *, pattern: str, key: UUID) -> Bundle:
    """The bundle of this form, which the worker makes; asked twice, the same one. Raises CannotBundle."""
    if earlier := Bundle.objects.filter(key=key, person=person).first():
        return earlier
    clips = clips_for(person, asked)
    if not clips:
        raise CannotBundle("None of these clips is there for you.")
    _refuse_many(person)
    seen = {clip.pk for clip in clips}
    left_out = [str(one) for one in asked if one not in seen]
    try:
        with transaction.atomic():
            made = Bundle.objects.create(
                person=person, title=title_of(clips), pattern=pattern, key=key, left_out=left_out, expires_at=timezone.now() + KEPT
            )
            _fill(made, clips)
    except IntegrityError as error:
        earlier = Bundle.objects.filter(key=key, person=person).first()
        if earlier is None:
            raise CannotBundle("This form was used already. Ask for the ZIP again.") from error
        return earlier
    return made


def _refuse_many(person: User) -> None:
    """Raise CannotBundle where one more would keep the worker from others, or fill the storage."""
    theirs = Bundle.objects.filter(person=person, expires_at__gt=timezone.now())
    if theirs.filter(ready_at=None).count() >= MOST_WAITING:
        raise CannotBundle(f"{MOST_WAITING} ZIP files of yours are still being made. Wait until one is ready.")
    if theirs.count() >= MOST_KEPT:
        raise CannotBundle(f"You have {MOST_KEPT} ZIP files. Let one go first.")


def _fill(bundle: Bundle, clips: Sequence[Clip]) -> None:
    """The bundle's rows: its parts, and in each its clips with their names, which no two of the bundle share."""
    names = iter(bundle_names.numbered([(path_of(clip, bundle.pattern), suffix_of(clip.file.name)) for clip in clips]))
    position = 0
    for number, several in enumerate(parted(clips), start=1):
        part = BundlePart.objects.create(bundle=bundle, number=number, planned=sum(clip.bytes for clip in several))
        rows = [BundleClip(part=part, clip=clip, position=position + place, name=next(names)) for place, clip in enumerate(several)]
        BundleClip.objects.bulk_create(rows, batch_size=500)
        position += len(several)


def parted(clips: Sequence[Clip]) -> Iterator[list[Clip]]:
    """The clips of each ZIP, in their order; a clip that is larger than a whole ZIP has one of its own."""
    several: list[Clip] = []
    size = 0
    for clip in clips:
        if several and size + clip.bytes > LIMIT:
            yield several
            several, size = [], 0
        several.append(clip)
        size += clip.bytes
    yield several


def path_of(clip: Clip, pattern: str) -> str:
    """The path in the ZIP that the pattern gives this clip."""
    words = bundle_names.words_of(
        project=clip.job.project.name,
        code=clip.code,
        title=words_for(clip),
        position=clip.position,
        day=timezone.localdate(clip.saved_at),
        provider=clip.attempt.connection.provider,
    )
    return bundle_names.filled(pattern, words)


def title_of(clips: Sequence[Clip]) -> str:
    """What a bundle of these clips is called: "Tidewater, 12 clips" or "12 clips of 3 projects"."""
    projects = {clip.job.project.name for clip in clips}
    number = f"{len(clips):,} clip{'' if len(clips) == 1 else 's'}"
    return f"{projects.pop()}, {number}" if len(projects) == 1 else f"{number} of {len(projects)} projects"


def own(person: User) -> QuerySet[Bundle]:
    """The person's bundles, newest first, with their parts and how many clips each has and misses. Two queries."""
    counted = BundlePart.objects.annotate(clips=Count("places"), missing=Count("places", filter=~Q(places__trouble="")))
    return (
        Bundle.objects.filter(person=person, expires_at__gt=timezone.now()).order_by("-made_at").prefetch_related(Prefetch("parts", queryset=counted))
    )


def part_for(person: User, bundle_id: UUID, number: int) -> BundlePart | None:
    """The finished ZIP, if it is this person's. Raises Withheld unless they may still have every clip of which it holds a byte or a word."""
    part = BundlePart.objects.select_related("bundle").filter(bundle=bundle_id, number=number, bundle__person=person).exclude(file="").first()
    if part is None or part.bundle.expires_at <= timezone.now():
        return None
    if _out_of_reach(person).filter(part=part).exists():
        raise Withheld(part.bundle)
    return part


def withheld(person: User, several: Sequence[Bundle]) -> set[int]:
    """The ids of the finished ZIPs of these bundles that are not given out any more. One query."""
    return set(_out_of_reach(person).filter(part__bundle__in=several).exclude(part__file="").values_list("part", flat=True))


def _out_of_reach(person: User) -> "QuerySet[BundleClip]":
    """The places in ZIP files of clips that this person may not have now: of a project that they do not see, or thrown away.

    A clip whose file was missing counts like any other, since the manifest tells of it.
    """
    return BundleClip.objects.exclude(trouble__in=LEFT_OUT).exclude(present("clip"), clip__project__in=Project.objects.for_user(person))


def asked_in(person: User, bundle_id: UUID) -> list[UUID]:
    """The clips of this person's bundle, in their order, to ask for them again; none of anybody else's."""
    places = BundleClip.objects.filter(part__bundle=bundle_id, part__bundle__person=person)
    return list(places.order_by("position").values_list("clip", flat=True))


def news_for(person: User) -> tuple[int, list[Bundle]]:
    """How many bundles of this person are not ready, and those that are ready and that no page has told them of. Asking marks nothing."""
    pending = Bundle.objects.filter(person=person, ready_at=None, expires_at__gt=timezone.now()).count()
    ready = list(Bundle.objects.filter(person=person, ready_at__isnull=False, told_at=None, expires_at__gt=timezone.now())[:SHOWN])
    return pending, ready


def mark_told(person: User, ids: Collection[UUID]) -> int:
    """Write down that a page has told this person that these bundles are ready; how many it was the first to tell of."""
    return Bundle.objects.filter(person=person, pk__in=ids, ready_at__isnull=False, told_at=None).update(told_at=timezone.now())
