"""The palette: what is found, by whom, in which order, and what it costs."""

from collections.abc import Sequence

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from studio.accounts.models import User
from studio.control.palette import PLACES, Asked, all_projects, find
from studio.jobs.models import Job
from studio.projects.models import Membership, Project
from studio.prompts import actions as prompts
from studio.prompts.contents import Content
from studio.routing.models import Connection
from tests.conftest import signed_in


@pytest.fixture
def koi(mallory: User, bob: User) -> Project:
    """Mallory's own project, to which Bob belongs as well."""
    project = Project.objects.create(code="KOI", name="Koi & Lantern", created_by=mallory)
    Membership.objects.create(project=project, user=mallory, role="owner")
    Membership.objects.create(project=project, user=bob, role="viewer")
    return project


def shots(project: Project, author: User, connection: Connection, *prompts: str) -> None:
    rows = [
        Job(project=project, author=author, connection=connection, number=at, prompt=words, state="done") for at, words in enumerate(prompts, start=1)
    ]
    Job.objects.bulk_create(rows)
    Project.objects.filter(pk=project.pk).update(last_number=len(rows))


def lines(user: User, text: str = "", *, here: str = "", lately: Sequence[str] = (), sandbox: bool = False) -> dict[str, list[str]]:
    """What is found, by group: the code of a clip, else the words of a line."""
    groups = find(Asked(user=user, text=text, here=here, lately=lately, sandbox=sandbox))
    return {group.name: [hit.job.code if hit.job else hit.words for hit in group.hits] for group in groups}


def test_a_code_finds_its_clip_first_and_as_far_as_it_is_typed(alice: User, tide: Project, xai: Connection):
    shots(tide, alice, xai, *["Mist"] * 120)
    assert lines(alice, "TIDE-047") == {"Clips": ["TIDE-047"]}
    assert lines(alice, "tide 47") == {"Clips": ["TIDE-047"]}
    assert lines(alice, "TIDE-047b") == {"Clips": ["TIDE-047"]}
    assert lines(alice, "tide-04")["Clips"] == ["TIDE-004", "TIDE-040", "TIDE-041", "TIDE-042", "TIDE-043", "TIDE-044"]
    assert lines(alice, "12", here="tide")["Clips"] == ["TIDE-012", "TIDE-120"]


def test_words_of_a_prompt_find_clips_newest_first(alice: User, tide: Project, xai: Connection):
    shots(tide, alice, xai, "A glass bottle on sand", "Gulls over the tide", "The bottle, from above")
    assert lines(alice, "bottle")["Clips"] == ["TIDE-003", "TIDE-001"]
    assert lines(alice, "bottle sand")["Clips"] == ["TIDE-001"]


def test_mallory_finds_nothing_of_tidewater_by_any_word(mallory: User, alice: User, tide: Project, koi: Project, xai: Connection):
    shots(tide, alice, xai, "A glass bottle on sand")
    prompts.start(Content(text="A glass bottle"), name="Bottle", by=alice, scope="project", project=tide)
    for text in ("tide", "tidewater", "TIDE-001", "bottle", "1"):
        found = lines(mallory, text, here="TIDE", lately=["TIDE"])
        assert "Tidewater" not in str(found)
        assert not {"Clips", "Projects", "Prompts", "People"} & found.keys()


def test_with_nothing_typed_it_shows_where_one_was_lately_then_the_newest_clips_and_every_place(
    bob: User, tide: Project, koi: Project, mallory: User, xai: Connection
):
    shots(tide, bob, xai, "Mist")
    shots(koi, mallory, xai, "A carp")
    found = lines(bob, lately=["KOI", "TIDE"], here="tide")
    assert list(found) == ["Lately", "Newest clips", "Go to"]
    assert found["Lately"] == ["Koi & Lantern"]
    assert set(found["Newest clips"]) == {"TIDE-001", "KOI-001"}
    assert found["Go to"][:2] == ["Studio of Tidewater", "Gallery of Tidewater"]


def test_places_are_those_that_one_may_open(alice: User, dave: User, ada: User, tide: Project):
    for who, allowed in ((alice, {"everybody"}), (dave, {"everybody", "managers"}), (ada, {"everybody", "managers", "admins", "sandbox"})):
        shown = set(lines(who, sandbox=True)["Go to"])
        assert {place.words for place in PLACES if place.who in allowed} <= shown
        assert not {place.words for place in PLACES if place.who not in allowed} & shown
        for place in (place for place in PLACES if place.words in shown):
            assert signed_in(who).get(f"/found/?q={place.words}").status_code == 200


def test_projects_are_found_by_name_and_code_where_one_was_lately_first(bob: User, tide: Project, koi: Project):
    assert lines(bob, "lant")["Projects"] == ["Koi & Lantern"]
    assert lines(bob, "koi")["Projects"] == ["Koi & Lantern"]
    every = all_projects(Asked(user=bob, lately=["TIDE"]))
    assert [hit.words for hit in every[0].hits] == ["Tidewater", "Koi & Lantern"]


def test_prompts_of_the_library_and_for_admins_people_are_found(alice: User, ada: User, tide: Project):
    prompts.start(Content(text="Slow dolly toward {{object}}"), name="Product dolly", by=alice, scope="team")
    assert lines(alice, "dolly")["Prompts"] == ["Product dolly"]
    assert lines(ada, "alice@")["People"] == ["Alice"]
    assert "People" not in lines(alice, "ada")


def test_finding_takes_as_many_queries_for_many_as_for_few(
    ada: User, alice: User, tide: Project, xai: Connection, django_assert_max_num_queries: DjangoAssertNumQueries
):
    for number in range(30):
        project = Project.objects.create(code=f"P{number}", name=f"Bottle {number}")
        shots(project, alice, xai, *["A bottle"] * 3)
        prompts.start(Content(text="A bottle"), name=f"Bottle {number}", by=ada, scope="team")
    with django_assert_max_num_queries(5):
        found = lines(ada, "bottle")
    assert {name: len(rows) for name, rows in found.items()} == {"Projects": 6, "Go to": 3, "Clips": 6, "Prompts": 6}
    with django_assert_max_num_queries(5):
        lines(ada)


@pytest.mark.parametrize("text", ["", "%", "_", "\x00", "'; --", "(" * 200, "tide-" + "9" * 40, "９９", "نص", "🌊", "-", "#"])
def test_whatever_is_typed_is_answered(as_alice: Client, tide: Project, text: str):
    assert as_alice.get("/found/", {"q": text, "here": "TIDE"}).status_code == 200


def test_the_answer_is_a_list_of_options_that_lead_somewhere(as_alice: Client, alice: User, tide: Project, xai: Connection):
    shots(tide, alice, xai, "Mist <b>over</b> the tide")
    page = as_alice.get("/found/", {"q": "tide-1"}).content.decode()
    assert 'role="option"' in page
    assert 'href="/p/TIDE/jobs/1/"' in page
    assert "&lt;b&gt;" in page
    assert "<html" not in page


def test_every_page_of_somebody_signed_in_has_the_palette_and_a_button_for_it(as_alice: Client, tide: Project):
    page = as_alice.get("/p/TIDE/").content.decode()
    assert 'id="palette"' in page
    assert page.count("data-palette-open") >= 2  # the sidebar's and the phone's
