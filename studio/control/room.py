"""The control room: what needs somebody, how every connection fares, and whether a worker works. Only reads; eleven queries whatever there is.

What needs somebody is a table of rules over what was read, so that the page tells in one look whether all is well.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from studio.control import drift, fares, inbox, missing
from studio.control.fares import Queue, Standing
from studio.control.health import is_supervised, lately
from studio.disk import next_to_nothing
from studio.gallery import storage
from studio.jobs.alerts import open_alerts
from studio.jobs.models import Heartbeat, Incident
from studio.jobs.recheck import faulty
from studio.providers.contract import Cause
from studio.routing.models import Connection

INCIDENTS = 8  # the newest ones that are shown
CLUSTERS = 20
REMEMBERED = 86_400.0  # seconds for which a cluster that fell silent is still shown


@dataclass(frozen=True, slots=True)
class Need:
    """Something that a person must do. `to` is the name of the page where it is done; `connection` and its name `subject` say at which one."""

    tone: str  # "bad" where work stands still, else "warn"
    words: str
    to: str = ""
    label: str = ""
    connection: int = 0
    subject: str = ""
    may_try: bool = False  # the connection may be tried at once


@dataclass(frozen=True, slots=True)
class Room:
    """Everything that the page shows."""

    needs: list[Need]
    standings: list[Standing]
    clusters: list[Heartbeat]
    incidents: list[Incident]
    waiting: int
    now: datetime

    @property
    def total(self) -> Queue:
        """How many jobs are where, at all connections together."""
        queues = [standing.queue for standing in self.standings]
        names = ("waiting", "sending", "rendering", "saving", "in_doubt")
        return Queue(*(sum(getattr(queue, name) for queue in queues) for name in names))

    @property
    def ready(self) -> int:
        """How many connections take orders."""
        return sum(standing.state in {"on", "partly", "resting"} for standing in self.standings)

    @property
    def alive(self) -> list[Heartbeat]:
        """The clusters that were heard of lately."""
        oldest, newest = lately(self.now)
        return [cluster for cluster in self.clusters if oldest <= cluster.beat_at <= newest]


def look() -> Room:
    """The control room at this moment."""
    now = timezone.now()
    standings = fares.standings(now)
    heartbeats = Heartbeat.objects.filter(beat_at__lte=lately(now)[1]).order_by("-beat_at")
    clusters = [row for row in heartbeats[:CLUSTERS] if (now - row.beat_at).total_seconds() < REMEMBERED]
    waiting = inbox.waiting(now)
    needs = [*_of_worker(clusters, now), *_of_all(standings), *_of_doubt(waiting), *_of_alerts(), *_of_keeping(now)]
    needs += [need for standing in standings if standing.connection.enabled for need in _of_connection(standing)]
    needs += _of_prices([standing.connection for standing in standings if standing.connection.enabled])
    return Room(sorted(needs, key=lambda need: need.tone), standings, clusters, list(Incident.objects.all()[:INCIDENTS]), waiting, now)


def _of_worker(clusters: list[Heartbeat], now: datetime) -> Iterator[Need]:
    """No cluster works: none was started, or its supervisor is starting or restarting one.

    The newest heartbeat comes first.
    """
    newest = clusters[0].beat_at if clusters else None
    if newest and newest >= lately(now)[0]:
        return
    since = f"since {timezone.localtime(newest):%H:%M:%S}" if newest else "lately"
    advice = "Its supervisor is running and restarts it if needed." if is_supervised(now) else "Start one: make run, or manage.py work."
    yield Need("bad", f"No worker was heard of {since}, so nothing is sent, watched or saved. {advice}")


def _of_all(standings: list[Standing]) -> Iterator[Need]:
    """Nothing can be ordered anywhere."""
    if not any(standing.connection.enabled for standing in standings):
        yield Need("bad", "No connection is switched on, so nobody can order a clip.", "connections", "Connections")


def _of_doubt(waiting: int) -> Iterator[Need]:
    """Orders wait for a verdict."""
    if waiting:
        words = "1 order in doubt waits" if waiting == 1 else f"{waiting} orders in doubt wait"
        yield Need("warn", f"{words} for somebody to say what became of it. The credits stay held.", "doubts", "Decide")


def _of_alerts() -> Iterator[Need]:
    """What providers told waits for a verdict."""
    if number := open_alerts().count():
        words = "1 alert about an order waits" if number == 1 else f"{number} alerts about orders wait"
        yield Need("warn", f"{words} to be settled: a reported cost that cannot be right, or an answer that came too late.", "alerts", "Settle")


def _of_keeping(now: datetime) -> Iterator[Need]:
    """Clips that are not safely ours, and no room for new ones."""
    if alarm := missing.alarm(now):
        lie = "1 clip lies" if alarm.number == 1 else f"{alarm.number} clips lie"
        words = f"{lie} only at the provider: saving failed. The most urgent one, at {alarm.soonest.name}: {alarm.soonest.short}."
        yield Need(alarm.soonest.tone, words, "missing", "Rescue")
    if faults := faulty().count():
        are = "1 stored clip is" if faults == 1 else f"{faults} stored clips are"
        yield Need("bad", f"{are} missing or not what was saved.", "missing", "Look at it")
    if (disk := storage.disk()) and disk.is_low:
        words = f"Only {disk.free / 1e9:.1f} GB of the disk are free. New clips cannot be saved once it is full."
        if next_to_nothing(disk.free, disk.total):
            words = "The disk is full: nothing new can be stored, neither orders nor clips."
        yield Need("bad", words, "storage", "Make room")


def _of_prices(connections: list[Connection]) -> Iterator[Need]:
    """Charges are far from what people were told before."""
    for row in drift.off_lately(connections):
        percent, label = row.percent or 0, row.connection.label
        way, harm = ("above", "People pay more than they were told.") if percent > 0 else ("below", "More is held from people than it costs.")
        words = f"{label} charges {abs(percent)} % {way} its estimates, in {row.samples} orders of the last {drift.LATELY} days. {harm} Correct its price."
        yield Need("warn", words, "drift", "Look at it", row.connection.pk, label)


def _of_connection(standing: Standing) -> Iterator[Need]:
    """What is ill with one connection that is switched on."""
    connection = standing.connection
    for pause in standing.pauses:
        what = f"{connection.label}, {pause.model}" if pause.model else connection.label
        words = f"{what} {'takes one order, to see whether it works' if pause.is_trying else 'takes no orders'}. {pause.why}"
        match pause.cause:
            case Cause.WRONG_KEY:
                yield Need("bad", words, "connection_edit", "Enter the key", connection.pk, what, may_try=True)
            case Cause.OUT_OF_BALANCE:
                yield Need("bad", f"{words} Fill it there, then try it.", connection=connection.pk, subject=what, may_try=True)
            case _:
                yield Need("warn", words, connection=connection.pk, subject=what, may_try=True)
    if standing.lost_callbacks:
        words = (
            f"Callbacks of {connection.label} stopped coming: the last {standing.lost_callbacks} orders ended without one. "
            "We ask more often instead. Check that STUDIO_PUBLIC_URL can be reached from outside."
        )
        yield Need("warn", words, "connection_edit", "Look at it", connection.pk, connection.label)
