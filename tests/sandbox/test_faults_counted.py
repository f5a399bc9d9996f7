"""How often a fault happens: counted, by chance, for one provider or all, and as the setting says."""

import threading

import pytest
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from studio.sandbox import faults
from studio.sandbox.models import Fault, Kind, Moment
from tests.sandbox.asking import accepted, check, goes_wrong, submit


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
