"""The first steps: shown to whom they help, ticked by facts, closed for good, and gone when done."""

from collections.abc import Callable

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from studio.accounts.models import User
from studio.control.guidance import close, open_guides
from studio.credits import ledger
from studio.gallery.models import Decision
from studio.jobs.lifecycle import State
from studio.jobs.models import Clip, Draft
from studio.projects.models import Project
from studio.routing.models import Connection
from tests.conftest import signed_in
from tests.jobs.rows import HTMX, job_row


def ticks(user: User) -> dict[str, list[bool]]:
    return {guide.name: [step.done for step in guide.steps] for guide in open_guides(user, project="TIDE", sandbox=True)}


def test_a_makers_list_ticks_itself_from_what_they_did_and_is_gone_when_all_is_done(alice: User, tide: Project, xai: Connection):
    assert ticks(alice) == {"maker": [False, False, False]}
    Draft.objects.create(user=alice, project=tide, fields="{}")
    assert ticks(alice) == {"maker": [True, False, False]}
    job = job_row(tide, alice, xai, State.DONE)
    assert ticks(alice) == {"maker": [True, True, False]}
    Decision.objects.create(clip=Clip.objects.get(job=job), person=alice, verdict="pick")
    assert ticks(alice) == {"maker": [True, True, True]}, "once more, so that the last tick is seen"
    alice.refresh_from_db()
    assert ticks(alice) == {}


def test_an_admins_list_ticks_itself_from_the_installation(ada: User, tide: Project, bob: User):
    assert ticks(ada)["admin"] == [False, True, False]
    Connection.objects.create(provider="xai", label="xAI")
    ledger.grant(bob, 1_000, key="welcome", reason="to begin with", actor=ada)
    assert ticks(ada)["admin"] == [True, True, True]
    ada.refresh_from_db()
    assert list(ticks(ada)) == ["maker"]


def test_what_the_house_gave_at_the_first_start_is_no_grant_of_an_admin(ada: User, tide: Project):
    ledger.grant(ada, 1_000, key="first-start", reason="Welcome", actor=None)
    assert ticks(ada)["admin"][2] is False


def test_who_is_through_with_a_list_is_asked_nothing_any_more(ada: User, tide: Project, django_assert_num_queries: DjangoAssertNumQueries):
    for name in ("maker", "admin"):
        close(ada, name)
    ada.refresh_from_db()
    with django_assert_num_queries(0):
        assert ticks(ada) == {}


def test_the_studio_shows_the_list_and_closing_it_is_for_good_and_for_oneself_alone(as_alice: Client, alice: User, bob: User, tide: Project):
    assert "Your first clip" in as_alice.get("/p/TIDE/").content.decode()
    assert as_alice.post("/guides/maker/close/", headers=HTMX).status_code == 200
    assert "Your first clip" not in as_alice.get("/p/TIDE/").content.decode()
    assert "Your first clip" in signed_in(bob).get("/p/TIDE/").content.decode()


def test_carol_who_may_only_look_is_told_of_no_step_that_she_cannot_take(carol: User, tide: Project):
    page = signed_in(carol).get("/p/TIDE/").content.decode()
    assert "Your first clip" not in page
    assert "Set up the studio" not in page


@pytest.mark.parametrize("name", ["nonsense", "makers"])
def test_a_list_that_there_is_not_cannot_be_closed(as_alice: Client, name: str):
    assert as_alice.post(f"/guides/{name}/close/").status_code == 404


def test_closing_twice_is_closing_once(as_alice: Client, alice: User):
    act: Callable[[], int] = lambda: as_alice.post("/guides/maker/close/").status_code  # noqa: E731 - twice the same
    assert (act(), act()) == (302, 302)
    alice.refresh_from_db()
    assert alice.guided == ["maker"]
