"""What goes wrong on purpose: each fault, how it is counted, and where it comes from."""

import math
import re
import threading
import time
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test import Client

from studio.sandbox import acedata, faults, intake
from studio.sandbox.files import folder
from studio.sandbox.models import Fault, Kind, Moment, RemoteJob
from tests.sandbox.asking import APIS, BEARER, accepted, after, check, drawn, submit, told

WITHOUT_TIMES = re.compile(rb"[-0-9.:TZ]{9,}")  # the test moves the beginning of a job, which some answers tell


def goes_wrong(kind: str, provider: str = "", *, left: int | None = None, moment: str = "") -> Fault:
    return Fault.objects.create(provider=provider, kind=kind, left=left, moment=moment)


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
    figures = [spent(provider) for _ in range(5)]
    assert figures[:4] == [-1, 10**18, "plenty", None]
    assert math.isnan(figures[4])


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


def film_of(job: RemoteJob, size: int = 200_000) -> bytes:
    content = bytes(range(256)) * (size // 256)
    for name in job.file_names():
        (folder() / name).write_bytes(content)
    return content


def test_an_expired_link_is_403_or_404():
    goes_wrong(Kind.EXPIRED_LINK)
    odd, even = accepted("xai"), accepted("xai")
    for job in (odd, even):
        film_of(job)
    assert [Client().get(job.video_urls()[0]).status_code for job in (odd, even)] == [403, 404]


def test_a_truncated_video_promises_more_than_it_sends():
    goes_wrong(Kind.TRUNCATED)
    job = accepted("xai")
    content = film_of(job)
    answer = Client().get(job.video_urls()[0])
    received: list[bytes] = []
    with pytest.raises(ConnectionResetError):
        received.extend(answer)
    assert answer.headers["Content-Length"] == str(len(content))
    assert b"".join(received) == content[: len(content) // 2]


def test_a_video_is_served_without_a_key_and_with_its_length():
    job = accepted("grokimagine")
    content = film_of(job)
    answer = Client().get(job.video_urls()[1])
    assert b"".join(answer) == content
    assert (answer.headers["Content-Type"], answer.headers["Content-Length"]) == ("video/mp4", str(len(content)))
    assert answer.headers["Cache-Control"] == "public, max-age=14400"
    assert answer.headers["ETag"].startswith('"')


def test_a_download_can_go_wrong_once_and_then_work():
    for kind in (Kind.SERVER_ERROR, Kind.RESET, Kind.TRUNCATED):
        goes_wrong(kind, left=1, moment="download")
    job = accepted("xai")
    content = film_of(job)
    assert job.link_fault == ""
    assert Client().get(job.video_urls()[0]).status_code == 502
    for sent in (0, len(content) // 2):
        received: list[bytes] = []
        with pytest.raises(ConnectionResetError):
            received.extend(Client().get(job.video_urls()[0]))
        assert len(b"".join(received)) == sent
    assert b"".join(Client().get(job.video_urls()[0])) == content


def test_a_fault_of_any_request_leaves_downloads_alone():
    goes_wrong(Kind.SERVER_ERROR)
    Fault.objects.update(on=False)
    job = accepted("xai")
    content = film_of(job)
    Fault.objects.update(on=True)
    assert b"".join(Client().get(job.video_urls()[0])) == content


def test_no_other_file_is_served():
    job = accepted("grokimagine")
    assert Client().get(f"/sandbox/files/{job.remote_id}-3.mp4").status_code == 404
    assert Client().get(job.video_urls()[0]).status_code == 404  # not drawn yet
    assert Client().get("/sandbox/files/nothing.mp4").status_code == 404


def test_a_counted_fault_happens_so_often_and_no_more():
    goes_wrong(Kind.RATE_LIMIT, "xai", left=2)
    assert [submit("xai").status_code for _ in "1234"] == [429, 429, 200, 200]
    assert Fault.objects.get().left == 0


def test_a_fault_of_one_provider_leaves_the_others_alone():
    goes_wrong(Kind.RATE_LIMIT, "xai")
    assert submit("comet").status_code == 200


def test_a_fault_that_is_off_does_nothing():
    fault = goes_wrong(Kind.RATE_LIMIT)
    Fault.objects.filter(pk=fault.pk).update(on=False)
    assert submit("xai").status_code == 200


def test_a_wrong_key_uses_no_fault_up():
    goes_wrong(Kind.RATE_LIMIT, left=1)
    submit("xai", key="wrong")
    assert Fault.objects.get().left == 1


def test_a_job_meets_at_most_one_fault_of_each_sort_and_keeps_it():
    goes_wrong(Kind.FAILURE, left=1)
    goes_wrong(Kind.EXPIRED_LINK, left=1)
    goes_wrong(Kind.CALLBACK_LATE, left=1)
    first, second = accepted("ttapi", hook_url="http://127.0.0.1:8000/x"), accepted("ttapi")
    assert (first.outcome_fault, first.link_fault, first.callback_fault) == (Kind.FAILURE, Kind.EXPIRED_LINK, Kind.CALLBACK_LATE)
    assert (second.outcome_fault, second.link_fault, second.callback_fault) == ("", "", "")


def test_the_setting_makes_faults_once(settings):
    settings.SANDBOX_FAULTS = "xai:429*2, any:truncated, comet:5xx@check*1~0.5, seed:7"
    assert [submit("xai").status_code for _ in "123"] == [429, 429, 200]
    assert submit("comet").status_code == 200
    assert list(Fault.objects.values_list("provider", "kind", "moment", "left", "share")) == [
        ("xai", "429", "", 0, None),
        ("", "truncated", "", None, None),
        ("comet", "5xx", "check", 1, 0.5),
    ]


def test_a_chance_meets_its_share_of_requests_and_the_same_ones_again(settings):
    settings.SANDBOX_FAULTS = "seed:7, xai:429@check~0.25"
    faults.die.cache_clear()
    first = [check("xai", "nope").status_code for _ in range(200)]
    faults.die.cache_clear()  # as a new process would begin
    again = [check("xai", "nope").status_code for _ in range(200)]
    assert first == again
    assert 30 <= first.count(429) <= 70
    assert first.count(404) == 200 - first.count(429)


def test_another_seed_meets_other_requests():
    rolls = {seed: [faults.die(seed, "xAI: 5xx").random() for _ in range(20)] for seed in ("1", "2")}
    assert rolls["1"] != rolls["2"]
    assert (faults.seed_in("seed:7, xai:429"), faults.seed_in("xai:429")) == ("7", "0")


def test_a_chance_can_be_counted_as_well():
    Fault.objects.create(provider="xai", kind=Kind.RATE_LIMIT, left=2, share=0.5)
    answers = [submit("xai").status_code for _ in range(40)]
    assert answers.count(429) == 2
    assert answers.count(200) == 38


def test_a_chance_of_one_is_certain():
    Fault.objects.create(kind=Kind.RATE_LIMIT, share=1)
    assert {submit("xai").status_code for _ in range(20)} == {429}


@pytest.mark.parametrize(
    "text", ["xai", "xai:flood", "nobody:429", "xai:429@later", "xai:429*x", "xai:429~2", "xai:429~0", "xai:429~x", "xai:429~0.1*2", "seed:"]
)
def test_a_setting_that_cannot_be_read_is_named(text):
    with pytest.raises(ImproperlyConfigured, match="STUDIO_SANDBOX_FAULTS"):
        faults.read_setting(text)


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


@pytest.mark.django_db(transaction=True)
def test_a_fault_of_three_happens_three_times_however_many_ask_at_once():
    goes_wrong(Kind.FAILURE, left=3)
    taken = []

    def ask():
        taken.append(faults.Waiting("xai", Moment.SUBMIT).take(faults.OUTCOMES))
        connection.close()

    asking = [threading.Thread(target=ask) for _ in range(12)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert sorted(filter(None, taken)) == [Kind.FAILURE] * 3


def test_a_setting_that_cannot_be_read_stops_the_start(settings):
    settings.SANDBOX_FAULTS = "xai:flood"
    with pytest.raises(ImproperlyConfigured, match="xai:flood"):
        apps.get_app_config("sandbox").ready()
