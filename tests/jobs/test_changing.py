"""Editing and extending a clip: how the composer comes to it, what it shows then, and what is ordered."""

from uuid import uuid4

import pytest
from django.test import Client

from studio.accounts.models import User
from studio.jobs.composing import compose
from studio.jobs.lifecycle import State
from studio.jobs.models import Attempt, Clip, Job
from studio.jobs.wanted import Wanted, of_clip
from studio.projects.door import Pass
from studio.projects.models import Project
from studio.providers.contract import Operation
from studio.routing.models import Connection
from tests.conftest import signed_in
from tests.jobs.rows import BRIEF, HTMX, clip_row, form, job_row, sure


@pytest.fixture
def entry(alice: User, tide: Project) -> Pass:
    return Pass(alice, tide, "maker")


@pytest.fixture
def clip(alice: User, tide: Project, xai: Connection) -> Clip:
    return Clip.objects.select_related("job__project").get(job=job_row(tide, alice, xai))


def test_a_clip_opens_the_composer_to_be_edited_or_extended_by_makers_alone(as_alice: Client, carol: User, clip: Clip):
    room = as_alice.get(f"/p/TIDE/clips/{clip.pk}/").content.decode()
    for operation, word in (("edit", "Edits"), ("extend", "Extends")):
        address = f"/p/TIDE/?{operation}={clip.pk}"
        assert f'href="{address}#composer"' in room
        page = as_alice.get(address).content.decode()
        assert f'name="operation" value="{operation}"' in page
        assert f'name="source" value="{clip.pk}"' in page
        assert word in page
    assert "?edit=" not in signed_in(carol).get(f"/p/TIDE/clips/{clip.pk}/").content.decode()


def test_an_edit_has_neither_ratio_nor_size_nor_length(entry: Pass, xai: Connection, clip: Clip):
    shown = compose(entry, Wanted(connection=xai.pk, operation=Operation.EDIT, source=clip))
    assert (shown.aspect_ratios, shown.resolutions, shown.durations, shown.modes) == ([], [], [], [])
    assert not shown.offers_silence
    assert shown.errors == {}
    assert shown.routes[0].text == "edits clips up to 8.7 s"


def test_an_extension_asks_for_the_seconds_that_it_adds(entry: Pass, xai: Connection, clip: Clip):
    shown = compose(entry, Wanted(connection=xai.pk, operation=Operation.EXTEND, source=clip, duration=6))
    assert [choice.label for choice in shown.durations] == [f"{seconds} s more" for seconds in range(2, 11)]
    assert [choice.value for choice in shown.durations if choice.chosen] == ["6"]
    assert shown.routes[0].text == "adds 2 to 10 s to clips of 2 to 15 s"


def test_who_cannot_change_clips_says_so(entry: Pass, clip: Clip):
    grok = Connection.objects.create(provider="grokimagine", label="Grok", sandbox=True)
    shown = compose(entry, Wanted(connection=grok.pk, operation=Operation.EXTEND, source=clip))
    assert "does not extend clips" in shown.errors["operation"][0]
    assert "does not extend clips" in next(route.text for route in shown.routes if route.option.connection == grok)


def test_a_clip_of_a_length_that_is_not_taken_is_named(entry: Pass, xai: Connection, clip: Clip):
    clip.milliseconds = 12_000
    shown = compose(entry, Wanted(connection=xai.pk, operation=Operation.EDIT, source=clip))
    assert shown.errors["source"] == ["Grok Imagine edits clips up to 8.7 s; this one has 12 s."]


def test_it_begins_where_the_clip_was_made_if_that_can_change_it_and_else_where_it_can_be_done(entry: Pass, xai: Connection, clip: Clip):
    assert sure(of_clip(entry, Operation.EXTEND, str(clip.pk))).connection == xai.pk
    grok = Connection.objects.create(provider="grokimagine", label="Grok", sandbox=True)
    Job.objects.update(connection=grok)
    wanted = sure(of_clip(entry, Operation.EXTEND, str(clip.pk)))
    assert wanted.connection == 0
    assert sure(compose(entry, wanted).chosen).connection == xai
    assert of_clip(entry, Operation.EDIT, "nonsense") is None


def test_an_extension_is_ordered_with_its_clip(as_alice: Client, funded: User, tide: Project, xai: Connection, clip: Clip):
    answer = as_alice.post("/p/TIDE/jobs/", form(xai, operation="extend", source=str(clip.pk), duration="6"), headers=HTMX)
    assert answer.status_code == 200
    job = Job.objects.get(number=2)
    assert (job.operation, job.source, job.duration, job.aspect_ratio) == ("extend", clip, 6, "")
    assert "6 s more of TIDE-001" in answer.content.decode()
    page = as_alice.get("/p/TIDE/jobs/2/").content.decode()
    assert "Extends</dt>" in page
    assert f'href="/p/TIDE/clips/{clip.pk}/"' in page


def test_an_edit_put_back_is_an_edit_again(as_alice: Client, funded: User, tide: Project, xai: Connection, clip: Clip):
    as_alice.post("/p/TIDE/jobs/", form(xai, operation="edit", source=str(clip.pk)), headers=HTMX)
    text = as_alice.get("/p/TIDE/composer/?again=2").content.decode()
    assert 'name="operation" value="edit"' in text
    assert f'name="source" value="{clip.pk}"' in text
    assert "Edit of TIDE-001" in as_alice.get("/p/TIDE/").content.decode()


@pytest.mark.parametrize("which", ["foreign", "unsaved", "unknown"])
def test_a_clip_that_is_not_here_never_becomes_an_order_for_a_new_one(
    which, as_alice: Client, funded: User, tide: Project, xai: Connection, bob: User
):
    koi = job_row(Project.objects.create(code="KOI", name="Koi", created_by=bob), bob, xai)
    mine = job_row(tide, funded, xai, clips=0)
    unsaved = clip_row(mine, Attempt.objects.get(job=mine), 0)
    Clip.objects.filter(pk=unsaved.pk).update(saved_at=None)
    key = {"foreign": koi.clips.get().pk, "unsaved": unsaved.pk, "unknown": uuid4()}[which]
    answer = as_alice.post("/p/TIDE/jobs/", form(xai, operation="edit", source=str(key)), headers=HTMX)
    assert answer.status_code == 422
    assert "The clip to change is not here any more." in answer.content.decode()
    assert Job.objects.filter(state=State.QUEUED).count() == 0
    assert 'name="operation"' not in as_alice.get(f"/p/TIDE/?edit={key}").content.decode()


def test_a_clip_without_sound_can_be_asked_for_where_the_model_has_that(as_alice: Client, funded: User, tide: Project, xai: Connection):
    grok = Connection.objects.create(provider="grokimagine", label="Grok", sandbox=True)
    assert 'name="silent"' in as_alice.get("/p/TIDE/options/", {**BRIEF, "connection": str(xai.pk)}).content.decode()
    assert 'name="silent"' not in as_alice.get("/p/TIDE/options/", {**BRIEF, "connection": str(grok.pk)}).content.decode()
    kept = as_alice.get("/p/TIDE/options/", {**BRIEF, "connection": str(grok.pk), "silent": "1"}).content.decode()
    assert 'id="sound-said"' in kept
    assert 'name="silent"' in kept
    as_alice.post("/p/TIDE/jobs/", form(xai, silent="1"), headers=HTMX)
    assert Job.objects.get().sound is False
    as_alice.post("/p/TIDE/jobs/", form(xai), headers=HTMX)
    assert Job.objects.get(number=2).sound is None
