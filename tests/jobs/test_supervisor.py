"""What the supervisor queues, and what it ends."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
from django.conf import settings
from django.core.cache import caches
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.brokers import Broker, get_broker

from studio.accounts.models import User
from studio.credits import batch, carrying
from studio.jobs import cluster
from studio.jobs.lifecycle import State
from studio.jobs.models import Incident, Job
from studio.jobs.supervisor import FULL, KEPT, incident, look, tick
from studio.jobs.worker import sweep
from studio.routing.models import Connection
from tests.installation import eventually
from tests.jobs.conftest import pass_time

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


def test_what_is_left_of_a_movement_of_credits_is_asked_for_until_somebody_works_on_it(queue: Broker, dave: User):
    seen = batch.plan([dave], "grant", 1_000).seen
    movement, _ = carrying.start([dave], "grant", 1_000, key=uuid4(), seen=seen, reason="Start", by=dave)
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
    assert left_alone.wait(10) < 0
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
