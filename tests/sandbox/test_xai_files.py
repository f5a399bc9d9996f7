"""xAI's Files, as the sandbox plays them: a copy of each clip whose order asked for one."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from studio.sandbox.files import folder
from studio.sandbox.models import Kind, RemoteJob
from tests.sandbox.asking import BEARER, accepted, after, check, drawn, goes_wrong, submit

FILES = "/sandbox/xai/v1/files"
OPTIONS = {"filename": "attempt-1.mp4", "expires_after": 604_800}

pytestmark = pytest.mark.django_db


def stored(**options: Any) -> RemoteJob:
    """A job that is through and has a copy."""
    job = after(drawn(accepted("xai", storage_options=OPTIONS | options)), 1.01)
    (folder() / job.file_names()[0]).write_bytes(b"film")
    return job


def get(path: str = "", *, key: str = BEARER["Authorization"], **query: str) -> Any:
    return Client().get(f"{FILES}{path}", query, headers={"Authorization": key})


def listed(**query: str) -> list[str]:
    return [entry["filename"] for entry in get(**query).json()["data"]]


def test_a_finished_job_names_its_copy_and_the_copy_has_its_content_until_it_is_deleted():
    job = stored()
    file = check("xai", job.remote_id).json()["video"]["file_output"]
    assert file["filename"] == "attempt-1.mp4"
    assert listed() == listed(filter='name = "attempt-1.mp4"') == ["attempt-1.mp4"]
    assert listed(filter='name = "attempt-2.mp4"') == []
    assert get(f"/{file['file_id']}").json()["bytes"] == 4
    assert b"".join(get(f"/{file['file_id']}/content")) == b"film"
    assert Client().delete(f"{FILES}/{file['file_id']}", headers=BEARER).json() == {"id": file["file_id"], "deleted": True}
    assert (listed(), get(f"/{file['file_id']}/content").status_code) == ([], 404)
    assert Client().delete(f"{FILES}/{file['file_id']}", headers=BEARER).status_code == 404


def test_a_copy_is_there_when_the_clip_is_and_goes_when_its_time_is_over():
    job = accepted("xai", storage_options=OPTIONS)
    assert listed() == []
    job = after(drawn(job), 1.01)
    assert listed() == ["attempt-1.mp4"]
    RemoteJob.objects.update(created_at=job.created_at - timedelta(days=7))
    assert listed() == []


def test_a_drawing_that_was_lost_with_its_worker_is_asked_for_again_by_whoever_looks_for_the_copy():
    job = after(accepted("xai", storage_options=OPTIONS), 1.01)
    RemoteJob.objects.filter(pk=job.pk).update(render_asked_at=job.created_at - timedelta(hours=1), render_asks=1)
    assert listed() == []
    assert RemoteJob.objects.get(pk=job.pk).render_asks == 2


def test_a_success_that_was_taken_back_has_no_copy_any_more():
    goes_wrong(Kind.TAKEN_BACK)
    job = stored()
    assert listed() == ["attempt-1.mp4"]
    long_ago = job.created_at - timedelta(hours=1)
    RemoteJob.objects.filter(pk=job.pk).update(created_at=long_ago, rendered_at=long_ago)
    assert listed() == []


@pytest.mark.parametrize("kind", [Kind.FAILURE, Kind.MODERATION_RESULT, Kind.STORAGE_ERROR])
def test_what_failed_or_could_not_be_stored_has_no_copy(kind):
    goes_wrong(kind)
    job = stored()
    assert listed() == []
    told = check("xai", job.remote_id).json()
    assert "file_output" not in str(told)
    assert ("storage_error" in str(told)) == (kind == Kind.STORAGE_ERROR)


def test_an_account_sees_its_own_copies_and_a_key_is_needed():
    stored()
    assert get(key="Bearer another-key").json()["data"] == []
    assert [get(key=key).status_code for key in ("", "Bearer wrong")] == [401, 400]


def test_a_list_comes_in_pages_and_in_either_order():
    for number in range(3):
        stored(filename=f"{number}.mp4")
    first = get(limit="2", order="desc").json()
    assert [entry["filename"] for entry in first["data"]] == ["2.mp4", "1.mp4"]
    assert listed(limit="2", order="desc", pagination_token=first["pagination_token"]) == ["0.mp4"]
    assert listed() == ["0.mp4", "1.mp4", "2.mp4"]


@pytest.mark.parametrize("query", [{"filter": 'name:"a.mp4"'}, {"limit": "0"}, {"limit": "x"}, {"pagination_token": "-1"}])
def test_a_query_that_cannot_be_understood_is_refused(query):
    assert get(**query).status_code == 400


@pytest.mark.parametrize(
    "options", [7, {}, {"filename": ""}, {"filename": "a.mp4", "expires_after": 60}, {"filename": "a.mp4", "path": "/"}, {"filename": "x" * 256}]
)
def test_a_wish_to_store_that_makes_no_sense_is_refused(options):
    assert submit("xai", storage_options=options).status_code == 400


def test_a_team_that_keeps_nothing_is_refused_in_xais_words_and_told_by_a_header():
    headers = {"Authorization": "Bearer zdr-key-0001"}
    body = {"prompt": "A calm sea", "model": "grok-imagine-video"}
    answer = Client().post("/sandbox/xai/v1/videos/generations", body, content_type="application/json", headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (400, "Zero Data Retention teams must provide output.upload_url for video generation.")
    assert answer.headers["X-Zero-Data-Retention"] == "true"
