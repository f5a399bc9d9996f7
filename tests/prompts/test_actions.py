"""Prompts, versions and labels as people change them."""

from dataclasses import replace

import pytest
from django.db import IntegrityError, transaction

from studio.accounts.actions import CannotDo
from studio.accounts.models import AppendOnly, AuditEvent, User
from studio.projects.models import Project
from studio.prompts import actions
from studio.prompts.actions import Overtaken, Unchanged
from studio.prompts.contents import Content, content_of, problems
from studio.prompts.models import Prompt, PromptLabel, PromptTag, PromptVersion
from tests.prompts.conftest import DOLLY, WritePrompt


def events(action: str) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(action=action))


def test_a_new_prompt_has_one_version_that_says_what_was_written(alice: User, write: WritePrompt):
    prompt = write(tags=["night", "rain", "night"])
    version = prompt.versions.get()
    assert (version.number, version.author, content_of(version)) == (1, alice, DOLLY)
    assert [tag.name for tag in prompt.tags.all()] == ["night", "rain"]


def test_a_change_is_a_new_version_and_the_old_one_stays(dolly: Prompt, bob: User):
    said = replace(DOLLY, text="Fast dolly toward {{subject}}").tidied()
    version = actions.revise(dolly, said, base=1, note="Faster", by=bob)
    assert (version.number, version.note, dolly.latest) == (2, "Faster", 2)
    assert content_of(dolly.versions.get(number=1)) == DOLLY
    assert content_of(version).defaults == {"subject": "a glass bottle"}
    assert content_of(version).choices == {}, "values of variables that are gone go too"


def test_the_second_of_two_who_edit_at_once_is_told_who_was_faster(dolly: Prompt, alice: User, bob: User):
    actions.revise(dolly, Content(text="Bob's"), base=1, note="", by=bob)
    with pytest.raises(Overtaken, match="Bob saved version 2 while you were writing") as news:
        actions.revise(dolly, Content(text="Alice's"), base=1, note="", by=alice)
    assert news.value.newest.text == "Bob's"
    assert dolly.versions.count() == 2


def test_a_second_click_on_save_makes_no_second_version(dolly: Prompt, alice: User):
    first = actions.revise(dolly, Content(text="Mine"), base=1, note="", by=alice)
    assert actions.revise(dolly, Content(text="Mine"), base=1, note="", by=alice) == first
    with pytest.raises(Unchanged):
        actions.revise(dolly, Content(text="Mine"), base=2, note="", by=alice)


def test_an_old_version_comes_back_as_a_new_one(aged: Prompt, bob: User):
    made = actions.restore(aged.versions.get(number=1), base=3, by=bob)
    assert (made.number, made.author, made.note, content_of(made)) == (4, bob, "Version 1 again", DOLLY)


def test_a_version_is_never_changed_nor_deleted(dolly: Prompt):
    version = dolly.versions.get()
    version.text = "Other"
    for forbidden in (
        version.save,
        version.delete,
        PromptVersion.objects.all().delete,
        lambda: PromptVersion.objects.update(text="Other"),
        lambda: PromptVersion.objects.bulk_update([version], ["text"]),
    ):
        with pytest.raises(AppendOnly):
            forbidden()


def test_a_label_moves_from_version_to_version(aged: Prompt, bob: User):
    third = aged.versions.get(number=3)
    assert actions.move_label(third, "production", by=bob)
    assert not actions.move_label(third, "production", by=bob)
    label = PromptLabel.objects.get()
    assert (label.version, label.moved_by) == (third, bob)
    moved = events("prompt.label")[-1]
    assert (moved.before, moved.after) == ({"version": 2}, {"version": 3})
    assert actions.take_label_off(aged, "production", by=bob)
    assert not actions.take_label_off(aged, "production", by=bob)


def test_what_a_person_does_with_their_own_prompts_is_in_no_record(write: WritePrompt, alice: User):
    mine = write(scope="private")
    actions.move_label(mine.versions.get(), "production", by=alice)
    actions.archive(mine, by=alice)
    assert AuditEvent.objects.count() == 0


def test_sharing_and_handing_over_are_in_the_record(write: WritePrompt, tide: Project, alice: User, bob: User):
    prompt = write(scope="private")
    assert actions.share(prompt, scope="project", project=tide, by=alice)
    assert actions.share(prompt, scope="team", project=None, by=alice)
    assert not actions.share(prompt, scope="team", project=None, by=alice)
    assert actions.hand_over(prompt, bob, by=alice)
    assert [(event.before, event.after) for event in events("prompt.shared")] == [
        ({"seen_by": "its author"}, {"seen_by": "TIDE"}),
        ({"seen_by": "TIDE"}, {"seen_by": "the team"}),
    ]
    assert events("prompt.handed_over")[0].after == {"author": bob.email}
    with pytest.raises(CannotDo, match="Only Bob can take it back"):
        actions.share(prompt, scope="private", project=None, by=alice)


def test_nobody_puts_a_prompt_where_they_make_nothing(write: WritePrompt, tide: Project, koi: Project, alice: User, carol: User):
    prompt = write()
    for project, by in ((koi, alice), (tide, carol)):
        with pytest.raises(CannotDo, match="owner or a maker"):
            actions.share(prompt, scope="project", project=project, by=by)
    with pytest.raises(CannotDo):
        actions.start(DOLLY, name="X", by=carol, scope="project", project=tide)


def test_a_prompt_goes_to_nobody_who_could_not_keep_it(write: WritePrompt, tide: Project, alice: User, bob: User, mallory: User):
    with pytest.raises(CannotDo, match="Share it"):
        actions.hand_over(write(scope="private"), bob, by=alice)
    with pytest.raises(CannotDo, match="makes nothing in Tidewater"):
        actions.hand_over(write(scope="project", project=tide), mallory, by=alice)
    bob.is_active = False
    with pytest.raises(CannotDo, match="cannot sign in"):
        actions.hand_over(write(), bob, by=alice)


def test_the_database_keeps_what_must_be_so(dolly: Prompt, tide: Project, alice: User):
    broken = (
        lambda: Prompt.objects.create(name="x", author=alice, scope="project"),
        lambda: Prompt.objects.create(name="x", author=alice, scope="team", project=tide),
        lambda: Prompt.objects.create(name="x", author=alice, scope="everybody"),
        lambda: Prompt.objects.create(name="", author=alice),
        lambda: PromptVersion.objects.create(prompt=dolly, number=1, text="again", author=alice),
        lambda: PromptVersion.objects.create(prompt=dolly, number=0, text="nought", author=alice),
        lambda: PromptVersion.objects.create(prompt=dolly, number=2, text="", author=alice),
        lambda: PromptVersion.objects.create(prompt=dolly, number=2, text="x", duration=0, author=alice),
        lambda: PromptTag.objects.bulk_create([PromptTag(prompt=dolly, name="a"), PromptTag(prompt=dolly, name="a")]),
        lambda: PromptLabel.objects.bulk_create([PromptLabel(prompt=dolly, version=dolly.versions.get(), name="a", moved_by=alice)] * 2),
    )
    for write in broken:
        with pytest.raises(IntegrityError), transaction.atomic():
            write()


@pytest.mark.parametrize(
    ("content", "place", "said"),
    [
        (Content(text="  "), "text", "Write the prompt first."),
        (Content(text="a\x00b"), "text", "no text"),
        (Content(text="\ud800"), "text", "no text"),
        (Content(text="é" * 10_001), "text", "at most 10,000"),
        (Content(text="{{a"), "text", "never closed"),
        (Content(text="{{a}}", defaults={"a": "{{b}}"}), "values", "double braces"),
        (Content(text="{{a}}", defaults={"a": "dawn"}, choices={"a": ["dusk"]}), "values", "none of its choices"),
        (Content(text="{{a}}", choices={"a": [str(n) for n in range(51)]}), "values", "it can have 50"),
        (Content(text="a", aspect_ratio="5:1"), "aspect_ratio", "no aspect ratio"),
        (Content(text="a", resolution="8K"), "resolution", "no resolution"),
        (Content(text="a", duration=0), "duration", "whole number of seconds"),
    ],
)
def test_what_cannot_be_kept_is_said_at_its_field(content: Content, place: str, said: str):
    assert said in problems(content.tidied())[place][0]


@pytest.mark.django_db(transaction=True)
def test_two_who_save_at_the_same_moment_get_two_numbers_or_one_is_told(dolly: Prompt, alice: User, bob: User):
    from threading import Barrier, Thread

    from django.db import connection

    start = Barrier(2)
    told: list[object] = []

    def save(person: User) -> None:
        start.wait()
        try:
            told.append(actions.revise(dolly, Content(text=f"{person}'s"), base=1, note="", by=person).number)
        except Overtaken as news:
            told.append(str(news.newest.author))
        finally:
            connection.close()

    threads = [Thread(target=save, args=(person,)) for person in (alice, bob)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(map(str, told))[0] == "2"
    assert sorted(map(str, told))[1] in {"Alice", "Bob"}
    assert PromptVersion.objects.filter(prompt=dolly).count() == 2
