"""Saving under faults of ours: a full disk, a silent provider, a file that ends its worker. A paid clip is not given up lightly."""

from collections.abc import Callable

from django.core.files.storage import FileSystemStorage
from django.db import connection as database
from pytest_django.fixtures import Settings

from studio.accounts.models import User
from studio.credits import ledger
from studio.credits.models import Account
from studio.jobs.checks import verify_holds
from studio.jobs.lifecycle import State
from studio.jobs.models import Cause, Job
from studio.jobs.saving import MOST_OWN_TRIES, MOST_TRIES, save
from studio.jobs.worker import sweep
from studio.routing.models import Connection
from tests.jobs.conftest import pass_time, work_through
from tests.jobs.played import PlayedProvider, Reply
from tests.jobs.storages import ClosedStorage, Dead, DeadlyStorage, FullDisk, use_storage

Ordered = Callable[..., Job]


def test_a_link_that_does_not_work_yet_is_tried_again(ordered: Ordered, played: PlayedProvider):
    played.on_download = [Reply(404, b"not here yet")] * 2
    assert work_through(ordered()).state == State.DONE


def test_a_worker_that_draws_says_that_it_works(ordered: Ordered, connection: Connection, film: bytes):
    job, said = ordered(), 0
    sweep(connection.pk)
    pass_time(100)
    sweep(connection.pk)

    def count(execute: Callable[..., object], sql: str, *rest: object) -> object:
        nonlocal said
        said += sql.startswith("UPDATE") and "jobs_heartbeat" in sql
        return execute(sql, *rest)

    with database.execute_wrapper(count):
        save(str(job.pk))
    job.refresh_from_db()
    assert job.state == State.DONE
    assert said >= 10


def test_an_expired_link_waits_for_a_provider_that_is_silent(ordered: Ordered, connection: Connection, played: PlayedProvider):
    job = ordered()
    sweep(connection.pk)
    pass_time(100)
    sweep(connection.pk)
    fresh = {"status": "done", "video": {"url": f"{played.address}/files/fresh.mp4", "duration": 1, "respect_moderation": True}}
    played.on_download = [Reply(403, b"expired")] * 2
    played.on_look = [Reply(503, b"busy"), Reply(body=fresh)]
    assert work_through(job).state == State.DONE
    assert played.downloads[-1] == "/files/fresh.mp4"


def test_a_full_disk_is_given_an_hour(ordered: Ordered, played: PlayedProvider, settings: Settings):
    use_storage(settings, FullDisk)
    job = work_through(ordered(), rounds=MOST_TRIES + 10)
    assert (job.state, job.cause) == (State.SAVING, Cause.OUR_FAULT)
    assert "No space left" in job.message
    use_storage(settings, FileSystemStorage)
    assert work_through(job).state == State.DONE


def test_a_disk_that_stays_full_ends_the_job_and_returns_the_credits(ordered: Ordered, alice: User, settings: Settings):
    use_storage(settings, FullDisk)
    job = work_through(ordered(), rounds=MOST_OWN_TRIES + 5)
    assert (job.state, job.cause, Account.objects.get(user=alice).held) == (State.FAILED, Cause.OUR_FAULT, 0)


def test_a_fault_of_ours_while_saving_is_tried_again_and_ends(ordered: Ordered, settings: Settings):
    use_storage(settings, ClosedStorage)
    job = work_through(ordered(), rounds=MOST_TRIES + 5)
    assert (job.state, job.cause) == (State.FAILED, Cause.OUR_FAULT)
    assert ledger.verify() == []
    assert verify_holds() == []


def test_a_file_that_ends_its_worker_each_time_does_not_do_so_for_ever(ordered: Ordered, alice: User, settings: Settings):
    use_storage(settings, DeadlyStorage)
    job, deaths = ordered(), 0
    for _ in range(20):
        try:
            work_through(job)
        except Dead:
            deaths += 1
        pass_time(1_000)
    assert (job.state, job.cause, Account.objects.get(user=alice).held) == (State.FAILED, Cause.OUR_FAULT, 0)
    assert 3 < deaths < 10
