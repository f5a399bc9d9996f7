"""The chain of hashes over the record of changes, which shows whether somebody with access to the database changed it. The one writer of seals.

An event is written in any transaction, at the same moment as others. Once a minute the worker seals those that have none: a seal has the next number, and
the SHA-256 of the event, of its own number and time, and of the seal before. Two workers that seal at once collide at the number; one of them gives way.

The hash has no key: database and log are enough to check it, also after the secret key has changed. So whoever can write to the database could compute a
whole new chain. The log therefore gets the head once a day, and `audit verify --head` says whether a head is still in the chain.
"""

import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from django.db import IntegrityError, transaction
from django.utils import timezone

from studio.accounts.models import AuditEvent, AuditSeal

AT_ONCE = 500  # events that are read or sealed together
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)  # before any event
LATEST = timedelta(hours=1)  # after its time an event is in the database, however long its transaction takes

log = logging.getLogger("studio.audit")


class EventFields(Protocol):
    """What a seal covers of an event, here or in a migration."""

    pk: int
    at: datetime
    actor_id: int | None
    action: str
    family: str
    subject: str
    before: object
    after: object
    reason: str
    address: str | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many seals were checked, the newest hash, the first thing that is wrong (empty if nothing is), and how many events have no seal yet."""

    count: int = 0
    head: str = ""
    wrong: str = ""
    waiting: int = 0


def digest(event: EventFields, *, number: int, known_until: datetime, before: str) -> str:
    """The hash of a seal: 64 hexadecimal digits. All events that were there at `known_until` are sealed with it, or were. `before` is the hash of the seal
    before, empty for the first.
    """
    said = [
        *(number, known_until.astimezone(UTC).isoformat(), before, event.pk, event.at.astimezone(UTC).isoformat(), event.actor_id),
        *(event.action, event.family, event.subject, event.before, event.after, event.reason, event.address),
    ]
    return hashlib.sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def seal_new() -> int:
    """Seal the events that have no seal, and say how many. Run by the worker once a minute; twice at once does no harm."""
    done = 0
    while sealed := _seal_some():
        done += sealed
    return done


def _seal_some() -> int:
    try:
        with transaction.atomic():
            last = AuditSeal.objects.order_by("-number").first()
            now = timezone.now()
            events = list(AuditEvent.objects.filter(seal=None).order_by("pk")[:AT_ONCE])
            number, before, until = (last.number, last.hash, last.known_until) if last else (0, "", BEGINNING)
            until = now if len(events) < AT_ONCE else until  # with more to come, older ones may be among them
            return len(AuditSeal.objects.bulk_create(_seals(events, number=number, before=before, until=until)))
    except IntegrityError:  # another process sealed them in the same moment
        return 0


def _seals(events: Sequence[AuditEvent], *, number: int, before: str, until: datetime) -> Iterator[AuditSeal]:
    for turn, event in enumerate(events, number + 1):
        before = digest(event, number=turn, known_until=until, before=before)
        yield AuditSeal(number=turn, event=event, known_until=until, hash=before)


def verify(*, newest: int | None = None) -> Verdict:
    """Read the chain and compare, all of it or the `newest` seals, whose predecessor is believed then."""
    last = AuditSeal.objects.order_by("-number").first()
    unsealed = AuditEvent.objects.filter(seal=None)
    waiting = unsealed.count()
    if last is None:
        return Verdict(waiting=waiting)
    first = 1 if newest is None else max(1, last.number - newest + 1)
    believed = AuditSeal.objects.filter(number=first - 1).first()
    count, wrong = _compare(first, believed)
    if not wrong and (late := unsealed.filter(at__lt=last.known_until - LATEST).order_by("pk").first()):
        wrong = f"Event {late.pk} of {late.at:%Y-%m-%d %H:%M:%S} UTC has no seal, and later ones have: it was inserted later."
    return Verdict(count=count, head=last.hash, wrong=wrong, waiting=waiting)


def _compare(first: int, believed: AuditSeal | None) -> tuple[int, str]:
    """How many seals were compared, from number `first` on, and what is wrong with the last of them."""
    expected, count = first, 0
    known: datetime | None = None  # when the round before ended: events of that time had their seals
    for seals in _batches(first):
        events = AuditEvent.objects.filter(pk__in=[seal.event_id for seal in seals]).in_bulk()
        for seal in seals:
            count += 1
            if wrong := _wrong_with(seal, events.get(seal.event_id), expected, believed):
                return count, wrong
            if believed and believed.known_until != seal.known_until:
                known = believed.known_until
            if known and (late := _late(events[seal.event_id], known)):
                return count, late
            believed, expected = seal, expected + 1
    return count, ""


def _wrong_with(seal: AuditSeal, event: AuditEvent | None, expected: int, before: AuditSeal | None) -> str:
    if seal.number != expected:
        return f"Seal {expected} is missing: an event was deleted."
    if event is None:
        return f"Event {seal.event_id} (seal {seal.number}) is missing: it was deleted."
    if before is None and expected > 1:
        return f"Seal {expected - 1} is missing: an event was deleted."
    if digest(event, number=seal.number, known_until=seal.known_until, before=before.hash if before else "") != seal.hash:
        return f"Event {event.pk} of {event.at:%Y-%m-%d %H:%M:%S} UTC (seal {seal.number}) does not match its seal: it, or a seal before it, was changed."
    return ""


def _late(event: AuditEvent, known: datetime) -> str:
    if event.at >= known - LATEST:
        return ""
    return f"Event {event.pk} says {event.at:%Y-%m-%d %H:%M:%S} UTC, but was not there at {known:%Y-%m-%d %H:%M:%S}: it was inserted later."


def _batches(first: int) -> Iterator[Sequence[AuditSeal]]:
    while seals := list(AuditSeal.objects.filter(number__gte=first).order_by("number")[:AT_ONCE]):
        yield seals
        first = seals[-1].number + 1


def holds(head: str) -> bool:
    """Whether this hash, from the log, is one of the chain. Whether the chain is sound says `verify`."""
    return AuditSeal.objects.filter(hash=head.strip().lower()).exists()


def log_head() -> None:
    """Write the head into the log, where the database cannot change it. Run by the worker once a day."""
    last = AuditSeal.objects.order_by("-number").first()
    if last is not None:
        log.info("The record of changes has %s sealed events; its head is %s", last.number, last.hash)
