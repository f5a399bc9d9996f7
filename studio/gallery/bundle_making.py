"""Makes ZIP files in the background, a part at a time, and takes away what has expired. Every task may run twice, late or never; the rows say what there is to do.

    claim ──> look at each clip: is it there, may its person still see it? ──> stream it into the storage ──> whole: note it
                                     ^── a file that breaks off or has changed: out of the list, from the beginning ──┘

A chunk of a clip and the list of names are all that is in memory, whatever the size. The clips are stored, not compressed: video does not get smaller.
One part at a time in the whole installation, so that no worker that sends and looks is kept from it.
"""

import hashlib
import io
import logging
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from zipfile import ZIP_DEFLATED

from django.core.cache import caches
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Prefetch, QuerySet
from django.utils import timezone
from zipstream import ZipStream

from studio.gallery import bundle_manifest
from studio.gallery.bundle_models import LEFT_OUT, THROWN, UNSEEN, Bundle, BundleClip, BundlePart
from studio.gallery.serving import CHUNK
from studio.jobs.models import JobReference
from studio.jobs.wanted import uuid_of
from studio.jobs.worker import beat
from studio.leases import free, holds
from studio.projects.models import Project

log = logging.getLogger(__name__)
LEASE = timedelta(seconds=270)  # longer than the queue's own limit for a task (settings.Q_CLUSTER)
AGAIN = timedelta(seconds=30)  # after trouble with our own storage
MOST_TRIES = 4
NOTE = 0.5  # seconds between two notes of how far it is
MINUTE = 60  # seconds between looks for what has expired
AT_ONCE = 20  # bundles that one task takes away
DELETED = "It held a clip that was deleted for good."


class Broken(Exception):
    """A clip's file is not what it should be: make the ZIP without it."""

    def __init__(self, place: BundleClip, why: str) -> None:
        super().__init__(why)
        self.place = place


class Taken(Exception):
    """Another task makes this part, or its person let the bundle go: stop."""


def is_due() -> bool:
    """Whether `go_on` has something to do. Asked every second: one query, on an index of what waits, and once a minute another."""
    now = timezone.now()
    waiting = list(BundlePart.objects.filter(waits=True).order_by("-lease_until").values_list("lease_until", flat=True)[:AT_ONCE])
    busy = any(holds(lease, now=now, lasts=LEASE) for lease in waiting)
    return (bool(waiting) and not busy) or (
        bool(caches["local"].add("bundles", "looked at", MINUTE)) and (_over().exists() or _with_deleted().exists())
    )


def go_on() -> int:
    """How many parts this task made, one at most; before that, what has expired goes."""
    clear_away()
    now = timezone.now()
    unmade = BundlePart.objects.filter(waits=True)
    idle = free("lease_until", now=now, lasts=LEASE)
    if unmade.exclude(idle).exists():
        return 0
    key = unmade.filter(idle).order_by("bundle__made_at", "number").values_list("pk", flat=True).first()
    return int(make(key)) if key is not None else 0


def clear_away() -> int:
    """How many bundles whose time is over went, with their files. So does a ZIP with a clip that was deleted for good, and what a killed worker left."""
    over = list(_over().prefetch_related("parts")[:AT_ONCE])
    for bundle in over:
        for part in bundle.parts.all():
            default_storage.delete(_name(part))
        bundle.delete()
    for part in _with_deleted()[:AT_ONCE]:
        default_storage.delete(_name(part))
        BundlePart.objects.filter(pk=part.pk).update(file="", bytes=0, sha256="", trouble=DELETED)
    _sweep()
    return len(over)


def _over() -> "QuerySet[Bundle]":
    """Bundles whose time is over. One that is being made goes when its maker has seen that and stopped, or it would be put into the storage afterwards."""
    now = timezone.now()
    making = BundlePart.objects.filter(bundle=OuterRef("pk"), waits=True, lease_until__gt=now)
    return Bundle.objects.filter(~Exists(making), expires_at__lte=now)


def _with_deleted() -> "QuerySet[BundlePart]":
    """Finished ZIPs that still hold the bytes of a clip whose own files are gone or go now."""
    held = BundleClip.objects.filter(part=OuterRef("pk"), trouble="", clip__erased_at__isnull=False)
    return BundlePart.objects.filter(Exists(held)).exclude(file="")


def _sweep() -> None:
    """Delete the files of bundles that have no row: of a worker that was killed while its bundle went. Rows are asked after the files, and are older than these."""
    try:
        found = [key for name in default_storage.listdir("bundles")[0] if (key := uuid_of(name))]
        known = set(Bundle.objects.filter(pk__in=found).values_list("pk", flat=True))
        for key in [key for key in found if key not in known][:AT_ONCE]:
            for name in default_storage.listdir(f"bundles/{key}")[1]:
                default_storage.delete(f"bundles/{key}/{name}")
            default_storage.delete(f"bundles/{key}")  # the folder, where the storage has folders
    except FileNotFoundError:
        return  # there was never one, or somebody else swept
    except OSError:  # such as a bucket that lets nobody list it: no reason to make no ZIP
        log.exception("the storage could not be searched for files of bundles that are gone")


def make(part_id: int) -> bool:
    """Whether this call made the part."""
    part = _claim(part_id)
    if part is None:
        return False
    try:
        trouble = _tried(part)
        return _later(part, trouble) if trouble else True
    except Taken:
        _discard(part)
        BundlePart.objects.filter(pk=part.pk, tries=part.tries).update(lease_until=None)  # of a bundle that somebody let go: others may be made
        return False


def _discard(part: BundlePart) -> None:
    """Delete what this try has written, unless another try writes under the same name. Of a bundle that is gone nobody else would."""
    if not BundlePart.objects.filter(pk=part.pk).exclude(tries=part.tries).exists():
        default_storage.delete(_name(part))


def _tried(part: BundlePart) -> str:
    """Why the part could not be made now; empty where it is. Raises Taken."""
    if not part.bundle.person.is_active:
        return "Its person was switched off."
    if part.tries > MOST_TRIES:
        return "It could not be made. Ask for fewer clips at once."
    try:
        _whole(part)
    except Taken:
        raise
    except OSError as error:  # our own disk or storage: full, away, not writable
        log.exception("part %s of bundle %s could not be written", part.number, part.bundle_id)
        return f"The file could not be written: {error.strerror or 'storage trouble'}."
    except Exception:
        log.exception("part %s of bundle %s could not be made", part.number, part.bundle_id)
        return "Something went wrong here while it was made."
    return ""


def _later(part: BundlePart, why: str) -> bool:
    """Leave the part for another try, or give it up after the last one. False, as it was not made."""
    if part.tries >= MOST_TRIES or not part.bundle.person.is_active:
        _end(part, trouble=why)
    else:
        _ours(part).update(lease_until=timezone.now() + AGAIN)
    return False


def _claim(part_id: int) -> BundlePart | None:
    """The part, if nobody else makes it. The try is counted before it is made, and is the number by which its writes are known."""
    now = timezone.now()
    mine = BundlePart.objects.filter(free("lease_until", now=now, lasts=LEASE), pk=part_id, waits=True)
    won = mine.update(lease_until=now + LEASE, tries=F("tries") + 1, done=0)
    return BundlePart.objects.select_related("bundle__person").get(pk=part_id) if won == 1 else None


def _ours(part: BundlePart) -> "QuerySet[BundlePart]":
    """The part's row, while this try is the last one and nobody has let the bundle go."""
    wanted = Bundle.objects.filter(pk=part.bundle_id, expires_at__gt=timezone.now())
    return BundlePart.objects.filter(pk=part.pk, tries=part.tries, waits=True, bundle__in=wanted)


def _whole(part: BundlePart) -> None:
    """The part's file in the storage, without what is broken."""
    while True:
        places = _places(part)
        try:
            size, digest = _store(part, places)
        except Broken as broken:
            log.warning("clip %s is left out of bundle %s: %s", broken.place.clip_id, part.bundle_id, broken)
            BundleClip.objects.filter(pk=broken.place.pk).update(trouble=str(broken))
        else:
            return _end(part, file=_name(part), bytes=size, sha256=digest, done=part.planned)


def _places(part: BundlePart) -> list[BundleClip]:
    """The part's clips with all that the manifest tells. What its person may not have at this moment is marked."""
    job = ("clip__job__project", "clip__job__author", "clip__job__parent__project", "clip__job__source__job__project", "clip__job__prompt_version")
    rows = part.places.select_related(*job, "clip__attempt__connection", "clip__decision__person")
    references = JobReference.objects.select_related("reference")
    places = list(rows.prefetch_related(Prefetch("clip__job__job_references", queryset=references)))
    seen = set(Project.objects.for_user(part.bundle.person).filter(pk__in={place.clip.project_id for place in places}).values_list("pk", flat=True))
    for place in places:
        why = UNSEEN if place.clip.project_id not in seen else "" if place.clip.is_present else THROWN
        if why != place.trouble and (why or place.trouble in LEFT_OUT):  # an earlier try may have found it otherwise
            place.trouble = why
            place.save(update_fields=["trouble"])
    return places


def _store(part: BundlePart, places: list[BundleClip]) -> tuple[int, str]:
    """Size and SHA-256 of the ZIP, which is whole in the storage. Raises Broken, Taken or OSError, and leaves nothing behind then."""
    name = _name(part)
    default_storage.delete(name)  # what a killed task left there
    pulled = Pulled(iter(_zip(part, places)))
    try:
        stored = default_storage.save(name, File(io.BufferedReader(pulled, CHUNK)))
    except BaseException:
        _discard(part)
        raise
    if stored != name:
        default_storage.delete(stored)
        raise Taken
    if default_storage.size(name) != pulled.size:
        raise OSError(f"{name} is not whole in the storage")
    return pulled.size, pulled.digest.hexdigest()


def _zip(part: BundlePart, places: list[BundleClip]) -> ZipStream:
    """The ZIP as a stream that reads each clip when its turn comes."""
    stream, note = ZipStream(), _noting(part)
    told = [bundle_manifest.told(place) for place in places if place.trouble not in LEFT_OUT]
    left_out = [*(str(place.clip_id) for place in places if place.trouble in LEFT_OUT), *part.bundle.left_out]
    parts = part.bundle.parts.count()
    for name, content in (
        ("manifest.json", bundle_manifest.as_json(part.bundle, told, left_out=left_out, part=part.number, parts=parts)),
        ("manifest.csv", bundle_manifest.as_csv(told, left_out=left_out)),
    ):
        stream.add(content, name, compress_type=ZIP_DEFLATED)
    for place in places:
        if not place.trouble:
            stream.add(_content(place, note), place.name)
    return stream


def _content(place: BundleClip, note: Callable[[int], None]) -> Iterator[bytes]:
    """The bytes of one clip, which are those that we saved. Raises Broken."""
    digest = hashlib.sha256()
    try:
        with default_storage.open(str(place.clip.file.name)) as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
                note(len(chunk))
                yield chunk
    except FileNotFoundError as error:
        raise Broken(place, "Its file is not in the storage.") from error
    except OSError as error:
        raise Broken(place, f"Its file could not be read: {error.strerror or 'storage trouble'}.") from error
    if digest.hexdigest() != place.clip.sha256:
        raise Broken(place, "Its file is not the one that was saved: the SHA-256 differs.")


def _noting(part: BundlePart) -> Callable[[int], None]:
    """What counts bytes and, now and then, writes down how far it is and keeps the lease. Raises Taken where it is lost."""
    done, last = 0, time.monotonic()

    def note(length: int) -> None:
        nonlocal done, last
        done += length
        if time.monotonic() - last < NOTE:
            return
        last = time.monotonic()
        beat()
        if not _ours(part).update(done=done, lease_until=timezone.now() + LEASE):
            raise Taken

    return note


def _end(part: BundlePart, **facts: object) -> None:
    """Nothing is to be done for this part any more; after the last one the bundle is ready. Raises Taken."""
    with transaction.atomic():
        if not _ours(part).update(waits=False, lease_until=None, **facts):
            raise Taken
        if not BundlePart.objects.filter(bundle=part.bundle_id, waits=True).exists():
            Bundle.objects.filter(pk=part.bundle_id, ready_at=None).update(ready_at=timezone.now())


def _name(part: BundlePart) -> str:
    return f"bundles/{part.bundle_id}/{part.number}.zip"


class Pulled(io.RawIOBase):
    """A file that is read from an iterator of bytes, which it counts and hashes."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces, self._rest = pieces, b""
        self.size, self.digest = 0, hashlib.sha256()

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        """How many bytes came; 0 at the end."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = piece
        view = memoryview(buffer).cast("B")
        part, self._rest = self._rest[: len(view)], self._rest[len(view) :]
        view[: len(part)] = part
        self.size += len(part)
        self.digest.update(part)
        return len(part)
