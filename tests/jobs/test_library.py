"""The prompt library in the Studio: a text put into the composer, its variables filled on order, and briefs kept there."""

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from studio.accounts.models import User
from studio.credits import ledger
from studio.jobs.models import Job
from studio.projects.models import Project
from studio.prompts import actions
from studio.prompts.contents import Content
from studio.prompts.models import Prompt
from studio.routing.models import Connection
from tests.conftest import signed_in
from tests.jobs.rows import HTMX, form, job_row

CONTENT = Content(
    text="Slow dolly toward {{subject}} on {{surface}}, {{light}} behind it.",
    defaults={"subject": "a glass bottle"},
    choices={"light": ["dusk", "noon"]},
    aspect_ratio="9:16",
    duration=5,
    resolution="480p",
).tidied()
VALUES = {"value:surface": "wet sand", "value:light": "dusk"}


@pytest.fixture
def dolly(alice: User) -> Prompt:
    return actions.start(CONTENT, name="Product dolly", by=alice, scope="team")


@pytest.fixture
def maker(alice: User, tide: Project, xai: Connection) -> Client:
    """Alice's browser; she has credits."""
    ledger.grant(alice, 1_000_000, key="fixture", reason="for the test", actor=None)
    return signed_in(alice)


def ordered(browser: Client, xai: Connection, dolly: Prompt, **fields: object) -> Any:
    version = actions.newest_of(dolly)
    return browser.post("/p/TIDE/jobs/", form(xai, **{"prompt": version.text, "prompt_version": version.pk, **VALUES, **fields}), headers=HTMX)


def test_use_fills_the_composer_with_text_brief_and_fields(maker: Client, dolly: Prompt):
    page = maker.get(f"/p/TIDE/?prompt={dolly.pk}").content.decode()
    assert "Slow dolly toward {{subject}} on {{surface}}" in page
    assert 'name="value:subject" value="a glass bottle"' in page
    assert 'name="value:surface" value=""' in page
    assert '<option value="">choose</option>' in page
    assert "<option>noon</option>" in page
    for chosen in ("9:16", "5", "480p"):
        assert f'<option value="{chosen}" selected>' in page, chosen
    assert f'name="prompt_version" value="{dolly.versions.get().pk}"' in page


def test_production_is_what_is_used_and_any_version_can_be_named(maker: Client, dolly: Prompt, alice: User):
    actions.revise(dolly, Content(text="The second"), base=1, note="", by=alice)
    assert "The second" in maker.get(f"/p/TIDE/?prompt={dolly.pk}").content.decode()
    actions.move_label(dolly.versions.get(number=1), "production", by=alice)
    assert "The second" not in maker.get(f"/p/TIDE/?prompt={dolly.pk}").content.decode()
    assert "The second" in maker.get(f"/p/TIDE/?prompt={dolly.pk}&version=2").content.decode()


def test_the_order_is_filled_and_the_job_keeps_its_version(maker: Client, dolly: Prompt, xai: Connection):
    assert ordered(maker, xai, dolly).status_code == 200
    job = Job.objects.get()
    assert job.prompt == "Slow dolly toward a glass bottle on wet sand, dusk behind it."
    assert job.prompt_version == dolly.versions.get()
    assert not job.prompt_changed
    assert "Product dolly, v1" in maker.get("/p/TIDE/jobs/1/").content.decode()


def test_a_variable_without_a_value_is_named_and_nothing_is_lost(maker: Client, dolly: Prompt, xai: Connection):
    key = uuid4()
    answer = ordered(maker, xai, dolly, **{"value:surface": " ", "value:light": "a light of my own", "order_key": str(key)})
    told = answer.content.decode()
    assert answer.status_code == 422
    assert Job.objects.count() == 0
    for said in (
        "Give “surface” a value.",
        "Slow dolly toward {{subject}}",
        "a light of my own</option>",
        str(key),
        'aria-invalid="true"',
        "Product dolly",
    ):
        assert said in told, said
    ordered(maker, xai, dolly, order_key=str(key))
    assert Job.objects.count() == 1


def test_a_value_with_variables_of_its_own_is_refused(maker: Client, dolly: Prompt, xai: Connection):
    answer = ordered(maker, xai, dolly, **{"value:surface": "{{light}}"})
    assert answer.status_code == 422
    assert "Values cannot have variables of their own." in answer.content.decode()


@pytest.mark.parametrize("value", ["{0.__class__}", "%(x)s", "{% now 'Y' %}", "$x", "\\1", "سماء\u200c", "👩‍🚀", "<b>"])
def test_values_go_out_letter_by_letter(value: str, maker: Client, dolly: Prompt, xai: Connection):
    ordered(maker, xai, dolly, **{"value:surface": value})
    assert Job.objects.get().prompt == f"Slow dolly toward a glass bottle on {value}, dusk behind it."


def test_changed_words_are_marked_on_the_job(maker: Client, dolly: Prompt, xai: Connection):
    ordered(maker, xai, dolly, prompt="Fast dolly toward {{subject}}")
    job = Job.objects.get()
    assert (job.prompt, job.prompt_changed) == ("Fast dolly toward a glass bottle", True)
    assert job.prompt_version == dolly.versions.get()


def test_variables_work_without_the_library_and_plain_braces_are_text(maker: Client, xai: Connection, tide: Project):
    plain = form(xai, prompt="A {single} brace, {{who}} and {{", **{"value:who": "somebody"})
    assert maker.post("/p/TIDE/jobs/", plain, headers=HTMX).status_code == 200
    job = Job.objects.get()
    assert (job.prompt, job.prompt_version) == ("A {single} brace, somebody and {{", None)


def test_a_prompt_that_is_too_long_only_when_filled_says_so(maker: Client, xai: Connection, tide: Project):
    answer = maker.post("/p/TIDE/jobs/", form(xai, prompt="{{a}} " * 12, **{"value:a": "x" * 999}), headers=HTMX)
    assert answer.status_code == 422
    assert "With its variables filled in, the prompt has 11,999 characters; it can have 10,000." in answer.content.decode()
    many = maker.post("/p/TIDE/jobs/", form(xai, prompt=" ".join(f"{{{{v{n}}}}}" for n in range(21))), headers=HTMX)
    assert "This prompt has 21 variables; it can have 20." in many.content.decode()


def test_nobody_orders_with_or_sees_a_version_of_a_prompt_that_is_not_theirs(
    maker: Client, mallory: User, xai: Connection, tide: Project, alice: User
):
    secret = actions.start(Content(text="Mallory's secret {{a}}"), name="Secret", by=mallory)
    version = secret.versions.get()
    assert "secret" not in maker.get(f"/p/TIDE/?prompt={secret.pk}").content.decode().lower()
    maker.post("/p/TIDE/jobs/", form(xai, prompt_version=version.pk), headers=HTMX)
    assert Job.objects.get().prompt_version is None
    Job.objects.update(prompt_version=version)
    assert "Secret" not in maker.get("/p/TIDE/jobs/1/").content.decode()
    assert "Secret" not in maker.get("/p/TIDE/library/").content.decode()


@pytest.mark.parametrize("key", ["x", "-1", "9" * 18, "9" * 40, "1.5", "²"])
def test_an_odd_version_in_the_form_or_address_is_nobodys(key: str, maker: Client, xai: Connection, tide: Project):
    assert maker.get("/p/TIDE/", {"prompt": key, "version": key}).status_code == 200
    maker.post("/p/TIDE/jobs/", form(xai, prompt_version=key), headers=HTMX)
    assert Job.objects.get().prompt_version is None


def test_fields_follow_the_prompt_that_is_written(maker: Client, dolly: Prompt):
    version = dolly.versions.get()
    typed = {"prompt": "{{subject}} {{mood}}", "prompt_version": version.pk, "value:mood": "calm"}
    page = maker.post("/p/TIDE/values/", typed, headers=HTMX).content.decode()
    assert 'name="value:subject" value="a glass bottle"' in page
    assert 'name="value:mood" value="calm"' in page
    assert "value:light" not in page
    assert "<input" not in maker.post("/p/TIDE/values/", {"prompt": "none"}, headers=HTMX).content.decode()


def test_the_picker_finds_and_puts_in_without_touching_the_rest(maker: Client, dolly: Prompt, xai: Connection, alice: User):
    assert "Product dolly" in maker.get("/p/TIDE/library/", headers=HTMX).content.decode()
    assert "Product dolly" in maker.get("/p/TIDE/library/?q=DOLLY", headers=HTMX).content.decode()
    assert "No prompt fits “&lt;gull&gt;”." in maker.get("/p/TIDE/library/?q=<gull>", headers=HTMX).content.decode()
    asked: dict[str, str | int] = {
        "prompt": dolly.pk,
        "connection": xai.pk,
        "model": "grok-imagine-video",
        "aspect_ratio": "1:1",
        "silent": "",
        "policy": "cheapest",
    }
    page = maker.get("/p/TIDE/composer/", asked, headers=HTMX).content.decode()
    assert "Slow dolly toward" in page
    assert '<option value="cheapest" selected>' in page
    assert '<option value="9:16" selected>' in page, "the prompt's own brief wins"


def test_the_picker_costs_the_same_for_one_prompt_and_for_twenty(maker: Client, dolly: Prompt, alice: User, django_assert_num_queries: Any):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as one:
        maker.get("/p/TIDE/library/", headers=HTMX)
    for number in range(25):
        actions.start(Content(text=f"Prompt {number}"), name=f"Prompt {number}", by=alice, scope="team", tags=["a", "b"])
    with django_assert_num_queries(len(one)):
        page = maker.get("/p/TIDE/library/", headers=HTMX).content.decode()
    assert page.count('class="pick"') == 20
    assert "There are more." in page


def test_what_stands_in_the_composer_is_kept_with_a_name(maker: Client, tide: Project):
    asked = maker.post(
        "/p/TIDE/library/keep/", {"prompt": "A lighthouse, fog {{time}}.", "aspect_ratio": "1:1", "duration": "6", "resolution": "720p"}, headers=HTMX
    )
    told = asked.content.decode()
    assert 'value="A lighthouse"' in told
    assert "A lighthouse, fog {{time}}." in told
    assert Prompt.objects.count() == 0

    wrong = maker.post("/p/TIDE/library/keep/", {"name": "", "text": "A lighthouse {{", "where": "TIDE"}, headers=HTMX)
    assert wrong.status_code == 422
    assert "A lighthouse {{" in wrong.content.decode()

    kept = maker.post(
        "/p/TIDE/library/keep/",
        {"name": "Lighthouse", "text": "A lighthouse, fog {{time}}.", "where": "TIDE", "tags": "sea", "aspect_ratio": "1:1", "duration": "6"},
        headers=HTMX,
    )
    assert kept.status_code == 204
    assert "Lighthouse is in the library." in kept.headers["HX-Trigger"]
    prompt = Prompt.objects.get()
    assert (prompt.project, prompt.versions.get().aspect_ratio, prompt.versions.get().duration) == (tide, "1:1", 6)


def test_a_cards_prompt_is_kept_with_its_brief(maker: Client, alice: User, tide: Project, xai: Connection):
    job = job_row(tide, alice, xai, prompt="A gull. Over the sea.", duration=7)
    assert f"/p/TIDE/library/keep/?job={job.number}" in maker.get(f"/p/TIDE/jobs/{job.number}/menu/").content.decode()
    page = maker.get(f"/p/TIDE/library/keep/?job={job.number}").content.decode()
    assert 'value="A gull"' in page
    assert "A gull. Over the sea." in page
    assert 'value="7"' in page
    maker.post("/p/TIDE/library/keep/", {"name": "Gull", "text": "A gull.", "where": "private"})
    assert Prompt.objects.get().scope == "private"
    for number in ("99", "x", "9" * 30, ""):
        assert maker.get(f"/p/TIDE/library/keep/?job={number}").status_code == 404


def test_a_viewer_gets_no_library_in_the_studio(carol: User, tide: Project, xai: Connection):
    browser = signed_in(carol)
    assert 'id="library"' not in browser.get("/p/TIDE/").content.decode()
    for answer in (browser.get("/p/TIDE/library/"), browser.get("/p/TIDE/library/keep/"), browser.post("/p/TIDE/values/")):
        assert answer.status_code == 403
