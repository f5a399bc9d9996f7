"""Every provider's way from acceptance to its videos, in its own words and types."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from studio.sandbox.models import Fault, Kind, RemoteJob
from studio.sandbox.timeline import QUEUED_UNTIL
from tests.sandbox.asking import APIS, BEARER, KEY, accepted, after, check, drawn, finished, told

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


def test_ttapi_takes_what_its_older_document_asks_for():
    job = accepted("ttapi", video_length="10", resolution_name="720p", model=None, aspect_ratio=None)
    assert (job.seconds, job.resolution, job.aspect_ratio) == (10, "720p", "16:9")


def test_ttapis_second_route_speaks_almost_as_xai():
    path, headers = "/sandbox/ttapi/grok/v1/videos", APIS["ttapi"].headers
    wanted = {"prompt": "A calm sea", "model": "grok-imagine-video", "duration": 10, "resolution": "720p", "aspect_ratio": "9:16"}
    answer = Client().post(f"{path}/generations", wanted, content_type="application/json", headers=headers).json()
    assert set(answer) == {"request_id"}
    job = drawn(RemoteJob.objects.get(remote_id=answer["request_id"]))
    assert (job.provider, job.seconds, job.resolution, job.aspect_ratio) == ("ttapi", 10, "720p", "9:16")
    words = [Client().get(f"{path}/{after(job, share).remote_id}", headers=headers).json()["status"] for share in (0.01, *RUNNING)]
    assert words == ["processing"] * 4
    assert Client().get(f"{path}/{after(job, 1.01).remote_id}", headers=headers).json() == {
        "status": "done",
        "video": {"url": job.video_urls()[0], "duration": 10, "respect_moderation": True},
        "model": "grok-imagine-video",
        "usage": {"cost_in_usd_tocks": 300_000_000},  # 3 quota
        "progress": 100,
    }
    assert told(job)["data"]["quota"] == "3"


@pytest.mark.parametrize(("kind", "decent", "words"), [(Kind.FAILURE, True, "task failed"), (Kind.MODERATION_RESULT, False, "prompt violation")])
def test_ttapis_second_route_tells_a_bad_end(kind, decent, words):
    Fault.objects.create(kind=kind)
    job = after(accepted("ttapi"), 1.01)
    body = Client().get(f"/sandbox/ttapi/grok/v1/videos/{job.remote_id}", headers=APIS["ttapi"].headers).json()
    assert (body["status"], body["error"]["message"]) == ("failed", words)
    assert body["video"] == {"duration": 0, "respect_moderation": decent}


def test_ttapis_second_route_knows_its_jobs_and_its_key():
    path = "/sandbox/ttapi/grok/v1/videos"
    assert Client().get(f"{path}/nope", headers=APIS["ttapi"].headers).status_code == 404
    assert Client().get(f"{path}/nope").status_code == 401
    assert Client().post(f"{path}/generations", {"prompt": "A calm sea"}, content_type="application/json", headers=BEARER).status_code == 401


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
    assert set(queued) == {"id", "type", "request", "created_at", "response"}
    assert set(running) == {*queued, "started_at"}
    done = told(after(job, 1.01))
    assert done["response"]["success"] is True
    assert done["response"]["data"][0]["state"] == "succeeded"
    assert done["response"]["data"][0]["id"].startswith("grok-imagine-video-1.5-fast:reverse:")
    assert isinstance(done["finished_at"], float)
    assert done["elapsed"] == pytest.approx(job.making.total_seconds(), abs=0.001)
    assert "usage" not in str(done)


def test_a_running_task_of_acedata_has_an_empty_response_so_that_its_own_sdk_waits():
    odd, even = (told(after(accepted("acedata", image_url="https://a.example/a.png"), 0.5)) for _ in "12")
    assert (odd["response"], even["response"]) == ({}, None)
    assert "finished_at" not in {**odd, **even}


def test_acedata_answers_a_submission_with_both_documented_shapes():
    answers = [
        Client().post("/sandbox/acedata/grok/videos", APIS["acedata"].body, content_type="application/json", headers=BEARER).json() for _ in "12"
    ]
    assert [set(answer) for answer in answers] == [{"task_id"}, {"success", "task_id", "trace_id"}]


def asked_of_acedata(*, key: str = KEY, **body: Any) -> Any:
    return Client().post("/sandbox/acedata/grok/tasks", body, content_type="application/json", headers={"Authorization": f"Bearer {key}"})


@pytest.mark.parametrize(
    "model", ["grok-imagine-video", "grok-imagine-video-1.5-fast:reverse", "grok-imagine-video:official", "grok-imagine-video-1.5-fast"]
)
def test_acedata_takes_the_model_names_of_every_document(model):
    assert accepted("acedata", model=model).model == model


def test_acedata_answers_in_lines_when_it_is_asked_to():
    headers = BEARER | {"Accept": "application/x-ndjson"}
    odd, even = (Client().post(APIS["acedata"].submit_path, APIS["acedata"].body, content_type="application/json", headers=headers) for _ in "12")
    assert odd.headers["Content-Type"] == even.headers["Content-Type"] == "application/x-ndjson"
    first, second = (json.loads(line) for line in odd.content.splitlines())
    assert first == second == {"task_id": RemoteJob.objects.get(serial=1).remote_id}
    assert [set(json.loads(line)) for line in even.content.splitlines()] == [{"success", "task_id", "trace_id"}]


def test_acedata_leaves_missing_and_foreign_tasks_out_of_a_batch():
    mine, foreign = accepted("acedata"), accepted("acedata")
    RemoteJob.objects.filter(pk=foreign.pk).update(key_hash="another")
    of_xai = accepted("xai")
    ids = ["nothing", mine.remote_id, foreign.remote_id, of_xai.remote_id, "\x01", mine.remote_id]
    answer = asked_of_acedata(action="retrieve_batch", ids=ids).json()
    assert (answer["count"], [task["id"] for task in answer["items"]]) == (1, [mine.remote_id])


def test_acedata_takes_fifty_ids_at_once_and_no_more():
    assert asked_of_acedata(action="retrieve_batch", ids=["x"] * 50).json() == {"items": [], "count": 0}
    answer = asked_of_acedata(action="retrieve_batch", ids=["x"] * 51)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request")


def test_acedata_lists_what_was_made_between_two_times_with_its_whole_request():
    callback = "http://127.0.0.1:8000/hooks/5f0c/token/"
    early, middle, late = (accepted("acedata", callback_url=callback) for _ in "123")
    for job, hour in ((early, 1), (middle, 2), (late, 3)):
        RemoteJob.objects.filter(pk=job.pk).update(created_at=datetime(2026, 8, 10, hour, tzinfo=UTC))
    two = datetime(2026, 8, 10, 2, tzinfo=UTC).timestamp()
    listed = asked_of_acedata(action="retrieve_batch", created_at_min=two - 60, created_at_max=two + 60).json()
    assert [task["id"] for task in listed["items"]] == [middle.remote_id]
    assert listed["items"][0]["request"] == APIS["acedata"].body | {"callback_url": callback}
    paged = asked_of_acedata(action="retrieve_batch", limit=1, offset=1).json()
    assert [task["id"] for task in paged["items"]] == [middle.remote_id]
    assert asked_of_acedata(action="retrieve_batch", key="somebody-elses").json()["count"] == 0


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


def balance(key: str = KEY, **days: str) -> Any:
    return Client().get("/sandbox/comet/user/quota", {"key": key} | days)


def test_comet_tells_a_keys_balance_in_us_dollars():
    day = f"{accepted('comet').created_at:%Y-%m-%d}"
    accepted("comet")
    assert balance().json() == {
        "username": "sandbox",
        "total_quota": 999.72,
        "total_used_quota": 0.28,
        "request_count": 2,
        "keys": [{"name": "sandbox", "remain_quota": -1, "used_quota": 0.28}],
        "daily_quota": {day: [{"token_name": "sandbox", "quota_used": 0.28, "request_count": 2}]},
    }
    assert balance(start_date="2020-01-01", end_date="2020-01-31").json()["daily_quota"] == {}
    assert balance("another-key").json()["total_used_quota"] == 0.0


def test_comets_balance_counts_a_moderated_result_and_no_failure():
    for kind in (Kind.FAILURE, Kind.NEVER, Kind.MODERATION_RESULT):
        Fault.objects.create(kind=kind, left=1)
        accepted("comet")
    assert balance().json()["total_used_quota"] == 0.14


@pytest.mark.parametrize("key", ["", "wrong-key"])
def test_comet_tells_a_wrong_key_no_balance(key):
    assert balance(key).status_code == 401


def test_comets_balance_meets_the_faults_of_a_look():
    Fault.objects.create(kind=Kind.RATE_LIMIT)
    assert balance().status_code == 429


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
    slow = accepted("xai", duration=8, resolution="720p")
    settings.SANDBOX_SPEED = 10
    fast = accepted("xai", duration=8, resolution="720p")
    assert 5.4 <= slow.making.total_seconds() <= 6.6
    assert 0.54 <= fast.making.total_seconds() <= 0.66


@pytest.mark.parametrize("provider", APIS)
def test_what_is_remembered_of_an_order_has_no_control_characters(provider: str):
    job = accepted(provider, prompt="a\x1b[31m b\u202e\x07\n\tمی\u200cخواهم 👩\u200d🚀", note={"k\x1b": ["\u202e"]})

    assert job.prompt == "a[31m b\n\tمی\u200cخواهم 👩\u200d🚀"
    kept = json.dumps(job.request, ensure_ascii=False)
    assert not [sign for sign in ("\\u001b", "\\u0007", "\u202e") if sign in kept]
    assert "می\u200cخواهم 👩\u200d🚀" in kept
