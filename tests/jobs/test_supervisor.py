"""What the supervisor queues, and what it ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import pytest
from django.conf import settings
from django.core.cache import caches
from django.db import connection as database
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.brokers import Broker, get_broker
from pytest_django.fixtures import Settings

from studio.accounts.models import User
from studio.credits import batch, carrying
from studio.jobs import cluster
from studio.jobs.lifecycle import State
from studio.jobs.models import Heartbeat, Incident, Job
from studio.jobs.supervisor import FULL, KEPT, NEVER, SilenceLimits, Supervisor, incident, look, restart_pause, tick, why_replace
from studio.jobs.worker import beat as worker_beat
from studio.jobs.worker import sweep
from studio.routing.models import Connection
from tests.jobs.conftest import pass_time
from tests.time_limits import eventually, scaled

Ordered = Callable[..., Job]


@pytest.fixture
def queue(db: None) -> Iterator[Broker]:
    broker = get_broker()
    broker.purge_queue()
    yield broker
    broker.purge_queue()


def test_a_quiet_installation_only_hears_a_heartbeat_and_of_each_round_once_in_its_time(queue: Broker):
    tick()
    assert look() == 0
    assert queue.queue_size() == 1 + len(settings.ROUNDS)
    tick()
    assert queue.queue_size() == 2 + len(settings.ROUNDS)


def test_every_round_that_the_settings_name_is_there():
    assert all(callable(import_string(task)) for task in settings.ROUNDS)


def test_what_is_left_of_a_movement_of_credits_is_asked_for_until_somebody_works_on_it(queue: Broker, alice: User, dave: User):
    seen = batch.plan([alice], "grant", 1_000).seen
    movement, _ = carrying.start([alice], "grant", 1_000, key=uuid4(), seen=seen, reason="Start", by=dave)
    for task in settings.ROUNDS:
        caches["local"].add(f"round:{task}", "asked for", 60)
    tick()
    assert queue.queue_size() == 2
    carrying.carry_on(movement.pk, seconds=0)
    tick()
    assert queue.queue_size() == 3


def test_a_sweep_that_nobody_began_is_asked_for_again_after_a_second_however_many_machines_look(ordered: Ordered, queue: Broker):
    ordered()
    assert [look(), look()] == [1, 0]
    Connection.objects.update(ticked_at=timezone.now() - timedelta(seconds=1.1))
    assert [look(), look()] == [1, 0]


def test_when_a_sweep_has_begun_the_next_due_work_is_seen_at_once(ordered: Ordered, queue: Broker):
    job = ordered()
    look()
    sweep(job.connection_id)
    ordered()
    assert look() == 1


def test_looks_are_urgent_and_orders_that_wait_for_room_are_not(ordered: Ordered, queue: Broker, connection: Connection):
    job = ordered()
    Connection.objects.update(ticked_at=timezone.now() - timedelta(seconds=0.5))
    assert look() == 0
    Job.objects.filter(pk=job.pk).update(state=State.RENDERING)
    assert look() == 1


@pytest.mark.parametrize("field", ["not_before", "paced_until"])
def test_a_connection_that_may_not_be_asked_now_is_left_alone(ordered: Ordered, queue: Broker, field: str):
    ordered()
    Connection.objects.update(**{field: timezone.now() + timedelta(seconds=30)})
    assert look() == 0
    pass_time(31)
    assert look() == 1


def test_a_connection_that_is_being_swept_is_left_alone(ordered: Ordered, queue: Broker):
    ordered()
    Connection.objects.update(lease_until=timezone.now() + timedelta(seconds=5))
    assert look() == 0


def test_a_connection_over_which_sweeps_die_is_left_alone_for_longer_and_longer(ordered: Ordered, queue: Broker, connection: Connection):
    ordered()
    Connection.objects.update(lease_until=timezone.now() - timedelta(seconds=20), lease_deaths=5)
    assert look() == 0
    pass_time(20)
    assert look() == 1


def test_a_holder_that_never_gave_its_lease_back_is_counted_until_one_does(ordered: Ordered, connection: Connection):
    Connection.objects.update(lease_until=timezone.now() - timedelta(seconds=1), lease_deaths=1)
    sweep(connection.pk)
    connection.refresh_from_db()
    assert connection.lease_deaths == 2
    sweep(connection.pk)
    connection.refresh_from_db()
    assert connection.lease_deaths == 0


def test_a_job_to_save_is_queued_and_again_if_nobody_came(ordered: Ordered, queue: Broker):
    job = ordered()
    Job.objects.filter(pk=job.pk).update(state=State.SAVING, due=timezone.now())
    assert [look(), look()] == [1, 0]
    pass_time(11)
    assert look() == 1


def test_of_two_machines_that_find_a_job_to_save_at_the_same_moment_one_queues_it(ordered: Ordered, queue: Broker):
    job = ordered()
    Job.objects.filter(pk=job.pk).update(state=State.SAVING, due=timezone.now())
    quicker: list[int] = []

    def let_another_be_quicker(execute: Callable[..., Any], sql: str, values: Any, many: bool, context: dict[str, Any]) -> Any:
        if sql.startswith("UPDATE") and not quicker:
            quicker.append(-1)
            quicker.append(look())
        return execute(sql, values, many, context)

    with database.execute_wrapper(let_another_be_quicker):
        assert look() == 0
    assert quicker == [-1, 1]


def test_a_full_queue_is_told_nothing_more(ordered: Ordered, queue: Broker):
    ordered()
    for _ in range(FULL + 5):
        tick()
    look()
    assert queue.queue_size() <= FULL + 2


@pytest.fixture
def left_alone() -> Iterator[subprocess.Popen[bytes]]:
    """A process group with the mark of this installation's cluster, which no supervisor has started."""
    marked = {**os.environ, cluster.MARK: "an-installation:here"}
    process = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE, start_new_session=True, env=marked)
    yield process
    cluster.end_group(process.pid)
    process.wait()
    assert process.stdin is not None
    process.stdin.close()


def test_what_an_earlier_supervisor_left_is_found_by_its_mark_and_ended(left_alone: subprocess.Popen[bytes]):
    eventually(lambda: cluster.orphans(of="an-installation:here") == {left_alone.pid}, within=10)
    assert list(cluster.members(left_alone.pid)) == [left_alone.pid]
    cluster.end_group(left_alone.pid)
    assert left_alone.wait(scaled(10)) < 0
    assert cluster.orphans(of="an-installation:here") == set()


def test_another_installations_cluster_and_ones_own_are_no_orphans(left_alone: subprocess.Popen[bytes]):
    eventually(lambda: cluster.orphans(of="an-installation:here"), within=10)
    assert cluster.orphans(of="an-installation:elsewhere") == set()
    assert cluster.orphans(of="an-installation:here", but=left_alone.pid) == set()


@pytest.mark.django_db
def test_the_newest_hundred_incidents_are_kept():
    for number in range(KEPT + 3):
        incident(f"number {number}")
    assert Incident.objects.count() == KEPT
    assert Incident.objects.first().what == f"number {KEPT + 2}"  # type: ignore[union-attr]


TOO_SLOW = "It gave no sign of life within {} s of its start"


@pytest.mark.parametrize(
    ("code", "age", "silent", "slow_starts", "why"),
    [
        (None, 59.9, None, 0, ""),
        (None, 60.0, None, 0, TOO_SLOW.format(60)),
        (None, 119.9, None, 1, ""),
        (None, 120.0, None, 1, TOO_SLOW.format(120)),
        (None, 599.9, None, 4, ""),
        (None, 600.0, None, 9_999, TOO_SLOW.format(600)),
        (None, 90.0, 19.9, 0, ""),
        (None, 90.0, 20.0, 0, "It was silent for 20 s"),
        (None, 90.0, 20.0, 4, "It was silent for 20 s"),
        (0, 0.1, None, 0, "It ended with code 0"),
        (-9, 9_000.0, 0.5, 0, "It ended with code -9"),
    ],
)
def test_a_start_has_a_limit_of_its_own_which_doubles_and_an_end_counts_at_once(
    code: int | None, age: float, silent: float | None, slow_starts: int, why: str
):
    assert why_replace(code=code, age=age, silent=silent, slow_starts=slow_starts, limits=SilenceLimits()) == why


@pytest.mark.parametrize(("failures", "seconds"), [(1, 0), (2, 1), (3, 3), (6, 30), (9_999, 30)])
def test_the_pause_before_a_start_grows_to_half_a_minute(failures: int, seconds: float):
    assert restart_pause(failures) == seconds


@pytest.fixture
def own_name(settings: Settings, tmp_path: Path) -> str:
    """A name that no other cluster on this machine has, so that nobody else's is taken for an orphan."""
    settings.DATA_DIR, settings.CLUSTER_NAME = tmp_path, f"test-{uuid4().hex[:8]}"
    return str(settings.CLUSTER_NAME)


@pytest.fixture
def supervisor(queue: Broker, own_name: str) -> Iterator[Supervisor]:
    """One with a cluster that only waits: each test says when it beats, and how late it is."""
    supervisor = Supervisor(command=[sys.executable, "-c", "import signal; signal.pause()"])
    supervisor.start()
    yield supervisor
    supervisor.end()


def watched(supervisor: Supervisor, *, age: float) -> int:
    """The process of the cluster after its supervisor looked, so many seconds after its start."""
    assert supervisor.current is not None
    supervisor.watch(supervisor.current.started + age)
    return supervisor.current.process.pid


def beat(name: str, *, ahead: timedelta = timedelta()) -> None:
    """A heartbeat, written by a clock that is so far ahead."""
    Heartbeat.objects.update_or_create(cluster=name, defaults={"beat_at": timezone.now() + ahead})


def reasons() -> list[str]:
    """Why clusters were replaced, oldest first."""
    return [what.partition(";")[0] for what in Incident.objects.order_by("at").values_list("what", flat=True)]


def test_a_start_that_was_too_slow_has_twice_as_long_the_next_time(supervisor: Supervisor):
    first = watched(supervisor, age=59)
    second = watched(supervisor, age=61)
    assert watched(supervisor, age=119) == second
    third = watched(supervisor, age=121)

    assert watched(supervisor, age=239) == third
    assert len({first, second, third}) == 3
    assert reasons() == [TOO_SLOW.format(60), TOO_SLOW.format(120)]


def test_the_heartbeat_of_an_earlier_cluster_is_not_the_first_of_this_one(supervisor: Supervisor, own_name: str):
    beat(own_name)
    started = watched(supervisor, age=1)

    assert watched(supervisor, age=59) == started
    assert watched(supervisor, age=61) != started
    assert reasons() == [TOO_SLOW.format(60)]


def test_after_its_first_heartbeat_a_cluster_may_be_silent_for_twenty_seconds(supervisor: Supervisor, own_name: str):
    started = watched(supervisor, age=1)
    beat(own_name)

    assert watched(supervisor, age=5) == watched(supervisor, age=24) == started
    assert watched(supervisor, age=26) != started
    assert reasons() == ["It was silent for 21 s"]


def test_the_limits_start_over_with_a_stable_cluster_not_with_a_first_heartbeat(supervisor: Supervisor, own_name: str):
    counts = []
    watched(supervisor, age=61)
    for age in (1, 90, 109, 111):
        watched(supervisor, age=age)
        counts.append((supervisor.failures, supervisor.slow_starts))
        beat(own_name)

    assert counts == [(1, 1), (1, 1), (1, 1), (0, 0)]


def test_a_cluster_that_ends_while_it_starts_is_replaced_at_once_and_has_no_longer_for_it(supervisor: Supervisor):
    started = watched(supervisor, age=1)
    os.kill(started, signal.SIGKILL)
    assert supervisor.current is not None
    supervisor.current.process.wait(scaled(10))

    assert watched(supervisor, age=2) != started
    assert reasons() == ["It ended with code -9"]
    assert (supervisor.failures, supervisor.slow_starts) == (1, 0)


def test_a_clock_that_is_set_forward_ends_no_cluster(supervisor: Supervisor, own_name: str):
    beat(own_name)
    started = watched(supervisor, age=1)
    beat(own_name, ahead=timedelta(hours=-1))

    assert watched(supervisor, age=61) == started  # without a heartbeat that start would have been too slow


def test_a_clock_that_is_set_back_ends_no_cluster_that_works(supervisor: Supervisor, own_name: str):
    beat(own_name, ahead=timedelta(hours=1))
    started = watched(supervisor, age=1)
    worker_beat()

    assert watched(supervisor, age=61) == started  # without a heartbeat that start would have been too slow


def test_a_heartbeat_from_the_future_hides_no_cluster_that_hangs(supervisor: Supervisor, own_name: str):
    beat(own_name, ahead=timedelta(days=1_000))
    started = watched(supervisor, age=1)

    assert watched(supervisor, age=59) == started
    assert watched(supervisor, age=61) != started


def test_a_supervisor_is_known_before_the_first_heartbeat(supervisor: Supervisor, own_name: str):
    watched(supervisor, age=1)

    row = Heartbeat.objects.get(cluster=own_name)
    assert row.beat_at == NEVER
    assert row.watched_at is not None


BEATS_LATE = """
import time, django
django.setup()
from studio.jobs.worker import beat
time.sleep(1)
while True:
    beat()
    time.sleep(0.1)
"""


@pytest.fixture
def slow_machine(transactional_db: None, queue: Broker, own_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Supervisor]:
    """A supervisor with limits of less than a second, and a cluster that takes longer over its imports and a second besides."""
    name = database.settings_dict["NAME"]
    server = os.environ.get("STUDIO_DATABASE_URL", "")
    own = urlunsplit(urlsplit(server)._replace(path=f"/{name}")) if database.vendor == "postgresql" else f"sqlite:///{name}"
    for variable, value in {"DATABASE_URL": own, "CLUSTER_NAME": own_name, "DATA_DIR": str(tmp_path)}.items():
        monkeypatch.setenv(f"STUDIO_{variable}", value)
    supervisor = Supervisor(command=[sys.executable, "-c", BEATS_LATE], limits=SilenceLimits(stalled=15, start=0.5, longest_start=60))
    supervisor.start()
    yield supervisor
    supervisor.end()


def test_a_machine_on_which_a_start_takes_longer_than_the_first_limit_has_a_running_cluster_in_the_end(slow_machine: Supervisor):
    def beats_for(seconds: float) -> bool:
        slow_machine.watch(time.monotonic())
        return slow_machine.current is not None and slow_machine.current.is_stable(seconds)

    eventually(lambda: beats_for(0), within=60)
    replaced = reasons()
    eventually(lambda: beats_for(1), within=10)

    assert replaced[:2] == [TOO_SLOW.format("0.5"), TOO_SLOW.format("1")]  # and the third start, or on a slower machine a later one, had time enough
    assert replaced == [TOO_SLOW.format(f"{0.5 * 2**number:g}") for number in range(len(replaced))] == reasons()


@pytest.fixture
def _own_signals() -> Iterator[None]:
    """A supervisor takes the signals of its process; the tests take them back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("_own_signals")
def test_a_worker_that_starts_before_its_queue_waits_for_it(transactional_db: None, queue: Broker, own_name: str, monkeypatch: pytest.MonkeyPatch):
    supervisor = Supervisor(command=[sys.executable, "-c", "import time; time.sleep(600)"])
    monkeypatch.setattr("studio.jobs.supervisor.TICK", 0.01)
    asked: list[str] = []

    def away(_: Broker) -> None:
        asked.append("purge")
        if len(asked) <= 2:
            raise ConnectionRefusedError("the queue is not there yet")
        supervisor.stopping = True

    monkeypatch.setattr(type(queue), "purge_queue", away)
    supervisor.run()
    monkeypatch.undo()

    assert len(asked) == 4  # once more at its end
    assert supervisor.current is not None
    assert supervisor.current.process.poll() is not None  # it ran, and was ended


@pytest.mark.usefixtures("_own_signals")
def test_a_worker_that_cannot_write_its_process_id_works_all_the_same(queue: Broker, own_name: str, settings: Settings, tmp_path: Path):
    settings.DATA_DIR = tmp_path / "gone"
    supervisor = Supervisor(command=[sys.executable, "-c", "import time; time.sleep(600)"])

    supervisor.start()
    assert supervisor.current is not None
    assert supervisor.current.process.poll() is None
    supervisor.end()
