"""What goes wrong on purpose: each fault of a submission, a look and a result."""

import math
import re
import time
from typing import Any

import pytest
from django.test import Client

from studio.sandbox import acedata, intake
from studio.sandbox.models import Kind, RemoteJob
from tests.sandbox.asking import APIS, BEARER, accepted, after, check, drawn, goes_wrong, submit, told

WITHOUT_TIMES = re.compile(rb"[-0-9.:TZ]{9,}")  # the test moves the beginning of a job, which some answers tell


@pytest.mark.parametrize("provider", APIS)
def test_too_many_requests_says_when_to_come_back(provider):
    goes_wrong(Kind.RATE_LIMIT)
    answer = submit(provider)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "2")
    assert answer.json()
    assert not RemoteJob.objects.exists()


def test_only_ttapi_has_a_queue_that_is_exhausted():
    goes_wrong(Kind.QUEUE_FULL)
    assert (submit("ttapi").status_code, submit("xai").status_code) == (499, 200)
    assert submit("ttapi").json()["status"] == "FAILED"


@pytest.mark.parametrize("provider", APIS)
def test_a_server_error_meets_looks_as_well_as_submissions(provider):
    job = accepted(provider)
    goes_wrong(Kind.SERVER_ERROR)
    assert submit(provider).status_code >= 500
    assert check(provider, job.remote_id).status_code >= 500


@pytest.mark.parametrize("provider", APIS)
def test_html_comes_where_json_was_expected(provider):
    goes_wrong(Kind.HTML)
    answer = submit(provider)
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.content.startswith(b"<!doctype html>")


def test_a_fault_can_meet_looks_only():
    goes_wrong(Kind.RATE_LIMIT, moment="check")
    job = accepted("xai")
    assert check("xai", job.remote_id).status_code == 429


@pytest.mark.parametrize(("provider", "status"), [("ttapi", 400), ("grokimagine", 400), ("acedata", 400), ("comet", 500), ("xai", 400)])
def test_a_refusal_makes_no_job(provider, status):
    goes_wrong(Kind.REFUSAL)
    assert submit(provider).status_code == status
    assert not RemoteJob.objects.exists()


@pytest.mark.parametrize(
    ("provider", "words"),
    [
        ("ttapi", "prompt violation"),
        ("grokimagine", "Inappropriate content, please try another prompt."),
        ("acedata", "forbidden"),
        ("comet", "content moderation"),
        ("xai", "content moderation"),
    ],
)
def test_moderation_at_submit_is_told_in_the_providers_words(provider, words):
    goes_wrong(Kind.MODERATION_SUBMIT)
    answer = submit(provider)
    assert 400 <= answer.status_code < 500
    assert words in answer.content.decode()


@pytest.mark.parametrize(("provider", "status"), [("ttapi", 402), ("grokimagine", 402), ("acedata", 403), ("comet", 403), ("xai", 403)])
def test_an_empty_balance_is_told(provider, status):
    goes_wrong(Kind.BALANCE)
    assert submit(provider).status_code == status


@pytest.mark.parametrize("provider", APIS)
def test_a_lost_answer_leaves_a_job_behind(provider):
    goes_wrong(Kind.LOST_ANSWER)
    answer = submit(provider)
    with pytest.raises(ConnectionResetError):
        b"".join(answer)
    assert RemoteJob.objects.filter(provider=provider).count() == 1


@pytest.mark.parametrize("provider", APIS)
def test_a_dropped_connection_makes_nothing(provider):
    goes_wrong(Kind.RESET)
    answer = submit(provider)
    with pytest.raises(ConnectionResetError):
        next(iter(answer))  # not even a first byte
    assert not RemoteJob.objects.exists()


def test_a_look_can_be_dropped_too():
    job = accepted("xai")
    goes_wrong(Kind.RESET)
    with pytest.raises(ConnectionResetError):
        b"".join(check("xai", job.remote_id))


@pytest.mark.parametrize("provider", APIS)
def test_a_slow_answer_comes_when_the_job_is_there(provider, monkeypatch):
    jobs_at_pause = []
    monkeypatch.setattr(time, "sleep", lambda seconds: jobs_at_pause.append((seconds, RemoteJob.objects.count())))
    goes_wrong(Kind.SLOW_ANSWER, left=1)
    assert submit(provider).status_code == 200
    assert jobs_at_pause == [(intake.SLOW, 1)]


@pytest.mark.parametrize(("provider", "outer"), [("xai", "expired"), ("comet", "FAILURE")])
def test_a_result_expires_where_a_provider_has_the_word(provider, outer):
    goes_wrong(Kind.EXPIRED)
    odd, even = (told(after(accepted(provider), 1.01)) for _ in "12")
    assert odd.get("data", odd)["status"] == outer
    assert odd.get("data", {"data": odd})["data"]["status"] == even["status"] == "expired"
    assert ".mp4" not in f"{odd}{even}"


@pytest.mark.parametrize("provider", ["ttapi", "grokimagine", "acedata"])
def test_the_others_know_no_expired_result(provider):
    goes_wrong(Kind.EXPIRED)
    assert accepted(provider).outcome_fault == ""


@pytest.mark.parametrize(
    ("provider", "word"), [("ttapi", b"FAILED"), ("grokimagine", b"failed"), ("acedata", b"api_error"), ("comet", b"FAILURE"), ("xai", b"failed")]
)
def test_a_success_is_taken_back_some_time_after_it_was_told(provider, word):
    goes_wrong(Kind.TAKEN_BACK)
    job = after(drawn(accepted(provider)), 1.01)
    assert b".mp4" in check(provider, job.remote_id).content
    RemoteJob.objects.update(rendered_at=after(job, 1.6).ends_at)
    later = check(provider, job.remote_id).content
    assert b".mp4" not in later
    assert word in later


def spent(provider: str) -> Any:
    """The figure that a finished job's answer gives."""
    body = told(after(drawn(accepted(provider)), 1.01))
    data = body.get("data", body)
    usage = data.get("data", data).get("usage") if isinstance(data.get("data", data), dict) else None
    return usage["cost_in_usd_ticks"] if usage else data.get("quota", data.get("consumed_credits"))


@pytest.mark.parametrize("provider", ["ttapi", "grokimagine", "comet", "xai"])
def test_an_absurd_usage_figure_is_another_one_each_time(provider):
    goes_wrong(Kind.USAGE_ABSURD)
    figures = [spent(provider) for _ in range(6)]
    assert figures[:5] == [-1, 10**18, "plenty", None, 0]
    assert math.isnan(figures[5])


@pytest.mark.parametrize("provider", ["ttapi", "grokimagine", "acedata", "comet"])
def test_a_status_answer_can_be_about_another_job(provider):
    alone = accepted(provider)
    goes_wrong(Kind.WRONG_ID, left=2)
    assert alone.remote_id not in check(provider, alone.remote_id).content.decode()
    other = accepted(provider)
    answer = check(provider, alone.remote_id).content.decode()
    assert other.remote_id in answer
    assert alone.remote_id not in answer
    assert alone.remote_id in check(provider, alone.remote_id).content.decode()


def test_a_link_can_lead_into_a_private_network():
    goes_wrong(Kind.PRIVATE_LINK)
    job = after(drawn(accepted("xai")), 1.01)
    assert told(job)["video"]["url"] == f"https://169.254.169.254/latest/meta-data/{job.remote_id}.mp4"


@pytest.mark.parametrize("provider", APIS)
def test_a_job_that_never_finishes_goes_on_running(provider):
    goes_wrong(Kind.NEVER)
    job = drawn(accepted(provider))
    early, late = check(provider, after(job, 0.5).remote_id).content, check(provider, after(job, 1000).remote_id).content
    assert b"mp4" not in late
    assert WITHOUT_TIMES.sub(b"", early) == WITHOUT_TIMES.sub(b"", late)


def test_a_failure_is_told_in_each_providers_words():
    goes_wrong(Kind.FAILURE)
    ended = {provider: told(after(accepted(provider), 1.01)) for provider in APIS}
    assert (ended["ttapi"]["status"], ended["ttapi"]["message"], ended["ttapi"]["data"]) == ("FAILED", "task failed", None)
    assert (ended["grokimagine"]["code"], ended["grokimagine"]["data"]["error_message"]) == (200, "grok imagine build failed")
    assert (ended["acedata"]["response"]["success"], ended["acedata"]["response"]["error"]["code"]) == (False, "api_error")
    assert (ended["comet"]["data"]["status"], ended["comet"]["data"]["fail_reason"]) == ("FAILURE", "Video generation failed.")
    assert ended["xai"]["video"] == {"duration": 0, "respect_moderation": True}
    assert ended["xai"]["error"]["code"] == "internal_error"


def test_acedata_also_fails_inside_a_success_and_comet_in_its_flat_form():
    goes_wrong(Kind.FAILURE)
    even = {}
    for provider in ("acedata", "comet"):
        accepted(provider)
        even[provider] = told(after(accepted(provider), 1.01))
    assert even["acedata"]["response"]["success"] is True
    assert even["acedata"]["response"]["data"][0]["state"] == "failed"
    assert even["comet"]["status"] == "failed"


def test_a_moderated_result_is_charged_by_xai_in_both_of_its_forms():
    goes_wrong(Kind.MODERATION_RESULT)
    odd, even = after(accepted("xai"), 1.01), after(accepted("xai"), 1.01)
    refused, empty = check("xai", odd.remote_id), check("xai", even.remote_id)
    assert (refused.status_code, refused.json()["usage"]) == (400, {"cost_in_usd_ticks": 500_000_000})
    assert refused.json()["error"] == "Generated video rejected by content moderation."
    assert empty.status_code == 200
    assert (empty.json()["status"], empty.json()["video"]) == ("done", {"url": "", "duration": 1, "respect_moderation": False})
    assert empty.json()["usage"] == {"cost_in_usd_ticks": 500_000_000}


def test_a_moderated_result_is_told_by_the_others_too():
    goes_wrong(Kind.MODERATION_RESULT)
    ended = {provider: told(after(accepted(provider), 1.01)) for provider in APIS if provider != "xai"}
    assert ended["ttapi"]["message"] == "prompt violation"
    assert ended["grokimagine"]["data"]["error_message"] == "Inappropriate content, please try another prompt."
    assert ended["acedata"]["response"]["error"]["code"] == "forbidden"
    assert (ended["comet"]["data"]["status"], ended["comet"]["data"]["fail_reason"]) == ("FAILURE", "Generated video rejected by content moderation.")


@pytest.mark.parametrize(
    ("provider", "word"),
    [("ttapi", "WARMING_UP"), ("grokimagine", "simmering"), ("acedata", "simmering"), ("comet", "SIMMERING"), ("xai", "simmering")],
)
def test_an_unknown_word_stands_there_while_it_runs_and_then_it_finishes(provider, word):
    goes_wrong(Kind.UNKNOWN_STATUS)
    job = drawn(accepted(provider))
    running = check(provider, after(job, 0.5).remote_id).content.decode()
    done = check(provider, after(job, 1.01).remote_id).content.decode()
    assert word in running
    assert word not in done
    assert ".mp4" in done


def test_acedata_holds_a_submission_that_is_not_asynchronous(settings):
    settings.SANDBOX_SPEED = 1000
    goes_wrong(Kind.FAILURE)
    body = {name: value for name, value in APIS["acedata"].body.items() if name != "async"}
    answer = Client().post("/sandbox/acedata/grok/videos", body, content_type="application/json", headers=BEARER)
    assert answer.json()["success"] is False


def test_acedata_gives_a_held_submission_up_and_the_task_goes_on():
    job = accepted("acedata")
    status, body = acedata.held(job, limit=0)
    assert (status, body["error"]["code"]) == (504, "timeout")
    assert told(drawn(after(job, 1.01)))["response"]["success"] is True
