"""What became of the library's prompts."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from studio.accounts.models import User
from studio.gallery.models import ProjectDecision, Verdict
from studio.gallery.results import results_of, uses_of
from studio.jobs.lifecycle import State
from studio.jobs.models import Cause
from studio.projects.models import Project
from studio.prompts import actions
from studio.prompts.contents import Content
from studio.prompts.models import Prompt, PromptVersion
from studio.routing.models import Connection
from tests.conftest import signed_in
from tests.jobs.rows import job_row


@pytest.fixture
def version(alice: User) -> PromptVersion:
    prompt = actions.start(Content(text="A {{subject}}"), name="Shot", by=alice, scope="team")
    return prompt.versions.get()


def test_clips_failures_and_money_are_counted_for_the_versions_own_words(version: PromptVersion, alice: User, tide: Project, xai: Connection):
    for charged in (40_000, 60_000, 50_000):
        job_row(tide, alice, xai, prompt_version=version, charged=charged, clips=2)
    job_row(tide, alice, xai, State.FAILED, prompt_version=version, cause=Cause.MODERATED)
    job_row(tide, alice, xai, State.FAILED, prompt_version=version, cause=Cause.PROVIDER_FAILED)
    job_row(tide, alice, xai, State.QUEUED, prompt_version=version)
    job_row(tide, alice, xai, prompt_version=version, prompt_changed=True, charged=999_000)
    job_row(tide, alice, xai)

    told = results_of(version, alice)

    assert (told.ordered, told.made, told.failed, told.refused, told.changed) == (6, 6, 2, 1, 1)
    assert (told.spent, told.typical, len(told.clips)) == (150_000, 50_000, 6)


def test_what_was_picked_is_kept_as_a_share_of_what_was_decided(version: PromptVersion, alice: User, bob: User, tide: Project, xai: Connection):
    clips = [clip for _ in range(4) for clip in job_row(tide, alice, xai, prompt_version=version).clips.all()]
    for clip, verdict in zip(clips, (Verdict.PICK, Verdict.REJECT, Verdict.PICK), strict=False):
        ProjectDecision.objects.create(clip=clip, project=tide, verdict=verdict, person=bob)
    told = results_of(version, alice)
    assert (told.made, told.decided, told.kept) == (4, 3, 2)
    assert "67 %" in signed_in(alice).get(f"/prompts/{version.prompt.pk}/").content.decode()


def test_a_version_without_jobs_has_no_typical_cost(version: PromptVersion, alice: User):
    told = results_of(version, alice)
    assert (told.made, told.spent, told.typical, told.clips) == (0, 0, None, [])


def test_nobody_sees_figures_or_pictures_of_a_foreign_project(
    version: PromptVersion, alice: User, mallory: User, tide: Project, koi: Project, xai: Connection
):
    job_row(tide, alice, xai, prompt_version=version)
    job_row(koi, mallory, xai, prompt_version=version)
    assert {clip.project for clip in results_of(version, alice).clips} == {tide}
    assert results_of(version, mallory).made == 1
    assert [clip.project for clip in uses_of([version.prompt], mallory)[version.prompt.pk].clips] == [koi]
    page = signed_in(mallory).get(f"/prompts/{version.prompt.pk}/").content.decode()
    assert "KOI" in page
    assert "TIDE" not in page


def test_a_list_shows_uses_and_the_three_newest_clips_of_each(version: PromptVersion, alice: User, tide: Project, xai: Connection):
    other = actions.start(Content(text="B"), name="Other", by=alice, scope="team")
    second = actions.revise(version.prompt, Content(text="A2"), base=1, note="", by=alice)
    made = [job_row(tide, alice, xai, prompt_version=one) for one in (version, version, second, second)]
    uses = uses_of([version.prompt, other], alice)
    assert (uses[version.prompt.pk].times, uses[other.pk].times) == (4, 0)
    assert [clip.job for clip in uses[version.prompt.pk].clips] == made[:0:-1]
    assert uses_of([], alice) == {}


def test_dozens_of_jobs_cost_no_more_queries_than_one(version: PromptVersion, alice: User, tide: Project, xai: Connection):
    browser = signed_in(alice)
    job_row(tide, alice, xai, prompt_version=version)
    browser.get("/prompts/")
    with CaptureQueriesContext(connection) as few:
        browser.get("/prompts/")
    for number in range(12):
        prompt = actions.start(Content(text=f"P {number}"), name=f"P {number}", by=alice, scope="team", tags=["a"])
        for _ in range(3):
            job_row(tide, alice, xai, prompt_version=prompt.versions.get())
    with CaptureQueriesContext(connection) as lots:
        page: Any = browser.get("/prompts/").content.decode()
    assert len(lots) == len(few)
    assert page.count("3 uses") == 12
    assert Prompt.objects.count() == 13
