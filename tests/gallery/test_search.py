"""Finding clips by words: what is found, that it stays right when things change, and that nothing that is typed can break it."""

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from studio.accounts.models import User
from studio.gallery import search
from studio.gallery.hanging import Hanging
from studio.jobs.models import Clip, Job
from studio.projects.models import Project
from tests.conftest import signed_in
from tests.gallery.conftest import MakeClip
from tests.gallery.test_views import tiles

PROMPTS = {
    "dolly": "Slow dolly toward the glass bottle",
    "cafe": "Ångström café at dawn, O'Hara style: 35mm",
    "koi": "Koi in black water, лодка у причала",
    "istanbul": "İstanbul, GROẞE Straße, naïve",
}


@pytest.fixture
def clips(make_clip: MakeClip) -> dict[str, str]:
    return {name: str(make_clip(prompt=prompt).pk) for name, prompt in PROMPTS.items()}


def found(browser: Client, typed: str, **more: str) -> set[str]:
    answer = browser.get(reverse("gallery", args=["TIDE"]), {"q": typed, **more})
    assert answer.status_code == 200
    return set(tiles(answer.content.decode()))


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("dolly", {"dolly"}),
        ("DOLLY slow", {"dolly"}),
        ("slow bot", {"dolly"}),
        ("bot slow", set()),  # only the last word may be the beginning of one
        ("angstrom", {"cafe"}),
        ("Ångström", {"cafe"}),
        ("CAFÉ", {"cafe"}),
        ("cafe\u0301", {"cafe"}),
        ("o'hara", {"cafe"}),
        ("35mm.", {"cafe"}),
        ("лодка", {"koi"}),
        ("ЛОД", {"koi"}),
        ("istanbul", {"istanbul"}),
        ("naive", {"istanbul"}),
        ("TIDE-001", {"dolly"}),
        ("tide-2", {"cafe"}),
        ("tide-002b", {"cafe"}),
        ("tide", set()),  # the project's code is no word of its clips
        ("dolly koi", set()),
        ("  ", set(PROMPTS)),
        ("\"'*():&|!", set()),  # nothing can be searched for: the page says so
        ("dolly OR koi", set()),
        ("NOT dolly", set()),
        ("said:dolly", set()),
        ("glass AND", set()),
    ],
)
def test_words_find_the_clips_in_which_all_of_them_stand(as_alice: Client, clips: dict[str, str], typed: str, names: set[str]):
    assert found(as_alice, typed) == {clips[name] for name in names}


def test_a_search_says_what_it_looked_for_when_nothing_is_there(as_alice: Client, clips: dict[str, str]):
    page = as_alice.get(reverse("gallery", args=["TIDE"]), {"q": "zebra <b>", "ratio": "9:16"}).content.decode()

    assert "Nothing matches." in page
    assert "“zebra &lt;b&gt;”" in page
    assert 'aria-label="Without 9:16"' in page
    assert f'href="{reverse("gallery", args=["TIDE"])}?q=zebra+%3Cb%3E"' in page


def test_punctuation_finds_nothing_and_the_page_says_why(as_alice: Client, clips: dict[str, str]):
    answer = as_alice.get(reverse("gallery", args=["TIDE"]), {"q": "-- …!"})

    assert tiles(answer.content.decode()) == []
    assert "“<bdi>-- …!</bdi>” is only punctuation." in answer.content.decode()


@pytest.mark.parametrize(
    ("typed", "is_found"), [("🎬", True), ("🎥", False), ("橘猫", True), ("雨中", True), ("只橘", True), ("橘猫奔跑", False), ("猫在", True)]
)
def test_signs_and_scripts_without_spaces_are_found_anywhere(as_alice: Client, make_clip: MakeClip, typed: str, is_found: bool):
    make_clip(prompt="Slow dolly")
    clip = make_clip(prompt="🎬 一只橘猫在雨中奔跑，电影感")

    assert found(as_alice, typed) == ({str(clip.pk)} if is_found else set())


def test_a_run_whose_parts_stand_apart_is_not_found(as_alice: Client, make_clip: MakeClip):
    clip = make_clip(prompt="橘猫在家，猫在雨中")

    assert found(as_alice, "橘猫在雨中") == set()
    assert found(as_alice, "猫在雨中") == {str(clip.pk)}


def test_no_word_finds_the_clips_of_another_project(as_alice: Client, mallory: User, koi: Project, make_clip: MakeClip):
    make_clip(project=koi, prompt="A secret lantern")

    assert found(as_alice, "lantern") == set()
    assert found(as_alice, f"lantern {search.PROJECT}{koi.pk}") == set()
    assert tiles(as_alice.get(reverse("gallery_all"), {"q": "lantern"}).content.decode()) == []
    assert len(tiles(signed_in(mallory).get(reverse("gallery_all"), {"q": "lantern"}).content.decode())) == 1


def test_a_prompt_that_names_a_project_by_its_hidden_word_is_not_found_there(as_alice: Client, tide: Project, koi: Project, make_clip: MakeClip):
    make_clip(project=koi, prompt=f"Trick {search.PROJECT}{tide.pk} /{tide.pk}")

    assert found(as_alice, "trick") == set()


def test_the_words_follow_what_is_changed_and_removed(as_alice: Client, make_clip: MakeClip):
    clip = make_clip(prompt="A lighthouse")
    Job.objects.filter(pk=clip.job_id).update(prompt="A windmill")
    assert found(as_alice, "lighthouse") == set()
    assert found(as_alice, "windmill") == {str(clip.pk)}

    Clip.objects.filter(pk=clip.pk).update(saved_at=None)
    assert found(as_alice, "windmill") == set()


def test_what_people_say_is_found_until_they_take_it_back(as_alice: Client, make_clip: MakeClip):
    clip = make_clip(prompt="A lighthouse")

    search.refresh(clip.pk, ["Hero shot", "Too dark in the léft corner"])
    assert found(as_alice, "hero dark left") == {str(clip.pk)}
    assert found(as_alice, "lighthouse corner") == {str(clip.pk)}

    search.refresh(clip.pk, ["Hero shot"])
    assert found(as_alice, "dark") == set()
    search.refresh(clip.pk, ["x" * 3_000 + " word" * 40_000])
    assert found(as_alice, "word") == {str(clip.pk)}


def test_words_narrow_beside_the_other_filters_and_go_on_below(as_alice: Client, make_clip: MakeClip, bob: User):
    mine, his = make_clip(prompt="A lighthouse"), make_clip(prompt="A lighthouse", author=bob)

    assert found(as_alice, "light", by=str(bob.pk)) == {str(his.pk)}
    assert found(as_alice, "light", by=str(mine.job.author_id)) == {str(mine.pk)}
    assert found(as_alice, "light", before=f"{his.hanging.place}~{his.hanging.place}") == {str(mine.pk)}
    assert found(as_alice, "light", sort="cost") == {str(mine.pk), str(his.pk)}


@pytest.fixture
def one(make_clip: MakeClip) -> Clip:
    return make_clip(prompt="Ein Fährmann, 1920, (alt) & 'neu'")


@given(typed=st.text(max_size=40) | st.text(alphabet="\"'*():&|!<->^~\\/%_ AND NEAR\ue000\u0301ßİ½ﷺ\u202e0a", max_size=30))
def test_nothing_that_is_typed_breaks_the_search(one: Clip, typed: str):
    with transaction.atomic():
        list(search.found(Hanging.objects.all(), typed, [one.project_id]))


@given(prompt=st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=80))
def test_no_prompt_breaks_what_is_searched_and_each_of_its_plain_words_finds_it(one: Clip, prompt: str):
    with transaction.atomic():
        Job.objects.filter(pk=one.job_id).update(prompt=f"{prompt} zebra")
        assert search.found(Hanging.objects.all(), "zebra", [one.project_id]).exists()
        for word in prompt.split():
            if word.isascii() and word.isalnum():
                assert search.found(Hanging.objects.all(), word, [one.project_id]).exists()
        transaction.set_rollback(True)


def test_the_index_is_whole(make_clip: MakeClip):
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL keeps its own index whole")
    clip = make_clip()
    search.refresh(clip.pk, ["once"])
    search.refresh(clip.pk, ["twice"])
    clip.delete()
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO gallery_words(gallery_words) VALUES ('integrity-check')")
        cursor.execute("SELECT count(*) FROM gallery_words WHERE gallery_words MATCH 'twice OR once OR slow'")
        assert cursor.fetchone() == (0,)
