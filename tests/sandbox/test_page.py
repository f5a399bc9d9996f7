"""The admin's page."""

import pytest
from django.test import Client
from django.utils.html import escape

from studio.sandbox.models import Fault, Kind
from tests.conftest import signed_in
from tests.sandbox.asking import accepted, submit


@pytest.fixture
def as_ada(ada) -> Client:
    return signed_in(ada)


def test_an_admin_sees_what_was_asked_and_what_goes_wrong(as_ada):
    Fault.objects.create(provider="xai", kind=Kind.RATE_LIMIT, left=3)
    job = accepted("comet")
    page = as_ada.get("/sandbox/").content.decode()
    assert "429 with Retry-After" in page
    assert job.remote_id in page


def test_the_page_is_there_before_anything_happened(as_ada):
    page = as_ada.get("/sandbox/").content.decode()
    assert "Everything works as it should." in page
    assert "No provider was asked for anything yet." in page


def test_a_fault_is_switched_on_by_the_page(as_ada):
    answer = as_ada.post("/sandbox/", {"provider": "xai", "kind": "429", "moment": "", "left": "2"})
    assert answer.status_code == 302
    assert [submit("xai").status_code for _ in "123"] == [429, 429, 200]


def test_a_chance_is_typed_in_per_cent_and_shown(as_ada):
    as_ada.post("/sandbox/", {"provider": "xai", "kind": "lost_answer", "chance": "2.5"})
    assert Fault.objects.get().share == 0.025
    assert "2.5 %" in as_ada.get("/sandbox/").content.decode()


def test_every_kind_of_fault_can_be_switched_on(as_ada):
    for kind in Kind.values:
        assert as_ada.post("/sandbox/", {"kind": kind}).status_code == 302
    page = as_ada.get("/sandbox/").content.decode()
    assert Fault.objects.count() == len(Kind)
    assert all(page.count(escape(label)) >= 2 for label in Kind.labels)  # to choose, and in the list


def test_switching_the_same_fault_on_again_arms_it_anew(as_ada):
    for left in ("2", ""):
        as_ada.post("/sandbox/", {"provider": "", "kind": "html", "moment": "check", "left": left})
    assert list(Fault.objects.values_list("provider", "kind", "moment", "left")) == [("", "html", "check", None)]


@pytest.mark.parametrize("wrong", [{"kind": "flood"}, {"left": "0"}, {"provider": "nobody"}, {"chance": "0"}, {"chance": "101"}])
def test_a_fault_that_cannot_be_is_refused_beside_its_field(as_ada, wrong):
    answer = as_ada.post("/sandbox/", {"provider": "", "kind": "html", "left": ""} | wrong)
    assert (answer.status_code, Fault.objects.count()) == (200, 0)
    assert answer.context["form"].errors.keys() == wrong.keys()


def test_a_fault_is_switched_off_and_on_and_removed(as_ada):
    fault = Fault.objects.create(provider="xai", kind=Kind.RATE_LIMIT)
    address = f"/sandbox/faults/{fault.pk}"
    as_ada.post(address, {"do": "off"})
    assert submit("xai").status_code == 200
    as_ada.post(address, {"do": "on"})
    assert submit("xai").status_code == 429
    as_ada.post(address, {"do": "remove"})
    assert not Fault.objects.exists()
    assert as_ada.post(address, {"do": "off"}).status_code == 404


def test_a_spent_fault_that_is_switched_on_happens_once_more(as_ada):
    fault = Fault.objects.create(provider="xai", kind=Kind.RATE_LIMIT, left=0)
    as_ada.post(f"/sandbox/faults/{fault.pk}", {"do": "on"})
    assert [submit("xai").status_code for _ in "12"] == [429, 200]


def test_nothing_else_can_be_done_to_a_fault(as_ada):
    fault = Fault.objects.create(kind=Kind.HTML)
    assert as_ada.post(f"/sandbox/faults/{fault.pk}", {"do": "double"}).status_code == 404


@pytest.mark.parametrize("who", ["alice", "dave", "mallory"])
def test_nobody_but_an_admin_finds_the_page(who, request):
    browser = signed_in(request.getfixturevalue(who))
    fault = Fault.objects.create(kind=Kind.HTML)
    assert browser.get("/sandbox/").status_code == 404
    assert browser.post("/sandbox/", {"kind": "html"}).status_code == 404
    assert browser.post(f"/sandbox/faults/{fault.pk}", {"do": "remove"}).status_code == 404
    assert Fault.objects.count() == 1


def test_somebody_who_is_not_signed_in_is_asked_to_sign_in():
    answer = Client().get("/sandbox/")
    assert answer.status_code == 302
    assert "next=/sandbox/" in answer.headers["Location"]
