"""What nobody sees leaves prompts, values, sheets, file names and providers' words, on every way in; what scripts and emoji need stays."""

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from studio.accounts.models import User
from studio.credits import ledger
from studio.gallery.serving import disposition
from studio.jobs.batch_models import Batch
from studio.jobs.drafts import prompt_of
from studio.jobs.models import Draft, Job
from studio.projects.models import Project
from studio.prompts import actions
from studio.prompts.contents import Content
from studio.prompts.models import Prompt, PromptImport, PromptVersion
from studio.providers import reading
from studio.routing.models import Connection
from tests.conftest import signed_in
from tests.jobs.rows import HTMX, form

EVIL = "a\x1b[31m\x07 b\u202e\u200b\n\tc"
CLEAN = "a[31m b\n\tc"
ON_ONE_LINE = "a[31m b c"
GOOD = "می\u200cخواهم 👩\u200d🚀 ❤\ufe0f क्\u200dष شهر\u200c\n\tشب"


@pytest.fixture
def maker(alice: User, tide: Project, xai: Connection) -> Client:
    """Alice's browser; she has credits."""
    ledger.grant(alice, 1_000_000, key="fixture", reason="for the test", actor=None)
    return signed_in(alice)


def order(browser: Client, xai: Connection, **fields: object) -> Job:
    assert browser.post("/p/TIDE/jobs/", form(xai, **fields), headers=HTMX).status_code == 200
    return Job.objects.latest("pk")


@pytest.mark.parametrize(("typed", "kept"), [(EVIL, CLEAN), (GOOD, GOOD)])
def test_a_prompt_and_its_draft(maker: Client, xai: Connection, typed: str, kept: str):
    maker.post("/p/TIDE/draft/", {**form(xai, prompt=typed), "draft_version": "0"})

    assert prompt_of(Draft.objects.get()) == kept
    assert order(maker, xai, prompt=typed).prompt == kept


@pytest.mark.parametrize(("typed", "kept"), [(EVIL, CLEAN), (GOOD, GOOD)])
def test_the_value_of_a_variable(maker: Client, xai: Connection, typed: str, kept: str):
    assert order(maker, xai, **{"prompt": "On {{a}}.", "value:a": typed}).prompt == f"On {kept}."


def test_a_joiner_before_a_variable_stays(maker: Client, xai: Connection):
    assert order(maker, xai, **{"prompt": "می\u200c{{فعل}}", "value:فعل": "خواهم"}).prompt == "می\u200cخواهم"


def test_a_version_in_the_library(maker: Client, alice: User):
    fields = {"text": f"{EVIL} {{{{x}}}}", "default:x": EVIL, "name": EVIL, "tags": f"{EVIL}, ok", "where": "private"}
    maker.post("/prompts/new/", fields)
    made = Prompt.objects.get()
    version = PromptVersion.objects.get()

    assert (version.text, version.defaults) == (f"{CLEAN} {{{{x}}}}", {"x": CLEAN})
    assert made.name == ON_ONE_LINE
    assert sorted(made.tags.values_list("name", flat=True)) == [ON_ONE_LINE, "ok"]
    maker.post(f"/prompts/{made.pk}/versions/1/label/", {"label": EVIL})
    assert ON_ONE_LINE in version.labels.values_list("name", flat=True)


@pytest.mark.parametrize("name", ["prompts.json", "prompts.csv"])
def test_a_file_of_prompts(maker: Client, name: str):
    row = {"text": f"{EVIL} {GOOD}", "name": EVIL, "tags": EVIL, "labels": EVIL, "note": EVIL}
    content = json.dumps([row]) if name.endswith("json") else ",".join(row) + "\n" + ",".join(f'"{cell}"' for cell in row.values()) + "\n"
    page = maker.post("/prompts/import/", {"file": SimpleUploadedFile(f"x\u202e{name}", content.encode())})
    waiting = PromptImport.objects.get()
    maker.post(f"/prompts/import/{page.context['waiting'].pk}/")
    made = Prompt.objects.get()
    version = PromptVersion.objects.get()

    assert waiting.name == f"x{name}"
    assert (version.text, version.note, made.name) == (f"{CLEAN} {GOOD}", ON_ONE_LINE, ON_ONE_LINE)
    assert list(made.tags.values_list("name", flat=True)) == list(version.labels.values_list("name", flat=True)) == [ON_ONE_LINE]


def test_a_sheet_of_a_batch(maker: Client, xai: Connection):
    sent: dict[str, Any] = {
        "sheet": "1",
        "prompt": "",
        "file": SimpleUploadedFile("s\u202ehots.csv", f'prompt,no\x1bte\n"{EVIL} {GOOD}",{GOOD!r}\n'.encode()),
    }
    answer = maker.post("/p/TIDE/batches/sheet/", {**form(xai), **sent})
    batch = Batch.objects.get()

    assert answer.status_code == 302
    assert batch.name == "shots.csv"
    assert batch.rows.get().prompt == f"{CLEAN} {GOOD}"
    kept = json.dumps([batch.sheet, list(batch.rows.values("prompt"))], ensure_ascii=False, default=str)
    assert not [bad for bad in ("\\u001b", "\\u0007", "\u202e", "\u200b") if bad in kept]


def test_what_was_stored_before_stays_and_an_order_of_it_still_counts_as_that_version(maker: Client, alice: User, xai: Connection):
    prompt = actions.start(Content(text="old\x1b\u202etext"), name="Old", by=alice, scope="team")  # as rows were made before
    version = actions.newest_of(prompt)

    job = order(maker, xai, prompt=version.text, prompt_version=version.pk)

    version.refresh_from_db()
    assert version.text == "old\x1b\u202etext"
    assert (job.prompt, job.prompt_version_id) == ("oldtext", version.pk)


def test_the_words_of_a_provider():
    assert reading.text(f"{EVIL} {GOOD}") == f"{CLEAN} {GOOD}"


@pytest.mark.parametrize("name", [EVIL, "clip\u202egpm.exe", "\u2066x\u2069\r\nSet-Cookie: a=b"])
def test_the_name_under_which_a_file_is_saved(name: str):
    header = disposition(name)

    assert header.isprintable()
    assert not [bad for bad in ("%1B", "%07", "%E2%80%AE", "%E2%81%A6", "%0A", "%0D", "%09") if bad in header]
