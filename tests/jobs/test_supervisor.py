"""What the supervisor queues, and what it ends."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from django_q.brokers import Broker, get_broker

from studio.jobs.lifecycle import State
from studio.jobs.models import Job
from studio.jobs.supervisor import FULL, end_group, left_behind, tick
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


def test_a_quiet_installation_only_hears_a_heartbeat(queue: Broker):
    tick()
    assert queue.queue_size() == 1


def test_a_connection_with_due_work_is_swept_once_a_second_however_many_machines_tick(ordered: Ordered, queue: Broker):
    ordered()
    tick()
    assert queue.queue_size() == 2
    tick()
    assert queue.queue_size() == 3  # one more heartbeat, no second sweep
    Connection.objects.update(ticked_at=timezone.now() - timedelta(seconds=1))
    tick()
    assert queue.queue_size() == 5


def test_a_connection_that_is_being_swept_is_left_alone(ordered: Ordered, queue: Broker):
    ordered()
    Connection.objects.update(lease_until=timezone.now() + timedelta(seconds=5))
    tick()
    assert queue.queue_size() == 1


def test_a_job_to_save_is_queued_and_again_if_nobody_came(ordered: Ordered, queue: Broker):
    job = ordered()
    Job.objects.filter(pk=job.pk).update(state=State.SAVING, due=timezone.now())
    tick()
    tick()
    assert queue.queue_size() == 3  # two heartbeats, one save
    pass_time(11)
    tick()
    assert queue.queue_size() == 5


def test_a_full_queue_is_told_nothing_more(ordered: Ordered, queue: Broker):
    ordered()
    for _ in range(FULL + 5):
        tick()
    assert queue.queue_size() <= FULL + 2


@pytest.fixture
def cluster_like() -> Iterator[subprocess.Popen[bytes]]:
    """A process group of its own that calls itself a cluster."""
    process = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()", "qcluster"], stdin=subprocess.PIPE, start_new_session=True)
    yield process
    end_group(process.pid)
    process.wait()
    assert process.stdin is not None
    process.stdin.close()


def test_a_cluster_that_an_earlier_supervisor_left_is_found_and_ended(cluster_like: subprocess.Popen[bytes], tmp_path: Path):
    note = tmp_path / "cluster.pid"
    note.write_text(str(cluster_like.pid))
    eventually(lambda: left_behind(note) == cluster_like.pid, within=10)
    end_group(left_behind(note))
    assert cluster_like.wait(10) < 0
    assert left_behind(note) is None


def test_a_recycled_process_number_is_not_mistaken_for_a_cluster(tmp_path: Path):
    note = tmp_path / "cluster.pid"
    assert left_behind(note) is None
    note.write_text("1")
    assert left_behind(note) is None
    note.write_text("not a number")
    assert left_behind(note) is None
