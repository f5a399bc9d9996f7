"""What was typed and not ordered yet: kept for each person and project, never replaced silently, emptied when it is ordered."""

from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.http import QueryDict
from django.test import Client

from studio.accounts.models import User
from studio.credits import ledger
from studio.jobs import drafts
from studio.jobs.models import Draft, Job, Reference
from studio.projects.door import Pass
from studio.projects.models import Project
from studio.prompts import actions
from studio.prompts.contents import Content
from studio.routing.models import Connection
from tests.conftest import signed_in
from tests.jobs.rows import HTMX, form, job_row
from tests.jobs.test_at_once import at_once

ODD = "شاطئ أسود، ضوء المساء 🏖️👩‍👩‍👧 — “quoted” & <b>bold</b>\nsecond line"


@pytest.fixture
def entry(alice: User, tide: Project) -> Pass:
    return Pass(alice, tide, "maker")


def typed(**fields: object) -> QueryDict:
    query = QueryDict(mutable=True)
    for name, value in fields.items():
        query.setlist(name, list(map(str, value)) if isinstance(value, list) else [str(value)])
    return query


def save(browser: Client, prompt: str, seen: int, **fields: object) -> Any:
    return browser.post("/p/TIDE/draft/", {"prompt": prompt, "draft_version": seen, **fields})


def shown(browser: Client, address: str = "/p/TIDE/") -> Any:
    return browser.get(address).context["composer"]


def test_a_draft_comes_back_on_another_device_with_its_choices_and_pictures(as_alice: Client, alice: User, tide: Project, xai: Connection):
    picture = Reference.objects.create(project=tide, owner=alice, file="references/a.png")
    kept = save(as_alice, ODD, 0, references=[str(picture.pk)], duration="5", aspect_ratio="9:16", connection=str(xai.pk))
    assert (kept.status_code, kept.json()) == (200, {"version": 1})
    as_alice.logout()
    elsewhere = shown(signed_in(alice))
    assert (elsewhere.wanted.prompt, elsewhere.draft) == (ODD, 1)
    assert elsewhere.wanted.references == (picture,)
    assert (elsewhere.wanted.duration, elsewhere.wanted.aspect_ratio, elsewhere.wanted.connection) == (5, "9:16", xai.pk)


def test_five_thousand_characters_lose_nothing_and_are_refused_with_a_sentence(as_alice: Client, alice: User, tide: Project, xai: Connection):
    ledger.grant(alice, 1_000_000, key="k", reason="r", actor=None)
    long = ("Tide 🌊 مد " * 500)[:5_000]
    save(as_alice, long, 0)
    assert shown(as_alice).wanted.prompt == long
    answer = as_alice.post("/p/TIDE/jobs/", form(xai, prompt=long, draft_version=1), headers=HTMX)
    assert answer.status_code == 422
    assert "4,096" in answer.content.decode()
    assert answer.context["composer"].wanted.prompt == long
    assert shown(as_alice).wanted.prompt == long


def test_a_page_that_saw_an_older_text_replaces_nothing_and_is_told(as_alice: Client, tide: Project):
    save(as_alice, "first", 0)
    save(as_alice, "second, from another tab " + "x" * 90, 1)
    answer = save(as_alice, "first, gone on", 1)
    assert answer.status_code == 409
    assert (answer.json()["version"], answer.json()["begins"][:25]) == (2, "second, from another tab ")
    assert answer.json()["begins"].endswith("…")
    assert "second" in shown(as_alice).wanted.prompt
    assert save(as_alice, "first, gone on", 2).json() == {"version": 3}  # its person decided


def test_the_same_text_from_two_tabs_is_no_quarrel_and_an_empty_one_is_nobodys_loss(as_alice: Client, tide: Project):
    save(as_alice, "words", 0)
    assert save(as_alice, "words", 0).json() == {"version": 1}
    assert save(as_alice, "", 1).json() == {"version": 2}
    assert save(as_alice, "from an older tab", 0).json() == {"version": 3}


def test_an_empty_composer_makes_no_row(as_alice: Client, tide: Project):
    assert save(as_alice, "", 0).json() == {"version": 0}
    assert not Draft.objects.exists()


def test_a_draft_is_emptied_when_it_is_ordered(as_alice: Client, alice: User, tide: Project, xai: Connection):
    ledger.grant(alice, 1_000_000, key="k", reason="r", actor=None)
    save(as_alice, "A lighthouse in", 0)
    answer = as_alice.post("/p/TIDE/jobs/", form(xai, prompt="A lighthouse in fog", draft_version=1), headers=HTMX)
    assert Job.objects.get().prompt == "A lighthouse in fog"
    assert (answer.context["composer"].draft, shown(as_alice).wanted.prompt, shown(as_alice).draft) == (2, "", 2)


def test_a_newer_text_of_another_tab_survives_the_order_of_an_older_one(as_alice: Client, alice: User, tide: Project, xai: Connection):
    ledger.grant(alice, 1_000_000, key="k", reason="r", actor=None)
    save(as_alice, "one", 0)
    save(as_alice, "two", 1)
    as_alice.post("/p/TIDE/jobs/", form(xai, prompt="one", draft_version=1), headers=HTMX)
    assert shown(as_alice).wanted.prompt == "two"


def test_a_draft_is_its_persons_and_its_projects_alone(as_alice: Client, alice: User, bob: User, carol: User, tide: Project, xai: Connection):
    other = Project.objects.create(code="ELSE", name="Elsewhere", created_by=alice)
    save(as_alice, "mine", 0)
    assert shown(signed_in(bob)).wanted.prompt == ""
    assert signed_in(carol).post("/p/TIDE/draft/", {"prompt": "x"}).status_code == 403
    assert drafts.read(Pass(alice, other, "owner")) is None


def test_what_is_written_about_a_clip_is_a_draft_of_its_own(as_alice: Client, alice: User, tide: Project, xai: Connection):
    clip = job_row(tide, alice, xai).clips.get()
    save(as_alice, "a new one", 0)
    assert save(as_alice, "make it night", 0, operation="edit", source=str(clip.pk)).json() == {"version": 1}
    assert shown(as_alice).wanted.prompt == "a new one"
    edit = shown(as_alice, f"/p/TIDE/?edit={clip.pk}")
    assert (edit.wanted.prompt, edit.wanted.source, edit.draft) == ("make it night", clip, 1)


def test_a_brief_that_the_address_names_comes_before_the_draft(as_alice: Client, alice: User, tide: Project, xai: Connection):
    job = job_row(tide, alice, xai)
    save(as_alice, "a draft", 0)
    again = shown(as_alice, "/p/TIDE/?again=1")
    assert (again.wanted.prompt, again.draft, again.put_aside) == (job.prompt, 1, "a draft")


def test_a_picture_that_left_the_project_leaves_the_draft(as_alice: Client, tide: Project):
    save(as_alice, "with a picture", 0, references=[str(uuid4()), "no id"])
    assert shown(as_alice).wanted.references == ()


def test_what_is_too_long_for_a_draft_is_said_and_replaces_nothing(as_alice: Client, tide: Project):
    save(as_alice, "short", 0)
    answer = save(as_alice, "x" * drafts.LONGEST, 1)
    assert (answer.status_code, "still here" in answer.json()["why"]) == (422, True)
    assert shown(as_alice).wanted.prompt == "short"


def test_nul_is_left_out(entry: Pass):
    drafts.keep(entry, typed(prompt="a\x00b\r\nc"), seen=0)
    assert drafts.prompt_of(Draft.objects.get()) == "ab\nc"


def test_keeping_costs_few_queries(as_alice, tide, django_assert_max_num_queries):
    save(as_alice, "one", 0)
    with django_assert_max_num_queries(8):
        save(as_alice, "two", 1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seen", [0, 1])
def test_of_many_tabs_that_keep_at_once_one_wins_and_the_others_are_told(seen: int, alice: User, tide: Project):
    entry = Pass(alice, tide, "maker")
    if seen:
        drafts.keep(entry, typed(prompt="before"), seen=0)
    found = at_once([partial(drafts.keep, entry, typed(prompt=f"tab {tab}"), seen=seen) for tab in range(6)])
    assert len([kept for kept in found if kept.newer is None]) == 1
    assert Draft.objects.get().version == seen + 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seen", [0, 1])
def test_of_the_same_words_sent_by_the_page_that_was_left_and_the_next_neither_is_told_of_the_other(seen: int, alice: User, tide: Project):
    entry = Pass(alice, tide, "maker")
    if seen:
        drafts.keep(entry, typed(prompt="before"), seen=0)
    kept = at_once([partial(drafts.keep, entry, typed(prompt="typed and left"), seen=seen)] * 4)
    assert {one.newer for one in kept} == {None}
    assert {one.version for one in kept} == {seen + 1}


def test_a_library_text_that_was_asked_for_takes_the_drafts_place_and_shows_its_words(as_alice: Client, alice: User, tide: Project, xai: Connection):
    save(as_alice, "Half a thought", 0)
    prompt = actions.start(Content(text="A {{bird}} over the harbour").tidied(), name="Harbour", by=alice, scope="private")
    begun = shown(as_alice, f"/p/TIDE/?prompt={prompt.pk}")
    assert (begun.wanted.prompt, begun.put_aside, begun.draft) == ("A {{bird}} over the harbour", "Half a thought", 1)
    assert (shown(as_alice).wanted.prompt, shown(as_alice).put_aside) == ("Half a thought", "")
