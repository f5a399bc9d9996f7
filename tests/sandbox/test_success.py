"""Every provider's way from acceptance to its videos, in its own words and types."""

from typing import Any

import pytest
from django.test import Client

from studio.sandbox.models import RemoteJob
from studio.sandbox.timeline import QUEUED_UNTIL
from tests.sandbox.asking import APIS, BEARER, accepted, after, check, drawn, finished, told

RUNNING = (QUEUED_UNTIL + 0.1, 0.5, 0.8)


def test_ttapi_alternates_between_its_two_spellings_of_the_id():
    first, second = accepted("ttapi"), accepted("ttapi")
    assert (first.odd, second.odd) == (True, False)
    answers = [
        Client().post(APIS["ttapi"].submit_path, APIS["ttapi"].body, content_type="application/json", headers=APIS["ttapi"].headers) for _ in "12"
    ]
    assert [list(answer.json()["data"]) for answer in answers] == [["jobId"], ["job_id"]]


def test_ttapi_goes_through_its_queue_to_a_result_of_strings():
    job = drawn(accepted("ttapi", refer_images=["https://example.org/a.png"], video_length="30", resolution_name="720p", aspect_ratio="9:16"))
    words = [told(after(job, share))["status"] for share in (0.01, *RUNNING, 1.01)]
    assert words == ["PENDING_QUEUE", "ON_QUEUE", "ON_QUEUE", "ON_QUEUE", "SUCCESS"]
    body = told(job)
    assert (body["message"], body["jobId"]) == ("success", job.remote_id)
    data = body["data"]
    assert data["videoUrl"] == f"http://testserver/sandbox/files/{job.remote_id}.mp4"
    assert (data["aspectRatio"], data["videoLength"], data["resolutionName"], data["quota"]) == ("9:16", "30", "720p", "9")
    assert (data["referImage"], data["hookUrl"]) == ("https://example.org/a.png", None)
    assert data["videoId"].startswith("video_")
    assert len(data["finishTime"]) == len("2026-03-10 09:52:59")


@pytest.mark.parametrize("method", ["get", "post"])
def test_ttapi_also_takes_the_id_in_a_body(method):
    job = accepted("ttapi")
    ask = getattr(Client(), "generic")  # noqa: B009 - a GET with a body
    answer = ask(
        method.upper(), "/sandbox/ttapi/grok/fetch", f'{{"jobId": "{job.remote_id}"}}', content_type="application/json", headers=APIS["ttapi"].headers
    )
    assert answer.json()["jobId"] == job.remote_id


def test_grokimagine_makes_two_videos_for_forty_credits():
    job = drawn(accepted("grokimagine"))
    words = [told(after(job, share))["data"]["status"] for share in (0.01, *RUNNING, 1.01)]
    assert words == ["pending", "processing", "processing", "processing", "completed"]
    data = told(job)["data"]
    assert data["response"] == [f"http://testserver/sandbox/files/{job.remote_id}-{take}.mp4" for take in (1, 2)]
    assert (data["consumed_credits"], data["error_message"], data["task_id"]) == (40, None, job.remote_id)
    assert data["request"] == {"mode": "fun", "prompt": "A calm sea", "ratio": "1:1"}
    assert data["created_at"].endswith("Z")


def test_grokimagine_answers_with_its_rate_limit():
    answer = check("grokimagine", accepted("grokimagine").remote_id)
    assert answer.headers["X-RateLimit-Remaining"] == "99"
    assert int(answer.headers["X-RateLimit-Reset"]) > 1_700_000_000
    assert "X-RateLimit-Limit" not in answer.headers


def test_acedata_has_no_status_but_a_response_when_it_is_through():
    job = drawn(accepted("acedata"))
    queued, running = told(after(job, 0.01)), told(after(job, 0.5))
    assert set(queued) == {"id", "type", "request", "created_at"}
    assert set(running) == {*queued, "started_at"}
    done = told(after(job, 1.01))
    assert done["response"]["success"] is True
    assert done["response"]["data"][0]["state"] == "succeeded"
    assert done["response"]["data"][0]["id"].startswith("grok-imagine-video-1.5-fast:reverse:")
    assert isinstance(done["finished_at"], float)
    assert done["elapsed"] == pytest.approx(job.making.total_seconds(), abs=0.001)
    assert "usage" not in str(done)


def test_acedata_answers_a_submission_with_both_documented_shapes():
    answers = [
        Client().post("/sandbox/acedata/grok/videos", APIS["acedata"].body, content_type="application/json", headers=BEARER).json() for _ in "12"
    ]
    assert [set(answer) for answer in answers] == [{"task_id"}, {"success", "task_id", "trace_id"}]


def test_acedata_gives_several_tasks_at_once_and_lists_an_accounts_own():
    jobs = [accepted("acedata") for _ in "123"]
    ask: dict[str, Any] = {"content_type": "application/json", "headers": BEARER}
    some = Client().post("/sandbox/acedata/grok/tasks", {"action": "retrieve_batch", "ids": [job.remote_id for job in jobs[:2]]}, **ask).json()
    assert (some["count"], [task["id"] for task in some["items"]]) == (2, [job.remote_id for job in jobs[:2]])
    since = {"action": "retrieve_batch", "created_at_min": jobs[0].created_at.timestamp() - 1}
    assert Client().post("/sandbox/acedata/grok/tasks", since, **ask).json()["count"] == 3
    of_another = {"Authorization": "Bearer somebody-elses"}
    assert Client().post("/sandbox/acedata/grok/tasks", since, content_type="application/json", headers=of_another).json()["count"] == 0


def test_comet_speaks_the_old_envelope_for_odd_jobs():
    job = drawn(accepted("comet"))
    outer = [told(after(job, share))["data"]["status"] for share in (0.01, *RUNNING, 1.01)]
    assert outer == ["NOT_START", "IN_PROGRESS", "IN_PROGRESS", "IN_PROGRESS", "SUCCESS"]
    body = told(job)
    data = body["data"]
    assert (body["code"], data["progress"], data["start_time"]) == ("success", "100%", 0)
    assert data["fail_reason"] == data["data"]["video"]["url"]
    assert data["data"]["usage"]["cost_in_usd_ticks"] == 1_400_000_000
    assert data["data"]["status"] == "done"


def test_comet_speaks_the_flat_envelope_for_even_jobs():
    accepted("comet")
    job = drawn(accepted("comet"))
    assert told(after(job, 0.01)) == {"request_id": job.remote_id}
    assert told(after(job, 0.5))["status"] == "processing"
    done = told(after(job, 1.01))
    assert (done["status"], done["progress"], done["video"]["duration"]) == ("done", 100, 2)


def test_xai_is_202_with_a_body_for_odd_jobs_and_without_for_even_ones():
    odd, even = accepted("xai"), accepted("xai")
    with_body, without = check("xai", odd.remote_id), check("xai", even.remote_id)
    assert (with_body.status_code, with_body.json()) == (202, {"status": "pending", "progress": 1})
    assert (without.status_code, without.content) == (202, b"")


def test_xai_progress_stays_at_one_and_then_jumps():
    job = drawn(accepted("xai"))
    assert [told(after(job, share))["progress"] for share in (0.01, 0.3, 0.84, 0.87, 0.92, 0.97, 1.01)] == [1, 1, 1, 18, 56, 94, 100]


def test_xai_is_done_exactly_as_recorded():
    job = finished("xai")
    assert told(job) == {
        "status": "done",
        "video": {"url": f"http://testserver/sandbox/files/{job.remote_id}.mp4", "duration": 1, "respect_moderation": True},
        "model": "grok-imagine-video",
        "usage": {"cost_in_usd_ticks": 500_000_000},
        "progress": 100,
    }


def test_xai_sends_rate_limits_with_a_submission_and_not_with_a_look():
    answer = Client().post(APIS["xai"].submit_path, APIS["xai"].body, content_type="application/json", headers=BEARER)
    look = check("xai", answer.json()["request_id"])
    assert answer.headers["X-Ratelimit-Limit-Requests"] == "300"
    assert {"X-Request-Id", "Traceparent", "X-Zero-Data-Retention"} <= set(answer.headers)
    assert "X-Ratelimit-Limit-Requests" not in look.headers
    assert look.headers["X-Data-Retention"] == "general"


@pytest.mark.parametrize("provider", APIS)
def test_nothing_is_done_before_its_video_is_drawn(provider):
    job = after(accepted(provider), 3)
    before = check(provider, job.remote_id).content
    drawn(job)
    assert f"{job.remote_id}".encode() + b".mp4" not in before
    assert b".mp4" in check(provider, job.remote_id).content


@pytest.mark.parametrize("provider", APIS)
def test_a_submission_sent_twice_is_two_jobs(provider):
    accepted(provider)
    accepted(provider)
    assert RemoteJob.objects.filter(provider=provider).count() == 2


def test_speed_shortens_a_job(settings):
    slow = accepted("xai")
    settings.SANDBOX_SPEED = 100
    fast = accepted("xai")
    assert 5.4 <= slow.making.total_seconds() <= 6.6
    assert 0.054 <= fast.making.total_seconds() <= 0.066
