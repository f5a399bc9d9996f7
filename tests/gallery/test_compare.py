"""Comparing two to four clips: which ones, what is marked as different, and that it costs the same."""

from http import HTTPStatus

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from studio.accounts.models import User
from studio.gallery.compare import changes, keys_of, rows, words
from studio.jobs.models import Clip, Job
from studio.projects.models import Project
from tests.conftest import signed_in
from tests.gallery.conftest import MakeClip

COMPARE = reverse("clips_compare", args=["TIDE"])


def ask(browser: Client, *clips: Clip, **more: str):
    return browser.get(COMPARE, {"clips": ",".join(str(clip.pk) for clip in clips), **more})


@pytest.mark.parametrize("number", [2, 3, 4])
def test_two_to_four_clips_stand_beside_each_other_in_the_order_that_was_asked(as_alice: Client, make_clip: MakeClip, number: int):
    clips = [make_clip() for _ in range(number)]

    answer = ask(as_alice, *reversed(clips))
    page = answer.content.decode()

    assert answer.status_code == HTTPStatus.OK
    assert page.count("data-pane=") == number
    places = [page.index(f'id="pane-{clip.pk}"') for clip in reversed(clips)]
    assert places == sorted(places)


def test_a_form_may_name_them_one_by_one_and_twice_is_once(as_alice: Client, make_clip: MakeClip):
    one, two = make_clip(), make_clip()

    page = as_alice.get(COMPARE, {"clips": [str(one.pk), str(two.pk), str(one.pk)]}).content.decode()

    assert page.count("data-pane=") == 2


@pytest.mark.parametrize(
    ("number", "status", "told"), [(0, 200, "Choose two to four"), (1, 200, "Choose two to four"), (5, 400, "5 clips are too many")]
)
def test_fewer_or_more_are_asked_which(as_alice: Client, make_clip: MakeClip, number: int, status: int, told: str):
    clips = [make_clip() for _ in range(6)]

    answer = ask(as_alice, *clips[:number])
    page = answer.content.decode()

    assert answer.status_code == status
    assert told in page
    assert page.count('" checked>') == number
    assert page.count('name="clips"') == 6


def test_what_is_not_of_this_project_is_not_found(as_alice: Client, make_clip: MakeClip, koi: Project, mallory: User):
    mine, theirs, unsaved = make_clip(), make_clip(project=koi), make_clip(saved=False)

    assert ask(as_alice, mine, theirs).status_code == HTTPStatus.NOT_FOUND
    assert ask(as_alice, mine, unsaved).status_code == HTTPStatus.NOT_FOUND
    assert as_alice.get(COMPARE, {"clips": f"{mine.pk},x"}).status_code == HTTPStatus.NOT_FOUND
    assert ask(signed_in(mallory), mine, mine).status_code == HTTPStatus.NOT_FOUND


def test_what_differs_is_marked_and_what_is_the_same_is_not(make_clip: MakeClip):
    one, two = make_clip(prompt="A lighthouse at dusk"), make_clip(prompt="A lighthouse at dawn")
    Job.objects.filter(pk=two.job_id).update(duration=6, charged=20_500, charge_is_estimate=True)
    two.job.refresh_from_db()

    told = {row.what: (row.differs, [value.text for value in row.values]) for row in rows([one, two])}

    assert told["Duration"] == (True, ["8 s", "6 s"])
    assert told["Price"] == (True, ["38 credits", "about 20.5 credits"])
    assert told["Resolution"] == (False, ["720p", "720p"])
    assert "Sound" not in told
    assert [fact.what for fact in changes(one, two)] == ["Prompt", "Duration"]
    assert [(part.kind, part.text) for part in words([one, two])[0].parts][-2:] == [("taken", "dusk"), ("added", "dawn")]
    assert words([one, one])[0].parts == []


def test_each_pane_decides_and_gets_its_own_part_back(bob: User, make_clip: MakeClip):
    one, two = make_clip(), make_clip()
    browser = signed_in(bob)
    part = browser.post(reverse("clip_decide", args=["TIDE", two.pk]), {"verdict": "pick", "place": "pane"}, headers={"HX-Request": "true"})

    assert part.content.decode().strip().startswith(f'<div class="pane__decide" id="decide-{two.pk}"')
    assert '"place": "pane"' in part.headers["HX-Trigger"]
    page = ask(browser, one, two).content.decode()
    assert page.count('aria-pressed="true" aria-label="Pick TIDE-002"') == 1
    assert "Picked by <bdi>Bob</bdi>" in page


def test_who_only_looks_sees_no_buttons(carol: User, make_clip: MakeClip):
    page = ask(signed_in(carol), make_clip(), make_clip()).content.decode()

    assert "data-verdict" not in page


def test_four_clips_cost_as_much_as_two(as_alice: Client, make_clip: MakeClip, django_assert_max_num_queries: DjangoAssertNumQueries):
    clips = [make_clip() for _ in range(4)]
    ask(as_alice, *clips[:2])  # what is made on the first visit

    for number in (2, 4):
        with django_assert_max_num_queries(12):
            ask(as_alice, *clips[:number])


def test_the_keys_of_an_address():
    key = "00000000-0000-4000-8000-000000000001"

    assert [str(one) for one in keys_of([f"{key}, {key}", ""]) or []] == [key]
    assert keys_of([]) == []
    assert keys_of([f"{key},nonsense"]) is None
