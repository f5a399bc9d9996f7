"""What is not safely ours: the alarm with its clock in the control room, the page behind it, and files at fault."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import DatabaseError, connection
from django.test import Client
from django.utils import timezone
from django_q.brokers import get_broker

from studio.accounts.models import AuditEvent, User
from studio.jobs import recheck
from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt, Cause, Clip, Heartbeat, Job
from studio.projects.models import Project
from studio.routing.models import Connection
from tests.conftest import signed_in
from tests.jobs.rows import job_row, stored


@pytest.fixture
def admin(ada: User) -> Client:
    return signed_in(ada)


@pytest.fixture
def lost(tide: Project, alice: User, xai: Connection) -> Clip:
    """A clip that xAI made an hour ago and that could not be saved."""
    job = job_row(tide, alice, xai, State.FAILED, cause=Cause.DOWNLOAD_FAILED, message="The file server did not answer.")
    Attempt.objects.update(made_at=timezone.now() - timedelta(hours=1, minutes=1))
    return Clip.objects.create(job=job, attempt=Attempt.objects.get(), project=tide, position=0, source_url="https://example.org/a.mp4")


@pytest.fixture
def broken(tide: Project, alice: User, xai: Connection) -> Clip:
    """A stored clip whose file is gone."""
    clip = stored(Clip.objects.get(job=job_row(tide, alice, xai)))
    default_storage.delete(clip.file.name or "")
    recheck.check(clip, alive=lambda: None)
    return clip


def words(browser: Client, address: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", browser.get(address).content.decode()).split())


def test_the_control_room_names_the_clock_of_the_most_urgent(admin: Client, lost: Clip, working: Heartbeat):
    assert "1 clip lies only at the provider: saving failed. The most urgent one, at xAI: expires in about 22 h." in words(admin, "/control/")


def test_a_job_that_is_just_being_saved_is_no_alarm_until_it_has_failed_three_times(admin: Client, lost: Clip, working: Heartbeat):
    Attempt.objects.update(ended_at=None)
    Job.objects.update(state=State.SAVING, tries=2, ended_at=None)
    assert "All is well" in words(admin, "/control/")
    Job.objects.update(tries=3)
    assert "1 clip lies only at the provider" in words(admin, "/control/")
    assert "We are still trying" in words(admin, "/control/missing/")


def test_the_page_offers_to_fetch_it_for_nothing(admin: Client, lost: Clip):
    page = words(admin, "/control/missing/")
    assert "TIDE-001 expires in about 22 h It lies only at xAI, which keeps results for 24 h" in page
    said = admin.post("/p/TIDE/jobs/1/rescue/", {"from": "missing"}, follow=True)
    assert said.redirect_chain[0][0] == "/control/missing/"
    assert "nothing is charged" in said.content.decode()


def test_a_file_at_fault_is_shown_until_somebody_acts(admin: Client, broken: Clip, working: Heartbeat):
    assert "1 stored clip is missing or not what was saved." in words(admin, "/control/")
    assert recheck.GONE in words(admin, "/control/missing/")


def test_checking_again_is_the_workers_part_and_no_sign_of_its_life(admin: Client, broken: Clip):
    get_broker().purge_queue()
    with default_storage.open(broken.file.name or "", "wb") as file:
        file.write(b"a clip")
    assert "TIDE-001 is being read again." in admin.post(f"/control/files/{broken.pk}/check/", follow=True).content.decode()
    assert (get_broker().queue_size(), recheck.faulty().count(), Heartbeat.objects.count()) == (1, 1, 0)
    recheck.check_now(str(broken.pk))
    assert not recheck.faulty().exists()
    assert Heartbeat.objects.exists()


def test_a_queue_that_is_away_reads_nothing_and_says_so(admin: Client, broken: Clip, monkeypatch: pytest.MonkeyPatch):
    def away(*_: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(type(get_broker()), "enqueue", away)
    page = admin.post(f"/control/files/{broken.pk}/check/", follow=True).content.decode()
    assert "The queue cannot be reached, so nobody reads TIDE-001." in page
    assert recheck.faulty().exists()


def test_fetching_anew_is_queued_and_written_down(admin: Client, broken: Clip):
    admin.post(f"/control/files/{broken.pk}/fetch/")
    assert Attempt.objects.get().rescue_due is not None
    assert AuditEvent.objects.get().action == "clip.fetched_anew"


def test_a_file_is_lost_only_with_a_reason(admin: Client, broken: Clip):
    admin.post(f"/control/files/{broken.pk}/lost/", {"why": "  "})
    assert Clip.objects.with_files().exists()
    admin.post(f"/control/files/{broken.pk}/lost/", {"why": "The old disk died"})
    assert not Clip.objects.with_files().exists()
    assert AuditEvent.objects.get(action="clip.lost").reason == "The old disk died"


def test_a_file_is_not_lost_without_its_line_in_the_record(admin: Client, broken: Clip):
    def refuse(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("INSERT") and "accounts_auditevent" in sql:
            raise DatabaseError("the disk is full")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse), pytest.raises(DatabaseError, match="full"):
        admin.post(f"/control/files/{broken.pk}/lost/", {"why": "The old disk died"})

    assert Clip.objects.with_files().exists()


def test_where_all_is_ours_the_page_says_so(admin: Client, db: None):
    assert "Every clip that was made is in our own storage." in words(admin, "/control/missing/")
