"""What the sandbox says afterwards about what it received and delivered, and how little it costs to be asked."""

import json

import pytest
from django.test import Client

from studio.sandbox import account
from studio.sandbox.account import Ending
from studio.sandbox.models import Fault, Kind, TurnedAway
from tests.sandbox.asking import APIS, accepted, check, drawn, submit

HOOK = "http://127.0.0.1:8000/hooks/5f0c/token/"
NAMED = {
    "ttapi": {"hook_url": HOOK},
    "grokimagine": {"prompt": "A calm sea 5f0c"},
    "acedata": {"callback_url": HOOK},
    "comet": {"user": "5f0c"},
    "xai": {"user": "5f0c"},
}


def once(kind: str) -> None:
    Fault.objects.create(kind=kind, left=1)


@pytest.mark.parametrize("provider", APIS)
def test_every_submission_of_an_attempt_is_told_with_what_came_of_it(provider):
    submit(provider, **NAMED[provider])
    for kind in (Kind.LOST_ANSWER, Kind.RESET, Kind.RATE_LIMIT, Kind.SERVER_ERROR, Kind.HTML, Kind.REFUSAL):
        once(kind)
        submit(provider, **NAMED[provider])
    submit(provider)
    told = account.submissions(naming="5f0c")
    assert [one.ending for one in told] == [Ending.ACCEPTED, Ending.LOST, Ending.RESET, *[Ending.REFUSED] * 4]
    assert [one.is_paid for one in told] == [True, True] + [False] * 5
    assert [bool(one.remote_id) for one in told] == [one.is_paid for one in told]
    assert [one.status for one in told[:5]] == [200, 200, 0, 429, told[4].status]
    assert told[4].status >= 500
    assert told[5].status == 200  # a page where JSON was expected
    assert len(account.submissions()) == 8


def test_what_is_refused_on_its_own_merits_is_told_without_a_fault():
    submit("xai", duration=99, user="5f0c")
    submit("xai", key="wrong-key", user="5f0c")
    Client().post(APIS["xai"].submit_path, b"not json", content_type="application/json", headers=APIS["xai"].headers)
    assert [(one.ending, one.status) for one in account.submissions(naming="5f0c")] == [(Ending.REFUSED, 400)] * 2
    assert set(TurnedAway.objects.values_list("kind", "status")) == {("", 400)}
    assert len(account.submissions()) == 3


def test_looks_are_no_submissions():
    once(Kind.SERVER_ERROR)
    check("xai", "anything")
    assert account.submissions() == []


def test_what_can_be_downloaded_whole_is_counted():
    expected = {accepted("xai").remote_id: 1, accepted("grokimagine").remote_id: 2}
    for kind in (Kind.FAILURE, Kind.MODERATION_RESULT, Kind.NEVER, Kind.EXPIRED, Kind.EXPIRED_LINK, Kind.TRUNCATED, Kind.PRIVATE_LINK):
        once(kind)
        expected[accepted("xai").remote_id] = 0
    for kind in (Kind.UNKNOWN_STATUS, Kind.TAKEN_BACK, Kind.USAGE_ABSURD):
        once(kind)
        expected[accepted("xai").remote_id] = 1
    assert account.deliveries() == expected


def test_another_process_reads_it_as_json():
    job = accepted("ttapi", hook_url=HOOK)
    told = json.loads(account.as_json())
    assert told["delivered"] == {job.remote_id: 1}
    assert told["submissions"][0] | {"at": ""} == {
        "provider": "ttapi", "at": "", "ending": "accepted", "status": 200, "remote_id": job.remote_id, "names": [HOOK, "A calm sea"],
    }  # fmt: skip
    assert told["submissions"][0]["at"] == job.created_at.isoformat()


@pytest.mark.parametrize("provider", APIS)
@pytest.mark.parametrize("faults", [0, 3])
def test_an_answer_costs_few_queries_however_many_faults_are_there(provider, faults, django_assert_max_num_queries, settings):
    settings.SANDBOX_FAULTS = "any:429~0.000001, any:failure~0.000001, any:lost_answer~0.000001" if faults else ""
    job = drawn(accepted(provider))
    counts_its_minute = provider in {"grokimagine", "xai"}
    with django_assert_max_num_queries(2 + (provider == "grokimagine")):
        check(provider, job.remote_id)
    with django_assert_max_num_queries(3 + counts_its_minute):
        submit(provider)


def test_fifty_tasks_are_told_with_two_queries(django_assert_num_queries):
    jobs = [drawn(accepted("acedata")) for _ in range(50)]
    question = {"action": "retrieve_batch", "ids": [job.remote_id for job in jobs]}
    with django_assert_num_queries(2):
        answer = Client().post(APIS["acedata"].check_path, question, content_type="application/json", headers=APIS["acedata"].headers)
    assert answer.json()["count"] == 50
