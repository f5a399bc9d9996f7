"""Ordering as a browser meets it: the form and its refusals, the composer, reference images, cancelling."""

import io
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from PIL import Image

from studio.accounts.models import User
from studio.credits import ledger
from studio.credits.models import Account, Hold
from studio.jobs.lifecycle import State
from studio.jobs.models import Cause, Job, JobReference, Reference
from studio.projects.models import Project
from studio.routing.models import Connection
from tests.conftest import signed_in
from tests.jobs.rows import BRIEF, HTMX, form, job_row


def png(width: int = 8, height: int = 8) -> SimpleUploadedFile:
    file = io.BytesIO()
    Image.new("RGB", (width, height), (20, 90, 160)).save(file, "PNG")
    return SimpleUploadedFile("still.png", file.getvalue(), "image/png")


# Ordering


def test_an_order_puts_its_card_on_the_board_and_holds_its_estimate(as_alice: Client, funded: User, tide: Project, xai: Connection):
    key = str(uuid4())
    answer = as_alice.post("/p/TIDE/jobs/", form(xai, order_key=key), headers=HTMX)
    text = answer.content.decode()
    assert answer.status_code == 200
    assert 'id="clip-TIDE-001" data-state="queued"' in text
    assert '<hx-partial hx-target="#board" hx-swap="afterbegin">' in text
    assert "A bottle on wet sand</textarea>" in text
    assert key not in text
    assert "56 held" in text
    assert Account.objects.get(user=funded).held == 56_000


def test_two_presses_of_one_button_order_once(as_alice: Client, funded: User, tide: Project, xai: Connection):
    sent = form(xai)
    for _ in range(2):
        assert as_alice.post("/p/TIDE/jobs/", sent, headers=HTMX).status_code == 200
    assert Job.objects.count() == Hold.objects.count() == 1


def test_a_form_that_was_used_orders_no_other_brief_and_says_so(as_alice: Client, funded: User, tide: Project, xai: Connection):
    sent = form(xai)
    as_alice.post("/p/TIDE/jobs/", sent, headers=HTMX)
    answer = as_alice.post("/p/TIDE/jobs/", {**sent, "prompt": "Another shot"}, headers=HTMX)
    text = answer.content.decode()
    assert answer.status_code == 422
    assert "This form had ordered TIDE-001 already." in text
    assert str(sent["order_key"]) not in text
    assert "Another shot</textarea>" in text


def test_without_scripts_an_order_leads_back_to_its_card(as_alice: Client, funded: User, tide: Project, xai: Connection):
    answer = as_alice.post("/p/TIDE/jobs/", form(xai))
    assert (answer.status_code, answer["Location"]) == (302, "/p/TIDE/#clip-TIDE-001")


def test_without_scripts_a_picture_travels_with_the_order(as_alice: Client, funded: User, tide: Project, xai: Connection):
    as_alice.post("/p/TIDE/jobs/", form(xai, upload=png(), address="https://elsewhere.example/a.png"))
    places = JobReference.objects.select_related("reference")
    assert [(bool(place.reference.file), place.reference.url) for place in places] == [(True, ""), (False, "https://elsewhere.example/a.png")]


def test_a_picture_that_is_none_stands_beside_the_references(as_alice: Client, funded: User, tide: Project, xai: Connection):
    answer = as_alice.post("/p/TIDE/jobs/", form(xai, upload=SimpleUploadedFile("still.png", b"GIF89a....", "image/png")), headers=HTMX)
    assert answer.status_code == 422
    assert 'id="references-said"' in answer.content.decode()
    assert Job.objects.count() == 0


@pytest.mark.parametrize(
    ("fields", "place", "part"),
    [
        ({"prompt": " \n "}, "prompt", "Describe the shot first."),
        ({"prompt": "x" * 4_097}, "prompt", "at most 4,096 characters; this has 4,097"),
        ({"duration": "30"}, "duration", "1 to 15 s, not 30 s"),
        ({"resolution": "1080p"}, "resolution", "480p and 720p, not 1080p"),
        ({"connection": "4711"}, "connection", "takes no orders any more"),
    ],
)
def test_what_is_wrong_stands_beside_its_cause_and_what_was_typed_stays(as_alice, funded, tide, xai, fields, place, part):
    typed = form(xai, **{"prompt": "My long work", **fields})
    answer = as_alice.post("/p/TIDE/jobs/", typed, headers=HTMX)
    text = answer.content.decode()
    assert answer.status_code == 422
    assert f'id="{place}-said"' in text
    assert part in text
    assert f"{typed['prompt']}</textarea>" in text
    assert str(typed["order_key"]) in text
    assert "<html" not in text
    assert Job.objects.count() == Hold.objects.count() == 0


def test_without_scripts_a_refusal_is_the_whole_page_with_what_was_typed(as_alice: Client, funded: User, tide: Project, xai: Connection):
    answer = as_alice.post("/p/TIDE/jobs/", form(xai, prompt="My long work", duration="30"))
    text = answer.content.decode()
    assert answer.status_code == 422
    assert "My long work</textarea>" in text
    assert "<html" in text
    assert 'id="duration-said"' in text


def test_too_few_credits_are_told_beside_the_button_and_nothing_is_written(as_alice: Client, alice: User, tide: Project, xai: Connection):
    ledger.grant(alice, 6_000, key="k", reason="r", actor=None)
    answer = as_alice.post("/p/TIDE/jobs/", form(xai), headers=HTMX)
    assert answer.status_code == 422
    assert "You have 6 credits; this needs 56. 50 are missing." in answer.content.decode()
    assert Job.objects.count() == Hold.objects.count() == 0


def test_what_only_the_order_itself_finds_out_stands_beside_its_field_too(as_alice, funded, tide, xai, settings):
    Connection.objects.update(sandbox=False)
    gone = Reference.objects.create(project=tide, owner=funded, file="references/gone.png", content_type="image/png")
    acedata = Connection.objects.create(provider="acedata", label="AceData")
    sent = form(acedata, references=[str(gone.pk)])
    answer = as_alice.post("/p/TIDE/jobs/", sent, headers=HTMX)
    assert answer.status_code == 422
    assert 'id="references-said"' in answer.content.decode()


def test_an_order_costs_a_fixed_number_of_queries(as_alice, funded, tide, xai, django_assert_max_num_queries):
    as_alice.post("/p/TIDE/jobs/", form(xai), headers=HTMX)
    with django_assert_max_num_queries(60) as few:
        as_alice.post("/p/TIDE/jobs/", form(xai), headers=HTMX)
    for number in range(60):
        job_row(tide, funded, xai, tuple(State)[number % 8])
    with django_assert_max_num_queries(60) as many:
        as_alice.post("/p/TIDE/jobs/", form(xai), headers=HTMX)
    assert len(few) == len(many)


# The composer


def test_a_changed_choice_reprices_and_switches_nothing(as_alice: Client, funded: User, tide: Project, xai: Connection):
    grok = Connection.objects.create(provider="grokimagine", label="GrokImagine")
    text = as_alice.get("/p/TIDE/options/", {**BRIEF, "connection": str(xai.pk), "duration": "10"}).content.decode()
    assert "70 credits" in text
    assert f'value="{xai.pk}" checked' in text
    text = as_alice.get("/p/TIDE/options/", {**BRIEF, "connection": str(grok.pk), "duration": "10"}).content.decode()
    assert "40 credits" in text
    assert 'type="hidden" name="duration"' in text
    text = as_alice.get("/p/TIDE/options/", {**BRIEF, "connection": str(xai.pk), "duration": "20"}).content.decode()
    assert "20 s (not offered)" in text
    assert "Grok Imagine makes 1 to 15 s, not 20 s." in text
    assert f'value="{xai.pk}" checked' in text


def test_an_earlier_brief_fills_the_composer(as_alice: Client, alice: User, tide: Project, xai: Connection):
    job = job_row(tide, alice, xai, State.FAILED, cause=Cause.MODERATED, prompt="Hands near skin")
    address = Reference.objects.create(project=tide, owner=alice, url="https://elsewhere.example/a.png")
    JobReference.objects.create(job=job, reference=address, position=0)
    for page in ("/p/TIDE/composer/?again=1", "/p/TIDE/?again=1"):
        text = as_alice.get(page).content.decode()
        assert "Hands near skin</textarea>" in text
        assert str(address.pk) in text
    assert "</textarea>" in as_alice.get("/p/TIDE/composer/?again=99").content.decode()


def test_without_a_connection_people_are_told_whom_to_ask(as_alice: Client, ada: User, tide: Project):
    assert "Ask an admin to set one up." in as_alice.get("/p/TIDE/").content.decode()
    assert "Set one up</a>" in signed_in(ada).get("/p/TIDE/").content.decode()


def test_a_picture_is_taken_in_and_comes_back_as_a_thumbnail(as_alice: Client, alice: User, tide: Project):
    text = as_alice.post("/p/TIDE/references/", {"file": png()}).content.decode()
    taken = Reference.objects.get()
    assert f'name="references" value="{taken.pk}"' in text
    assert taken.owner == alice
    text = as_alice.post("/p/TIDE/references/", {"address": "https://elsewhere.example/a.png"}).content.decode()
    assert "https://elsewhere.example/a.png" in text


def test_what_is_no_picture_is_refused_in_a_sentence(as_alice: Client, tide: Project):
    for sent in ({"file": SimpleUploadedFile("a.png", b"%PDF-1.7", "image/png")}, {"address": "ftp://x"}, {}):
        answer = as_alice.post("/p/TIDE/references/", sent)
        assert answer.status_code == 422
        assert 'id="reference-refused"' in answer.content.decode()
    assert Reference.objects.count() == 0


# Cancelling


def ordered(as_alice: Client, xai: Connection) -> Job:
    as_alice.post("/p/TIDE/jobs/", form(xai), headers=HTMX)
    return Job.objects.latest("number")


def test_a_queued_job_is_cancelled_and_its_credits_come_back(as_alice: Client, funded: User, tide: Project, xai: Connection):
    job = ordered(as_alice, xai)
    answer = as_alice.post("/p/TIDE/jobs/act/", {"n": job.number, "do": "cancel"}, headers=HTMX)
    assert 'data-state="cancelled"' in answer.content.decode()
    assert "56 credits came back" in answer["HX-Trigger"]
    assert Account.objects.get(user=funded).held == 0


def test_a_job_that_was_sent_cannot_be_taken_back_and_says_so(as_alice: Client, funded: User, tide: Project, xai: Connection):
    job = ordered(as_alice, xai)
    Job.objects.update(state=State.SENDING, lease_until=timezone.now())
    answer = as_alice.post("/p/TIDE/jobs/act/", {"n": job.number, "do": "cancel"}, headers=HTMX)
    assert "was sent already and cannot be taken back. 56 credits stay held" in answer["HX-Trigger"]
    assert Account.objects.get(user=funded).held == 56_000


def test_without_scripts_cancelling_leads_back_to_the_job(as_alice: Client, funded: User, tide: Project, xai: Connection):
    job = ordered(as_alice, xai)
    answer = as_alice.post("/p/TIDE/jobs/act/", {"n": job.number, "do": "cancel"}, follow=True)
    assert "is cancelled" in answer.content.decode()


def test_a_team_mates_job_is_theirs_to_cancel(as_alice: Client, alice: User, bob: User, tide: Project, xai: Connection):
    job_row(tide, bob, xai, State.QUEUED)
    assert as_alice.post("/p/TIDE/jobs/act/", {"n": 1, "do": "cancel"}).status_code == 403
