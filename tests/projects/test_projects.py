"""The way in, a new project, its name, its archive."""

from collections.abc import Callable

import pytest
from django.http import HttpRequest
from django.test import Client

from studio.accounts.models import AuditEvent, User
from studio.projects import actions
from studio.projects.forms import NewProject
from studio.projects.lately import last, remember
from studio.projects.models import Membership, Project
from tests.conftest import signed_in


def test_somebody_without_a_project_is_shown_the_way_to_one(mallory: User):
    page = signed_in(mallory).get("/").content.decode()
    assert "Clips live in projects. You have none yet." in page
    assert "/projects/new/" in page


def test_home_is_the_first_project(alice: User, tide: Project):
    assert signed_in(alice).get("/").headers["Location"] == "/p/TIDE/"


def test_home_is_the_project_where_one_was_last(alice: User, tide: Project):
    actions.start("Zebra", "ZEB", by=alice)
    browser = signed_in(alice)
    session = browser.session
    session["lately"] = ["ZEB"]
    session.save()
    assert browser.get("/").headers["Location"] == "/p/ZEB/"


def test_a_project_that_one_may_no_longer_see_is_not_home(mallory: User, tide: Project):
    browser = signed_in(mallory)
    session = browser.session
    session["lately"] = ["TIDE"]
    session.save()
    assert browser.get("/").status_code == 200


def test_the_session_is_written_only_when_the_project_changes(alice: User, tide: Project, ask_as_alice: Callable[[], HttpRequest]):
    request = ask_as_alice()
    remember(request, tide)
    assert request.session.modified
    request.session.modified = False
    remember(request, tide)
    assert not request.session.modified
    assert last(request, alice) == tide


def test_an_archived_project_is_not_home(bob: User, tide: Project):
    actions.archive(tide, by=bob)
    assert signed_in(bob).get("/").status_code == 200


def test_anyone_starts_a_project_and_owns_it(mallory: User):
    browser = signed_in(mallory)
    assert "Start the project" in browser.get("/projects/new/").content.decode()
    response = browser.post("/projects/new/", {"name": "Fernweh", "code": "fern"})
    assert response.headers["Location"] == "/p/FERN/"
    membership = Membership.objects.get(project__code="FERN")
    assert (membership.user, membership.role) == (mallory, "owner")
    assert str(membership) == "Mallory is owner of Fernweh"
    assert AuditEvent.objects.get(action="project.created").subject == "FERN"


def test_a_code_left_empty_is_made_from_the_name(mallory: User, tide: Project):
    signed_in(mallory).post("/projects/new/", {"name": "Tidewater two", "code": ""})
    assert Project.objects.get(name="Tidewater two").code == "TIDE2"


def test_the_code_is_suggested_while_the_name_is_typed_and_what_was_typed_stays(mallory: User):
    fragment = signed_in(mallory).get("/projects/new/", {"name": "Fernweh", "code": "FW"}).content.decode()
    assert "Leave it empty for" in fragment
    assert ">FERN<" in fragment
    assert 'value="FW"' in fragment
    assert "<html" not in fragment


@pytest.mark.parametrize(
    ("name", "code", "sentence"),
    [
        ("Fernweh", "1AB", "a letter first"),
        ("Fernweh", "A", "Two to eight"),
        ("Fernweh", "ABCDEFGHI", "at most 8"),
        ("Fernweh", "A-B", "letters and digits"),
        ("Fernweh", "ÄÖ", "letters and digits"),
        ("Fernweh", "tide", "Another project has the code TIDE."),
        ("", "FERN", "required"),
        ("", "", "required"),
        ("x" * 81, "", "at most 80"),
    ],
)
def test_what_is_wrong_with_a_new_project_stands_beside_it(mallory: User, tide: Project, name: str, code: str, sentence: str):
    response = signed_in(mallory).post("/projects/new/", {"name": name, "code": code})
    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert Project.objects.count() == 1


def test_a_code_that_is_taken_between_the_look_and_the_write_is_refused(mallory: User, bob: User, tide: Project):
    with pytest.raises(actions.CodeIsTaken):
        actions.start("Tidewater", "TIDE", by=mallory)


def test_two_people_who_take_one_code_at_the_same_moment(client: Client, mallory: User, bob: User):
    """The second one's form was right when it was checked."""
    form = NewProject({"name": "Fernweh", "code": "FERN"})
    assert form.is_valid()
    actions.start("Fernweh", "FERN", by=bob)
    with pytest.raises(actions.CodeIsTaken):
        actions.start(form.cleaned_data["name"], form.cleaned_data["code"], by=mallory)


def test_an_owner_renames_the_project_and_the_code_stays(bob: User, tide: Project):
    page = signed_in(bob).post("/p/tide/settings/", {"name": "Ebb and flow"}, follow=True).content.decode()
    assert "The project is now called Ebb and flow." in page
    tide.refresh_from_db()
    assert (tide.name, tide.code) == ("Ebb and flow", "TIDE")
    event = AuditEvent.objects.get(action="project.renamed")
    assert (event.actor, event.before, event.after) == (bob, {"name": "Tidewater"}, {"name": "Ebb and flow"})


def test_the_same_name_is_no_event(bob: User, tide: Project):
    signed_in(bob).post("/p/TIDE/settings/", {"name": "Tidewater"})
    assert not AuditEvent.objects.exists()


def test_an_empty_name_is_refused_beside_its_field(bob: User, tide: Project):
    response = signed_in(bob).post("/p/TIDE/settings/", {"name": ""})
    assert response.status_code == 422
    assert "required" in response.content.decode()


def test_a_project_is_archived_and_comes_back(bob: User, tide: Project):
    browser = signed_in(bob)
    page = browser.post("/p/TIDE/settings/archive/", {"to": "archive"}, follow=True).content.decode()
    assert "Archived on" in page
    assert "/p/TIDE/settings/" in browser.get("/projects/new/").content.decode()
    page = browser.post("/p/TIDE/settings/archive/", {"to": "back"}, follow=True).content.decode()
    assert "is back in the lists" in page
    assert browser.get("/").headers["Location"] == "/p/TIDE/"
    assert list(AuditEvent.objects.order_by("id").values_list("action", flat=True)) == ["project.archived", "project.brought_back"]


def test_archiving_twice_is_one_event(bob: User, tide: Project):
    assert actions.archive(tide, by=bob)
    assert not actions.archive(tide, by=bob)
    assert actions.bring_back(tide, by=bob)
    assert not actions.bring_back(tide, by=bob)
    assert AuditEvent.objects.count() == 2


def test_archiving_needs_a_direction(bob: User, tide: Project):
    page = signed_in(bob).post("/p/TIDE/settings/archive/", {}, follow=True).content.decode()
    assert "Say whether to archive the project" in page


def test_nobody_orders_in_an_archived_project_but_everybody_may_still_look(alice: User, bob: User, tide: Project):
    actions.archive(tide, by=bob)
    assert signed_in(alice).get("/p/TIDE/").status_code == 200
    assert signed_in(alice).post("/p/TIDE/jobs/", {"prompt": "A wave"}).status_code == 403
