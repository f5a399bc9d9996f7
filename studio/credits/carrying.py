"""Carries out a movement of many people's credits: in parts, each a short transaction; the web begins, the worker goes on. Exactly once a person.

    start ──> a Movement with everybody in it ──part──part──part──> ended        stop: whoever was not reached is left out
                                                └── died in between: the lease runs out, and the next part follows where the last one was committed

A part moves a hundred people's credits, and how far the movement is, in one transaction under the movement's lock and then their accounts', taken in
ascending id. Whoever was granted or taken credits by somebody else since the manager saw the plan is left out, as is whoever left.

Busy     another movement is under way: wait for its end, then look again
Stale    the plan is not what the manager saw: show the new one
"""

import time
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from studio.accounts.models import AuditEvent, User, client_address
from studio.credits import batch, ledger
from studio.credits.models import Account, Entry
from studio.credits.movement import LeftOut, Movement
from studio.leases import free

PART = 100  # people a transaction: some tenths of a second of the one writer that SQLite has, on a busy machine
BETWEEN = 0.002  # seconds between two, in which others may write
LEASE = timedelta(seconds=15)
AT_ONCE = 1.5  # seconds for which a request works itself: a few hundred people are done before its answer
TURN = 4.0  # seconds of one task
REMOVED = "was removed meanwhile"
ELSEWHERE = "was granted or taken credits by somebody else meanwhile"


class Busy(Exception):
    """Another movement is under way. Its text is a sentence for the manager."""


class Stale(Exception):
    """Somebody was granted or taken credits since the plan was seen."""


def start(people: Sequence[User], act: str, amount: int, *, key: UUID, seen: str, reason: str, by: User) -> tuple[Movement, bool]:
    """The movement of this form, and whether this call began it; one that was begun before is not begun again. Raises Busy, Stale."""
    if earlier := Movement.objects.filter(key=key).first():
        return earlier, False
    try:
        with transaction.atomic():
            made = Movement.objects.create(key=key, act=act, amount=amount, reason=reason, by=by, address=client_address())
            now = batch.plan(people, act, amount, by=by)  # nobody else begins one before this transaction has ended
            if now.seen != seen:
                raise Stale
            made.people = [[user_id, now.newest.get(user_id, 0)] for user_id in sorted(row.person.pk for row in now.moving)]
            made.total = len(made.people)
            _ended(made, when=not made.total)
            made.save(update_fields=["people", "total", "is_running", "ended_at"])
            LeftOut.objects.bulk_create([LeftOut(movement=made, user=row.person, why=row.refusal) for row in now.refused], batch_size=batch.SEVERAL)
    except IntegrityError:
        if earlier := Movement.objects.filter(key=key).first():
            return earlier, False
        raise Busy(busy_text(running())) from None
    return made, True


def carry_on(movement_id: int, *, seconds: float) -> bool:
    """Whether the movement has ended, after at most so many seconds of work on it, and one part more. Does nothing while another call works on it."""
    end = time.monotonic() + seconds
    while _leased(movement_id):
        if _part(movement_id):
            return True
        if time.monotonic() >= end:
            break
        time.sleep(BETWEEN)
    return False


def waiting() -> "QuerySet[Movement, int]":
    """The ids of movements that wait for somebody to go on with them: of one at most. One query, asked every second."""
    idle = free("leased_until", now=timezone.now(), lasts=LEASE)
    return Movement.objects.filter(idle, is_running=True).values_list("pk", flat=True)


def go_on() -> int:
    """How many movements this task worked on. Run by the queue: twice, late, or beside a request that works on the same one."""
    return len([carry_on(movement_id, seconds=TURN) for movement_id in list(waiting())])


def stop(movement: Movement, *, by: User) -> bool:
    """Whether this call ended the movement before all were reached; whoever was not is left out."""
    with transaction.atomic():
        now = Movement.objects.select_for_update().filter(pk=movement.pk, is_running=True).first()
        if now is None:
            return False
        rest = [user_id for user_id, _ in now.people[now.done :]]
        known = {user_id for several in batch.severals(rest) for user_id in User.objects.filter(pk__in=several).values_list("pk", flat=True)}
        why = "was not reached before it was stopped"
        LeftOut.objects.bulk_create([LeftOut(movement=now, user_id=one, why=why) for one in rest if one in known], batch_size=batch.SEVERAL)
        _ended(now, when=True)
        now.stopped_by = by
        now.save(update_fields=["is_running", "ended_at", "stopped_by"])
        AuditEvent.record(
            "credits.stopped", f"{now.total:,} people", actor=by, after={"moved": now.moved, "not_reached": len(rest)}, reason=now.reason
        )
    return True


def entries(movement: Movement) -> "QuerySet[Entry]":
    """What the movement has moved, by person."""
    rows = Entry.objects.filter(kind__in=batch.MOVED, at__gte=movement.started_at, at__lte=movement.until)
    return rows.filter(reference__startswith=f"{movement.key}.").select_related("account__user").order_by("account__user__name", "pk")


def running() -> Movement | None:
    """The movement that is under way, without its people. One query."""
    return Movement.objects.select_related("by").defer("people").filter(is_running=True).first()


def busy_text(movement: Movement | None) -> str:
    """Why nothing else can be moved now, for a manager."""
    if movement is None:  # it has ended this moment
        return "Another movement has just ended."
    return f"{movement.by} is moving the credits of {movement.total:,} people at this moment, {movement.done:,} of them done."


def _leased(movement_id: int) -> bool:
    """Whether this call may work on the movement for the next seconds."""
    now = timezone.now()
    idle = free("leased_until", now=now, lasts=LEASE)
    return Movement.objects.filter(idle, pk=movement_id, is_running=True).update(leased_until=now + LEASE) == 1


def _part(movement_id: int) -> bool:
    """Deal with the next of the movement's people, in one transaction; whether that was the end."""
    with transaction.atomic():
        now = Movement.objects.select_for_update(of=("self",)).select_related("by").get(pk=movement_id)
        if not now.is_running:
            return True
        part: list[list[int]] = now.people[now.done : now.done + PART]
        people = User.objects.in_bulk([user_id for user_id, _ in part])
        rows, left_out = _sorted_out(now, people, {user_id: entry for user_id, entry in part})  # noqa: C416 - they come as lists
        left_out += [LeftOut(movement=now, why=REMOVED)] * (len(part) - len(people))
        _move(now, rows)
        LeftOut.objects.bulk_create(left_out)
        now.done, now.moved = now.done + len(part), now.moved + len(rows)
        now.changed += sum(row.change for row in rows.values())
        now.leased_until = None
        _ended(now, when=now.done == now.total)
        now.save(update_fields=["done", "moved", "changed", "is_running", "ended_at", "leased_until"])
    return not now.is_running


def _sorted_out(movement: Movement, people: dict[int, User], seen: dict[int, int]) -> tuple[dict[Account, batch.Row], list[LeftOut]]:
    """Whose credits move now, by their locked accounts, and who is left out with the reason. Somebody who was removed is in neither."""
    accounts = ledger.lock_many(people)
    newest = batch.newest(accounts.values())
    rows, left_out = {}, []
    for user_id, person in sorted(people.items()):
        row = batch.row_of(person, accounts[user_id], movement.act, movement.amount)
        why = row.refusal or (ELSEWHERE if newest.get(user_id, 0) != seen[user_id] else "")
        if why:
            left_out.append(LeftOut(movement=movement, user=person, why=why))
        else:
            rows[accounts[user_id]] = row
    return rows, left_out


def _move(movement: Movement, rows: dict[Account, batch.Row]) -> None:
    """Move these credits, each with its line in the record of changes."""
    keys = {account: f"{movement.key}.{account.user_id}" for account in rows}
    ledger.move_many({account: row.change for account, row in rows.items()}, keys=keys, reason=movement.reason, actor=movement.by)
    for action, given in (("credits.granted", True), ("credits.taken", False)):
        changes = [
            (row.person.email, {"millicredits": row.before}, {"millicredits": row.after}) for row in rows.values() if (row.change > 0) is given
        ]
        AuditEvent.record_many(action, changes, actor=movement.by, reason=movement.reason, address=movement.address)


def _ended(movement: Movement, *, when: bool) -> None:
    """Note the end on the row in hand, where it has come."""
    if when:
        movement.is_running, movement.ended_at, movement.leased_until = False, timezone.now(), None
