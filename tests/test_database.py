"""A process that stands still in the middle of a transaction holds up nobody for long."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import DatabaseError, connection, transaction

from studio import database
from studio.accounts.models import User
from studio.jobs.models import Job
from studio.projects.models import Project
from studio.routing.models import Connection
from tests.jobs.rows import job_row
from tests.time_limits import scaled

pytestmark = pytest.mark.skipif(connection.vendor == "sqlite", reason="on SQLite whoever writes waits for 20 s at most")


@pytest.mark.django_db(transaction=True)
def test_who_stands_still_in_a_transaction_loses_it_and_the_others_go_on(
    tide: Project, alice: User, xai: Connection, monkeypatch: pytest.MonkeyPatch
):
    job = job_row(tide, alice, xai)
    monkeypatch.setattr(database, "LONGEST_PAUSE", 0.5)
    has_locked, others_went_on = threading.Event(), threading.Event()

    def stand_still() -> str:
        try:
            with transaction.atomic():
                Job.objects.select_for_update().get(pk=job.pk)
                Job.objects.filter(pk=job.pk).update(message="lost")
                has_locked.set()
                assert others_went_on.wait(scaled(30))
                Job.objects.filter(pk=job.pk).update(message="too late")
        except DatabaseError as error:
            return str(error)
        finally:
            connection.close()
        return "kept its transaction"

    with ThreadPoolExecutor(1) as pool:
        frozen = pool.submit(stand_still)
        try:
            assert has_locked.wait(scaled(30))
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '20s'")  # so that the test fails where it would wait for ever
            assert Job.objects.filter(pk=job.pk).update(message="went on") == 1
        finally:
            others_went_on.set()
        assert "idle-in-transaction timeout" in frozen.result()

    assert Job.objects.get(pk=job.pk).message == "went on"
