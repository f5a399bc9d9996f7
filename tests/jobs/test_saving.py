"""Saving under faults of ours: a full disk, a silent provider, a file that ends its worker. A paid clip is not given up lightly."""

import hashlib
import os
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from django.core.files.storage import FileSystemStorage
from django.db import connection as database
from pytest_django.fixtures import Settings

from studio.accounts.models import User
from studio.control.doctor import examine
from studio.credits import ledger
from studio.credits.models import Account
from studio.jobs.checks import verify_holds
from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt, Cause, Clip, Job
from studio.jobs.saving import ARRIVING, MOST_OWN_TRIES, MOST_TRIES, forget_old, save
from studio.jobs.worker import sweep
from studio.routing import track
from studio.routing.models import Connection
from tests.conftest import signed_in
from tests.jobs.conftest import pass_time, work_through
from tests.jobs.played import PlayedProvider, Reply
from tests.jobs.storages import ClosedStorage, Dead, DeadlyStorage, FullDisk, use_storage

Ordered = Callable[..., Job]


def test_a_link_that_does_not_work_yet_is_tried_again(ordered: Ordered, played: PlayedProvider):
    played.on_download = [Reply(404, b"not here yet")] * 2
    assert work_through(ordered()).state == State.DONE


def test_a_clip_that_comes_in_pieces_goes_on_where_it_was_and_no_try_is_lost(
    ordered: Ordered, played: PlayedProvider, connection: Connection, film: bytes, settings: Settings
):
    tag, piece = {"ETag": '"v1"'}, len(film) // 12
    script = [Reply(body=film, headers=tag, short_by=len(film) - piece)]
    for start in range(piece, 11 * piece, piece):  # more than a job has tries
        script.append(Reply(503, b"later"))
        rest = film[start:]
        told = {**tag, "Content-Range": f"bytes {start}-{len(film) - 1}/{len(film)}"}
        script.append(Reply(206, rest, headers=told, short_by=len(rest) - piece if start < 10 * piece else 0))
    played.on_download = list(script)
    job = ordered()
    sweep(connection.pk)
    pass_time(100)
    sweep(connection.pk)

    save(str(job.pk))
    job.refresh_from_db()
    assert (job.state, job.tries) == (State.SAVING, 0)
    assert job.message == "The provider’s file server answered 503, and not with the file. Going on from there."

    assert work_through(job, rounds=40).state == State.DONE
    assert len(played.downloads) == len(script)
    assert Clip.objects.get(job=job).sha256 == hashlib.sha256(film).hexdigest()
    assert not list((Path(settings.DATA_DIR) / ARRIVING).iterdir())


def test_what_an_operator_can_mend_stands_where_admins_look_and_not_on_the_card(
    ordered: Ordered, played: PlayedProvider, connection: Connection, ada: User, alice: User
):
    link = {"status": "done", "video": {"url": "https://10.0.0.9/v.mp4", "duration": 1, "respect_moderation": True}}
    played.on_look = [Reply(body=link)] * 40
    job = work_through(ordered(), rounds=MOST_TRIES + 10)
    attempt = Attempt.objects.get(job=job)

    assert (job.state, job.cause) == (State.FAILED, Cause.DOWNLOAD_FAILED)
    assert job.message == "The provider’s link cannot be followed: 10.0.0.9 is in a private network."
    assert attempt.advice == "Name 10.0.0.9:443 in STUDIO_ALLOW_PRIVATE_HOSTS if it is meant."
    card = f"/p/{job.project.code}/jobs/{job.number}"
    assert "STUDIO_ALLOW_PRIVATE_HOSTS" not in signed_in(alice).get(card, follow=True).content.decode()
    assert attempt.advice in signed_in(ada).get("/control/missing/", follow=True).content.decode()
    assert attempt.advice in [finding.mend for finding in examine()]


def test_a_connection_whose_clips_cannot_be_fetched_is_not_counted_as_one_that_makes_them(
    ordered: Ordered, played: PlayedProvider, settings: Settings
):
    whole = work_through(ordered())
    played.on_download = [Reply(404, b"gone")] * 40
    lost = work_through(ordered(), rounds=MOST_TRIES + 10)
    kind = Attempt.objects.get(job=lost).kind

    assert (whole.state, lost.state) == (State.DONE, State.FAILED)
    samples = track.read({lost.connection_id}, {kind}).of(lost.connection_id, kind)
    assert track.success_rate(samples) == 0.5
    assert all(sample.seconds is not None for sample in samples)


def test_what_has_arrived_of_clips_that_nobody_went_on_with_is_deleted(settings: Settings):
    folders = [Path(settings.DATA_DIR) / ARRIVING / name for name in ("old", "new")]
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / "clip.mp4.part").write_bytes(b"part")
    long_ago = time.time() - timedelta(days=3).total_seconds()
    for path in (folders[0] / "clip.mp4.part", folders[0]):
        os.utime(path, (long_ago, long_ago))

    assert forget_old() == 1
    assert [folder.exists() for folder in folders] == [False, True]


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
    assert said >= 4  # when it begins, before it draws, and at least once while it waits for each child


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
