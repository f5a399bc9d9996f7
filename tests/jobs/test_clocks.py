"""A clock that was ahead, and is right again: what it wrote is not believed for longer than it could have been meant."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from studio.jobs import sending, worker
from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt, Job
from studio.jobs.saving import save
from studio.jobs.sending import claim
from studio.jobs.supervisor import look
from studio.jobs.worker import sweep
from studio.routing.models import Connection
from tests.jobs.conftest import pass_time
from tests.jobs.played import PlayedProvider

Ordered = Callable[..., Job]
AHEAD = timedelta(hours=3)


@pytest.mark.parametrize("column", ["lease_until", "paced_until", "not_before", "send_not_before"])
def test_a_connection_works_on_although_a_clock_had_been_ahead(column: str, ordered: Ordered, played: PlayedProvider, connection: Connection):
    job = ordered()
    Connection.objects.filter(pk=connection.pk).update(**{column: timezone.now() + AHEAD})
    assert look() == 1
    Connection.objects.filter(pk=connection.pk).update(ticked_at=None)
    sweep(connection.pk)
    job.refresh_from_db()
    assert (job.state, len(played.submits)) == (State.RENDERING, 1)


@pytest.mark.parametrize("ahead", [timedelta(seconds=9), timedelta(seconds=60)])
def test_a_lease_of_a_machine_whose_clock_is_a_little_ahead_is_kept(
    ahead: timedelta, ordered: Ordered, played: PlayedProvider, connection: Connection
):
    ordered()
    Connection.objects.filter(pk=connection.pk).update(lease_until=timezone.now() + ahead)
    assert sweep(connection.pk) == 0
    assert played.submits == []


def test_what_a_provider_asked_for_is_waited_for(ordered: Ordered, played: PlayedProvider, connection: Connection):
    ordered()
    sending.rest(connection.pk, until=timezone.now() + timedelta(seconds=sending.LONGEST_REST))
    sweep(connection.pk)
    assert played.submits == []


def test_a_sender_whose_lease_was_written_by_a_clock_that_was_ahead_is_doubted(ordered: Ordered, connection: Connection):
    job = Job.objects.select_related("project", "connection").get(pk=ordered().pk)
    assert claim(job, now=timezone.now())
    assert worker.doubt_the_lost(connection, timezone.now()) == 0
    Job.objects.update(lease_until=timezone.now() + AHEAD)
    assert worker.doubt_the_lost(connection, timezone.now()) == 1


def test_a_clip_is_saved_although_a_clock_had_been_ahead(ordered: Ordered, connection: Connection):
    job = ordered()
    sweep(connection.pk)
    pass_time(100)
    sweep(connection.pk)
    Job.objects.filter(pk=job.pk, state=State.SAVING).update(lease_until=timezone.now() + AHEAD)
    assert save(str(job.pk))
    assert Attempt.objects.get(job=job).outcome == State.DONE
