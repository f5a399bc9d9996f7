"""Whose turn it is: the order in which queued jobs are sent, and a job's place in it.

Fair by person within a connection: who has less in flight comes first, and of equals the one who was not served last. So a hundred jobs of one delay
the next person's first by no more than one. A person may put a job first in their own line; that changes nothing for anybody else, because no person's
turn depends on which of their jobs it is for. When somebody's turn comes is reckoned from the times that such orders usually take, the same from which
looks are planned.
"""

import heapq
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, F, IntegerField, Min, OuterRef, QuerySet, Subquery, Window
from django.db.models.functions import Coalesce, RowNumber

from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt, Job, Turn
from studio.routing import track
from studio.routing.models import Connection
from studio.routing.track import Tracks

AWAY = (State.SENDING, State.RENDERING)  # at the provider, so that they count against its limit
LINE = 1000  # jobs in line that are looked through for a place


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in a connection's line, from 1 (0 where it is not known), and in how many seconds it is sent (None where nobody can tell)."""

    place: int = 0
    starts_in: float | None = None


def starts_in(place: int, *, at_once: int, usual: float, left: Sequence[float]) -> float | None:
    """In how many seconds the job at this place is sent. Pure.

    Each of a connection's `at_once` seats is free, or taken for the seconds `left` to what is under way there; who comes before sits for the `usual`
    time. None where a seat is waited for that should be free already: what takes longer than usual says nothing about when it ends.
    """
    seats = sorted([*left, *[0.0] * (at_once - len(left))])[max(0, len(left) - at_once) :]
    full = len(left) >= at_once
    for _ in range(place - 1):
        heapq.heapreplace(seats, seats[0] + usual)
    return None if full and seats[0] <= 0 else seats[0]


def in_turn(jobs: "QuerySet[Job]") -> "QuerySet[Job]":
    """These queued jobs, each connection's in the order in which they are sent."""
    away = Job.objects.filter(connection=OuterRef("connection"), author=OuterRef("author"), state__in=AWAY).order_by()
    theirs = Subquery(away.values("author").annotate(n=Count("pk")).values("n"), output_field=IntegerField())
    own = [F("first_at").desc(nulls_last=True), F("created_at").asc()]
    turn = Window(RowNumber(), partition_by=[F("connection"), F("author")], order_by=own) + Coalesce(theirs, 0)
    waits = Window(Min("created_at"), partition_by=[F("connection"), F("author")])  # since when its author waits, with whichever job
    served = Subquery(Turn.objects.filter(connection=OuterRef("connection"), author=OuterRef("author")).values("served_at"))
    queued = jobs.filter(state=State.QUEUED).annotate(turn=turn, served=served, waits=waits)
    return queued.order_by("turn", F("served").asc(nulls_first=True), "waits", "author_id")


def serve(job: Job, at: datetime) -> None:
    """It is this job's author's turn now: the next time others come first. Call it in the transaction that claims the job."""
    Turn.objects.update_or_create(connection=job.connection, author=job.author, defaults={"served_at": at})


def places(connections: Collection[int]) -> dict[UUID, int]:
    """The place in line, from 1, of each job that is queued at these connections, in any project. One query, none for no connection."""
    if not connections:
        return {}
    counted: dict[int, int] = dict.fromkeys(connections, 0)
    found: dict[UUID, int] = {}
    for key, connection in in_turn(Job.objects.filter(connection__in=connections)).values_list("pk", "connection_id")[:LINE]:
        counted[connection] += 1
        found[key] = counted[connection]
    return found


@dataclass(frozen=True, slots=True)
class UnderWay:
    """An attempt at a provider: its kind of order, and since when (None while it is being sent)."""

    kind: str
    since: datetime | None


def under_way(connections: Collection[int]) -> dict[int, list[UnderWay]]:
    """What takes a seat at these connections, in any project. One query, none for no connection."""
    found: dict[int, list[UnderWay]] = {}
    live = Attempt.objects.filter(connection__in=connections, ended_at=None, job__state__in=AWAY) if connections else Attempt.objects.none()
    for key, kind, since in live.values_list("connection_id", "kind", "accepted_at"):
        found.setdefault(key, []).append(UnderWay(kind, since))
    return found


def spot(place: int, connection: Connection, kind: str, away: Sequence[UnderWay], *, tracks: Tracks, now: datetime) -> Spot:
    """A place with its time: at once where a seat is free, else as far as this installation knows how long such orders take there. No guess is told."""
    if place <= connection.jobs_at_once - len(away):
        return Spot(place, 0.0)
    seconds = tracks.seconds(connection.pk, kind)
    usual = track.usual(seconds) if len(seconds) >= track.ENOUGH else None
    if usual is None:
        return Spot(place)
    left = []
    for one in away:
        takes = track.usual(tracks.seconds(connection.pk, one.kind)) or usual
        left.append(max(0.0, takes - (now - one.since).total_seconds()) if one.since else takes)
    return Spot(place, starts_in(place, at_once=connection.jobs_at_once, usual=usual, left=left))
