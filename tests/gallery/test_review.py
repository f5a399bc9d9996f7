"""The review queue: what waits for whom, one at a time, while others decide too."""

import re
from datetime import timedelta
from http import HTTPStatus

import pytest
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from studio.accounts.models import User
from studio.gallery.decisions import decide
from studio.gallery.models import Decision, ProjectDecision, Verdict
from studio.gallery.review import passes_of, waiting
from studio.gallery.wall import hung
from studio.jobs.models import Clip
from studio.projects.door import Pass
from studio.projects.models import Membership, Project
from tests.conftest import signed_in
from tests.gallery.conftest import MakeClip

HTMX = {"HX-Request": "true"}
QUEUE = reverse("project_review", args=["TIDE"])


def asked(page: str) -> str:
    """The key of the clip that the page asks about; "" at the end."""
    found = re.search(r'id="card-([0-9a-f-]{36})"', page)
    return found[1] if found else ""


def look(person: User, address: str = QUEUE, **query: str) -> str:
    return signed_in(person).get(address, query).content.decode()


def press(person: User, clip: Clip, **data: str) -> str:
    page: str = signed_in(person).post(reverse("clip_review", args=[clip.job.project.code, clip.pk]), data, headers=HTMX).content.decode()
    return page


def of_project(clip: Clip) -> str:
    row = ProjectDecision.objects.filter(clip=clip).first()
    return row.verdict if row else ""


@pytest.fixture
def three(make_clip: MakeClip) -> list[Clip]:
    """Three clips, oldest first."""
    return [make_clip() for _ in range(3)]


def test_the_oldest_is_asked_first_and_each_press_brings_the_next(bob: User, three: list[Clip]):
    page = look(bob)
    seen = []
    for verdict in ("pick", "maybe", "reject"):
        seen.append(asked(page))
        page = press(bob, Clip.objects.get(pk=seen[-1]), verdict=verdict)

    assert seen == [str(clip.pk) for clip in three]
    assert [of_project(clip) for clip in three] == ["pick", "maybe", "reject"]
    assert "Nothing is left to decide." in page
    assert asked(page) == ""


def test_the_next_clip_is_fetched_along_and_what_is_left_is_counted(bob: User, three: list[Clip]):
    page = look(bob)

    assert "3 left" in page
    assert f'id="next-{three[1].pk}"' in page
    assert reverse("clip_video", args=["TIDE", three[1].pk]) in page
    assert str(three[2].pk) not in page


def test_a_maker_is_asked_what_they_think_once_and_not_about_what_is_decided(alice: User, bob: User, tide: Project, three: list[Clip]):
    decide(three[0], Verdict.PICK, entry=Pass(bob, tide, "owner"))

    page = press(alice, three[1], verdict="reject")

    assert asked(page) == str(three[2].pk)
    assert "1 left" in page
    assert "You would reject TIDE-002." in page
    assert of_project(three[1]) == ""
    assert asked(look(alice)) == str(three[2].pk)
    assert asked(look(bob)) == str(three[1].pk)


def test_who_only_looks_has_no_queue(carol: User, mallory: User, three: list[Clip]):
    assert signed_in(carol).get(QUEUE).status_code == HTTPStatus.FORBIDDEN
    assert signed_in(mallory).get(QUEUE).status_code == HTTPStatus.NOT_FOUND
    assert "Nothing is left to decide." in look(carol, reverse("all_review"))


# others, at the same time


def test_what_somebody_else_decided_meanwhile_is_not_asked(bob: User, carol: User, tide: Project, three: list[Clip]):
    assert asked(look(bob)) == str(three[0].pk)
    decide(three[1], Verdict.PICK, entry=Pass(carol, tide, "reviewer"))

    assert asked(press(bob, three[0], verdict="pick")) == str(three[2].pk)


def test_what_somebody_else_decided_in_between_stays_and_is_said(bob: User, carol: User, tide: Project, three: list[Clip]):
    decide(three[0], Verdict.PICK, entry=Pass(carol, tide, "reviewer"))

    page = press(bob, three[0], verdict="reject")

    assert of_project(three[0]) == "pick"
    assert not Decision.objects.filter(person=bob).exists()
    assert "Carol decided in between: TIDE-001 is picked. Nothing was changed." in page
    assert asked(page) == str(three[1].pk)


def test_pressing_twice_is_pressing_once(bob: User, three: list[Clip]):
    first, second = (press(bob, three[0], verdict="pick") for _ in range(2))

    assert asked(first) == asked(second) == str(three[1].pk)
    assert Decision.objects.count() == 1


# back, later, and the end


def test_undo_asks_again(bob: User, three: list[Clip]):
    words = re.search(r'name="undo" value="([^"]+)"', press(bob, three[0], verdict="reject"))
    assert words

    page = press(bob, three[0], undo=words[1])

    assert of_project(three[0]) == ""
    assert asked(page) == str(three[0].pk)
    assert "Undone. TIDE-001 is as it was." in page
    assert 'name="undo"' not in page


@pytest.mark.parametrize("data", [{}, {"verdict": "x"}, {"verdict": "pick", "undo": "x"}])
def test_a_press_that_says_nothing_asks_again(bob: User, three: list[Clip], data: dict[str, str]):
    page = press(bob, three[0], **data)

    assert asked(page) == str(three[0].pk)
    assert "Say pick, maybe or reject." in page
    assert not Decision.objects.exists()


def test_what_was_passed_over_is_offered_again_at_the_end(bob: User, three: list[Clip]):
    page = look(bob)
    for clip in three:
        assert asked(page) == str(clip.pk)
        later = re.search(r'href="/p/TIDE/review/\?after=([^"]+)"', page)
        assert later
        page = look(bob, after=later[1])

    assert "You passed over 3." in page
    assert signed_in(bob).get(QUEUE, {"after": "nonsense"}).status_code == HTTPStatus.NOT_FOUND


def test_clips_of_one_moment_are_each_asked_once(bob: User, three: list[Clip]):
    Clip.objects.update(saved_at=timezone.now())
    page, seen = look(bob), set()
    while key := asked(page):
        seen.add(key)
        page = press(bob, Clip.objects.get(pk=key), verdict="maybe")

    assert seen == {str(clip.pk) for clip in three}
    assert "Nothing is left" in page


def test_without_scripts_a_press_leads_on_too(bob: User, three: list[Clip]):
    answer = signed_in(bob).post(reverse("clip_review", args=["TIDE", three[0].pk]), {"verdict": "pick"}, follow=True)

    assert asked(answer.content.decode()) == str(three[1].pk)
    assert "TIDE-001 is picked." in answer.content.decode()


# across projects


def test_the_queue_of_all_projects_asks_in_each_as_the_person_may(bob: User, alice: User, mallory: User, koi: Project, make_clip: MakeClip):
    Membership.objects.create(project=koi, user=bob, role="viewer")
    fern = Project.objects.create(code="FERN", name="Fern", created_by=bob)
    fern.memberships.create(user=bob, role="maker")
    looked_at, mine, thought = make_clip(project=koi), make_clip(), make_clip(project=fern)
    gone = Project.objects.create(code="GONE", name="Gone", created_by=bob, archived_at=timezone.now())
    gone.memberships.create(user=bob, role="owner")
    make_clip(project=gone)

    page = look(bob, reverse("all_review"))
    assert asked(page) == str(mine.pk)
    assert "2 left" in page
    page = press(bob, mine, verdict="pick", all="1")
    assert asked(page) == str(thought.pk)
    assert "in Fern" in page
    assert f'action="{reverse("clip_review", args=["FERN", thought.pk])}"' in page
    page = press(bob, thought, verdict="pick", all="1")

    assert "Nothing is left" in page
    assert [of_project(clip) for clip in (mine, thought, looked_at)] == ["pick", "", ""]


def test_an_admin_reviews_everything(ada: User, make_clip: MakeClip, koi: Project):
    clips = {make_clip(), make_clip(project=koi)}

    assert set(hung(waiting(ada, passes_of(ada), None, count=100))) == clips


def test_a_long_queue_costs_as_much_as_a_short_one(
    alice: User, bob: User, tide: Project, make_clip: MakeClip, django_assert_max_num_queries: DjangoAssertNumQueries
):
    clips = [make_clip(age=timedelta(days=number)) for number in range(12)]
    for clip in clips[3:]:
        decide(clip, Verdict.MAYBE, entry=Pass(bob, tide, "owner"))
    browser = signed_in(alice)

    for address in (QUEUE, reverse("all_review")):
        with django_assert_max_num_queries(11):
            browser.get(address)
